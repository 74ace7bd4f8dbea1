//! Tables `action_execution` and `action_execution_result`: what came of running Actions.

use serde_json::{Map, Value, json};

use crate::domain::{
    ActionId, ActionVersionId, ExecutionId,
    action::{
        Trigger,
        execution::{ActionResult, ExecutionStatus, TriggerExecution},
    },
    time::Timestamp,
};
use crate::store::{Db, Error, Result, Tx, decode};

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    trigger_id: String,
    status: String,
    created_at: i64,
    updated_at: i64,
}

impl Row {
    fn execution(self, results: Vec<ActionResult>) -> Result<TriggerExecution> {
        let broken =
            |why: &str| Error::Inconsistent { table: "action_execution", why: why.to_owned() };
        Ok(TriggerExecution {
            id: ExecutionId::new(self.id),
            trigger: Trigger::parse(&self.trigger_id).ok_or_else(|| broken("trigger_id"))?,
            status: ExecutionStatus::parse(&self.status).ok_or_else(|| broken("status"))?,
            created_at: Timestamp::from_millis(self.created_at),
            updated_at: Timestamp::from_millis(self.updated_at),
            results,
        })
    }
}

#[derive(sqlx::FromRow)]
struct ResultRow {
    action_id: String,
    version_id: Option<String>,
    action_name: String,
    started_at: i64,
    ended_at: i64,
    error: Option<String>,
    notes: String,
    stats: String,
    console: String,
}

impl TryFrom<ResultRow> for ActionResult {
    type Error = Error;

    fn try_from(row: ResultRow) -> Result<Self> {
        let table = "action_execution_result";
        Ok(Self {
            action_id: ActionId::new(row.action_id),
            version_id: row.version_id.map(ActionVersionId::new),
            action_name: row.action_name,
            started_at: Timestamp::from_millis(row.started_at),
            ended_at: Timestamp::from_millis(row.ended_at),
            error: row.error.map(|json| decode(table, &json)).transpose()?,
            notes: decode(table, &row.notes)?,
            stats: decode::<Map<String, Value>>(table, &row.stats)?,
            console: row.console,
        })
    }
}

/// An execution with the result of one of its Actions.
#[derive(sqlx::FromRow)]
struct OneRow {
    #[sqlx(flatten)]
    execution: Row,
    #[sqlx(flatten)]
    result: ResultRow,
}

/// Adds an execution with its results.
///
/// # Errors
/// When the database does.
pub async fn insert(tx: &mut Tx, execution: &TriggerExecution) -> Result<()> {
    const INSERT: &str = "INSERT INTO action_execution
        (id, trigger_id, status, created_at, updated_at) VALUES ($1, $2, $3, $4, $5)";
    on!(tx.db(), |c| sqlx::query(INSERT)
        .bind(execution.id.as_str())
        .bind(execution.trigger.as_str())
        .bind(execution.status.as_str())
        .bind(execution.created_at.millis())
        .bind(execution.updated_at.millis())
        .execute(c)
        .await
        .map(|_| ())?);
    for (position, result) in (0_i64..).zip(&execution.results) {
        insert_result(tx, &execution.id, position, result).await?;
    }
    Ok(())
}

async fn insert_result(
    tx: &mut Tx,
    id: &ExecutionId,
    position: i64,
    result: &ActionResult,
) -> Result<()> {
    const INSERT: &str = "INSERT INTO action_execution_result
        (execution_id, position, action_id, version_id, action_name, started_at, ended_at, error,
         notes, stats, console)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    // Postgres keeps no NUL in a text, and a script may write one.
    let without_nul = |text: &str| text.replace('\0', "\u{fffd}");
    let error = result.error.as_ref().map(|error| json!(error).to_string());
    on!(tx.db(), |c| sqlx::query(INSERT)
        .bind(id.as_str())
        .bind(position)
        .bind(result.action_id.as_str())
        .bind(result.version_id.as_ref().map(ActionVersionId::as_str))
        .bind(result.action_name.as_str())
        .bind(result.started_at.millis())
        .bind(result.ended_at.millis())
        .bind(error)
        .bind(json!(result.notes).to_string())
        .bind(Value::Object(result.stats.clone()).to_string())
        .bind(without_nul(&result.console))
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}

/// The execution with this id.
///
/// # Errors
/// When the database does.
pub async fn find(mut db: Db<'_>, id: &ExecutionId) -> Result<Option<TriggerExecution>> {
    const FIND: &str = "SELECT id, trigger_id, status, created_at, updated_at
        FROM action_execution WHERE id = $1";
    const RESULTS: &str = "SELECT action_id, version_id, action_name, started_at, ended_at, error,
        notes, stats, console
        FROM action_execution_result WHERE execution_id = $1 ORDER BY position";
    let row: Option<Row> =
        on!(db.reborrow(), |c| sqlx::query_as(FIND).bind(id.as_str()).fetch_optional(c).await?);
    let Some(row) = row else { return Ok(None) };
    let results: Vec<ResultRow> =
        on!(db, |c| sqlx::query_as(RESULTS).bind(id.as_str()).fetch_all(c).await?);
    let results = results.into_iter().map(TryInto::try_into).collect::<Result<_>>()?;
    row.execution(results).map(Some)
}

/// Where a page of the executions of an Action begins: behind one that began at this time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    /// When the Action began.
    pub started_at: Timestamp,
    /// The execution.
    pub id: ExecutionId,
}

/// The executions in which an Action ran, newest first, each with the result of that Action only.
///
/// # Errors
/// When the database does.
pub async fn list_of_action(
    db: Db<'_>,
    action: &ActionId,
    before: Option<&Before>,
    limit: i64,
) -> Result<Vec<TriggerExecution>> {
    const LIST: &str = "SELECT e.id, e.trigger_id, e.status, e.created_at, e.updated_at,
        r.action_id, r.version_id, r.action_name, r.started_at, r.ended_at, r.error, r.notes,
        r.stats, r.console
        FROM action_execution_result r JOIN action_execution e ON e.id = r.execution_id
        WHERE r.action_id = $1 AND (r.started_at, r.execution_id) < ($2, $3)
        ORDER BY r.started_at DESC, r.execution_id DESC LIMIT $4";
    let started_at = before.map_or(i64::MAX, |before| before.started_at.millis());
    let id = before.map_or("", |before| before.id.as_str());
    let rows: Vec<OneRow> = on!(db, |c| sqlx::query_as(LIST)
        .bind(action.as_str())
        .bind(started_at)
        .bind(id)
        .bind(limit)
        .fetch_all(c)
        .await?);
    let one = |row: OneRow| row.execution.execution(vec![row.result.try_into()?]);
    rows.into_iter().map(one).collect()
}
