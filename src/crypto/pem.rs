//! Certificates as the Management API shows them: PEM (RFC 7468) and digests.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::crypto::{
    der::{INTEGER, OBJECT_IDENTIFIER, SEQUENCE},
    digest,
};

/// Tag of SET.
const SET: u8 = 0x31;
/// Tag of `[0]`, constructed.
const CONTEXT_0: u8 = 0xa0;
/// `signedData`, 1.2.840.113549.1.7.2 (RFC 2315 §14).
const SIGNED_DATA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/// `data`, 1.2.840.113549.1.7.1 (RFC 2315 §14).
const DATA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];

/// A certificate (DER) as PEM.
pub fn certificate(der: &[u8]) -> String {
    armoured("CERTIFICATE", der)
}

/// A certificate (DER) in a PKCS #7 container without signatures (RFC 2315 §9.1), as PEM.
pub fn pkcs7(der: &[u8]) -> String {
    let content = element(SEQUENCE, &[element(OBJECT_IDENTIFIER, &[DATA])]);
    let signed_data = element(
        SEQUENCE,
        &[
            element(INTEGER, &[[1]]),
            element::<&[u8]>(SET, &[]),
            content,
            element(CONTEXT_0, &[der]),
            element::<&[u8]>(SET, &[]),
        ],
    );
    let container =
        [element(OBJECT_IDENTIFIER, &[SIGNED_DATA]), element(CONTEXT_0, &[signed_data])];
    armoured("PKCS7", &element(SEQUENCE, &container))
}

/// The SHA-1 of a certificate (DER) in upper-case hex. It names a certificate and secures nothing.
pub fn thumbprint(der: &[u8]) -> String {
    digest::sha1(der).iter().map(|byte| format!("{byte:02X}")).collect()
}

/// [`thumbprint`] with a colon between the bytes.
pub fn fingerprint(der: &[u8]) -> String {
    let bytes: Vec<_> = digest::sha1(der).iter().map(|byte| format!("{byte:02X}")).collect();
    bytes.join(":")
}

fn armoured(label: &str, der: &[u8]) -> String {
    /// Characters on a line (RFC 7468 §2).
    const LINE: usize = 64;
    let base64 = STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\r\n");
    for (i, character) in base64.chars().enumerate() {
        if i > 0 && i % LINE == 0 {
            text.push_str("\r\n");
        }
        text.push(character);
    }
    text + &format!("\r\n-----END {label}-----")
}

/// An element of DER (X.690 §8.1) out of its parts.
fn element<T: AsRef<[u8]>>(tag: u8, parts: &[T]) -> Vec<u8> {
    let content: Vec<u8> = parts.iter().flat_map(AsRef::as_ref).copied().collect();
    let mut written = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => written.push(short),
        _ => {
            let length: Vec<u8> =
                content.len().to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
            // A length takes 8 bytes at the most.
            written.push(0x80 | u8::try_from(length.len()).unwrap_or(0));
            written.extend(length);
        }
    }
    written.extend(content);
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{der::Reader, random::SystemEntropy, signing};
    use crate::domain::signing_alg::SigningAlg;

    fn unarmoured(text: &str, label: &str) -> Vec<u8> {
        let text = text.strip_prefix(&format!("-----BEGIN {label}-----\r\n")).unwrap();
        let text = text.strip_suffix(&format!("\r\n-----END {label}-----")).unwrap();
        assert!(text.lines().all(|line| line.len() <= 64));
        STANDARD.decode(text.replace("\r\n", "")).unwrap()
    }

    #[test]
    fn a_certificate_is_found_again_in_both_shapes() {
        let made = signing::generate_for(SigningAlg::Es256, "id.example", &SystemEntropy).unwrap();
        let der = made.certificate;
        assert_eq!(unarmoured(&certificate(&der), "CERTIFICATE"), der);
        let container = unarmoured(&pkcs7(&der), "PKCS7");
        let mut outer = Reader::new(&container).sequence().unwrap();
        assert_eq!(outer.expect(OBJECT_IDENTIFIER), Some(SIGNED_DATA.as_slice()));
        let mut inner = Reader::new(outer.expect(CONTEXT_0).unwrap()).sequence().unwrap();
        assert_eq!(inner.expect(INTEGER), Some([1].as_slice()));
        assert_eq!(inner.expect(SET), Some([].as_slice()));
        assert_eq!(inner.sequence().unwrap().expect(OBJECT_IDENTIFIER), Some(DATA.as_slice()));
        assert_eq!(inner.expect(CONTEXT_0), Some(der.as_slice()));
        assert_eq!(inner.expect(SET), Some([].as_slice()));
        assert!(inner.any().is_none() && outer.any().is_none());
    }

    #[test]
    fn digests_are_written_as_certificates_are_named() {
        // SHA-1 of the empty string, FIPS 180-4.
        assert_eq!(thumbprint(b""), "DA39A3EE5E6B4B0D3255BFEF95601890AFD80709");
        assert!(fingerprint(b"").starts_with("DA:39:A3:EE:") && fingerprint(b"").len() == 59);
    }
}
