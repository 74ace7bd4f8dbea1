//! Settings that promise security which this release does not give. Keeping them without enforcing
//! them would let an operator believe in a protection that is not there, so they are refused;
//! values that ask for nothing are kept and answered.

use serde_json::{Map, Value};

use crate::http::error::management::ManagementError;

/// The settings of applications.
pub const CLIENT: &[&str] = &[
    "client_authentication_methods.tls_client_auth",
    "client_authentication_methods.self_signed_tls_client_auth",
    "signed_request_object",
    "compliance_level",
];

/// The settings of APIs.
pub const RESOURCE_SERVER: &[&str] =
    &["token_encryption", "consent_policy", "proof_of_possession", "authorization_policy"];

/// The settings of organizations.
pub const ORGANIZATION: &[&str] = &["token_quota"];

/// The settings of the tenant.
pub const TENANT: &[&str] = &[
    "default_token_quota",
    "mtls",
    "client_id_metadata_document_supported",
    "acr_values_supported",
    "security_headers.content_security_policy.enabled",
    "security_headers.x_xss_protection.enabled",
];

/// The settings of connections.
pub const CONNECTION: &[&str] =
    &["connected_accounts.active", "connected_accounts.cross_app_access"];

/// The options of databases.
pub const DATABASE_OPTIONS: &[&str] = &[
    "options.enabledDatabaseCustomization",
    "options.import_mode",
    "options.customScripts",
    "options.configuration",
    "options.enable_script_context",
    "options.non_persistent_attrs",
    "options.authentication_methods.passkey",
    "options.authentication_methods.email_otp",
    "options.authentication_methods.phone_otp",
    "options.password_options",
    "options.custom_password_hash",
    "options.gateway_authentication",
    "options.federated_connections_access_tokens",
    "options.realm_fallback",
];

/// The options of connections that mail codes.
pub const EMAIL_OPTIONS: &[&str] = &["options.non_persistent_attrs"];

/// Refuses a document that asks for one of `settings`.
///
/// # Errors
/// `invalid_body` naming the setting.
pub fn refuse(document: &Map<String, Value>, settings: &[&str]) -> Result<(), ManagementError> {
    match settings.iter().find(|name| setting(document, name).is_some_and(asks_for_something)) {
        None => Ok(()),
        Some(name) => Err(refusal(name)),
    }
}

/// `invalid_body` naming a setting.
pub fn refusal(name: &str) -> ManagementError {
    ManagementError::invalid_property(
        "This server does not support this setting, and will not pretend to",
        name,
    )
}

/// A member, or with dots a member of a member.
fn setting<'a>(document: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let mut names = name.split('.');
    let first = names.next().and_then(|name| document.get(name))?;
    names.try_fold(first, |value, name| value.get(name))
}

fn asks_for_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Array(items) => !items.is_empty(),
        Value::String(level) => level != "none" && level != "None",
        // Of the two mechanisms, this one is enforced.
        Value::Object(members) if members.get("mechanism").is_some_and(|m| m == "dpop") => false,
        Value::Object(members) => match members.get("required") {
            Some(required) => *required == Value::Bool(true),
            None => members.is_empty() || members.values().any(asks_for_something),
        },
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_asks_for_nothing_is_kept() {
        for (value, asks) in [
            (json!(null), false),
            (json!(false), false),
            (json!("none"), false),
            (json!({ "required": false }), false),
            (json!(true), true),
            (json!([]), false),
            (json!(["urn:x"]), true),
            (json!("fapi2_sp_pkj_mtls"), true),
            (json!({ "required": true }), true),
            (json!({ "enable_endpoint_aliases": false }), false),
            (json!({ "enable_endpoint_aliases": true }), true),
            (json!({ "mechanism": "dpop", "required": true }), false),
            (json!({ "mechanism": "mtls", "required": true }), true),
            (json!({ "private_key_jwt": {} }), true),
        ] {
            assert_eq!(asks_for_something(&value), asks, "{value}");
        }
    }
}
