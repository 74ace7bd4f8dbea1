//! Errors of the Management API: `{"statusCode","error","message","errorCode"}`.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::{crypto, http::dpop, store, token::bearer::BearerFault};

/// An error of the Management API.
#[derive(Debug)]
pub enum ManagementError {
    /// 400 with the error code that says where: `invalid_body`, `invalid_query_string`,
    /// `invalid_uri`, `operation_not_supported`.
    BadRequest {
        /// `errorCode`
        code: &'static str,
        /// What to change.
        message: String,
    },
    /// 401: no `Authorization` header.
    MissingAuthentication,
    /// 400 or 401: a token that is not good here.
    Bearer(BearerFault),
    /// 401: the token of a user who was removed or blocked since.
    UserIsGone,
    /// 401: the proof of possession beside the token, or its absence: `error` and its description
    /// (RFC 9449 §7.1).
    Dpop(&'static str, &'static str),
    /// 403: none of these scopes.
    InsufficientScope(&'static [&'static str]),
    /// 403: what a user of the console asks for reaches beyond their own permissions, of which this
    /// one is missing.
    Exceeds(Exceeded, String),
    /// 403: there may be no more of them.
    TooManyEntities,
    /// 404.
    NotFound {
        /// `errorCode`, if the real service has one.
        code: Option<&'static str>,
        /// What was not found.
        message: &'static str,
    },
    /// 409.
    Conflict {
        /// `errorCode`, if the real service has one.
        code: Option<&'static str>,
        /// With what.
        message: String,
    },
    /// 412: `If-Match` expects something else than what is there (RFC 9110 §15.5.13).
    PreconditionFailed {
        /// What to do about it.
        message: &'static str,
    },
    /// 405.
    MethodNotAllowed,
    /// 413.
    PayloadTooLarge,
    /// 413: a file that is longer than this many bytes.
    FileTooLarge(u64),
    /// 429: so many jobs of this kind have not ended yet.
    TooManyJobs {
        /// How many.
        active: i64,
        /// What they do, in plural.
        kind: &'static str,
    },
    /// 415: not JSON.
    UnsupportedMediaType,
    /// 429: more often than a client may ask.
    TooManyRequests {
        /// Seconds to wait.
        retry_after: i64,
    },
    /// 503: password hashing is overloaded, or the database unavailable.
    Unavailable,
    /// 503: a search took longer than it may.
    SearchTimedOut,
    /// 500. The cause was logged where it was converted.
    Internal,
}

/// What has permissions on the Management API that the user who asks does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exceeded {
    /// Those to be given or taken.
    Permissions,
    /// The user to be changed.
    User,
    /// The application to be changed.
    Application,
}

/// The `errorCode` of an answer, kept beside it for the audit trail.
#[derive(Debug, Clone, Copy)]
pub struct ErrorCode(pub &'static str);

impl ManagementError {
    /// A body that breaks the contract.
    pub fn invalid_body(message: impl Into<String>) -> Self {
        Self::BadRequest { code: "invalid_body", message: message.into() }
    }
    /// A member of a body that breaks the contract.
    pub fn invalid_property(what: &str, property: &str) -> Self {
        Self::invalid_body(format!("Payload validation error: '{what}' on property {property}."))
    }
    /// A query that breaks the contract.
    pub fn invalid_query(message: impl Into<String>) -> Self {
        Self::BadRequest { code: "invalid_query_string", message: message.into() }
    }

    fn wire(self) -> (StatusCode, Option<&'static str>, String) {
        use StatusCode as S;
        match self {
            Self::BadRequest { code, message } => (S::BAD_REQUEST, Some(code), message),
            Self::MissingAuthentication => {
                (S::UNAUTHORIZED, None, "Missing authentication".to_owned())
            }
            Self::Bearer(fault) => bearer(fault),
            Self::UserIsGone => {
                let message = "The user of this token was removed or blocked";
                (S::UNAUTHORIZED, None, message.to_owned())
            }
            Self::Dpop(error, description) => {
                (S::UNAUTHORIZED, Some(error), description.to_owned())
            }
            Self::InsufficientScope(scopes) => {
                let message = format!("Insufficient scope, expected any of: {}", scopes.join(","));
                (S::FORBIDDEN, Some("insufficient_scope"), message)
            }
            Self::Exceeds(what, scope) => {
                let message = match what {
                    Exceeded::Permissions => format!(
                        "You cannot give or take {scope}: you do not have this permission \
                         yourself."
                    ),
                    Exceeded::User => format!(
                        "You cannot change a user who may do more than you: you do not have the \
                         permission {scope}."
                    ),
                    Exceeded::Application => format!(
                        "You cannot change how an application authenticates that may do more than \
                         you: you do not have the permission {scope}."
                    ),
                };
                (S::FORBIDDEN, Some("exceeds_own_permissions"), message)
            }
            Self::TooManyEntities => {
                let message = "You reached the limit of entities of this type for this tenant.";
                (S::FORBIDDEN, Some("too_many_entities"), message.to_owned())
            }
            Self::NotFound { code, message } => (S::NOT_FOUND, code, message.to_owned()),
            Self::Conflict { code, message } => (S::CONFLICT, code, message),
            Self::PreconditionFailed { message } => {
                (S::PRECONDITION_FAILED, Some("precondition_failed"), message.to_owned())
            }
            Self::MethodNotAllowed => {
                (S::METHOD_NOT_ALLOWED, None, "Method not allowed".to_owned())
            }
            Self::PayloadTooLarge => {
                (S::PAYLOAD_TOO_LARGE, None, "The request body is too large".to_owned())
            }
            Self::FileTooLarge(most) => {
                let message =
                    format!("Payload content length greater than maximum allowed: {most}.");
                (S::PAYLOAD_TOO_LARGE, None, message)
            }
            Self::TooManyJobs { active, kind } => {
                let message = format!(
                    "There are {active} active {kind} jobs, please wait until some of them are \
                     finished and try again"
                );
                (S::TOO_MANY_REQUESTS, None, message)
            }
            Self::UnsupportedMediaType => {
                let message = "The request body must be application/json".to_owned();
                (S::UNSUPPORTED_MEDIA_TYPE, None, message)
            }
            Self::TooManyRequests { .. } => {
                let message = "Global limit has been reached".to_owned();
                (S::TOO_MANY_REQUESTS, Some("too_many_requests"), message)
            }
            Self::Unavailable => (
                S::SERVICE_UNAVAILABLE,
                None,
                "The service is temporarily unavailable. Try again.".to_owned(),
            ),
            Self::SearchTimedOut => (
                S::SERVICE_UNAVAILABLE,
                None,
                "The query exceeded the timeout. Please try refining your search criteria. See \
                 https://auth0.com/docs/best-practices/search-best-practices."
                    .to_owned(),
            ),
            Self::Internal => {
                (S::INTERNAL_SERVER_ERROR, None, "An internal server error occurred".to_owned())
            }
        }
    }
}

fn bearer(fault: BearerFault) -> (StatusCode, Option<&'static str>, String) {
    let unauthorized = |message: &str| (StatusCode::UNAUTHORIZED, None, message.to_owned());
    match fault {
        BearerFault::Malformed => (
            StatusCode::BAD_REQUEST,
            Some("Bearer"),
            "Bad HTTP authentication header format".to_owned(),
        ),
        BearerFault::Invalid => unauthorized("Invalid token"),
        BearerFault::Signature => {
            unauthorized("Invalid signature received for JSON Web Token validation")
        }
        BearerFault::Expired => {
            unauthorized("Expired token received for JSON Web Token validation")
        }
    }
}

impl From<store::Error> for ManagementError {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Unavailable(_) => {
                tracing::warn!(error = error_chain(&error), "management: no database");
                Self::Unavailable
            }
            store::Error::TimedOut => Self::SearchTimedOut,
            store::Error::Gone => Self::Conflict {
                code: None,
                message: "What the request refers to was removed by another request.".to_owned(),
            },
            _ => {
                tracing::error!(error = error_chain(&error), "management: the store failed");
                Self::Internal
            }
        }
    }
}

impl From<crypto::Failed> for ManagementError {
    fn from(error: crypto::Failed) -> Self {
        tracing::error!(%error, "management: cryptography failed");
        Self::Internal
    }
}

impl From<crypto::password::Overloaded> for ManagementError {
    fn from(_: crypto::password::Overloaded) -> Self {
        Self::Unavailable
    }
}

/// An error with its causes, for the log.
pub(in crate::http) fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

impl IntoResponse for ManagementError {
    fn into_response(self) -> Response {
        let challenge = match &self {
            Self::Dpop(error, description) => dpop::challenge(error, description),
            _ => HeaderValue::from_static("Bearer"),
        };
        let retry_after = match &self {
            Self::TooManyRequests { retry_after } => Some(*retry_after),
            Self::Unavailable => Some(1),
            _ => None,
        };
        let (status, code, message) = self.wire();
        let reason = status.canonical_reason().unwrap_or("Error");
        let mut body =
            json!({ "statusCode": status.as_u16(), "error": reason, "message": message });
        if let Some(code) = code {
            body["errorCode"] = code.into();
        }
        if status == StatusCode::UNAUTHORIZED && message != "Missing authentication" {
            body["attributes"] = json!({ "error": message });
        }
        let mut response = (status, Json(body)).into_response();
        if let Some(code) = code {
            response.extensions_mut().insert(ErrorCode(code));
        }
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
