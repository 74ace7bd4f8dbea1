//! The algorithms that tokens are signed with (RFC 7518 §3.1, RFC 8037 §3.1).

use serde::Deserialize;

/// How a token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum SigningAlg {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    #[default]
    #[serde(rename = "RS256")]
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    #[serde(rename = "RS512")]
    Rs512,
    /// RSASSA-PSS with SHA-256.
    #[serde(rename = "PS256")]
    Ps256,
    /// ECDSA on P-256 with SHA-256. Not known to Auth0.
    #[serde(rename = "ES256")]
    Es256,
    /// Ed25519. Not known to Auth0.
    #[serde(rename = "EdDSA")]
    EdDsa,
    /// HMAC with SHA-256 and a secret that signer and verifier share.
    #[serde(rename = "HS256")]
    Hs256,
}

/// Every algorithm.
pub const ALL: [SigningAlg; 6] = [
    SigningAlg::Rs256,
    SigningAlg::Rs512,
    SigningAlg::Ps256,
    SigningAlg::Es256,
    SigningAlg::EdDsa,
    SigningAlg::Hs256,
];

impl SigningAlg {
    /// As `alg` says it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::Hs256 => "HS256",
        }
    }

    /// The algorithm of this name.
    pub fn parse(name: &str) -> Option<Self> {
        ALL.into_iter().find(|alg| alg.as_str() == name)
    }

    /// The algorithm that names the kind of key in the store: RSA keys are kept as RS256.
    pub const fn key_algorithm(self) -> Self {
        match self {
            Self::Rs256 | Self::Rs512 | Self::Ps256 => Self::Rs256,
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_registry() {
        for alg in ALL {
            assert_eq!(SigningAlg::parse(alg.as_str()), Some(alg));
            let read: SigningAlg = serde_json::from_value(alg.as_str().into()).unwrap();
            assert_eq!(read, alg);
        }
        assert!(["none", "rs256", "RS384", ""].iter().all(|no| SigningAlg::parse(no).is_none()));
    }
}
