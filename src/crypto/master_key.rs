//! The master key and the keys derived from it (HKDF, RFC 5869). The database without the master
//! key forges no token and opens no secret.

use aws_lc_rs::hkdf;

use crate::crypto::{Failed, hex};

/// The 256-bit key everything else is derived from.
pub struct MasterKey([u8; 32]);

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(***)")
    }
}

/// The master keys that are accepted: the one that everything new is made with, and those beside it
/// while one gives way to the next.
#[derive(Debug)]
pub struct MasterKeys {
    current: MasterKey,
    others: Vec<MasterKey>,
}

impl MasterKeys {
    /// With the current one and the others.
    pub fn new(current: MasterKey, others: impl IntoIterator<Item = MasterKey>) -> Self {
        Self { current, others: others.into_iter().collect() }
    }
}

/// What a key is derived from: one master key, or several that are accepted.
pub struct Accepted<'a> {
    current: &'a MasterKey,
    others: &'a [MasterKey],
}

impl<'a> Accepted<'a> {
    /// The one that everything new is made with.
    pub(super) fn current(&self) -> &'a MasterKey {
        self.current
    }
}

impl<'a> From<&'a MasterKey> for Accepted<'a> {
    fn from(current: &'a MasterKey) -> Self {
        Self { current, others: &[] }
    }
}

impl<'a> From<&'a MasterKeys> for Accepted<'a> {
    fn from(keys: &'a MasterKeys) -> Self {
        Self { current: &keys.current, others: &keys.others }
    }
}

/// A key derived from each accepted master key.
#[derive(Debug)]
pub(super) struct Derived<K> {
    /// Makes everything new.
    pub(super) current: K,
    others: Vec<K>,
}

impl<K> Derived<K> {
    /// One `derive`d from each.
    pub(super) fn of(accepted: &Accepted<'_>, derive: impl Fn(&MasterKey) -> K) -> Self {
        let others = accepted.others.iter().map(&derive).collect();
        Self { current: derive(accepted.current), others }
    }
    /// The current one first.
    pub(super) fn each(&self) -> impl Iterator<Item = &K> {
        std::iter::once(&self.current).chain(&self.others)
    }
}

impl<K, E> Derived<Result<K, E>> {
    /// All of them, or the first error.
    pub(super) fn transposed(self) -> Result<Derived<K>, E> {
        let others = self.others.into_iter().collect::<Result<_, _>>()?;
        Ok(Derived { current: self.current?, others })
    }
}

/// What a derived key is for. Each purpose has its own key, so that nothing made for one is ever
/// accepted for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The MAC of refresh tokens.
    RefreshToken,
    /// Sealing what a browser carries: login transactions.
    Transaction,
    /// Sealing secrets at rest: signing keys, client secrets.
    AtRest,
    /// The MAC of the nonces of DPoP proofs.
    DpopNonce,
    /// The MAC of codes that people type: too short for a hash without a key.
    ShortCode,
    /// The MAC that entity tags are.
    EntityTag,
    /// The MAC of the cursors of listings.
    Cursor,
}

impl Purpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::RefreshToken => b"doorward/v1/refresh-token",
            Self::Transaction => b"doorward/v1/transaction",
            Self::AtRest => b"doorward/v1/at-rest",
            Self::DpopNonce => b"doorward/v1/dpop-nonce",
            Self::ShortCode => b"doorward/v1/short-code",
            Self::EntityTag => b"doorward/v1/entity-tag",
            Self::Cursor => b"doorward/v1/cursor",
        }
    }
}

/// The length of a derived key.
struct Bytes<const N: usize>;

impl<const N: usize> hkdf::KeyType for Bytes<N> {
    fn len(&self) -> usize {
        N
    }
}

impl MasterKey {
    /// From raw bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// From 64 hex digits, as `openssl rand -hex 32` prints them.
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn parse(text: &str) -> Result<Self, Failed> {
        let bytes = hex::decode(text.trim());
        bytes.map(Self).ok_or(Failed("the master key must be 64 hex digits"))
    }

    /// The 64 hex digits.
    pub fn to_hex(&self) -> String {
        hex::encode(&self.0)
    }

    /// The 32-byte key for `purpose`.
    pub(super) fn derive(&self, purpose: Purpose) -> [u8; 32] {
        self.expand(&[purpose.label()])
    }

    /// Names the key without revealing it, so that tokens of an old master key are recognised.
    pub(super) fn id(&self) -> [u8; 4] {
        self.expand(&[b"doorward/v1/key-id"])
    }

    fn expand<const N: usize>(&self, info: &[&[u8]]) -> [u8; N] {
        let mut key = [0; N];
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, b"doorward").extract(&self.0);
        // Both can only fail for output longer than 8,160 bytes.
        let okm = prk.expand(info, Bytes::<N>).expect("a short HKDF output");
        okm.fill(&mut key).expect("a buffer of the length asked for");
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_have_different_keys() {
        let key = MasterKey::new([7; 32]);
        assert_ne!(key.derive(Purpose::RefreshToken), key.derive(Purpose::Transaction));
        assert_ne!(key.derive(Purpose::AtRest), key.derive(Purpose::Transaction));
    }

    #[test]
    fn the_text_form_survives_and_rubbish_is_refused() {
        let key = MasterKey::new([0xa5; 32]);
        assert_eq!(MasterKey::parse(&key.to_hex()).unwrap().0, key.0);
        for rubbish in ["", "a5", &"g".repeat(64), &"é".repeat(32), &format!("+{}", "a".repeat(63))]
        {
            assert!(MasterKey::parse(rubbish).is_err(), "{rubbish}");
        }
        assert_eq!(format!("{key:?}"), "MasterKey(***)");
    }
}
