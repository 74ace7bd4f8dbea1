//! `/actions`: this server runs no code of its operator yet, so there are no actions.

use axum::Json;
use serde_json::{Map, Value, json};

use super::{page, query::Query};
use crate::http::error::management::ManagementError;

/// Parameters that narrow the listing.
pub const FILTERS: &[&str] = &["triggerId", "actionName", "deployed", "installed"];

/// `GET /actions/actions`: none. The envelope is another one than elsewhere, and leaves out what is
/// zero. A tool that reads connections asks here whether one of them runs an action.
pub async fn list(query: Query) -> Result<Json<Value>, ManagementError> {
    query.only(&[&["page", "per_page"], FILTERS])?;
    let (page, per_page) = page::numbers(&query)?;
    let mut envelope = Map::new();
    envelope.insert("actions".to_owned(), json!([]));
    for (name, number) in [("page", page), ("per_page", per_page)] {
        if number > 0 {
            envelope.insert(name.to_owned(), number.into());
        }
    }
    Ok(Json(Value::Object(envelope)))
}
