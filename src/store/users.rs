//! Table `user_account`.

pub mod beginning;
pub mod search;
pub(super) mod searchable;

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::domain::{UserId, time::Timestamp, user::User};
use crate::store::{
    Db, Error, Result, Tx,
    compose::Composed,
    daily_counts::{self, Counted},
    decode, dialect,
};
use searchable::{Columns, index_metadata};

/// A user as it is kept.
#[derive(Debug, Clone)]
pub struct UserRecord {
    /// The user.
    pub user: User,
    /// The PHC string of the password; `None` when there is no password.
    pub password_hash: Option<String>,
    /// Guards [`update`].
    pub version: i64,
}

#[derive(sqlx::FromRow)]
struct Row {
    user_id: String,
    connection: String,
    email: Option<String>,
    email_verified: bool,
    username: Option<String>,
    password_hash: Option<String>,
    blocked: Option<bool>,
    profile: String,
    user_metadata: String,
    app_metadata: String,
    logins_count: i64,
    last_login: Option<i64>,
    last_ip: Option<String>,
    version: i64,
    created_at: i64,
    updated_at: i64,
}

impl TryFrom<Row> for UserRecord {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            user: User {
                user_id: UserId::new(row.user_id),
                connection: row.connection,
                email: row.email,
                email_verified: row.email_verified,
                username: row.username,
                blocked: row.blocked,
                profile: decode("user_account", &row.profile)?,
                user_metadata: decode("user_account", &row.user_metadata)?,
                app_metadata: decode("user_account", &row.app_metadata)?,
                logins_count: row.logins_count,
                last_login: row.last_login.map(Timestamp::from_millis),
                last_ip: row.last_ip,
                created_at: Timestamp::from_millis(row.created_at),
                updated_at: Timestamp::from_millis(row.updated_at),
            },
            password_hash: row.password_hash,
            version: row.version,
        })
    }
}

/// The user with this id.
///
/// # Errors
/// When the database does.
pub async fn find(db: Db<'_>, id: &UserId) -> Result<Option<UserRecord>> {
    const FIND: &str =
        "SELECT user_id, connection, email, email_verified, username, password_hash, blocked,
        profile, user_metadata, app_metadata, logins_count, last_login, last_ip, version,
        created_at, updated_at
        FROM user_account WHERE user_id = $1";
    let row: Option<Row> =
        on!(db, |c| sqlx::query_as(FIND).bind(id.as_str()).fetch_optional(c).await?);
    row.map(TryInto::try_into).transpose()
}

/// The user of a connection who logs in with this e-mail address or user name, in lower case. An
/// address wins over another user's equal user name.
///
/// # Errors
/// When the database does.
pub async fn find_by_identifier(
    db: Db<'_>,
    connection: &str,
    identifier: &str,
) -> Result<Option<UserRecord>> {
    const FIND: &str =
        "SELECT user_id, connection, email, email_verified, username, password_hash, blocked,
        profile, user_metadata, app_metadata, logins_count, last_login, last_ip, version,
        created_at, updated_at
        FROM user_account WHERE connection = $1 AND (email = $2 OR username = $2)
        ORDER BY CASE WHEN email = $2 THEN 0 ELSE 1 END LIMIT 1";
    let row: Option<Row> = on!(db, |c| sqlx::query_as(FIND)
        .bind(connection)
        .bind(identifier)
        .fetch_optional(c)
        .await?);
    row.map(TryInto::try_into).transpose()
}

/// The user of a connection with this e-mail address, in lower case.
///
/// # Errors
/// When the database does.
pub async fn find_by_email(
    db: Db<'_>,
    connection: &str,
    email: &str,
) -> Result<Option<UserRecord>> {
    const FIND: &str =
        "SELECT user_id, connection, email, email_verified, username, password_hash, blocked,
        profile, user_metadata, app_metadata, logins_count, last_login, last_ip, version,
        created_at, updated_at
        FROM user_account WHERE connection = $1 AND email = $2";
    let row: Option<Row> =
        on!(db, |c| sqlx::query_as(FIND).bind(connection).bind(email).fetch_optional(c).await?);
    row.map(TryInto::try_into).transpose()
}

/// The users of all connections with this address, in lower case, oldest first; 100 at most.
///
/// # Errors
/// When the database does.
pub async fn list_by_email(db: Db<'_>, email: &str) -> Result<Vec<UserRecord>> {
    let mut sql = Composed::new(
        &db,
        "SELECT user_id, connection, email, email_verified, username, password_hash, blocked,
        profile, user_metadata, app_metadata, logins_count, last_login, last_ip, version,
        created_at, updated_at
        FROM user_account WHERE ",
    );
    sql.column("email").push(" = ").bind(email).push(" ORDER BY created_at, user_id").page(0, 100);
    let rows: Vec<Row> = on!(db, |c| composed!(sqlx::query_as, sql).fetch_all(c).await?);
    rows.into_iter().map(TryInto::try_into).collect()
}

pub(super) fn json(map: &Map<String, Value>) -> String {
    Value::Object(map.clone()).to_string()
}

/// Adds a user.
///
/// # Errors
/// [`Error::Duplicate`] when the id, the address or the user name is taken.
pub async fn insert(tx: &mut Tx, user: &User, password_hash: Option<&str>) -> Result<()> {
    const INSERT: &str = "INSERT INTO user_account
        (user_id, connection, email, email_verified, username, password_hash, blocked, profile,
         user_metadata, app_metadata, logins_count, version, created_at, updated_at,
         email_domain, name_folded, nickname_folded, given_name_folded, family_name_folded,
         phone_number, phone_verified, search_version)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, 1, $11, $12, $13, $14, $15, $16, $17,
         $18, $19, 1)";
    let columns = Columns::of(user);
    on!(tx.db(), |c| sqlx::query(INSERT)
        .bind(user.user_id.as_str())
        .bind(user.connection.as_str())
        .bind(user.email.as_deref())
        .bind(user.email_verified)
        .bind(user.username.as_deref())
        .bind(password_hash)
        .bind(user.blocked)
        .bind(json(&user.profile))
        .bind(json(&user.user_metadata))
        .bind(json(&user.app_metadata))
        .bind(user.created_at.millis())
        .bind(user.updated_at.millis())
        .bind(columns.email_domain.as_deref())
        .bind(columns.name.as_deref())
        .bind(columns.nickname.as_deref())
        .bind(columns.given_name.as_deref())
        .bind(columns.family_name.as_deref())
        .bind(columns.phone_number.as_deref())
        .bind(columns.phone_verified)
        .execute(c)
        .await
        .map(|_| ())?);
    index_metadata(tx, [user]).await
}

/// Adds the users whose id, address and user name are free in the database and among each other.
/// Returns the ids of those that were added.
///
/// # Errors
/// When the database does.
pub async fn insert_new(tx: &mut Tx, users: &[(User, Option<String>)]) -> Result<HashSet<UserId>> {
    if users.is_empty() {
        return Ok(HashSet::new());
    }
    let new = dialect::insert_new_users(tx.db(), users).await?;
    let added = users.iter().map(|(user, _)| user).filter(|user| new.contains(&user.user_id));
    index_metadata(tx, added).await?;
    Ok(new)
}

/// The users beyond the id `after`, of a connection or of all, in the order of their ids.
///
/// # Errors
/// When the database does.
pub async fn list_after(
    db: Db<'_>,
    connection: Option<&str>,
    after: &str,
    limit: i64,
) -> Result<Vec<UserRecord>> {
    const LIST: &str =
        "SELECT user_id, connection, email, email_verified, username, password_hash, blocked,
        profile, user_metadata, app_metadata, logins_count, last_login, last_ip, version,
        created_at, updated_at
        FROM user_account
        WHERE user_id > $1 AND (CAST($2 AS TEXT) IS NULL OR connection = $2)
        ORDER BY user_id LIMIT $3";
    let rows: Vec<Row> = on!(db, |c| sqlx::query_as(LIST)
        .bind(after)
        .bind(connection)
        .bind(limit)
        .fetch_all(c)
        .await?);
    rows.into_iter().map(TryInto::try_into).collect()
}

/// How many users a connection has, or all of them.
///
/// # Errors
/// When the database does.
pub async fn count_of(db: Db<'_>, connection: Option<&str>) -> Result<i64> {
    const COUNT: &str = "SELECT COUNT(*) FROM user_account
        WHERE CAST($1 AS TEXT) IS NULL OR connection = $1";
    let (count,): (i64,) = on!(db, |c| sqlx::query_as(COUNT).bind(connection).fetch_one(c).await?);
    Ok(count)
}

/// Replaces what an operator may edit of a user read at `version`. `false` when somebody else was
/// faster. Logins do not count as edits.
///
/// # Errors
/// [`Error::Duplicate`] when the address or the user name is taken.
pub async fn update(
    tx: &mut Tx,
    user: &User,
    password_hash: Option<&str>,
    version: i64,
) -> Result<bool> {
    const UPDATE: &str = "UPDATE user_account
        SET email = $2, email_verified = $3, username = $4, password_hash = $5, blocked = $6,
            profile = $7, user_metadata = $8, app_metadata = $9, updated_at = $10,
            version = version + 1, email_domain = $12, name_folded = $13, nickname_folded = $14,
            given_name_folded = $15, family_name_folded = $16, phone_number = $17,
            phone_verified = $18, search_version = 1
        WHERE user_id = $1 AND version = $11";
    let columns = Columns::of(user);
    let updated = on!(tx.db(), |c| sqlx::query(UPDATE)
        .bind(user.user_id.as_str())
        .bind(user.email.as_deref())
        .bind(user.email_verified)
        .bind(user.username.as_deref())
        .bind(password_hash)
        .bind(user.blocked)
        .bind(json(&user.profile))
        .bind(json(&user.user_metadata))
        .bind(json(&user.app_metadata))
        .bind(user.updated_at.millis())
        .bind(version)
        .bind(columns.email_domain.as_deref())
        .bind(columns.name.as_deref())
        .bind(columns.nickname.as_deref())
        .bind(columns.given_name.as_deref())
        .bind(columns.family_name.as_deref())
        .bind(columns.phone_number.as_deref())
        .bind(columns.phone_verified)
        .execute(c)
        .await?
        .rows_affected());
    if updated == 1 {
        searchable::forget_metadata(tx, &user.user_id).await?;
        index_metadata(tx, [user]).await?;
    }
    Ok(updated == 1)
}

/// Puts another hash of the same password in place of `old`. `false` when that is no longer what is
/// kept.
///
/// # Errors
/// When the database does.
pub async fn replace_password_hash(tx: &mut Tx, id: &UserId, old: &str, new: &str) -> Result<bool> {
    const REPLACE: &str = "UPDATE user_account SET password_hash = $3, version = version + 1
        WHERE user_id = $1 AND password_hash = $2";
    let replaced = on!(tx.db(), |c| sqlx::query(REPLACE)
        .bind(id.as_str())
        .bind(old)
        .bind(new)
        .execute(c)
        .await?
        .rows_affected());
    Ok(replaced == 1)
}

/// Keeps a user from being removed until the transaction ends. `false` when there is none.
///
/// # Errors
/// When the database does.
pub async fn lock(tx: &mut Tx, id: &UserId) -> Result<bool> {
    const LOCK: &str = "UPDATE user_account SET version = version WHERE user_id = $1";
    let locked =
        on!(tx.db(), |c| sqlx::query(LOCK).bind(id.as_str()).execute(c).await?.rows_affected());
    Ok(locked == 1)
}

/// How many users have logged in since.
///
/// # Errors
/// When the database does.
pub async fn count_active(db: Db<'_>, since: Timestamp) -> Result<i64> {
    const COUNT: &str = "SELECT COUNT(*) FROM user_account WHERE last_login > $1";
    let (count,): (i64,) =
        on!(db, |c| sqlx::query_as(COUNT).bind(since.millis()).fetch_one(c).await?);
    Ok(count)
}

/// Counts a completed login.
///
/// # Errors
/// When the database does.
pub async fn record_login(
    tx: &mut Tx,
    id: &UserId,
    ip: Option<&str>,
    now: Timestamp,
) -> Result<()> {
    const RECORD: &str = "UPDATE user_account
        SET logins_count = logins_count + 1, last_login = $2, last_ip = $3, updated_at = $2
        WHERE user_id = $1";
    on!(tx.db(), |c| sqlx::query(RECORD)
        .bind(id.as_str())
        .bind(now.millis())
        .bind(ip)
        .execute(c)
        .await
        .map(|_| ())?);
    daily_counts::count(tx, Counted::Login, id, now).await
}

/// Notes that the user has shown `email` to be theirs; nothing if it is no longer their address.
///
/// # Errors
/// When the database does.
pub async fn confirm_email(tx: &mut Tx, id: &UserId, email: &str) -> Result<()> {
    const CONFIRM: &str = "UPDATE user_account
        SET email_verified = $3, version = version + 1 WHERE user_id = $1 AND email = $2";
    on!(tx.db(), |c| sqlx::query(CONFIRM)
        .bind(id.as_str())
        .bind(email)
        .bind(true)
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}

/// Users of a connection, at most `limit`, in no order that matters.
///
/// # Errors
/// When the database does.
pub async fn of_connection(db: Db<'_>, connection: &str, limit: i64) -> Result<Vec<UserId>> {
    const FIND: &str = "SELECT user_id FROM user_account WHERE connection = $1 LIMIT $2";
    let rows: Vec<(String,)> =
        on!(db, |c| sqlx::query_as(FIND).bind(connection).bind(limit).fetch_all(c).await?);
    Ok(rows.into_iter().map(|(id,)| UserId::new(id)).collect())
}

/// Removes a user with sessions, consents, codes, refresh tokens and memberships. `false` when
/// there was none.
///
/// # Errors
/// When the database does.
pub async fn delete(tx: &mut Tx, id: &UserId) -> Result<bool> {
    const DELETE: &str = "DELETE FROM user_account WHERE user_id = $1";
    let deleted =
        on!(tx.db(), |c| sqlx::query(DELETE).bind(id.as_str()).execute(c).await?.rows_affected());
    Ok(deleted == 1)
}
