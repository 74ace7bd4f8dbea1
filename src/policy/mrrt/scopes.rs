//! Why each scope was given or not: the decision, told scope by scope.

use crate::domain::scope::{OIDC_SCOPES, ScopeSet};
use crate::policy::mrrt::{Allowed, Exchange, policy_for};

/// What became of one scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeFate {
    /// It is in the access token.
    Granted,
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
    Restricted,
}

impl ScopeFate {
    /// As the explanation writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::NotAsked => "not_asked",
            Self::NotGrantedAtLogin => "not_granted_at_login",
            Self::OfAnotherApi => "of_another_api",
            Self::NotInPolicy => "not_in_policy",
            Self::NotDefinedByApi => "not_defined_by_api",
            Self::Restricted => "restricted",
        }
    }
}

/// The fate of every scope that was asked for, or that login and policy speak of.
pub fn fates(exchange: &Exchange<'_>, allowed: &Allowed<'_>) -> Vec<(String, ScopeFate)> {
    let policy = allowed.audience.and_then(|audience| policy_for(exchange, audience));
    let asked = exchange.asked.scope.cloned().unwrap_or_default();
    let named = policy.cloned().unwrap_or_default();
    let all = asked.union(exchange.original.scope).union(&named);
    all.iter().map(|scope| (scope.to_owned(), fate(exchange, allowed, policy, scope))).collect()
}

fn fate(
    exchange: &Exchange<'_>,
    allowed: &Allowed<'_>,
    policy: Option<&ScopeSet>,
    scope: &str,
) -> ScopeFate {
    if allowed.scope.contains(scope) {
        return ScopeFate::Granted;
    }
    let original = exchange.original;
    let at_login = original.scope.contains(scope);
    if OIDC_SCOPES.contains(&scope) {
        return if at_login { ScopeFate::NotAsked } else { ScopeFate::NotGrantedAtLogin };
    }
    let is_original = allowed.audience == original.audience;
    let in_policy = policy.is_some_and(|policy| policy.contains(scope));
    match (in_policy || (is_original && at_login), at_login) {
        (false, true) => return ScopeFate::OfAnotherApi,
        (false, false) => return ScopeFate::NotInPolicy,
        _ => {}
    }
    let api = if is_original { exchange.original_api } else { exchange.asked_api };
    match api {
        Some(api) if !api.defined.contains(scope) => ScopeFate::NotDefinedByApi,
        Some(api) if api.restriction.as_ref().is_some_and(|r| !r.contains(scope)) => {
            ScopeFate::Restricted
        }
        _ => ScopeFate::NotAsked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        audience::Audience, client::RefreshTokenPolicy, settings::UnknownAudience,
    };
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
            restriction: restriction.map(ScopeSet::parse),
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
                assert_eq!(*fate == ScopeFate::Granted, allowed.scope.contains(scope), "{scope}");
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
