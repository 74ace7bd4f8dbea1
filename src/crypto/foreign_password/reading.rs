//! Reads the hashes of an import file, and refuses what cannot be verified later or would cost too
//! much.

use std::str::FromStr;

use argon2::{Params, password_hash::phc::PasswordHash};
use serde::Deserialize;

use super::{
    ForeignPassword, MAX_BCRYPT_COST, MAX_LANES, MAX_MEMORY, MAX_MEMORY_WORK, MAX_PBKDF2_WORK,
    Refused, Salt, Scheme,
    digests::Digest,
    encoding::{self, PasswordEncoding, TextEncoding},
    refuse,
};

/// `custom_password_hash`.
#[derive(Deserialize)]
struct Custom {
    algorithm: String,
    hash: CustomHash,
    salt: Option<CustomSalt>,
    #[serde(default)]
    password: CustomPassword,
    keylen: Option<u64>,
    cost: Option<u64>,
    #[serde(rename = "blockSize")]
    block_size: Option<u32>,
    parallelization: Option<u32>,
}

#[derive(Deserialize)]
struct CustomHash {
    value: String,
    encoding: Option<TextEncoding>,
    digest: Option<String>,
    key: Option<CustomKey>,
}

#[derive(Deserialize)]
struct CustomKey {
    value: String,
    encoding: Option<TextEncoding>,
}

#[derive(Deserialize)]
struct CustomSalt {
    value: String,
    encoding: Option<TextEncoding>,
    position: Option<Position>,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Position {
    Prefix,
    Suffix,
}

#[derive(Deserialize, Default)]
struct CustomPassword {
    #[serde(default)]
    encoding: PasswordEncoding,
}

impl CustomHash {
    /// Hashes that are text.
    fn text(&self) -> Result<&str, Refused> {
        match self.encoding {
            None | Some(TextEncoding::Utf8) => Ok(&self.value),
            Some(_) => refuse("hash.encoding", "The encoding must be utf8 for this algorithm"),
        }
    }
    /// Hashes that are bytes.
    fn bytes(&self) -> Result<Vec<u8>, Refused> {
        let encoding = match self.encoding {
            Some(encoding @ (TextEncoding::Base64 | TextEncoding::Hex)) => encoding,
            _ => {
                let what = "The encoding must be hex or base64 for this algorithm";
                return refuse("hash.encoding", what);
            }
        };
        decode(encoding, &self.value, "hash.value")
    }
    /// Hashes of a certain number of bytes.
    fn bytes_of(&self, digest: Digest) -> Result<Vec<u8>, Refused> {
        let bytes = self.bytes()?;
        check_length(&bytes, digest, "hash.value").map(|()| bytes)
    }
}

impl Custom {
    fn salt(&self) -> Result<Salt, Refused> {
        let Some(salt) = &self.salt else { return Ok(Salt::default()) };
        let encoding = salt.encoding.unwrap_or(TextEncoding::Utf8);
        let value = decode(encoding, &salt.value, "salt.value")?;
        Ok(Salt { value, is_suffix: salt.position == Some(Position::Suffix) })
    }
    fn no_salt(&self) -> Result<(), Refused> {
        match self.salt {
            Some(_) => refuse("salt", "A salt is not allowed for this algorithm"),
            None => Ok(()),
        }
    }
}

fn decode(encoding: TextEncoding, text: &str, path: &'static str) -> Result<Vec<u8>, Refused> {
    let bytes = encoding.decode(text);
    bytes.map_or_else(|| refuse(path, "The value does not fit its encoding"), Ok)
}

fn check_length(bytes: &[u8], digest: Digest, path: &'static str) -> Result<(), Refused> {
    match bytes.len() == digest.length() {
        true => Ok(()),
        false => refuse(path, format!("The value must have {} bytes", digest.length())),
    }
}

/// Reads a `custom_password_hash`.
pub(super) fn custom(described: &serde_json::Value) -> Result<ForeignPassword, Refused> {
    let Ok(custom) = Custom::deserialize(described) else {
        return refuse("", "The password hash is not described as it should be");
    };
    let scheme = match custom.algorithm.as_str() {
        "bcrypt" => bcrypt(custom.hash.text()?, custom.salt()?, "hash.value")?,
        "argon2" => custom.no_salt().and_then(|()| argon2(custom.hash.text()?))?,
        "ldap" => custom.no_salt().and_then(|()| ldap(custom.hash.text()?))?,
        "pbkdf2" => custom.no_salt().and_then(|()| pbkdf2(custom.hash.text()?))?,
        "hmac" => hmac(&custom)?,
        "scrypt" => scrypt(&custom)?,
        "md4" | "md5" | "sha1" | "sha256" | "sha512" => digest(&custom)?,
        other => return refuse("algorithm", format!("The algorithm {other} is not supported")),
    };
    Ok(ForeignPassword { scheme, password: custom.password.encoding })
}

pub(super) fn bcrypt(hash: &str, salt: Salt, path: &'static str) -> Result<Scheme, Refused> {
    if !["$2a$", "$2b$", "$2y$"].iter().any(|prefix| hash.starts_with(prefix)) {
        return refuse(path, "A bcrypt hash must begin with $2a$, $2b$ or $2y$");
    }
    let Ok(parts) = bcrypt::HashParts::from_str(hash) else {
        return refuse(path, "The value is not a bcrypt hash");
    };
    if !(4..=MAX_BCRYPT_COST).contains(&parts.get_cost()) {
        return refuse(path, format!("The cost must be between 4 and {MAX_BCRYPT_COST}"));
    }
    Ok(Scheme::Bcrypt { hash: hash.to_owned(), salt })
}

fn argon2(hash: &str) -> Result<Scheme, Refused> {
    let path = "hash.value";
    let parsed = PasswordHash::new(hash).ok();
    let known = |phc: &PasswordHash| {
        let versions = phc.version.is_none_or(|v| argon2::Version::try_from(v).is_ok());
        argon2::Algorithm::try_from(phc.algorithm.as_str()).is_ok()
            && versions
            && phc.salt.is_some()
            && phc.hash.is_some()
    };
    let params = parsed.filter(known).and_then(|phc| Params::try_from(&phc).ok());
    let Some(params) = params else {
        return refuse(path, "The value is not an argon2 hash in PHC string format");
    };
    let memory = u64::from(params.m_cost());
    if memory > MAX_MEMORY
        || memory * u64::from(params.t_cost()) > MAX_MEMORY_WORK
        || params.p_cost() > MAX_LANES
    {
        return refuse(path, "The argon2 parameters are too high");
    }
    Ok(Scheme::Argon2 { hash: hash.to_owned() })
}

fn digest(custom: &Custom) -> Result<Scheme, Refused> {
    let Some(digest) = Digest::named(&custom.algorithm) else {
        return refuse("algorithm", "The algorithm is not supported");
    };
    Ok(Scheme::Digest { digest, hash: custom.hash.bytes_of(digest)?, salt: custom.salt()? })
}

fn hmac(custom: &Custom) -> Result<Scheme, Refused> {
    let Some(name) = &custom.hash.digest else {
        return refuse("hash.digest", "The digest is required for this algorithm");
    };
    let Some(digest) = Digest::named(name) else {
        return refuse("hash.digest", format!("The digest {name} is not supported"));
    };
    let Some(key) = &custom.hash.key else {
        return refuse("hash.key", "The key is required for this algorithm");
    };
    let encoding = key.encoding.unwrap_or(TextEncoding::Utf8);
    let key = decode(encoding, &key.value, "hash.key.value")?;
    Ok(Scheme::Hmac { digest, hash: custom.hash.bytes_of(digest)?, key, salt: custom.salt()? })
}

/// `{SCHEME}base64` (RFC 2307 §5.3): the digest, and after it the salt of an `S…` scheme.
fn ldap(hash: &str) -> Result<Scheme, Refused> {
    let path = "hash.value";
    let parts = hash.strip_prefix('{').and_then(|rest| rest.split_once('}'));
    let Some((name, text)) = parts else {
        return refuse(path, "The value must be a scheme in braces and base64");
    };
    let name = name.to_lowercase();
    // "sha" begins with the same letter.
    let salted = name.strip_prefix('s').and_then(Digest::named);
    let (digest, is_salted) = match (Digest::named(&name), salted) {
        (Some(digest), _) => (digest, false),
        (None, Some(digest)) => (digest, true),
        (None, None) => return refuse(path, format!("The scheme {name} is not supported")),
    };
    let mut bytes = decode(TextEncoding::Base64, text, path)?;
    if bytes.len() < digest.length() || (!is_salted && bytes.len() > digest.length()) {
        return refuse(path, format!("The digest must have {} bytes", digest.length()));
    }
    let value = bytes.split_off(digest.length());
    Ok(Scheme::Digest { digest, hash: bytes, salt: Salt { value, is_suffix: true } })
}

/// `$pbkdf2-<digest>$i=<iterations>,l=<length>$<salt>$<hash>`.
fn pbkdf2(hash: &str) -> Result<Scheme, Refused> {
    const DEFAULT_ITERATIONS: u64 = 100_000;
    let path = "hash.value";
    let broken = || refuse(path, "The value is not a PBKDF2 hash in PHC string format");
    let mut parts: Vec<_> = hash.split('$').collect();
    if parts.len() == 4 {
        parts.insert(2, "");
    }
    let ["", id, params, salt, output] = parts.as_slice() else { return broken() };
    let Some(name) = id.strip_prefix("pbkdf2-") else { return broken() };
    let lower = name.to_lowercase();
    let plain = lower.trim_start_matches("rsa-").trim_start_matches("ssl3-");
    let plain = plain.trim_end_matches("withrsaencryption").trim_end_matches("withrsa");
    let Some(digest) = Digest::named(plain) else {
        return refuse(path, format!("The digest {name} is not supported"));
    };
    let (mut iterations, mut length) = (DEFAULT_ITERATIONS, None);
    for param in params.split(',').filter(|param| !param.is_empty()) {
        match param.split_once('=').map(|(name, value)| (name, value.parse::<u64>())) {
            Some(("i", Ok(value))) => iterations = value,
            Some(("l", Ok(value))) => length = Some(value),
            _ => return broken(),
        }
    }
    let (Some(salt), Some(output)) = (encoding::base64(salt), encoding::base64(output)) else {
        return broken();
    };
    let size = output.len() as u64;
    if output.is_empty() || length.is_some_and(|length| length != size) {
        return refuse(path, "The length of the hash is not the one it names");
    }
    let blocks = output.len().div_ceil(digest.length()) as u64;
    let work = iterations.saturating_mul(blocks);
    match u32::try_from(iterations) {
        Ok(iterations) if iterations > 0 && work <= MAX_PBKDF2_WORK => {
            Ok(Scheme::Pbkdf2 { digest, hash: output, salt, iterations })
        }
        _ => refuse(path, format!("Iterations times blocks must not exceed {MAX_PBKDF2_WORK}")),
    }
}

fn scrypt(custom: &Custom) -> Result<Scheme, Refused> {
    let hash = custom.hash.bytes()?;
    match custom.keylen {
        None => return refuse("keylen", "The length is required for this algorithm"),
        Some(length) if length == 0 || length != hash.len() as u64 => {
            return refuse("keylen", "The length is not the one of the hash");
        }
        Some(_) => {}
    }
    let cost = custom.cost.unwrap_or(16_384);
    if cost < 2 || !cost.is_power_of_two() {
        return refuse("cost", "The cost must be a power of two greater than one");
    }
    let block_size = custom.block_size.unwrap_or(8);
    let parallelization = custom.parallelization.unwrap_or(1);
    // 128 bytes a block (RFC 7914 §2); the lanes have a table together and a block each.
    let memory = cost.saturating_mul(block_size.into()).div_ceil(8);
    let lanes = u64::from(block_size).saturating_mul(parallelization.into()).div_ceil(8);
    if memory.max(lanes) > MAX_MEMORY
        || memory.saturating_mul(parallelization.into()) > MAX_MEMORY_WORK
    {
        return refuse("cost", "The scrypt parameters are too high");
    }
    let log_cost = u8::try_from(cost.ilog2()).unwrap_or(u8::MAX);
    if scrypt::Params::new(log_cost, block_size, parallelization).is_err() || hash.len() > 1024 {
        return refuse("cost", "The scrypt parameters are not valid");
    }
    Ok(Scheme::Scrypt { hash, salt: custom.salt()?, log_cost, block_size, parallelization })
}
