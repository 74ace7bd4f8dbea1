//! The OAuth 2.0 and OpenID Connect endpoints.

pub mod authorize;
pub mod discovery;
pub mod interaction;
pub mod introspect;
pub mod logout;
pub mod oidc_logout;
pub mod revoke;
pub mod token;
pub mod userinfo;

use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::{get, post},
};

use crate::http::{App, error::oauth::OAuthError};

/// The routes that browsers call from scripts, which `http::cors` names too, and those they
/// navigate to.
pub fn router() -> Router<App> {
    let scripted = Router::new()
        .route("/oauth/token", post(token::token).fallback(method_not_allowed))
        // Azure AD v1 clients (ADAL) find the same endpoint under their tenant.
        .route("/{tenant}/oauth2/token", post(token::token).fallback(method_not_allowed))
        .route("/oauth/revoke", post(revoke::revoke).fallback(method_not_allowed))
        .route(
            "/userinfo",
            get(userinfo::userinfo).post(userinfo::userinfo).fallback(method_not_allowed),
        )
        .route("/.well-known/webfinger", get(discovery::not_federated));
    let public = Router::new()
        .route("/.well-known/openid-configuration", get(discovery::discovery))
        .route("/.well-known/oauth-authorization-server", get(discovery::discovery))
        .route("/.well-known/jwks.json", get(discovery::jwks));
    // Servers call it: no script has the secret it takes.
    let servers = Router::new()
        .route("/oauth/introspect", post(introspect::introspect).fallback(method_not_allowed));
    let pages = Router::new()
        .route("/authorize", get(authorize::authorize).post(authorize::authorize))
        .route("/{tenant}/oauth2/authorize", get(authorize::authorize).post(authorize::authorize))
        .route("/authorize/resume", get(authorize::resume))
        .route("/u/login", get(interaction::login_page).post(interaction::log_in))
        .route("/u/consent", get(interaction::consent_page).post(interaction::consent))
        .route("/v2/logout", get(logout::logout))
        .route("/oidc/logout", get(oidc_logout::end_session).post(oidc_logout::end_session))
        .route("/u/logout", post(oidc_logout::confirmed));
    scripted.merge(public).merge(servers).merge(pages)
}

async fn method_not_allowed() -> Response {
    OAuthError::MethodNotAllowed.into_response()
}
