//! Entity tags (RFC 9110 §8.8.3): which state of an object somebody has seen.
//!
//! A tag is a MAC, not a hash, of the state: who may see only a part of an object, or one of its
//! tags in a log, cannot try out what the hidden part might be.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::crypto::master_key::{Accepted, Purpose};

/// Bytes of a tag. Nobody gains from two states with one tag, so chance is all there is to fear.
const MAC: usize = 16;

/// Makes tags.
pub struct EntityTagKey(hmac::Key);

impl EntityTagKey {
    /// The key under `master`.
    pub fn new<'a>(master: impl Into<Accepted<'a>>) -> Self {
        let key = master.into().current().derive(Purpose::EntityTag);
        Self(hmac::Key::new(hmac::HMAC_SHA256, &key))
    }

    /// The opaque tag, without quotes, of an object of a kind in a state. The same on every node.
    pub fn tag(&self, kind: &str, state: &str) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(kind.as_bytes());
        // No kind has this character in its name.
        context.update(b"\n");
        context.update(state.as_bytes());
        URL_SAFE_NO_PAD.encode(&context.sign().as_ref()[..MAC])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::master_key::MasterKey;

    #[test]
    fn a_tag_tells_states_kinds_and_keys_apart_and_nothing_else() {
        let key = EntityTagKey::new(&MasterKey::new([1; 32]));
        let tag = key.tag("role", "{}");
        assert_eq!(tag, EntityTagKey::new(&MasterKey::new([1; 32])).tag("role", "{}"));
        assert_eq!(tag.len(), 22);
        for other in [
            key.tag("role", "[]"),
            key.tag("rule", "{}"),
            EntityTagKey::new(&MasterKey::new([2; 32])).tag("role", "{}"),
        ] {
            assert_ne!(tag, other);
        }
    }
}
