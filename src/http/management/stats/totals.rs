//! `GET /stats/totals`: how much there is of everything.

use std::time::Duration;

use axum::{Json, extract::State};
use serde_json::{Value, json};

use crate::http::{App, error::management::ManagementError, management::query::Query};
use crate::store::totals::{self, Total};

/// `GET /stats/totals`
pub async fn totals(State(app): State<App>, query: Query) -> Result<Json<Value>, ManagementError> {
    query.only(&[])?;
    let budget = Duration::from_millis(app.settings.search_timeout.unsigned_abs());
    let totals = totals::read(&app.store, budget, app.clock.now()).await?;
    Ok(Json(json!({
        "users": show(totals.users),
        "clients": show(totals.applications),
        "resource_servers": show(totals.apis),
        "refresh_tokens": show(totals.families),
        "sessions": show(totals.sessions),
        "counted_at": totals.counted_at.iso8601(),
    })))
}

fn show(total: Total) -> Value {
    json!({ "count": total.count, "at_least": total.at_least })
}
