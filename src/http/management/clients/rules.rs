//! What a whole client must obey, beyond the kinds of its members.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::super::{client_credentials, formats, unsupported, validation};
use super::fields::CLIENT;
use crate::domain::{
    client::Client,
    redirect_uri::{self, Unusable},
    settings::Settings,
};
use crate::http::error::management::ManagementError;
use crate::outbound;
use crate::policy::client_auth::may_be_public;

const TOKEN_LIFETIME: i64 = 2_592_000;
const MOST_TOKEN_LIFETIME: i64 = 157_788_000;
const IDLE_TOKEN_LIFETIME: i64 = 1_296_000;

/// Fills in what a new client does not say.
pub fn complete(document: &mut Map<String, Value>) {
    let is_first_party = document.get("is_first_party") != Some(&Value::Bool(false));
    let app_type = document.get("app_type").and_then(Value::as_str);
    let of_a_server = matches!(app_type, Some("resource_server" | "express_configuration"));
    let grant_types = grant_types(document);
    let mut put = |name: &str, value: Value| {
        document.entry(name).or_insert(value);
    };
    put("is_first_party", true.into());
    put("is_token_endpoint_ip_header_trusted", false.into());
    put("oidc_conformant", false.into());
    put("cross_origin_authentication", false.into());
    put("sso_disabled", false.into());
    put("custom_login_page_on", true.into());
    put("grant_types", grant_types);
    put("jwt_configuration", json!({ "lifetime_in_seconds": 36_000 }));
    put("refresh_token", json!({ "rotation_type": "rotating", "expiration_type": "expiring" }));
    if !is_first_party || of_a_server {
        document.insert("oidc_conformant".to_owned(), true.into());
    }
    if let Some(Value::Object(jwt)) = document.get_mut("jwt_configuration") {
        jwt.entry("secret_encoded").or_insert(false.into());
    }
    complete_refresh_token(document);
}

fn grant_types(document: &Map<String, Value>) -> Value {
    let text = |name: &str| document.get(name).and_then(Value::as_str);
    match (text("app_type"), text("token_endpoint_auth_method")) {
        (Some("resource_server"), _) => json!([]),
        (Some("express_configuration"), _) => json!(["authorization_code", "client_credentials"]),
        (_, Some("none")) => json!(["authorization_code", "implicit", "refresh_token"]),
        _ => json!(["authorization_code", "implicit", "refresh_token", "client_credentials"]),
    }
}

/// Fills in the lifetimes that `refresh_token` does not say. Never `leeway`: not given means the
/// setting of the server.
pub fn complete_refresh_token(document: &mut Map<String, Value>) {
    let Some(Value::Object(settings)) = document.get_mut("refresh_token") else { return };
    let lifetime = |name: &str| settings.get(name).and_then(Value::as_i64);
    let (absolute, idle) = match (lifetime("token_lifetime"), lifetime("idle_token_lifetime")) {
        (Some(absolute), Some(idle)) => (absolute, idle),
        // A default must not contradict what was said.
        (Some(absolute), None) => (absolute, IDLE_TOKEN_LIFETIME.min(absolute)),
        (None, Some(idle)) => (TOKEN_LIFETIME.max(idle).min(MOST_TOKEN_LIFETIME), idle),
        (None, None) => (TOKEN_LIFETIME, IDLE_TOKEN_LIFETIME),
    };
    settings.insert("token_lifetime".to_owned(), absolute.into());
    settings.insert("idle_token_lifetime".to_owned(), idle.into());
    settings.entry("infinite_token_lifetime").or_insert(false.into());
    settings.entry("infinite_idle_token_lifetime").or_insert(false.into());
}

/// Checks a whole document before it is written.
///
/// # Errors
/// `invalid_body`, saying what to change.
pub fn check(document: &Map<String, Value>, settings: &Settings) -> Result<(), ManagementError> {
    unsupported::refuse(document, unsupported::CLIENT)?;
    check_uris(document)?;
    check_backchannel_logout(document, settings)?;
    check_refresh_token(document, settings)?;
    check_authentication(document)?;
    // Each PATCH may add ten more.
    if let Some(metadata) = document.get("client_metadata") {
        check_metadata(metadata)?;
    }
    // What the protocol cannot read must not be stored: it would fail at every later request.
    serde_json::from_value::<Client>(Value::Object(document.clone())).map(|_| ()).map_err(|error| {
        ManagementError::invalid_body(format!("Payload validation error: '{error}'."))
    })
}

fn check_metadata(metadata: &Value) -> Result<(), ManagementError> {
    if let Some(field) = CLIENT.iter().find(|f| f.name == "client_metadata") {
        validation::check_value(field, metadata)?;
    }
    let names = metadata.as_object().into_iter().flat_map(Map::keys);
    match names.into_iter().map(|n| n.chars().count()).find(|n| !(1..=255).contains(n)) {
        Some(_) => Err(ManagementError::invalid_property(
            "Names must have 1 to 255 characters",
            "client_metadata",
        )),
        None => Ok(()),
    }
}

fn strings<'a>(document: &'a Map<String, Value>, name: &str) -> impl Iterator<Item = &'a str> {
    let items = document.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(Value::as_str)
}

fn check_uris(document: &Map<String, Value>) -> Result<(), ManagementError> {
    for uri in strings(document, "callbacks") {
        redirect_uri::registrable(uri).map_err(|why| {
            ManagementError::invalid_property(
                &format!("The URL {uri} cannot be a callback: {}", words(why)),
                "callbacks",
            )
        })?;
    }
    for name in ["allowed_logout_urls", "allowed_origins", "web_origins"] {
        if let Some(uri) = strings(document, name).find(|uri| !formats::is_absolute_uri(uri)) {
            let what = format!(
                "The URL {uri} is not usable: it must be an absolute http(s) or custom-scheme URL \
                 without user name or password"
            );
            return Err(ManagementError::invalid_property(&what, name));
        }
    }
    Ok(())
}

/// The URLs are called by this server, so they must not lead where only this server can go. Names
/// are judged again at each call, by what they resolve to.
fn check_backchannel_logout(
    document: &Map<String, Value>,
    settings: &Settings,
) -> Result<(), ManagementError> {
    for name in ["oidc_logout", "oidc_backchannel_logout"] {
        let Some(Value::Object(logout)) = document.get(name) else { continue };
        for url in strings(logout, "backchannel_logout_urls").filter(|url| !url.is_empty()) {
            if let Err(why) = outbound::check(url, settings.outbound_allow_private) {
                let what =
                    format!("The URL {url} cannot be called for a back-channel logout: {why}");
                let place = format!("{name}.backchannel_logout_urls");
                return Err(ManagementError::invalid_property(&what, &place));
            }
        }
    }
    Ok(())
}

fn words(why: Unusable) -> &'static str {
    match why {
        Unusable::NotAbsolute => "it must be absolute, like https://app.example/callback",
        Unusable::DangerousScheme => "its scheme could run script or read files",
        Unusable::Fragment => "it must not have a fragment (#)",
        Unusable::UserInfo => "it must not have a user name or password",
        Unusable::ResponseParameter => {
            "its query must not have a parameter that the response carries, such as code or state"
        }
        Unusable::Malformed => "it must not have white space, control characters or a backslash",
        Unusable::Placeholder => {
            "a * must stand for one subdomain, leftmost in the host, like https://*.app.example"
        }
    }
}

fn check_authentication(document: &Map<String, Value>) -> Result<(), ManagementError> {
    check_hs256(document)?;
    client_credentials::check_shape(document)?;
    let both = ["client_authentication_methods", "token_endpoint_auth_method"];
    if both.iter().all(|name| document.contains_key(*name)) {
        let what =
            "client_authentication_methods and token_endpoint_auth_method cannot both be set";
        return Err(ManagementError::invalid_property(what, "client_authentication_methods"));
    }
    Ok(())
}

/// HS256 needs a secret that nobody else has, and is keyed with its very octets (OIDC Core §10.1).
fn check_hs256(document: &Map<String, Value>) -> Result<(), ManagementError> {
    let jwt = document.get("jwt_configuration");
    let is = |name: &str, value: Value| jwt.and_then(|jwt| jwt.get(name)) == Some(&value);
    if !is("alg", "HS256".into()) {
        return Ok(());
    }
    let what = match serde_json::from_value::<Client>(Value::Object(document.clone())) {
        Ok(client) if may_be_public(&client) => {
            "HS256 signs ID tokens with the client secret, which a public application cannot keep"
        }
        _ if document.contains_key("client_authentication_methods") => {
            "HS256 signs ID tokens with the client secret, and this application has none"
        }
        _ if is("secret_encoded", true.into()) => {
            "HS256 uses the client secret as it is: secret_encoded must be false"
        }
        _ => return Ok(()),
    };
    Err(ManagementError::invalid_property(what, "jwt_configuration.alg"))
}

fn check_refresh_token(
    document: &Map<String, Value>,
    settings: &Settings,
) -> Result<(), ManagementError> {
    let Some(token) = document.get("refresh_token").and_then(Value::as_object) else {
        return Ok(());
    };
    let is = |name: &str, value: &str| token.get(name).and_then(Value::as_str) == Some(value);
    if is("rotation_type", "rotating") && is("expiration_type", "non-expiring") {
        let what = "Rotating refresh tokens must expire: expiration_type must be expiring";
        return Err(ManagementError::invalid_property(what, "refresh_token.expiration_type"));
    }
    let infinite = |name: &str| token.get(name) == Some(&Value::Bool(true));
    let lifetime = |name: &str| token.get(name).and_then(Value::as_i64).unwrap_or(0);
    let (absolute, idle) = (lifetime("token_lifetime"), lifetime("idle_token_lifetime"));
    let both_count = is("expiration_type", "expiring")
        && !infinite("infinite_token_lifetime")
        && !infinite("infinite_idle_token_lifetime");
    if both_count && idle > absolute {
        let what = format!(
            "idle_token_lifetime ({idle}) must not be greater than token_lifetime ({absolute})"
        );
        return Err(ManagementError::invalid_property(&what, "refresh_token.idle_token_lifetime"));
    }
    check_policies(token.get("policies"), "refresh_token.policies", settings)
}

/// Checks policies, which stand at `place`.
///
/// # Errors
/// `invalid_body`, when one is for the Management API, or two are for one API.
pub fn check_policies(
    policies: Option<&Value>,
    place: &str,
    settings: &Settings,
) -> Result<(), ManagementError> {
    let management = settings.management_audience();
    let mut seen = HashSet::new();
    let policies = policies.and_then(Value::as_array);
    for policy in policies.into_iter().flatten() {
        let audience = policy.get("audience").and_then(Value::as_str).unwrap_or("");
        if audience == management.as_str() {
            let what = "The Management API cannot be the audience of a refresh token policy";
            return Err(ManagementError::invalid_property(what, place));
        }
        if !seen.insert(audience) {
            let what = format!("The audience {audience} has more than one policy");
            return Err(ManagementError::invalid_property(&what, place));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(document: Value) -> Value {
        let mut document = document.as_object().cloned().unwrap_or_default();
        complete(&mut document);
        Value::Object(document)
    }

    #[test]
    fn a_new_client_rotates_its_refresh_tokens() {
        let document = completed(json!({ "name": "x" }));
        assert_eq!(
            document["refresh_token"],
            json!({
                "rotation_type": "rotating", "expiration_type": "expiring",
                "token_lifetime": 2_592_000, "infinite_token_lifetime": false,
                "idle_token_lifetime": 1_296_000, "infinite_idle_token_lifetime": false,
            })
        );
        let jwt = json!({ "lifetime_in_seconds": 36_000, "secret_encoded": false });
        assert_eq!(document["jwt_configuration"], jwt);
        assert_eq!(document["oidc_conformant"], false);
    }

    #[test]
    fn defaults_never_contradict_what_was_said() {
        let lifetimes = |token: Value| {
            let mut token = token;
            token["rotation_type"] = "rotating".into();
            token["expiration_type"] = "expiring".into();
            let document = completed(json!({ "refresh_token": token }));
            let token = &document["refresh_token"];
            (token["token_lifetime"].as_i64(), token["idle_token_lifetime"].as_i64())
        };
        assert_eq!(lifetimes(json!({ "token_lifetime": 60 })), (Some(60), Some(60)));
        let long = json!({ "idle_token_lifetime": 9_000_000 });
        assert_eq!(lifetimes(long), (Some(9_000_000), Some(9_000_000)));
    }

    #[test]
    fn grant_types_depend_on_the_kind_of_client() {
        let of = |document| completed(document)["grant_types"].clone();
        assert_eq!(of(json!({ "app_type": "resource_server" })), json!([]));
        let public = json!(["authorization_code", "implicit", "refresh_token"]);
        assert_eq!(of(json!({ "token_endpoint_auth_method": "none" })), public);
        assert_eq!(of(json!({})).as_array().map(Vec::len), Some(4));
        assert_eq!(of(json!({ "grant_types": ["x"] })), json!(["x"]));
    }
}
