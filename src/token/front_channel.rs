//! What the authorization endpoint issues itself: tokens in the response (RFC 6749 §4.2, OIDC Core
//! §3.2 and §3.3), alone or beside a code.
//!
//! There is never a refresh token among them: the address bar is no place for one.

use crate::domain::scope::ScopeSet;
use crate::login::authorize::{Approved, Failure};
use crate::policy::authorize::AuthorizationResponse;
use crate::token::{
    TokenService,
    mint::{AccessToken, IdToken},
};

impl TokenService {
    /// The response to an approved request: the code, if one was issued, and the tokens asked for.
    ///
    /// # Errors
    /// Failures of ours.
    pub async fn authorization_response(
        &self,
        approved: &Approved,
    ) -> Result<AuthorizationResponse, Failure> {
        let request = &approved.request;
        let client = &approved.client.client;
        let code = approved.code.as_ref().map(|code| code.expose());
        let scope = approved.scope.filtered(|scope| scope != "offline_access");
        let mut parameters = Vec::new();
        parameters.extend(code.map(|code| ("code", code.to_owned())));
        let mut access_token = None;
        if request.response_type.token {
            let (token, expires_in) = self.front_channel_token(approved, &scope).await?;
            parameters.extend([
                ("access_token", token.clone()),
                ("token_type", "Bearer".to_owned()),
                ("expires_in", expires_in.to_string()),
                ("scope", scope.to_string()),
            ]);
            access_token = Some(token);
        }
        if request.response_type.id_token {
            let organization_name =
                self.organization_name(approved.organization_id.as_ref()).await?;
            let token = self.mint_id_token(&IdToken {
                user: &approved.user,
                client,
                scope: &scope,
                nonce: request.nonce.as_deref(),
                auth_time: approved.session.authenticated_at,
                amr: &approved.session.amr,
                session_id: Some(&approved.session.id),
                organization_id: approved.organization_id.as_ref(),
                organization_name: organization_name.as_deref(),
                access_token: access_token.as_deref(),
                code,
                custom: Some(&approved.customised.id_token),
            })?;
            parameters.push(("id_token", token));
        }
        Ok(request.destination().answer(&self.settings.issuer, parameters))
    }

    async fn front_channel_token(
        &self,
        approved: &Approved,
        scope: &ScopeSet,
    ) -> Result<(String, i64), Failure> {
        let client = &approved.client.client;
        let api = approved.api.as_ref().map(|record| &record.api);
        let user = &approved.user.user_id;
        let entitlement = match api {
            None => Default::default(),
            Some(api) => self.login.entitlement(&client.client_id, api, user).await?,
        };
        Ok(self.mint_access_token(&AccessToken {
            subject: user.as_str(),
            client_id: &client.client_id,
            api,
            scope,
            permissions: Some(&entitlement.permissions),
            gty: None,
            organization_id: approved.organization_id.as_ref(),
            for_web: true,
            confirmation: None,
            custom: Some(&approved.customised.access_token),
        })?)
    }
}
