//! Request parsing: query, form and JSON parameters of the OAuth endpoints, and scopes.
//!
//! - What is read is what a decoder of its own reads, or nothing is: no byte is lost, invented or
//!   moved to another parameter.
//! - A name that stands twice is told, whatever the values are: who checks requests in front of
//!   this server may have looked at the other one.
//! - A set of scopes has no duplicates and no white space in its members; it survives being
//!   written and read; unions and intersections hold no scope that came from nowhere.

use std::collections::{BTreeMap, HashSet};

use doorward::domain::{audience::Audience, scope::ScopeSet};
use doorward::http::extract::parameters::Parameters;
use serde_json::Value;

/// The first byte chooses between form, JSON and scopes.
pub fn run(data: &[u8]) {
    match data.split_first() {
        Some((b'f', form)) => form_is_read_exactly(form),
        Some((b'j', json)) => json_is_read_exactly(json),
        Some((b's', scopes)) => scopes_stay_what_they_are(scopes),
        _ => {}
    }
}

fn form_is_read_exactly(form: &[u8]) {
    let expected = decoded_form(form);
    let Ok(read) = Parameters::from_form(form) else {
        // Refused: there must be something that no parameter may have.
        let bad = |text: &String| text.contains('\0') || text.contains('\u{fffd}');
        let is_bad = expected.is_none_or(|all| all.iter().any(|(n, v)| bad(n) || bad(v)));
        assert!(is_bad, "a good form is refused");
        return;
    };
    let expected = expected.expect("only UTF-8 is taken");
    compare(&read, &expected);
    values_are_bounded(&read);
}

fn json_is_read_exactly(json: &[u8]) {
    let Ok(read) = Parameters::from_json(json) else { return };
    let value: Value = serde_json::from_slice(json).expect("what is read is JSON");
    let object = value.as_object().expect("what is read is an object");
    if read.repeated().is_none() {
        for (name, value) in object {
            match value {
                Value::String(text) => assert_eq!(read.get(name).unwrap_or(""), text),
                Value::Null => assert_eq!(read.get(name), None, "{name}"),
                _ => {}
            }
        }
        let known = read.without(&[]);
        assert!(known.keys().all(|name| object.contains_key(name)), "a parameter from nowhere");
    }
    assert_eq!(read.repeated().is_some(), has_repeated_name(json), "repeated names are told");
    values_are_bounded(&read);
}

fn scopes_stay_what_they_are(scopes: &[u8]) {
    let Ok(text) = std::str::from_utf8(scopes) else { return };
    let (left, right) = super::edit::first_line(text);
    let (a, b) = (ScopeSet::parse(left), ScopeSet::parse(right));
    let members: Vec<&str> = a.iter().collect();
    let unique: HashSet<&str> = a.iter().collect();
    assert_eq!(members.len(), unique.len(), "no duplicates");
    assert!(members.iter().all(|s| !s.is_empty() && !s.chars().any(char::is_whitespace)));
    assert_eq!(ScopeSet::parse(&a.to_string()), a, "it survives being written");
    let (all, both) = (a.union(&b), a.intersection(&b));
    assert!(all.iter().all(|s| a.contains(s) || b.contains(s)), "nothing comes from nowhere");
    assert!(a.iter().chain(b.iter()).all(|s| all.contains(s)), "nothing is lost");
    assert!(both.iter().all(|s| a.contains(s) && b.contains(s)), "no more than both have");
    assert!(a.iter().all(|s| both.contains(s) == b.contains(s)), "no less either");
    let (oidc, api) = (a.oidc(), a.api());
    assert!(oidc.iter().all(|s| !api.contains(s)), "a scope is of one kind");
    assert_eq!(oidc.iter().count() + api.iter().count(), members.len());
    let json = serde_json::to_value(&a).expect("JSON");
    assert_eq!(serde_json::from_value::<ScopeSet>(json).expect("a set"), a);
}

fn compare(read: &Parameters, expected: &[(String, String)]) {
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    let mut repeated = None;
    for (name, value) in expected {
        if first.contains_key(name.as_str()) {
            repeated.get_or_insert(name.as_str());
        } else {
            first.insert(name, value);
        }
    }
    assert_eq!(read.repeated(), repeated);
    let all = read.without(&[]);
    assert_eq!(all.len(), first.len());
    for (name, value) in first {
        assert_eq!(all.get(name).map(String::as_str), Some(value), "{name}");
        assert_eq!(read.get(name), Some(value).filter(|value| !value.is_empty()));
    }
}

fn values_are_bounded(read: &Parameters) {
    if let Ok(Some(scope)) = read.scope() {
        assert!(scope.to_string().len() <= ScopeSet::MAX_LENGTH);
    }
    if let Ok(Some(audience)) = read.audience() {
        assert!(audience.as_str().chars().count() <= Audience::MAX_LENGTH);
        let named = [read.get("audience"), read.get("resource")];
        assert!(named.iter().flatten().all(|name| *name == audience.as_str()));
    }
}

/// application/x-www-form-urlencoded by hand. `None` when something is not UTF-8.
fn decoded_form(form: &[u8]) -> Option<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    for piece in form.split(|b| *b == b'&').filter(|piece| !piece.is_empty()) {
        let end = piece.iter().position(|b| *b == b'=').unwrap_or(piece.len());
        let value = piece.get(end + 1..).unwrap_or_default();
        pairs.push((percent_decoded(&piece[..end])?, percent_decoded(value)?));
    }
    Some(pairs)
}

fn percent_decoded(text: &[u8]) -> Option<String> {
    let digit = |at: usize| text.get(at).and_then(|b| char::from(*b).to_digit(16));
    let (mut out, mut at) = (Vec::new(), 0);
    while let Some(byte) = text.get(at) {
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).expect("two digits"));
                at += 2;
            }
            (b'+', ..) => out.push(b' '),
            _ => out.push(*byte),
        }
        at += 1;
    }
    String::from_utf8(out).ok()
}

/// Whether an object at the root names a member twice.
fn has_repeated_name(json: &[u8]) -> bool {
    struct Names;
    impl<'de> serde::de::Visitor<'de> for Names {
        type Value = bool;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
            let (mut names, mut repeated) = (HashSet::new(), false);
            while let Some(name) = map.next_key::<String>()? {
                map.next_value::<serde::de::IgnoredAny>()?;
                repeated |= !names.insert(name);
            }
            Ok(repeated)
        }
    }
    use serde::Deserializer as _;
    serde_json::Deserializer::from_slice(json).deserialize_map(Names).expect("it was read before")
}
