//! What a request body does to a user.

use serde_json::{Map, Value};

use super::super::{formats, merge};
use super::fields::PROFILE;
use crate::crypto::password::Passwords;
use crate::domain::{secret::Password, user::User};
use crate::http::error::management::ManagementError;

/// Writes the members of a checked body to `user`.
///
/// # Errors
/// `invalid_body`, when the user would have no name to log in with.
pub fn apply(user: &mut User, body: &Map<String, Value>) -> Result<(), ManagementError> {
    apply_identifiers(user, body)?;
    if let Some(blocked) = body.get("blocked").and_then(Value::as_bool) {
        user.blocked = Some(blocked);
    }
    let profile = body.iter().filter(|(name, _)| PROFILE.contains(&name.as_str()));
    merge::shallow(&mut user.profile, profile.map(|(n, v)| (n.clone(), v.clone())).collect());
    merge_bag(&mut user.user_metadata, body.get("user_metadata"));
    merge_bag(&mut user.app_metadata, body.get("app_metadata"));
    Ok(())
}

fn apply_identifiers(user: &mut User, body: &Map<String, Value>) -> Result<(), ManagementError> {
    let lower = |value: &Value| value.as_str().map(str::to_lowercase);
    if let Some(email) = body.get("email").map(lower) {
        if email != user.email {
            // Nobody has shown yet that the new address is theirs.
            user.email_verified = false;
        }
        user.email = email;
    }
    if let Some(verified) = body.get("email_verified").and_then(Value::as_bool) {
        user.email_verified = verified;
    }
    if let Some(username) = body.get("username").map(lower) {
        // It would be another user's address at the login page.
        if username.as_deref().is_some_and(formats::is_email) {
            return Err(ManagementError::invalid_body(
                "Payload validation error: 'A username cannot be an email address' on property username.",
            ));
        }
        user.username = username;
    }
    if user.email.is_none() && user.username.is_none() {
        return Err(ManagementError::invalid_body(
            "Payload validation error: 'A user of this connection needs an email or a username'.",
        ));
    }
    Ok(())
}

/// `{}` empties the bag, `{"k": null}` removes one member, anything else is merged at the first
/// level only.
fn merge_bag(bag: &mut Map<String, Value>, patch: Option<&Value>) {
    match patch {
        Some(Value::Object(patch)) if patch.is_empty() => bag.clear(),
        Some(Value::Object(patch)) => merge::shallow(bag, patch.clone()),
        _ => {}
    }
}

/// The password in a checked body.
///
/// # Errors
/// `invalid_body`, when it is too long to be hashed.
pub fn password(body: &Map<String, Value>) -> Result<Option<Password>, ManagementError> {
    let Some(password) = body.get("password").and_then(Value::as_str) else { return Ok(None) };
    if password.len() > Passwords::MAX_LENGTH {
        return Err(ManagementError::invalid_body(format!(
            "Payload validation error: 'String is too long ({} bytes), maximum {}' on property password.",
            password.len(),
            Passwords::MAX_LENGTH
        )));
    }
    Ok(Some(Password::new(password)))
}
