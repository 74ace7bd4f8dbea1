//! Demonstrating proof of possession (RFC 9449): what a proof says, and the key it is of.

use serde::{Deserialize, Serialize};

/// The SHA-256 thumbprint of a public key (RFC 7638): 43 characters of base64url.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Thumbprint(String);

impl Thumbprint {
    /// The thumbprint that `text` writes; `None` for anything but 43 characters of base64url.
    pub fn parse(text: &str) -> Option<Self> {
        let url_safe = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        (text.len() == 43 && text.bytes().all(url_safe)).then(|| Self(text.to_owned()))
    }
    /// One that was computed here, or checked before it was stored.
    pub fn trusted(text: impl Into<String>) -> Self {
        Self(text.into())
    }
    /// As it is written on the wire and in the store.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The claims of a proof (RFC 9449 §4.2) whose signature was checked, and nothing else.
#[derive(Debug, Clone, Deserialize)]
pub struct ProofClaims {
    /// Unique among the proofs of the key.
    pub jti: String,
    /// The method of the request.
    pub htm: String,
    /// The address of the request.
    pub htu: String,
    /// When it was made, in epoch seconds of the client's clock.
    pub iat: i64,
    /// The nonce of this server.
    #[serde(default)]
    pub nonce: Option<String>,
    /// The SHA-256 of the access token beside the proof, base64url.
    #[serde(default)]
    pub ath: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thumbprint_is_43_characters_of_base64url() {
        let good = "kSzWH4iC4wg5Lysz6oyBrDHZfW80cnx5zxlMqhgmchs";
        assert_eq!(Thumbprint::parse(good).map(|t| t.as_str().to_owned()).as_deref(), Some(good));
        let short = &good[1..];
        let padded = format!("{good}=");
        let standard = good.replace('k', "+");
        for bad in ["", short, padded.as_str(), standard.as_str(), &"é".repeat(43)] {
            assert_eq!(Thumbprint::parse(bad), None, "{bad}");
        }
    }
}
