//! Sealing: authenticated encryption (AES-256-GCM-SIV, RFC 8452) of what leaves our hands and must
//! come back unread and unchanged. The nonce is random; the SIV mode forgives a collision.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::crypto::{
    Failed,
    master_key::{MasterKey, Purpose},
};
use crate::domain::entropy::Entropy;

/// Seals and opens for one purpose.
pub struct Sealer(LessSafeKey);

impl Sealer {
    /// The sealer of `purpose`.
    ///
    /// # Errors
    /// Never with a 32-byte key.
    pub fn new(master: &MasterKey, purpose: Purpose) -> Result<Self, Failed> {
        let key = UnboundKey::new(&AES_256_GCM_SIV, &master.derive(purpose));
        Ok(Self(LessSafeKey::new(key.map_err(|_| Failed("AEAD key"))?)))
    }

    /// Seals `plain`. `bound_to` must be the same at [`Sealer::open`]: it ties the box to its place,
    /// so that a box cannot be moved to another row or another browser.
    ///
    /// # Errors
    /// When `plain` is absurdly long.
    pub fn seal(
        &self,
        plain: &[u8],
        bound_to: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, Failed> {
        let nonce = entropy.bytes::<NONCE_LEN>();
        let mut sealed = plain.to_vec();
        self.0
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(bound_to),
                &mut sealed,
            )
            .map_err(|_| Failed("seal"))?;
        let mut out = nonce.to_vec();
        out.append(&mut sealed);
        Ok(out)
    }

    /// Opens a box.
    ///
    /// # Errors
    /// When it was not sealed by us, for this purpose and place.
    pub fn open(&self, sealed: &[u8], bound_to: &[u8]) -> Result<Vec<u8>, Failed> {
        const WRONG: Failed = Failed("open");
        let (nonce, rest) = sealed.split_at_checked(NONCE_LEN).ok_or(WRONG)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| WRONG)?;
        let mut rest = rest.to_vec();
        let plain =
            self.0.open_in_place(nonce, Aad::from(bound_to), &mut rest).map_err(|_| WRONG)?;
        Ok(plain.to_vec())
    }

    /// [`Sealer::seal`] as base64url text.
    ///
    /// # Errors
    /// As [`Sealer::seal`].
    pub fn seal_text(
        &self,
        plain: &[u8],
        bound_to: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<String, Failed> {
        Ok(URL_SAFE_NO_PAD.encode(self.seal(plain, bound_to, entropy)?))
    }

    /// [`Sealer::open`] of base64url text.
    ///
    /// # Errors
    /// As [`Sealer::open`].
    pub fn open_text(&self, sealed: &str, bound_to: &[u8]) -> Result<Vec<u8>, Failed> {
        let sealed = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| Failed("base64url"))?;
        self.open(&sealed, bound_to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::random::SystemEntropy;

    #[test]
    fn a_box_opens_only_whole_in_its_place_and_for_its_purpose() {
        let master = MasterKey::new([1; 32]);
        let sealer = Sealer::new(&master, Purpose::AtRest).unwrap();
        let sealed = sealer.seal(b"secret", b"row 1", &SystemEntropy).unwrap();
        assert_eq!(sealer.open(&sealed, b"row 1").unwrap(), b"secret");
        assert!(sealer.open(&sealed, b"row 2").is_err());
        let other = Sealer::new(&master, Purpose::Transaction).unwrap();
        assert!(other.open(&sealed, b"row 1").is_err());
        for i in 0..sealed.len() {
            let mut tampered = sealed.clone();
            tampered[i] ^= 1;
            assert!(sealer.open(&tampered, b"row 1").is_err(), "byte {i}");
        }
        for length in 0..sealed.len() {
            assert!(sealer.open(&sealed[..length], b"row 1").is_err(), "{length} bytes");
        }
    }
}
