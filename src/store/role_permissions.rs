//! Table `role_permission`: which scopes of an API the users of a role may have.

use crate::domain::{RoleId, audience::Audience, scope::ScopeSet};
use crate::store::{Db, Result, Tx};

/// The permissions of a role as `(audience, permission)`, from `offset` on.
///
/// # Errors
/// When the database does.
pub async fn list(
    db: Db<'_>,
    role: &RoleId,
    offset: i64,
    limit: i64,
) -> Result<Vec<(Audience, String)>> {
    const LIST: &str = "SELECT audience, permission FROM role_permission
        WHERE role_id = $1 ORDER BY audience, permission LIMIT $2 OFFSET $3";
    let rows: Vec<(String, String)> = on!(db, |c| sqlx::query_as(LIST)
        .bind(role.as_str())
        .bind(limit)
        .bind(offset)
        .fetch_all(c)
        .await?);
    Ok(rows
        .into_iter()
        .map(|(audience, permission)| (Audience::new(audience), permission))
        .collect())
}

/// What the role gives on one API.
///
/// # Errors
/// When the database does.
pub async fn of_role_for(db: Db<'_>, role: &RoleId, audience: &Audience) -> Result<ScopeSet> {
    const FIND: &str = "SELECT permission FROM role_permission
        WHERE role_id = $1 AND audience = $2 ORDER BY permission";
    let rows: Vec<(String,)> = on!(db, |c| sqlx::query_as(FIND)
        .bind(role.as_str())
        .bind(audience.as_str())
        .fetch_all(c)
        .await?);
    Ok(rows.iter().map(|(permission,)| permission.as_str()).collect())
}

/// How many permissions the role has.
///
/// # Errors
/// When the database does.
pub async fn count(db: Db<'_>, role: &RoleId) -> Result<i64> {
    const COUNT: &str = "SELECT COUNT(*) FROM role_permission WHERE role_id = $1";
    let (count,): (i64,) =
        on!(db, |c| sqlx::query_as(COUNT).bind(role.as_str()).fetch_one(c).await?);
    Ok(count)
}

/// Gives a permission. Giving it twice is harmless. Role and API must exist.
///
/// # Errors
/// When the database does.
pub async fn insert(
    tx: &mut Tx,
    role: &RoleId,
    audience: &Audience,
    permission: &str,
) -> Result<()> {
    const INSERT: &str = "INSERT INTO role_permission (role_id, audience, permission)
        VALUES ($1, $2, $3) ON CONFLICT (role_id, audience, permission) DO NOTHING";
    on!(tx.db(), |c| sqlx::query(INSERT)
        .bind(role.as_str())
        .bind(audience.as_str())
        .bind(permission)
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}

/// Takes a permission. Taking one that is not there is harmless.
///
/// # Errors
/// When the database does.
pub async fn delete(
    tx: &mut Tx,
    role: &RoleId,
    audience: &Audience,
    permission: &str,
) -> Result<()> {
    const DELETE: &str = "DELETE FROM role_permission
        WHERE role_id = $1 AND audience = $2 AND permission = $3";
    on!(tx.db(), |c| sqlx::query(DELETE)
        .bind(role.as_str())
        .bind(audience.as_str())
        .bind(permission)
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}

/// Takes a permission from every role: its API no longer defines it.
///
/// # Errors
/// When the database does.
pub async fn forget(tx: &mut Tx, audience: &Audience, permission: &str) -> Result<()> {
    const FORGET: &str = "DELETE FROM role_permission WHERE audience = $1 AND permission = $2";
    on!(tx.db(), |c| sqlx::query(FORGET)
        .bind(audience.as_str())
        .bind(permission)
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}
