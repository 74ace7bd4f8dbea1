//! Refresh tokens are derived, not stored:
//! `v1.` + base64url(key id ‖ family id ‖ generation ‖ MAC), with
//! MAC = HMAC-SHA-256(key from the master key, salt ‖ family id ‖ generation).
//!
//! The database alone cannot forge one (no master key), nor can the master key alone (no salt).
//! A token of any generation can be derived again, which is what makes retries idempotent.

use aws_lc_rs::{constant_time, hmac};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::crypto::{
    hex,
    master_key::{Accepted, Derived, Purpose},
};
use crate::domain::{FamilyId, entropy::Entropy, secret::RefreshToken};

/// Marks the format. Secret scanners know leaked tokens by it.
const PREFIX: &str = "v1.";
const KEY_ID: usize = 4;
const FAMILY: usize = 16;
const GENERATION: usize = 4;
const MAC: usize = 32;
const LENGTH: usize = KEY_ID + FAMILY + GENERATION + MAC;

/// Derives and checks refresh tokens.
pub struct RefreshTokenKey(Derived<Named>);

/// A key with the id that is in its tokens.
struct Named {
    id: [u8; KEY_ID],
    key: hmac::Key,
}

/// A well-formed token whose MAC is not checked yet: the check needs the family's salt.
pub struct Presented {
    key_id: [u8; KEY_ID],
    family: [u8; FAMILY],
    generation: u32,
    mac: [u8; MAC],
}

impl Presented {
    /// The family it claims to be of.
    pub fn family(&self) -> FamilyId {
        family_id(&self.family)
    }
    /// The generation it claims to be.
    pub fn generation(&self) -> u32 {
        self.generation
    }
}

impl RefreshTokenKey {
    /// The key under `master`.
    pub fn new<'a>(master: impl Into<Accepted<'a>>) -> Self {
        Self(Derived::of(&master.into(), |master| Named {
            id: master.id(),
            key: hmac::Key::new(hmac::HMAC_SHA256, &master.derive(Purpose::RefreshToken)),
        }))
    }

    /// The token of a family's `generation`. `None` when the id is not one of ours.
    pub fn derive(&self, family: &FamilyId, salt: &[u8], generation: u32) -> Option<RefreshToken> {
        let family = hex::decode(family.as_str())?;
        let mut token = Vec::with_capacity(LENGTH);
        let Named { id, key } = &self.0.current;
        token.extend_from_slice(id);
        token.extend_from_slice(&family);
        token.extend_from_slice(&generation.to_be_bytes());
        token.extend_from_slice(mac(key, &family, salt, generation).as_ref());
        Some(RefreshToken::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(token))))
    }

    /// Takes a token apart. `None` when it cannot be one of ours.
    pub fn parse(&self, token: &RefreshToken) -> Option<Presented> {
        let text = token.expose().strip_prefix(PREFIX)?;
        if text.len() != LENGTH.div_ceil(3) * 4 - (3 - LENGTH % 3) % 3 {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (key_id, rest) = bytes.split_first_chunk::<KEY_ID>()?;
        let (family, rest) = rest.split_first_chunk::<FAMILY>()?;
        let (generation, rest) = rest.split_first_chunk::<GENERATION>()?;
        let mac: [u8; MAC] = rest.try_into().ok()?;
        self.named(key_id).map(|_| Presented {
            key_id: *key_id,
            family: *family,
            generation: u32::from_be_bytes(*generation),
            mac,
        })
    }

    /// Whether the token was derived by us for the family with this salt. In constant time.
    pub fn verify(&self, presented: &Presented, salt: &[u8]) -> bool {
        let Some(Named { key, .. }) = self.named(&presented.key_id) else { return false };
        let mac = mac(key, &presented.family, salt, presented.generation);
        constant_time::verify_slices_are_equal(mac.as_ref(), &presented.mac).is_ok()
    }

    fn named(&self, id: &[u8; KEY_ID]) -> Option<&Named> {
        self.0.each().find(|key| key.id == *id)
    }
}

fn mac(key: &hmac::Key, family: &[u8; FAMILY], salt: &[u8], generation: u32) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    // The salt has a fixed length, so the concatenation is unambiguous.
    context.update(salt);
    context.update(family);
    context.update(&generation.to_be_bytes());
    context.sign()
}

/// A new family id: 128 random bits in hex.
pub fn new_family_id(entropy: &dyn Entropy) -> FamilyId {
    family_id(&entropy.bytes::<FAMILY>())
}

/// A new salt.
pub fn new_salt(entropy: &dyn Entropy) -> Vec<u8> {
    entropy.bytes::<16>().to_vec()
}

fn family_id(bytes: &[u8; FAMILY]) -> FamilyId {
    FamilyId::new(hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{
        master_key::{MasterKey, MasterKeys},
        random::SystemEntropy,
    };

    #[test]
    fn a_token_can_be_derived_again_and_not_forged() {
        let key = RefreshTokenKey::new(&MasterKey::new([1; 32]));
        let (family, salt) = (new_family_id(&SystemEntropy), new_salt(&SystemEntropy));
        let token = key.derive(&family, &salt, 7).unwrap();
        assert_eq!(token, key.derive(&family, &salt, 7).unwrap());
        assert!(token.expose().starts_with("v1."));

        let presented = key.parse(&token).unwrap();
        assert_eq!((presented.family(), presented.generation()), (family.clone(), 7));
        assert!(key.verify(&presented, &salt));
        assert!(!key.verify(&presented, &new_salt(&SystemEntropy)), "another salt");

        let other = RefreshTokenKey::new(&MasterKey::new([2; 32]));
        assert!(other.parse(&token).is_none(), "another master key");
    }

    #[test]
    fn while_one_master_key_gives_way_to_another_tokens_of_both_are_good() {
        let (old, new) = (|| MasterKey::new([1; 32]), || MasterKey::new([2; 32]));
        let (family, salt) = (new_family_id(&SystemEntropy), new_salt(&SystemEntropy));
        let ahead = RefreshTokenKey::new(&MasterKeys::new(new(), [old()]));
        let behind = RefreshTokenKey::new(&MasterKeys::new(old(), [new()]));
        for (maker, reader) in [(&ahead, &behind), (&behind, &ahead)] {
            let token = maker.derive(&family, &salt, 3).unwrap();
            let presented = reader.parse(&token).unwrap();
            assert!(reader.verify(&presented, &salt));
            assert!(!reader.verify(&presented, &new_salt(&SystemEntropy)));
        }
        let made = ahead.derive(&family, &salt, 3).unwrap();
        assert!(RefreshTokenKey::new(&new()).parse(&made).is_some(), "with the current key");
        assert!(RefreshTokenKey::new(&old()).parse(&made).is_none());
    }

    #[test]
    fn every_changed_character_breaks_it() {
        let key = RefreshTokenKey::new(&MasterKey::new([1; 32]));
        let (family, salt) = (new_family_id(&SystemEntropy), new_salt(&SystemEntropy));
        let token = key.derive(&family, &salt, 0).unwrap();
        for i in 0..token.expose().len() {
            let mut text = token.expose().to_owned().into_bytes();
            text[i] = if text[i] == b'A' { b'B' } else { b'A' };
            let text = RefreshToken::new(String::from_utf8(text).unwrap());
            let ok =
                key.parse(&text).is_some_and(|p| p.family() == family && key.verify(&p, &salt));
            assert!(!ok, "character {i}");
        }
        for rubbish in ["", "v1.", "v2.AAAA", "v1.!!!!", &"v1.".repeat(100)] {
            assert!(key.parse(&RefreshToken::new(rubbish)).is_none(), "{rubbish}");
        }
    }
}
