//! Verifying the access tokens that are presented to us: at `/userinfo` and the Management API.

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;

use crate::crypto::signing::as_jose;
use crate::domain::{
    ClientId, UserId, audience::Audience, dpop::Thumbprint, scope::ScopeSet,
    signing_alg::SigningAlg,
};
use crate::token::{Internal, TokenService};

/// A verified access token.
#[derive(Debug, Clone)]
pub struct Bearer {
    /// Who it is about: a user id, or `<client_id>@clients`.
    pub subject: String,
    /// The client it was issued to.
    pub client_id: ClientId,
    /// Its scope.
    pub scope: ScopeSet,
    /// The key that it is bound to, if any.
    pub key: Option<Thumbprint>,
}

impl Bearer {
    /// The user it is about, unless it is about its client.
    pub fn user(&self) -> Option<UserId> {
        let is_client = self.subject.strip_suffix("@clients") == Some(self.client_id.as_str());
        (!is_client).then(|| UserId::new(self.subject.as_str()))
    }
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
        let client_id = ClientId::new(claims.client_id());
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
        // No key of ours is for a shared secret; what is signed with one is read elsewhere.
        if header.alg == Algorithm::HS256 {
            return Err(BearerFault::Signature);
        }
        let keys = self.keys.get();
        let kid = header.kid.ok_or(BearerFault::Invalid)?;
        let (alg, key) = keys.verifier(&kid).ok_or(BearerFault::Invalid)?;
        // The key decides, never the header (RFC 8725 §3.1).
        let is_for_management =
            audience.is_some_and(|audience| *audience == self.settings.management_audience());
        if header.alg != as_jose(alg) || (is_for_management && alg != SigningAlg::Rs256) {
            return Err(BearerFault::Signature);
        }
        self.verify_with(token, alg, key, audience)
    }

    /// Verifies an access token of an API with HS256, with that API's secret. It must be for that
    /// API and nothing else, since whoever has the secret can make more of them. `None` for any
    /// other token.
    pub(super) async fn verify_symmetric_access_token(
        &self,
        token: &str,
    ) -> Result<Option<Claims>, Internal> {
        // Unverified, to find the key; everything is verified below.
        let Ok(claimed) = jsonwebtoken::dangerous::insecure_decode::<Claims>(token) else {
            return Ok(None);
        };
        let (Algorithm::HS256, Audiences::One(audience)) = (claimed.header.alg, claimed.claims.aud)
        else {
            return Ok(None);
        };
        let Some(record) = self.store.api(&audience).await? else { return Ok(None) };
        if record.api.signing_alg != SigningAlg::Hs256 {
            return Ok(None);
        }
        let Some(secret) = self.signing_secret(&record.api)? else { return Ok(None) };
        let key = DecodingKey::from_secret(secret.expose().as_bytes());
        Ok(self.verify_with(token, SigningAlg::Hs256, &key, Some(&audience)).ok())
    }

    fn verify_with(
        &self,
        token: &str,
        alg: SigningAlg,
        key: &DecodingKey,
        audience: Option<&Audience>,
    ) -> Result<Claims, BearerFault> {
        let mut validation = Validation::new(as_jose(alg));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_no_user_and_no_user_passes_for_a_client() {
        let user = |subject: &str| {
            let (client_id, subject) = (ClientId::new("c"), subject.to_owned());
            Bearer { subject, client_id, scope: ScopeSet::default(), key: None }.user()
        };
        assert_eq!(user("c@clients"), None);
        for subject in ["auth0|1", "auth0|c@clients", "d@clients"] {
            assert_eq!(user(subject), Some(UserId::new(subject)));
        }
    }
}
