//! Signing keys (RS256, RFC 7518 §3.3) and their public side (JWK, RFC 7517).

use aws_lc_rs::{
    encoding::AsDer,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde::Serialize;

use crate::crypto::{Failed, digest};
use crate::domain::{KeyId, entropy::Entropy};

/// A private key, parsed once: parsing it again at each signature would cost as much as the
/// signature itself.
pub struct SigningKey {
    /// Its `kid`.
    pub kid: KeyId,
    pair: KeyPair,
    /// The self-signed certificate, DER.
    pub certificate: Vec<u8>,
}

/// A public key as `/.well-known/jwks.json` shows it.
#[derive(Debug, Clone, Serialize)]
pub struct Jwk {
    kty: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
    alg: &'static str,
    kid: String,
    n: String,
    e: String,
    x5t: String,
    x5c: [String; 1],
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
    let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| Failed("RSA key generation"))?;
    let pkcs8 = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der>::as_der(&pair)
        .map_err(|_| Failed("PKCS #8"))?
        .as_ref()
        .to_vec();
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
    /// Parses a key.
    ///
    /// # Errors
    /// When it is not PKCS #8.
    pub fn from_pkcs8(kid: KeyId, pkcs8: &[u8], certificate: Vec<u8>) -> Result<Self, Failed> {
        let pair = KeyPair::from_pkcs8(pkcs8).map_err(|_| Failed("PKCS #8"))?;
        Ok(Self { kid, pair, certificate })
    }

    /// Signs `payload` as a compact JWS (RFC 7515 §3.1) with the header `typ`.
    ///
    /// # Errors
    /// When the crypto library fails.
    pub fn sign(&self, typ: &str, payload: &impl Serialize) -> Result<String, Failed> {
        let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::RS256);
        header.typ = Some(typ.to_owned());
        header.kid = Some(self.kid.as_str().to_owned());
        let header = serde_json::to_vec(&header).map_err(|_| Failed("JOSE header"))?;
        let payload = serde_json::to_vec(payload).map_err(|_| Failed("claims"))?;
        let mut token = URL_SAFE_NO_PAD.encode(header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &aws_lc_rs::rand::SystemRandom::new(),
                token.as_bytes(),
                &mut signature,
            )
            .map_err(|_| Failed("RSA signature"))?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    /// The public side.
    pub fn jwk(&self) -> Jwk {
        let public = self.pair.public_key();
        let base64url = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        Jwk {
            kty: "RSA",
            usage: "sig",
            alg: "RS256",
            kid: self.kid.as_str().to_owned(),
            n: base64url(public.modulus().big_endian_without_leading_zero()),
            e: base64url(public.exponent().big_endian_without_leading_zero()),
            x5t: base64url(&digest::sha1(&self.certificate)),
            x5c: [STANDARD.encode(&self.certificate)],
        }
    }

    /// What verifies this key's signatures.
    ///
    /// # Errors
    /// Never for a key that was parsed.
    pub fn decoding_key(&self) -> Result<jsonwebtoken::DecodingKey, Failed> {
        let jwk = self.jwk();
        jsonwebtoken::DecodingKey::from_rsa_components(&jwk.n, &jwk.e)
            .map_err(|_| Failed("decoding key"))
    }
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
}
