//! Sealed transactions: what a browser carries through a login.
//!
//! - What opens was sealed by us, for this purpose and this browser, and is unchanged to the byte:
//!   there is one spelling of a box.
//! - What was sealed comes back as it was.
//! - What is inside survives being written and read.

use std::sync::OnceLock;

use doorward::crypto::{
    master_key::{MasterKey, Purpose},
    seal::Sealer,
};
use doorward::login::transaction::Errand;

/// The first byte chooses between a box as it comes, contents, a changed box, and what is inside.
pub fn run(data: &[u8]) {
    match data.split_first() {
        Some((b'r', text)) => nothing_foreign_opens(text),
        Some((b'p', plain)) => what_was_sealed_comes_back(plain),
        Some((b'e', edit)) => what_was_changed_does_not_open(edit),
        Some((b't', json)) => what_is_inside_survives(json),
        _ => {}
    }
}

fn sealer(purpose: Purpose) -> Sealer {
    Sealer::new(&MasterKey::new([1; 32]), purpose).expect("a key")
}

fn transactions() -> &'static Sealer {
    static SEALER: OnceLock<Sealer> = OnceLock::new();
    SEALER.get_or_init(|| sealer(Purpose::Transaction))
}

fn nothing_foreign_opens(text: &[u8]) {
    if let Ok(text) = std::str::from_utf8(text) {
        assert!(transactions().open_text(text, b"browser").is_err(), "{text}");
    }
    assert!(transactions().open(text, b"browser").is_err());
}

fn what_was_sealed_comes_back(data: &[u8]) {
    let Some((nonce, plain)) = data.split_first() else { return };
    let entropy = super::edit::Same(*nonce);
    let sealed = transactions().seal_text(plain, b"browser", &entropy).expect("sealed");
    assert_eq!(transactions().open_text(&sealed, b"browser").expect("opened"), plain);
    assert!(transactions().open_text(&sealed, b"other browser").is_err(), "another browser");
    static AT_REST: OnceLock<Sealer> = OnceLock::new();
    let at_rest = AT_REST.get_or_init(|| sealer(Purpose::AtRest));
    assert!(at_rest.open_text(&sealed, b"browser").is_err(), "another purpose");
}

fn what_was_changed_does_not_open(edit: &[u8]) {
    static GENUINE: OnceLock<String> = OnceLock::new();
    let genuine = GENUINE.get_or_init(|| {
        let entropy = super::edit::Same(5);
        transactions().seal_text(b"{\"a\":\"login\"}", b"browser", &entropy).expect("sealed")
    });
    let Some(changed) = super::edit::edited(genuine, edit) else { return };
    let opens = transactions().open_text(&changed, b"browser").is_ok();
    assert_eq!(opens, changed == *genuine, "{changed}");
}

fn what_is_inside_survives(json: &[u8]) {
    let Ok(errand) = serde_json::from_slice::<Errand>(json) else { return };
    let written = serde_json::to_vec(&errand).expect("JSON");
    assert_eq!(serde_json::from_slice::<Errand>(&written).expect("an errand"), errand);
}
