//! What the connection of a user demands of what an operator writes.

use serde_json::{Map, Value};

use crate::domain::{
    connection::{Connection, Options, Strategy},
    secret::Password,
    user::User,
};
use crate::http::{
    App,
    error::{management::ManagementError, password},
};
use crate::login::signup::personal;
use crate::policy::new_password;
use crate::store::{Tx, connections};

fn unknown() -> ManagementError {
    ManagementError::invalid_body("The connection does not exist.")
}

/// The connection that a new user is created in.
///
/// # Errors
/// `invalid_body` when there is none of this name.
pub async fn of_new(app: &App, body: &Map<String, Value>) -> Result<Connection, ManagementError> {
    let name = body.get("connection").and_then(Value::as_str).unwrap_or_default();
    let mut conn = app.store.read().await?;
    let found = connections::find_by_name(conn.db(), name).await?;
    Ok(found.ok_or_else(unknown)?.connection)
}

/// It may have been deleted while the password was hashed, and nobody would remove the user then.
///
/// # Errors
/// As [`of_new`].
pub async fn must_still_be_there(
    tx: &mut Tx,
    connection: &Connection,
) -> Result<(), ManagementError> {
    connections::find(tx.db(), &connection.id).await?.map(|_| ()).ok_or_else(unknown)
}

/// The connection that a user belongs to.
///
/// # Errors
/// `invalid_body` when it is being deleted, and its users with it.
pub async fn of_existing(app: &App, user: &User) -> Result<Connection, ManagementError> {
    let mut conn = app.store.read().await?;
    let found = connections::find_by_name(conn.db(), &user.connection).await?;
    Ok(found.ok_or_else(unknown)?.connection)
}

/// Checks what names a new user, before it is written.
///
/// # Errors
/// `invalid_body`
pub fn check_new(
    connection: &Connection,
    user: &User,
    body: &Map<String, Value>,
) -> Result<(), ManagementError> {
    if connection.strategy == Strategy::Email && user.email.is_none() {
        return Err(missing("email"));
    }
    if connection.options.requires_username == Some(true) && user.username.is_none() {
        return Err(missing("username"));
    }
    check_username(connection, user, body)
}

/// Checks what a PATCH made of a user, before it is written.
///
/// # Errors
/// `invalid_body`
pub fn check_edited(
    connection: &Connection,
    user: &User,
    body: &Map<String, Value>,
) -> Result<(), ManagementError> {
    // It names where the user is; nobody moves.
    let named = body.get("connection").and_then(Value::as_str);
    if named.is_some_and(|name| name != user.connection) {
        return Err(unknown());
    }
    if connection.strategy == Strategy::Email && user.email.is_none() {
        return Err(missing("email"));
    }
    let is_removed = body.get("username").is_some_and(Value::is_null);
    if is_removed && connection.options.requires_username == Some(true) {
        return Err(missing("username"));
    }
    check_username(connection, user, body)
}

fn missing(name: &str) -> ManagementError {
    ManagementError::invalid_body(format!(
        "Payload validation error: 'Missing required property: {name}'."
    ))
}

fn check_username(
    connection: &Connection,
    user: &User,
    body: &Map<String, Value>,
) -> Result<(), ManagementError> {
    if !body.get("username").is_some_and(Value::is_string) {
        return Ok(());
    }
    let Connection { options, .. } = connection;
    if !connection.is_database() || options.requires_username == Some(false) {
        let text = "Cannot set username for connection without requires_username.";
        return Err(ManagementError::invalid_body(text));
    }
    let count = user.username.as_deref().unwrap_or_default().chars().count();
    let (min, max) = options.username_length();
    let refuse = |what: String| Err(ManagementError::invalid_property(&what, "username"));
    if count < min {
        return refuse(format!("String is too short ({count} chars), minimum {min}"));
    }
    if count > max {
        return refuse(format!("String is too long ({count} chars), maximum {max}"));
    }
    Ok(())
}

/// Checks the password in a body. Operators are bound by what the connection says of passwords, and
/// by nothing else: what they set is often to be replaced by the user.
///
/// # Errors
/// `invalid_body`
pub fn check_password(
    connection: &Connection,
    user: &User,
    body: &Map<String, Value>,
) -> Result<(), ManagementError> {
    let Some(text) = body.get("password").and_then(Value::as_str) else { return Ok(()) };
    if !connection.is_database() {
        let what = "A user of this connection has no password";
        return Err(ManagementError::invalid_property(what, "password"));
    }
    if !has_rules(&connection.options) {
        return Ok(());
    }
    let checked = new_password::check(&Password::new(text), &personal(user), &connection.options);
    checked.map_err(|problem| {
        let (name, message) = password::words(problem);
        ManagementError::invalid_body(format!("{name}: {message}"))
    })
}

fn has_rules(options: &Options) -> bool {
    options.password_policy.is_some()
        || options.shortest_password().is_some()
        || options.refuses_personal_passwords()
        || options.dictionary().is_some()
}
