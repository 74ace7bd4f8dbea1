//! `POST /oauth/introspect` (RFC 7662).

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::domain::secret::RefreshToken;
use crate::http::{
    App, error::oauth::OAuthError, extract::parameters::OAuthBody, oauth::token::authenticate,
};
use crate::token::introspect::Introspection;

/// `POST /oauth/introspect`. `token_type_hint` is not needed: the two kinds look different.
pub async fn introspect(
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<OAuthBody, OAuthError>,
) -> Response {
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    match run(&app, &headers, body).await {
        Ok(Some(active)) => (no_store, Json(active)).into_response(),
        Ok(None) => (no_store, Json(json!({ "active": false }))).into_response(),
        Err(error) => error.respond(app.settings.error_status),
    }
}

async fn run(
    app: &App,
    headers: &HeaderMap,
    body: Result<OAuthBody, OAuthError>,
) -> Result<Option<Introspection>, OAuthError> {
    let OAuthBody(parameters) = body?;
    let (client, basic) = authenticate(app, headers, &parameters).await?;
    let token = RefreshToken::new(parameters.required("token")?);
    let found = app.tokens.introspect(&client, &token).await;
    found.map_err(|refused| OAuthError::from_refused(refused, basic))
}
