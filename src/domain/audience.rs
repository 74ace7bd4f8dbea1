//! Audiences: the identifiers of APIs.

use serde::{Deserialize, Serialize};

/// The identifier of an API, compared code point by code point: no URL is normalised and a
/// trailing slash matters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Audience(String);

impl Audience {
    /// The longest identifier an API may have, in characters.
    pub const MAX_LENGTH: usize = 600;

    /// Wraps an identifier as it is written on the wire.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }
    /// The identifier as it is written on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Audience {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
