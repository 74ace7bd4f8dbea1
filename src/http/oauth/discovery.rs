//! Discovery (OIDC Discovery 1.0 §3, RFC 8414) and the JWKS (RFC 7517). The document names what is
//! there and nothing else.

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::domain::scope::OIDC_SCOPES;
use crate::http::App;
use crate::policy::claims;

const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=300, must-revalidate");

/// `GET /.well-known/openid-configuration` and its OAuth twin.
pub async fn discovery(State(app): State<App>) -> Response {
    let issuer = app.settings.issuer.as_str();
    let at = |path: &str| format!("{issuer}{path}");
    let protocol_claims = ["aud", "auth_time", "exp", "iat", "iss", "sid", "sub"];
    let claims: Vec<&str> = protocol_claims.into_iter().chain(claims::supported()).collect();
    let document = json!({
        "issuer": issuer,
        "authorization_endpoint": at("authorize"),
        "token_endpoint": at("oauth/token"),
        "userinfo_endpoint": at("userinfo"),
        "jwks_uri": at(".well-known/jwks.json"),
        "revocation_endpoint": at("oauth/revoke"),
        "introspection_endpoint": at("oauth/introspect"),
        "end_session_endpoint": at("oidc/logout"),
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "scopes_supported": OIDC_SCOPES,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": [
            "authorization_code",
            "refresh_token",
            "client_credentials",
            "password",
            "http://auth0.com/oauth/grant-type/password-realm",
        ],
        "code_challenge_methods_supported": ["S256"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported":
            ["client_secret_basic", "client_secret_post", "none"],
        "revocation_endpoint_auth_methods_supported":
            ["client_secret_basic", "client_secret_post", "none"],
        "introspection_endpoint_auth_methods_supported":
            ["client_secret_basic", "client_secret_post"],
        "claims_supported": claims,
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "authorization_response_iss_parameter_supported": true,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "claims_parameter_supported": false,
    });
    ([(header::CACHE_CONTROL, CACHE)], Json(document)).into_response()
}

/// `GET /.well-known/webfinger`. SDKs ask whether an e-mail address belongs to an identity provider
/// of its own; here none does.
pub async fn not_federated() -> StatusCode {
    StatusCode::NOT_FOUND
}

/// `GET /.well-known/jwks.json`.
pub async fn jwks(State(app): State<App>) -> Response {
    let jwks = app.tokens.keys.get().jwks();
    ([(header::CACHE_CONTROL, CACHE)], Json(jwks)).into_response()
}
