//! Why each scope was given or not: the decision, told scope by scope.

use std::collections::HashSet;

use crate::domain::scope::OIDC_SCOPES;
use crate::policy::{
    login_scope::RestrictedBy,
    mrrt::{Allowed, Exchange, Unavailable, policy_for},
};

/// What became of one scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeFate {
    /// It is in the access token, for this reason.
    Granted(Source),
    /// It could have been had and was not asked for.
    NotAsked,
    /// An OIDC scope that the login was not granted; a policy cannot add one.
    NotGrantedAtLogin,
    /// It was granted at login for another API, and does not travel.
    OfAnotherApi,
    /// Neither the login nor the policy entry of this audience names it.
    NotInPolicy,
    /// The API does not define it.
    NotDefinedByApi,
    /// A client grant, the user's permissions or the user's consent leave it out.
    Restricted(RestrictedBy),
}

/// Where a scope comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// An OIDC scope of the login: it goes with every exchange.
    OidcOfLogin,
    /// The login was granted it, for this API.
    Login,
    /// The policy adds it to what the login was granted for this API.
    PolicyOfLoginApi,
    /// The policy entry of this API.
    Policy,
}

impl ScopeFate {
    /// As the explanation writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Granted(_) => "granted",
            Self::NotAsked => "not_asked",
            Self::NotGrantedAtLogin => "not_granted_at_login",
            Self::OfAnotherApi => "of_another_api",
            Self::NotInPolicy => "not_in_policy",
            Self::NotDefinedByApi => "not_defined_by_api",
            Self::Restricted(_) => "restricted",
        }
    }

    /// Whether the access token has it.
    pub const fn is_granted(self) -> bool {
        matches!(self, Self::Granted(_))
    }

    /// The end of a sentence that begins "It is given, because" or "It is not given, because".
    pub const fn because(self) -> &'static str {
        match self {
            Self::Granted(Source::OidcOfLogin) => {
                "the login was granted it, and OpenID Connect scopes go with every exchange"
            }
            Self::Granted(Source::Login) => "the login was granted it for this API",
            Self::Granted(Source::PolicyOfLoginApi) => "the policy adds it to logins for this API",
            Self::Granted(Source::Policy) => "the policy allows it for this API",
            Self::NotAsked => "the exchange asks for other scopes only",
            Self::NotGrantedAtLogin => {
                "only a login grants OpenID Connect scopes, and this one was not granted it"
            }
            Self::OfAnotherApi => {
                "the login was granted it for another API, and scopes do not travel between APIs"
            }
            Self::NotInPolicy => "neither the login nor the policy names it for this API",
            Self::NotDefinedByApi => "the API does not define it",
            Self::Restricted(by) => restricted(by),
        }
    }
}

/// The end of a sentence that begins "It is not given, because".
pub const fn restricted(by: RestrictedBy) -> &'static str {
    match by {
        RestrictedBy::NoUsers => "the API lets no user in",
        RestrictedBy::ClientGrant => {
            "the API demands a client grant for users, and the application has none with it"
        }
        RestrictedBy::Permissions => {
            "the API enforces permissions (RBAC), and the user does not have this one"
        }
        RestrictedBy::Consent => "the API demands consent, and the user has not consented to it",
    }
}

/// The fate of every scope that was asked for, or that login and policy speak of.
pub fn fates(exchange: &Exchange<'_>, allowed: &Allowed<'_>) -> Vec<(String, ScopeFate)> {
    let policy = allowed.audience.and_then(|audience| policy_for(exchange, audience));
    let asked = exchange.asked.scope.cloned().unwrap_or_default();
    let named = policy.cloned().unwrap_or_default();
    let all = asked.union(exchange.original.scope).union(&named);
    let sets = Sets {
        is_original: allowed.audience == exchange.original.audience,
        given: allowed.scope.lookup(),
        login: exchange.original.scope.lookup(),
        policy: named.lookup(),
    };
    all.iter().map(|scope| (scope.to_owned(), fate(exchange, &sets, scope))).collect()
}

struct Sets<'a> {
    is_original: bool,
    given: HashSet<&'a str>,
    login: HashSet<&'a str>,
    policy: HashSet<&'a str>,
}

fn fate(exchange: &Exchange<'_>, sets: &Sets<'_>, scope: &str) -> ScopeFate {
    let at_login = sets.login.contains(scope);
    let is_original = sets.is_original;
    if sets.given.contains(scope) {
        return ScopeFate::Granted(match (OIDC_SCOPES.contains(&scope), is_original, at_login) {
            (true, ..) => Source::OidcOfLogin,
            (false, true, true) => Source::Login,
            (false, true, false) => Source::PolicyOfLoginApi,
            (false, false, _) => Source::Policy,
        });
    }
    if OIDC_SCOPES.contains(&scope) {
        return if at_login { ScopeFate::NotAsked } else { ScopeFate::NotGrantedAtLogin };
    }
    match (sets.policy.contains(scope) || (is_original && at_login), at_login) {
        (false, true) => return ScopeFate::OfAnotherApi,
        (false, false) => return ScopeFate::NotInPolicy,
        _ => {}
    }
    let api = if is_original { exchange.original_api } else { exchange.asked_api };
    match api.and_then(|api| api.unavailable(scope)) {
        Some(Unavailable::NotDefined) => ScopeFate::NotDefinedByApi,
        Some(Unavailable::Restricted(by)) => ScopeFate::Restricted(by),
        Some(Unavailable::OidcScope) | None => ScopeFate::NotAsked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        audience::Audience, client::RefreshTokenPolicy, scope::ScopeSet, settings::UnknownAudience,
    };
    use crate::policy::login_scope::Restriction;
    use crate::policy::mrrt::{Api, Asked, Original, evaluate};

    #[test]
    fn every_scope_has_a_fate_and_granted_is_what_the_token_has() {
        let (messages, billing) = (Audience::new("messages"), Audience::new("billing"));
        let login = ScopeSet::parse("openid offline_access read:messages");
        let policy = |audience: &Audience, scope| RefreshTokenPolicy {
            audience: audience.clone(),
            scope: ScopeSet::parse(scope),
        };
        let policies = [
            policy(&messages, "write:messages gone:messages"),
            policy(&billing, "read:billing pay:billing email"),
        ];
        let api = |defined, restriction: Option<&str>| Api {
            defined: ScopeSet::parse(defined),
            is_system: false,
            lacks_consent: false,
            restrictions: restriction
                .map(|leaves| Restriction {
                    by: RestrictedBy::Permissions,
                    leaves: ScopeSet::parse(leaves),
                })
                .into_iter()
                .collect(),
        };
        let messages_api = api("read:messages write:messages", None);
        let billing_api = api("read:billing pay:billing", Some("read:billing"));
        let run = |audience: Option<&Audience>, scope: Option<&str>| {
            let scope = scope.map(ScopeSet::parse);
            let exchange = Exchange {
                original: Original { audience: Some(&messages), scope: &login },
                asked: Asked { audience, scope: scope.as_ref() },
                policies: &policies,
                is_first_party: true,
                original_api: Some(&messages_api),
                asked_api: audience.map(|_| &billing_api),
                unknown_audience: UnknownAudience::Reject,
            };
            let allowed = evaluate(&exchange).unwrap();
            let fates = fates(&exchange, &allowed);
            for (scope, fate) in &fates {
                assert_eq!(fate.is_granted(), allowed.scope.contains(scope), "{scope}");
            }
            let text = fates.iter().map(|(scope, fate)| format!("{scope}={}", fate.as_str()));
            text.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            run(None, None),
            "openid=granted offline_access=granted read:messages=granted write:messages=granted \
             gone:messages=not_defined_by_api"
        );
        assert_eq!(
            run(Some(&billing), None),
            "openid=granted offline_access=granted read:messages=of_another_api \
             read:billing=granted pay:billing=restricted email=not_granted_at_login"
        );
        assert_eq!(
            run(Some(&billing), Some("openid nonsense")),
            "openid=granted nonsense=not_in_policy offline_access=not_asked \
             read:messages=of_another_api read:billing=not_asked pay:billing=restricted \
             email=not_granted_at_login"
        );
    }
}
