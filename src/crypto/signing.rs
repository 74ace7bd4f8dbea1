//! Signing keys and their public side (JWK, RFC 7517), and compact signatures (JWS, RFC 7515).
//!
//! A `kid` belongs to one algorithm, so that whoever finds a key by it knows what to demand of the
//! header. An RSA key signs with three: under its own `kid` it is the RS256 key that deployed
//! verifiers demand (`alg` RS256), and for RS512 and PS256 it is published once more under
//! `<kid>.RS512` and `<kid>.PS256` with that `alg`. Verifiers that filter by `alg` find it there.

use aws_lc_rs::{
    encoding::AsDer,
    hmac,
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
        RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RsaEncoding,
    },
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde::Serialize;

use crate::crypto::{Failed, digest};
use crate::domain::{KeyId, entropy::Entropy, signing_alg::SigningAlg};

/// A private key, parsed once: parsing it again at each signature would cost as much as the
/// signature itself.
pub struct SigningKey {
    /// Its `kid`.
    pub kid: KeyId,
    pair: Pair,
    /// The self-signed certificate, DER.
    pub certificate: Vec<u8>,
}

enum Pair {
    Rsa(KeyPair),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// A public key as `/.well-known/jwks.json` shows it.
#[derive(Debug, Clone, Serialize)]
pub struct Jwk {
    #[serde(rename = "use")]
    usage: &'static str,
    alg: &'static str,
    kid: String,
    #[serde(flatten)]
    public: Public,
    x5t: String,
    x5c: [String; 1],
}

/// The public numbers (RFC 7518 §6, RFC 8037 §2).
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kty")]
enum Public {
    #[serde(rename = "RSA")]
    Rsa { n: String, e: String },
    #[serde(rename = "EC")]
    P256 { crv: &'static str, x: String, y: String },
    #[serde(rename = "OKP")]
    Ed25519 { crv: &'static str, x: String },
}

/// A key that was just generated: the private part as PKCS #8, to be sealed.
pub struct Generated {
    /// Its `kid`.
    pub kid: KeyId,
    /// PKCS #8, DER.
    pub pkcs8: Vec<u8>,
    /// The self-signed certificate, DER.
    pub certificate: Vec<u8>,
}

/// Generates an RSA-2048 key with a self-signed certificate for `common_name`. Takes up to a second
/// of CPU: run it on a blocking thread.
///
/// # Errors
/// When the crypto library fails.
pub fn generate(common_name: &str, entropy: &dyn Entropy) -> Result<Generated, Failed> {
    generate_for(SigningAlg::Rs256, common_name, entropy)
}

/// Generates a key for an algorithm. As [`generate`] for those of RSA; the others take no time.
///
/// # Errors
/// When the crypto library fails, or the algorithm has no keys of ours.
pub fn generate_for(
    alg: SigningAlg,
    common_name: &str,
    entropy: &dyn Entropy,
) -> Result<Generated, Failed> {
    const FAILED: Failed = Failed("key generation");
    let random = SystemRandom::new();
    let pkcs8 = match alg {
        SigningAlg::Rs256 | SigningAlg::Rs512 | SigningAlg::Ps256 => {
            let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| FAILED)?;
            let der = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der>::as_der(&pair);
            der.map_err(|_| Failed("PKCS #8"))?.as_ref().to_vec()
        }
        SigningAlg::Es256 => {
            let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
            let made = EcdsaKeyPair::generate_pkcs8(algorithm, &random).map_err(|_| FAILED)?;
            made.as_ref().to_vec()
        }
        SigningAlg::EdDsa => {
            Ed25519KeyPair::generate_pkcs8(&random).map_err(|_| FAILED)?.as_ref().to_vec()
        }
        SigningAlg::Hs256 => return Err(FAILED),
    };
    let certificate = self_signed(&pkcs8, common_name)?;
    Ok(Generated { kid: KeyId::new(entropy.url_safe(21)), pkcs8, certificate })
}

fn self_signed(pkcs8: &[u8], common_name: &str) -> Result<Vec<u8>, Failed> {
    const FAILED: Failed = Failed("certificate");
    let pair = rcgen::KeyPair::try_from(pkcs8).map_err(|_| FAILED)?;
    let mut parameters = rcgen::CertificateParams::default();
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.distinguished_name.push(rcgen::DnType::CommonName, common_name);
    // Fixed dates: nobody validates them, and the certificate must not depend on the clock.
    parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(2049, 12, 31);
    Ok(parameters.self_signed(&pair).map_err(|_| FAILED)?.der().to_vec())
}

impl SigningKey {
    /// Parses a key for RS256.
    ///
    /// # Errors
    /// When it is not PKCS #8.
    pub fn from_pkcs8(kid: KeyId, pkcs8: &[u8], certificate: Vec<u8>) -> Result<Self, Failed> {
        Self::parse(SigningAlg::Rs256, kid, pkcs8, certificate)
    }

    /// Parses a key for an algorithm.
    ///
    /// # Errors
    /// When it is not PKCS #8, or of another kind than the algorithm needs.
    pub fn parse(
        alg: SigningAlg,
        kid: KeyId,
        pkcs8: &[u8],
        certificate: Vec<u8>,
    ) -> Result<Self, Failed> {
        const WRONG: Failed = Failed("PKCS #8");
        let pair = match alg {
            SigningAlg::Rs256 | SigningAlg::Rs512 | SigningAlg::Ps256 => {
                Pair::Rsa(KeyPair::from_pkcs8(pkcs8).map_err(|_| WRONG)?)
            }
            SigningAlg::Es256 => {
                let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
                Pair::P256(EcdsaKeyPair::from_pkcs8(algorithm, pkcs8).map_err(|_| WRONG)?)
            }
            SigningAlg::EdDsa => {
                Pair::Ed25519(Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| WRONG)?)
            }
            SigningAlg::Hs256 => return Err(WRONG),
        };
        Ok(Self { kid, pair, certificate })
    }

    /// The algorithms that this key signs with, its own first.
    pub fn algorithms(&self) -> &'static [SigningAlg] {
        match self.pair {
            Pair::Rsa(_) => &[SigningAlg::Rs256, SigningAlg::Rs512, SigningAlg::Ps256],
            Pair::P256(_) => &[SigningAlg::Es256],
            Pair::Ed25519(_) => &[SigningAlg::EdDsa],
        }
    }

    /// The `kid` under which this key is known for an algorithm.
    pub fn kid_for(&self, alg: SigningAlg) -> String {
        match alg {
            // No `.` is in a kid of ours, so that none is taken for another.
            SigningAlg::Rs512 | SigningAlg::Ps256 => format!("{}.{}", self.kid, alg.as_str()),
            _ => self.kid.as_str().to_owned(),
        }
    }

    /// Signs `payload` as a compact JWS (RFC 7515 §3.1) with the header `typ`, RS256 for a key of
    /// RSA.
    ///
    /// # Errors
    /// When the crypto library fails.
    pub fn sign(&self, typ: &str, payload: &impl Serialize) -> Result<String, Failed> {
        let own = self.algorithms().first().copied().unwrap_or_default();
        self.sign_with(own, typ, payload)
    }

    /// Signs `payload` with an algorithm of this key.
    ///
    /// # Errors
    /// When it is none of this key's, or the crypto library fails.
    pub fn sign_with(
        &self,
        alg: SigningAlg,
        typ: &str,
        payload: &impl Serialize,
    ) -> Result<String, Failed> {
        let mut token = unsigned(alg, Some(self.kid_for(alg)), typ, payload)?;
        let signature = match (&self.pair, alg) {
            (Pair::Rsa(pair), SigningAlg::Rs256) => {
                rsa_signature(pair, &RSA_PKCS1_SHA256, token.as_bytes())?
            }
            (Pair::Rsa(pair), SigningAlg::Rs512) => {
                rsa_signature(pair, &RSA_PKCS1_SHA512, token.as_bytes())?
            }
            (Pair::Rsa(pair), SigningAlg::Ps256) => {
                rsa_signature(pair, &RSA_PSS_SHA256, token.as_bytes())?
            }
            (Pair::P256(pair), SigningAlg::Es256) => {
                let signature = pair.sign(&SystemRandom::new(), token.as_bytes());
                signature.map_err(|_| Failed("ECDSA signature"))?.as_ref().to_vec()
            }
            (Pair::Ed25519(pair), SigningAlg::EdDsa) => {
                pair.sign(token.as_bytes()).as_ref().to_vec()
            }
            _ => return Err(Failed("this key does not sign with that algorithm")),
        };
        append(&mut token, &signature);
        Ok(token)
    }

    /// The public side, for its own algorithm.
    pub fn jwk(&self) -> Jwk {
        self.jwk_for(self.algorithms().first().copied().unwrap_or_default())
    }

    /// The public side, for an algorithm of this key.
    pub fn jwk_for(&self, alg: SigningAlg) -> Jwk {
        let base64url = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let public = match &self.pair {
            Pair::Rsa(pair) => {
                let public = pair.public_key();
                Public::Rsa {
                    n: base64url(public.modulus().big_endian_without_leading_zero()),
                    e: base64url(public.exponent().big_endian_without_leading_zero()),
                }
            }
            Pair::P256(pair) => {
                // An uncompressed point: 4, x, y (SEC 1 §2.3.3).
                let point = pair.public_key().as_ref().get(1..).unwrap_or_default();
                let (x, y) = point.split_at(point.len() / 2);
                Public::P256 { crv: "P-256", x: base64url(x), y: base64url(y) }
            }
            Pair::Ed25519(pair) => {
                Public::Ed25519 { crv: "Ed25519", x: base64url(pair.public_key().as_ref()) }
            }
        };
        Jwk {
            usage: "sig",
            alg: alg.as_str(),
            kid: self.kid_for(alg),
            public,
            x5t: base64url(&digest::sha1(&self.certificate)),
            x5c: [STANDARD.encode(&self.certificate)],
        }
    }

    /// What verifies this key's signatures.
    ///
    /// # Errors
    /// Never for a key that was parsed.
    pub fn decoding_key(&self) -> Result<jsonwebtoken::DecodingKey, Failed> {
        use jsonwebtoken::DecodingKey;
        match &self.jwk().public {
            Public::Rsa { n, e } => DecodingKey::from_rsa_components(n, e),
            Public::P256 { x, y, .. } => DecodingKey::from_ec_components(x, y),
            Public::Ed25519 { x, .. } => DecodingKey::from_ed_components(x),
        }
        .map_err(|_| Failed("decoding key"))
    }
}

/// Signs `payload` with HS256 and a shared secret, whose octets are the key (OIDC Core §10.1). The
/// header has no `kid`: the verifier knows the one secret there is.
///
/// # Errors
/// When the payload is no JSON.
pub fn sign_with_secret(
    secret: &[u8],
    typ: &str,
    payload: &impl Serialize,
) -> Result<String, Failed> {
    let mut token = unsigned(SigningAlg::Hs256, None, typ, payload)?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let tag = hmac::sign(&key, token.as_bytes());
    append(&mut token, tag.as_ref());
    Ok(token)
}

/// The algorithm as the verifying library names it.
pub fn as_jose(alg: SigningAlg) -> jsonwebtoken::Algorithm {
    use jsonwebtoken::Algorithm;
    match alg {
        SigningAlg::Rs256 => Algorithm::RS256,
        SigningAlg::Rs512 => Algorithm::RS512,
        SigningAlg::Ps256 => Algorithm::PS256,
        SigningAlg::Es256 => Algorithm::ES256,
        SigningAlg::EdDsa => Algorithm::EdDSA,
        SigningAlg::Hs256 => Algorithm::HS256,
    }
}

fn rsa_signature(
    pair: &KeyPair,
    encoding: &'static dyn RsaEncoding,
    message: &[u8],
) -> Result<Vec<u8>, Failed> {
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(encoding, &SystemRandom::new(), message, &mut signature)
        .map_err(|_| Failed("RSA signature"))?;
    Ok(signature)
}

/// The signing input (RFC 7515 §5.1).
fn unsigned(
    alg: SigningAlg,
    kid: Option<String>,
    typ: &str,
    payload: &impl Serialize,
) -> Result<String, Failed> {
    let mut header = jsonwebtoken::Header::new(as_jose(alg));
    header.typ = Some(typ.to_owned());
    header.kid = kid;
    let header = serde_json::to_vec(&header).map_err(|_| Failed("JOSE header"))?;
    let payload = serde_json::to_vec(payload).map_err(|_| Failed("claims"))?;
    let mut token = URL_SAFE_NO_PAD.encode(header);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(payload, &mut token);
    Ok(token)
}

fn append(token: &mut String, signature: &[u8]) {
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, token);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::random::SystemEntropy;

    #[test]
    fn a_signature_verifies_with_the_published_key_only() {
        let make = || {
            let made = generate("id.example", &SystemEntropy).unwrap();
            SigningKey::from_pkcs8(made.kid, &made.pkcs8, made.certificate).unwrap()
        };
        let (key, other) = (make(), make());
        let token = key.sign("JWT", &serde_json::json!({ "sub": "x", "exp": 9_999_999_999_i64 }));
        let token = token.unwrap();
        let check = |key: &SigningKey| {
            let validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
            let decoding = key.decoding_key().unwrap();
            jsonwebtoken::decode::<serde_json::Value>(&token, &decoding, &validation)
        };
        let decoded = check(&key).unwrap();
        assert_eq!(decoded.header.kid.as_deref(), Some(key.kid.as_str()));
        assert!(check(&other).is_err());
    }

    #[test]
    fn every_algorithm_verifies_and_none_verifies_as_another() {
        use crate::domain::signing_alg::ALL;
        let payload = serde_json::json!({ "sub": "x", "exp": 9_999_999_999_i64 });
        for alg in [SigningAlg::Rs256, SigningAlg::Es256, SigningAlg::EdDsa] {
            let made = generate_for(alg, "id.example", &SystemEntropy).unwrap();
            let key = SigningKey::parse(alg, made.kid, &made.pkcs8, made.certificate).unwrap();
            let decoding = key.decoding_key().unwrap();
            for alg in ALL {
                let signed = key.sign_with(alg, "JWT", &payload);
                if !key.algorithms().contains(&alg) {
                    assert!(signed.is_err(), "{alg:?}");
                    continue;
                }
                let token = signed.unwrap();
                let header = jsonwebtoken::decode_header(&token).unwrap();
                assert_eq!(header.kid.as_deref(), Some(key.kid_for(alg).as_str()));
                for demanded in ALL {
                    let validation = jsonwebtoken::Validation::new(as_jose(demanded));
                    let read =
                        jsonwebtoken::decode::<serde_json::Value>(&token, &decoding, &validation);
                    assert_eq!(read.is_ok(), alg == demanded, "{alg:?} as {demanded:?}");
                }
            }
        }
    }

    #[test]
    fn a_shared_secret_signs_without_a_kid() {
        let token = sign_with_secret(b"0123456789abcdef", "JWT", &serde_json::json!({ "a": 1 }));
        let token = token.unwrap();
        let key = jsonwebtoken::DecodingKey::from_secret(b"0123456789abcdef");
        let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::HS256);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        let read = jsonwebtoken::decode::<serde_json::Value>(&token, &key, &validation).unwrap();
        assert_eq!((read.claims["a"].as_i64(), read.header.kid), (Some(1), None));
    }
}
