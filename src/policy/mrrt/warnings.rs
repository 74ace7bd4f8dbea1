//! What of a policy has no effect, or not the one that its author may expect: told from the facts
//! and by the functions that the exchange decides with.

use crate::domain::{
    client::{Client, RefreshTokenPolicy, RotationType},
    scope::ScopeSet,
};
use crate::policy::{
    client_auth::may_be_public,
    login_scope::RestrictedBy,
    mrrt::{Api, Denied, Original, Unavailable, reachable, scopes},
};

/// Something that the author of a policy should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Which kind, for programs.
    pub code: &'static str,
    /// The scope that it is about, `None` when it is about the whole entry or application.
    pub scope: Option<String>,
    /// Why what it is about has no effect, if it has none: the end of a sentence.
    pub because: Option<&'static str>,
    /// A sentence.
    pub message: String,
}

impl Warning {
    /// `what` has no effect for any user.
    pub fn void(code: &'static str, what: &str, because: &'static str) -> Self {
        let message = format!("{what} has no effect, because {because}.");
        Self { code, scope: None, because: Some(because), message }
    }
    /// `message` is a whole sentence.
    pub fn note(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, scope: None, because: None, message: message.into() }
    }
    /// The same about one scope.
    pub fn about(self, scope: &str) -> Self {
        Self { scope: Some(scope.to_owned()), ..self }
    }
    /// Whether what it is about has no effect at all, for any user.
    pub fn is_void(&self) -> bool {
        self.because.is_some()
    }
}

/// The facts that count for a policy entry.
#[derive(Debug, Clone, Copy)]
pub struct EntryFacts<'a> {
    /// Its API, `None` when there is none.
    pub api: Option<&'a Api>,
    /// Whether the client belongs to the operator.
    pub is_first_party: bool,
    /// What the login granted.
    pub login: Original<'a>,
    /// Whether the API demands the consent of each user of this application.
    pub demands_consent: bool,
    /// Whether the API gives a user only what their permissions name (RBAC).
    pub enforces_permissions: bool,
}

/// What is to be known of a policy entry.
pub fn of_entry(entry: &RefreshTokenPolicy, facts: &EntryFacts<'_>) -> Vec<Warning> {
    let is_of_login = facts.login.audience == Some(&entry.audience);
    // For the API of the login there is nothing to reach: the login was there.
    let reached = match (reachable(facts.api, facts.is_first_party), facts.api) {
        (Err(_), Some(api)) if is_of_login => Ok(api),
        (reached, _) => reached,
    };
    let mut all = Vec::new();
    match reached {
        // For other users it may be otherwise.
        Err(Denied::ConsentMissing) | Ok(_) => {}
        Err(denied) => {
            all.push(Warning::void(denied.as_str(), "The entry", denied.because()));
        }
    }
    if let Some(api) = facts.api {
        all.extend(entry.scope.iter().filter_map(|scope| of_scope(scope, api)));
    }
    if is_of_login {
        all.extend(of_login_api(entry, facts.login.scope));
    }
    if entry.scope.is_empty() {
        let message = "The entry names no scope: an exchange gives the OpenID Connect scopes of the \
                       login, and none of the API.";
        all.push(Warning::note("no_scopes", message));
    }
    if facts.enforces_permissions {
        let message = "The API enforces permissions (RBAC): each user gets of these scopes only \
                       those that their permissions name.";
        all.push(Warning::note("permissions_enforced", message));
    }
    if facts.demands_consent && !is_of_login {
        let message = "The API demands consent: an exchange is refused until the user has consented \
                       in a login for this API.";
        all.push(Warning::note("consent_demanded", message));
    }
    all
}

/// What is void for every user.
fn of_scope(scope: &str, api: &Api) -> Option<Warning> {
    let (code, because) = match api.unavailable(scope)? {
        Unavailable::OidcScope => ("oidc_scope", "only the login grants OIDC scopes"),
        Unavailable::NotDefined => ("not_defined_by_api", "the API does not define it"),
        Unavailable::Restricted(RestrictedBy::Permissions | RestrictedBy::Consent) => return None,
        Unavailable::Restricted(by) => ("restricted", scopes::restricted(by)),
    };
    Some(Warning::void(code, scope, because).about(scope))
}

fn of_login_api(entry: &RefreshTokenPolicy, login: &ScopeSet) -> Vec<Warning> {
    let message = "This is the API of the login: the entry adds its scopes to those that the login \
                   was granted.";
    let mut all = vec![Warning::note("own_audience", message)];
    for scope in entry.scope.api().intersection(login).iter() {
        let message = format!("{scope} changes nothing here: this login is granted it already.");
        all.push(Warning::note("granted_at_login", message).about(scope));
    }
    all
}

/// What is to be known of an application whose refresh tokens are for several APIs. The server's
/// leeway, in seconds, counts where the application gives none.
pub fn of_application(client: &Client, default_leeway: i64) -> Vec<Warning> {
    let mut all = Vec::new();
    if !client.allows_grant("refresh_token") {
        let because = "the application does not have the grant refresh_token, and every exchange is \
                       refused";
        all.push(Warning::void("no_refresh_token_grant", "The whole policy", because));
    }
    if client.policies().is_empty() {
        return all;
    }
    let token = client.refresh_token_settings();
    let is_bound = client.require_proof_of_possession;
    match token.rotation_type {
        RotationType::Rotating if token.leeway.unwrap_or(default_leeway) == 0 => {
            let message = "Refresh tokens rotate without leeway: two exchanges with one token at the \
                           same time, for two APIs, end the login.";
            all.push(Warning::note("no_leeway", message));
        }
        RotationType::NonRotating if may_be_public(client) && !is_bound => {
            let message = "Refresh tokens do not rotate, and the application cannot keep a secret: a \
                           stolen token opens every API of the policy, and nobody notices.";
            all.push(Warning::note("not_rotating", message));
        }
        _ => {}
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audience::Audience;
    use crate::policy::login_scope::Restriction;
    use serde_json::{Value, json};

    fn api(defined: &str) -> Api {
        Api {
            defined: ScopeSet::parse(defined),
            is_system: false,
            lacks_consent: false,
            restrictions: Vec::new(),
        }
    }

    /// The codes, with the scope where they are about one; void ones with a mark.
    fn told(warnings: &[Warning]) -> String {
        let text = warnings.iter().map(|warning| {
            let mark = if warning.is_void() { "!" } else { "" };
            let scope = warning.scope.as_ref().map(|s| format!("={s}")).unwrap_or_default();
            format!("{mark}{}{scope}", warning.code)
        });
        text.collect::<Vec<_>>().join(" ")
    }

    fn run(scope: &str, login: &str, change: impl FnOnce(&mut EntryFacts<'_>)) -> String {
        let known = api("read:a write:a");
        let (login_audience, login) = (Audience::new(login), ScopeSet::parse("openid read:a"));
        let mut facts = EntryFacts {
            api: Some(&known),
            is_first_party: true,
            login: Original { audience: Some(&login_audience), scope: &login },
            demands_consent: false,
            enforces_permissions: false,
        };
        change(&mut facts);
        let (audience, scope) = (Audience::new("a"), ScopeSet::parse(scope));
        told(&of_entry(&RefreshTokenPolicy { audience, scope }, &facts))
    }

    #[test]
    fn void_entries_and_scopes_are_told_by_the_reasons_of_the_exchange() {
        assert_eq!(run("read:a", "o", |_| {}), "");
        assert_eq!(
            run("read:a gone email", "o", |_| {}),
            "!not_defined_by_api=gone !oidc_scope=email"
        );
        assert_eq!(run("read:a", "o", |f| f.api = None), "!unknown_api");
        assert_eq!(run("read:a", "o", |f| f.is_first_party = false), "!third_party_client");
        assert_eq!(run("", "o", |_| {}), "no_scopes");
        let system = Api { is_system: true, ..api("read:a") };
        let judged = |api: &Api, scope: &str, login: &str| {
            let (audience, asked) = (Audience::new("a"), ScopeSet::parse(scope));
            let (of_login, login) = (Audience::new(login), ScopeSet::parse("openid"));
            let facts = EntryFacts {
                api: Some(api),
                is_first_party: true,
                login: Original { audience: Some(&of_login), scope: &login },
                demands_consent: false,
                enforces_permissions: false,
            };
            told(&of_entry(&RefreshTokenPolicy { audience, scope: asked }, &facts))
        };
        assert_eq!(judged(&system, "read:a", "o"), "!system_api");
        let lacking = Api { lacks_consent: true, ..api("read:a") };
        assert_eq!(judged(&lacking, "read:a", "o"), "", "other users may have consented");
        for (by, expected) in [
            (RestrictedBy::NoUsers, "!restricted=read:a"),
            (RestrictedBy::ClientGrant, "!restricted=read:a"),
            (RestrictedBy::Permissions, ""),
            (RestrictedBy::Consent, ""),
        ] {
            let restrictions = vec![Restriction { by, leaves: ScopeSet::default() }];
            let restricted = Api { restrictions, ..api("read:a") };
            assert_eq!(judged(&restricted, "read:a", "o"), expected, "{by:?}");
        }
    }

    #[test]
    fn the_api_of_the_login_is_no_other_api() {
        assert_eq!(run("write:a", "a", |_| {}), "own_audience");
        assert_eq!(run("read:a", "a", |_| {}), "own_audience granted_at_login=read:a");
        assert_eq!(run("write:a", "a", |f| f.is_first_party = false), "own_audience");
        assert_eq!(run("write:a", "a", |f| f.demands_consent = true), "own_audience");
        assert_eq!(run("write:a", "a", |f| f.api = None), "!unknown_api own_audience");
    }

    #[test]
    fn what_depends_on_the_user_is_a_note() {
        assert_eq!(run("read:a", "o", |f| f.demands_consent = true), "consent_demanded");
        assert_eq!(run("read:a", "o", |f| f.enforces_permissions = true), "permissions_enforced");
    }

    #[test]
    #[rustfmt::skip]
    fn an_application_is_warned_where_its_settings_work_against_its_policies() {
        let policies = json!([{ "audience": "a", "scope": ["read:a"] }]);
        // grants, kind, rotation, leeway, policies, warnings
        let cases = [
            (&["refresh_token"][..], "spa",         "rotating",     json!(10),   true,  ""),
            (&["refresh_token"][..], "spa",         "rotating",     json!(0),    true,  "no_leeway"),
            (&["refresh_token"][..], "spa",         "rotating",     json!(null), true,  ""),
            (&["refresh_token"][..], "spa",         "rotating",     json!(0),    false, ""),
            (&["refresh_token"][..], "spa",         "non-rotating", json!(10),   true,  "not_rotating"),
            (&["refresh_token"][..], "regular_web", "non-rotating", json!(10),   true,  ""),
            (&[][..],                "spa",         "rotating",     json!(10),   true,  "!no_refresh_token_grant"),
            (&[][..],                "spa",         "rotating",     json!(10),   false, "!no_refresh_token_grant"),
        ];
        for (grants, kind, rotation, leeway, has_policies, expected) in cases {
            let policies = if has_policies { policies.clone() } else { Value::Null };
            let client: Client = serde_json::from_value(json!({
                "grant_types": grants, "app_type": kind,
                "token_endpoint_auth_method": if kind == "spa" { "none" } else { "client_secret_post" },
                "refresh_token": {
                    "rotation_type": rotation, "expiration_type": "expiring", "leeway": leeway,
                    "policies": policies,
                },
            })).unwrap();
            let row = format!("{grants:?} {kind} {rotation} {leeway}");
            assert_eq!(told(&of_application(&client, 10)), expected, "{row}");
        }
        let client: Client = serde_json::from_value(json!({
            "grant_types": ["refresh_token"],
            "refresh_token": { "rotation_type": "rotating", "expiration_type": "expiring", "policies": policies },
        })).unwrap();
        assert_eq!(told(&of_application(&client, 0)), "no_leeway", "that of the server");
    }
}
