//! Table `user_role`: which roles a user has.

use crate::domain::{RoleId, UserId, audience::Audience, role::Role, user::User};
use crate::store::{Db, Result, Tx, organizations::read_users, roles::Row};

/// The roles of a user, oldest first, from `offset` on.
///
/// # Errors
/// When the database does.
pub async fn roles(db: Db<'_>, user: &UserId, offset: i64, limit: i64) -> Result<Vec<Role>> {
    const ROLES: &str = "SELECT role.id, role.name, role.description FROM user_role
        JOIN role ON role.id = user_role.role_id
        WHERE user_role.user_id = $1 ORDER BY role.created_at, role.id LIMIT $2 OFFSET $3";
    let rows: Vec<Row> = on!(db, |c| sqlx::query_as(ROLES)
        .bind(user.as_str())
        .bind(limit)
        .bind(offset)
        .fetch_all(c)
        .await?);
    Ok(rows.into_iter().map(Into::into).collect())
}

/// The roles of a user that come after `after` in the order of ids, for checkpoint paging.
///
/// # Errors
/// When the database does.
pub async fn roles_after(db: Db<'_>, user: &UserId, after: &str, limit: i64) -> Result<Vec<Role>> {
    const ROLES: &str = "SELECT role.id, role.name, role.description FROM user_role
        JOIN role ON role.id = user_role.role_id
        WHERE user_role.user_id = $1 AND user_role.role_id > $2
        ORDER BY user_role.role_id LIMIT $3";
    let rows: Vec<Row> = on!(db, |c| sqlx::query_as(ROLES)
        .bind(user.as_str())
        .bind(after)
        .bind(limit)
        .fetch_all(c)
        .await?);
    Ok(rows.into_iter().map(Into::into).collect())
}

/// The roles of a user that give a permission and come after `after` in the order of ids, for
/// checkpoint paging.
///
/// # Errors
/// When the database does.
pub async fn roles_with_after(
    db: Db<'_>,
    user: &UserId,
    (audience, permission): (&Audience, &str),
    after: &str,
    limit: i64,
) -> Result<Vec<Role>> {
    const ROLES: &str = "SELECT role.id, role.name, role.description FROM user_role
        JOIN role ON role.id = user_role.role_id
        JOIN role_permission ON role_permission.role_id = role.id
        WHERE user_role.user_id = $1 AND role_permission.audience = $2
          AND role_permission.permission = $3 AND user_role.role_id > $4
        ORDER BY user_role.role_id LIMIT $5";
    let rows: Vec<Row> = on!(db, |c| sqlx::query_as(ROLES)
        .bind(user.as_str())
        .bind(audience.as_str())
        .bind(permission)
        .bind(after)
        .bind(limit)
        .fetch_all(c)
        .await?);
    Ok(rows.into_iter().map(Into::into).collect())
}

/// How many roles the user has.
///
/// # Errors
/// When the database does.
pub async fn count_roles(db: Db<'_>, user: &UserId) -> Result<i64> {
    const COUNT: &str = "SELECT COUNT(*) FROM user_role WHERE user_id = $1";
    let (count,): (i64,) =
        on!(db, |c| sqlx::query_as(COUNT).bind(user.as_str()).fetch_one(c).await?);
    Ok(count)
}

/// The users of a role, from `offset` on.
///
/// # Errors
/// When the database does.
pub async fn users(mut db: Db<'_>, role: &RoleId, offset: i64, limit: i64) -> Result<Vec<User>> {
    const USERS: &str = "SELECT user_id FROM user_role
        WHERE role_id = $1 ORDER BY user_id LIMIT $2 OFFSET $3";
    let rows: Vec<(String,)> = on!(db.reborrow(), |c| sqlx::query_as(USERS)
        .bind(role.as_str())
        .bind(limit)
        .bind(offset)
        .fetch_all(c)
        .await?);
    read_users(db, rows).await
}

/// The users of a role who come after `after` in the order of ids, for checkpoint paging.
///
/// # Errors
/// When the database does.
pub async fn users_after(
    mut db: Db<'_>,
    role: &RoleId,
    after: &str,
    limit: i64,
) -> Result<Vec<User>> {
    const USERS: &str = "SELECT user_id FROM user_role
        WHERE role_id = $1 AND user_id > $2 ORDER BY user_id LIMIT $3";
    let rows: Vec<(String,)> = on!(db.reborrow(), |c| sqlx::query_as(USERS)
        .bind(role.as_str())
        .bind(after)
        .bind(limit)
        .fetch_all(c)
        .await?);
    read_users(db, rows).await
}

/// How many users the role has.
///
/// # Errors
/// When the database does.
pub async fn count_users(db: Db<'_>, role: &RoleId) -> Result<i64> {
    const COUNT: &str = "SELECT COUNT(*) FROM user_role WHERE role_id = $1";
    let (count,): (i64,) =
        on!(db, |c| sqlx::query_as(COUNT).bind(role.as_str()).fetch_one(c).await?);
    Ok(count)
}

/// Gives a role to a user. Giving it twice is harmless. Both must exist.
///
/// # Errors
/// When the database does.
pub async fn insert(tx: &mut Tx, user: &UserId, role: &RoleId) -> Result<()> {
    const INSERT: &str = "INSERT INTO user_role (user_id, role_id) VALUES ($1, $2)
        ON CONFLICT (user_id, role_id) DO NOTHING";
    on!(tx.db(), |c| sqlx::query(INSERT)
        .bind(user.as_str())
        .bind(role.as_str())
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}

/// Takes a role from a user. Taking one that is not there is harmless.
///
/// # Errors
/// When the database does.
pub async fn delete(tx: &mut Tx, user: &UserId, role: &RoleId) -> Result<()> {
    const DELETE: &str = "DELETE FROM user_role WHERE user_id = $1 AND role_id = $2";
    on!(tx.db(), |c| sqlx::query(DELETE)
        .bind(user.as_str())
        .bind(role.as_str())
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}
