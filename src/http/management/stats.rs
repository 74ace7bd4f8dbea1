//! `/stats`: how many people log in, and how the server does.

pub mod activity;
pub mod attention;
pub mod totals;

use axum::{Json, extract::State};
use serde_json::{Value, json};

use super::query::Query;
use crate::domain::time::{Timestamp, Written};
use crate::http::{App, error::management::ManagementError};
use crate::store::{
    daily_counts::{self, DailyCount},
    users,
};

type Answer = Result<Json<Value>, ManagementError>;

/// Seconds of a day.
const DAY: i64 = 86_400;
/// Who logged in within this many days is active; and as many days are listed unless asked.
const DAYS: i64 = 30;

/// `GET /stats/active-users`: a bare number.
pub async fn active_users(State(app): State<App>, query: Query) -> Answer {
    query.only(&[])?;
    let since = app.clock.now().plus_seconds(-DAYS * DAY);
    let mut conn = app.store.read().await?;
    Ok(Json(users::count_active(conn.db(), since).await?.into()))
}

/// `GET /stats/daily`: the days on which there was something, oldest first.
pub async fn daily(State(app): State<App>, query: Query) -> Answer {
    query.only(&[&["from", "to"]])?;
    let to = day(&query, "to")?.unwrap_or_else(|| app.clock.now());
    let from = day(&query, "from")?.unwrap_or_else(|| to.plus_seconds(-(DAYS - 1) * DAY));
    let mut conn = app.store.read().await?;
    let found = daily_counts::list(conn.db(), from, to).await?;
    Ok(Json(found.iter().map(show).collect()))
}

/// A day as `YYYYMMDD`.
fn day(query: &Query, name: &str) -> Result<Option<Timestamp>, ManagementError> {
    let Some(text) = query.text(name)? else { return Ok(None) };
    let parts = (text.get(..4), text.get(4..6), text.get(6..));
    let read = match parts {
        (Some(year), Some(month), Some(day)) if text.len() == 8 => {
            Written::parse(&format!("{year}-{month}-{day}"))
        }
        _ => None,
    };
    read.map(|day| Some(day.start)).ok_or_else(|| {
        ManagementError::invalid_query(format!(
            "Query validation error: 'String does not match pattern ^\\d{{8}}$: {text}' \
             on property {name} (a day in YYYYMMDD format)."
        ))
    })
}

/// No passwords are looked up in breaches, so none were found in any.
fn show(count: &DailyCount) -> Value {
    json!({
        "date": count.date.iso8601(),
        "logins": count.logins,
        "signups": count.signups,
        "leaked_passwords": 0,
        "created_at": count.created_at.iso8601(),
        "updated_at": count.updated_at.iso8601(),
    })
}
