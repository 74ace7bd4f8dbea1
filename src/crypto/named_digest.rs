//! Digests and HMAC by the names that scripts use.

use aws_lc_rs::{digest, hmac};
use md5::{Digest, Md5};

/// A digest: `md5`, `sha1`, `sha256`, `sha384` or `sha512`.
pub fn digest(name: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    let algorithm = match name {
        "md5" => return Some(Md5::digest(bytes).to_vec()),
        "sha1" => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        "sha256" => &digest::SHA256,
        "sha384" => &digest::SHA384,
        "sha512" => &digest::SHA512,
        _ => return None,
    };
    Some(digest::digest(algorithm, bytes).as_ref().to_vec())
}

/// An HMAC (RFC 2104) with one of the SHA digests.
pub fn hmac(name: &str, key: &[u8], bytes: &[u8]) -> Option<Vec<u8>> {
    let algorithm = match name {
        "sha1" => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        "sha256" => hmac::HMAC_SHA256,
        "sha384" => hmac::HMAC_SHA384,
        "sha512" => hmac::HMAC_SHA512,
        _ => return None,
    };
    Some(hmac::sign(&hmac::Key::new(algorithm, key), bytes).as_ref().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::hex;

    #[test]
    fn digests_of_abc() {
        for (name, start) in [
            ("md5", "900150983cd24fb0"),
            ("sha1", "a9993e364706816a"),
            ("sha256", "ba7816bf8f01cfea"),
            ("sha384", "cb00753f45a35e8b"),
            ("sha512", "ddaf35a193617aba"),
        ] {
            assert!(hex::encode(&digest(name, b"abc").unwrap()).starts_with(start), "{name}");
        }
        assert_eq!(digest("sha3", b"abc"), None);
    }

    #[test]
    fn case_2_of_rfc_2202_and_rfc_4231() {
        for (name, start) in [
            ("sha1", "effcdf6ae5eb2fa2"),
            ("sha256", "5bdcc146bf60754e"),
            ("sha384", "af45d2e376484031"),
            ("sha512", "164b7a7bfcf819e2"),
        ] {
            let mac = hmac(name, b"Jefe", b"what do ya want for nothing?").unwrap();
            assert!(hex::encode(&mac).starts_with(start), "{name}");
        }
        assert_eq!(hmac("md5", b"Jefe", b""), None);
    }
}
