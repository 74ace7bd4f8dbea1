//! The end of every login grant: begin a refresh-token family if `offline_access` was granted, and
//! mint the tokens.

use std::sync::Arc;

use crate::crypto::refresh_token::{new_family_id, new_salt};
use crate::domain::{
    OrganizationId, SessionId,
    action::outcome::Customised,
    audit::{AuditEvent, Happened},
    family::{Family, LoginGrant},
    scope::ScopeSet,
    secret::RefreshToken,
    time::Timestamp,
    user::User,
};
use crate::policy::lifetime;
use crate::store::{
    self, Tx, audit, clients::ClientRecord, families, organizations,
    resource_servers::ResourceServerRecord,
};
use crate::telemetry;
use crate::token::{
    Granted, Refused, TokenService, TokenType,
    dpop::Binding,
    mint::{AccessToken, Gty, IdToken},
};

/// A login that was decided and is to be answered.
#[derive(Debug, Clone)]
pub struct Login {
    /// The application.
    pub client: Arc<ClientRecord>,
    /// Who logged in.
    pub user: User,
    /// The API, if any.
    pub api: Option<Arc<ResourceServerRecord>>,
    /// The user's permissions on the API.
    pub permissions: ScopeSet,
    /// The granted scopes.
    pub scope: ScopeSet,
    /// The organization logged in to, if any.
    pub organization_id: Option<OrganizationId>,
    /// Its name.
    pub organization_name: Option<String>,
    /// The browser session, if there is one.
    pub session_id: Option<SessionId>,
    /// The grant.
    pub grant: LoginGrant,
    /// When the user gave a credential.
    pub auth_time: Timestamp,
    /// How.
    pub amr: Vec<String>,
    /// For the ID token.
    pub nonce: Option<String>,
    /// What the tokens are bound to.
    pub binding: Binding,
    /// What scripts made of the tokens.
    pub customised: Customised,
}

impl TokenService {
    /// The family that a login begins, `None` when it has no `offline_access`.
    pub(super) fn new_family(&self, login: &Login) -> Option<Family> {
        if !login.scope.contains("offline_access") {
            return None;
        }
        let now = self.clock.now();
        let settings = login.client.client.refresh_token_settings();
        let changes = &login.customised.refresh_token;
        Some(Family {
            id: new_family_id(&*self.entropy),
            client_id: login.client.client.client_id.clone(),
            user_id: login.user.user_id.clone(),
            session_id: login.session_id.clone(),
            organization_id: login.organization_id.clone(),
            audience: login.api.as_ref().map(|record| record.api.identifier.clone()),
            scope: login.scope.filtered(|scope| !login.customised.added_scope.contains(scope)),
            grant: login.grant,
            auth_time: login.auth_time,
            amr: login.amr.clone(),
            salt: new_salt(&*self.entropy),
            generation: 0,
            rotated_at: now,
            created_at: now,
            last_exchanged_at: now,
            expires_at: changes.earlier_end_if_any(lifetime::absolute_end(&settings, now)),
            revoked_at: None,
            dpop_jkt: login.binding.refresh_token.clone(),
            idle_expires_at: changes.idle_expires_at.map(Timestamp::from_millis),
        })
    }

    /// Writes the family that a login begins, and revokes the least recently used ones beyond the
    /// limit. Returns what to tell the audit stream after the commit.
    pub(super) async fn insert_family(
        &self,
        tx: &mut Tx,
        family: &Family,
        login: &Login,
    ) -> Result<Option<AuditEvent>, store::Error> {
        families::insert(tx, family, &telemetry::caller::current()).await?;
        if let Some(metadata) = &login.customised.refresh_token.metadata {
            families::set_metadata(tx, &family.id, Some(metadata)).await?;
        }
        let limit = self.settings.families_per_user_and_client;
        let (user, client) = (&family.user_id, &family.client_id);
        let revoked = families::revoke_beyond(tx, user, client, limit, family.created_at).await?;
        if revoked == 0 {
            return Ok(None);
        }
        let happened = Happened::FamiliesBeyondLimit { revoked };
        let event = self.login.event(&happened, Some(client), Some(user));
        audit::insert(tx, &event).await?;
        Ok(Some(event))
    }

    /// The name of the organization that was logged in to.
    pub(super) async fn organization_name(
        &self,
        id: Option<&OrganizationId>,
    ) -> Result<Option<String>, store::Error> {
        match id {
            None => Ok(None),
            Some(id) => organizations::name(self.store.read().await?.db(), id).await,
        }
    }

    /// The token of a family's `generation`.
    pub(super) fn refresh_token(
        &self,
        family: &Family,
        generation: u32,
    ) -> Result<RefreshToken, Refused> {
        let derived = self.refresh_tokens.derive(&family.id, &family.salt, generation);
        derived.ok_or_else(|| {
            let why = "family id".to_owned();
            store::Error::Inconsistent { table: "refresh_token_family", why }.into()
        })
    }

    /// Mints the tokens of a login.
    pub(super) fn answer_login(
        &self,
        login: &Login,
        family: Option<&Family>,
    ) -> Result<Granted, Refused> {
        let client = &login.client.client;
        let api = login.api.as_ref().map(|record| &record.api);
        let (access_token, expires_in) = self.mint_access_token(&AccessToken {
            subject: login.user.user_id.as_str(),
            client_id: &client.client_id,
            api,
            scope: &login.scope,
            permissions: Some(&login.permissions),
            gty: (login.grant == LoginGrant::Password).then_some(Gty::Password),
            organization_id: login.organization_id.as_ref(),
            for_web: false,
            confirmation: login.binding.access_token.as_ref(),
            custom: Some(&login.customised.access_token),
        })?;
        let id_token = if login.scope.contains("openid") {
            Some(self.mint_id_token(&IdToken {
                user: &login.user,
                client,
                scope: &login.scope,
                nonce: login.nonce.as_deref(),
                auth_time: login.auth_time,
                amr: &login.amr,
                session_id: login.session_id.as_ref(),
                organization_id: login.organization_id.as_ref(),
                organization_name: login.organization_name.as_deref(),
                access_token: None,
                code: None,
                custom: Some(&login.customised.id_token),
            })?)
        } else {
            None
        };
        let refresh_token =
            family.map(|family| self.refresh_token(family, family.generation)).transpose()?;
        let resource = (!client.policies().is_empty())
            .then(|| self.reported_audience(api.map(|api| &api.identifier)));
        let scope = login.scope.to_string();
        let token_type = TokenType::of(login.binding.access_token.as_ref());
        Ok(Granted {
            access_token,
            token_type,
            expires_in,
            scope,
            id_token,
            refresh_token,
            resource,
        })
    }
}
