//! `/userinfo` (OIDC Core §5.3).

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::domain::UserId;
use crate::http::{App, dpop, error::oauth::OAuthError, extract::parameters};
use crate::policy::claims;
use crate::store::users;
use crate::token::{
    bearer::Bearer,
    dpop::{PresentedFault, Scheme},
};

/// A refusal of `/userinfo` (RFC 6750 §3.1).
enum UserinfoError {
    /// No token at all: the challenge names no error.
    NoToken,
    /// 401 `invalid_token`.
    InvalidToken,
    /// 401 with the challenge of RFC 9449 §7.1: `error` and `error_description`.
    Dpop(&'static str, &'static str),
    /// 403 `insufficient_scope`.
    InsufficientScope,
    /// Anything else.
    OAuth(OAuthError),
}

const INVALID: &str = "The access token is invalid or expired";

/// `GET` and `POST /userinfo`.
pub async fn userinfo(State(app): State<App>, headers: HeaderMap, request: Request) -> Response {
    match run(&app, &headers, request).await {
        Ok(claims) => {
            let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
            (no_store, Json(claims)).into_response()
        }
        Err(error) => respond(&app, error),
    }
}

async fn run(app: &App, headers: &HeaderMap, request: Request) -> Result<Value, UserinfoError> {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let (scheme, token) = match headers.get(header::AUTHORIZATION) {
        Some(value) => {
            let value = value.to_str().map_err(|_| UserinfoError::InvalidToken)?;
            let (scheme, token) = value.split_once(' ').ok_or(UserinfoError::InvalidToken)?;
            let scheme = Scheme::parse(scheme).ok_or(UserinfoError::InvalidToken)?;
            (scheme, token.trim().to_owned())
        }
        // RFC 6750 §2.2; never in the query, where logs would keep it.
        None if request.method() == Method::POST => {
            let body = parameters::of_request(request, app).await;
            let body = body.map_err(|_| UserinfoError::NoToken)?;
            (Scheme::Bearer, body.text("access_token").ok_or(UserinfoError::NoToken)?)
        }
        None => return Err(UserinfoError::NoToken),
    };
    let audience = app.settings.userinfo_audience();
    let proven = dpop::proven_request(headers, &method, &path);
    let bearer = app.tokens.verify_presented(scheme, &token, &audience, &proven).await;
    let bearer = bearer.map_err(|fault| match fault {
        PresentedFault::Token(_) if scheme == Scheme::Dpop => {
            UserinfoError::Dpop("invalid_token", INVALID)
        }
        PresentedFault::Token(_) => UserinfoError::InvalidToken,
        PresentedFault::Key(why) => UserinfoError::Dpop("invalid_token", why),
        PresentedFault::Proof(fault) => {
            let (error, description) = dpop::refusal(fault);
            UserinfoError::Dpop(error, description)
        }
        PresentedFault::Store(error) => UserinfoError::OAuth(error.into()),
    })?;
    if !bearer.scope.contains("openid") {
        return Err(UserinfoError::InsufficientScope);
    }
    claims_of(app, &bearer).await
}

async fn claims_of(app: &App, bearer: &Bearer) -> Result<Value, UserinfoError> {
    let store = |error| UserinfoError::OAuth(OAuthError::from(error));
    let mut conn = app.store.read().await.map_err(store)?;
    let user = users::find(conn.db(), &UserId::new(&bearer.subject)).await.map_err(store)?;
    let user = user.map(|record| record.user).filter(|user| !user.is_blocked());
    let user = user.ok_or(UserinfoError::InvalidToken)?;
    let mut claims = claims::released(&user, &bearer.scope);
    claims.insert("sub".to_owned(), user.user_id.as_str().into());
    Ok(Value::Object(claims))
}

fn respond(app: &App, error: UserinfoError) -> Response {
    let is_without_token = matches!(error, UserinfoError::NoToken);
    let known = HeaderValue::from_static;
    let (status, challenge, error, description) = match error {
        UserinfoError::OAuth(error) => return error.respond(app.settings.error_status),
        UserinfoError::NoToken => {
            (StatusCode::UNAUTHORIZED, known("Bearer"), "invalid_request", "No access token")
        }
        UserinfoError::Dpop(error, description) => {
            let challenge = dpop::challenge(error, description);
            (StatusCode::UNAUTHORIZED, challenge, error, description)
        }
        UserinfoError::InvalidToken => (
            StatusCode::UNAUTHORIZED,
            known("Bearer error=\"invalid_token\""),
            "invalid_token",
            INVALID,
        ),
        UserinfoError::InsufficientScope => (
            StatusCode::FORBIDDEN,
            known("Bearer error=\"insufficient_scope\", scope=\"openid\""),
            "insufficient_scope",
            "The access token lacks the scope openid",
        ),
    };
    let body = Json(json!({ "error": error, "error_description": description }));
    let headers = [
        (header::WWW_AUTHENTICATE, challenge),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    let mut response = (status, headers, body).into_response();
    if is_without_token {
        // RFC 9449 §7.2: both schemes are taken.
        response.headers_mut().append(header::WWW_AUTHENTICATE, dpop::offer());
    }
    response
}
