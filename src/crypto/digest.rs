//! Digests and constant-time comparison.

use aws_lc_rs::{constant_time, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use md5::{Digest, Md5};

use crate::crypto::hex;
use crate::domain::secret::{
    Code, DeviceCode, DownloadToken, RequestUri, SessionCookie, SuspensionHandle, Ticket,
};

/// SHA-256. Enough for secrets that already carry 128 random bits or more; what people choose goes
/// through [`crate::crypto::password`].
pub fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, bytes).as_ref().to_vec()
}

/// SHA-1, for the `x5t` of a JWK (RFC 7517 §4.8) and nothing else.
pub fn sha1(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref().to_vec()
}

/// MD5 in hex, for the address of a gravatar and nothing else.
pub fn md5_hex(text: &str) -> String {
    hex::encode(&Md5::digest(text.as_bytes()))
}

/// What the store keeps of an authorization code.
pub fn code_hash(code: &Code) -> Vec<u8> {
    sha256(code.expose().as_bytes())
}

/// What the store keeps of a device code.
pub fn device_code_hash(code: &DeviceCode) -> Vec<u8> {
    sha256(code.expose().as_bytes())
}

/// What the store keeps of a session cookie.
pub fn cookie_hash(cookie: &SessionCookie) -> Vec<u8> {
    sha256(cookie.expose().as_bytes())
}

/// What the store keeps of the name of a pushed request.
pub fn request_uri_hash(request_uri: &RequestUri) -> Vec<u8> {
    sha256(request_uri.expose().as_bytes())
}

/// What the store keeps of the handle of a suspended login.
pub fn suspension_hash(handle: &SuspensionHandle) -> Vec<u8> {
    sha256(handle.expose().as_bytes())
}

/// What the store keeps of a ticket.
pub fn ticket_hash(ticket: &Ticket) -> Vec<u8> {
    sha256(ticket.expose().as_bytes())
}

/// What the store keeps of a link to the file of a job.
pub fn download_hash(token: &DownloadToken) -> Vec<u8> {
    sha256(token.expose().as_bytes())
}

/// The S256 challenge of a PKCE verifier (RFC 7636 §4.2).
pub fn s256_challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(sha256(verifier.as_bytes()))
}

/// `at_hash` and `c_hash` of an ID token that is signed with a SHA-256 algorithm (OIDC Core
/// §3.1.3.6): the left half of the hash.
pub fn half_sha256(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(&sha256(text.as_bytes())[..16])
}

/// The same for a SHA-512 algorithm.
pub fn half_sha512(text: &str) -> String {
    let hash = digest::digest(&digest::SHA512, text.as_bytes());
    URL_SAFE_NO_PAD.encode(&hash.as_ref()[..32])
}

/// Compares in a time that does not depend on where the first difference is.
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(a, b).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_of_rfc_7636_appendix_b() {
        assert_eq!(
            s256_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }

    #[test]
    fn the_access_token_hash_of_oidc_core_appendix_a_3() {
        assert_eq!(
            half_sha256("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"),
            "77QmUPtjPfzWtF2AnpK9RQ"
        );
    }

    #[test]
    fn the_gravatar_of_a_recorded_user() {
        let email = "testaccuser@acceptance.test.com";
        assert_eq!(md5_hex(email), "324ad113b0ef6dabbb2c2c4cf8a8d108");
    }
}
