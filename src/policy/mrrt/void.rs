//! What of a policy entry has no effect, and why, in few words: for operators. An exchange never
//! gives it, and does not say so.

use crate::domain::{
    client::RefreshTokenPolicy,
    resource_server::{ResourceServer, UserPolicy},
    scope::ScopeSet,
};
use crate::policy::{
    login_scope::{RestrictedBy, Restriction},
    mrrt::{
        Api, Original,
        warnings::{EntryFacts, Warning, of_entry},
    },
};

/// What of `policy` has no effect in an application that belongs to the operator or not, whatever
/// the login; none for an entry without fault. `api` is the one that the entry names, `None` when
/// there is none.
pub fn void(
    policy: &RefreshTokenPolicy,
    is_first_party: bool,
    api: Option<&ResourceServer>,
) -> Vec<String> {
    let no_users = |api: &ResourceServer| {
        let is_closed = api.subject_type_authorization.user.policy == UserPolicy::DenyAll;
        let leaves = ScopeSet::default();
        is_closed.then_some(Restriction { by: RestrictedBy::NoUsers, leaves })
    };
    let api = api.map(|api| Api {
        defined: api.defined_scopes(),
        is_system: api.is_system,
        lacks_consent: false,
        restrictions: no_users(api).into_iter().collect(),
    });
    words(&of_entry(
        policy,
        &EntryFacts {
            api: api.as_ref(),
            is_first_party,
            login: Original { audience: None, scope: &ScopeSet::default() },
            demands_consent: false,
            enforces_permissions: false,
        },
    ))
}

/// What of these warnings is about something without effect.
pub fn words(warnings: &[Warning]) -> Vec<String> {
    let void = warnings.iter().filter_map(|warning| {
        let because = warning.because?;
        Some(match &warning.scope {
            Some(scope) => format!("{scope}: {because}"),
            None => because.to_owned(),
        })
    });
    void.collect()
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
        let closed =
            api(json!({ "subject_type_authorization": { "user": { "policy": "deny_all" } } }));
        let (api, system) = (api(json!({})), api(json!({ "is_system": true })));
        for (scope, is_first_party, api, expected) in [
            ("read write", true, Some(&api), vec![]),
            ("", true, Some(&api), vec![]),
            ("read", true, None, vec!["no API has this identifier"]),
            ("read", false, None, vec!["no API has this identifier"]),
            ("read", false, Some(&api), vec!["the application is a third party"]),
            ("read", true, Some(&closed), vec!["read: the API lets no user in"]),
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
