//! The client credentials grant (RFC 6749 §4.4): a token for the application itself, as far as a
//! client grant says, and the Actions of the operator. Nothing is written.

use crate::domain::{
    audience::Audience,
    audit::{Exchanged, Happened, Issued},
    client_grant::SubjectType,
    resource_server::ClientPolicy,
    scope::ScopeSet,
};
use crate::login::triggers::credentials_exchange::CredentialsFacts;
use crate::policy::{client_auth::Proof, credentials_exchange::Denied};
use crate::token::{
    Granted, Refused, TokenService, TokenType,
    client_authentication::AuthenticatedClient,
    mint::{AccessToken, Gty},
};

/// A request of this grant.
#[derive(Debug)]
pub struct ClientCredentialsRequest {
    /// `audience` or `resource`
    pub audience: Option<Audience>,
    /// `scope`
    pub scope: Option<ScopeSet>,
}

impl TokenService {
    /// Grants a token to the application itself.
    ///
    /// # Errors
    /// Why not.
    pub async fn client_credentials(
        &self,
        client: &AuthenticatedClient,
        request: &ClientCredentialsRequest,
    ) -> Result<Granted, Refused> {
        let granted = self.grant_to_client(client, request).await;
        granted
            .map_err(|why| self.exchange_refused(Exchanged::ClientCredentials, client, None, why))
    }

    async fn grant_to_client(
        &self,
        client: &AuthenticatedClient,
        request: &ClientCredentialsRequest,
    ) -> Result<Granted, Refused> {
        if client.proof != Proof::Authenticated {
            return Err(Refused::InvalidClient);
        }
        client.must_allow("client_credentials")?;
        let Some(audience) = &request.audience else {
            let text = "Missing required parameter: audience".to_owned();
            return Err(Refused::InvalidRequest(text));
        };
        let Some(record) = self.store.api(audience).await? else {
            return Err(Refused::AccessDenied(format!("Service not found: {audience}")));
        };
        let api = &record.api;
        let client_id = &client.record.client.client_id;
        let grant = self.store.client_grant(client_id, audience, SubjectType::Client).await?;
        let denied = api.subject_type_authorization.client.policy == ClientPolicy::DenyAll;
        let Some(grant) = grant.filter(|_| !denied) else {
            return Err(Refused::AccessDenied(format!(
                "Client is not authorized to access \"{audience}\". You need to create a \
                 \"client-grant\" associated to this API. See: \
                 https://auth0.com/docs/api/v2#!/Client_Grants/post_client_grants"
            )));
        };
        let granted = grant.granted(&api.defined_scopes());
        let scope = match request.scope.as_ref().filter(|scope| !scope.is_empty()) {
            None => granted,
            Some(asked) => {
                let missing = asked.filtered(|scope| !granted.contains(scope));
                if !missing.is_empty() {
                    let text = format!("Client has not been granted scopes: {missing}");
                    return Err(Refused::AccessDenied(text));
                }
                asked.clone()
            }
        };
        let binding = self.binding(client, Some(api))?;
        let facts = CredentialsFacts {
            client: &client.record,
            api: &record,
            requested: request.scope.as_ref(),
            granted: &scope,
        };
        let ruled = self.login.credentials_exchange(&facts).await?;
        let execution = ruled.execution.as_ref();
        let refused = |Denied { error, description }| Refused::Script {
            error,
            description,
            execution: execution.cloned(),
        };
        let claims = ruled.claims.map_err(refused)?;
        let (access_token, expires_in) = self.mint_access_token(&AccessToken {
            subject: &format!("{client_id}@clients"),
            client_id,
            api: Some(api),
            scope: &scope,
            permissions: Some(&scope),
            gty: Some(Gty::ClientCredentials),
            organization_id: None,
            for_web: false,
            custom: Some(&claims),
            confirmation: binding.access_token.as_ref(),
        })?;
        let happened = Happened::Granted {
            exchanged: Exchanged::ClientCredentials,
            family: None,
            issued: Issued { audience: Some(audience), scope: &scope },
            execution,
        };
        self.login.note(&happened, Some(client_id), None);
        Ok(Granted {
            access_token,
            token_type: TokenType::of(binding.access_token.as_ref()),
            expires_in,
            scope: scope.to_string(),
            id_token: None,
            refresh_token: None,
            resource: None,
        })
    }
}
