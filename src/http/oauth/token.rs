//! `POST /oauth/token` (RFC 6749 §3.2).

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;

use crate::domain::{
    ClientId,
    audit::Exchanged,
    client_assertion, device, passwordless,
    secret::{
        ClientAssertion, ClientSecret, Code, DeviceCode, OneTimeCode, Password, RefreshToken,
    },
};
use crate::http::{
    App, dpop,
    error::oauth::OAuthError,
    extract::parameters::{OAuthBody, Parameters},
};
use crate::token::{
    Granted, Refused,
    authorization_code::CodeRequest,
    client_assertion::PresentedAssertion,
    client_authentication::{AuthenticatedClient, Credentials},
    client_credentials::ClientCredentialsRequest,
    device_code::DeviceCodeRequest,
    dpop::ProvenRequest,
    password::PasswordRequest,
    passwordless::PasswordlessRequest,
    refresh_token::RefreshRequest,
};

const PASSWORD_REALM: &str = "http://auth0.com/oauth/grant-type/password-realm";

/// The one `client_assertion_type` (RFC 7523 §2.2).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The grants there are. A span records one of these, never what came in.
const GRANT_TYPES: &[&str] = &[
    "authorization_code",
    "refresh_token",
    "client_credentials",
    "password",
    PASSWORD_REALM,
    device::GRANT_TYPE,
    passwordless::GRANT_TYPE,
];

/// The headers of an answer that holds tokens (RFC 6749 §5.1).
pub const NEVER_KEPT: [(HeaderName, HeaderValue); 2] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::PRAGMA, HeaderValue::from_static("no-cache")),
];

#[derive(Serialize)]
struct TokenBody {
    access_token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
    scope: String,
    expires_in: i64,
    token_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
}

/// `POST /oauth/token`.
pub async fn token(
    State(app): State<App>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Result<OAuthBody, OAuthError>,
) -> Response {
    let answered = match body {
        Ok(OAuthBody(parameters)) => {
            let proven = dpop::proven_request(&headers, &method, uri.path());
            grant(&app, &headers, &proven, &parameters).await
        }
        Err(error) => Err(error),
    };
    match answered {
        Ok(granted) => respond(granted),
        Err(error) => error.respond(app.settings.error_status),
    }
}

fn respond(granted: Granted) -> Response {
    let body = TokenBody {
        access_token: granted.access_token,
        refresh_token: granted.refresh_token.map(|token| token.expose().to_owned()),
        id_token: granted.id_token,
        scope: granted.scope,
        expires_in: granted.expires_in,
        token_type: granted.token_type.as_str(),
        resource: granted.resource,
    };
    (NEVER_KEPT, Json(body)).into_response()
}

/// Answers a request to the token endpoint.
///
/// # Errors
/// Why it is refused.
pub async fn grant(
    app: &App,
    headers: &HeaderMap,
    proven: &ProvenRequest<'_>,
    parameters: &Parameters,
) -> Result<Granted, OAuthError> {
    let asked = parameters.required("grant_type")?;
    let Some(grant_type) = GRANT_TYPES.iter().copied().find(|known| *known == asked) else {
        return Err(OAuthError::UnsupportedGrantType);
    };
    let (client, basic) = authenticate(app, headers, parameters).await?;
    let tokens = &app.tokens;
    let client = tokens.prove_possession(client, proven, exchanged(grant_type)).await;
    let client = client.map_err(|refused| OAuthError::from_refused(refused, basic))?;
    // Boxed: the state of a request has room for the largest grant, and is moved; that of a refresh
    // is small.
    let granted = match grant_type {
        "authorization_code" => {
            let request = CodeRequest {
                code: Code::new(parameters.required("code")?),
                redirect_uri: parameters.text("redirect_uri"),
                code_verifier: parameters.text("code_verifier"),
            };
            Box::pin(tokens.exchange_code(&client, &request)).await
        }
        "refresh_token" => {
            let request = RefreshRequest {
                refresh_token: RefreshToken::new(parameters.required("refresh_token")?),
                audience: parameters.audience()?,
                scope: parameters.scope()?,
            };
            tokens.refresh(&client, &request).await
        }
        "client_credentials" => {
            let request = ClientCredentialsRequest {
                audience: parameters.audience()?,
                scope: parameters.scope()?,
            };
            tokens.client_credentials(&client, &request).await
        }
        device::GRANT_TYPE => {
            let request = DeviceCodeRequest {
                device_code: DeviceCode::new(parameters.required("device_code")?),
                code_verifier: parameters.text("code_verifier"),
            };
            Box::pin(tokens.exchange_device_code(&client, &request)).await
        }
        passwordless::GRANT_TYPE => {
            let request = PasswordlessRequest {
                username: parameters.required("username")?.to_owned(),
                code: OneTimeCode::new(parameters.required("otp")?),
                realm: parameters.text("realm"),
                audience: parameters.audience()?,
                scope: parameters.scope()?,
            };
            Box::pin(tokens.passwordless(&client, &request)).await
        }
        _ => {
            let request = PasswordRequest {
                grant_type,
                username: parameters.required("username")?.to_owned(),
                password: Password::new(parameters.required("password")?),
                realm: parameters.text("realm").filter(|_| grant_type == PASSWORD_REALM),
                audience: parameters.audience()?,
                scope: parameters.scope()?,
            };
            Box::pin(tokens.password(&client, &request)).await
        }
    };
    granted.map_err(|refused| OAuthError::from_refused(refused, basic))
}

/// As the audit trail calls it.
fn exchanged(grant_type: &str) -> Exchanged {
    match grant_type {
        "authorization_code" => Exchanged::Code,
        "refresh_token" => Exchanged::RefreshToken,
        "client_credentials" => Exchanged::ClientCredentials,
        device::GRANT_TYPE => Exchanged::DeviceCode,
        passwordless::GRANT_TYPE => Exchanged::Passwordless,
        _ => Exchanged::Password,
    }
}

/// Authenticates the client of a request, and says whether it used HTTP Basic.
///
/// # Errors
/// `invalid_client`, or `invalid_request` for two methods at once (RFC 6749 §2.3).
pub async fn authenticate(
    app: &App,
    headers: &HeaderMap,
    parameters: &Parameters,
) -> Result<(AuthenticatedClient, bool), OAuthError> {
    let (credentials, basic) = credentials(headers, parameters)?;
    let client = app.tokens.authenticate(&credentials).await;
    let client = client.map_err(|refused| OAuthError::from_refused(refused, basic))?;
    Ok((client, basic))
}

fn credentials(
    headers: &HeaderMap,
    parameters: &Parameters,
) -> Result<(Credentials, bool), OAuthError> {
    let named = parameters.get("client_id");
    if let Some(presented) = assertion(headers, parameters)? {
        return Ok((Credentials::Assertion(presented), false));
    }
    if let Some(header) = headers.get(header::AUTHORIZATION) {
        let bad = OAuthError::from_refused(Refused::InvalidClient, true);
        let Some((id, secret)) = header.to_str().ok().and_then(basic) else { return Err(bad) };
        if parameters.get("client_secret").is_some() || named.is_some_and(|named| named != id) {
            return Err(OAuthError::invalid_request(
                "The client may authenticate in one way only: header or body",
            ));
        }
        let secret = (!secret.is_empty()).then(|| ClientSecret::new(secret));
        return Ok((Credentials::Secret { client_id: ClientId::new(id), secret }, true));
    }
    let Some(named) = named else {
        return Err(OAuthError::from_refused(Refused::MissingClientId, false));
    };
    let secret = parameters.get("client_secret").map(ClientSecret::new);
    Ok((Credentials::Secret { client_id: ClientId::new(named), secret }, false))
}

/// The assertion, if the request has one (RFC 7521 §4.2).
fn assertion(
    headers: &HeaderMap,
    parameters: &Parameters,
) -> Result<Option<PresentedAssertion>, OAuthError> {
    let (jwt, kind) =
        match (parameters.get("client_assertion"), parameters.get("client_assertion_type")) {
            (None, None) => return Ok(None),
            (Some(_), None) => return parameters.required("client_assertion_type").map(|_| None),
            (None, Some(_)) => return parameters.required("client_assertion").map(|_| None),
            (Some(jwt), Some(kind)) => (jwt, kind),
        };
    if kind != JWT_BEARER {
        let text = format!("client_assertion_type must be {JWT_BEARER}");
        return Err(OAuthError::invalid_request(text));
    }
    if headers.contains_key(header::AUTHORIZATION) || parameters.get("client_secret").is_some() {
        return Err(OAuthError::invalid_request(
            "The client may authenticate in one way only: assertion or secret",
        ));
    }
    if jwt.len() > client_assertion::MAX_LENGTH {
        let text =
            format!("client_assertion is longer than {} bytes", client_assertion::MAX_LENGTH);
        return Err(OAuthError::invalid_request(text));
    }
    Ok(Some(PresentedAssertion {
        jwt: ClientAssertion::new(jwt),
        client_id: parameters.get("client_id").map(ClientId::new),
        endpoint: parameters.endpoint().to_owned(),
    }))
}

/// RFC 6749 §2.3.1: both halves are form-encoded before they are joined.
fn basic(value: &str) -> Option<(String, String)> {
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((form_decoded(id)?, form_decoded(secret)?))
}

fn form_decoded(text: &str) -> Option<String> {
    let as_pair = format!("x={text}");
    let mut pairs = url::form_urlencoded::parse(as_pair.as_bytes());
    let value = pairs.next()?.1.into_owned();
    (pairs.next().is_none() && !value.contains(['\0', '\u{fffd}'])).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_form_encoded() {
        let encode = |text: &str| format!("Basic {}", STANDARD.encode(text));
        let ok = |id: &str, secret: &str| Some((id.to_owned(), secret.to_owned()));
        assert_eq!(basic(&encode("a:b")), ok("a", "b"));
        assert_eq!(basic(&encode("a%3A1:b%2Bc+d")), ok("a:1", "b+c d"));
        assert_eq!(basic(&encode("a:b:c")), ok("a", "b:c"));
        assert_eq!(basic("Basic !!!"), None);
        assert_eq!(basic("Bearer x"), None);
        assert_eq!(basic(&encode("no colon")), None);
    }
}
