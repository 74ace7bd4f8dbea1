//! What a connection looks like to a reader of the Management API.

use serde_json::{Map, Value, json};

use crate::domain::{ClientId, connection::Strategy};
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
    if let Some(Value::Object(options)) = shown.get_mut("options") {
        // Tools write these down where they are missing, and would see a change that is none; so
        // they would in another order.
        let (name, value) = match connection.strategy {
            Strategy::Database => ("disable_self_service_change_password", false.into()),
            Strategy::Email => ("email", json!({})),
        };
        options.entry(name).or_insert(value);
        options.sort_keys();
    }
    shown
}
