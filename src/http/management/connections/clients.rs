//! `/connections/{id}/clients`, and the same seen from the client: which applications the users of a
//! connection may log in to.

use std::collections::HashSet;

use axum::{extract::State, http::StatusCode};
use serde_json::{Value, json};

use super::{
    super::{
        change::Change,
        page::{self, Listing, Page},
        path_id::PathId,
        query::{Fields, Query},
        validation,
    },
    Answer, MISSING, fields, narrowed,
    view::show,
};
use crate::domain::{ClientId, ConnectionId};
use crate::http::{
    App, error::management::ManagementError, extract::management_json::ManagementJsonArray,
};
use crate::store::{Db, Result, Tx, clients, connections};

/// Most clients on a page.
const MOST: i64 = 1000;
const USUAL: i64 = 50;

const NO_CLIENT: ManagementError =
    ManagementError::NotFound { code: None, message: "The client does not exist" };

/// Every client that a connection is enabled for, in the order of ids.
pub async fn enabled_clients(db: Db<'_>, id: &ConnectionId) -> Result<Vec<ClientId>> {
    connections::clients_after(db, id, "", i64::MAX).await
}

/// Enables a connection for these clients and no others.
///
/// # Errors
/// `invalid_body` naming one that does not exist.
pub async fn set_enabled_clients(
    tx: &mut Tx,
    id: &ConnectionId,
    wanted: &[Value],
) -> std::result::Result<(), ManagementError> {
    let wanted: HashSet<ClientId> =
        wanted.iter().filter_map(Value::as_str).map(ClientId::new).collect();
    let before: HashSet<ClientId> = enabled_clients(tx.db(), id).await?.into_iter().collect();
    for client in before.difference(&wanted) {
        connections::disable(tx, id, client).await?;
    }
    for client in wanted.difference(&before) {
        if !connections::enable(tx, id, client).await? {
            let what = format!("The client {client} does not exist");
            return Err(ManagementError::invalid_property(&what, "enabled_clients"));
        }
    }
    Ok(())
}

/// `GET /connections/{id}/clients`
pub async fn list(State(app): State<App>, PathId(id): PathId, query: Query) -> Answer {
    query.only(&[page::CHECKPOINT])?;
    let take = query.integer("take", 1, MOST)?.unwrap_or(USUAL);
    let after = query.cursor()?;
    let id = ConnectionId::new(id);
    let mut conn = app.store.read().await?;
    connections::find(conn.db(), &id).await?.ok_or(MISSING)?;
    let found = connections::clients_after(conn.db(), &id, &after, take + 1).await?;
    let listing = Listing::checkpoint(found, take, ClientId::as_str);
    let listing = listing.map(|client| json!({ "client_id": client }));
    Ok(Page::checkpoint(&query, after, take).answer("clients", listing))
}

/// `PATCH /connections/{id}/clients`: all of them or none.
pub async fn update(
    change: Change,
    PathId(id): PathId,
    ManagementJsonArray(items): ManagementJsonArray,
) -> std::result::Result<StatusCode, ManagementError> {
    let items = Value::Array(items);
    validation::check_root_value(&fields::CLIENT_STATUS, &items)?;
    let id = ConnectionId::new(id);
    let mut tx = change.begin().await?;
    connections::find(tx.db(), &id).await?.ok_or(MISSING)?;
    let before = enabled_clients(tx.db(), &id).await?;
    for item in items.as_array().into_iter().flatten() {
        let client = item.get("client_id").and_then(Value::as_str).unwrap_or_default();
        let client = ClientId::new(client);
        if item.get("status") == Some(&Value::Bool(true)) {
            if !connections::enable(&mut tx, &id, &client).await? {
                return Err(NO_CLIENT);
            }
        } else {
            clients::find(tx.db(), &client).await?.ok_or(NO_CLIENT)?;
            connections::disable(&mut tx, &id, &client).await?;
        }
    }
    let after = enabled_clients(tx.db(), &id).await?;
    let changed = if before == after { Vec::new() } else { vec!["enabled_clients".to_owned()] };
    change.commit(tx, id.as_str(), changed).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /clients/{id}/connections`
pub async fn connections_of_client(
    State(app): State<App>,
    PathId(id): PathId,
    query: Query,
) -> Answer {
    query.only(&[page::CHECKPOINT, Fields::PARAMETERS, &["strategy"]])?;
    let fields = Fields::read(&query)?;
    let (after, take) = Page::read_cursor(&query)?;
    let filter = narrowed(&query, None)?;
    let client = ClientId::new(id);
    let mut conn = app.store.read().await?;
    clients::find(conn.db(), &client).await?.ok_or(ManagementError::NotFound {
        code: Some("inexistent_client"),
        message: "The client does not exist",
    })?;
    let mut found = connections::records_of(conn.db(), &client).await?;
    found.retain(|record| {
        filter.is_some_and(|f| f.strategy.is_none_or(|s| s == record.connection.strategy))
    });
    let page = Page::checkpoint(&query, after, take);
    let listing = page.of(found, |record| record.connection.id.as_str());
    let listing = listing.map(|record| {
        let mut shown = show(&record, &[]);
        shown.remove("enabled_clients");
        fields.select(shown)
    });
    Ok(page.answer("connections", listing))
}
