//! Cursors of listings: where the next page begins. Who pages hands back what they were given and
//! nothing else: a cursor that was altered, made up, or given out for another listing is refused
//! before the database hears of it.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::crypto::{
    digest,
    master_key::{Accepted, Derived, Purpose},
};

/// Bytes of the MAC.
const MAC: usize = 16;

/// Makes and reads cursors.
pub struct CursorKey(Derived<hmac::Key>);

impl CursorKey {
    /// The key under `master`.
    pub fn new<'a>(master: impl Into<Accepted<'a>>) -> Self {
        Self(Derived::of(&master.into(), |master| {
            hmac::Key::new(hmac::HMAC_SHA256, &master.derive(Purpose::Cursor))
        }))
    }

    /// The cursor for a place in a listing. The same on every node, and good in a query string.
    pub fn seal(&self, listing: &str, place: &str) -> String {
        let mut bytes = mac(&self.0.current, listing, place.as_bytes());
        bytes.extend_from_slice(place.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The place that a cursor of this listing stands for.
    pub fn open(&self, listing: &str, cursor: &str) -> Option<String> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (given, place) = bytes.split_at_checked(MAC)?;
        let is_ours = self.0.each().any(|key| digest::equal(given, &mac(key, listing, place)));
        if is_ours { String::from_utf8(place.to_vec()).ok() } else { None }
    }
}

fn mac(key: &hmac::Key, listing: &str, place: &[u8]) -> Vec<u8> {
    let mut context = hmac::Context::with_key(key);
    context.update(listing.as_bytes());
    // No listing has this character in its name.
    context.update(b"\n");
    context.update(place);
    context.sign().as_ref()[..MAC].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::master_key::MasterKey;

    #[test]
    fn a_cursor_is_read_unaltered_by_its_listing_and_its_key_only() {
        let key = CursorKey::new(&MasterKey::new([1; 32]));
        for place in ["auth0|é", "b", ""] {
            let cursor = key.seal("/users", place);
            assert_eq!(key.open("/users", &cursor).as_deref(), Some(place));
            assert_eq!(key.open("/roles", &cursor), None);
            let other = CursorKey::new(&MasterKey::new([2; 32]));
            assert_eq!(other.open("/users", &cursor), None);
            for at in 0..cursor.len() {
                let mut altered = cursor.clone().into_bytes();
                altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
                let altered = String::from_utf8(altered).unwrap();
                assert_eq!(key.open("/users", &altered), None, "{altered}");
            }
        }
        for rubbish in ["", "x", "auth0|1", "====", &"A".repeat(21)] {
            assert_eq!(key.open("/users", rubbish), None, "{rubbish}");
        }
    }
}
