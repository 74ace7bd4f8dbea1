//! Bytes as text, and passwords as bytes.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::{Deserialize, Serialize};

/// Base64 as other programs write it: with padding or without.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// How bytes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum TextEncoding {
    Base64,
    Hex,
    Utf8,
}

impl TextEncoding {
    /// The bytes that `text` writes.
    pub(super) fn decode(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Utf8 => Some(text.as_bytes().to_vec()),
            Self::Base64 => base64(text),
            Self::Hex => hex(text),
        }
    }
}

/// The bytes of base64, of either alphabet.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    LENIENT.decode(text.replace('-', "+").replace('_', "/")).ok()
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let (pairs, rest) = digits.as_ref()?.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// Bytes as the store keeps them.
pub(super) mod base64_text {
    use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD_NO_PAD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        STANDARD_NO_PAD.decode(String::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// What bytes a password was before it was hashed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum PasswordEncoding {
    #[default]
    Utf8,
    Ascii,
    #[serde(alias = "ucs2")]
    Utf16le,
    #[serde(alias = "binary")]
    Latin1,
}

impl PasswordEncoding {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The bytes of a password; `None` when the encoding cannot write it, so it is not the one.
    pub(super) fn encode(self, password: &str) -> Option<Vec<u8>> {
        match self {
            Self::Utf8 => Some(password.as_bytes().to_vec()),
            Self::Ascii => password.is_ascii().then(|| password.as_bytes().to_vec()),
            Self::Utf16le => Some(password.encode_utf16().flat_map(u16::to_le_bytes).collect()),
            Self::Latin1 => password.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect(),
        }
    }
}
