//! What a whole API must obey, beyond the kinds of its members.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::super::{merge, unsupported};
use crate::domain::{resource_server::ResourceServer, settings::Settings};
use crate::http::error::management::ManagementError;

const WEB_LIFETIME: i64 = 7_200;

/// Fills in what a new API does not say.
pub fn complete(document: &mut Map<String, Value>) {
    let mut put = |name: &str, value: Value| {
        document.entry(name).or_insert(value);
    };
    put("signing_alg", "RS256".into());
    put("token_lifetime", 86_400.into());
    put("token_lifetime_for_web", WEB_LIFETIME.into());
    put("allow_offline_access", false.into());
    put("skip_consent_for_verifiable_first_party_clients", true.into());
    let mut access = json!({
        "user": { "policy": "allow_all" }, "client": { "policy": "require_client_grant" },
    });
    if let Some(Value::Object(given)) = document.remove("subject_type_authorization")
        && let Value::Object(access) = &mut access
    {
        merge::deep(access, given);
    }
    document.insert("subject_type_authorization".to_owned(), access);
}

/// Merges a PATCH: members are replaced as a whole, `null` removes. The two halves of
/// `subject_type_authorization` are merged, since leaving one out must not open the API.
pub fn change(document: &mut Map<String, Value>, mut patch: Map<String, Value>) {
    if let (Some(Value::Object(given)), Some(Value::Object(access))) = (
        patch.get("subject_type_authorization"),
        document.get("subject_type_authorization").cloned(),
    ) {
        let mut merged = access;
        merge::deep(&mut merged, given.clone());
        patch.insert("subject_type_authorization".to_owned(), Value::Object(merged));
    }
    merge::shallow(document, patch);
}

/// Shortens a `token_lifetime_for_web` that nobody gave in this request below the new
/// `token_lifetime`.
pub fn shorten_web_lifetime(document: &mut Map<String, Value>) {
    let lifetime = |name: &str| document.get(name).and_then(Value::as_i64);
    if let (Some(usual), Some(web)) =
        (lifetime("token_lifetime"), lifetime("token_lifetime_for_web"))
        && web > usual
    {
        document.insert("token_lifetime_for_web".to_owned(), usual.into());
    }
}

/// Checks the identifier of a new API.
///
/// # Errors
/// When it belongs to this server, or could be taken for the id of another API.
pub fn check_identifier(identifier: &str, settings: &Settings) -> Result<(), ManagementError> {
    if identifier.starts_with(&settings.issuer) || is_id(identifier) {
        return Err(ManagementError::invalid_body("The selected identifier is reserved."));
    }
    Ok(())
}

/// Whether `text` looks like the id of an API: 24 hex digits.
pub fn is_id(text: &str) -> bool {
    text.len() == 24 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// Checks a whole document before it is written.
///
/// # Errors
/// `invalid_body`, saying what to change.
pub fn check(document: &Map<String, Value>) -> Result<(), ManagementError> {
    unsupported::refuse(document, unsupported::RESOURCE_SERVER)?;
    let text = |name: &str| document.get(name).and_then(Value::as_str);
    if document.contains_key("signing_secret") && text("signing_alg") != Some("HS256") {
        let what = "Only an API whose signing_alg is HS256 has a signing_secret";
        return Err(ManagementError::invalid_property(what, "signing_secret"));
    }
    let lifetime = |name: &str| document.get(name).and_then(Value::as_i64).unwrap_or(0);
    if lifetime("token_lifetime_for_web") > lifetime("token_lifetime") {
        let what = "token_lifetime_for_web cannot be greater than token_lifetime";
        return Err(ManagementError::invalid_property(what, "token_lifetime_for_web"));
    }
    let mut seen = HashSet::new();
    let scopes = document.get("scopes").and_then(Value::as_array);
    for scope in scopes.into_iter().flatten().filter_map(|s| s.get("value")?.as_str()) {
        if !seen.insert(scope) {
            return Err(ManagementError::invalid_property(
                &format!("The scope {scope} is listed twice"),
                "scopes",
            ));
        }
    }
    // What the protocol cannot read must not be stored: it would fail at every later request.
    serde_json::from_value::<ResourceServer>(Value::Object(document.clone())).map(|_| ()).map_err(
        |error| ManagementError::invalid_body(format!("Payload validation error: '{error}'.")),
    )
}
