//! Client assertions as compact JWS (RFC 7515 §3.1): taking them apart and verifying them.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;

use crate::crypto::public_key;
use crate::domain::{
    client_assertion::{AssertionAlgorithm, AssertionClaims, MAX_LENGTH},
    secret::{ClientAssertion, ClientSecret},
};

/// A secret that keys a MAC must be as long as the MAC, in bytes (RFC 7518 §3.2): whoever sees an
/// assertion could try shorter ones at leisure.
const MIN_SECRET: usize = 32;

/// An assertion taken apart. Nothing in it is true before it is verified.
pub struct SignedAssertion<'a> {
    /// How it says it is signed.
    pub algorithm: AssertionAlgorithm,
    /// The key it says it is signed with.
    pub kid: Option<String>,
    /// What it claims.
    pub claims: AssertionClaims,
    signed: &'a [u8],
    signature: Vec<u8>,
}

#[derive(Deserialize)]
struct Header {
    alg: AssertionAlgorithm,
    #[serde(default)]
    kid: Option<String>,
    /// Extensions that must be understood (RFC 7515 §4.1.11); none is.
    #[serde(default)]
    crit: Option<serde_json::Value>,
}

impl<'a> SignedAssertion<'a> {
    /// Takes an assertion apart. `None` when it is too long, no JWS, or signed with an algorithm
    /// that is not taken.
    pub fn parse(assertion: &'a ClientAssertion) -> Option<Self> {
        let text = assertion.expose();
        if text.len() > MAX_LENGTH {
            return None;
        }
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        let header: Header = serde_json::from_slice(&decode(header)?).ok()?;
        if header.crit.is_some() {
            return None;
        }
        Some(Self {
            algorithm: header.alg,
            kid: header.kid,
            claims: serde_json::from_slice(&decode(claims)?).ok()?,
            signed: signed.as_bytes(),
            signature: decode(signature)?,
        })
    }

    /// Whether it was signed with the private half of `public_key`, which is for `algorithm` only.
    pub fn is_signed_by(&self, algorithm: AssertionAlgorithm, public_key: &[u8]) -> bool {
        self.algorithm == algorithm
            && public_key::verifies(algorithm, public_key, self.signed, &self.signature)
    }

    /// Whether it carries a MAC made with `secret`.
    pub fn is_authenticated_by(&self, secret: &ClientSecret) -> bool {
        let secret = secret.expose().as_bytes();
        let key = || hmac::Key::new(hmac::HMAC_SHA256, secret);
        self.algorithm == AssertionAlgorithm::HS256
            && secret.len() >= MIN_SECRET
            && hmac::verify(&key(), self.signed, &self.signature).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(header: &str, claims: &str) -> ClientAssertion {
        let encode = |part: &str| URL_SAFE_NO_PAD.encode(part);
        ClientAssertion::new(format!("{}.{}.AAAA", encode(header), encode(claims)))
    }

    #[test]
    fn what_is_no_assertion_is_not_taken_apart() {
        let parses = |header, claims| SignedAssertion::parse(&encoded(header, claims)).is_some();
        assert!(parses(r#"{"alg":"RS256","typ":"x"}"#, "{}"));
        assert!(parses(r#"{"alg":"HS256"}"#, r#"{"aud":["a"],"exp":1.5,"more":{}}"#));
        for (header, claims) in [
            ("{}", "{}"),
            (r#"{"alg":"none"}"#, "{}"),
            (r#"{"alg":"HS512"}"#, "{}"),
            (r#"{"alg":"rs256"}"#, "{}"),
            (r#"{"alg":"RS256","crit":["x"]}"#, "{}"),
            (r#"{"alg":"RS256","alg":"HS256"}"#, "{}"),
            (r#"{"alg":"RS256"}"#, "[]"),
            (r#"{"alg":"RS256"}"#, r#"{"exp":"soon"}"#),
            (r#"{"alg":"RS256"}"#, r#"{"jti":"a","jti":"b"}"#),
        ] {
            assert!(!parses(header, claims), "{header} {claims}");
        }
        for text in ["", "a.b", "....", "e30.e30.", &"a".repeat(MAX_LENGTH + 1)] {
            assert!(SignedAssertion::parse(&ClientAssertion::new(text)).is_none(), "{text:.20}");
        }
    }

    #[test]
    fn a_mac_needs_the_right_secret_and_a_long_one() {
        let body = encoded(r#"{"alg":"HS256"}"#, "{}");
        let signed = body.expose().rsplit_once('.').unwrap().0.to_owned();
        let verifies = |secret: &str, other: &str| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
            let mac = hmac::sign(&key, signed.as_bytes());
            let text = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac));
            let assertion = ClientAssertion::new(text);
            let parsed = SignedAssertion::parse(&assertion).unwrap();
            parsed.is_authenticated_by(&ClientSecret::new(other))
        };
        let (long, other, short) = ("a".repeat(32), "b".repeat(32), "a".repeat(31));
        assert!(verifies(&long, &long));
        assert!(!verifies(&long, &other));
        assert!(!verifies(&short, &short));
    }
}
