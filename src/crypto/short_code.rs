//! What the store keeps of codes that people type. A plain hash of one would be searched through in
//! seconds by whoever reads the database; a MAC under the master key is of no use without that key.

use aws_lc_rs::hmac;

use crate::crypto::master_key::{Accepted, Derived, Purpose};
use crate::domain::{
    ClientId,
    secret::{OneTimeCode, UserCode},
};

/// Makes the MACs of short codes.
pub struct ShortCodeKey(Derived<hmac::Key>);

impl ShortCodeKey {
    /// The key under `master`.
    pub fn new<'a>(master: impl Into<Accepted<'a>>) -> Self {
        Self(Derived::of(&master.into(), |master| {
            hmac::Key::new(hmac::HMAC_SHA256, &master.derive(Purpose::ShortCode))
        }))
    }

    /// What the store may keep of a user code: under the current key, or another accepted one.
    pub fn each_user_code(&self, code: &UserCode) -> Vec<Vec<u8>> {
        self.0.each().map(|key| mac(key, &["user_code", code.expose()])).collect()
    }

    /// What the store may keep of an address and a one-time code for it: under the current key, or
    /// another accepted one.
    pub fn each_one_time_code(
        &self,
        client: &ClientId,
        address: &str,
        code: &OneTimeCode,
    ) -> Vec<(Vec<u8>, Vec<u8>)> {
        let pair = |key| (of_address(key, address), of_one_time_code(key, client, address, code));
        self.0.each().map(pair).collect()
    }

    /// What the store keeps of a user code (RFC 8628).
    pub fn user_code(&self, code: &UserCode) -> Vec<u8> {
        mac(&self.0.current, &["user_code", code.expose()])
    }

    /// What the store keeps of a one-time code, which is good for one address in one application.
    pub fn one_time_code(&self, client: &ClientId, address: &str, code: &OneTimeCode) -> Vec<u8> {
        of_one_time_code(&self.0.current, client, address, code)
    }

    /// What the store keeps of an address that a code was sent to.
    pub fn address(&self, address: &str) -> Vec<u8> {
        of_address(&self.0.current, address)
    }

    /// What the store keeps of what somebody logs in with. Whoever reads the database must not
    /// learn what was typed there: it may be a password.
    pub fn login_identifier(&self, identifier: &str) -> Vec<u8> {
        mac(&self.0.current, &["login_identifier", identifier])
    }

    /// Names an address in answers without telling whether anybody has it.
    pub fn public_id(&self, address: &str) -> Vec<u8> {
        mac(&self.0.current, &["public_id", address])
    }
}

fn of_address(key: &hmac::Key, address: &str) -> Vec<u8> {
    mac(key, &["address", address])
}

fn of_one_time_code(
    key: &hmac::Key,
    client: &ClientId,
    address: &str,
    code: &OneTimeCode,
) -> Vec<u8> {
    mac(key, &["one_time_code", client.as_str(), address, code.expose()])
}

/// Each part goes in after its length: no two lists of parts are the same bytes.
fn mac(key: &hmac::Key, parts: &[&str]) -> Vec<u8> {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    context.sign().as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::master_key::{MasterKey, MasterKeys};

    #[test]
    fn the_parts_of_a_mac_are_kept_apart() {
        let key = ShortCodeKey::new(&MasterKey::new([7; 32])).0.current;
        assert_ne!(mac(&key, &["ab", "c"]), mac(&key, &["a", "bc"]));
        let other = ShortCodeKey::new(&MasterKey::new([8; 32])).0.current;
        assert_ne!(mac(&key, &["a"]), mac(&other, &["a"]));
    }

    #[test]
    fn a_code_of_another_accepted_key_is_looked_for_too() {
        let code = UserCode::new("WDJB-MJHT");
        let before = ShortCodeKey::new(&MasterKey::new([1; 32])).user_code(&code);
        let keys = MasterKeys::new(MasterKey::new([2; 32]), [MasterKey::new([1; 32])]);
        let between = ShortCodeKey::new(&keys);
        assert_eq!(between.each_user_code(&code), [between.user_code(&code), before]);
    }
}
