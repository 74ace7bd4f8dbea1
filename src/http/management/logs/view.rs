//! An event as the Management API answers it.

use serde_json::{Map, Value};

use crate::domain::audit::types::event_type;
use crate::http::{App, error::management::ManagementError};
use crate::store::audit::AuditRow;

/// The event, without the members that it does not have.
///
/// # Errors
/// When the database does.
pub async fn show(app: &App, row: AuditRow) -> Result<Map<String, Value>, ManagementError> {
    let client = match &row.client_id {
        None => None,
        Some(id) => app.store.client(id).await?,
    };
    let description = event_type(&row.event).map(|known| known.description.to_owned());
    let members = [
        ("_id", Some(row.id.clone())),
        ("log_id", Some(row.id)),
        ("date", Some(row.date.iso8601())),
        ("type", Some(row.event)),
        ("description", description),
        ("client_id", row.client_id.map(|id| id.as_str().to_owned())),
        ("client_name", client.map(|record| record.client.name.clone())),
        ("user_id", row.user_id.map(|id| id.as_str().to_owned())),
        ("audience", row.audience),
        ("scope", row.scope),
        ("ip", row.ip),
        ("user_agent", row.user_agent),
    ];
    let mut shown: Map<String, Value> = members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), Value::String(value?))))
        .collect();
    shown.insert("details".to_owned(), row.details);
    Ok(shown)
}
