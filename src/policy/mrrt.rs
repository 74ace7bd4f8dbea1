//! The multi-resource refresh token decision: what one exchange may receive.
//!
//! With O the original audience, I the OIDC scopes granted at login, S the API scopes granted for
//! O, P(A) the policy's scopes for A that the API defines, and R(A, ·) the restriction by client
//! grant and by the user's permissions: `G(O) = S ∪ P(O)`, and `G(A) = P(A)` for any other A.
//!
//! | audience | scope | result |
//! |---|---|---|
//! | omitted or O | omitted | O, `I ∪ R(G(O))` |
//! | omitted or O | given | O, `requested ∩ (I ∪ R(G(O)))` |
//! | A in the policies | omitted | A, `I ∪ R(P(A))`; scopes of O never travel |
//! | A in the policies | given | A, `requested ∩ (I ∪ R(P(A)))` |
//! | anything else | any | refused, or a token for O where the server is set to fall back |
//!
//! The policy extends the login, it does not replace it. Scopes above the ceiling are dropped,
//! never refused; a scope parameter of which nothing is left gives an empty scope, never a wider
//! one.

pub mod scopes;
pub mod void;
pub mod warnings;

use crate::domain::{
    audience::Audience,
    client::RefreshTokenPolicy,
    scope::{OIDC_SCOPES, ScopeSet},
    settings::UnknownAudience,
};
use crate::policy::login_scope::{RestrictedBy, Restriction};

/// What the login granted.
#[derive(Debug, Clone, Copy)]
pub struct Original<'a> {
    /// O, `None` when the login named no API.
    pub audience: Option<&'a Audience>,
    /// I and S together.
    pub scope: &'a ScopeSet,
}

/// What the exchange asks for. An empty parameter counts as omitted (RFC 6749 §3.2).
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked<'a> {
    /// The `audience` (or `resource`).
    pub audience: Option<&'a Audience>,
    /// The `scope`.
    pub scope: Option<&'a ScopeSet>,
}

/// The facts about an API that count in an exchange.
#[derive(Debug, Clone)]
pub struct Api {
    /// The scopes it defines now.
    pub defined: ScopeSet,
    /// Belongs to this server: the Management API.
    pub is_system: bool,
    /// It demands consent and this user has not given it.
    pub lacks_consent: bool,
    /// R: what client grant, permissions and consent leave, each where it restricts.
    pub restrictions: Vec<Restriction>,
}

/// Why a token for an API cannot have a scope, whatever login and policy grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unavailable {
    /// It is an OIDC scope: only the login grants those.
    OidcScope,
    /// The API does not define it.
    NotDefined,
    /// It is not among what this restriction leaves.
    Restricted(RestrictedBy),
}

impl Api {
    /// Why a token for this API cannot have `scope`, `None` when it can.
    pub fn unavailable(&self, scope: &str) -> Option<Unavailable> {
        if OIDC_SCOPES.contains(&scope) {
            return Some(Unavailable::OidcScope);
        }
        if !self.defined.contains(scope) {
            return Some(Unavailable::NotDefined);
        }
        let restriction = self.restrictions.iter().find(|r| !r.leaves.contains(scope));
        restriction.map(|restriction| Unavailable::Restricted(restriction.by))
    }
}

/// Everything the decision depends on.
#[derive(Debug, Clone, Copy)]
pub struct Exchange<'a> {
    /// What the login granted.
    pub original: Original<'a>,
    /// What is asked for.
    pub asked: Asked<'a>,
    /// `client.refresh_token.policies`.
    pub policies: &'a [RefreshTokenPolicy],
    /// Whether the client belongs to the operator.
    pub is_first_party: bool,
    /// The API of O, `None` when it was deleted or O is none.
    pub original_api: Option<&'a Api>,
    /// The API of the audience asked for, `None` when there is none.
    pub asked_api: Option<&'a Api>,
    /// What an audience outside the policies answers.
    pub unknown_audience: UnknownAudience,
}

/// Why an audience was refused. For the operator only: on the wire all look the same, so that
/// nobody can find out which APIs exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// No policy entry names the audience.
    NotInPolicies,
    /// No API has this identifier, or no longer.
    UnknownApi,
    /// The Management API can never be had through a policy.
    SystemApi,
    /// Multi-resource refresh tokens are for first-party applications.
    ThirdPartyClient,
    /// The API demands a consent that the user has not given.
    ConsentMissing,
}

impl Denied {
    /// The reason as the audit trail writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotInPolicies => "audience_not_in_policies",
            Self::UnknownApi => "unknown_api",
            Self::SystemApi => "system_api",
            Self::ThirdPartyClient => "third_party_client",
            Self::ConsentMissing => "consent_missing",
        }
    }

    /// The end of a sentence that begins "It is refused, because".
    pub const fn because(self) -> &'static str {
        match self {
            Self::NotInPolicies => "no policy entry names this audience",
            Self::UnknownApi => "no API has this identifier",
            Self::SystemApi => "no policy opens the Management API",
            Self::ThirdPartyClient => "the application is a third party",
            Self::ConsentMissing => {
                "the API demands the consent of each user, and this one has not given it"
            }
        }
    }
}

/// What the exchange receives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed<'a> {
    /// The audience of the access token, `None` for one that only `/userinfo` takes.
    pub audience: Option<&'a Audience>,
    /// Its scope.
    pub scope: ScopeSet,
    /// Whether a policy entry was used.
    pub used_policy: bool,
    /// Set when the server fell back to O although another audience was asked for.
    pub fell_back: Option<Denied>,
    /// Requested scopes that were not given.
    pub dropped: ScopeSet,
}

impl Allowed<'_> {
    /// Whether the response has an ID token (OIDC Core §12.2).
    pub fn has_id_token(&self) -> bool {
        self.scope.contains("openid")
    }
    /// Whether a scope was requested and nothing at all is left of it.
    pub fn nothing_left(&self) -> bool {
        self.scope.is_empty() && !self.dropped.is_empty()
    }
}

/// Decides one exchange.
///
/// # Errors
/// Why the audience is refused. Nothing may be consumed then.
pub fn evaluate<'a>(exchange: &Exchange<'a>) -> Result<Allowed<'a>, Denied> {
    let original = exchange.original;
    let fell_back = match exchange.asked.audience {
        Some(asked) if Some(asked) != original.audience => match other_audience(exchange, asked) {
            Ok(policy) => return Ok(allow(exchange, Some(asked), policy, None)),
            Err(denied) if exchange.unknown_audience == UnknownAudience::Reject => {
                return Err(denied);
            }
            Err(denied) => Some(denied),
        },
        _ => None,
    };
    let Some(audience) = original.audience else {
        return Ok(allow(exchange, None, (ScopeSet::default(), false), fell_back));
    };
    // The API of the login may have been deleted since. Falling back to it is no use then.
    let api = exchange.original_api.ok_or(Denied::UnknownApi)?;
    let policy = policy_for(exchange, audience);
    let granted = match policy {
        Some(extra) => original.scope.union(extra),
        None => original.scope.clone(),
    };
    let ceiling = restricted(&granted, api);
    Ok(allow(exchange, Some(audience), (ceiling, policy.is_some()), fell_back))
}

/// G(A) for A ≠ O, or why there is none.
fn other_audience(exchange: &Exchange<'_>, asked: &Audience) -> Result<(ScopeSet, bool), Denied> {
    let policy = policy_for(exchange, asked).ok_or(Denied::NotInPolicies)?;
    let api = reachable(exchange.asked_api, exchange.is_first_party)?;
    Ok((restricted(policy, api), true))
}

/// The API of a policy entry, if an exchange can be for it at all.
fn reachable(api: Option<&Api>, is_first_party: bool) -> Result<&Api, Denied> {
    let api = api.ok_or(Denied::UnknownApi)?;
    if api.is_system {
        return Err(Denied::SystemApi);
    }
    if !is_first_party {
        return Err(Denied::ThirdPartyClient);
    }
    if api.lacks_consent {
        return Err(Denied::ConsentMissing);
    }
    Ok(api)
}

/// The ceiling narrowed or taken whole.
fn allow<'a>(
    exchange: &Exchange<'a>,
    audience: Option<&'a Audience>,
    (ceiling, used_policy): (ScopeSet, bool),
    fell_back: Option<Denied>,
) -> Allowed<'a> {
    let everything = exchange.original.scope.oidc().union(&ceiling);
    let (scope, dropped) = match exchange.asked.scope {
        None => (everything, ScopeSet::default()),
        Some(asked) => {
            let all = everything.lookup();
            (asked.intersection(&everything), asked.filtered(|s| !all.contains(s)))
        }
    };
    Allowed { audience, scope, used_policy, fell_back, dropped }
}

fn policy_for<'a>(exchange: &Exchange<'a>, audience: &Audience) -> Option<&'a ScopeSet> {
    exchange.policies.iter().find(|p| p.audience == *audience).map(|p| &p.scope)
}

/// Only API scopes that the API defines and that R leaves. A policy can never grant an OIDC scope
/// that the login did not.
fn restricted(granted: &ScopeSet, api: &Api) -> ScopeSet {
    granted.filtered(|scope| api.unavailable(scope).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGIN: &str = "openid profile offline_access read:messages";

    fn api(defined: &str) -> Api {
        Api {
            defined: ScopeSet::parse(defined),
            is_system: false,
            lacks_consent: false,
            restrictions: Vec::new(),
        }
    }
    fn policy(audience: &str, scope: &str) -> RefreshTokenPolicy {
        RefreshTokenPolicy { audience: Audience::new(audience), scope: ScopeSet::parse(scope) }
    }

    struct World {
        original: Option<&'static str>,
        login: &'static str,
        policies: Vec<RefreshTokenPolicy>,
        first_party: bool,
        messages: Option<Api>,
        billing: Option<Api>,
        mode: UnknownAudience,
    }

    fn world() -> World {
        World {
            original: Some("messages"),
            login: LOGIN,
            policies: vec![
                policy("messages", "write:messages"),
                policy("billing", "read:billing write:billing openid email"),
                policy("ghost", "read:ghost"),
            ],
            first_party: true,
            messages: Some(api("read:messages write:messages delete:messages")),
            billing: Some(api("read:billing read:messages")),
            mode: UnknownAudience::Reject,
        }
    }

    type Outcome = Result<(Option<String>, String), Denied>;

    fn run(world: &World, audience: Option<&str>, scope: Option<&str>) -> Outcome {
        let original = world.original.map(Audience::new);
        let asked = audience.map(Audience::new);
        let scope = scope.map(ScopeSet::parse);
        let login = ScopeSet::parse(world.login);
        let allowed = evaluate(&Exchange {
            original: Original { audience: original.as_ref(), scope: &login },
            asked: Asked { audience: asked.as_ref(), scope: scope.as_ref() },
            policies: &world.policies,
            is_first_party: world.first_party,
            original_api: world.messages.as_ref(),
            asked_api: match audience {
                Some("billing") => world.billing.as_ref(),
                Some("messages") => world.messages.as_ref(),
                _ => None,
            },
            unknown_audience: world.mode,
        })?;
        Ok((allowed.audience.map(|a| a.to_string()), allowed.scope.to_string()))
    }

    fn ok(audience: &str, scope: &str) -> Outcome {
        Ok((Some(audience.to_owned()), scope.to_owned()))
    }

    #[test]
    #[rustfmt::skip]
    fn the_decision_table() {
        let everything = "openid profile offline_access read:messages write:messages";
        let cases = [
            // audience,         scope,                                    result
            (None,               None,                                     ok("messages", everything)),
            (Some("messages"),   None,                                     ok("messages", everything)),
            (None,               Some("read:messages"),                    ok("messages", "read:messages")),
            (None,               Some("write:messages openid"),            ok("messages", "write:messages openid")),
            (None,               Some("openid read:messages delete:messages nonsense"),
                                                                           ok("messages", "openid read:messages")),
            (None,               Some("nonsense"),                         ok("messages", "")),
            (None,               Some("email"),                            ok("messages", "")),
            // read:messages is defined by billing too, and does not travel.
            (Some("billing"),    None,                                     ok("billing", "openid profile offline_access read:billing")),
            (Some("billing"),    Some("read:billing write:billing"),       ok("billing", "read:billing")),
            (Some("billing"),    Some("openid read:messages"),             ok("billing", "openid")),
            (Some("billing"),    Some("read:messages"),                    ok("billing", "")),
            (Some("billing/"),   None,                                     Err(Denied::NotInPolicies)),
            (Some("unknown"),    None,                                     Err(Denied::NotInPolicies)),
            (Some("ghost"),      None,                                     Err(Denied::UnknownApi)),
        ];
        for (audience, scope, expected) in cases {
            assert_eq!(run(&world(), audience, scope), expected, "{audience:?} {scope:?}");
        }
    }

    #[test]
    fn a_third_party_client_and_a_demanding_api_are_refused() {
        let third_party = World { first_party: false, ..world() };
        assert_eq!(run(&third_party, Some("billing"), None), Err(Denied::ThirdPartyClient));
        assert!(run(&third_party, None, None).is_ok(), "the original audience stays");

        let demanding = Api { lacks_consent: true, ..api("read:billing") };
        let demanding = World { billing: Some(demanding), ..world() };
        assert_eq!(run(&demanding, Some("billing"), None), Err(Denied::ConsentMissing));

        let system =
            World { billing: Some(Api { is_system: true, ..api("read:billing") }), ..world() };
        assert_eq!(run(&system, Some("billing"), None), Err(Denied::SystemApi));
    }

    #[test]
    fn the_fallback_gives_the_original_audience_and_says_so() {
        let fallback = World { mode: UnknownAudience::Fallback, ..world() };
        assert_eq!(
            run(&fallback, Some("unknown"), Some("read:messages")),
            ok("messages", "read:messages")
        );
        let gone = World { messages: None, ..fallback };
        assert_eq!(run(&gone, Some("unknown"), None), Err(Denied::UnknownApi));
        assert_eq!(run(&gone, None, None), Err(Denied::UnknownApi), "the original API is deleted");
    }

    #[test]
    fn permissions_restrict_every_audience() {
        let mut restricted = world();
        let only = |scope| {
            vec![Restriction { by: RestrictedBy::Permissions, leaves: ScopeSet::parse(scope) }]
        };
        restricted.billing = Some(Api { restrictions: only(""), ..api("read:billing") });
        restricted.messages = Some(Api {
            restrictions: only("write:messages"),
            ..api("read:messages write:messages")
        });
        assert_eq!(
            run(&restricted, Some("billing"), None),
            ok("billing", "openid profile offline_access")
        );
        assert_eq!(
            run(&restricted, None, None),
            ok("messages", "openid profile offline_access write:messages")
        );
    }

    #[test]
    fn a_login_without_an_api_reaches_the_policies() {
        let none = World { original: None, login: "openid offline_access", ..world() };
        assert_eq!(run(&none, None, None), Ok((None, "openid offline_access".into())));
        assert_eq!(
            run(&none, Some("billing"), None),
            ok("billing", "openid offline_access read:billing")
        );
    }
}
