//! Token introspection (RFC 7662). It only looks: nothing is revoked, rotated or kept alive by it.

use serde::Serialize;

use crate::crypto::refresh_token::Presented;
use crate::domain::{ClientId, UserId, secret::RefreshToken};
use crate::policy::{
    client_auth::{Proof, may_be_public},
    lifetime,
};
use crate::store::{families::exchange::Facts, users};
use crate::token::{
    Refused, TokenService, TokenType,
    bearer::{Audiences, Claims, Cnf},
    client_authentication::AuthenticatedClient,
};

/// What is told about an active token (RFC 7662 §2.2). Of any other nothing is told.
#[derive(Serialize)]
pub struct Introspection {
    active: bool,
    token_type: &'static str,
    /// The key that it is bound to (RFC 9449 §6.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<Cnf>,
    client_id: String,
    sub: String,
    scope: String,
    iat: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<Audiences>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
}

impl TokenService {
    /// What `client` may know about a token; `None` for a token that is not active, or none of the
    /// client's business. The two look the same (§2.2, §4).
    ///
    /// # Errors
    /// [`Refused::InvalidClient`] for a client that cannot keep a secret (§2.1), or failures of
    /// ours.
    pub async fn introspect(
        &self,
        client: &AuthenticatedClient,
        token: &RefreshToken,
    ) -> Result<Option<Introspection>, Refused> {
        // What a public client ships as its secret, everybody has.
        if client.proof != Proof::Authenticated || may_be_public(&client.record.client) {
            return Err(Refused::InvalidClient);
        }
        if let Some(presented) = self.refresh_tokens.parse(token) {
            return self.introspect_refresh_token(client, &presented).await;
        }
        let claims = match self.verify_access_token(token.expose(), None) {
            Ok(claims) => Some(claims),
            Err(_) => self.verify_symmetric_access_token(token.expose()).await?,
        };
        match claims {
            Some(claims) => self.introspect_access_token(client, claims).await,
            None => Ok(None),
        }
    }

    async fn introspect_refresh_token(
        &self,
        client: &AuthenticatedClient,
        presented: &Presented,
    ) -> Result<Option<Introspection>, Refused> {
        let found = self.store.exchange_facts(&presented.family()).await?;
        let is_true = |facts: &Facts| self.refresh_tokens.verify(presented, &facts.family.salt);
        let Some(facts) = found.filter(is_true) else { return Ok(None) };
        let family = &facts.family;
        let client = &client.record.client;
        let settings = client.refresh_token_settings();
        let now = self.clock.now();
        let is_over = family.revoked_at.is_some()
            // The leeway forgives a retry; the token is spent all the same.
            || presented.generation() < family.generation
            || lifetime::expired(&settings, family.expires_at, family.into(), now).is_some();
        if family.client_id != client.client_id
            || is_over
            || self.bad_standing(&facts, client.is_first_party).await?.is_some()
        {
            return Ok(None);
        }
        let ends = [family.expires_at, lifetime::idle_end(&settings, family.into())];
        Ok(Some(Introspection {
            active: true,
            token_type: "refresh_token",
            cnf: family.dpop_jkt.clone().map(|jkt| Cnf { jkt }),
            client_id: family.client_id.to_string(),
            sub: family.user_id.to_string(),
            scope: family.scope.to_string(),
            iat: family.rotated_at.seconds(),
            exp: ends.into_iter().flatten().min().map(|end| end.seconds()),
            aud: family.audience.clone().map(Audiences::One),
            iss: None,
        }))
    }

    async fn is_in_good_standing(&self, user: &UserId) -> Result<bool, Refused> {
        let found = users::find(self.store.read().await?.db(), user).await?;
        Ok(found.is_some_and(|record| !record.user.is_blocked()))
    }

    async fn introspect_access_token(
        &self,
        client: &AuthenticatedClient,
        claims: Claims,
    ) -> Result<Option<Introspection>, Refused> {
        let client_id = ClientId::new(claims.client_id());
        let is_own = client_id == client.record.client.client_id;
        if !is_own && !is_resource_server(client, &claims.aud) {
            return Ok(None);
        }
        if self.store.client(&client_id).await?.is_none() {
            return Ok(None);
        }
        let is_of_a_machine = claims.sub == format!("{client_id}@clients");
        let subject = UserId::new(claims.sub.as_str());
        if !is_of_a_machine && !self.is_in_good_standing(&subject).await? {
            return Ok(None);
        }
        let scope = claims.scope().to_string();
        Ok(Some(Introspection {
            active: true,
            token_type: TokenType::of(claims.cnf.as_ref().map(|cnf| &cnf.jkt)).as_str(),
            cnf: claims.cnf,
            client_id: client_id.to_string(),
            sub: claims.sub,
            scope,
            iat: claims.iat,
            exp: Some(claims.exp),
            aud: Some(claims.aud),
            iss: Some(self.settings.issuer.clone()),
        }))
    }
}

/// Whether the client stands for an API that the token is for.
fn is_resource_server(client: &AuthenticatedClient, audiences: &Audiences) -> bool {
    let record = &client.record;
    let identifier = record.document.get("resource_server_identifier");
    record.client.app_type.as_deref() == Some("resource_server")
        && identifier.and_then(|value| value.as_str()).is_some_and(|api| audiences.contains(api))
}
