//! Cross-origin calls from scripts (Fetch Standard §3.3).
//!
//! Around the whole server, so that errors of the layers below (a timeout, a panic, an
//! unknown path, a wrong method) carry the headers too: a browser hides an answer without them,
//! and SDKs then report a network failure and try again.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::http::App;

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origins {
    /// Everybody: public documents.
    Any,
    /// Origins that some application has registered.
    Known,
}

/// What scripts may do at a path and below it.
struct Rule {
    path: &'static str,
    origins: Origins,
    methods: &'static str,
    headers: &'static str,
}

const fn rule(
    path: &'static str,
    origins: Origins,
    methods: &'static str,
    headers: &'static str,
) -> Rule {
    Rule { path, origins, methods, headers }
}

/// The paths that scripts may call, one line each. What is not here, no script of another origin
/// may read: pages, introspection, the Management API.
#[rustfmt::skip]
const RULES: &[Rule] = &[
    rule("/oauth/token",  Origins::Known, "POST", "auth0-client, authorization, content-type, dpop"),
    rule("/oauth/revoke", Origins::Known, "POST", "auth0-client, authorization, content-type, dpop"),
    rule("/userinfo", Origins::Known, "GET, POST", "auth0-client, authorization, content-type, dpop"),
    rule("/oauth/device/code", Origins::Known, "POST", "auth0-client, content-type"),
    rule("/passwordless/start", Origins::Known, "POST", "auth0-client, content-type"),
    rule("/dbconnections", Origins::Known, "POST", "auth0-client, content-type"),
    // Answers 404: no identity provider is asked. SDKs read the status.
    rule("/.well-known/webfinger", Origins::Known, "GET", "auth0-client"),
    rule("/.well-known/openid-configuration", Origins::Any, "GET", "auth0-client, content-type"),
    rule("/.well-known/oauth-authorization-server", Origins::Any, "GET", "auth0-client, content-type"),
    rule("/.well-known/jwks.json", Origins::Any, "GET", "auth0-client, content-type"),
];

/// The token endpoint under a tenant (Azure AD v1 clients).
const OF_TENANT: &str = "/oauth2/token";

const EXPOSED: HeaderValue = HeaderValue::from_static(
    "DPoP-Nonce, Retry-After, WWW-Authenticate, X-RateLimit-Limit, X-RateLimit-Remaining, \
     X-RateLimit-Reset, X-Request-Id",
);
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

fn rule_of(path: &str) -> Option<&'static Rule> {
    let is_or_is_below = |rule: &&Rule| {
        path.strip_prefix(rule.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    // `/{tenant}/oauth2/token` is the token endpoint under another name.
    let alias = path.strip_suffix(OF_TENANT).and_then(|tenant| tenant.strip_prefix('/'));
    if alias.is_some_and(|tenant| !tenant.is_empty() && !tenant.contains('/')) {
        return RULES.first();
    }
    RULES.iter().find(is_or_is_below)
}

/// Answers preflights, and lets scripts of allowed origins read every other answer.
pub async fn answer<F: Future<Output = Response>>(
    app: &App,
    request: Request,
    answer: impl FnOnce(Request) -> F,
) -> Response {
    let Some(rule) = rule_of(request.uri().path()) else { return answer(request).await };
    let allowed = allowed_origin(app, rule, request.headers()).await;
    let is_preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response =
        if is_preflight { preflight(rule, allowed.is_some()) } else { answer(request).await };
    let headers = response.headers_mut();
    if rule.origins == Origins::Known {
        // A shared cache must not give one origin the answer for another.
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
    if let Some(origin) = allowed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
    response
}

/// What `Access-Control-Allow-Origin` says; `None` for an origin that nobody has registered, which
/// is also what `null` is: any sandboxed frame has it.
async fn allowed_origin(app: &App, rule: &Rule, headers: &HeaderMap) -> Option<HeaderValue> {
    if rule.origins == Origins::Any {
        return Some(HeaderValue::from_static("*"));
    }
    let origin = headers.get(header::ORIGIN)?;
    let known = app.store.browser_origins().await.ok()?;
    known.contains(origin.to_str().ok()?).then(|| origin.clone())
}

fn preflight(rule: &Rule, allowed: bool) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    if allowed {
        let headers = response.headers_mut();
        let methods = HeaderValue::from_static(rule.methods);
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
        let names = HeaderValue::from_static(rule.headers);
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_reach_the_listed_paths_and_what_is_below_them() {
        let path = |path: &str| rule_of(path).map(|rule| rule.path);
        for (asked, found) in [
            ("/oauth/token", Some("/oauth/token")),
            ("/oauth/token/x", Some("/oauth/token")),
            ("/common/oauth2/token", Some("/oauth/token")),
            ("/userinfo", Some("/userinfo")),
            ("/.well-known/jwks.json", Some("/.well-known/jwks.json")),
            ("/oauth/tokens", None),
            ("/a/b/oauth2/token", None),
            ("//oauth2/token", None),
            ("/oauth/introspect", None),
            ("/api/v2/clients", None),
            ("/authorize", None),
            ("/u/login", None),
            ("/", None),
        ] {
            assert_eq!(path(asked), found, "{asked}");
        }
    }
}
