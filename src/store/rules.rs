//! Table `rule`.

use crate::domain::{
    RuleId,
    rule::{Rule, RuleDefinition},
    time::Timestamp,
};
use crate::store::{Db, Result, Tx};

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    name: String,
    script: String,
    position: i64,
    enabled: bool,
}

impl From<Row> for RuleDefinition {
    fn from(row: Row) -> Self {
        Self {
            id: RuleId::new(row.id),
            name: row.name,
            script: row.script,
            order: row.position,
            enabled: row.enabled,
        }
    }
}

/// The rules that are switched on, in order.
///
/// # Errors
/// When the database does.
pub async fn active(db: Db<'_>) -> Result<Vec<Rule>> {
    const ACTIVE: &str =
        "SELECT id, name, script, position, enabled FROM rule WHERE enabled ORDER BY position";
    let rows: Vec<Row> = on!(db, |c| sqlx::query_as(ACTIVE).fetch_all(c).await?);
    let rule =
        |row: Row| Rule { id: RuleId::new(row.id), name: row.name, script: row.script.into() };
    Ok(rows.into_iter().map(rule).collect())
}

/// The rule with this id.
///
/// # Errors
/// When the database does.
pub async fn find(db: Db<'_>, id: &RuleId) -> Result<Option<RuleDefinition>> {
    const FIND: &str = "SELECT id, name, script, position, enabled FROM rule WHERE id = $1";
    let row: Option<Row> =
        on!(db, |c| sqlx::query_as(FIND).bind(id.as_str()).fetch_optional(c).await?);
    Ok(row.map(Into::into))
}

/// The rules in order, from `offset` on: all, or those that are switched on or off.
///
/// # Errors
/// When the database does.
pub async fn list(
    db: Db<'_>,
    enabled: Option<bool>,
    offset: i64,
    limit: i64,
) -> Result<Vec<RuleDefinition>> {
    const LIST: &str = "SELECT id, name, script, position, enabled FROM rule
        WHERE CAST($1 AS BOOLEAN) IS NULL OR enabled = $1
        ORDER BY position LIMIT $2 OFFSET $3";
    let rows: Vec<Row> = on!(db, |c| sqlx::query_as(LIST)
        .bind(enabled)
        .bind(limit)
        .bind(offset)
        .fetch_all(c)
        .await?);
    Ok(rows.into_iter().map(Into::into).collect())
}

/// How many rules there are: all, or those that are switched on or off.
///
/// # Errors
/// When the database does.
pub async fn count(db: Db<'_>, enabled: Option<bool>) -> Result<i64> {
    const COUNT: &str = "SELECT COUNT(*) FROM rule
        WHERE CAST($1 AS BOOLEAN) IS NULL OR enabled = $1";
    let (count,): (i64,) = on!(db, |c| sqlx::query_as(COUNT).bind(enabled).fetch_one(c).await?);
    Ok(count)
}

/// The greatest order of any rule, if there is one.
///
/// # Errors
/// When the database does.
pub async fn last_order(db: Db<'_>) -> Result<Option<i64>> {
    const LAST: &str = "SELECT MAX(position) FROM rule";
    let (last,): (Option<i64>,) = on!(db, |c| sqlx::query_as(LAST).fetch_one(c).await?);
    Ok(last)
}

/// Whether another rule than `id` has this name, and whether one has this order.
///
/// # Errors
/// When the database does.
pub async fn taken(db: Db<'_>, rule: &RuleDefinition) -> Result<(bool, bool)> {
    const TAKEN: &str = "SELECT name, position FROM rule
        WHERE id <> $1 AND (name = $2 OR position = $3)";
    let rows: Vec<(String, i64)> = on!(db, |c| sqlx::query_as(TAKEN)
        .bind(rule.id.as_str())
        .bind(rule.name.as_str())
        .bind(rule.order)
        .fetch_all(c)
        .await?);
    let name = rows.iter().any(|(name, _)| *name == rule.name);
    Ok((name, rows.iter().any(|(_, order)| *order == rule.order)))
}

/// Adds a rule.
///
/// # Errors
/// [`crate::store::Error::Duplicate`] when its name or its order is taken.
pub async fn insert(tx: &mut Tx, rule: &RuleDefinition, now: Timestamp) -> Result<()> {
    const INSERT: &str = "INSERT INTO rule (id, name, script, position, enabled, created_at)
        VALUES ($1, $2, $3, $4, $5, $6)";
    on!(tx.db(), |c| sqlx::query(INSERT)
        .bind(rule.id.as_str())
        .bind(rule.name.as_str())
        .bind(rule.script.as_str())
        .bind(rule.order)
        .bind(rule.enabled)
        .bind(now.millis())
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}

/// Writes a rule anew. `false` when it is gone.
///
/// # Errors
/// [`crate::store::Error::Duplicate`] when its name or its order is taken.
pub async fn update(tx: &mut Tx, rule: &RuleDefinition) -> Result<bool> {
    const UPDATE: &str = "UPDATE rule SET name = $2, script = $3, position = $4, enabled = $5
        WHERE id = $1";
    let updated = on!(tx.db(), |c| sqlx::query(UPDATE)
        .bind(rule.id.as_str())
        .bind(rule.name.as_str())
        .bind(rule.script.as_str())
        .bind(rule.order)
        .bind(rule.enabled)
        .execute(c)
        .await?
        .rows_affected());
    Ok(updated == 1)
}

/// Removes a rule. `false` when there was none.
///
/// # Errors
/// When the database does.
pub async fn delete(tx: &mut Tx, id: &RuleId) -> Result<bool> {
    const DELETE: &str = "DELETE FROM rule WHERE id = $1";
    let deleted =
        on!(tx.db(), |c| sqlx::query(DELETE).bind(id.as_str()).execute(c).await?.rows_affected());
    Ok(deleted == 1)
}
