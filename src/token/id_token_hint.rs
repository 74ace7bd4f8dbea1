//! `id_token_hint` (OIDC RP-Initiated Logout 1.0 §2): an ID token of ours, however old, that says
//! which application sends the browser and which session it means.

use jsonwebtoken::{Algorithm, Validation};
use serde::Deserialize;

use crate::domain::{ClientId, SessionId, UserId};
use crate::policy::logout::Hint;
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
    pub fn verify_id_token_hint(&self, token: &str) -> Option<(ClientId, Hint)> {
        let header = jsonwebtoken::decode_header(token).ok()?;
        if header.alg != Algorithm::RS256 || header.typ.as_deref() != Some("JWT") {
            return None;
        }
        let keys = self.keys.get();
        let key = keys.verifying(header.kid.as_deref()?)?;
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_issuer(&[self.settings.issuer.as_str()]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.validate_exp = false;
        // The audience says which application it is.
        validation.validate_aud = false;
        let claims = jsonwebtoken::decode::<Claims>(token, key, &validation).ok()?.claims;
        if claims.scope.is_some() || claims.events.is_some() {
            return None;
        }
        let hint =
            Hint { user_id: UserId::new(claims.sub), session_id: claims.sid.map(SessionId::new) };
        Some((ClientId::new(claims.aud), hint))
    }
}
