//! What of a policy entry has no effect, and why: for operators. An exchange never gives it, and
//! does not say so.

use crate::domain::{
    client::RefreshTokenPolicy, resource_server::ResourceServer, scope::OIDC_SCOPES,
};

/// What of `policy` has no effect in an application that belongs to the operator or not, in a
/// sentence each; none for an entry without fault. `api` is the one that the entry names, `None`
/// when there is none.
pub fn void(
    policy: &RefreshTokenPolicy,
    is_first_party: bool,
    api: Option<&ResourceServer>,
) -> Vec<String> {
    let Some(api) = api else { return vec!["no API has this identifier".to_owned()] };
    let mut void = Vec::new();
    if api.is_system {
        void.push("no policy opens the Management API".to_owned());
    }
    if !is_first_party {
        void.push("the application is a third party".to_owned());
    }
    let defined = api.defined_scopes();
    for scope in policy.scope.iter() {
        if OIDC_SCOPES.contains(&scope) {
            void.push(format!("{scope}: only the login grants OIDC scopes"));
        } else if !defined.contains(scope) {
            void.push(format!("{scope}: the API does not define it"));
        }
    }
    void
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::{audience::Audience, scope::ScopeSet};

    #[test]
    fn what_has_no_effect_is_named() {
        let api = |more: Value| {
            let mut document = json!({ "scopes": [{ "value": "read" }, { "value": "write" }] });
            document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            serde_json::from_value::<ResourceServer>(document).unwrap()
        };
        let (api, system) = (api(json!({})), api(json!({ "is_system": true })));
        for (scope, is_first_party, api, expected) in [
            ("read write", true, Some(&api), vec![]),
            ("", true, Some(&api), vec![]),
            ("read", true, None, vec!["no API has this identifier"]),
            ("read", false, None, vec!["no API has this identifier"]),
            ("read", false, Some(&api), vec!["the application is a third party"]),
            ("read", true, Some(&system), vec!["no policy opens the Management API"]),
            (
                "openid read erase",
                true,
                Some(&api),
                vec![
                    "openid: only the login grants OIDC scopes",
                    "erase: the API does not define it",
                ],
            ),
        ] {
            let (audience, set) = (Audience::new("https://api.example"), ScopeSet::parse(scope));
            let mut found = void(&RefreshTokenPolicy { audience, scope: set }, is_first_party, api);
            found.sort_by_key(|why| !why.starts_with("openid"));
            assert_eq!(found, expected, "{scope} {is_first_party}");
        }
    }
}
