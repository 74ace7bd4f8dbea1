//! Table `client`.

use serde_json::{Map, Value};

use crate::domain::{ClientId, client::Client, time::Timestamp, url_pattern::Origins};
use crate::store::{Db, Result, Tx, decode};

/// A client as it is kept.
#[derive(Debug, Clone)]
pub struct ClientRecord {
    /// What the protocol reads.
    pub client: Client,
    /// What the Management API wrote.
    pub document: Map<String, Value>,
    /// The client secret, sealed; `None` for a client that has none.
    pub secret_sealed: Option<Vec<u8>>,
    /// Guards [`update`].
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    client_id: String,
    document: String,
    secret_sealed: Option<Vec<u8>>,
    version: i64,
    created_at: i64,
}

impl TryFrom<Row> for ClientRecord {
    type Error = crate::store::Error;

    fn try_from(row: Row) -> Result<Self> {
        let mut client: Client = decode("client", &row.document)?;
        client.client_id = ClientId::new(row.client_id);
        client.sealed_secret.clone_from(&row.secret_sealed);
        Ok(Self {
            client,
            document: decode("client", &row.document)?,
            secret_sealed: row.secret_sealed,
            version: row.version,
            created_at: Timestamp::from_millis(row.created_at),
        })
    }
}

/// The client with this id.
///
/// # Errors
/// When the database does.
pub async fn find(db: Db<'_>, id: &ClientId) -> Result<Option<ClientRecord>> {
    const FIND: &str = "SELECT client_id, document, secret_sealed, version, created_at
        FROM client WHERE client_id = $1";
    let row: Option<Row> =
        on!(db, |c| sqlx::query_as(FIND).bind(id.as_str()).fetch_optional(c).await?);
    row.map(TryInto::try_into).transpose()
}

/// Every client, oldest first, from `offset` on.
///
/// # Errors
/// When the database does.
pub async fn list(db: Db<'_>, offset: i64, limit: i64) -> Result<Vec<ClientRecord>> {
    const LIST: &str = "SELECT client_id, document, secret_sealed, version, created_at
        FROM client ORDER BY created_at, client_id LIMIT $1 OFFSET $2";
    let rows: Vec<Row> =
        on!(db, |c| sqlx::query_as(LIST).bind(limit).bind(offset).fetch_all(c).await?);
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Every client that comes after `after` in the order of ids, for checkpoint paging.
///
/// # Errors
/// When the database does.
pub async fn list_after(db: Db<'_>, after: &str, limit: i64) -> Result<Vec<ClientRecord>> {
    const LIST: &str = "SELECT client_id, document, secret_sealed, version, created_at
        FROM client WHERE client_id > $1 ORDER BY client_id LIMIT $2";
    let rows: Vec<Row> =
        on!(db, |c| sqlx::query_as(LIST).bind(after).bind(limit).fetch_all(c).await?);
    rows.into_iter().map(TryInto::try_into).collect()
}

/// How many clients there are.
///
/// # Errors
/// When the database does.
pub async fn count(db: Db<'_>) -> Result<i64> {
    const COUNT: &str = "SELECT COUNT(*) FROM client";
    let (count,): (i64,) = on!(db, |c| sqlx::query_as(COUNT).fetch_one(c).await?);
    Ok(count)
}

/// Adds a client.
///
/// # Errors
/// [`crate::store::Error::Duplicate`] when the id is taken.
pub async fn insert(
    tx: &mut Tx,
    id: &ClientId,
    document: &Map<String, Value>,
    secret_sealed: Option<&[u8]>,
    now: Timestamp,
) -> Result<()> {
    const INSERT: &str = "INSERT INTO client
        (client_id, name, document, secret_sealed, version, created_at, updated_at)
        VALUES ($1, $2, $3, $4, 1, $5, $5)";
    let text = Value::Object(document.clone()).to_string();
    on!(tx.db(), |c| sqlx::query(INSERT)
        .bind(id.as_str())
        .bind(name(document))
        .bind(text)
        .bind(secret_sealed)
        .bind(now.millis())
        .execute(c)
        .await
        .map(|_| ())?);
    tx.configuration_changes().await
}

/// Replaces the document, and the secret, of a client read at `version`. `false` when somebody
/// else was faster: read it again.
///
/// # Errors
/// When the database does.
pub async fn update(
    tx: &mut Tx,
    id: &ClientId,
    document: &Map<String, Value>,
    secret_sealed: Option<&[u8]>,
    version: i64,
    now: Timestamp,
) -> Result<bool> {
    const UPDATE: &str = "UPDATE client
        SET name = $2, document = $3, secret_sealed = $4, version = version + 1, updated_at = $5
        WHERE client_id = $1 AND version = $6";
    let text = Value::Object(document.clone()).to_string();
    let updated = on!(tx.db(), |c| sqlx::query(UPDATE)
        .bind(id.as_str())
        .bind(name(document))
        .bind(text)
        .bind(secret_sealed)
        .bind(now.millis())
        .bind(version)
        .execute(c)
        .await?
        .rows_affected());
    tx.configuration_changes().await?;
    Ok(updated == 1)
}

/// Removes a client with its grants, codes, consents and refresh tokens. `false` when there was
/// none.
///
/// # Errors
/// When the database does.
pub async fn delete(tx: &mut Tx, id: &ClientId) -> Result<bool> {
    const DELETE: &str = "DELETE FROM client WHERE client_id = $1";
    let deleted =
        on!(tx.db(), |c| sqlx::query(DELETE).bind(id.as_str()).execute(c).await?.rows_affected());
    tx.configuration_changes().await?;
    Ok(deleted == 1)
}

/// See [`crate::store::Store::browser_origins`].
pub(super) async fn browser_origins(db: Db<'_>) -> Result<Origins> {
    const DOCUMENTS: &str = "SELECT document FROM client";
    let rows: Vec<(String,)> = on!(db, |c| sqlx::query_as(DOCUMENTS).fetch_all(c).await?);
    let mut origins = Origins::default();
    for (document,) in rows {
        let client: Client = decode("client", &document)?;
        let uris =
            client.callbacks.iter().chain(&client.allowed_origins).chain(&client.web_origins);
        uris.for_each(|uri| origins.add(uri));
    }
    Ok(origins)
}

fn name(document: &Map<String, Value>) -> &str {
    document.get("name").and_then(Value::as_str).unwrap_or("")
}
