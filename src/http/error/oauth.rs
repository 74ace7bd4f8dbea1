//! Errors of the OAuth endpoints (RFC 6749 §5.2), as JSON.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::domain::{attack_protection::Hindrance, settings::ErrorStatus};
use crate::http::{
    error::{hindrance, management::error_chain},
    request_id,
};
use crate::policy::authorize::RedirectProblem;
use crate::store;
use crate::token::{DeviceFault, GrantFault, Internal, Refused};

/// An error of an OAuth endpoint.
#[derive(Debug)]
pub enum OAuthError {
    /// A parameter is missing, malformed or repeated.
    InvalidRequest(String),
    /// `scope` is malformed.
    InvalidScope(String),
    /// The client is unknown or its secret wrong. `basic`: it used `Authorization: Basic`, so the
    /// answer must name a challenge.
    InvalidClient {
        /// Whether the client used HTTP Basic.
        basic: bool,
        /// What to say.
        description: &'static str,
    },
    /// The code, refresh token or password is not good.
    InvalidGrant(GrantFault),
    /// The client may not use this grant.
    UnauthorizedClient(String),
    /// No such grant.
    UnsupportedGrantType,
    /// The audience is refused.
    InvalidTarget(String),
    /// The client may not have tokens for this API.
    AccessDenied(String),
    /// A script of the operator refuses, or failed.
    Script {
        /// `error`
        error: &'static str,
        /// What to say.
        description: String,
    },
    /// The proof of possession is not good, or there is none and must be (RFC 9449 §5).
    InvalidDpopProof(&'static str),
    /// The proof of possession needs a nonce of ours (RFC 9449 §8).
    UseDpopNonce,
    /// A pushed authorize request that `/authorize` would refuse (RFC 9126 §2.3).
    Authorization(RedirectProblem),
    /// A device code gives no tokens (RFC 8628 §3.5).
    Device(DeviceFault),
    /// A one-time code cannot be sent in this way, or to this address: Auth0's `bad.connection` or
    /// `bad.email`.
    CannotSend {
        /// `error`
        error: &'static str,
        /// What to say.
        description: &'static str,
    },
    /// Too many one-time codes were sent to an address.
    TooManyCodes,
    /// Too many requests came from the address.
    TooManyRequests,
    /// There were too many attempts to log in.
    Hindered(Hindrance),
    /// RFC 7009 §2.2.1.
    UnsupportedTokenType,
    /// 405.
    MethodNotAllowed,
    /// 404: there is no such endpoint.
    NotFound,
    /// 413.
    TooLarge(String),
    /// 503: overloaded, or no database.
    TemporarilyUnavailable,
    /// 500. The cause was logged where it was converted.
    ServerError,
}

impl OAuthError {
    /// A malformed request.
    pub fn invalid_request(description: impl Into<String>) -> Self {
        Self::InvalidRequest(description.into())
    }

    /// The error of a refused grant. Failures of ours are logged here, once.
    pub fn from_refused(refused: Refused, basic: bool) -> Self {
        match refused {
            Refused::InvalidRequest(text) => Self::InvalidRequest(text),
            Refused::InvalidClient => Self::InvalidClient { basic, description: "Unauthorized" },
            Refused::MissingClientId => {
                Self::InvalidClient { basic, description: "Missing client_id" }
            }
            Refused::InvalidGrant(fault) => Self::InvalidGrant(fault),
            Refused::UnauthorizedClient(text) => Self::UnauthorizedClient(text),
            Refused::UnsupportedGrantType => Self::UnsupportedGrantType,
            Refused::InvalidTarget(text) => Self::InvalidTarget(text),
            Refused::AccessDenied(text) => Self::AccessDenied(text),
            Refused::Script { error, description, .. } => Self::Script { error, description },
            Refused::InvalidDpopProof(text) => Self::InvalidDpopProof(text),
            Refused::UseDpopNonce => Self::UseDpopNonce,
            Refused::Device(fault) => Self::Device(fault),
            Refused::Hindered(hindrance) => Self::Hindered(hindrance),
            Refused::Overloaded => Self::TemporarilyUnavailable,
            Refused::Internal(Internal::Store(error)) => error.into(),
            Refused::Internal(error) => {
                tracing::error!(error = error_chain(&error), "oauth: the request failed");
                Self::ServerError
            }
        }
    }

    /// Status, `error` and `error_description`. SDKs compare some of the descriptions, so those are
    /// Auth0's to the letter.
    pub fn wire(&self, mode: ErrorStatus) -> (StatusCode, &'static str, String) {
        use StatusCode as S;
        let auth0 = mode == ErrorStatus::Auth0;
        let grant_status = if auth0 { S::FORBIDDEN } else { S::BAD_REQUEST };
        match self {
            Self::InvalidRequest(text) => (S::BAD_REQUEST, "invalid_request", text.clone()),
            Self::InvalidScope(text) => (S::BAD_REQUEST, "invalid_scope", text.clone()),
            Self::InvalidClient { description, .. } => {
                let code = if auth0 { "access_denied" } else { "invalid_client" };
                (S::UNAUTHORIZED, code, (*description).to_owned())
            }
            Self::InvalidGrant(GrantFault::UserBlocked) if auth0 => {
                (S::FORBIDDEN, "unauthorized", "user is blocked".to_owned())
            }
            Self::InvalidGrant(fault) => {
                (grant_status, "invalid_grant", describe(*fault).to_owned())
            }
            Self::UnauthorizedClient(text) => (grant_status, "unauthorized_client", text.clone()),
            Self::UnsupportedGrantType => {
                (S::BAD_REQUEST, "unsupported_grant_type", "Grant type not supported".to_owned())
            }
            Self::InvalidTarget(text) => (S::BAD_REQUEST, "invalid_target", text.clone()),
            Self::AccessDenied(text) => (S::FORBIDDEN, "access_denied", text.clone()),
            Self::Script { error, description } => {
                (script_status(error), error, description.clone())
            }
            Self::InvalidDpopProof(text) => {
                (S::BAD_REQUEST, "invalid_dpop_proof", (*text).to_owned())
            }
            Self::UseDpopNonce => (
                S::BAD_REQUEST,
                "use_dpop_nonce",
                "Authorization server requires nonce in DPoP proof".to_owned(),
            ),
            Self::Authorization(problem) => {
                (S::BAD_REQUEST, problem.error, problem.description.clone())
            }
            Self::Device(DeviceFault::Pending) => (
                grant_status,
                "authorization_pending",
                "User has yet to authorize device code.".to_owned(),
            ),
            Self::Device(DeviceFault::TooFast) => (
                if auth0 { S::TOO_MANY_REQUESTS } else { S::BAD_REQUEST },
                "slow_down",
                "You are polling faster than the specified interval of 5 seconds.".to_owned(),
            ),
            Self::Device(DeviceFault::Expired) => {
                (grant_status, "expired_token", "The device code has expired.".to_owned())
            }
            Self::Device(DeviceFault::Declined) => {
                (grant_status, "access_denied", "User did not authorize the request".to_owned())
            }
            Self::CannotSend { error, description } => {
                (S::BAD_REQUEST, error, (*description).to_owned())
            }
            Self::TooManyCodes => (
                S::TOO_MANY_REQUESTS,
                "too_many_requests",
                "Too many codes were sent to this address. Try again in 10 minutes.".to_owned(),
            ),
            Self::TooManyRequests => (
                S::TOO_MANY_REQUESTS,
                "too_many_requests",
                "Global limit has been reached".to_owned(),
            ),
            Self::Hindered(hindrance) => {
                let (error, description) = hindrance::wire(hindrance);
                (S::TOO_MANY_REQUESTS, error, description.to_owned())
            }
            Self::UnsupportedTokenType => (
                S::BAD_REQUEST,
                "unsupported_token_type",
                "Only refresh tokens can be revoked".to_owned(),
            ),
            Self::NotFound => (S::NOT_FOUND, "not_found", "There is no such endpoint".to_owned()),
            Self::MethodNotAllowed => {
                (S::METHOD_NOT_ALLOWED, "invalid_request", "Method not allowed".to_owned())
            }
            Self::TooLarge(text) => (S::PAYLOAD_TOO_LARGE, "invalid_request", text.clone()),
            Self::TemporarilyUnavailable => (
                S::SERVICE_UNAVAILABLE,
                "temporarily_unavailable",
                "The service is temporarily unavailable. Try again.".to_owned(),
            ),
            Self::ServerError => {
                (S::INTERNAL_SERVER_ERROR, "server_error", "Internal error".to_owned())
            }
        }
    }

    /// The response.
    pub fn respond(&self, mode: ErrorStatus) -> Response {
        let (status, error, description) = self.wire(mode);
        let mut body = json!({ "error": error, "error_description": description });
        if status.is_server_error() {
            body["request_id"] = request_id().into();
        }
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
        if matches!(self, Self::InvalidClient { basic: true, .. }) {
            let challenge = HeaderValue::from_static("Basic realm=\"doorward\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if matches!(self, Self::Device(DeviceFault::TooFast)) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        if matches!(self, Self::TooManyCodes) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("600"));
        }
        if let Self::Hindered(hindrance) = self {
            hindrance::set_retry_after(hindrance, headers);
        }
        if matches!(self, Self::TemporarilyUnavailable) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// The codes that a script at a client-credentials exchange may give are all answered with 400, as
/// Auth0 does, also `server_error`: this server is well. Everything else refuses somebody.
fn script_status(error: &str) -> StatusCode {
    match error {
        "invalid_request" | "invalid_scope" | "server_error" => StatusCode::BAD_REQUEST,
        _ => StatusCode::FORBIDDEN,
    }
}

fn describe(fault: GrantFault) -> &'static str {
    match fault {
        GrantFault::Code => "Invalid authorization code",
        GrantFault::Verifier => "Failed to verify code verifier",
        GrantFault::RedirectUri => "The redirect URI is wrong.",
        GrantFault::DpopKey => "Failed to verify the DPoP key",
        GrantFault::RefreshToken => "Unknown or invalid refresh token.",
        GrantFault::Password => "Wrong email or password.",
        GrantFault::UserBlocked => "user is blocked",
        GrantFault::NotAMember => "user is not part of the organization",
        GrantFault::OneTimeCode => "Wrong email or verification code.",
        GrantFault::DeviceCode => "Invalid or expired device code.",
    }
}

impl From<store::Error> for OAuthError {
    fn from(error: store::Error) -> Self {
        match error {
            error if error.is_temporary() => {
                tracing::warn!(error = error_chain(&error), "oauth: no database");
                Self::TemporarilyUnavailable
            }
            _ => {
                tracing::error!(error = error_chain(&error), "oauth: the store failed");
                Self::ServerError
            }
        }
    }
}

impl IntoResponse for OAuthError {
    /// Where no setting is at hand: the statuses that do not depend on it.
    fn into_response(self) -> Response {
        self.respond(ErrorStatus::Rfc)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn every_error_has_its_status_and_code() {
        let text = || "x".to_owned();
        let cases = [
            (OAuthError::InvalidRequest(text()), (400, "invalid_request"), (400, "invalid_request")),
            (OAuthError::InvalidScope(text()), (400, "invalid_scope"), (400, "invalid_scope")),
            (OAuthError::InvalidClient { basic: true, description: "" }, (401, "invalid_client"), (401, "access_denied")),
            (OAuthError::InvalidGrant(GrantFault::Code), (400, "invalid_grant"), (403, "invalid_grant")),
            (OAuthError::InvalidGrant(GrantFault::UserBlocked), (400, "invalid_grant"), (403, "unauthorized")),
            (OAuthError::UnauthorizedClient(text()), (400, "unauthorized_client"), (403, "unauthorized_client")),
            (OAuthError::UnsupportedGrantType, (400, "unsupported_grant_type"), (400, "unsupported_grant_type")),
            (OAuthError::InvalidTarget(text()), (400, "invalid_target"), (400, "invalid_target")),
            (OAuthError::AccessDenied(text()), (403, "access_denied"), (403, "access_denied")),
            (OAuthError::Script { error: "access_denied", description: text() }, (403, "access_denied"), (403, "access_denied")),
            (OAuthError::Script { error: "unauthorized", description: text() }, (403, "unauthorized"), (403, "unauthorized")),
            (OAuthError::Script { error: "interaction_required", description: text() }, (403, "interaction_required"), (403, "interaction_required")),
            (OAuthError::Script { error: "invalid_request", description: text() }, (400, "invalid_request"), (400, "invalid_request")),
            (OAuthError::Script { error: "invalid_scope", description: text() }, (400, "invalid_scope"), (400, "invalid_scope")),
            (OAuthError::Script { error: "server_error", description: text() }, (400, "server_error"), (400, "server_error")),
            (OAuthError::InvalidDpopProof("x"), (400, "invalid_dpop_proof"), (400, "invalid_dpop_proof")),
            (OAuthError::UseDpopNonce, (400, "use_dpop_nonce"), (400, "use_dpop_nonce")),
            (OAuthError::Authorization(RedirectProblem::new("unsupported_response_type", "x")), (400, "unsupported_response_type"), (400, "unsupported_response_type")),
            (OAuthError::Device(DeviceFault::Pending), (400, "authorization_pending"), (403, "authorization_pending")),
            (OAuthError::Device(DeviceFault::TooFast), (400, "slow_down"), (429, "slow_down")),
            (OAuthError::Device(DeviceFault::Expired), (400, "expired_token"), (403, "expired_token")),
            (OAuthError::Device(DeviceFault::Declined), (400, "access_denied"), (403, "access_denied")),
            (OAuthError::CannotSend { error: "bad.email", description: "" }, (400, "bad.email"), (400, "bad.email")),
            (OAuthError::TooManyCodes, (429, "too_many_requests"), (429, "too_many_requests")),
            (OAuthError::InvalidGrant(GrantFault::OneTimeCode), (400, "invalid_grant"), (403, "invalid_grant")),
            (OAuthError::TooManyRequests, (429, "too_many_requests"), (429, "too_many_requests")),
            (OAuthError::Hindered(Hindrance::Account), (429, "too_many_attempts"), (429, "too_many_attempts")),
            (OAuthError::Hindered(Hindrance::Address { retry_after: 1 }), (429, "too_many_attempts"), (429, "too_many_attempts")),
            (OAuthError::Hindered(Hindrance::SameUser { retry_after: 1 }), (429, "too_many_logins"), (429, "too_many_logins")),
            (OAuthError::UnsupportedTokenType, (400, "unsupported_token_type"), (400, "unsupported_token_type")),
            (OAuthError::MethodNotAllowed, (405, "invalid_request"), (405, "invalid_request")),
            (OAuthError::NotFound, (404, "not_found"), (404, "not_found")),
            (OAuthError::TooLarge(text()), (413, "invalid_request"), (413, "invalid_request")),
            (OAuthError::TemporarilyUnavailable, (503, "temporarily_unavailable"), (503, "temporarily_unavailable")),
            (OAuthError::ServerError, (500, "server_error"), (500, "server_error")),
        ];
        for (error, rfc, auth0) in cases {
            for (mode, expected) in [(ErrorStatus::Rfc, rfc), (ErrorStatus::Auth0, auth0)] {
                let (status, code, _) = error.wire(mode);
                assert_eq!((status.as_u16(), code), expected, "{error:?} {mode:?}");
            }
        }
    }

    #[test]
    fn sdks_find_the_descriptions_they_look_for() {
        assert!(describe(GrantFault::RefreshToken).contains("invalid refresh token"));
        assert!(describe(GrantFault::UserBlocked).contains("user is blocked"));
    }
}
