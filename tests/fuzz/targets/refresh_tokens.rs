//! Refresh-token decoding.
//!
//! - What verifies was derived by us: the token that is derived again for the same family, salt and
//!   generation is the same text. There is one spelling of a token and no other.
//! - No change to a token of ours verifies, nor does it under another salt or master key.

use doorward::crypto::{master_key::MasterKey, refresh_token::RefreshTokenKey};
use doorward::domain::{FamilyId, secret::RefreshToken};

const SALT: [u8; 16] = [7; 16];

/// The first byte chooses between a token as it comes, one of ours, and a changed one of ours.
pub fn run(data: &[u8]) {
    match data.split_first() {
        Some((b'r', text)) => nothing_foreign_verifies(text),
        Some((b'd', data)) => what_was_derived_verifies(data),
        Some((b'e', edit)) => what_was_changed_does_not(edit),
        _ => {}
    }
}

fn key() -> RefreshTokenKey {
    RefreshTokenKey::new(&MasterKey::new([1; 32]))
}

fn nothing_foreign_verifies(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    let (key, token) = (key(), RefreshToken::new(text));
    let Some(presented) = key.parse(&token) else { return };
    let again = key.derive(&presented.family(), &SALT, presented.generation());
    let again = again.expect("a family that was parsed is one of ours");
    assert_eq!(key.verify(&presented, &SALT), again == token, "only what was minted verifies");
}

fn what_was_derived_verifies(data: &[u8]) {
    let Some((family, rest)) = data.split_first_chunk::<16>() else { return };
    let Some((generation, rest)) = rest.split_first_chunk::<4>() else { return };
    let Some((salt, _)) = rest.split_first_chunk::<16>() else { return };
    let family: String = family.iter().map(|byte| format!("{byte:02x}")).collect();
    let (family, generation) = (FamilyId::new(family), u32::from_be_bytes(*generation));
    let key = key();
    let token = key.derive(&family, salt, generation).expect("a family of ours");
    let presented = key.parse(&token).expect("our token");
    assert_eq!((presented.family(), presented.generation()), (family, generation));
    assert!(key.verify(&presented, salt));
    let mut other = *salt;
    other[0] ^= 1;
    assert!(!key.verify(&presented, &other), "another salt");
    let other = RefreshTokenKey::new(&MasterKey::new([2; 32]));
    assert!(other.parse(&token).is_none_or(|p| !other.verify(&p, salt)), "another master key");
}

fn what_was_changed_does_not(edit: &[u8]) {
    let (key, family) = (key(), FamilyId::new("00112233445566778899aabbccddeeff"));
    let token = key.derive(&family, &SALT, 7).expect("a family of ours");
    let Some(changed) = super::edit::edited(token.expose(), edit) else { return };
    let changed = RefreshToken::new(changed);
    let verifies = key.parse(&changed).is_some_and(|p| key.verify(&p, &SALT));
    assert_eq!(verifies, changed == token, "{}", changed.expose());
}
