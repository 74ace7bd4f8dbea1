//! The access token of the Management API (RFC 6750 §2.1, RFC 9449 §7.1).

use axum::{
    extract::{FromRequestParts, OriginalUri},
    http::{header, request::Parts},
};

use crate::domain::UserId;
use crate::http::{App, dpop, error::management::ManagementError};
use crate::store::{permissions, users};
use crate::token::{
    bearer::{Bearer, BearerFault},
    dpop::{PresentedFault, Scheme},
};

/// A token for the Management API, of a machine or of a user of the console. Its scope is checked by
/// the route, before the handler runs.
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
        let Some(scheme) = Scheme::parse(scheme) else { return Err(malformed) };
        let audience = app.settings.management_audience();
        // The routes are nested: the address that the caller knows is the original one.
        let original = parts.extensions.get::<OriginalUri>();
        let path = original.map_or_else(|| parts.uri.path(), |OriginalUri(uri)| uri.path());
        let proven = dpop::proven_request(&parts.headers, &parts.method, path);
        let verified = app.tokens.verify_presented(scheme, token.trim(), &audience, &proven).await;
        let token = verified.map_err(|fault| match fault {
            PresentedFault::Token(fault) => ManagementError::Bearer(fault),
            PresentedFault::Key(why) => ManagementError::Dpop("invalid_token", why),
            PresentedFault::Proof(fault) => {
                let (error, description) = dpop::refusal(fault);
                ManagementError::Dpop(error, description)
            }
            PresentedFault::Store(error) => error.into(),
        })?;
        match token.user() {
            None => Ok(Self(token)),
            Some(user) => as_of_now(app, token, &user).await.map(Self),
        }
    }
}

/// The token of a user, with no more scope than the user has permissions at this moment: who is
/// blocked, or loses a role, is out at once and not when the token expires. Only the console has
/// such tokens.
async fn as_of_now(app: &App, token: Bearer, user: &UserId) -> Result<Bearer, ManagementError> {
    if !token.client_id.is_console() {
        return Err(ManagementError::Bearer(BearerFault::Invalid));
    }
    let mut conn = app.store.read().await?;
    let found = users::find(conn.db(), user).await?;
    if found.is_none_or(|record| record.user.is_blocked()) {
        return Err(ManagementError::UserIsGone);
    }
    let audience = app.settings.management_audience();
    let held = permissions::of_user_for(conn.db(), user, &audience).await?;
    Ok(Bearer { scope: token.scope.intersection(&held), ..token })
}
