//! Public keys that applications register: reading what people paste (PEM) and verifying.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};

use crate::crypto::{
    der::{self, Reader},
    digest,
};
use crate::domain::{
    client_assertion::AssertionAlgorithm,
    time::{Timestamp, Written},
};

/// 1.2.840.113549.1.1.1
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// 1.2.840.10045.2.1
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// 1.2.840.10045.3.1.7
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// Bits of an RSA key. More would make each verification slow.
const SIZES: std::ops::RangeInclusive<usize> = 2048..=8192;

/// The kind of a key, which bounds the algorithms it can be used with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA of 2048 to 8192 bits.
    Rsa,
    /// P-256.
    P256,
}

/// A key as it was pasted.
#[derive(Debug)]
pub struct PublicKey {
    /// RSA or P-256.
    pub kind: KeyKind,
    /// What [`verifies`] takes: PKCS #1 for RSA, an uncompressed point for P-256.
    pub material: Vec<u8>,
    /// The SHA-256 thumbprint of the key as a JWK (RFC 7638), base64url.
    pub thumbprint: String,
    /// The end of the certificate that the key came in.
    pub not_after: Option<Timestamp>,
}

/// Why a text is not a key that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Not PEM, or not what its label says.
    #[error("it is not a PEM-encoded public key or X.509 certificate")]
    Malformed,
    /// Somebody pasted the half that must stay at home.
    #[error(
        "it is a private key: give the public key, and replace the pair, which is no longer secret"
    )]
    Private,
    /// RSA below 2048 or above 8192 bits, another curve or another kind.
    #[error("the key must be RSA of 2048 to 8192 bits or EC on the curve P-256")]
    Kind,
}

impl KeyKind {
    /// Whether a key of this kind can be used with `algorithm`.
    pub fn fits(self, algorithm: AssertionAlgorithm) -> bool {
        use AssertionAlgorithm as A;
        match self {
            Self::Rsa => matches!(algorithm, A::RS256 | A::RS384 | A::PS256),
            Self::P256 => algorithm == A::ES256,
        }
    }
}

/// Reads a public key (SPKI or PKCS #1) or an X.509 certificate. Of a certificate only the key and
/// the end count: nobody vouches for it but who registers it.
///
/// # Errors
/// What is wrong with it.
pub fn from_pem(text: &str) -> Result<PublicKey, Unusable> {
    let (label, bytes) = pem(text).ok_or(Unusable::Malformed)?;
    match label {
        "PUBLIC KEY" => {
            let info = Reader::new(&bytes).sequence().ok_or(Unusable::Malformed)?;
            spki(info, None)
        }
        "RSA PUBLIC KEY" => rsa(&bytes, None),
        "CERTIFICATE" => {
            let (info, not_after) = certificate(&bytes).ok_or(Unusable::Malformed)?;
            spki(info, Some(not_after))
        }
        _ if label.ends_with("PRIVATE KEY") => Err(Unusable::Private),
        _ => Err(Unusable::Malformed),
    }
}

/// Whether `signature` over `message` was made with the private half of `material`.
pub fn verifies(
    algorithm: AssertionAlgorithm,
    material: &[u8],
    message: &[u8],
    signature: &[u8],
) -> bool {
    verification(algorithm).is_some_and(|verification| {
        UnparsedPublicKey::new(verification, material).verify(message, signature).is_ok()
    })
}

/// `None` for a MAC, which no public key verifies: who treats one as the other lets everybody in
/// who knows the public key.
fn verification(algorithm: AssertionAlgorithm) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match algorithm {
        AssertionAlgorithm::RS256 => &RSA_PKCS1_2048_8192_SHA256,
        AssertionAlgorithm::RS384 => &RSA_PKCS1_2048_8192_SHA384,
        AssertionAlgorithm::PS256 => &RSA_PSS_2048_8192_SHA256,
        AssertionAlgorithm::ES256 => &ECDSA_P256_SHA256_FIXED,
        AssertionAlgorithm::HS256 => return None,
    })
}

fn pem(text: &str) -> Option<(&str, Vec<u8>)> {
    let (_, rest) = text.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (body, rest) = rest.split_once("-----END ")?;
    if !rest.starts_with(label) {
        return None;
    }
    let body: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    Some((label, STANDARD.decode(body).ok()?))
}

/// `TBSCertificate` (RFC 5280 §4.1): the members of its `SubjectPublicKeyInfo` and its `notAfter`.
fn certificate(bytes: &[u8]) -> Option<(Reader<'_>, Timestamp)> {
    let mut body = Reader::new(bytes).sequence()?.sequence()?;
    body.skip(der::VERSION);
    body.expect(der::INTEGER)?;
    let _signature = body.sequence()?;
    let _issuer = body.sequence()?;
    let mut validity = body.sequence()?;
    validity.any()?;
    let (tag, end) = validity.any()?;
    let _subject = body.sequence()?;
    Some((body.sequence()?, time(tag, std::str::from_utf8(end).ok()?)?))
}

/// RFC 5280 §4.1.2.5: in UTC, with seconds; two digits of a year are of 1950 to 2049.
fn time(tag: u8, text: &str) -> Option<Timestamp> {
    let (year, rest) = match tag {
        der::UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            (format!("{}{year}", if year < "50" { "20" } else { "19" }), rest)
        }
        der::GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            (year.to_owned(), rest)
        }
        _ => return None,
    };
    let two = |at: usize| rest.get(at..at + 2);
    let (month, day, hour, minute, second) = (two(0)?, two(2)?, two(4)?, two(6)?, two(8)?);
    let written = format!("{year}-{month}-{day}T{hour}:{minute}:{second}{}", rest.get(10..)?);
    Some(Written::parse(&written)?.start)
}

/// `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7).
fn spki(mut info: Reader<'_>, not_after: Option<Timestamp>) -> Result<PublicKey, Unusable> {
    let mut algorithm = info.sequence().ok_or(Unusable::Malformed)?;
    let name = algorithm.expect(der::OBJECT_IDENTIFIER);
    // A bit string begins with the number of unused bits.
    let key = info.expect(der::BIT_STRING).and_then(|bits| bits.strip_prefix(&[0]));
    let (name, key) = name.zip(key).ok_or(Unusable::Malformed)?;
    match name {
        RSA_ENCRYPTION => rsa(key, not_after),
        EC_PUBLIC_KEY if algorithm.expect(der::OBJECT_IDENTIFIER) == Some(P256) => {
            p256(key, not_after)
        }
        _ => Err(Unusable::Kind),
    }
}

fn rsa(key: &[u8], not_after: Option<Timestamp>) -> Result<PublicKey, Unusable> {
    let mut members = Reader::new(key).sequence().ok_or(Unusable::Malformed)?;
    let mut integer = || {
        let bytes = members.expect(der::INTEGER).ok_or(Unusable::Malformed)?;
        Ok(bytes.strip_prefix(&[0]).unwrap_or(bytes))
    };
    let (n, e) = (integer()?, integer()?);
    // Parsing does not look at the size, only verifying would.
    let zeros = n.first().map_or(0, |first| first.leading_zeros() as usize);
    if !SIZES.contains(&(n.len() * 8 - zeros)) {
        return Err(Unusable::Kind);
    }
    let (n, e) = (URL_SAFE_NO_PAD.encode(n), URL_SAFE_NO_PAD.encode(e));
    ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key).map_err(|_| Unusable::Kind)?;
    let jwk = format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#);
    Ok(PublicKey { kind: KeyKind::Rsa, material: key.to_vec(), thumbprint: hash(&jwk), not_after })
}

fn p256(point: &[u8], not_after: Option<Timestamp>) -> Result<PublicKey, Unusable> {
    let coordinates = point.strip_prefix(&[4]).filter(|rest| rest.len() == 64);
    let (x, y) = coordinates.ok_or(Unusable::Kind)?.split_at(32);
    ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).map_err(|_| Unusable::Kind)?;
    let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
    let jwk = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    let (kind, material) = (KeyKind::P256, point.to_vec());
    Ok(PublicKey { kind, material, thumbprint: hash(&jwk), not_after })
}

fn hash(jwk: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::sha256(jwk.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of RFC 7638 §3.1.
    const N: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

    fn pkcs1() -> Vec<u8> {
        let n = URL_SAFE_NO_PAD.decode(N).unwrap();
        let mut key = vec![0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01, 0x00];
        key.extend(n);
        key.extend([0x02, 0x03, 0x01, 0x00, 0x01]);
        key
    }
    fn armour(label: &str, bytes: &[u8]) -> String {
        let body = STANDARD.encode(bytes);
        let lines: Vec<_> = body.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
        format!("-----BEGIN {label}-----\r\n{}\r\n-----END {label}-----\r\n", lines.join("\r\n"))
    }

    #[test]
    fn the_thumbprint_of_rfc_7638() {
        let key = from_pem(&armour("RSA PUBLIC KEY", &pkcs1())).unwrap();
        assert_eq!(key.thumbprint, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        assert_eq!((key.kind, key.not_after), (KeyKind::Rsa, None));
    }

    #[test]
    fn a_certificate_carries_its_key_and_its_end() {
        let pair = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::default();
        parameters.not_after = rcgen::date_time_ymd(2030, 5, 17);
        let certificate = parameters.self_signed(&pair).unwrap().pem();
        let from_certificate = from_pem(&certificate).unwrap();
        let bare = from_pem(&pair.public_key_pem()).unwrap();
        assert_eq!(from_certificate.material, bare.material);
        assert_eq!(from_certificate.thumbprint, bare.thumbprint);
        assert_eq!(bare.kind, KeyKind::P256);
        let end = from_certificate.not_after.map(Timestamp::iso8601);
        assert_eq!(end.as_deref(), Some("2030-05-17T00:00:00.000Z"));
        parameters_after_2049(&pair);
    }

    fn parameters_after_2049(pair: &rcgen::KeyPair) {
        let mut parameters = rcgen::CertificateParams::default();
        parameters.not_after = rcgen::date_time_ymd(2050, 1, 2);
        let key = from_pem(&parameters.self_signed(pair).unwrap().pem()).unwrap();
        let end = key.not_after.map(Timestamp::iso8601);
        assert_eq!(end.as_deref(), Some("2050-01-02T00:00:00.000Z"));
    }

    #[test]
    fn what_is_no_usable_public_key_is_refused() {
        let private = rcgen::KeyPair::generate().unwrap().serialize_pem();
        assert_eq!(from_pem(&private).err(), Some(Unusable::Private));
        let p384 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
        assert_eq!(from_pem(&p384.public_key_pem()).err(), Some(Unusable::Kind));
        // 512 bits.
        let mut short = vec![0x30, 0x48, 0x02, 0x41, 0x00];
        short.extend([0xc5; 64]);
        short.extend([0x02, 0x03, 0x01, 0x00, 0x01]);
        assert_eq!(from_pem(&armour("RSA PUBLIC KEY", &short)).err(), Some(Unusable::Kind));
        let whole = armour("RSA PUBLIC KEY", &pkcs1());
        for bad in [
            "",
            "not a key",
            "-----BEGIN PUBLIC KEY-----",
            &whole.replace("MIIB", "????"),
            &whole[..200],
            &armour("PUBLIC KEY", &pkcs1()),
            &armour("CERTIFICATE", &pkcs1()),
            &armour("PUBLIC KEY", &[0x30, 0x80]),
        ] {
            assert_eq!(from_pem(bad).err(), Some(Unusable::Malformed), "{bad}");
        }
    }
}
