//! What an organization narrows: its own connections and its client grants. Here its members log in
//! as everybody does, and every grant serves it, so that it has none of its own.

use axum::{Json, extract::State};
use serde_json::Value;

use super::{
    organizations::find,
    page::{self, Listing, Page},
    path_id::PathId,
    query::Query,
};
use crate::http::{App, error::management::ManagementError};

type Answer = Result<Json<Value>, ManagementError>;

/// What narrows a listing of connections.
pub const OF_CONNECTIONS: &[&str] = &["is_enabled"];
/// What narrows a listing of client grants.
pub const OF_CLIENT_GRANTS: &[&str] = &["audience", "client_id", "grant_ids"];

/// `GET /organizations/{id}/connections`
pub async fn connections(State(app): State<App>, PathId(id): PathId, query: Query) -> Answer {
    query.boolean("is_enabled")?;
    none(&app, &id, &query, OF_CONNECTIONS, "connections").await
}

/// `GET /organizations/{id}/enabled_connections`
pub async fn enabled_connections(
    State(app): State<App>,
    PathId(id): PathId,
    query: Query,
) -> Answer {
    none(&app, &id, &query, &[], "enabled_connections").await
}

/// `GET /organizations/{id}/client-grants`
pub async fn client_grants(State(app): State<App>, PathId(id): PathId, query: Query) -> Answer {
    none(&app, &id, &query, OF_CLIENT_GRANTS, "client_grants").await
}

async fn none(app: &App, id: &str, query: &Query, filters: &[&str], name: &str) -> Answer {
    query.only(&[page::OFFSET, filters])?;
    let page = Page::read(query)?;
    find(app.store.read().await?.db(), id).await?;
    Ok(page.answer(name, Listing { items: Vec::new(), total: 0, next: None }))
}
