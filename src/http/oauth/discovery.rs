//! Discovery (OIDC Discovery 1.0 §3, RFC 8414) and the JWKS (RFC 7517). The document names what is
//! there and nothing else.

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::crypto::dpop;
use crate::domain::{
    client_assertion::AssertionAlgorithm, device, passwordless, scope::OIDC_SCOPES,
};
use crate::http::{App, pages::locales::Locale};
use crate::policy::claims;

/// How a client that has a secret or a key authenticates.
const CONFIDENTIAL: &[&str] =
    &["client_secret_basic", "client_secret_post", "private_key_jwt", "client_secret_jwt"];

const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=300, must-revalidate");

/// `GET /.well-known/openid-configuration` and its OAuth twin.
pub async fn discovery(State(app): State<App>) -> Response {
    let issuer = app.settings.issuer.as_str();
    let at = |path: &str| format!("{issuer}{path}");
    let protocol_claims = ["aud", "auth_time", "exp", "iat", "iss", "sid", "sub"];
    let claims: Vec<&str> = protocol_claims.into_iter().chain(claims::supported()).collect();
    let public: Vec<&str> = CONFIDENTIAL.iter().copied().chain(["none"]).collect();
    let algorithms = AssertionAlgorithm::ALL.map(AssertionAlgorithm::as_str);
    // Without a database, as when the operator never said.
    let tenant = app.store.tenant().await.unwrap_or_default();
    let locales = Locale::enabled(&tenant.enabled_locales, &app.settings.default_locale);
    let mut document = json!({
        "issuer": issuer,
        "authorization_endpoint": at("authorize"),
        "token_endpoint": at("oauth/token"),
        "device_authorization_endpoint": at("oauth/device/code"),
        "userinfo_endpoint": at("userinfo"),
        "jwks_uri": at(".well-known/jwks.json"),
        "revocation_endpoint": at("oauth/revoke"),
        "introspection_endpoint": at("oauth/introspect"),
        "pushed_authorization_request_endpoint": at("oauth/par"),
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "scopes_supported": OIDC_SCOPES,
        "response_types_supported": [
            "code",
            "token",
            "id_token",
            "id_token token",
            "code id_token",
            "code token",
            "code id_token token",
        ],
        "response_modes_supported": ["query", "fragment", "form_post", "web_message"],
        "grant_types_supported": [
            "authorization_code",
            "implicit",
            "refresh_token",
            "client_credentials",
            "password",
            "http://auth0.com/oauth/grant-type/password-realm",
            device::GRANT_TYPE,
            passwordless::GRANT_TYPE,
        ],
        "code_challenge_methods_supported": ["S256"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "PS256", "RS512", "HS256"],
        "token_endpoint_auth_methods_supported": public,
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "revocation_endpoint_auth_methods_supported": public,
        "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
        "introspection_endpoint_auth_methods_supported": CONFIDENTIAL,
        "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
        "claims_supported": claims,
        "ui_locales_supported": locales.into_iter().map(Locale::tag).collect::<Vec<_>>(),
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "dpop_signing_alg_values_supported": dpop::ALGORITHMS,
        "authorization_response_iss_parameter_supported": true,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "claims_parameter_supported": false,
    });
    if tenant.oidc_logout.rp_logout_end_session_endpoint_discovery {
        document["end_session_endpoint"] = at("oidc/logout").into();
    }
    ([(header::CACHE_CONTROL, CACHE)], Json(document)).into_response()
}

/// `GET /.well-known/webfinger`. SDKs ask whether an e-mail address belongs to an identity provider
/// of its own; here none does.
pub async fn not_federated() -> StatusCode {
    StatusCode::NOT_FOUND
}

/// `GET /.well-known/jwks.json`.
pub async fn jwks(State(app): State<App>) -> Response {
    let mut jwks = json!(app.tokens.keys.get().jwks());
    let tenant = app.store.tenant().await.unwrap_or_default();
    if tenant.flags.remove_alg_from_jwks {
        let keys = jwks.get_mut("keys").and_then(Value::as_array_mut);
        for key in keys.into_iter().flatten().filter_map(Value::as_object_mut) {
            key.remove("alg");
        }
    }
    ([(header::CACHE_CONTROL, CACHE)], Json(jwks)).into_response()
}
