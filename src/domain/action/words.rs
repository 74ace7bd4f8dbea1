//! The calls of a script in sentences, for who tries it out.

use serde_json::Value;

use crate::domain::{action::command::Command, time::Timestamp};

/// Most characters of a value in a sentence.
const LONGEST_VALUE: usize = 300;

impl Command {
    /// What would follow from the call, in one sentence, as far as the server grants it.
    pub fn in_words(&self) -> String {
        match self {
            Self::Deny { code, reason, message } => {
                let code = code.as_ref().map(|code| format!(" with {code}")).unwrap_or_default();
                let told = message.as_ref().map(|text| format!(" The user reads \"{text}\"."));
                format!("Refuses{code}: \"{reason}\".{}", told.unwrap_or_default())
            }
            Self::Unauthorized { reason } => format!("Refuses as unauthorized: \"{reason}\"."),
            Self::ValidationError { code, message } => {
                format!("Refuses with the code {code}: \"{message}\".")
            }
            Self::SetAccessTokenClaim { name, value } => sets(name, value, "the access token"),
            Self::SetIdTokenClaim { name, value } => sets(name, value, "the ID token"),
            Self::AddScope { scope } => format!("Adds the scope {scope} to the access token."),
            Self::RemoveScope { scope } => {
                format!("Takes the scope {scope} from the access token.")
            }
            Self::SetScope { scope } if scope.is_empty() => {
                "Leaves the access token without scopes.".to_owned()
            }
            Self::SetScope { scope } => {
                format!("Sets the scopes of the access token to {}.", scope.join(" "))
            }
            Self::RecordMethod { name } => {
                format!("Records {name} as a way in which the user has authenticated.")
            }
            Self::SendUserTo { url } => format!("Sends the browser to {url} before it goes on."),
            Self::SetAppMetadata { key, value } => keeps(key, value, "app_metadata of the user"),
            Self::SetUserMetadata { key, value } => keeps(key, value, "user_metadata of the user"),
            Self::SetTransactionMetadata { key, value } => {
                keeps(key, value, "the metadata of this login")
            }
            Self::CacheSet { key, expires_at, .. } => {
                let until = Timestamp::from_millis(*expires_at).iso8601();
                format!("Keeps a text as {key} in the cache until {until}.")
            }
            Self::CacheDelete { key } => format!("Forgets {key} in the cache."),
            other => other.of_session_or_token(),
        }
    }

    /// As [`Self::in_words`], of the browser session and the refresh token.
    fn of_session_or_token(&self) -> String {
        const TOKEN: &str = "the refresh token";
        const SESSION: &str = "the browser session";
        match self {
            Self::RevokeRefreshToken { reason } => {
                format!("Revokes {TOKEN}, and refuses: \"{reason}\".")
            }
            Self::RevokeSession { reason, preserve_refresh_tokens: true } => {
                format!("Ends {SESSION} but not its refresh tokens, and refuses: \"{reason}\".")
            }
            Self::RevokeSession { reason, .. } => {
                format!("Ends {SESSION} with its refresh tokens, and refuses: \"{reason}\".")
            }
            Self::SetRefreshTokenExpiresAt { at } => ends(TOKEN, *at, ""),
            Self::SetSessionExpiresAt { at } => ends(SESSION, *at, ""),
            Self::SetRefreshTokenIdleExpiresAt { at } => ends(TOKEN, *at, " if it is not used"),
            Self::SetSessionIdleExpiresAt { at } => ends(SESSION, *at, " if it is not used"),
            Self::SetSessionCookieMode { mode } => {
                format!("Makes the cookie of {SESSION} {mode}.")
            }
            Self::SetRefreshTokenMetadata { key, value } => keeps_text(key, value.as_ref(), TOKEN),
            Self::SetSessionMetadata { key, value } => keeps_text(key, value.as_ref(), SESSION),
            Self::DeleteRefreshTokenMetadata { key } => keeps_text(key, None, TOKEN),
            Self::DeleteSessionMetadata { key } => keeps_text(key, None, SESSION),
            Self::EvictRefreshTokenMetadata {} => format!("Removes all metadata of {TOKEN}."),
            Self::EvictSessionMetadata {} => format!("Removes all metadata of {SESSION}."),
            // All others have their words above.
            _ => String::new(),
        }
    }
}

/// A value as JSON, cut where it is long.
fn shown(value: &Value) -> String {
    let json = value.to_string();
    match json.char_indices().nth(LONGEST_VALUE) {
        Some((end, _)) => format!("{}…", &json[..end]),
        None => json,
    }
}

fn sets(name: &str, value: &Value, whose: &str) -> String {
    format!("Sets the claim {name} of {whose} to {}.", shown(value))
}

fn keeps(key: &str, value: &Value, whose: &str) -> String {
    match value {
        Value::Null => format!("Removes {key} from {whose}."),
        value => format!("Sets {key} in {whose} to {}.", shown(value)),
    }
}

fn keeps_text(key: &str, value: Option<&String>, whose: &str) -> String {
    let value = value.map_or(Value::Null, |text| Value::from(text.as_str()));
    keeps(key, &value, &format!("the metadata of {whose}"))
}

fn ends(what: &str, at: i64, condition: &str) -> String {
    format!("Has {what} end at {}{condition}.", Timestamp::from_millis(at).iso8601())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn words(call: &str, args: Value) -> String {
        let command: Command =
            serde_json::from_value(json!({ "call": call, "args": args })).unwrap();
        command.in_words()
    }

    #[test]
    #[rustfmt::skip]
    fn every_call_has_its_sentence() {
        for (call, args, sentence) in [
            ("access.deny", json!({ "reason": "no" }), "Refuses: \"no\"."),
            ("access.deny", json!({ "code": "invalid_scope", "reason": "no" }), "Refuses with invalid_scope: \"no\"."),
            ("access.deny", json!({ "reason": "no", "message": "Sorry" }), "Refuses: \"no\". The user reads \"Sorry\"."),
            ("access.unauthorized", json!({ "reason": "no" }), "Refuses as unauthorized: \"no\"."),
            ("validation.error", json!({ "code": "c", "message": "m" }), "Refuses with the code c: \"m\"."),
            ("accessToken.setCustomClaim", json!({ "name": "n", "value": 1 }), "Sets the claim n of the access token to 1."),
            ("idToken.setCustomClaim", json!({ "name": "n", "value": ["a"] }), "Sets the claim n of the ID token to [\"a\"]."),
            ("accessToken.addScope", json!({ "scope": "s" }), "Adds the scope s to the access token."),
            ("accessToken.removeScope", json!({ "scope": "s" }), "Takes the scope s from the access token."),
            ("accessToken.setScope", json!({ "scope": [] }), "Leaves the access token without scopes."),
            ("accessToken.setScope", json!({ "scope": ["a", "b"] }), "Sets the scopes of the access token to a b."),
            ("authentication.recordMethod", json!({ "name": "urn:x" }), "Records urn:x as a way in which the user has authenticated."),
            ("redirect.sendUserTo", json!({ "url": "https://x" }), "Sends the browser to https://x before it goes on."),
            ("user.setAppMetadata", json!({ "key": "k", "value": "v" }), "Sets k in app_metadata of the user to \"v\"."),
            ("user.setUserMetadata", json!({ "key": "k", "value": null }), "Removes k from user_metadata of the user."),
            ("transaction.setMetadata", json!({ "key": "k", "value": true }), "Sets k in the metadata of this login to true."),
            ("cache.set", json!({ "key": "k", "value": "v", "expires_at": 0 }), "Keeps a text as k in the cache until 1970-01-01T00:00:00.000Z."),
            ("cache.delete", json!({ "key": "k" }), "Forgets k in the cache."),
            ("refreshToken.revoke", json!({ "reason": "no" }), "Revokes the refresh token, and refuses: \"no\"."),
            ("refreshToken.setExpiresAt", json!({ "at": 0 }), "Has the refresh token end at 1970-01-01T00:00:00.000Z."),
            ("refreshToken.setIdleExpiresAt", json!({ "at": 0 }), "Has the refresh token end at 1970-01-01T00:00:00.000Z if it is not used."),
            ("refreshToken.setMetadata", json!({ "key": "k", "value": "v" }), "Sets k in the metadata of the refresh token to \"v\"."),
            ("refreshToken.deleteMetadata", json!({ "key": "k" }), "Removes k from the metadata of the refresh token."),
            ("refreshToken.evictMetadata", json!({}), "Removes all metadata of the refresh token."),
            ("session.revoke", json!({ "reason": "no" }), "Ends the browser session with its refresh tokens, and refuses: \"no\"."),
            ("session.revoke", json!({ "reason": "no", "preserve_refresh_tokens": true }), "Ends the browser session but not its refresh tokens, and refuses: \"no\"."),
            ("session.setExpiresAt", json!({ "at": 0 }), "Has the browser session end at 1970-01-01T00:00:00.000Z."),
            ("session.setIdleExpiresAt", json!({ "at": 0 }), "Has the browser session end at 1970-01-01T00:00:00.000Z if it is not used."),
            ("session.setCookieMode", json!({ "mode": "persistent" }), "Makes the cookie of the browser session persistent."),
            ("session.setMetadata", json!({ "key": "k", "value": null }), "Removes k from the metadata of the browser session."),
            ("session.deleteMetadata", json!({ "key": "k" }), "Removes k from the metadata of the browser session."),
            ("session.evictMetadata", json!({}), "Removes all metadata of the browser session."),
        ] {
            assert_eq!(words(call, args), sentence);
        }
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let told =
            words("idToken.setCustomClaim", json!({ "name": "n", "value": "é".repeat(400) }));
        assert!(told.ends_with("é…."), "{told}");
        assert!(told.chars().count() < 400);
    }
}
