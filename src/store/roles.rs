//! Table `role`.

use crate::domain::{RoleId, role::Role, time::Timestamp};
use crate::store::{Db, Result, Tx, pattern::containing};

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    id: String,
    name: String,
    description: String,
}

impl From<Row> for Role {
    fn from(row: Row) -> Self {
        Self { id: RoleId::new(row.id), name: row.name, description: row.description }
    }
}

/// The role with this id.
///
/// # Errors
/// When the database does.
pub async fn find(db: Db<'_>, id: &RoleId) -> Result<Option<Role>> {
    const FIND: &str = "SELECT id, name, description FROM role WHERE id = $1";
    let row: Option<Row> =
        on!(db, |c| sqlx::query_as(FIND).bind(id.as_str()).fetch_optional(c).await?);
    Ok(row.map(Into::into))
}

/// Keeps a role from being removed until the transaction ends. `false` when there is none.
///
/// # Errors
/// When the database does.
pub async fn lock(tx: &mut Tx, id: &RoleId) -> Result<bool> {
    const LOCK: &str = "UPDATE role SET name = name WHERE id = $1";
    let locked =
        on!(tx.db(), |c| sqlx::query(LOCK).bind(id.as_str()).execute(c).await?.rows_affected());
    Ok(locked == 1)
}

/// The roles whose name contains `part` in any case, oldest first, from `offset` on.
///
/// # Errors
/// When the database does.
pub async fn list(db: Db<'_>, part: Option<&str>, offset: i64, limit: i64) -> Result<Vec<Role>> {
    const LIST: &str = "SELECT id, name, description FROM role
        WHERE CAST($1 AS TEXT) IS NULL OR name_folded LIKE $1 ESCAPE '!'
        ORDER BY created_at, id LIMIT $2 OFFSET $3";
    let rows: Vec<Row> = on!(db, |c| sqlx::query_as(LIST)
        .bind(part.map(containing))
        .bind(limit)
        .bind(offset)
        .fetch_all(c)
        .await?);
    Ok(rows.into_iter().map(Into::into).collect())
}

/// How many roles have a name that contains `part` in any case.
///
/// # Errors
/// When the database does.
pub async fn count(db: Db<'_>, part: Option<&str>) -> Result<i64> {
    const COUNT: &str = "SELECT COUNT(*) FROM role
        WHERE CAST($1 AS TEXT) IS NULL OR name_folded LIKE $1 ESCAPE '!'";
    let (count,): (i64,) =
        on!(db, |c| sqlx::query_as(COUNT).bind(part.map(containing)).fetch_one(c).await?);
    Ok(count)
}

/// Adds a role.
///
/// # Errors
/// [`crate::store::Error::Duplicate`] when the name is taken.
pub async fn insert(tx: &mut Tx, role: &Role, now: Timestamp) -> Result<()> {
    const INSERT: &str = "INSERT INTO role (id, name, name_folded, description, created_at)
        VALUES ($1, $2, $3, $4, $5)";
    on!(tx.db(), |c| sqlx::query(INSERT)
        .bind(role.id.as_str())
        .bind(role.name.as_str())
        .bind(role.name.to_lowercase())
        .bind(role.description.as_str())
        .bind(now.millis())
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}

/// Changes what is given of name and description. `false` when there is no such role.
///
/// # Errors
/// [`crate::store::Error::Duplicate`] when the name is taken.
pub async fn update(
    tx: &mut Tx,
    id: &RoleId,
    name: Option<&str>,
    description: Option<&str>,
) -> Result<bool> {
    const UPDATE: &str = "UPDATE role SET name = COALESCE(CAST($2 AS TEXT), name),
            name_folded = COALESCE(CAST($3 AS TEXT), name_folded),
            description = COALESCE(CAST($4 AS TEXT), description)
        WHERE id = $1";
    let updated = on!(tx.db(), |c| sqlx::query(UPDATE)
        .bind(id.as_str())
        .bind(name)
        .bind(name.map(str::to_lowercase))
        .bind(description)
        .execute(c)
        .await?
        .rows_affected());
    Ok(updated == 1)
}

/// Removes a role, with its permissions and from its users. `false` when there was none.
///
/// # Errors
/// When the database does.
pub async fn delete(tx: &mut Tx, id: &RoleId) -> Result<bool> {
    const DELETE: &str = "DELETE FROM role WHERE id = $1";
    let deleted =
        on!(tx.db(), |c| sqlx::query(DELETE).bind(id.as_str()).execute(c).await?.rows_affected());
    Ok(deleted == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_name_is_never_a_pattern() {
        assert_eq!(containing("Ä_100%!"), "%ä!_100!%!!%");
    }
}
