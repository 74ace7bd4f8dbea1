//! Table `action_version`: what was deployed of an Action.

use crate::domain::{
    ActionId, ActionVersionId,
    action::definition::{ActionVersion, MOST_VERSIONS},
    time::Timestamp,
};
use crate::store::{
    Db, Result, Tx,
    actions::{ContentRow, hosts, names},
};

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    action_id: String,
    number: i64,
    #[sqlx(flatten)]
    content: ContentRow,
    created_at: i64,
}

impl TryFrom<Row> for ActionVersion {
    type Error = crate::store::Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: ActionVersionId::new(row.id),
            action_id: ActionId::new(row.action_id),
            number: row.number,
            content: row.content.content("action_version")?,
            created_at: Timestamp::from_millis(row.created_at),
        })
    }
}

/// The versions of an Action, newest first, from `offset` on.
///
/// # Errors
/// When the database does.
pub async fn list(
    db: Db<'_>,
    action: &ActionId,
    offset: i64,
    limit: i64,
) -> Result<Vec<ActionVersion>> {
    const LIST: &str = "SELECT id, action_id, number, trigger_id, trigger_version, code, runtime,
        secrets, secrets_sealed, allowed_hosts, created_at
        FROM action_version WHERE action_id = $1 ORDER BY number DESC LIMIT $2 OFFSET $3";
    let rows: Vec<Row> = on!(db, |c| sqlx::query_as(LIST)
        .bind(action.as_str())
        .bind(limit)
        .bind(offset)
        .fetch_all(c)
        .await?);
    rows.into_iter().map(TryInto::try_into).collect()
}

/// How many versions of an Action there are.
///
/// # Errors
/// When the database does.
pub async fn count(db: Db<'_>, action: &ActionId) -> Result<i64> {
    const COUNT: &str = "SELECT COUNT(*) FROM action_version WHERE action_id = $1";
    let (count,): (i64,) =
        on!(db, |c| sqlx::query_as(COUNT).bind(action.as_str()).fetch_one(c).await?);
    Ok(count)
}

/// The version with this id.
///
/// # Errors
/// When the database does.
pub async fn find(db: Db<'_>, id: &ActionVersionId) -> Result<Option<ActionVersion>> {
    const FIND: &str = "SELECT id, action_id, number, trigger_id, trigger_version, code, runtime,
        secrets, secrets_sealed, allowed_hosts, created_at FROM action_version WHERE id = $1";
    let row: Option<Row> =
        on!(db, |c| sqlx::query_as(FIND).bind(id.as_str()).fetch_optional(c).await?);
    row.map(TryInto::try_into).transpose()
}

/// Adds a version and removes the oldest ones beyond [`MOST_VERSIONS`]. It is deployed with
/// [`crate::store::actions::update`], in the same transaction.
///
/// # Errors
/// When the database does.
pub async fn insert(tx: &mut Tx, version: &ActionVersion) -> Result<()> {
    const INSERT: &str = "INSERT INTO action_version
        (id, action_id, number, trigger_id, trigger_version, code, runtime, secrets,
         secrets_sealed, allowed_hosts, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    const TRIM: &str = "DELETE FROM action_version WHERE action_id = $1 AND number <= $2";
    let content = &version.content;
    on!(tx.db(), |c| sqlx::query(INSERT)
        .bind(version.id.as_str())
        .bind(version.action_id.as_str())
        .bind(version.number)
        .bind(content.trigger_id.as_str())
        .bind(content.trigger_version.as_str())
        .bind(content.code.as_str())
        .bind(content.runtime.as_str())
        .bind(names(&content.secrets))
        .bind(content.secrets_sealed.as_deref())
        .bind(hosts(content))
        .bind(version.created_at.millis())
        .execute(c)
        .await
        .map(|_| ())?);
    // The newest one is the one that gets deployed: it is never among these.
    on!(tx.db(), |c| sqlx::query(TRIM)
        .bind(version.action_id.as_str())
        .bind(version.number - MOST_VERSIONS)
        .execute(c)
        .await
        .map(|_| ())?);
    tx.configuration_changes().await
}
