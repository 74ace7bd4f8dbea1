//! Verifying the access tokens that are presented to us: at `/userinfo` and the Management API.

use jsonwebtoken::{Algorithm, Validation};
use serde::Deserialize;

use crate::domain::{audience::Audience, scope::ScopeSet};
use crate::token::TokenService;

/// A verified access token.
#[derive(Debug, Clone)]
pub struct Bearer {
    /// Who it is about: a user id, or `<client_id>@clients`.
    pub subject: String,
    /// The client it was issued to.
    pub client_id: String,
    /// Its scope.
    pub scope: ScopeSet,
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BearerFault {
    /// Not a JWT at all.
    Malformed,
    /// Signed by somebody else, or with another algorithm.
    Signature,
    /// Expired.
    Expired,
    /// Another issuer or audience, or not an access token.
    Invalid,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: i64,
    #[serde(default)]
    azp: String,
    #[serde(default)]
    client_id: String,
    /// ID tokens have none.
    scope: Option<String>,
}

impl TokenService {
    /// Verifies an access token for `audience`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn verify_bearer(&self, token: &str, audience: &Audience) -> Result<Bearer, BearerFault> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| BearerFault::Malformed)?;
        if header.alg != Algorithm::RS256 {
            return Err(BearerFault::Signature);
        }
        let keys = self.keys.get();
        let kid = header.kid.ok_or(BearerFault::Invalid)?;
        let key = keys.verifying(&kid).ok_or(BearerFault::Invalid)?;
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_audience(&[audience.as_str()]);
        validation.set_issuer(&[self.settings.issuer.as_str()]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // Expiry is judged below by our own clock.
        validation.validate_exp = false;
        let claims = jsonwebtoken::decode::<Claims>(token, key, &validation)
            .map_err(|error| match error.kind() {
                jsonwebtoken::errors::ErrorKind::InvalidSignature => BearerFault::Signature,
                _ => BearerFault::Invalid,
            })?
            .claims;
        if claims.exp <= self.clock.now().seconds() {
            return Err(BearerFault::Expired);
        }
        let scope = claims.scope.ok_or(BearerFault::Invalid)?;
        let client_id = if claims.azp.is_empty() { claims.client_id } else { claims.azp };
        Ok(Bearer { subject: claims.sub, client_id, scope: ScopeSet::parse(&scope) })
    }
}
