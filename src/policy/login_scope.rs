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
    requested.filtered(|scope| not_granted(scope, client, api, &defined, restriction).is_none())
}

/// Why a login is not granted a scope that it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotGranted {
    /// `offline_access`, and the client may not use refresh tokens.
    NoRefreshTokens,
    /// `offline_access`, and the API does not allow it.
    NoOfflineAccess,
    /// The API does not define it.
    NotDefined,
    /// Client grant or permissions leave it out.
    Restricted,
}

impl NotGranted {
    /// The end of a sentence that begins "It is not granted, because".
    pub const fn because(self) -> &'static str {
        match self {
            Self::NoRefreshTokens => "the application does not have the grant refresh_token",
            Self::NoOfflineAccess => "the API of the login does not allow offline access",
            Self::NotDefined => "the API of the login does not define it",
            Self::Restricted => "the user may not have it through this application",
        }
    }
}

/// Why a login for `api`, which defines `defined`, is not granted `scope`; `None` when it is.
pub fn not_granted(
    scope: &str,
    client: &Client,
    api: Option<&ResourceServer>,
    defined: &ScopeSet,
    restriction: Option<&ScopeSet>,
) -> Option<NotGranted> {
    if scope == "offline_access" {
        if !client.allows_grant("refresh_token") {
            return Some(NotGranted::NoRefreshTokens);
        }
        return api
            .is_some_and(|api| !api.allow_offline_access)
            .then_some(NotGranted::NoOfflineAccess);
    }
    if OIDC_SCOPES.contains(&scope) {
        return None;
    }
    if !defined.contains(scope) {
        return Some(NotGranted::NotDefined);
    }
    restriction.is_some_and(|left| !left.contains(scope)).then_some(NotGranted::Restricted)
}

/// Something that leaves a user only some of an API's scopes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restriction {
    /// What it is.
    pub by: RestrictedBy,
    /// The scopes that it leaves.
    pub leaves: ScopeSet,
}

/// What restricts a user on an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestrictedBy {
    /// The API lets no user in (`subject_type_authorization.user.policy` is `deny_all`).
    NoUsers,
    /// The client grant that the API demands for users, or its absence.
    ClientGrant,
    /// The user's permissions, which the API enforces (RBAC).
    Permissions,
    /// The consent of the user, which the API demands.
    Consent,
}

/// R, one by one: what client grant and permissions leave of an API's scopes for a user. None where
/// neither restricts. `permissions` are the user's on this API, needed where the API enforces them.
pub fn restrictions(
    api: &ResourceServer,
    grant: Option<&ClientGrant>,
    permissions: &ScopeSet,
) -> Vec<Restriction> {
    let defined = api.defined_scopes();
    let mut all = Vec::new();
    match api.subject_type_authorization.user.policy {
        UserPolicy::AllowAll => {}
        UserPolicy::DenyAll => {
            all.push(Restriction { by: RestrictedBy::NoUsers, leaves: ScopeSet::default() });
        }
        UserPolicy::RequireClientGrant => {
            let leaves = grant.map(|grant| grant.granted(&defined)).unwrap_or_default();
            all.push(Restriction { by: RestrictedBy::ClientGrant, leaves });
        }
    }
    if api.enforce_policies {
        let leaves = defined.intersection(permissions);
        all.push(Restriction { by: RestrictedBy::Permissions, leaves });
    }
    all
}

/// R as a whole: what all restrictions together leave, `None` where nothing restricts.
pub fn together(restrictions: &[Restriction]) -> Option<ScopeSet> {
    let mut left = restrictions.iter().map(|restriction| &restriction.leaves);
    let first = left.next()?.clone();
    Some(left.fold(first, |left, more| left.intersection(more)))
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
            let all = restrictions(&api(policy, enforce), grant, &permissions);
            together(&all).map(|left| left.to_string())
        };
        assert_eq!(got("allow_all", false, None), None);
        assert_eq!(got("deny_all", false, None).as_deref(), Some(""));
        assert_eq!(got("require_client_grant", false, None).as_deref(), Some(""));
        assert_eq!(got("require_client_grant", false, Some(&grant)).as_deref(), Some("read:a"));
        assert_eq!(got("allow_all", true, None).as_deref(), Some("write:a"));
        assert_eq!(got("require_client_grant", true, Some(&grant)).as_deref(), Some(""));
    }
}
