//! Azure AD v1 clients (ADAL): `/{tenant}/oauth2/authorize` and `/{tenant}/oauth2/token`, the same
//! endpoints in the dialect of that system ([MS-OAPX] §2.2.3).
//!
//! Its clients name an API with `resource` and know no scopes: an administrator's configuration
//! decides what a token may do. They recognise a multi-resource refresh token by `resource` in the
//! answer, and keep it for every API.

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, Method, Uri},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::domain::audience::Audience;
use crate::http::{
    App, dpop,
    error::{oauth::OAuthError, page::PageError},
    extract::{
        cookies::Cookies,
        parameters::{self, OAuthBody, Parameters},
    },
    oauth::{
        authorize,
        token::{NEVER_KEPT, grant},
    },
};
use crate::token::Granted;

/// What a login is granted beside the scopes of the API.
const LOGIN_SCOPE: &str = "openid profile email offline_access";

/// A token response in which numbers are strings, as these clients know them.
#[derive(Serialize)]
struct Body {
    token_type: &'static str,
    scope: String,
    expires_in: String,
    ext_expires_in: String,
    expires_on: String,
    not_before: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
    access_token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
}

/// `GET` and `POST /{tenant}/oauth2/authorize`.
pub async fn authorize(
    State(app): State<App>,
    cookies: Cookies,
    request: Request,
) -> Result<Response, PageError> {
    let mut parameters = parameters::of_page(request, &app).await?;
    let scope = everything(&app, &parameters).await?;
    parameters.replace("scope", scope);
    authorize::begin(&app, parameters, &cookies).await
}

/// Every scope that a login for the `resource` of the request may be granted.
async fn everything(app: &App, parameters: &Parameters) -> Result<String, PageError> {
    let api = match parameters.get("resource") {
        None => None,
        Some(resource) => {
            let found = app.store.api(&Audience::new(resource)).await;
            found.map_err(|error| PageError::store(app, &error))?
        }
    };
    let defined = api.map(|record| record.api.defined_scopes()).unwrap_or_default();
    Ok(format!("{LOGIN_SCOPE} {defined}"))
}

/// `POST /{tenant}/oauth2/token`.
pub async fn token(
    State(app): State<App>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Result<OAuthBody, OAuthError>,
) -> Response {
    let answered = match body {
        Ok(OAuthBody(mut parameters)) => {
            // `scope=openid` is what some of them send with every request, and mean nothing by it.
            parameters.remove("scope");
            let proven = dpop::proven_request(&headers, &method, uri.path());
            grant(&app, &headers, &proven, &parameters).await
        }
        Err(error) => Err(error),
    };
    match answered {
        Ok(granted) => respond(&app, granted),
        Err(error) => error.respond(app.settings.error_status),
    }
}

fn respond(app: &App, granted: Granted) -> Response {
    let now = app.clock.now().seconds();
    let body = Body {
        token_type: granted.token_type.as_str(),
        scope: granted.scope,
        expires_in: granted.expires_in.to_string(),
        ext_expires_in: granted.expires_in.to_string(),
        expires_on: now.saturating_add(granted.expires_in).to_string(),
        not_before: now.to_string(),
        resource: granted.resource,
        access_token: granted.access_token,
        refresh_token: granted.refresh_token.map(|token| token.expose().to_owned()),
        id_token: granted.id_token,
    };
    (NEVER_KEPT, Json(body)).into_response()
}
