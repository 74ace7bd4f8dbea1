//! Which scopes a login is granted, of those it asks for.

use crate::domain::{
    client::Client,
    client_grant::ClientGrant,
    resource_server::{ResourceServer, UserPolicy},
    scope::{OIDC_SCOPES, ScopeSet},
};

/// What asking for no scope at all means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoScope {
    /// Nothing: `/authorize`.
    Nothing,
    /// The standard scopes and all of the API: the password grants.
    Everything,
}

/// The scopes that `requested` becomes in a login for `api`. Unknown scopes are dropped, never an
/// error (RFC 6749 §3.3). `offline_access` stays only where a refresh token will be issued:
/// the client has the grant and the API, if any, allows it (OIDC Core §11).
///
/// `restriction` is what client grant and permissions leave of the API's scopes.
pub fn granted(
    requested: Option<&ScopeSet>,
    client: &Client,
    api: Option<&ResourceServer>,
    restriction: Option<&ScopeSet>,
    no_scope: NoScope,
) -> ScopeSet {
    let defined = api.map(ResourceServer::defined_scopes).unwrap_or_default();
    let requested = match (requested.filter(|r| !r.is_empty()), no_scope) {
        (Some(requested), _) => requested.clone(),
        (None, NoScope::Nothing) => ScopeSet::default(),
        (None, NoScope::Everything) => {
            ScopeSet::parse("openid profile email address phone").union(&defined)
        }
    };
    let offline =
        client.allows_grant("refresh_token") && api.is_none_or(|api| api.allow_offline_access);
    requested.filtered(|scope| {
        if scope == "offline_access" {
            return offline;
        }
        OIDC_SCOPES.contains(&scope)
            || (defined.contains(scope) && restriction.is_none_or(|r| r.contains(scope)))
    })
}

/// R: what client grant and permissions leave of an API's scopes for a user, `None` where neither
/// restricts. `permissions` are the user's on this API, needed where the API enforces them.
pub fn restriction(
    api: &ResourceServer,
    grant: Option<&ClientGrant>,
    permissions: &ScopeSet,
) -> Option<ScopeSet> {
    let defined = api.defined_scopes();
    let by_grant = match api.subject_type_authorization.user.policy {
        UserPolicy::AllowAll => None,
        UserPolicy::DenyAll => Some(ScopeSet::default()),
        UserPolicy::RequireClientGrant => {
            Some(grant.map(|grant| grant.granted(&defined)).unwrap_or_default())
        }
    };
    if !api.enforce_policies {
        return by_grant;
    }
    Some(by_grant.unwrap_or(defined).intersection(permissions))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(grants: &[&str]) -> Client {
        serde_json::from_value(serde_json::json!({ "grant_types": grants })).unwrap()
    }
    fn api(offline: bool) -> ResourceServer {
        serde_json::from_value(serde_json::json!({
            "allow_offline_access": offline,
            "scopes": [{ "value": "read:a" }, { "value": "write:a" }],
        }))
        .unwrap()
    }

    #[test]
    fn unknown_scopes_are_dropped_and_offline_access_needs_client_and_api() {
        let asked = ScopeSet::parse("openid read:a write:a nonsense offline_access");
        let got = |grants: &[&str], offline, restriction: Option<&str>| {
            let restriction = restriction.map(ScopeSet::parse);
            granted(
                Some(&asked),
                &client(grants),
                Some(&api(offline)),
                restriction.as_ref(),
                NoScope::Nothing,
            )
            .to_string()
        };
        assert_eq!(got(&["refresh_token"], true, None), "openid read:a write:a offline_access");
        assert_eq!(got(&["refresh_token"], false, None), "openid read:a write:a");
        assert_eq!(got(&[], true, None), "openid read:a write:a");
        assert_eq!(got(&[], true, Some("read:a")), "openid read:a");
    }

    #[test]
    fn asking_for_nothing_gives_everything_only_to_the_password_grants() {
        let (client, api) = (client(&["refresh_token"]), api(true));
        let got = |mode| granted(None, &client, Some(&api), None, mode).to_string();
        assert_eq!(got(NoScope::Nothing), "");
        assert_eq!(got(NoScope::Everything), "openid profile email address phone read:a write:a");
    }

    #[test]
    fn client_grants_and_permissions_restrict_where_the_api_says_so() {
        let api = |policy: &str, enforce: bool| {
            serde_json::from_value::<ResourceServer>(serde_json::json!({
                "scopes": [{ "value": "read:a" }, { "value": "write:a" }],
                "enforce_policies": enforce,
                "subject_type_authorization": { "user": { "policy": policy } },
            }))
            .unwrap()
        };
        let grant = ClientGrant {
            id: crate::domain::ClientGrantId::new("cgr_1"),
            client_id: crate::domain::ClientId::new("spa"),
            audience: crate::domain::audience::Audience::new("a"),
            subject_type: crate::domain::client_grant::SubjectType::User,
            scope: ScopeSet::parse("read:a undefined"),
            allow_all_scopes: false,
        };
        let permissions = ScopeSet::parse("write:a");
        let got = |policy, enforce, grant| {
            restriction(&api(policy, enforce), grant, &permissions).map(|s| s.to_string())
        };
        assert_eq!(got("allow_all", false, None), None);
        assert_eq!(got("deny_all", false, None).as_deref(), Some(""));
        assert_eq!(got("require_client_grant", false, None).as_deref(), Some(""));
        assert_eq!(got("require_client_grant", false, Some(&grant)).as_deref(), Some("read:a"));
        assert_eq!(got("allow_all", true, None).as_deref(), Some("write:a"));
        assert_eq!(got("require_client_grant", true, Some(&grant)).as_deref(), Some(""));
    }
}
