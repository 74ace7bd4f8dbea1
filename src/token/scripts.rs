//! The scripts of the operator, which have the last word on every login and every exchange at the
//! token endpoint: after all other checks, and before anything is written.

use crate::domain::{audience::Audience, family::Family, scope::ScopeSet, user::User};
use crate::login::triggers::{
    changes::Concerned,
    post_login::{PostLogin, Protocol, Ruling},
};
use crate::policy::{
    mrrt::Allowed,
    post_login::{Decision, Denial},
};
use crate::store::resource_servers::ResourceServerRecord;
use crate::token::{
    Refused, TokenService, client_authentication::AuthenticatedClient, issue::Login,
};

/// What scripts made of a login at the token endpoint.
pub(super) struct RuledLogin {
    /// What they decided.
    pub decision: Decision,
    /// What was granted before.
    granted: ScopeSet,
}

impl TokenService {
    /// What scripts make of a login. Who is refused is refused here, with everything carried out that
    /// goes with it; what is carried out otherwise belongs in the transaction of the login.
    ///
    /// # Errors
    /// [`Refused::Script`], or a failure of ours.
    pub(super) async fn rule(&self, facts: &PostLogin<'_>) -> Result<Ruling, Refused> {
        let ruling = self.login.post_login(facts).await?;
        let Some(denial) = ruling.refusal() else { return Ok(ruling) };
        let concerned = concerned(facts);
        self.login.carry_out_refusal(&concerned, &ruling.decision, denial.revokes).await?;
        let Denial { error, description, .. } = denial;
        let execution = ruling.decision.customised.execution;
        Err(Refused::Script { error, description, execution })
    }

    /// What scripts make of a login at the token endpoint, which has no browser. The login is then as
    /// they left it; the ruling is to be carried out with it.
    ///
    /// # Errors
    /// As [`Self::rule`].
    pub(super) async fn rule_on_login(
        &self,
        protocol: Protocol,
        requested: Option<&ScopeSet>,
        login: &mut Login,
    ) -> Result<RuledLogin, Refused> {
        let nothing = ScopeSet::default();
        let ruling = self
            .rule(&PostLogin {
                protocol,
                client: &login.client,
                user: &login.user,
                api: login.api.as_deref(),
                organization_id: login.organization_id.as_ref(),
                session: None,
                family: None,
                auth_time: login.auth_time,
                amr: &login.amr,
                requested_scope: requested.unwrap_or(&nothing),
                granted_scope: &login.scope,
                transaction: None,
            })
            .await?;
        let decision = ruling.decision;
        let granted = std::mem::replace(&mut login.scope, decision.scope.clone());
        login.customised.clone_from(&decision.customised);
        Ok(RuledLogin { decision, granted })
    }

    /// The family that such a login begins: what scripts took away is not in it, and what they added
    /// they must add to each access token again.
    pub(super) fn family_of(&self, login: &Login, ruled: &RuledLogin) -> Option<Family> {
        let family = self.new_family(login)?;
        Some(Family { scope: family.scope.intersection(&ruled.granted), ..family })
    }
}

/// What scripts made of an exchange that was allowed so far.
pub(super) struct Ruled {
    /// What they decided.
    pub decision: Decision,
    by_scripts: bool,
    audience: Option<Audience>,
    scope: ScopeSet,
}

impl Ruled {
    /// Whether any script was run.
    pub fn by_scripts(&self) -> bool {
        self.by_scripts
    }
    /// Whether it is about what is allowed now: policies may change while scripts run.
    pub fn is_about(&self, allowed: &Allowed<'_>) -> bool {
        self.audience.as_ref() == allowed.audience && self.scope == allowed.scope
    }
}

impl TokenService {
    /// What scripts make of the exchange of a refresh token, by a client, of a user, for an API.
    ///
    /// # Errors
    /// As [`Self::rule`]; the refresh token is as good as before unless a script revoked it.
    pub(super) async fn rule_on_exchange(
        &self,
        (client, family, user, api): (
            &AuthenticatedClient,
            &Family,
            &User,
            Option<&ResourceServerRecord>,
        ),
        requested: Option<&ScopeSet>,
        allowed: &Allowed<'_>,
    ) -> Result<Ruled, Refused> {
        let nothing = ScopeSet::default();
        let facts = PostLogin {
            protocol: Protocol::RefreshToken,
            client: &client.record,
            user,
            api,
            organization_id: family.organization_id.as_ref(),
            session: None,
            family: Some(family),
            auth_time: family.auth_time,
            amr: &family.amr,
            requested_scope: requested.unwrap_or(&nothing),
            granted_scope: &allowed.scope,
            transaction: None,
        };
        let ruling = self.rule(&facts).await;
        let ruling = ruling.map_err(|why| self.refresh_refused_for(family, why))?;
        Ok(Ruled {
            by_scripts: ruling.decision.customised.execution.is_some(),
            decision: ruling.decision,
            audience: allowed.audience.cloned(),
            scope: allowed.scope.clone(),
        })
    }
}

/// Whom a login concerns. A session that has ended is none, and nothing comes of changing it.
fn concerned<'a>(facts: &PostLogin<'a>) -> Concerned<'a> {
    let of_family = facts.family.and_then(|family| family.session_id.as_ref());
    Concerned {
        client: &facts.client.client.client_id,
        user: &facts.user.user_id,
        session: facts.session.map(|session| &session.id).or(of_family),
        family: facts.family.map(|family| &family.id),
    }
}
