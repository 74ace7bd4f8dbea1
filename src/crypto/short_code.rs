//! What the store keeps of codes that people type. A plain hash of one would be searched through in
//! seconds by whoever reads the database; a MAC under the master key is of no use without that key.

use aws_lc_rs::hmac;

use crate::crypto::master_key::{MasterKey, Purpose};
use crate::domain::{
    ClientId,
    secret::{OneTimeCode, UserCode},
};

/// Makes the MACs of short codes.
pub struct ShortCodeKey(hmac::Key);

impl ShortCodeKey {
    /// The key under `master`.
    pub fn new(master: &MasterKey) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, &master.derive(Purpose::ShortCode)))
    }

    /// What the store keeps of a user code (RFC 8628).
    pub fn user_code(&self, code: &UserCode) -> Vec<u8> {
        self.mac(&["user_code", code.expose()])
    }

    /// What the store keeps of a one-time code, which is good for one address in one application.
    pub fn one_time_code(&self, client: &ClientId, address: &str, code: &OneTimeCode) -> Vec<u8> {
        self.mac(&["one_time_code", client.as_str(), address, code.expose()])
    }

    /// What the store keeps of an address that a code was sent to.
    pub fn address(&self, address: &str) -> Vec<u8> {
        self.mac(&["address", address])
    }

    /// What the store keeps of what somebody logs in with. Whoever reads the database must not
    /// learn what was typed there: it may be a password.
    pub fn login_identifier(&self, identifier: &str) -> Vec<u8> {
        self.mac(&["login_identifier", identifier])
    }

    /// Names an address in answers without telling whether anybody has it.
    pub fn public_id(&self, address: &str) -> Vec<u8> {
        self.mac(&["public_id", address])
    }

    /// Each part goes in after its length: no two lists of parts are the same bytes.
    fn mac(&self, parts: &[&str]) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        context.sign().as_ref().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_mac_are_kept_apart() {
        let key = ShortCodeKey::new(&MasterKey::new([7; 32]));
        assert_ne!(key.mac(&["ab", "c"]), key.mac(&["a", "bc"]));
        let other = ShortCodeKey::new(&MasterKey::new([8; 32]));
        assert_ne!(key.mac(&["a"]), other.mac(&["a"]));
    }
}
