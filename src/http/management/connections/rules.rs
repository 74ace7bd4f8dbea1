//! What a whole connection must obey, beyond the kinds of its members.

use serde_json::{Map, Value};

use super::super::{unsupported, validation};
use super::fields::{DATABASE, EMAIL};
use crate::domain::{
    connection::{Options, Strategy},
    passwordless,
    user::EMAIL_CONNECTION,
};
use crate::http::error::management::ManagementError;

/// Most bytes of the options: every login reads them.
const LONGEST_OPTIONS: usize = 64 * 1024;

fn not_supported(message: impl Into<String>) -> ManagementError {
    ManagementError::BadRequest { code: "operation_not_supported", message: message.into() }
}

/// The strategy of a new connection.
///
/// # Errors
/// `operation_not_supported` for what this server does not have.
pub fn strategy(name: &str, connection: &str) -> Result<Strategy, ManagementError> {
    let Some(strategy) = Strategy::named(name) else {
        return Err(not_supported(format!(
            "This server has no connections of the strategy {name}: it has auth0 (a database) and \
             email (codes by mail)."
        )));
    };
    if strategy == Strategy::Email && connection != EMAIL_CONNECTION {
        let text = format!("A connection of the strategy email must be called {EMAIL_CONNECTION}.");
        return Err(not_supported(text));
    }
    Ok(strategy)
}

/// Checks a whole document before it is written.
///
/// # Errors
/// `invalid_body` or `operation_not_supported`, saying what to change.
pub fn check(strategy: Strategy, document: &Map<String, Value>) -> Result<(), ManagementError> {
    if is_on(document.get("cross_app_access_requesting_app"), "active") {
        return Err(not_supported(
            "Cross App Access Requesting App is not supported for this connection.",
        ));
    }
    unsupported::refuse(document, unsupported::CONNECTION)?;
    let Some(options) = document.get("options") else { return Ok(()) };
    let field = match strategy {
        Strategy::Database => &DATABASE,
        Strategy::Email => &EMAIL,
    };
    validation::check_value(field, options)?;
    if options.to_string().len() > LONGEST_OPTIONS {
        let what = format!("The options are longer than {LONGEST_OPTIONS} bytes");
        return Err(ManagementError::invalid_property(&what, "options"));
    }
    let empty = Map::new();
    let options = options.as_object().unwrap_or(&empty);
    match strategy {
        Strategy::Database => check_database(options)?,
        Strategy::Email => check_email(options)?,
    }
    let settings = match strategy {
        Strategy::Database => unsupported::DATABASE_OPTIONS,
        Strategy::Email => unsupported::EMAIL_OPTIONS,
    };
    unsupported::refuse(&without_what_is_empty(options), settings)?;
    // What the protocol cannot read must not be stored: it would fail at every later login.
    serde_json::from_value::<Options>(Value::Object(options.clone())).map(|_| ()).map_err(|error| {
        ManagementError::invalid_body(format!("Payload validation error: '{error}'."))
    })
}

fn is_on(value: Option<&Value>, member: &str) -> bool {
    value.and_then(|value| value.get(member)) == Some(&Value::Bool(true))
}

fn check_database(options: &Map<String, Value>) -> Result<(), ManagementError> {
    if let Some(attributes) = options.get("attributes") {
        check_attributes(attributes, options)?;
    }
    let usual = serde_json::json!(["email", "phone_number", "username"]);
    if options.get("precedence").is_some_and(|order| *order != usual) {
        return Err(unsupported::refusal("options.precedence"));
    }
    if is_on(options.get("password_history"), "enable") {
        return Err(unsupported::refusal("options.password_history"));
    }
    if options.get("set_user_root_attributes").is_some_and(|when| when != "on_each_login") {
        return Err(ManagementError::invalid_body(
            "options.set_user_root_attributes can be set only for enterprise connections, social \
             connections or custom databases",
        ));
    }
    let length = options.get("validation").and_then(|v| v.get("username"));
    let bound = |name: &str| length.and_then(|length| length.get(name)).and_then(Value::as_i64);
    if let (Some(min), Some(max)) = (bound("min"), bound("max"))
        && min > max
    {
        let what = format!("Value {min} is greater than maximum {max}");
        return Err(ManagementError::invalid_property(&what, "options.validation.username.min"));
    }
    Ok(())
}

/// A document of these options, but for empty lists and objects, which ask for nothing.
fn without_what_is_empty(options: &Map<String, Value>) -> Map<String, Value> {
    let is_empty = |value: &Value| match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    };
    let filled = options.iter().filter(|(_, value)| !is_empty(value));
    let filled = filled.map(|(name, value)| (name.clone(), value.clone())).collect();
    Map::from_iter([("options".to_owned(), Value::Object(filled))])
}

/// Attributes contradict what they replace before they are refused, so that the answer names what
/// the caller can change.
fn check_attributes(
    attributes: &Value,
    options: &Map<String, Value>,
) -> Result<(), ManagementError> {
    let invalid = |text: &str| Err(ManagementError::invalid_body(text));
    if options.get("validation").is_some_and(|v| !v.is_null()) {
        return invalid("Cannot set both options.attributes and options.validation");
    }
    if options.contains_key("requires_username") {
        return invalid("Cannot set both options.attributes and options.requires_username");
    }
    let identifies = |name: &str| {
        attributes.get(name).is_some_and(|attribute| is_on(attribute.get("identifier"), "active"))
    };
    if !["email", "phone_number", "username"].into_iter().any(identifies) {
        return invalid("attributes must contain one active identifier");
    }
    for name in ["email", "phone_number", "username"] {
        let Some(attribute) = attributes.get(name) else { continue };
        let signup = attribute.get("signup").and_then(|signup| signup.get("status"));
        if is_on(Some(attribute), "profile_required") && signup.is_none_or(|s| s != "required") {
            return invalid(&format!("attribute {name} must also be required on signup"));
        }
    }
    if attributes.get("email").is_some_and(|email| email.get("unique") == Some(&false.into())) {
        return invalid("cannot add non-unique email attribute");
    }
    Err(unsupported::refusal("options.attributes"))
}

fn check_email(options: &Map<String, Value>) -> Result<(), ManagementError> {
    // A shorter code or a longer life would be weaker than what the operator asked for elsewhere,
    // and a stronger one is not to be had.
    let totp = options.get("totp");
    let number = |name: &str| totp.and_then(|totp| totp.get(name)).and_then(Value::as_i64);
    let digits = i64::try_from(passwordless::CODE_LENGTH).unwrap_or(i64::MAX);
    for (name, has) in [("length", digits), ("time_step", passwordless::LIFETIME)] {
        if number(name).is_some_and(|asked| asked != has) {
            let what = format!(
                "This server sends codes of {digits} digits that work for {} seconds, and no others",
                passwordless::LIFETIME
            );
            return Err(ManagementError::invalid_property(&what, &format!("options.totp.{name}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn problem(strategy: Strategy, options: Value) -> Option<String> {
        let document = json!({ "options": options });
        match check(strategy, document.as_object().unwrap()) {
            Ok(()) => None,
            Err(ManagementError::BadRequest { message, .. }) => Some(message),
            Err(other) => Some(format!("{other:?}")),
        }
    }

    #[test]
    #[rustfmt::skip]
    fn what_auth0_answers_by_itself_is_taken_back() {
        let recorded = json!({
            "mfa": { "active": true, "return_enroll_settings": true }, "passwordPolicy": "good",
            "passkey_options": {
                "challenge_ui": "both", "local_enrollment_enabled": true,
                "progressive_enrollment_enabled": true,
            },
            "strategy_version": 2,
            "authentication_methods": {
                "passkey": { "enabled": false },
                "password": { "enabled": true, "api_behavior": "required", "signup_behavior": "allow" },
            },
            "brute_force_protection": true, "disable_self_service_change_password": false,
        });
        assert_eq!(problem(Strategy::Database, recorded), None);
        let more = json!({
            "import_mode": false, "enabledDatabaseCustomization": false, "customScripts": {},
            "configuration": {}, "non_persistent_attrs": [], "password_history": { "enable": false, "size": 5 },
            "password_dictionary": { "enable": true, "dictionary": ["acme"] },
            "password_no_personal_info": null, "validation": { "username": { "min": 1, "max": 15 } },
            "precedence": ["email", "phone_number", "username"], "realm_fallback": false,
        });
        assert_eq!(problem(Strategy::Database, more), None);
    }

    #[test]
    #[rustfmt::skip]
    fn what_this_server_does_not_do_is_refused_by_name() {
        for (options, name) in [
            (json!({ "import_mode": true }), "import_mode"),
            (json!({ "enabledDatabaseCustomization": true }), "enabledDatabaseCustomization"),
            (json!({ "customScripts": { "login": "function login() {}" } }), "customScripts"),
            (json!({ "configuration": { "a": "b" } }), "configuration"),
            (json!({ "non_persistent_attrs": ["phone"] }), "non_persistent_attrs"),
            (json!({ "authentication_methods": { "passkey": { "enabled": true } } }), "authentication_methods.passkey"),
            (json!({ "authentication_methods": { "email_otp": { "enabled": true } } }), "authentication_methods.email_otp"),
            (json!({ "authentication_methods": { "phone_otp": { "enabled": true } } }), "authentication_methods.phone_otp"),
            (json!({ "precedence": ["username", "email", "phone_number"] }), "precedence"),
            (json!({ "password_options": { "complexity": { "min_length": 9 } } }), "password_options"),
            (json!({ "realm_fallback": true }), "realm_fallback"),
            (json!({ "password_history": { "enable": true } }), "password_history"),
            (json!({ "attributes": { "email": { "identifier": { "active": true } } } }), "attributes"),
        ] {
            let message = problem(Strategy::Database, options.clone());
            assert!(message.is_some_and(|m| m.contains(name)), "{options}");
        }
        for (options, name) in [
            (json!({ "totp": { "length": 4 } }), "options.totp.length"),
            (json!({ "totp": { "time_step": 180 } }), "options.totp.time_step"),
            (json!({ "non_persistent_attrs": ["x"] }), "non_persistent_attrs"),
        ] {
            let message = problem(Strategy::Email, options.clone());
            assert!(message.is_some_and(|m| m.contains(name)), "{options}");
        }
        assert_eq!(problem(Strategy::Email, json!({ "totp": { "length": 6, "time_step": 300 } })), None);
    }

    #[test]
    #[rustfmt::skip]
    fn attributes_that_contradict_are_refused_as_auth0_does() {
        let email = json!({ "identifier": { "active": true } });
        for (options, expected) in [
            (json!({ "attributes": { "email": email }, "validation": { "username": null } }),
             "Cannot set both options.attributes and options.validation"),
            (json!({ "attributes": { "email": email }, "requires_username": true }),
             "Cannot set both options.attributes and options.requires_username"),
            (json!({ "attributes": { "email": { "identifier": { "active": false } } } }),
             "attributes must contain one active identifier"),
            (json!({ "attributes": { "email": email, "phone_number": { "profile_required": true } } }),
             "attribute phone_number must also be required on signup"),
            (json!({ "attributes": { "email": { "identifier": { "active": true }, "unique": false } } }),
             "cannot add non-unique email attribute"),
        ] {
            assert_eq!(problem(Strategy::Database, options).as_deref(), Some(expected));
        }
        let upside_down = json!({ "validation": { "username": { "min": 9, "max": 3 } } });
        assert!(problem(Strategy::Database, upside_down).is_some_and(|m| m.contains("username.min")));
        let long = json!({ "x": "x".repeat(LONGEST_OPTIONS) });
        assert!(problem(Strategy::Database, long).is_some_and(|m| m.contains("longer than")));
    }
}
