//! The nonces of DPoP proofs (RFC 9449 §8): base64url(time slot ‖ MAC), with
//! MAC = HMAC-SHA-256(key from the master key, time slot).
//!
//! Nothing is stored, so each node knows the nonces of all. A nonce is no secret and anybody may
//! use it; it shows that a proof was made after the slot began, and not long in advance.

use aws_lc_rs::{constant_time, hmac};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::crypto::master_key::{Accepted, Derived, Purpose};
use crate::domain::time::Timestamp;

/// Length of a time slot in seconds.
const SLOT: i64 = 60;

/// For how many slots after its own a nonce is good: it lives five to six minutes.
const SLOTS: i64 = 5;

/// By how many slots the clock of the node that made a nonce may be ahead of ours.
const AHEAD: i64 = 1;

const MAC: usize = 16;

/// Makes and knows nonces.
pub struct NonceKey(Derived<hmac::Key>);

impl NonceKey {
    /// The key under `master`.
    pub fn new<'a>(master: impl Into<Accepted<'a>>) -> Self {
        Self(Derived::of(&master.into(), |master| {
            hmac::Key::new(hmac::HMAC_SHA256, &master.derive(Purpose::DpopNonce))
        }))
    }

    /// The nonce of this time.
    pub fn issue(&self, now: Timestamp) -> String {
        let slot = slot_of(now).to_be_bytes();
        let mut nonce = slot.to_vec();
        nonce.extend_from_slice(&hmac::sign(&self.0.current, &slot).as_ref()[..MAC]);
        URL_SAFE_NO_PAD.encode(nonce)
    }

    /// Until when a nonce is good; `None` for one that is not, or not any more.
    pub fn good_until(&self, nonce: &str, now: Timestamp) -> Option<Timestamp> {
        if nonce.len() != (8 + MAC) * 4 / 3 {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(nonce).ok()?;
        let (slot, mac) = bytes.split_first_chunk::<8>()?;
        let is_ours = |key: &hmac::Key| {
            let expected = hmac::sign(key, slot);
            constant_time::verify_slices_are_equal(&expected.as_ref()[..MAC], mac).is_ok()
        };
        self.0.each().any(is_ours).then_some(())?;
        let slot = i64::from_be_bytes(*slot);
        let end = slot.checked_add(SLOTS + 1)?.checked_mul(SLOT)?.checked_mul(1000)?;
        let end = Timestamp::from_millis(end);
        (slot <= slot_of(now).saturating_add(AHEAD) && now < end).then_some(end)
    }
}

const fn slot_of(now: Timestamp) -> i64 {
    now.seconds().div_euclid(SLOT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::master_key::MasterKey;

    #[test]
    fn a_nonce_lives_five_minutes_on_every_node_and_cannot_be_made_up() {
        let key = NonceKey::new(&MasterKey::new([1; 32]));
        let made = Timestamp::from_millis(1_800_000_030_000);
        let nonce = key.issue(made);
        let other_node = NonceKey::new(&MasterKey::new([1; 32]));
        for (after, is_good) in
            [(-91, false), (-90, true), (0, true), (300, true), (329, true), (330, false)]
        {
            let end = other_node.good_until(&nonce, made.plus_seconds(after));
            assert_eq!(end.is_some(), is_good, "{after}");
            assert!(end.is_none_or(|end| end == made.plus_seconds(330)), "{after}");
        }
        assert!(NonceKey::new(&MasterKey::new([2; 32])).good_until(&nonce, made).is_none());
        for i in 0..nonce.len() {
            let mut text = nonce.clone().into_bytes();
            text[i] = if text[i] == b'A' { b'B' } else { b'A' };
            let text = String::from_utf8(text).unwrap();
            assert!(key.good_until(&text, made).is_none(), "character {i}");
        }
        for rubbish in ["", "x", &nonce[1..], &format!("{nonce}A"), &"é".repeat(16)] {
            assert!(key.good_until(rubbish, made).is_none(), "{rubbish}");
        }
    }
}
