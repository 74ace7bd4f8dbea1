//! Whether a login must ask the user for consent.

use crate::domain::{client::Client, resource_server::ResourceServer, scope::ScopeSet};

/// Whether consent counts at all between this client and this API: always for third parties, and
/// for first-party applications where the API explicitly demands it.
pub fn is_demanded(client: &Client, api: Option<&ResourceServer>) -> bool {
    // The console is a part of this server.
    if client.client_id.is_console() {
        return false;
    }
    !client.is_first_party
        || api.is_some_and(|api| !api.skip_consent_for_verifiable_first_party_clients)
}

/// Whether the user must be asked, given what they consented to before for this client and
/// audience. `forced` is `prompt=consent` (OIDC Core §3.1.2.1).
pub fn must_ask(
    demanded: bool,
    forced: bool,
    given: Option<&ScopeSet>,
    granted: &ScopeSet,
) -> bool {
    if forced {
        return true;
    }
    demanded && !given.is_some_and(|given| granted.iter().all(|scope| given.contains(scope)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consent_is_asked_once_and_again_for_more() {
        let (small, large) = (ScopeSet::parse("openid"), ScopeSet::parse("openid read:a"));
        assert!(must_ask(true, false, None, &small));
        assert!(!must_ask(true, false, Some(&small), &small));
        assert!(must_ask(true, false, Some(&small), &large));
        assert!(must_ask(true, true, Some(&large), &small), "prompt=consent");
        assert!(!must_ask(false, false, None, &large));
        assert!(must_ask(true, false, None, &ScopeSet::default()), "no scope is still access");
    }

    #[test]
    fn third_parties_and_demanding_apis_need_it() {
        let client = |first: bool| {
            serde_json::from_value::<Client>(serde_json::json!({ "is_first_party": first }))
                .unwrap()
        };
        let api = |skip: bool| {
            serde_json::from_value::<ResourceServer>(serde_json::json!({
                "skip_consent_for_verifiable_first_party_clients": skip
            }))
            .unwrap()
        };
        assert!(!is_demanded(&client(true), None));
        assert!(!is_demanded(&client(true), Some(&api(true))));
        assert!(is_demanded(&client(true), Some(&api(false))));
        assert!(is_demanded(&client(false), Some(&api(true))));
    }
}
