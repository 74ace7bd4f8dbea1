//! The OAuth 2.0 and OpenID Connect endpoints.

pub mod after_ticket;
pub mod authorize;
pub mod azure;
pub mod continuation;
pub mod dbconnections;
pub mod device;
pub mod discovery;
pub mod email_verification;
pub mod interaction;
pub mod introspect;
pub mod logout;
pub mod oidc_logout;
pub mod par;
pub mod passwordless;
pub mod reset_password;
pub mod revoke;
pub mod signup;
pub mod token;
pub mod unblock;
pub mod userinfo;

use axum::{
    Router, middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};

use crate::http::{App, dpop, error::oauth::OAuthError};

/// The routes that browsers call from scripts, which `http::cors` names too, and those they
/// navigate to.
pub fn router(app: &App) -> Router<App> {
    let scripted = Router::new()
        .route("/oauth/token", post(token::token).fallback(method_not_allowed))
        // Azure AD v1 clients (ADAL) find the same endpoint under their tenant.
        .route("/{tenant}/oauth2/token", post(azure::token).fallback(method_not_allowed))
        .route("/oauth/device/code", post(device::device_code).fallback(method_not_allowed))
        .route("/passwordless/start", post(passwordless::start).fallback(method_not_allowed))
        .route("/oauth/revoke", post(revoke::revoke).fallback(method_not_allowed))
        .route(
            "/userinfo",
            get(userinfo::userinfo).post(userinfo::userinfo).fallback(method_not_allowed),
        )
        .route(
            "/dbconnections/signup",
            post(dbconnections::signup).fallback(dbconnections::method_not_allowed),
        )
        .route(
            "/dbconnections/change_password",
            post(dbconnections::change_password).fallback(dbconnections::method_not_allowed),
        )
        .route("/.well-known/webfinger", get(discovery::not_federated))
        .route_layer(middleware::from_fn_with_state(app.clone(), dpop::fresh_nonce));
    let public = Router::new()
        .route("/.well-known/openid-configuration", get(discovery::discovery))
        .route("/.well-known/oauth-authorization-server", get(discovery::discovery))
        .route("/.well-known/jwks.json", get(discovery::jwks));
    // Servers call it: no script has the secret it takes.
    let servers = Router::new()
        .route("/oauth/par", post(par::par).fallback(method_not_allowed))
        .route("/oauth/introspect", post(introspect::introspect).fallback(method_not_allowed))
        .route_layer(middleware::from_fn_with_state(app.clone(), dpop::fresh_nonce));
    let pages = Router::new()
        .route("/authorize", get(authorize::authorize).post(authorize::authorize))
        .route("/{tenant}/oauth2/authorize", get(azure::authorize).post(azure::authorize))
        .route("/authorize/resume", get(authorize::resume))
        .route("/continue", get(continuation::go_on).post(continuation::go_on))
        .route("/u/login", get(interaction::login_page).post(interaction::log_in))
        .route("/u/account", get(interaction::account_page).post(interaction::account))
        .route("/u/signup", get(signup::signup_page).post(signup::sign_up))
        .route(
            "/u/reset-password/request",
            get(reset_password::request_page).post(reset_password::request_link),
        )
        .route("/u/reset-password", get(reset_password::reset_page).post(reset_password::reset))
        .route(
            "/u/email-verification",
            get(email_verification::verification_page).post(email_verification::verify),
        )
        .route("/u/unblock", get(unblock::unblock_page).post(unblock::unblock))
        .route("/u/consent", get(interaction::consent_page).post(interaction::consent))
        .route("/activate", get(device::activate_page).post(device::activate))
        .route("/activate/confirm", get(device::confirm_page).post(device::confirm))
        .route("/v2/logout", get(logout::logout))
        .route("/oidc/logout", get(oidc_logout::end_session).post(oidc_logout::end_session))
        .route("/u/logout", post(oidc_logout::confirmed));
    scripted.merge(public).merge(servers).merge(pages)
}

async fn method_not_allowed() -> Response {
    OAuthError::MethodNotAllowed.into_response()
}
