//! Verifying the access tokens that are presented to us: at `/userinfo` and the Management API.

use jsonwebtoken::{Algorithm, Validation};
use serde::Deserialize;

use crate::domain::{audience::Audience, dpop::Thumbprint, scope::ScopeSet};
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
    /// The key that it is bound to, if any.
    pub key: Option<Thumbprint>,
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

/// The claims of an access token that this server reads back.
#[derive(Deserialize)]
pub(super) struct Claims {
    pub(super) sub: String,
    pub(super) exp: i64,
    #[serde(default)]
    pub(super) iat: i64,
    pub(super) aud: Audiences,
    #[serde(default)]
    azp: String,
    #[serde(default)]
    client_id: String,
    /// ID tokens have none.
    scope: Option<String>,
    /// The key of a bound token.
    #[serde(default)]
    pub(super) cnf: Option<Cnf>,
}

/// The `cnf` claim of a bound token (RFC 7800, RFC 9449 §6.1).
#[derive(Clone, Deserialize, serde::Serialize)]
pub(super) struct Cnf {
    pub(super) jkt: Thumbprint,
}

/// One audience or several (RFC 7519 §4.1.3).
#[derive(Clone, Deserialize, serde::Serialize)]
#[serde(untagged)]
pub(super) enum Audiences {
    One(Audience),
    Several(Vec<Audience>),
}

impl Audiences {
    pub(super) fn contains(&self, audience: &str) -> bool {
        match self {
            Self::One(one) => one.as_str() == audience,
            Self::Several(several) => several.iter().any(|one| one.as_str() == audience),
        }
    }
}

impl Claims {
    /// The client it was issued to, in either dialect.
    pub(super) fn client_id(&self) -> &str {
        if self.azp.is_empty() { &self.client_id } else { &self.azp }
    }
    /// Its scope.
    pub(super) fn scope(&self) -> ScopeSet {
        ScopeSet::parse(self.scope.as_deref().unwrap_or_default())
    }
}

impl TokenService {
    /// Verifies an access token for `audience`. Whether it came as its kind must is for
    /// [`TokenService::verify_presented`] to say.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn verify_bearer(
        &self,
        token: &str,
        audience: &Audience,
    ) -> Result<Bearer, BearerFault> {
        let claims = self.verify_access_token(token, Some(audience))?;
        let client_id = claims.client_id().to_owned();
        let key = claims.cnf.as_ref().map(|cnf| cnf.jkt.clone());
        Ok(Bearer { scope: claims.scope(), subject: claims.sub, client_id, key })
    }

    /// Verifies an access token of this server, for `audience` or for any.
    pub(super) fn verify_access_token(
        &self,
        token: &str,
        audience: Option<&Audience>,
    ) -> Result<Claims, BearerFault> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| BearerFault::Malformed)?;
        if header.alg != Algorithm::RS256 {
            return Err(BearerFault::Signature);
        }
        let keys = self.keys.get();
        let kid = header.kid.ok_or(BearerFault::Invalid)?;
        let key = keys.verifying(&kid).ok_or(BearerFault::Invalid)?;
        let mut validation = Validation::new(Algorithm::RS256);
        match audience {
            Some(audience) => validation.set_audience(&[audience.as_str()]),
            None => validation.validate_aud = false,
        }
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
        if claims.scope.is_some() { Ok(claims) } else { Err(BearerFault::Invalid) }
    }
}
