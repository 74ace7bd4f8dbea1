//! What a client looks like to the bearer of a token, and which members a token may write.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::domain::ClientId;
use crate::http::{
    App, error::management::ManagementError, extract::management_token::ManagementToken,
};
use crate::store::clients::ClientRecord;

/// What every reader sees.
const SUMMARY: &[&str] = &["client_id", "app_type", "name", "description"];
/// What only readers of keys and credentials see.
const KEYS: &[&str] =
    &["client_secret", "encryption_key", "signing_keys", "client_authentication_methods"];

/// Which members of a client a token may see.
#[derive(Debug, Clone, Copy)]
pub struct Sight {
    settings: bool,
    keys: bool,
}

impl Sight {
    /// Everything, as the response to a creation or a rotation shows it.
    pub const EVERYTHING: Self = Self { settings: true, keys: true };

    /// What `token` may see. Who may edit the settings may see them.
    pub fn of(token: &ManagementToken) -> Self {
        Self {
            settings: token.has_any(&["read:clients", "read:client_keys", "update:clients"]),
            keys: token.has_any(&["read:client_keys", "read:client_credentials"]),
        }
    }

    /// The same without what shows a secret, if the client is among those that may do more than the
    /// one who looks.
    #[must_use]
    pub fn unless(self, closed: &HashSet<ClientId>, record: &ClientRecord) -> Self {
        Self { keys: self.keys && !closed.contains(&record.client.client_id), ..self }
    }

    fn sees(self, name: &str) -> bool {
        if SUMMARY.contains(&name) {
            true
        } else if KEYS.contains(&name) {
            self.keys
        } else {
            self.settings
        }
    }
}

/// The client as it is answered.
///
/// # Errors
/// When the secret is to be seen and was not sealed with our key.
pub fn show(
    app: &App,
    record: &ClientRecord,
    sight: Sight,
) -> Result<Map<String, Value>, ManagementError> {
    let mut shown = record.document.clone();
    let mut put = |name: &str, value: Value| {
        shown.insert(name.to_owned(), value);
    };
    let id = &record.client.client_id;
    put("client_id", id.as_str().into());
    put("tenant", app.settings.tenant_name.as_str().into());
    put("global", record.client.is_global.into());
    put("callback_url_template", false.into());
    if let Some(mirrored) = record.document.get("cross_origin_authentication") {
        put("cross_origin_auth", mirrored.clone());
    }
    if sight.keys
        && let Some(secret) = app.tokens.client_secret(record)?
    {
        put("client_secret", secret.expose().into());
    }
    shown.retain(|name, _| sight.sees(name));
    Ok(shown)
}

/// Checks that `token` may write each member of `body`: keys and credentials need scopes of their
/// own, and those scopes open nothing else.
///
/// # Errors
/// [`ManagementError::InsufficientScope`].
pub fn may_update(
    token: &ManagementToken,
    body: &Map<String, Value>,
) -> Result<(), ManagementError> {
    for name in body.keys() {
        let scopes: &'static [&'static str] = match name.as_str() {
            "client_secret" => &["update:client_keys"],
            "client_authentication_methods" => &["update:client_credentials"],
            _ => &["update:clients"],
        };
        if !token.has_any(scopes) {
            return Err(ManagementError::InsufficientScope(scopes));
        }
    }
    Ok(())
}

/// Checks that `token` may create a client with `body`.
///
/// # Errors
/// [`ManagementError::InsufficientScope`].
pub fn may_create(
    token: &ManagementToken,
    body: &Map<String, Value>,
) -> Result<(), ManagementError> {
    const CREDENTIALS: &[&str] = &["create:client_credentials"];
    if body.contains_key("client_authentication_methods") && !token.has_any(CREDENTIALS) {
        return Err(ManagementError::InsufficientScope(CREDENTIALS));
    }
    Ok(())
}
