//! Table `action_binding`: which Actions run at a trigger.

use std::sync::Arc;

use crate::domain::{
    ActionBindingId, ActionId, ActionVersionId,
    action::{BoundAction, definition::ActionBinding},
    time::Timestamp,
};
use crate::store::{Db, Result, Tx, decode};

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    trigger_id: String,
    action_id: String,
    display_name: String,
    created_at: i64,
    updated_at: i64,
}

impl From<Row> for ActionBinding {
    fn from(row: Row) -> Self {
        Self {
            id: ActionBindingId::new(row.id),
            trigger_id: row.trigger_id,
            action_id: ActionId::new(row.action_id),
            display_name: row.display_name,
            created_at: Timestamp::from_millis(row.created_at),
            updated_at: Timestamp::from_millis(row.updated_at),
        }
    }
}

#[derive(sqlx::FromRow)]
struct BoundRow {
    action_id: String,
    version_id: String,
    name: String,
    code: String,
    secrets_sealed: Option<Vec<u8>>,
    allowed_hosts: Option<String>,
}

/// What runs at a trigger: the deployed versions of the Actions that are bound to it, in order.
pub(super) async fn pipeline(db: Db<'_>, trigger_id: &str) -> Result<Vec<BoundAction>> {
    const PIPELINE: &str = "SELECT a.id AS action_id, v.id AS version_id, a.name, v.code,
        v.secrets_sealed, v.allowed_hosts
        FROM action_binding b
        JOIN action a ON a.id = b.action_id
        JOIN action_version v ON v.id = a.deployed_version_id
        WHERE b.trigger_id = $1 ORDER BY b.position";
    let rows: Vec<BoundRow> =
        on!(db, |c| sqlx::query_as(PIPELINE).bind(trigger_id).fetch_all(c).await?);
    let bound = |row: BoundRow| {
        let hosts = row.allowed_hosts.map(|json| decode("action_version", &json)).transpose()?;
        Ok(BoundAction {
            action_id: ActionId::new(row.action_id),
            version_id: ActionVersionId::new(row.version_id),
            name: row.name,
            code: Arc::from(row.code),
            secrets_sealed: row.secrets_sealed,
            allowed_hosts: hosts,
        })
    };
    rows.into_iter().map(bound).collect()
}

/// The bindings of a trigger, in order.
///
/// # Errors
/// When the database does.
pub async fn list(db: Db<'_>, trigger_id: &str) -> Result<Vec<ActionBinding>> {
    const LIST: &str = "SELECT id, trigger_id, action_id, display_name, created_at, updated_at
        FROM action_binding WHERE trigger_id = $1 ORDER BY position";
    let rows: Vec<Row> = on!(db, |c| sqlx::query_as(LIST).bind(trigger_id).fetch_all(c).await?);
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Whether the Action is bound to some trigger.
///
/// # Errors
/// When the database does.
pub async fn is_bound(db: Db<'_>, action: &ActionId) -> Result<bool> {
    const COUNT: &str = "SELECT COUNT(*) FROM action_binding WHERE action_id = $1";
    let (count,): (i64,) =
        on!(db, |c| sqlx::query_as(COUNT).bind(action.as_str()).fetch_one(c).await?);
    Ok(count > 0)
}

/// The triggers that the Action is bound to.
///
/// # Errors
/// When the database does.
pub async fn triggers_of(db: Db<'_>, action: &ActionId) -> Result<Vec<String>> {
    const TRIGGERS: &str = "SELECT trigger_id FROM action_binding WHERE action_id = $1";
    let found: Vec<(String,)> =
        on!(db, |c| sqlx::query_as(TRIGGERS).bind(action.as_str()).fetch_all(c).await?);
    Ok(found.into_iter().map(|(trigger,)| trigger).collect())
}

/// Removes every binding of an Action.
///
/// # Errors
/// When the database does.
pub async fn unbind(tx: &mut Tx, action: &ActionId) -> Result<()> {
    const UNBIND: &str = "DELETE FROM action_binding WHERE action_id = $1";
    on!(tx.db(), |c| sqlx::query(UNBIND).bind(action.as_str()).execute(c).await.map(|_| ())?);
    tx.configuration_changes().await
}

/// Has exactly `bindings` be those of a trigger, in their order. Call
/// [`Tx::configuration_changes`] before reading what they are made of: it lets one writer in at a
/// time.
///
/// # Errors
/// [`crate::store::Error::Gone`] when an Action is, [`crate::store::Error::Duplicate`] when one
/// stands twice.
pub async fn replace(tx: &mut Tx, trigger_id: &str, bindings: &[ActionBinding]) -> Result<()> {
    const CLEAR: &str = "DELETE FROM action_binding WHERE trigger_id = $1";
    const INSERT: &str = "INSERT INTO action_binding
        (id, trigger_id, position, action_id, display_name, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    on!(tx.db(), |c| sqlx::query(CLEAR).bind(trigger_id).execute(c).await.map(|_| ())?);
    for (position, binding) in (0_i64..).zip(bindings) {
        on!(tx.db(), |c| sqlx::query(INSERT)
            .bind(binding.id.as_str())
            .bind(trigger_id)
            .bind(position)
            .bind(binding.action_id.as_str())
            .bind(binding.display_name.as_str())
            .bind(binding.created_at.millis())
            .bind(binding.updated_at.millis())
            .execute(c)
            .await
            .map(|_| ())?);
    }
    tx.configuration_changes().await
}
