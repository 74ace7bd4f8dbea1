//! What came of running Actions.

use axum::{Json, extract::State};
use serde_json::{Map, Value};

use super::{Answer, MISSING, view};
use crate::domain::{ActionId, ExecutionId, time::Timestamp};
use crate::http::{
    App,
    error::management::ManagementError,
    management::{
        page::{Listing, Page},
        path_id::PathId,
        query::Query,
    },
};
use crate::store::{
    action_executions::{self, Before},
    actions,
};

/// `GET /actions/executions/{id}`
pub async fn read(State(app): State<App>, PathId(id): PathId, query: Query) -> Answer {
    const MISSING: ManagementError =
        ManagementError::NotFound { code: None, message: "The execution does not exist." };
    query.only(&[])?;
    let mut conn = app.store.read().await?;
    let found = action_executions::find(conn.db(), &ExecutionId::new(id)).await?;
    Ok(Json(view::execution(&found.ok_or(MISSING)?)))
}

/// `GET /actions/actions/{id}/executions`, of this server only: newest first, each with the result
/// of this Action.
pub async fn list(State(app): State<App>, PathId(id): PathId, query: Query) -> Answer {
    query.only(&[crate::http::management::page::CHECKPOINT])?;
    let (from, take) = Page::read_cursor(&query)?;
    let mut conn = app.store.read().await?;
    let action = actions::find(conn.db(), &ActionId::new(id)).await?.ok_or(MISSING)?;
    let before = position(&from);
    let found =
        action_executions::list_of_action(conn.db(), &action.id, before.as_ref(), take + 1).await?;
    let items: Vec<_> = found
        .iter()
        .map(|execution| {
            let began = execution.results.first().map_or(0, |result| result.started_at.millis());
            (format!("{began}.{}", execution.id), view::execution(execution))
        })
        .collect();
    let Listing { items, next, .. } = Listing::checkpoint(items, take, |(cursor, _)| cursor);
    let mut answer = Map::new();
    let items = items.into_iter().map(|(_, shown)| shown).collect();
    answer.insert("executions".to_owned(), Value::Array(items));
    if let Some(next) = next {
        let next = query.cursors().map_or(next.clone(), |cursors| cursors.seal(&next));
        answer.insert("next".to_owned(), next.into());
    }
    Ok(Json(answer.into()))
}

/// The place in the listing that a cursor names; none for its beginning.
fn position(cursor: &str) -> Option<Before> {
    let (began, id) = cursor.split_once('.')?;
    let started_at = Timestamp::from_millis(began.parse().ok()?);
    Some(Before { started_at, id: ExecutionId::new(id) })
}
