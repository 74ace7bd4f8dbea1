//! Table `action`.

use serde::{Deserialize, Serialize};

use crate::domain::{
    ActionId, ActionVersionId,
    action::definition::{Action, Content, SecretName},
    time::Timestamp,
};
use crate::store::{Db, Result, Tx, decode};

/// The columns that a draft and a version have in common.
#[derive(sqlx::FromRow)]
pub(super) struct ContentRow {
    trigger_id: String,
    trigger_version: String,
    code: String,
    runtime: String,
    secrets: String,
    secrets_sealed: Option<Vec<u8>>,
    allowed_hosts: Option<String>,
}

/// A secret as the column has it.
#[derive(Serialize, Deserialize)]
struct SecretEntry {
    name: String,
    updated_at: i64,
}

impl ContentRow {
    pub(super) fn content(self, table: &'static str) -> Result<Content> {
        let secrets: Vec<SecretEntry> = decode(table, &self.secrets)?;
        let name = |entry: SecretEntry| SecretName {
            name: entry.name,
            updated_at: Timestamp::from_millis(entry.updated_at),
        };
        Ok(Content {
            trigger_id: self.trigger_id,
            trigger_version: self.trigger_version,
            code: self.code,
            runtime: self.runtime,
            secrets: secrets.into_iter().map(name).collect(),
            secrets_sealed: self.secrets_sealed,
            allowed_hosts: self.allowed_hosts.map(|json| decode(table, &json)).transpose()?,
        })
    }
}

/// The column `secrets`.
pub(super) fn names(secrets: &[SecretName]) -> String {
    let entry = |secret: &SecretName| {
        serde_json::json!(SecretEntry {
            name: secret.name.clone(),
            updated_at: secret.updated_at.millis(),
        })
    };
    serde_json::Value::Array(secrets.iter().map(entry).collect()).to_string()
}

/// The column `allowed_hosts`.
pub(super) fn hosts(content: &Content) -> Option<String> {
    content.allowed_hosts.as_ref().map(|hosts| serde_json::json!(hosts).to_string())
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    name: String,
    #[sqlx(flatten)]
    draft: ContentRow,
    deployed_version_id: Option<String>,
    is_deployed: bool,
    last_number: i64,
    created_at: i64,
    updated_at: i64,
}

impl TryFrom<Row> for Action {
    type Error = crate::store::Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: ActionId::new(row.id),
            name: row.name,
            draft: row.draft.content("action")?,
            deployed_version_id: row.deployed_version_id.map(ActionVersionId::new),
            is_deployed: row.is_deployed,
            last_number: row.last_number,
            created_at: Timestamp::from_millis(row.created_at),
            updated_at: Timestamp::from_millis(row.updated_at),
        })
    }
}

/// Which Actions are asked for; `None` narrows nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter<'a> {
    /// The trigger that they are for.
    pub trigger_id: Option<&'a str>,
    /// Their name.
    pub name: Option<&'a str>,
    /// Whether some version is deployed.
    pub deployed: Option<bool>,
}

/// The Actions that `filter` lets through, oldest first, from `offset` on.
///
/// # Errors
/// When the database does.
pub async fn list(db: Db<'_>, filter: Filter<'_>, offset: i64, limit: i64) -> Result<Vec<Action>> {
    const LIST: &str = "SELECT id, name, trigger_id, trigger_version, code, runtime, secrets,
        secrets_sealed, allowed_hosts, deployed_version_id, is_deployed, last_number, created_at,
        updated_at FROM action
        WHERE (CAST($1 AS TEXT) IS NULL OR trigger_id = $1)
          AND (CAST($2 AS TEXT) IS NULL OR name = $2)
          AND (CAST($3 AS BOOLEAN) IS NULL OR (deployed_version_id IS NOT NULL) = $3)
        ORDER BY created_at, id LIMIT $4 OFFSET $5";
    let rows: Vec<Row> = on!(db, |c| sqlx::query_as(LIST)
        .bind(filter.trigger_id)
        .bind(filter.name)
        .bind(filter.deployed)
        .bind(limit)
        .bind(offset)
        .fetch_all(c)
        .await?);
    rows.into_iter().map(TryInto::try_into).collect()
}

/// How many Actions `filter` lets through.
///
/// # Errors
/// When the database does.
pub async fn count(db: Db<'_>, filter: Filter<'_>) -> Result<i64> {
    const COUNT: &str = "SELECT COUNT(*) FROM action
        WHERE (CAST($1 AS TEXT) IS NULL OR trigger_id = $1)
          AND (CAST($2 AS TEXT) IS NULL OR name = $2)
          AND (CAST($3 AS BOOLEAN) IS NULL OR (deployed_version_id IS NOT NULL) = $3)";
    let (count,): (i64,) = on!(db, |c| sqlx::query_as(COUNT)
        .bind(filter.trigger_id)
        .bind(filter.name)
        .bind(filter.deployed)
        .fetch_one(c)
        .await?);
    Ok(count)
}

/// The Action with this id.
///
/// # Errors
/// When the database does.
pub async fn find(db: Db<'_>, id: &ActionId) -> Result<Option<Action>> {
    const FIND: &str = "SELECT id, name, trigger_id, trigger_version, code, runtime, secrets,
        secrets_sealed, allowed_hosts, deployed_version_id, is_deployed, last_number, created_at,
        updated_at FROM action WHERE id = $1";
    let row: Option<Row> =
        on!(db, |c| sqlx::query_as(FIND).bind(id.as_str()).fetch_optional(c).await?);
    row.map(TryInto::try_into).transpose()
}

/// Keeps an Action from being changed or removed until the transaction ends, and reads it.
///
/// # Errors
/// When the database does.
pub async fn lock(tx: &mut Tx, id: &ActionId) -> Result<Option<Action>> {
    const LOCK: &str = "UPDATE action SET name = name WHERE id = $1";
    on!(tx.db(), |c| sqlx::query(LOCK).bind(id.as_str()).execute(c).await.map(|_| ())?);
    find(tx.db(), id).await
}

/// Adds an Action.
///
/// # Errors
/// [`crate::store::Error::Duplicate`] when the name is taken.
pub async fn insert(tx: &mut Tx, action: &Action) -> Result<()> {
    const INSERT: &str = "INSERT INTO action
        (id, name, trigger_id, trigger_version, code, runtime, secrets, secrets_sealed,
         allowed_hosts, deployed_version_id, is_deployed, last_number, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    let draft = &action.draft;
    on!(tx.db(), |c| sqlx::query(INSERT)
        .bind(action.id.as_str())
        .bind(action.name.as_str())
        .bind(draft.trigger_id.as_str())
        .bind(draft.trigger_version.as_str())
        .bind(draft.code.as_str())
        .bind(draft.runtime.as_str())
        .bind(names(&draft.secrets))
        .bind(draft.secrets_sealed.as_deref())
        .bind(hosts(draft))
        .bind(action.deployed_version_id.as_ref().map(ActionVersionId::as_str))
        .bind(action.is_deployed)
        .bind(action.last_number)
        .bind(action.created_at.millis())
        .bind(action.updated_at.millis())
        .execute(c)
        .await
        .map(|_| ())?);
    tx.configuration_changes().await
}

/// Writes everything that can change of an Action: read it with [`lock`], in the same transaction.
///
/// # Errors
/// [`crate::store::Error::Duplicate`] when the name is taken.
pub async fn update(tx: &mut Tx, action: &Action) -> Result<()> {
    const UPDATE: &str = "UPDATE action
        SET name = $2, trigger_id = $3, trigger_version = $4, code = $5, runtime = $6,
            secrets = $7, secrets_sealed = $8, allowed_hosts = $9, deployed_version_id = $10,
            is_deployed = $11, last_number = $12, updated_at = $13
        WHERE id = $1";
    let draft = &action.draft;
    on!(tx.db(), |c| sqlx::query(UPDATE)
        .bind(action.id.as_str())
        .bind(action.name.as_str())
        .bind(draft.trigger_id.as_str())
        .bind(draft.trigger_version.as_str())
        .bind(draft.code.as_str())
        .bind(draft.runtime.as_str())
        .bind(names(&draft.secrets))
        .bind(draft.secrets_sealed.as_deref())
        .bind(hosts(draft))
        .bind(action.deployed_version_id.as_ref().map(ActionVersionId::as_str))
        .bind(action.is_deployed)
        .bind(action.last_number)
        .bind(action.updated_at.millis())
        .execute(c)
        .await
        .map(|_| ())?);
    tx.configuration_changes().await
}

/// Removes an Action with its versions. `false` when there was none.
///
/// # Errors
/// [`crate::store::Error::Gone`] while it is bound to a trigger.
pub async fn delete(tx: &mut Tx, id: &ActionId) -> Result<bool> {
    const DELETE: &str = "DELETE FROM action WHERE id = $1";
    let deleted =
        on!(tx.db(), |c| sqlx::query(DELETE).bind(id.as_str()).execute(c).await?.rows_affected());
    tx.configuration_changes().await?;
    Ok(deleted == 1)
}
