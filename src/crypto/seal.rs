//! Sealing: authenticated encryption (AES-256-GCM-SIV, RFC 8452) of what leaves our hands and must
//! come back unread and unchanged. The nonce is random; the SIV mode forgives a collision.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::crypto::{
    Failed,
    master_key::{Accepted, Derived, MasterKey, Purpose},
};
use crate::domain::entropy::Entropy;

/// Seals and opens for one purpose.
pub struct Sealer(Derived<LessSafeKey>);

impl Sealer {
    /// The sealer of `purpose`. It opens what was sealed under any accepted master key.
    ///
    /// # Errors
    /// Never with a 32-byte key.
    pub fn new<'a>(master: impl Into<Accepted<'a>>, purpose: Purpose) -> Result<Self, Failed> {
        let key = |master: &MasterKey| {
            UnboundKey::new(&AES_256_GCM_SIV, &master.derive(purpose)).map(LessSafeKey::new)
        };
        let keys = Derived::of(&master.into(), key);
        keys.transposed().map(Self).map_err(|_| Failed("AEAD key"))
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
            .current
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
        self.0.each().find_map(|key| open(key, sealed, bound_to)).ok_or(Failed("open"))
    }

    /// The same box under the current key; `None` when it is already.
    ///
    /// # Errors
    /// When no accepted key opens it.
    pub fn reseal(
        &self,
        sealed: &[u8],
        bound_to: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Option<Vec<u8>>, Failed> {
        if open(&self.0.current, sealed, bound_to).is_some() {
            return Ok(None);
        }
        self.seal(&self.open(sealed, bound_to)?, bound_to, entropy).map(Some)
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

fn open(key: &LessSafeKey, sealed: &[u8], bound_to: &[u8]) -> Option<Vec<u8>> {
    let (nonce, rest) = sealed.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut rest = rest.to_vec();
    let plain = key.open_in_place(nonce, Aad::from(bound_to), &mut rest).ok()?;
    Some(plain.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{master_key::MasterKeys, random::SystemEntropy};

    #[test]
    fn a_box_of_another_accepted_key_opens_and_is_sealed_anew_once() {
        let (old, new) = (|| MasterKey::new([1; 32]), || MasterKey::new([2; 32]));
        let before = Sealer::new(&old(), Purpose::AtRest).unwrap();
        let after = Sealer::new(&new(), Purpose::AtRest).unwrap();
        let between = Sealer::new(&MasterKeys::new(new(), [old()]), Purpose::AtRest).unwrap();
        let sealed = before.seal(b"secret", b"row 1", &SystemEntropy).unwrap();
        assert!(after.open(&sealed, b"row 1").is_err());
        assert_eq!(between.open(&sealed, b"row 1").unwrap(), b"secret");
        let anew = between.reseal(&sealed, b"row 1", &SystemEntropy).unwrap().unwrap();
        assert_eq!(after.open(&anew, b"row 1").unwrap(), b"secret");
        assert!(between.reseal(&anew, b"row 1", &SystemEntropy).unwrap().is_none());
        assert!(between.reseal(&sealed, b"row 2", &SystemEntropy).is_err());
        assert!(after.reseal(&sealed, b"row 1", &SystemEntropy).is_err());
    }

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
