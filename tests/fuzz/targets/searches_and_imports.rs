//! The search syntax of the Management API, and files of users.
//!
//! - Any text that is quoted, or escaped, is found as itself: no text breaks out of its term.
//! - What a search asks for is bounded, whatever is written.
//! - A file gives the same items however it is cut into pieces, and those that a JSON parser finds.
//! - A user who is taken from a file has an address and nothing that only this server may say; his
//!   password hash is what was read, also after it was stored.

use doorward::crypto::foreign_password::ForeignPassword;
use doorward::domain::user_search::Condition;
use doorward::http::management::jobs::FILE_FORMAT;
use doorward::login::jobs::array::Items;
use doorward::policy::{
    query_syntax::{self, MAX_LENGTH, MAX_TERMS, Query, Value as Asked},
    user_search,
};
use serde_json::Value;

/// The first byte chooses between a query, a text, a file and a user.
pub fn run(data: &[u8]) {
    match data.split_first() {
        Some((b'q', query)) => a_query_is_bounded(query),
        Some((b'x', text)) => no_text_breaks_out(text),
        Some((b'a', file)) => a_file_is_cut_well(file),
        Some((b'u', user)) => a_user_is_read_well(user),
        _ => {}
    }
}

fn terms(query: &Query) -> usize {
    match query {
        Query::All(all) | Query::Any(all) => all.iter().map(terms).sum(),
        Query::Not(query) => terms(query),
        Query::Term(..) => 1,
    }
}

fn depth(condition: &Condition) -> usize {
    match condition {
        Condition::All(all) | Condition::Any(all) => {
            1 + all.iter().map(depth).max().unwrap_or_default()
        }
        Condition::Not(condition) => 1 + depth(condition),
        _ => 1,
    }
}

fn a_query_is_bounded(query: &[u8]) {
    let Ok(text) = std::str::from_utf8(query) else { return };
    if let Ok(query) = query_syntax::parse(text) {
        assert!(text.len() <= MAX_LENGTH);
        assert!(terms(&query) <= MAX_TERMS, "{text}");
    }
    if let Ok(condition) = user_search::condition(text) {
        // Each of the ten levels of parentheses is a list of alternatives with a NOT.
        assert!(depth(&condition) <= 64, "{text}");
    }
    let (sort, rest) = super::edit::first_line(text);
    let _ = user_search::sort(sort);
    for beginning in user_search::beginnings(rest) {
        let typed = rest.trim().to_lowercase();
        assert!(beginning.begins.to_lowercase().ends_with(&typed), "{rest}");
    }
}

fn no_text_breaks_out(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    if text.is_empty() || text.len() > 2000 {
        return;
    }
    let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
    let escaped: String = text.chars().flat_map(|c| ['\\', c]).collect();
    for query in [format!("email:\"{quoted}\""), format!("email:{escaped}")] {
        let expected = Query::Term(Some("email".to_owned()), Asked::Is(text.to_owned()));
        assert_eq!(query_syntax::parse(&query), Ok(expected.clone()), "{query}");
        let both = query_syntax::parse(&format!("NOT ({query}) AND name:x"));
        let name = Query::Term(Some("name".to_owned()), Asked::Is("x".to_owned()));
        let expected = Query::All(vec![Query::Not(Box::new(expected)), name]);
        assert_eq!(both, Ok(expected), "{query}");
    }
}

fn items(pieces: &[&[u8]]) -> Option<Vec<Vec<u8>>> {
    let (mut items, mut found) = (Items::default(), Vec::new());
    for piece in pieces {
        items.read(piece, |item| found.push(item.to_vec())).ok()?;
    }
    items.finish().ok()?;
    Some(found)
}

/// The first byte says where it is cut.
fn a_file_is_cut_well(data: &[u8]) {
    let Some((at, file)) = data.split_first() else { return };
    let (left, right) = file.split_at(usize::from(*at).min(file.len()));
    let whole = items(&[file]);
    assert_eq!(items(&[left, right]), whole, "where it is cut does not matter");
    let one_by_one: Vec<&[u8]> = file.chunks(1).collect();
    assert_eq!(items(&one_by_one), whole);
    let mark = "\u{feff}".as_bytes();
    let json = file.strip_prefix(mark).unwrap_or(file);
    if let Ok(Value::Array(expected)) = serde_json::from_slice(json) {
        let whole = whole.expect("an array of JSON is one");
        let read = |item: &Vec<u8>| serde_json::from_slice::<Value>(item).expect("JSON");
        assert_eq!(whole.iter().map(read).collect::<Vec<_>>(), expected);
    }
}

fn a_user_is_read_well(user: &[u8]) {
    let Ok(item) = serde_json::from_slice::<Value>(user) else { return };
    let user = match (FILE_FORMAT.read)(&item) {
        Ok(user) => user,
        Err(why) => {
            // An error may be worded like a secret, but must not depend on it.
            let other = (FILE_FORMAT.read)(&with_other_secrets(&item)).err();
            let is_same = other.is_some_and(|other| other.message == why.message);
            let secrets = [&item["password_hash"], &item["custom_password_hash"]["hash"]["value"]];
            for secret in secrets.iter().filter_map(|v| v.as_str()).filter(|s| s.len() > 8) {
                assert!(
                    is_same || !why.message.contains(secret),
                    "a secret is told: {}",
                    why.message
                );
            }
            return;
        }
    };
    assert!(user.email.contains('@') && user.email == user.email.to_lowercase(), "{}", user.email);
    assert!(user.username.as_deref().is_none_or(|name| !name.chars().any(char::is_whitespace)));
    assert!(!user.profile.contains_key("email") && !user.profile.contains_key("user_id"));
    assert!(!user.profile.contains_key("blocked"), "a profile says nothing about rights");
    if let Some(password) = user.password {
        let stored = password.to_stored();
        assert!(ForeignPassword::is_stored(&stored));
        assert_eq!(ForeignPassword::from_stored(&stored), Some(password), "{stored}");
    }
}

/// The same user with other hashes of the same length.
fn with_other_secrets(item: &Value) -> Value {
    let mut item = item.clone();
    for path in ["/password_hash", "/custom_password_hash/hash/value"] {
        if let Some(Value::String(secret)) = item.pointer_mut(path) {
            *secret = "~".repeat(secret.len());
        }
    }
    item
}
