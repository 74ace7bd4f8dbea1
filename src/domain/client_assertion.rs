//! Client assertions (RFC 7523 §3): a JWT by which an application proves who it is.

use serde::Deserialize;

use crate::domain::ClientId;

/// The longest assertion that is read, in bytes.
pub const MAX_LENGTH: usize = 2048;

/// How an assertion is signed (RFC 7518 §3.1). No other algorithm is taken, `none` least of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum AssertionAlgorithm {
    /// RSA PKCS #1 v1.5 with SHA-256.
    RS256,
    /// RSA PKCS #1 v1.5 with SHA-384.
    RS384,
    /// RSA-PSS with SHA-256.
    PS256,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// HMAC with SHA-256, keyed with the client secret (`client_secret_jwt`).
    HS256,
}

impl AssertionAlgorithm {
    /// All of them, as discovery lists them.
    pub const ALL: [Self; 5] = [Self::RS256, Self::RS384, Self::PS256, Self::ES256, Self::HS256];

    /// The name in the JOSE header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::PS256 => "PS256",
            Self::ES256 => "ES256",
            Self::HS256 => "HS256",
        }
    }
    /// The algorithm with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }
}

/// The claims of an assertion (RFC 7523 §3), not judged yet. Times in seconds; a fraction is
/// allowed (RFC 7519 §2).
#[derive(Debug, Clone, Deserialize)]
pub struct AssertionClaims {
    /// Who issued it.
    pub iss: Option<String>,
    /// Whom it is about.
    pub sub: Option<ClientId>,
    /// For whom it is.
    pub aud: Option<Audiences>,
    /// Its end.
    pub exp: Option<f64>,
    /// Its beginning.
    pub nbf: Option<f64>,
    /// When it was issued.
    pub iat: Option<f64>,
    /// Its unique name.
    pub jti: Option<String>,
}

/// One audience or several (RFC 7519 §4.1.3).
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Audiences {
    /// A string.
    One(String),
    /// An array.
    Several(Vec<String>),
}

impl Audiences {
    /// All of them.
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Several(several) => several,
        }
    }
}
