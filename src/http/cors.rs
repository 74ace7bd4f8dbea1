//! Cross-origin calls from scripts (Fetch Standard §3.3).

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::http::App;

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST");
const REQUEST_HEADERS: HeaderValue =
    HeaderValue::from_static("auth0-client, authorization, content-type, dpop");
const EXPOSED: HeaderValue =
    HeaderValue::from_static("DPoP-Nonce, Retry-After, WWW-Authenticate, X-Request-Id");
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// For the endpoints that applications call: only origins that some application has registered,
/// on errors too, or a browser would hide the error from its SDK.
pub async fn known_origins(State(app): State<App>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let known = match origin.as_ref().and_then(|origin| origin.to_str().ok()) {
        // An unreachable database leaves the origin unknown; the call itself will say 503.
        Some(origin) => app.store.browser_origins().await.is_ok_and(|known| known.contains(origin)),
        None => false,
    };
    let allowed = origin.filter(|_| known);
    let mut response = answer(request, next, allowed.is_some()).await;
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = allowed {
        allow(headers, origin);
    }
    response
}

/// For public documents: every origin.
pub async fn any_origin(request: Request, next: Next) -> Response {
    let mut response = answer(request, next, true).await;
    allow(response.headers_mut(), HeaderValue::from_static("*"));
    response
}

async fn answer(request: Request, next: Next, allowed: bool) -> Response {
    let preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if !preflight {
        return next.run(request).await;
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    if allowed {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    }
    response
}

fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
}
