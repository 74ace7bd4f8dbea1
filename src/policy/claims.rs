//! Which claims about a user a scope releases (OIDC Core §5.4, and the per-claim scopes of the
//! Auth0 dialect). A claim without a value is absent.

use serde_json::{Map, Value};

use crate::domain::{scope::ScopeSet, user::User};

/// The scopes that release a claim.
const RELEASED_BY: &[(&str, &[&str])] = &[
    ("name", &["profile", "name"]),
    ("given_name", &["profile", "given_name"]),
    ("family_name", &["profile", "family_name"]),
    ("middle_name", &["profile"]),
    ("nickname", &["profile", "nickname"]),
    ("picture", &["profile", "picture"]),
    ("updated_at", &["profile"]),
    ("email", &["email"]),
    ("email_verified", &["email", "email_verified"]),
    ("phone_number", &["phone", "phone_number"]),
    ("phone_number_verified", &["phone", "phone_number"]),
    ("address", &["address"]),
    ("created_at", &["created_at"]),
    ("identities", &["identities"]),
];

/// The claims that may appear in ID tokens and at `/userinfo`, for the discovery document.
pub fn supported() -> impl Iterator<Item = &'static str> {
    RELEASED_BY.iter().map(|(claim, _)| *claim)
}

/// The claims about `user` that `scope` releases, without the protocol's own (`sub`, `iss`, …).
pub fn released(user: &User, scope: &ScopeSet) -> Map<String, Value> {
    RELEASED_BY
        .iter()
        .filter(|(_, scopes)| scopes.iter().any(|s| scope.contains(s)))
        .filter_map(|(claim, _)| Some(((*claim).to_owned(), value(user, claim)?)))
        .collect()
}

fn value(user: &User, claim: &str) -> Option<Value> {
    let text = |name: &str| user.profile_text(name).map(|t| Value::String(t.to_owned()));
    match claim {
        "updated_at" => Some(user.updated_at.iso8601().into()),
        "created_at" => Some(user.created_at.iso8601().into()),
        "email" => user.email.clone().map(Value::String),
        "email_verified" => user.email.is_some().then_some(Value::Bool(user.email_verified)),
        "phone_number_verified" => {
            text("phone_number")?;
            Some(user.profile.get("phone_verified").cloned().unwrap_or(Value::Bool(false)))
        }
        // The profile has no such member of its own, so applications keep it in the metadata.
        "address" => user.user_metadata.get("address").filter(|a| a.is_object()).cloned(),
        "identities" => Some(identities(user)),
        _ => text(claim),
    }
}

/// The `identities` of a user: the one of its connection.
pub fn identities(user: &User) -> Value {
    let id = user.user_id.as_str();
    let (provider, local) = id.split_once('|').unwrap_or(("auth0", id));
    serde_json::json!([{
        "connection": user.connection,
        "user_id": local,
        "provider": provider,
        "isSocial": false,
    }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;
    use serde_json::json;

    fn user() -> User {
        let map = |v: Value| v.as_object().cloned().unwrap_or_default();
        User {
            email: Some("ada@example.com".into()),
            email_verified: true,
            profile: map(json!({
                "name": "Ada", "family_name": "Lovelace", "nickname": "ada",
                "picture": "https://p.example/a.png", "phone_number": "+4412345",
            })),
            user_metadata: map(json!({ "address": { "country": "UK" } })),
            ..User::new("1", Timestamp::from_millis(1_672_131_402_856))
        }
    }

    #[test]
    #[rustfmt::skip]
    fn scopes_release_their_claims() {
        let cases = [
            ("openid", json!({})),
            ("openid email", json!({ "email": "ada@example.com", "email_verified": true })),
            ("profile", json!({
                "name": "Ada", "family_name": "Lovelace", "nickname": "ada",
                "picture": "https://p.example/a.png", "updated_at": "2022-12-27T08:56:42.856Z",
            })),
            ("openid name email family_name address phone_number", json!({
                "name": "Ada", "family_name": "Lovelace",
                "email": "ada@example.com", "email_verified": true,
                "phone_number": "+4412345", "phone_number_verified": false,
                "address": { "country": "UK" },
            })),
            ("read:messages favorite_color", json!({})),
        ];
        for (scope, expected) in cases {
            assert_eq!(Value::Object(released(&user(), &ScopeSet::parse(scope))), expected, "{scope}");
        }
    }
}
