//! Table `client_grant`.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::domain::{
    ClientGrantId, ClientId,
    audience::Audience,
    client_grant::{ClientGrant, SubjectType},
    scope::ScopeSet,
    time::Timestamp,
};
use crate::store::{Db, Error, Result, Tx, compose::Composed, decode};

/// A client grant as it is kept.
#[derive(Debug, Clone)]
pub struct ClientGrantRecord {
    /// What the protocol reads.
    pub grant: ClientGrant,
    /// What the Management API wrote, without id, client and audience.
    pub document: Map<String, Value>,
    /// Guards [`update`].
    pub version: i64,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    client_id: String,
    audience: String,
    subject_type: String,
    document: String,
    version: i64,
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    scope: ScopeSet,
    #[serde(default)]
    allow_all_scopes: bool,
}

impl TryFrom<Row> for ClientGrantRecord {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let read: Document = decode("client_grant", &row.document)?;
        let subject_type = match row.subject_type.as_str() {
            "client" => SubjectType::Client,
            "user" => SubjectType::User,
            _ => {
                let why = "unknown subject_type".to_owned();
                return Err(Error::Inconsistent { table: "client_grant", why });
            }
        };
        Ok(Self {
            grant: ClientGrant {
                id: ClientGrantId::new(row.id),
                client_id: ClientId::new(row.client_id),
                audience: Audience::new(row.audience),
                subject_type,
                scope: read.scope,
                allow_all_scopes: read.allow_all_scopes,
            },
            document: decode("client_grant", &row.document)?,
            version: row.version,
        })
    }
}

/// Narrows a listing; `None` means any.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter<'a> {
    /// Of this client.
    pub client_id: Option<&'a str>,
    /// For this API.
    pub audience: Option<&'a str>,
    /// For this subject.
    pub subject_type: Option<&'a str>,
    /// Whether any organization may use it.
    pub any_organization: Option<bool>,
}

impl Filter<'_> {
    fn narrow(&self, sql: &mut Composed) {
        sql.only("client_id = ", self.client_id)
            .only("audience = ", self.audience)
            .only("subject_type = ", self.subject_type)
            .only("any_organization = ", self.any_organization);
    }
}

/// The client grant with this id.
///
/// # Errors
/// When the database does.
pub async fn find(db: Db<'_>, id: &ClientGrantId) -> Result<Option<ClientGrantRecord>> {
    const FIND: &str = "SELECT id, client_id, audience, subject_type, document, version
        FROM client_grant WHERE id = $1";
    let row: Option<Row> =
        on!(db, |c| sqlx::query_as(FIND).bind(id.as_str()).fetch_optional(c).await?);
    row.map(TryInto::try_into).transpose()
}

/// The one client grant of a client for an API and a subject.
///
/// # Errors
/// When the database does.
pub async fn find_for(
    db: Db<'_>,
    client: &ClientId,
    audience: &Audience,
    subject: SubjectType,
) -> Result<Option<ClientGrantRecord>> {
    const FIND: &str = "SELECT id, client_id, audience, subject_type, document, version
        FROM client_grant WHERE client_id = $1 AND audience = $2 AND subject_type = $3";
    let row: Option<Row> = on!(db, |c| sqlx::query_as(FIND)
        .bind(client.as_str())
        .bind(audience.as_str())
        .bind(subject.as_str())
        .fetch_optional(c)
        .await?);
    row.map(TryInto::try_into).transpose()
}

/// The client grants that pass `filter`, oldest first, from `offset` on.
///
/// # Errors
/// When the database does.
pub async fn list(
    db: Db<'_>,
    filter: Filter<'_>,
    offset: i64,
    limit: i64,
) -> Result<Vec<ClientGrantRecord>> {
    let sql = list_statement(&db, filter, offset, limit);
    let rows: Vec<Row> = on!(db, |c| composed!(sqlx::query_as, sql).fetch_all(c).await?);
    rows.into_iter().map(TryInto::try_into).collect()
}

fn select(db: &Db<'_>) -> Composed {
    Composed::new(
        db,
        "SELECT id, client_id, audience, subject_type, document, version FROM client_grant",
    )
}

/// The statement of [`list`], so that its plan can be looked at.
pub fn list_statement(db: &Db<'_>, filter: Filter<'_>, offset: i64, limit: i64) -> Composed {
    let mut sql = select(db);
    filter.narrow(&mut sql);
    sql.push(" ORDER BY created_at, id").page(offset, limit);
    sql
}

/// The client grants that pass `filter` and come after `after` in the order of ids.
///
/// # Errors
/// When the database does.
pub async fn list_after(
    db: Db<'_>,
    filter: Filter<'_>,
    after: &str,
    limit: i64,
) -> Result<Vec<ClientGrantRecord>> {
    let sql = list_after_statement(&db, filter, after, limit);
    let rows: Vec<Row> = on!(db, |c| composed!(sqlx::query_as, sql).fetch_all(c).await?);
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The statement of [`list_after`], so that its plan can be looked at.
pub fn list_after_statement(db: &Db<'_>, filter: Filter<'_>, after: &str, limit: i64) -> Composed {
    let mut sql = select(db);
    filter.narrow(&mut sql);
    sql.only("id > ", Some(after)).push(" ORDER BY id").page(0, limit);
    sql
}

/// How many client grants pass `filter`.
///
/// # Errors
/// When the database does.
pub async fn count(db: Db<'_>, filter: Filter<'_>) -> Result<i64> {
    let sql = count_statement(&db, filter);
    let (count,): (i64,) = on!(db, |c| composed!(sqlx::query_as, sql).fetch_one(c).await?);
    Ok(count)
}

/// The statement of [`count`], so that its plan can be looked at.
pub fn count_statement(db: &Db<'_>, filter: Filter<'_>) -> Composed {
    let mut sql = Composed::new(db, "SELECT COUNT(*) FROM client_grant");
    filter.narrow(&mut sql);
    sql
}

/// Adds a client grant. The client and the API must exist.
///
/// # Errors
/// [`Error::Duplicate`] when the client has one for this API and subject.
pub async fn insert(
    tx: &mut Tx,
    id: &ClientGrantId,
    client: &ClientId,
    audience: &Audience,
    subject: SubjectType,
    document: &Map<String, Value>,
    now: Timestamp,
) -> Result<()> {
    const INSERT: &str = "INSERT INTO client_grant
        (id, client_id, audience, subject_type, document, version, created_at, any_organization)
        VALUES ($1, $2, $3, $4, $5, 1, $6, $7)";
    let text = Value::Object(document.clone()).to_string();
    on!(tx.db(), |c| sqlx::query(INSERT)
        .bind(id.as_str())
        .bind(client.as_str())
        .bind(audience.as_str())
        .bind(subject.as_str())
        .bind(text)
        .bind(now.millis())
        .bind(any_organization(document))
        .execute(c)
        .await
        .map(|_| ())?);
    tx.configuration_changes().await
}

/// Replaces the document of a client grant read at `version`. `false` when somebody else was
/// faster.
///
/// # Errors
/// When the database does.
pub async fn update(
    tx: &mut Tx,
    id: &ClientGrantId,
    document: &Map<String, Value>,
    version: i64,
) -> Result<bool> {
    const UPDATE: &str = "UPDATE client_grant
        SET document = $2, version = version + 1, any_organization = $4
        WHERE id = $1 AND version = $3";
    let text = Value::Object(document.clone()).to_string();
    let updated = on!(tx.db(), |c| sqlx::query(UPDATE)
        .bind(id.as_str())
        .bind(text)
        .bind(version)
        .bind(any_organization(document))
        .execute(c)
        .await?
        .rows_affected());
    tx.configuration_changes().await?;
    Ok(updated == 1)
}

/// Removes a client grant. `false` when there was none.
///
/// # Errors
/// When the database does.
pub async fn delete(tx: &mut Tx, id: &ClientGrantId) -> Result<bool> {
    const DELETE: &str = "DELETE FROM client_grant WHERE id = $1";
    let deleted =
        on!(tx.db(), |c| sqlx::query(DELETE).bind(id.as_str()).execute(c).await?.rows_affected());
    tx.configuration_changes().await?;
    Ok(deleted == 1)
}

fn any_organization(document: &Map<String, Value>) -> bool {
    document.get("allow_any_organization") == Some(&Value::Bool(true))
}
