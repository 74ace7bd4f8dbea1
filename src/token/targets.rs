//! The APIs that an exchange concerns, with the facts that count, read live: for the exchange
//! itself and for its explanation, which must not differ.

use std::sync::Arc;

use crate::domain::{UserId, audience::Audience, client::Client, scope::ScopeSet, user::User};
use crate::policy::{
    consent,
    login_scope::{RestrictedBy, Restriction},
    mrrt::{self, Asked, Exchange, Original},
};
use crate::store::{self, consents, resource_servers::ResourceServerRecord};
use crate::token::TokenService;

/// An API with the facts that count in an exchange.
#[derive(Clone)]
pub struct Target {
    /// The API.
    pub record: Arc<ResourceServerRecord>,
    /// The facts.
    pub facts: mrrt::Api,
    /// The user's permissions on it.
    pub permissions: ScopeSet,
}

/// The APIs that an exchange may concern, each `None` when there is none.
pub struct Targets {
    /// The API of the login.
    pub original: Option<Target>,
    /// The API asked for, if it is another one.
    pub asked: Option<Target>,
}

impl Targets {
    /// The one with this audience.
    pub fn of(&self, audience: Option<&Audience>) -> Option<&Target> {
        let both = [&self.asked, &self.original].into_iter().flatten();
        both.into_iter().find(|target| Some(&target.record.api.identifier) == audience)
    }
}

impl TokenService {
    /// Reads the facts for a login for `original` that asks for `asked`.
    ///
    /// # Errors
    /// When the database does.
    pub async fn targets(
        &self,
        client: &Client,
        original: Option<&Audience>,
        user: &User,
        asked: Option<&Audience>,
    ) -> Result<Targets, store::Error> {
        let asked = asked.filter(|asked| Some(*asked) != original);
        Ok(Targets {
            // For the original audience the login has seen to the consent.
            original: self.target(client, original, Some(&user.user_id), false).await?,
            asked: self.target(client, asked, Some(&user.user_id), true).await?,
        })
    }

    /// Reads the facts of one API, for `user` or, without one, for somebody who has every
    /// permission and has consented to everything.
    ///
    /// # Errors
    /// When the database does.
    pub(super) async fn target(
        &self,
        client: &Client,
        audience: Option<&Audience>,
        user: Option<&UserId>,
        judges_consent: bool,
    ) -> Result<Option<Target>, store::Error> {
        let Some(audience) = audience else { return Ok(None) };
        let Some(record) = self.store.api(audience).await? else { return Ok(None) };
        let api = &record.api;
        let entitlement = match user {
            Some(user) => self.login.entitlement(&client.client_id, api, user).await?,
            None => self.login.best_entitlement(&client.client_id, api).await?,
        };
        let mut restrictions = entitlement.restrictions;
        let mut lacks_consent = false;
        if let Some(user) = user
            && judges_consent
            && consent::is_demanded(client, Some(api))
        {
            let mut conn = self.store.read().await?;
            let given = consents::find(conn.db(), user, &client.client_id, Some(audience)).await?;
            match given {
                None => lacks_consent = true,
                // Consent to some scopes is no consent to the policy's others.
                Some(leaves) => {
                    restrictions.push(Restriction { by: RestrictedBy::Consent, leaves });
                }
            }
        }
        let facts = mrrt::Api {
            defined: api.defined_scopes(),
            is_system: api.is_system,
            lacks_consent,
            restrictions,
        };
        Ok(Some(Target { record, facts, permissions: entitlement.permissions }))
    }

    /// Everything that the decision depends on.
    pub fn exchange<'a>(
        &self,
        client: &'a Client,
        original: Original<'a>,
        targets: &'a Targets,
        audience: Option<&'a Audience>,
        scope: Option<&'a ScopeSet>,
    ) -> Exchange<'a> {
        // `/userinfo` is no API: a login without one is for it already.
        let userinfo = self.settings.userinfo_audience();
        let audience =
            audience.filter(|asked| !(original.audience.is_none() && **asked == userinfo));
        Exchange {
            original,
            asked: Asked { audience, scope: scope.filter(|scope| !scope.is_empty()) },
            policies: client.policies(),
            is_first_party: client.is_first_party,
            original_api: targets.original.as_ref().map(|target| &target.facts),
            asked_api: targets.asked.as_ref().map(|target| &target.facts),
            unknown_audience: self.settings.mrrt_unknown_audience,
        }
    }
}
