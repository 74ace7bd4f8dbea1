//! Table `client`.

use serde_json::{Map, Value};

use crate::domain::{ClientId, client::Client, time::Timestamp, url_pattern::Origins};
use crate::store::{
    Db, Result, Tx,
    compose::Composed,
    decode,
    pattern::{beginning, containing},
};

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

/// The client of the operator with this id: never the console.
///
/// # Errors
/// When the database does.
pub async fn find(db: Db<'_>, id: &ClientId) -> Result<Option<ClientRecord>> {
    if id.is_console() { Ok(None) } else { find_or_console(db, id).await }
}

/// The client with this id, as the protocol knows it: the console too.
///
/// # Errors
/// When the database does.
pub async fn find_or_console(db: Db<'_>, id: &ClientId) -> Result<Option<ClientRecord>> {
    const FIND: &str = "SELECT client_id, document, secret_sealed, version, created_at
        FROM client WHERE client_id = $1";
    let row: Option<Row> =
        on!(db, |c| sqlx::query_as(FIND).bind(id.as_str()).fetch_optional(c).await?);
    row.map(TryInto::try_into).transpose()
}

/// Narrows a listing; `None`, or an empty list, means any.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// The global one, or the others.
    pub is_global: Option<bool>,
    /// Of the operator's own, or of others.
    pub is_first_party: Option<bool>,
    /// Of one of these types.
    pub app_types: Vec<String>,
    /// Whose name contains this in any case, or whose id begins with it.
    pub search: Option<String>,
}

impl Filter {
    /// The console is in no listing.
    fn narrow(&self, sql: &mut Composed) {
        sql.only("client_id <> ", Some(ClientId::console().as_str()));
        sql.only("is_global = ", self.is_global);
        sql.only("is_first_party = ", self.is_first_party);
        if let Some((first, rest)) = self.app_types.split_first() {
            sql.condition().push("app_type IN (").bind(first.as_str());
            for app_type in rest {
                sql.push(", ").bind(app_type.as_str());
            }
            sql.push(")");
        }
        if let Some(search) = &self.search {
            sql.condition().push("(name_folded LIKE ").bind(containing(search).as_str());
            sql.push(" ESCAPE '!' OR client_id LIKE ").bind(beginning(search).as_str());
            sql.push(" ESCAPE '!')");
        }
    }
}

/// The clients that pass `filter`, oldest first, from `offset` on.
///
/// # Errors
/// When the database does.
pub async fn list(
    db: Db<'_>,
    filter: &Filter,
    offset: i64,
    limit: i64,
) -> Result<Vec<ClientRecord>> {
    let sql = list_statement(&db, filter, offset, limit);
    let rows: Vec<Row> = on!(db, |c| composed!(sqlx::query_as, sql).fetch_all(c).await?);
    rows.into_iter().map(TryInto::try_into).collect()
}

fn select(db: &Db<'_>) -> Composed {
    Composed::new(db, "SELECT client_id, document, secret_sealed, version, created_at FROM client")
}

/// The statement of [`list`], so that its plan can be looked at.
pub fn list_statement(db: &Db<'_>, filter: &Filter, offset: i64, limit: i64) -> Composed {
    let mut sql = select(db);
    filter.narrow(&mut sql);
    sql.push(" ORDER BY created_at, client_id").page(offset, limit);
    sql
}

/// The clients that pass `filter` and come after `after` in the order of ids, for checkpoint
/// paging.
///
/// # Errors
/// When the database does.
pub async fn list_after(
    db: Db<'_>,
    filter: &Filter,
    after: &str,
    limit: i64,
) -> Result<Vec<ClientRecord>> {
    let sql = list_after_statement(&db, filter, after, limit);
    let rows: Vec<Row> = on!(db, |c| composed!(sqlx::query_as, sql).fetch_all(c).await?);
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The statement of [`list_after`], so that its plan can be looked at.
pub fn list_after_statement(db: &Db<'_>, filter: &Filter, after: &str, limit: i64) -> Composed {
    let mut sql = select(db);
    filter.narrow(&mut sql);
    sql.only("client_id > ", Some(after)).push(" ORDER BY client_id").page(0, limit);
    sql
}

/// How many clients pass `filter`.
///
/// # Errors
/// When the database does.
pub async fn count(db: Db<'_>, filter: &Filter) -> Result<i64> {
    let sql = count_statement(&db, filter);
    let (count,): (i64,) = on!(db, |c| composed!(sqlx::query_as, sql).fetch_one(c).await?);
    Ok(count)
}

/// The statement of [`count`], so that its plan can be looked at.
pub fn count_statement(db: &Db<'_>, filter: &Filter) -> Composed {
    let mut sql = Composed::new(db, "SELECT COUNT(*) FROM client");
    filter.narrow(&mut sql);
    sql
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
        (client_id, name, document, secret_sealed, version, created_at, updated_at, app_type,
         is_first_party, name_folded)
        VALUES ($1, $2, $3, $4, 1, $5, $5, $6, $7, $8)";
    let text = Value::Object(document.clone()).to_string();
    on!(tx.db(), |c| sqlx::query(INSERT)
        .bind(id.as_str())
        .bind(name(document))
        .bind(text)
        .bind(secret_sealed)
        .bind(now.millis())
        .bind(app_type(document))
        .bind(is_first_party(document))
        .bind(name(document).to_lowercase())
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
        SET name = $2, document = $3, secret_sealed = $4, version = version + 1, updated_at = $5,
            app_type = $7, is_first_party = $8, name_folded = $9
        WHERE client_id = $1 AND version = $6";
    let text = Value::Object(document.clone()).to_string();
    let updated = on!(tx.db(), |c| sqlx::query(UPDATE)
        .bind(id.as_str())
        .bind(name(document))
        .bind(text)
        .bind(secret_sealed)
        .bind(now.millis())
        .bind(version)
        .bind(app_type(document))
        .bind(is_first_party(document))
        .bind(name(document).to_lowercase())
        .execute(c)
        .await?
        .rows_affected());
    tx.configuration_changes().await?;
    Ok(updated == 1)
}

/// Makes the console what `document` says, without a secret or anything that an older client of its
/// id left behind.
///
/// # Errors
/// [`crate::store::Error::Duplicate`] when another node does the same.
pub async fn put_console(tx: &mut Tx, document: &Map<String, Value>, now: Timestamp) -> Result<()> {
    let id = ClientId::console();
    delete(tx, &id).await?;
    insert(tx, &id, document, None, now).await
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

fn app_type(document: &Map<String, Value>) -> Option<&str> {
    document.get("app_type").and_then(Value::as_str)
}

fn is_first_party(document: &Map<String, Value>) -> bool {
    document.get("is_first_party") != Some(&Value::Bool(false))
}
