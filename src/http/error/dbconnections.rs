//! Errors of `/dbconnections/*`, in the shape that Auth0's SDKs read: `code` and `description`, with
//! `name` and `statusCode`.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::crypto;
use crate::domain::attack_protection::Hindrance;
use crate::http::{
    error::{hindrance, management::error_chain},
    extract::parameters::Unreadable,
};
use crate::store;

/// An error of `/dbconnections/*`.
#[derive(Debug)]
pub enum DbConnectionError {
    /// The body cannot be read, or a member is missing or malformed.
    Invalid(String),
    /// 413.
    TooLarge,
    /// No such application.
    UnknownClient,
    /// No such connection.
    UnknownConnection,
    /// Nobody may create an account.
    SignupDisabled,
    /// The address or the user name is taken, or no account can be had with it: not said which.
    InvalidSignup,
    /// The password may not be chosen: the whole body.
    InvalidPassword(Box<Value>),
    /// Nobody sets a new password by themselves.
    ResetDisabled,
    /// The address or the user name is taken, where the operator lets everybody know.
    UserExists,
    /// An Action of the operator refuses, or failed. Its reason is for the operator and is not told.
    Extensibility {
        /// A code of the operator's own.
        code: Option<String>,
        /// What the person is told.
        message: Option<String>,
    },
    /// 429.
    Hindered(Hindrance),
    /// 405.
    MethodNotAllowed,
    /// 503.
    Unavailable,
    /// 500. The cause was logged where it was converted.
    Internal,
}

impl DbConnectionError {
    /// A member that must be there.
    pub fn missing(name: &str) -> Self {
        Self::Invalid(format!("Missing required property: {name}"))
    }

    fn wire(&self) -> (StatusCode, Value) {
        use StatusCode as S;
        let body = |status: S, name: &str, code: &str, description: &str| {
            let body = json!({
                "name": name, "code": code, "description": description,
                "message": description, "statusCode": status.as_u16(),
            });
            (status, body)
        };
        let bad_request = |code, text| body(S::BAD_REQUEST, "BadRequestError", code, text);
        match self {
            Self::Invalid(text) => bad_request("invalid_request", text),
            Self::TooLarge => {
                let text = "The request is too long";
                body(S::PAYLOAD_TOO_LARGE, "BadRequestError", "invalid_request", text)
            }
            Self::UnknownClient => bad_request("invalid_client", "Client not found"),
            Self::UnknownConnection => {
                bad_request("invalid_connection", "The connection does not exist.")
            }
            Self::SignupDisabled => {
                bad_request("public_signup_disabled", "Public signup is disabled")
            }
            Self::UserExists => bad_request("user_exists", "The user already exists."),
            // Auth0's to the letter.
            Self::InvalidSignup => (
                S::BAD_REQUEST,
                json!({
                    "name": "BadRequestError", "code": "invalid_signup",
                    "description": "Invalid sign up", "statusCode": 400,
                }),
            ),
            Self::InvalidPassword(body) => (S::BAD_REQUEST, (**body).clone()),
            Self::ResetDisabled => bad_request(
                "change_password_disabled",
                "Users of this connection cannot change their password themselves",
            ),
            Self::Extensibility { code, message } => {
                let text = message.as_deref().unwrap_or("The account was not created");
                let mut body = json!({
                    "name": "InternalExtensibilityError",
                    "code": code.as_deref().unwrap_or("extensibility_error"),
                    "message": text, "description": text, "statusCode": 400, "fromSandbox": true,
                });
                if message.is_some() {
                    body["friendly_message"] = text.into();
                }
                (S::BAD_REQUEST, body)
            }
            Self::Hindered(hindrance) => {
                let (code, text) = hindrance::wire(hindrance);
                body(S::TOO_MANY_REQUESTS, "TooManyRequestsError", code, text)
            }
            Self::MethodNotAllowed => {
                let text = "Method not allowed";
                body(S::METHOD_NOT_ALLOWED, "MethodNotAllowedError", "invalid_request", text)
            }
            Self::Unavailable => {
                let text = "The service is temporarily unavailable. Try again.";
                let name = "ServiceUnavailableError";
                body(S::SERVICE_UNAVAILABLE, name, "temporarily_unavailable", text)
            }
            Self::Internal => {
                let status = S::INTERNAL_SERVER_ERROR;
                body(status, "InternalServerError", "server_error", "Internal error")
            }
        }
    }
}

impl From<Unreadable> for DbConnectionError {
    fn from(why: Unreadable) -> Self {
        match why {
            Unreadable::TooLong => Self::TooLarge,
            other => Self::Invalid(other.message()),
        }
    }
}

impl From<crypto::Failed> for DbConnectionError {
    fn from(error: crypto::Failed) -> Self {
        tracing::error!(error = error_chain(&error), "dbconnections: the crypto library failed");
        Self::Internal
    }
}

impl From<store::Error> for DbConnectionError {
    fn from(error: store::Error) -> Self {
        match error {
            error if error.is_temporary() => {
                tracing::warn!(error = error_chain(&error), "dbconnections: no database");
                Self::Unavailable
            }
            _ => {
                tracing::error!(error = error_chain(&error), "dbconnections: the store failed");
                Self::Internal
            }
        }
    }
}

impl IntoResponse for DbConnectionError {
    fn into_response(self) -> Response {
        let (status, body) = self.wire();
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if let Self::Hindered(hindrance) = &self {
            hindrance::set_retry_after(hindrance, headers);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn every_error_has_its_status_and_code() {
        use DbConnectionError as E;
        for (error, status, code, name) in [
            (E::missing("email"), 400, "invalid_request", "BadRequestError"),
            (E::TooLarge, 413, "invalid_request", "BadRequestError"),
            (E::UnknownClient, 400, "invalid_client", "BadRequestError"),
            (E::UnknownConnection, 400, "invalid_connection", "BadRequestError"),
            (E::SignupDisabled, 400, "public_signup_disabled", "BadRequestError"),
            (E::InvalidSignup, 400, "invalid_signup", "BadRequestError"),
            (E::ResetDisabled, 400, "change_password_disabled", "BadRequestError"),
            (E::Extensibility { code: None, message: None }, 400, "extensibility_error", "InternalExtensibilityError"),
            (E::Extensibility { code: Some("no_invite".to_owned()), message: None }, 400, "no_invite", "InternalExtensibilityError"),
            (E::Hindered(Hindrance::Address { retry_after: 1 }), 429, "too_many_attempts", "TooManyRequestsError"),
            (E::MethodNotAllowed, 405, "invalid_request", "MethodNotAllowedError"),
            (E::Unavailable, 503, "temporarily_unavailable", "ServiceUnavailableError"),
            (E::Internal, 500, "server_error", "InternalServerError"),
        ] {
            let (got, body) = error.wire();
            assert_eq!(got.as_u16(), status, "{error:?}");
            assert_eq!((&body["code"], &body["name"]), (&code.into(), &name.into()), "{error:?}");
            assert_eq!(body["statusCode"], status, "{error:?}");
            assert!(body.get("description").is_some(), "{error:?}");
        }
    }
}
