//! What a connection looks like to a reader of the Management API.

use serde_json::{Map, Value, json};

use crate::domain::ClientId;
use crate::store::connections::ConnectionRecord;

/// The connection as it is answered, with what was never said as Auth0 fills it in.
pub fn show(record: &ConnectionRecord, enabled: &[ClientId]) -> Map<String, Value> {
    let connection = &record.connection;
    let mut shown = record.document.clone();
    let mut put = |name: &str, value: Value| {
        shown.entry(name).or_insert(value);
    };
    put("id", connection.id.as_str().into());
    put("name", connection.name.as_str().into());
    put("strategy", connection.strategy.as_str().into());
    put("options", json!({}));
    put("is_domain_connection", false.into());
    put("authentication", json!({ "active": true }));
    put("connected_accounts", json!({ "active": false }));
    put("realms", json!([connection.name]));
    put("enabled_clients", json!(enabled));
    if let (true, Some(Value::Object(options))) =
        (connection.is_database(), shown.get_mut("options"))
    {
        // Tools write it down where it is missing, and would see a change that is none.
        options.entry("disable_self_service_change_password").or_insert(false.into());
    }
    shown
}
