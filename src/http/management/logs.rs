//! `/logs` and `/users/{id}/logs`: the audit trail.

mod search;
mod view;

use std::time::Duration;

use axum::{Json, extract::State};
use serde_json::{Value, json};

use self::{search::is_ascending, view::show};
use super::{
    page::{self, Listing, Page},
    path_id::PathId,
    query::{Fields, Query},
    users::MISSING as NO_USER,
};
use crate::domain::{
    UserId,
    audit::{
        reasons::{REASONS, Reason},
        types::{EVENT_TYPES, EventType},
    },
};
use crate::http::{App, error::management::ManagementError};
use crate::store::{
    audit::{self, AuditRow, Condition, Window},
    users,
};

type Answer = Result<Json<Value>, ManagementError>;

/// How far a listing can be paged; beyond it the cursor goes on.
const REACH: i64 = 1000;
/// Seconds until an event is shown to who follows the trail by cursor: rows are written a moment
/// after they happened and from several nodes, and a cursor must not overtake one.
const SETTLED_AFTER: i64 = 5;

const MISSING: ManagementError =
    ManagementError::NotFound { code: None, message: "Log not found." };

/// `GET /logs`
pub async fn list(State(app): State<App>, query: Query) -> Answer {
    let own = &["q", "search", "sort"];
    query.only(&[Fields::PARAMETERS, page::OFFSET, page::CHECKPOINT, own])?;
    let (page, fields) = (Page::read_by_id(&query)?, Fields::read(&query)?);
    if let Page::Checkpoint { after, take, .. } = &page {
        for name in own {
            if query.text(name)?.is_some() {
                return Err(ManagementError::invalid_query(format!(
                    "Query validation error: '{name}' cannot be used with 'from' and 'take'.",
                )));
            }
        }
        let settled = app.clock.now().plus_seconds(-SETTLED_AFTER);
        let rows = audit::after(app.store.read().await?.db(), after, settled, *take).await?;
        return Ok(Json(Value::Array(show_all(&app, &fields, rows).await?)));
    }
    let condition = search::condition(&query)?;
    answer(&app, &page, &fields, condition, is_ascending(&query)?).await
}

/// `GET /users/{id}/logs`
pub async fn of_user(State(app): State<App>, PathId(id): PathId, query: Query) -> Answer {
    query.only(&[page::OFFSET, &["sort"]])?;
    let (page, fields) = (Page::read(&query)?, Fields::read(&query)?);
    let user = UserId::new(id.as_str());
    users::find(app.store.read().await?.db(), &user).await?.ok_or(NO_USER)?;
    answer(&app, &page, &fields, Condition::User(id), is_ascending(&query)?).await
}

/// `GET /logs/{id}`
pub async fn read(State(app): State<App>, PathId(id): PathId, query: Query) -> Answer {
    query.only(&[])?;
    let row = audit::find(app.store.read().await?.db(), &id).await?;
    Ok(Json(Value::Object(show(&app, row.ok_or(MISSING)?).await?)))
}

/// `GET /logs/types`: every type of events and every reason, and what they mean.
pub async fn types(query: Query) -> Answer {
    query.only(&[])?;
    let show = |one: &EventType| {
        let mut shown = json!({
            "type": one.code,
            "title": one.title,
            "description": one.description,
            "is_failure": one.is_failure(),
        });
        if let Some(kind) = one.kind {
            shown["kind"] = json!(kind.as_str());
        }
        shown
    };
    let types: Vec<_> = EVENT_TYPES.iter().map(show).collect();
    let reason = |(reason, meaning): &Reason| json!({ "reason": reason, "meaning": meaning });
    let reasons: Vec<_> = REASONS.iter().map(reason).collect();
    Ok(Json(json!({ "types": types, "reasons": reasons })))
}

async fn answer(
    app: &App,
    page: &Page,
    fields: &Fields,
    condition: Condition,
    is_ascending: bool,
) -> Answer {
    let (start, limit) = page.window();
    if start + limit > REACH {
        return Err(ManagementError::invalid_query(
            "You can only page through the first 1000 records. Go on with from and take.",
        ));
    }
    let totals = matches!(page, Page::Offset { totals: true, .. });
    let window = Window { offset: start, limit, is_ascending, totals };
    let budget = Duration::from_millis(app.settings.search_timeout.unsigned_abs());
    let (rows, total) = audit::search(&app.store, condition, window, budget).await?;
    let items = show_all(app, fields, rows).await?;
    Ok(page.answer("logs", Listing { items, total, next: None }))
}

async fn show_all(
    app: &App,
    fields: &Fields,
    rows: Vec<AuditRow>,
) -> Result<Vec<Value>, ManagementError> {
    let mut items = Vec::with_capacity(rows.len());
    for row in rows {
        items.push(fields.select(show(app, row).await?));
    }
    Ok(items)
}
