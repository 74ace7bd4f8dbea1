//! Table `resource_server`.

use serde_json::{Map, Value};

use crate::domain::{
    ResourceServerId, audience::Audience, resource_server::ResourceServer, time::Timestamp,
};
use crate::store::{Db, Result, Tx, decode, pattern::containing};

/// An API as it is kept.
#[derive(Debug, Clone)]
pub struct ResourceServerRecord {
    /// What the protocol reads.
    pub api: ResourceServer,
    /// What the Management API wrote.
    pub document: Map<String, Value>,
    /// Guards [`update`].
    pub version: i64,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    identifier: String,
    document: String,
    secret_sealed: Option<Vec<u8>>,
    version: i64,
}

impl TryFrom<Row> for ResourceServerRecord {
    type Error = crate::store::Error;

    fn try_from(row: Row) -> Result<Self> {
        let mut api: ResourceServer = decode("resource_server", &row.document)?;
        api.id = ResourceServerId::new(row.id);
        api.identifier = Audience::new(row.identifier);
        api.sealed_secret = row.secret_sealed;
        let document = decode("resource_server", &row.document)?;
        Ok(Self { api, document, version: row.version })
    }
}

/// The API with this id.
///
/// # Errors
/// When the database does.
pub async fn find(db: Db<'_>, id: &ResourceServerId) -> Result<Option<ResourceServerRecord>> {
    const FIND: &str = "SELECT id, identifier, document, secret_sealed, version FROM resource_server WHERE id = $1";
    let row: Option<Row> =
        on!(db, |c| sqlx::query_as(FIND).bind(id.as_str()).fetch_optional(c).await?);
    row.map(TryInto::try_into).transpose()
}

/// The API with this identifier.
///
/// # Errors
/// When the database does.
pub async fn find_by_identifier(
    db: Db<'_>,
    audience: &Audience,
) -> Result<Option<ResourceServerRecord>> {
    const FIND: &str = "SELECT id, identifier, document, secret_sealed, version FROM resource_server WHERE identifier = $1";
    let row: Option<Row> =
        on!(db, |c| sqlx::query_as(FIND).bind(audience.as_str()).fetch_optional(c).await?);
    row.map(TryInto::try_into).transpose()
}

/// Every API, oldest first, from `offset` on.
///
/// # Errors
/// When the database does.
pub async fn list(db: Db<'_>, offset: i64, limit: i64) -> Result<Vec<ResourceServerRecord>> {
    const LIST: &str =
        "SELECT id, identifier, document, secret_sealed, version FROM resource_server
        ORDER BY created_at, id LIMIT $1 OFFSET $2";
    let rows: Vec<Row> =
        on!(db, |c| sqlx::query_as(LIST).bind(limit).bind(offset).fetch_all(c).await?);
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The APIs whose name or identifier contains `part` in any case, oldest first, from `offset` on.
///
/// # Errors
/// When the database does.
pub async fn search(
    db: Db<'_>,
    part: &str,
    offset: i64,
    limit: i64,
) -> Result<Vec<ResourceServerRecord>> {
    const SEARCH: &str =
        "SELECT id, identifier, document, secret_sealed, version FROM resource_server
        WHERE name_folded LIKE $1 ESCAPE '!' OR lower(identifier) LIKE $1 ESCAPE '!'
        ORDER BY created_at, id LIMIT $2 OFFSET $3";
    let rows: Vec<Row> = on!(db, |c| sqlx::query_as(SEARCH)
        .bind(containing(part))
        .bind(limit)
        .bind(offset)
        .fetch_all(c)
        .await?);
    rows.into_iter().map(TryInto::try_into).collect()
}

/// How many APIs [`search`] finds.
///
/// # Errors
/// When the database does.
pub async fn count_found(db: Db<'_>, part: &str) -> Result<i64> {
    const COUNT: &str = "SELECT COUNT(*) FROM resource_server
        WHERE name_folded LIKE $1 ESCAPE '!' OR lower(identifier) LIKE $1 ESCAPE '!'";
    let (count,): (i64,) =
        on!(db, |c| sqlx::query_as(COUNT).bind(containing(part)).fetch_one(c).await?);
    Ok(count)
}

/// How many APIs there are.
///
/// # Errors
/// When the database does.
pub async fn count(db: Db<'_>) -> Result<i64> {
    const COUNT: &str = "SELECT COUNT(*) FROM resource_server";
    let (count,): (i64,) = on!(db, |c| sqlx::query_as(COUNT).fetch_one(c).await?);
    Ok(count)
}

/// Adds an API.
///
/// # Errors
/// [`crate::store::Error::Duplicate`] when the identifier is taken.
pub async fn insert(
    tx: &mut Tx,
    id: &ResourceServerId,
    identifier: &Audience,
    document: &Map<String, Value>,
    now: Timestamp,
) -> Result<()> {
    const INSERT: &str = "INSERT INTO resource_server
        (id, identifier, document, version, created_at, updated_at, name_folded)
        VALUES ($1, $2, $3, 1, $4, $4, $5)";
    let text = Value::Object(document.clone()).to_string();
    on!(tx.db(), |c| sqlx::query(INSERT)
        .bind(id.as_str())
        .bind(identifier.as_str())
        .bind(text)
        .bind(now.millis())
        .bind(folded_name(document))
        .execute(c)
        .await
        .map(|_| ())?);
    tx.configuration_changes().await
}

fn folded_name(document: &Map<String, Value>) -> String {
    document.get("name").and_then(Value::as_str).unwrap_or_default().to_lowercase()
}

/// Replaces the document of an API read at `version`. `false` when somebody else was faster.
///
/// # Errors
/// When the database does.
pub async fn update(
    tx: &mut Tx,
    id: &ResourceServerId,
    document: &Map<String, Value>,
    version: i64,
    now: Timestamp,
) -> Result<bool> {
    const UPDATE: &str = "UPDATE resource_server
        SET document = $2, version = version + 1, updated_at = $3, name_folded = $5
        WHERE id = $1 AND version = $4";
    let text = Value::Object(document.clone()).to_string();
    let updated = on!(tx.db(), |c| sqlx::query(UPDATE)
        .bind(id.as_str())
        .bind(text)
        .bind(now.millis())
        .bind(version)
        .bind(folded_name(document))
        .execute(c)
        .await?
        .rows_affected());
    tx.configuration_changes().await?;
    Ok(updated == 1)
}

/// Keeps the sealed `signing_secret` of an API, or none.
///
/// # Errors
/// When the database does.
pub async fn set_secret(tx: &mut Tx, id: &ResourceServerId, sealed: Option<&[u8]>) -> Result<()> {
    const SET: &str = "UPDATE resource_server SET secret_sealed = $2 WHERE id = $1";
    on!(tx.db(), |c| sqlx::query(SET)
        .bind(id.as_str())
        .bind(sealed)
        .execute(c)
        .await
        .map(|_| ())?);
    tx.configuration_changes().await
}

/// Removes an API with the client grants and permissions for it. `false` when there was none.
///
/// # Errors
/// When the database does.
pub async fn delete(tx: &mut Tx, id: &ResourceServerId) -> Result<bool> {
    const DELETE: &str = "DELETE FROM resource_server WHERE id = $1";
    let deleted =
        on!(tx.db(), |c| sqlx::query(DELETE).bind(id.as_str()).execute(c).await?.rows_affected());
    tx.configuration_changes().await?;
    Ok(deleted == 1)
}
