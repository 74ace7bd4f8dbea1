//! Table `user_permission`: which scopes of an API a user may have (RBAC).

use crate::domain::{RoleId, UserId, audience::Audience, scope::ScopeSet};
use crate::store::{
    Db, Result, Store, Tx, dialect,
    gather::{Gather, Question},
};

/// The user's permissions on one API: those given to the user and those of the user's roles.
///
/// # Errors
/// When the database does.
pub async fn of_user_for(db: Db<'_>, user: &UserId, audience: &Audience) -> Result<ScopeSet> {
    let held = Held { user: user.clone(), audience: audience.clone() };
    let mut sets = Held::ask(db, &[held]).await?;
    Ok(sets.pop().unwrap_or_default())
}

/// Whose permissions on which API are read.
#[derive(Debug, Clone)]
pub(super) struct Held {
    /// The user.
    pub user: UserId,
    /// The API.
    pub audience: Audience,
}

impl Question for Held {
    type Answer = ScopeSet;
    const WRITES: bool = false;

    fn subject(&self) -> Option<&str> {
        None
    }

    async fn ask(db: Db<'_>, asked: &[Self]) -> Result<Vec<ScopeSet>> {
        let rows = dialect::permissions_held(db, asked).await?;
        let of = |index: usize| {
            let held = rows.iter().filter(|(asked, _)| usize::try_from(*asked) == Ok(index));
            held.map(|(_, permission)| permission.as_str()).collect()
        };
        Ok((0..asked.len()).map(of).collect())
    }
}

impl Store {
    /// As [`of_user_for`], for an exchange: asked together with what other exchanges ask.
    ///
    /// # Errors
    /// When the database does.
    pub async fn permissions_of(&self, user: &UserId, audience: &Audience) -> Result<ScopeSet> {
        let held = Held { user: user.clone(), audience: audience.clone() };
        Gather::ask(self, |store| &store.exchanges.permissions, held).await
    }
}

/// What the users of a connection may do together on one API.
///
/// # Errors
/// When the database does.
pub async fn of_connection_for(
    db: Db<'_>,
    connection: &str,
    audience: &Audience,
) -> Result<ScopeSet> {
    // Few users have any: each is looked up, where a join might read all users of the connection.
    const FIND: &str = "SELECT permission FROM user_permission
        WHERE audience = $1 AND (SELECT connection FROM user_account
            WHERE user_account.user_id = user_permission.user_id) = $2
        UNION
        SELECT role_permission.permission FROM role_permission
        JOIN user_role ON user_role.role_id = role_permission.role_id
        WHERE role_permission.audience = $1 AND (SELECT connection FROM user_account
            WHERE user_account.user_id = user_role.user_id) = $2
        ORDER BY permission";
    let rows: Vec<(String,)> = on!(db, |c| sqlx::query_as(FIND)
        .bind(audience.as_str())
        .bind(connection)
        .fetch_all(c)
        .await?);
    Ok(rows.iter().map(|(permission,)| permission.as_str()).collect())
}

/// The users who have any permission on an API, in the order of ids; `limit` at most.
///
/// # Errors
/// When the database does.
pub async fn holders(db: Db<'_>, audience: &Audience, limit: i64) -> Result<Vec<UserId>> {
    const HOLDERS: &str = "SELECT user_id FROM user_permission WHERE audience = $1
        UNION
        SELECT user_role.user_id FROM role_permission
        JOIN user_role ON user_role.role_id = role_permission.role_id
        WHERE role_permission.audience = $1
        ORDER BY user_id LIMIT $2";
    let rows: Vec<(String,)> = on!(db, |c| sqlx::query_as(HOLDERS)
        .bind(audience.as_str())
        .bind(limit)
        .fetch_all(c)
        .await?);
    Ok(rows.into_iter().map(|(id,)| UserId::new(id)).collect())
}

/// What the user may do on every API, given to the user or by a role, as `(audience, permission)`,
/// from `offset` on.
///
/// # Errors
/// When the database does.
pub async fn list(
    db: Db<'_>,
    user: &UserId,
    offset: i64,
    limit: i64,
) -> Result<Vec<(Audience, String)>> {
    const LIST: &str = "SELECT audience, permission FROM user_permission WHERE user_id = $1
        UNION
        SELECT role_permission.audience, role_permission.permission FROM user_role
        JOIN role_permission ON role_permission.role_id = user_role.role_id
        WHERE user_role.user_id = $1
        ORDER BY audience, permission LIMIT $2 OFFSET $3";
    let rows: Vec<(String, String)> = on!(db, |c| sqlx::query_as(LIST)
        .bind(user.as_str())
        .bind(limit)
        .bind(offset)
        .fetch_all(c)
        .await?);
    Ok(rows
        .into_iter()
        .map(|(audience, permission)| (Audience::new(audience), permission))
        .collect())
}

/// How many different permissions the user has, given to the user or by a role.
///
/// # Errors
/// When the database does.
pub async fn count(db: Db<'_>, user: &UserId) -> Result<i64> {
    const COUNT: &str = "SELECT COUNT(*) FROM (
        SELECT audience, permission FROM user_permission WHERE user_id = $1
        UNION
        SELECT role_permission.audience, role_permission.permission FROM user_role
        JOIN role_permission ON role_permission.role_id = user_role.role_id
        WHERE user_role.user_id = $1) AS held";
    let (count,): (i64,) =
        on!(db, |c| sqlx::query_as(COUNT).bind(user.as_str()).fetch_one(c).await?);
    Ok(count)
}

/// The user's permissions on one API that come after `after`, in the order of their names.
///
/// # Errors
/// When the database does.
pub async fn list_after(
    db: Db<'_>,
    user: &UserId,
    audience: &Audience,
    after: &str,
    limit: i64,
) -> Result<Vec<String>> {
    const LIST: &str = "SELECT permission FROM user_permission
        WHERE user_id = $1 AND audience = $2 AND permission > $3
        UNION
        SELECT role_permission.permission FROM user_role
        JOIN role_permission ON role_permission.role_id = user_role.role_id
        WHERE user_role.user_id = $1 AND role_permission.audience = $2
          AND role_permission.permission > $3
        ORDER BY permission LIMIT $4";
    let rows: Vec<(String,)> = on!(db, |c| sqlx::query_as(LIST)
        .bind(user.as_str())
        .bind(audience.as_str())
        .bind(after)
        .bind(limit)
        .fetch_all(c)
        .await?);
    Ok(rows.into_iter().map(|(permission,)| permission).collect())
}

/// Where a user has a permission from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// It was given to the user.
    Direct,
    /// By this role of the user.
    Role {
        /// Its id.
        id: RoleId,
        /// Its name.
        name: String,
    },
}

/// Where the user has a permission from: from whoever gave it first, then from roles.
///
/// # Errors
/// When the database does.
pub async fn sources(
    db: Db<'_>,
    user: &UserId,
    audience: &Audience,
    permission: &str,
) -> Result<Vec<Source>> {
    const SOURCES: &str = "SELECT '' AS id, '' AS name FROM user_permission
        WHERE user_id = $1 AND audience = $2 AND permission = $3
        UNION ALL
        SELECT role.id, role.name FROM user_role
        JOIN role ON role.id = user_role.role_id
        JOIN role_permission ON role_permission.role_id = role.id
        WHERE user_role.user_id = $1 AND role_permission.audience = $2
          AND role_permission.permission = $3
        ORDER BY id";
    let rows: Vec<(String, String)> = on!(db, |c| sqlx::query_as(SOURCES)
        .bind(user.as_str())
        .bind(audience.as_str())
        .bind(permission)
        .fetch_all(c)
        .await?);
    let source = |(id, name): (String, String)| match id.as_str() {
        "" => Source::Direct,
        _ => Source::Role { id: RoleId::new(id), name },
    };
    Ok(rows.into_iter().map(source).collect())
}

/// Gives a permission. Giving it twice is harmless. User and API must exist.
///
/// # Errors
/// When the database does.
pub async fn insert(
    tx: &mut Tx,
    user: &UserId,
    audience: &Audience,
    permission: &str,
) -> Result<()> {
    const INSERT: &str = "INSERT INTO user_permission (user_id, audience, permission)
        VALUES ($1, $2, $3) ON CONFLICT (user_id, audience, permission) DO NOTHING";
    on!(tx.db(), |c| sqlx::query(INSERT)
        .bind(user.as_str())
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
    user: &UserId,
    audience: &Audience,
    permission: &str,
) -> Result<()> {
    const DELETE: &str = "DELETE FROM user_permission
        WHERE user_id = $1 AND audience = $2 AND permission = $3";
    on!(tx.db(), |c| sqlx::query(DELETE)
        .bind(user.as_str())
        .bind(audience.as_str())
        .bind(permission)
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}

/// Takes a permission from every user: its API no longer defines it.
///
/// # Errors
/// When the database does.
pub async fn forget(tx: &mut Tx, audience: &Audience, permission: &str) -> Result<()> {
    const FORGET: &str = "DELETE FROM user_permission WHERE audience = $1 AND permission = $2";
    on!(tx.db(), |c| sqlx::query(FORGET)
        .bind(audience.as_str())
        .bind(permission)
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}
