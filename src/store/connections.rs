//! Tables `connection` and `connection_client`.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::domain::{
    ClientId, ConnectionId,
    connection::{Connection, Options, Strategy},
    time::Timestamp,
};
use crate::store::{Db, Error, Result, Tx, clients, decode};

/// A connection as it is kept.
#[derive(Debug, Clone)]
pub struct ConnectionRecord {
    /// What the protocol reads.
    pub connection: Connection,
    /// What the Management API wrote.
    pub document: Map<String, Value>,
    /// Guards [`update`].
    pub version: i64,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    name: String,
    strategy: String,
    document: String,
    version: i64,
}

/// The members of the document that the protocol reads.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Document {
    options: Option<Options>,
    realms: Vec<String>,
    is_domain_connection: bool,
    authentication: Purpose,
}

#[derive(Deserialize)]
struct Purpose {
    active: bool,
}

impl Default for Purpose {
    fn default() -> Self {
        Self { active: true }
    }
}

impl TryFrom<Row> for ConnectionRecord {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let read: Document = decode("connection", &row.document)?;
        let strategy = Strategy::named(&row.strategy).ok_or_else(|| Error::Inconsistent {
            table: "connection",
            why: format!("strategy {}", row.strategy),
        })?;
        Ok(Self {
            connection: Connection {
                id: ConnectionId::new(row.id),
                name: row.name,
                strategy,
                options: read.options.unwrap_or_default(),
                realms: read.realms,
                is_domain: read.is_domain_connection,
                authenticates: read.authentication.active,
            },
            document: decode("connection", &row.document)?,
            version: row.version,
        })
    }
}

/// The connection with this id.
///
/// # Errors
/// When the database does.
pub async fn find(db: Db<'_>, id: &ConnectionId) -> Result<Option<ConnectionRecord>> {
    const FIND: &str = "SELECT id, name, strategy, document, version
        FROM connection WHERE id = $1 AND deleted_at IS NULL";
    let row: Option<Row> =
        on!(db, |c| sqlx::query_as(FIND).bind(id.as_str()).fetch_optional(c).await?);
    row.map(TryInto::try_into).transpose()
}

/// The connection with this name.
///
/// # Errors
/// When the database does.
pub async fn find_by_name(db: Db<'_>, name: &str) -> Result<Option<ConnectionRecord>> {
    const FIND: &str = "SELECT id, name, strategy, document, version
        FROM connection WHERE name = $1 AND deleted_at IS NULL";
    let row: Option<Row> = on!(db, |c| sqlx::query_as(FIND).bind(name).fetch_optional(c).await?);
    row.map(TryInto::try_into).transpose()
}

/// Narrows a listing; `None` means any.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter<'a> {
    /// Of this kind.
    pub strategy: Option<Strategy>,
    /// With this name.
    pub name: Option<&'a str>,
}

/// The connections that pass `filter`, oldest first, from `offset` on.
///
/// # Errors
/// When the database does.
pub async fn list(
    db: Db<'_>,
    filter: Filter<'_>,
    offset: i64,
    limit: i64,
) -> Result<Vec<ConnectionRecord>> {
    const LIST: &str = "SELECT id, name, strategy, document, version FROM connection
        WHERE deleted_at IS NULL AND (CAST($1 AS TEXT) IS NULL OR strategy = $1)
          AND (CAST($2 AS TEXT) IS NULL OR name = $2)
        ORDER BY created_at, id LIMIT $3 OFFSET $4";
    let rows: Vec<Row> = on!(db, |c| sqlx::query_as(LIST)
        .bind(filter.strategy.map(Strategy::as_str))
        .bind(filter.name)
        .bind(limit)
        .bind(offset)
        .fetch_all(c)
        .await?);
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The connections that pass `filter` and come after `after` in the order of ids, for checkpoint
/// paging.
///
/// # Errors
/// When the database does.
pub async fn list_after(
    db: Db<'_>,
    filter: Filter<'_>,
    after: &str,
    limit: i64,
) -> Result<Vec<ConnectionRecord>> {
    const LIST: &str = "SELECT id, name, strategy, document, version FROM connection
        WHERE id > $3 AND deleted_at IS NULL AND (CAST($1 AS TEXT) IS NULL OR strategy = $1)
          AND (CAST($2 AS TEXT) IS NULL OR name = $2)
        ORDER BY id LIMIT $4";
    let rows: Vec<Row> = on!(db, |c| sqlx::query_as(LIST)
        .bind(filter.strategy.map(Strategy::as_str))
        .bind(filter.name)
        .bind(after)
        .bind(limit)
        .fetch_all(c)
        .await?);
    rows.into_iter().map(TryInto::try_into).collect()
}

/// How many connections pass `filter`.
///
/// # Errors
/// When the database does.
pub async fn count(db: Db<'_>, filter: Filter<'_>) -> Result<i64> {
    const COUNT: &str = "SELECT COUNT(*) FROM connection
        WHERE deleted_at IS NULL AND (CAST($1 AS TEXT) IS NULL OR strategy = $1)
          AND (CAST($2 AS TEXT) IS NULL OR name = $2)";
    let (count,): (i64,) = on!(db, |c| sqlx::query_as(COUNT)
        .bind(filter.strategy.map(Strategy::as_str))
        .bind(filter.name)
        .fetch_one(c)
        .await?);
    Ok(count)
}

/// Adds a connection.
///
/// # Errors
/// [`Error::Duplicate`] when the name is taken, also by one whose users are still being removed.
pub async fn insert(
    tx: &mut Tx,
    id: &ConnectionId,
    name: &str,
    strategy: Strategy,
    document: &Map<String, Value>,
    now: Timestamp,
) -> Result<()> {
    const INSERT: &str = "INSERT INTO connection
        (id, name, strategy, document, version, created_at, updated_at)
        VALUES ($1, $2, $3, $4, 1, $5, $5)";
    let text = Value::Object(document.clone()).to_string();
    on!(tx.db(), |c| sqlx::query(INSERT)
        .bind(id.as_str())
        .bind(name)
        .bind(strategy.as_str())
        .bind(text)
        .bind(now.millis())
        .execute(c)
        .await
        .map(|_| ())?);
    tx.configuration_changes().await
}

/// Replaces the document of a connection read at `version`. `false` when somebody else was faster:
/// read it again.
///
/// # Errors
/// When the database does.
pub async fn update(
    tx: &mut Tx,
    id: &ConnectionId,
    document: &Map<String, Value>,
    version: i64,
    now: Timestamp,
) -> Result<bool> {
    const UPDATE: &str = "UPDATE connection
        SET document = $2, version = version + 1, updated_at = $3
        WHERE id = $1 AND version = $4 AND deleted_at IS NULL";
    let text = Value::Object(document.clone()).to_string();
    let updated = on!(tx.db(), |c| sqlx::query(UPDATE)
        .bind(id.as_str())
        .bind(text)
        .bind(now.millis())
        .bind(version)
        .execute(c)
        .await?
        .rows_affected());
    tx.configuration_changes().await?;
    Ok(updated == 1)
}

/// Takes a connection away from everybody. Its row keeps the name until [`forget`]. `false` when
/// there was none.
///
/// # Errors
/// When the database does.
pub async fn delete(tx: &mut Tx, id: &ConnectionId, now: Timestamp) -> Result<bool> {
    const DELETE: &str = "UPDATE connection SET deleted_at = $2, version = version + 1
        WHERE id = $1 AND deleted_at IS NULL";
    let deleted = on!(tx.db(), |c| sqlx::query(DELETE)
        .bind(id.as_str())
        .bind(now.millis())
        .execute(c)
        .await?
        .rows_affected());
    tx.configuration_changes().await?;
    Ok(deleted == 1)
}

/// The names of the deleted connections whose users may not all be gone yet.
///
/// # Errors
/// When the database does.
pub async fn deleted(db: Db<'_>) -> Result<Vec<String>> {
    const DELETED: &str = "SELECT name FROM connection WHERE deleted_at IS NOT NULL ORDER BY id";
    let rows: Vec<(String,)> = on!(db, |c| sqlx::query_as(DELETED).fetch_all(c).await?);
    Ok(rows.into_iter().map(|(name,)| name).collect())
}

/// Removes the row of a deleted connection that has no users left. `false` when it stays.
///
/// # Errors
/// When the database does.
pub async fn forget(tx: &mut Tx, name: &str) -> Result<bool> {
    const FORGET: &str = "DELETE FROM connection WHERE name = $1 AND deleted_at IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM user_account WHERE user_account.connection = $1)";
    let deleted =
        on!(tx.db(), |c| sqlx::query(FORGET).bind(name).execute(c).await?.rows_affected());
    Ok(deleted == 1)
}

/// The connections that are enabled for a client, oldest first.
///
/// # Errors
/// When the database does.
pub async fn records_of(db: Db<'_>, client: &ClientId) -> Result<Vec<ConnectionRecord>> {
    const ENABLED: &str = "SELECT connection.id, name, strategy, document, version FROM connection
        JOIN connection_client ON connection_client.connection_id = connection.id
        WHERE client_id = $1 AND deleted_at IS NULL ORDER BY created_at, connection.id";
    let rows: Vec<Row> =
        on!(db, |c| sqlx::query_as(ENABLED).bind(client.as_str()).fetch_all(c).await?);
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The connections that users of a client may come from, oldest first: those that are enabled for
/// it, and the domain connections if it is a third party's. To the console it is every database:
/// what its users may do there, their permissions say.
///
/// # Errors
/// When the database does.
pub async fn enabled_for(mut db: Db<'_>, client: &ClientId) -> Result<Vec<Connection>> {
    if client.is_console() {
        let filter = Filter { strategy: Some(Strategy::Database), name: None };
        let all = list(db, filter, 0, i64::MAX).await?;
        let all = all.into_iter().map(|record| record.connection);
        return Ok(all.filter(|connection| connection.authenticates).collect());
    }
    let enabled = records_of(db.reborrow(), client).await?;
    let found = clients::find(db.reborrow(), client).await?;
    let all = if found.is_none_or(|record| record.client.is_first_party) {
        enabled
    } else {
        let mut all = list(db, Filter::default(), 0, i64::MAX).await?;
        let is_enabled = |id: &ConnectionId| enabled.iter().any(|e| e.connection.id == *id);
        all.retain(|record| record.connection.is_domain || is_enabled(&record.connection.id));
        all
    };
    let connections = all.into_iter().map(|record| record.connection);
    Ok(connections.filter(|connection| connection.authenticates).collect())
}

/// The clients that a connection is enabled for and that come after `after`, in the order of ids.
///
/// # Errors
/// When the database does.
pub async fn clients_after(
    db: Db<'_>,
    id: &ConnectionId,
    after: &str,
    limit: i64,
) -> Result<Vec<ClientId>> {
    const CLIENTS: &str = "SELECT client_id FROM connection_client
        WHERE connection_id = $1 AND client_id > $2 ORDER BY client_id LIMIT $3";
    let rows: Vec<(String,)> = on!(db, |c| sqlx::query_as(CLIENTS)
        .bind(id.as_str())
        .bind(after)
        .bind(limit)
        .fetch_all(c)
        .await?);
    Ok(rows.into_iter().map(|(id,)| ClientId::new(id)).collect())
}

/// Enables a connection for a client. Twice is harmless. `false` when one of them does not exist.
///
/// # Errors
/// When the database does.
pub async fn enable(tx: &mut Tx, id: &ConnectionId, client: &ClientId) -> Result<bool> {
    // Every database is the console's anyway, and nobody is to see it.
    if client.is_console() {
        return Ok(false);
    }
    // The update of nothing makes the row count tell a repetition from a stranger.
    const ENABLE: &str = "INSERT INTO connection_client (connection_id, client_id)
        SELECT connection.id, client.client_id FROM connection CROSS JOIN client
        WHERE connection.id = $1 AND deleted_at IS NULL AND client.client_id = $2
        ON CONFLICT (connection_id, client_id) DO UPDATE SET client_id = excluded.client_id";
    let enabled = on!(tx.db(), |c| sqlx::query(ENABLE)
        .bind(id.as_str())
        .bind(client.as_str())
        .execute(c)
        .await?
        .rows_affected());
    tx.configuration_changes().await?;
    Ok(enabled == 1)
}

/// Disables a connection for a client. Twice is harmless.
///
/// # Errors
/// When the database does.
pub async fn disable(tx: &mut Tx, id: &ConnectionId, client: &ClientId) -> Result<()> {
    const DISABLE: &str =
        "DELETE FROM connection_client WHERE connection_id = $1 AND client_id = $2";
    on!(tx.db(), |c| sqlx::query(DISABLE)
        .bind(id.as_str())
        .bind(client.as_str())
        .execute(c)
        .await
        .map(|_| ())?);
    tx.configuration_changes().await
}

/// Disables a connection for every client.
///
/// # Errors
/// When the database does.
pub async fn disable_for_all(tx: &mut Tx, id: &ConnectionId) -> Result<()> {
    const DISABLE: &str = "DELETE FROM connection_client WHERE connection_id = $1";
    on!(tx.db(), |c| sqlx::query(DISABLE).bind(id.as_str()).execute(c).await.map(|_| ())?);
    tx.configuration_changes().await
}

/// Enables every connection there is for a client: what a new one begins with.
///
/// # Errors
/// When the database does.
pub async fn enable_all_for(tx: &mut Tx, client: &ClientId) -> Result<()> {
    const ENABLE: &str = "INSERT INTO connection_client (connection_id, client_id)
        SELECT id, $1 FROM connection WHERE deleted_at IS NULL
        ON CONFLICT (connection_id, client_id) DO NOTHING";
    on!(tx.db(), |c| sqlx::query(ENABLE).bind(client.as_str()).execute(c).await.map(|_| ())?);
    tx.configuration_changes().await
}
