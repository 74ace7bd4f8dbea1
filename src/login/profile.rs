//! A user's profile as it is when nobody has said more.

use serde_json::{Map, Value};

use crate::crypto::digest;

/// Fills in what a new profile lacks: `name` is the address (or user name), `nickname` its local
/// part, `picture` its gravatar.
pub fn complete(profile: &mut Map<String, Value>, email: Option<&str>, username: Option<&str>) {
    let Some(known_as) = email.or(username) else { return };
    let local = known_as.split('@').next().unwrap_or(known_as);
    let mut put = |name: &str, value: String| {
        profile.entry(name).or_insert(Value::String(value));
    };
    put("name", known_as.to_owned());
    put("nickname", local.to_owned());
    put("picture", picture(known_as));
}

/// The gravatar of an address, with the first two letters as its stand-in.
fn picture(known_as: &str) -> String {
    let known_as = known_as.to_lowercase();
    let letters: String = known_as.chars().filter(char::is_ascii_alphanumeric).take(2).collect();
    let md5 = digest::md5_hex(&known_as);
    format!(
        "https://s.gravatar.com/avatar/{md5}?s=480&r=pg&d=https%3A%2F%2Fcdn.auth0.com%2Favatars%2F{letters}.png"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_completed_as_recorded_and_never_overwritten() {
        let mut profile = Map::new();
        profile.insert("nickname".into(), "T".into());
        complete(&mut profile, Some("testaccuser@acceptance.test.com"), None);
        assert_eq!(profile["name"], "testaccuser@acceptance.test.com");
        assert_eq!(profile["nickname"], "T");
        assert_eq!(
            profile["picture"],
            "https://s.gravatar.com/avatar/324ad113b0ef6dabbb2c2c4cf8a8d108?s=480&r=pg&d=https%3A%2F%2Fcdn.auth0.com%2Favatars%2Fte.png"
        );
    }
}
