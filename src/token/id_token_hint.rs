//! `id_token_hint` (OIDC Core §3.1.2.1, OIDC RP-Initiated Logout 1.0 §2): an ID token of ours,
//! however old, that says which application sends the browser, which user and session it means.

use jsonwebtoken::{DecodingKey, Validation};
use serde::Deserialize;

use crate::crypto::signing::as_jose;
use crate::domain::{ClientId, SessionId, UserId, signing_alg::SigningAlg};
use crate::login::authorize::Failure;
use crate::policy::{client_auth::may_be_public, logout::Hint};
use crate::token::TokenService;

/// The claims that tell an ID token from every other token that this server signs: an access token
/// has a scope and no `auth_time`, a logout token has `events`.
#[derive(Deserialize)]
struct Claims {
    sub: String,
    aud: String,
    /// Required: ID tokens of ours always have it.
    #[serde(rename = "auth_time")]
    _auth_time: i64,
    #[serde(default)]
    sid: Option<String>,
    #[serde(default)]
    scope: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    events: Option<serde::de::IgnoredAny>,
}

impl TokenService {
    /// Verifies an ID token that is shown as a hint: signed by us, for whichever application. It
    /// may have expired (§4: an application keeps it as long as its own session). `None` when it
    /// is not an ID token of ours.
    ///
    /// # Errors
    /// Failures of ours.
    pub async fn verify_id_token_hint(
        &self,
        token: &str,
    ) -> Result<Option<(ClientId, Hint)>, Failure> {
        let Ok(header) = jsonwebtoken::decode_header(token) else { return Ok(None) };
        if header.typ.as_deref() != Some("JWT") {
            return Ok(None);
        }
        let claims = match header.kid {
            Some(kid) => self
                .keys
                .get()
                .verifier(&kid)
                .and_then(|(alg, key)| self.claims_of(token, alg, key)),
            None => self.claims_under_secret(token).await?,
        };
        Ok(claims.map(|claims| {
            let session_id = claims.sid.map(SessionId::new);
            let hint = Hint { user_id: UserId::new(claims.sub), session_id };
            (ClientId::new(claims.aud), hint)
        }))
    }

    /// The claims of an HS256 token, verified with the secret of the application it is for. Only an
    /// application whose ID tokens are signed so, and that can keep a secret, is believed.
    async fn claims_under_secret(&self, token: &str) -> Result<Option<Claims>, Failure> {
        // Names the key, as a `kid` does: nothing else is believed before the signature is.
        let Ok(claimed) = jsonwebtoken::dangerous::insecure_decode::<Claims>(token) else {
            return Ok(None);
        };
        let Some(record) = self.store.client(&ClientId::new(claimed.claims.aud)).await? else {
            return Ok(None);
        };
        let client = &record.client;
        let signed_so = client.jwt_configuration.alg == SigningAlg::Hs256 && !may_be_public(client);
        let Some(sealed) = client.sealed_secret.as_ref().filter(|_| signed_so) else {
            return Ok(None);
        };
        let secret = self.open_secret(sealed, client.client_id.as_str())?;
        let key = DecodingKey::from_secret(secret.expose().as_bytes());
        Ok(self.claims_of(token, SigningAlg::Hs256, &key))
    }

    fn claims_of(&self, token: &str, alg: SigningAlg, key: &DecodingKey) -> Option<Claims> {
        let mut validation = Validation::new(as_jose(alg));
        validation.set_issuer(&[self.settings.issuer.as_str()]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.validate_exp = false;
        // The audience says which application it is.
        validation.validate_aud = false;
        let claims = jsonwebtoken::decode::<Claims>(token, key, &validation).ok()?.claims;
        (claims.scope.is_none() && claims.events.is_none()).then_some(claims)
    }
}
