//! The bearer token of the Management API (RFC 6750 §2.1).

use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};

use crate::http::{App, error::management::ManagementError};
use crate::token::bearer::{Bearer, BearerFault};

/// A token for the Management API. Its scope is checked by the route, before the handler runs.
#[derive(Debug, Clone)]
pub struct ManagementToken(pub Bearer);

impl ManagementToken {
    /// Whether the token has any of `scopes`.
    pub fn has_any(&self, scopes: &[&str]) -> bool {
        scopes.iter().any(|scope| self.0.scope.contains(scope))
    }
}

impl FromRequestParts<App> for ManagementToken {
    type Rejection = ManagementError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        // The route's scope check has verified it already.
        if let Some(token) = parts.extensions.get::<Self>() {
            return Ok(token.clone());
        }
        let mut headers = parts.headers.get_all(header::AUTHORIZATION).iter();
        let value = headers.next().ok_or(ManagementError::MissingAuthentication)?;
        let malformed = ManagementError::Bearer(BearerFault::Malformed);
        let (Ok(value), None) = (value.to_str(), headers.next()) else { return Err(malformed) };
        let Some((scheme, token)) = value.split_once(' ') else { return Err(malformed) };
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(malformed);
        }
        let audience = app.settings.management_audience();
        let verified = app.tokens.verify_bearer(token.trim(), &audience);
        Ok(Self(verified.map_err(ManagementError::Bearer)?))
    }
}
