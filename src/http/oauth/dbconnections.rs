//! `POST /dbconnections/signup` and `POST /dbconnections/change_password`: what Auth0's login forms
//! and SDKs call. No secret is asked for: browsers call them.

use axum::{
    Json,
    extract::{Request, State},
    http::header,
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};

use crate::domain::{
    ClientId,
    connection::{Connection, Options},
    secret::Password,
    tenant::Flags,
};
use crate::http::{
    App,
    error::{dbconnections::DbConnectionError, password::refused_password},
    extract::parameters::{self, Parameters},
    oauth::{reset_password::send_link, signup::send_verification},
};
use crate::login::{
    background::Busy,
    connections::ConnectionFault,
    signup::{NewAccount, SignupFault},
};
use crate::mail;

/// The members of a profile that may be given, with the most characters of each.
const PROFILE: &[(&str, usize)] = &[
    ("given_name", 150),
    ("family_name", 150),
    ("name", 300),
    ("nickname", 300),
    ("picture", 2048),
];
/// Members of `user_metadata`, and characters of each (as Auth0 has it).
const METADATA: (usize, usize) = (10, 500);

/// `POST /dbconnections/signup`.
///
/// # Errors
/// What the SDK is told.
pub async fn signup(
    State(app): State<App>,
    request: Request,
) -> Result<Response, DbConnectionError> {
    let parameters = parameters::of_request(request, &app).await?;
    let (client, connection) = known_client(&app, &parameters).await?;
    if !app.settings.signup_enabled || client.is_console() || !connection.takes_signups() {
        return Err(DbConnectionError::SignupDisabled);
    }
    let given = profile(&parameters)?;
    let metadata = user_metadata(&parameters)?;
    let account = NewAccount {
        email: required(&parameters, "email")?.to_owned(),
        username: parameters.text("username"),
        password: Password::new(required(&parameters, "password")?),
        profile: given.clone(),
        user_metadata: metadata,
    };
    let (user, ticket) = match app.login.sign_up(&account, &client, &connection).await {
        Ok(created) => created,
        Err(fault) => {
            let flags = app.store.tenant().await?.flags;
            return Err(refusal(fault, &account.password, &connection.options, flags));
        }
    };
    send_verification(&app, ticket).await;
    // The id without its connection, as Auth0 answers here and nowhere else.
    let id = user.user_id.as_str();
    let mut body = json!({
        "_id": id.split_once('|').map_or(id, |(_, local)| local),
        "email": user.email,
        "email_verified": user.email_verified,
    });
    if let Some(username) = &user.username {
        body["username"] = json!(username);
    }
    for (name, value) in given {
        body[name] = value;
    }
    // An Action may have added to what was given.
    if !user.user_metadata.is_empty() {
        body["user_metadata"] = Value::Object(user.user_metadata);
    }
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response())
}

fn refusal(
    fault: SignupFault,
    password: &Password,
    options: &Options,
    flags: Flags,
) -> DbConnectionError {
    match fault {
        SignupFault::Email => DbConnectionError::Invalid("Invalid property: email".to_owned()),
        SignupFault::Username => {
            DbConnectionError::Invalid("Invalid property: username".to_owned())
        }
        SignupFault::Password(problem) => DbConnectionError::InvalidPassword(Box::new(
            refused_password(problem, password, options),
        )),
        SignupFault::Taken if flags.enable_public_signup_user_exists_error => {
            DbConnectionError::UserExists
        }
        SignupFault::Taken => DbConnectionError::InvalidSignup,
        SignupFault::Action { code, message } => DbConnectionError::Extensibility { code, message },
        SignupFault::Hindered(hindrance) => DbConnectionError::Hindered(hindrance),
        SignupFault::Overloaded(_) => DbConnectionError::Unavailable,
        SignupFault::Store(error) => error.into(),
        SignupFault::Crypto(error) => error.into(),
    }
}

/// `POST /dbconnections/change_password`. The same answer for every address.
///
/// # Errors
/// What the SDK is told.
pub async fn change_password(
    State(app): State<App>,
    request: Request,
) -> Result<Response, DbConnectionError> {
    let parameters = parameters::of_request(request, &app).await?;
    let (client, connection) = known_client(&app, &parameters).await?;
    if !connection.offers_reset() {
        return Err(DbConnectionError::ResetDisabled);
    }
    let email = required(&parameters, "email")?;
    if !mail::is_address(email.trim()) {
        return Err(DbConnectionError::Invalid("Invalid property: email".to_owned()));
    }
    send_link(&app, email, &client, Some(&connection.name))
        .map_err(|Busy| DbConnectionError::Unavailable)?;
    let text = "We've just sent you an email to reset your password.";
    Ok(([(header::CACHE_CONTROL, "no-store")], text).into_response())
}

/// The application, and its connection: one of those that are enabled for it.
async fn known_client(
    app: &App,
    parameters: &Parameters,
) -> Result<(ClientId, Connection), DbConnectionError> {
    if let Some(name) = parameters.repeated() {
        let text = format!("Parameter {name} is included more than once");
        return Err(DbConnectionError::Invalid(text));
    }
    let client = ClientId::new(required(parameters, "client_id")?);
    if app.store.client(&client).await?.is_none() {
        return Err(DbConnectionError::UnknownClient);
    }
    let named = required(parameters, "connection")?;
    match app.login.databases(Some(&client), Some(named)).await {
        Ok(found) => found
            .into_iter()
            .next()
            .map(|connection| (client, connection))
            .ok_or(DbConnectionError::UnknownConnection),
        Err(ConnectionFault::Missing(_)) => Err(DbConnectionError::UnknownConnection),
        Err(ConnectionFault::Store(error)) => Err(error.into()),
    }
}

fn required<'a>(parameters: &'a Parameters, name: &str) -> Result<&'a str, DbConnectionError> {
    parameters.get(name).ok_or_else(|| DbConnectionError::missing(name))
}

fn profile(parameters: &Parameters) -> Result<Map<String, Value>, DbConnectionError> {
    let mut profile = Map::new();
    for (name, most) in PROFILE {
        let Some(text) = parameters.get(name) else { continue };
        // Applications show the picture: nothing but an address of the web.
        let is_fine = *name != "picture"
            || url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "https" | "http"));
        if text.chars().count() > *most || !is_fine {
            return Err(DbConnectionError::Invalid(format!("Invalid property: {name}")));
        }
        profile.insert((*name).to_owned(), Value::String(text.to_owned()));
    }
    Ok(profile)
}

fn user_metadata(parameters: &Parameters) -> Result<Map<String, Value>, DbConnectionError> {
    let invalid = || DbConnectionError::Invalid("Invalid property: user_metadata".to_owned());
    let Some(text) = parameters.get("user_metadata") else { return Ok(Map::new()) };
    let metadata: Map<String, Value> = serde_json::from_str(text).map_err(|_| invalid())?;
    let (members, characters) = METADATA;
    // Postgres cannot store U+0000.
    let fits = |text: &str| text.chars().count() <= characters && !text.contains('\0');
    let all_fit =
        metadata.iter().all(|(name, value)| fits(name) && value.as_str().is_some_and(fits));
    if metadata.len() > members || !all_fit {
        return Err(invalid());
    }
    Ok(metadata)
}

/// 405 with a body that the SDKs can read.
pub async fn method_not_allowed() -> Response {
    DbConnectionError::MethodNotAllowed.into_response()
}
