//! The digests that other programs hash passwords with. They verify what is there; nothing new is
//! made with them.

use ::hmac::{KeyInit, Mac, SimpleHmac};
use md5::Digest as _;
use serde::{Deserialize, Serialize};

/// A digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Digest {
    Md4,
    Md5,
    Ripemd160,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Whirlpool,
}

/// Runs an expression with the type of the digest.
macro_rules! with {
    ($digest:expr, $D:ident => $body:expr) => {
        match $digest {
            Digest::Md4 => {
                type $D = md4::Md4;
                $body
            }
            Digest::Md5 => {
                type $D = md5::Md5;
                $body
            }
            Digest::Ripemd160 => {
                type $D = ripemd::Ripemd160;
                $body
            }
            Digest::Sha1 => {
                type $D = sha1::Sha1;
                $body
            }
            Digest::Sha224 => {
                type $D = sha2::Sha224;
                $body
            }
            Digest::Sha256 => {
                type $D = sha2::Sha256;
                $body
            }
            Digest::Sha384 => {
                type $D = sha2::Sha384;
                $body
            }
            Digest::Sha512 => {
                type $D = sha2::Sha512;
                $body
            }
            Digest::Whirlpool => {
                type $D = whirlpool::Whirlpool;
                $body
            }
        }
    };
}

impl Digest {
    /// The digest of a name, in lower case.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "md4" => Self::Md4,
            "md5" => Self::Md5,
            "ripemd" | "ripemd160" | "rmd160" => Self::Ripemd160,
            "sha" | "sha1" | "sha1-2" => Self::Sha1,
            "sha224" => Self::Sha224,
            "sha256" => Self::Sha256,
            "sha384" => Self::Sha384,
            "sha512" => Self::Sha512,
            "whirlpool" => Self::Whirlpool,
            _ => return None,
        })
    }
    /// How many bytes it has.
    pub(super) fn length(self) -> usize {
        match self {
            Self::Md4 | Self::Md5 => 16,
            Self::Ripemd160 | Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 | Self::Whirlpool => 64,
        }
    }
    /// Of `bytes`.
    pub(super) fn digest(self, bytes: &[u8]) -> Vec<u8> {
        with!(self, D => D::digest(bytes).to_vec())
    }
    /// HMAC (RFC 2104).
    pub(super) fn hmac(self, key: &[u8], bytes: &[u8]) -> Vec<u8> {
        with!(self, D => match SimpleHmac::<D>::new_from_slice(key) {
            Ok(mac) => mac.chain_update(bytes).finalize().into_bytes().to_vec(),
            // Keys of any length are fine; nothing equals this.
            Err(_) => Vec::new(),
        })
    }
    /// PBKDF2 (RFC 8018 §5.2).
    pub(super) fn pbkdf2(self, password: &[u8], salt: &[u8], iterations: u32, output: &mut [u8]) {
        with!(self, D => pbkdf2::pbkdf2_hmac::<D>(password, salt, iterations, output));
    }
}
