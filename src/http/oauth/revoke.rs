//! `POST /oauth/revoke` (RFC 7009).

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::domain::secret::RefreshToken;
use crate::http::{
    App, error::oauth::OAuthError, extract::parameters::OAuthBody, oauth::token::authenticate,
};
use crate::token::revoke::Revocation;

/// `POST /oauth/revoke`.
pub async fn revoke(
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<OAuthBody, OAuthError>,
) -> Response {
    match run(&app, &headers, body).await {
        Ok(Revocation::Done) => {
            let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
            (StatusCode::OK, no_store).into_response()
        }
        Ok(Revocation::UnsupportedTokenType) => {
            OAuthError::UnsupportedTokenType.respond(app.settings.error_status)
        }
        Err(error) => error.respond(app.settings.error_status),
    }
}

async fn run(
    app: &App,
    headers: &HeaderMap,
    body: Result<OAuthBody, OAuthError>,
) -> Result<Revocation, OAuthError> {
    let OAuthBody(parameters) = body?;
    let (client, basic) = authenticate(app, headers, &parameters).await?;
    let token = RefreshToken::new(parameters.required("token")?);
    let revoked = app.tokens.revoke(&client, &token).await;
    revoked.map_err(|refused| OAuthError::from_refused(refused, basic))
}
