//! Password hashes that another program made. They are checked as they were made until their
//! owner's next login, which is when an argon2id hash of the password takes their place.
//!
//! The parameters come from a file, so they are bounded: no hash makes a login take minutes or
//! gigabytes.

mod digests;
mod encoding;
mod reading;

use argon2::Block;
use serde::{Deserialize, Serialize};

use self::{
    digests::Digest,
    encoding::{PasswordEncoding, base64_text},
};
use crate::crypto::{digest, password};

/// Begins what the store keeps of a foreign hash; a PHC string begins with `$`.
const TAG: &str = "foreign:";

/// The highest cost of bcrypt: 2^15 rounds, some seconds.
const MAX_BCRYPT_COST: u32 = 15;
/// The most iterations of PBKDF2, times the blocks of output: some seconds.
const MAX_PBKDF2_WORK: u64 = 4_000_000;
/// The most memory of scrypt and argon2, in KiB.
const MAX_MEMORY: u64 = 128 * 1024;
/// The most memory that scrypt and argon2 write in all their passes, in KiB: about a second.
const MAX_MEMORY_WORK: u64 = 1024 * 1024;
/// The most lanes of argon2.
const MAX_LANES: u32 = 16;

/// Why a hash is not taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The member that is wrong, below the hash; empty for the hash itself.
    pub path: &'static str,
    /// What is wrong with it, without what it holds.
    pub what: String,
}

fn refuse<T>(path: &'static str, what: impl Into<String>) -> Result<T, Refused> {
    Err(Refused { path, what: what.into() })
}

/// A password hash that another program made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignPassword {
    #[serde(flatten)]
    scheme: Scheme,
    #[serde(default, skip_serializing_if = "PasswordEncoding::is_default")]
    password: PasswordEncoding,
}

/// What is hashed together with the password.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Salt {
    #[serde(with = "base64_text")]
    value: Vec<u8>,
    is_suffix: bool,
}

impl Salt {
    fn join(&self, password: &[u8]) -> Vec<u8> {
        match self.is_suffix {
            true => [password, &self.value].concat(),
            false => [&self.value, password].concat(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "scheme", rename_all = "lowercase")]
enum Scheme {
    Bcrypt {
        hash: String,
        salt: Salt,
    },
    /// A PHC string.
    Argon2 {
        hash: String,
    },
    /// RFC 2307 §5.3 hashes are the same: the salt is the suffix.
    Digest {
        digest: Digest,
        #[serde(with = "base64_text")]
        hash: Vec<u8>,
        salt: Salt,
    },
    Hmac {
        digest: Digest,
        #[serde(with = "base64_text")]
        hash: Vec<u8>,
        #[serde(with = "base64_text")]
        key: Vec<u8>,
        salt: Salt,
    },
    Pbkdf2 {
        digest: Digest,
        #[serde(with = "base64_text")]
        hash: Vec<u8>,
        #[serde(with = "base64_text")]
        salt: Vec<u8>,
        iterations: u32,
    },
    Scrypt {
        #[serde(with = "base64_text")]
        hash: Vec<u8>,
        salt: Salt,
        log_cost: u8,
        block_size: u32,
        parallelization: u32,
    },
}

impl ForeignPassword {
    /// A bcrypt hash, `$2a$`, `$2b$` or `$2y$`.
    ///
    /// # Errors
    /// Why it is not taken over.
    pub fn bcrypt(hash: &str) -> Result<Self, Refused> {
        reading::bcrypt(hash, Salt::default(), "")
            .map(|scheme| Self { scheme, password: PasswordEncoding::default() })
    }

    /// A hash as Auth0's import files describe it (`custom_password_hash`), of the right types.
    ///
    /// # Errors
    /// Why it is not taken over.
    pub fn custom(described: &serde_json::Value) -> Result<Self, Refused> {
        reading::custom(described)
    }

    /// Whether what the store keeps is a foreign hash.
    pub fn is_stored(text: &str) -> bool {
        text.starts_with(TAG)
    }

    /// What the store keeps of it.
    pub fn to_stored(&self) -> String {
        // Serializing plain values cannot fail; an empty hash would fit no password.
        format!("{TAG}{}", serde_json::to_string(self).unwrap_or_default())
    }

    /// Reads what the store keeps, if it is a foreign hash that this release knows.
    pub fn from_stored(text: &str) -> Option<Self> {
        serde_json::from_str(text.strip_prefix(TAG)?).ok()
    }

    /// Whether the hash was made of `password`. Slow: not for an async thread. Argon2 works in
    /// `memory`.
    pub(super) fn verify(&self, password: &str, memory: &mut Vec<Block>) -> bool {
        let Some(password) = self.password.encode(password) else { return false };
        match &self.scheme {
            Scheme::Bcrypt { hash, salt } => {
                bcrypt::verify(salt.join(&password), hash).unwrap_or(false)
            }
            Scheme::Argon2 { hash } => {
                let lent = memory.len();
                let is_right = password::verify_bytes(&password, hash, memory);
                // Nobody keeps more than the hashes of this server need.
                if memory.len() > lent.max(password::BLOCKS) {
                    memory.truncate(password::BLOCKS);
                    memory.shrink_to_fit();
                }
                is_right
            }
            Scheme::Digest { digest: name, hash, salt } => {
                digest::equal(&name.digest(&salt.join(&password)), hash)
            }
            Scheme::Hmac { digest: name, hash, key, salt } => {
                digest::equal(&name.hmac(key, &salt.join(&password)), hash)
            }
            Scheme::Pbkdf2 { digest: name, hash, salt, iterations } => {
                let mut output = vec![0; hash.len()];
                name.pbkdf2(&password, salt, *iterations, &mut output);
                digest::equal(&output, hash)
            }
            Scheme::Scrypt { hash, salt, log_cost, block_size, parallelization } => {
                let mut output = vec![0; hash.len()];
                let params = scrypt::Params::new(*log_cost, *block_size, *parallelization);
                let filled = params.is_ok_and(|params| {
                    scrypt::scrypt(&password, &salt.value, &params, &mut output).is_ok()
                });
                filled && digest::equal(&output, hash)
            }
        }
    }
}

#[cfg(test)]
mod tests;
