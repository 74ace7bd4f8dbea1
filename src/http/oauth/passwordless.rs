//! `POST /passwordless/start`: sends a one-time code.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::domain::{
    passwordless::{GRANT_TYPE, normalised},
    user::EMAIL_CONNECTION,
};
use crate::http::{
    App,
    error::oauth::OAuthError,
    extract::parameters::{OAuthBody, Parameters},
    management::formats,
    oauth::token::authenticate,
    pages::{branding, locales, messages},
};
use crate::login::passwordless::SendFault;
use crate::policy::connection;

/// The longest address (RFC 5321 §4.5.3.1.3, without the brackets) in bytes.
const LONGEST: usize = 254;

/// `POST /passwordless/start`. The answer is the same whether anybody has the address or not.
pub async fn start(
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<OAuthBody, OAuthError>,
) -> Response {
    let answered = match body {
        Ok(OAuthBody(parameters)) => send_code(&app, &headers, &parameters).await,
        Err(error) => Err(error),
    };
    match answered {
        Ok(body) => {
            let never_kept = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
            (never_kept, Json(body)).into_response()
        }
        Err(error) => error.respond(app.settings.error_status),
    }
}

async fn send_code(
    app: &App,
    headers: &HeaderMap,
    parameters: &Parameters,
) -> Result<Value, OAuthError> {
    let (client, basic) = authenticate(app, headers, parameters).await?;
    let allowed = client.must_allow(GRANT_TYPE);
    allowed.map_err(|refused| OAuthError::from_refused(refused, basic))?;
    check_way(parameters)?;
    let enabled = app.store.connections(&client.record.client.client_id).await?;
    let connection = connection::mailing(&enabled, parameters.get("connection"));
    let connection = connection.map_err(|_| OAuthError::CannotSend {
        error: "bad.connection",
        description: "Connection is not enabled for this client",
    })?;
    let email = normalised(parameters.required("email")?);
    if email.len() > LONGEST || !formats::is_email(&email) {
        let description = "error in email - email format validation failed";
        return Err(OAuthError::CannotSend { error: "bad.email", description });
    }
    let client = &client.record.client;
    let started = app.login.start_passwordless(client, connection, &email).await;
    let started = started.map_err(|fault| match fault {
        SendFault::TooMany => OAuthError::TooManyCodes,
        SendFault::Store(error) => error.into(),
    })?;
    if let Some(code) = &started.code {
        let (tenant, t) = (branding::name(&app.settings), locales::current());
        let message = messages::one_time_code(&tenant, t, &client.name, &email, code);
        app.login.mailer.send(message).await;
    }
    Ok(json!({ "_id": started.id, "email": email, "email_verified": false }))
}

/// Codes by mail are all there is; anything else is refused rather than pretended.
fn check_way(parameters: &Parameters) -> Result<(), OAuthError> {
    let description = match parameters.required("connection")? {
        EMAIL_CONNECTION => return check_kind(parameters),
        "sms" => "Connection is not available: this server has no SMS gateway",
        _ => "Connection does not exist",
    };
    Err(OAuthError::CannotSend { error: "bad.connection", description })
}

fn check_kind(parameters: &Parameters) -> Result<(), OAuthError> {
    match parameters.get("send") {
        None | Some("code") => Ok(()),
        Some("link") => {
            Err(OAuthError::invalid_request("Links are not available: parameter send must be code"))
        }
        Some(_) => Err(OAuthError::invalid_request("Parameter send must be code")),
    }
}
