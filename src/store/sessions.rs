//! Table `session`.

use serde_json::{Map, Value};

use crate::domain::{
    SessionId, UserId, audit::Caller, session::Session, tenant::CookieMode, time::Timestamp,
};
use crate::store::{Db, Result, Tx, decode, join_words, split_words};

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    user_id: String,
    authenticated_at: i64,
    amr: String,
    created_at: i64,
    expires_at: i64,
    idle_expires_at: i64,
}

impl From<Row> for Session {
    fn from(row: Row) -> Self {
        Self {
            id: SessionId::new(row.id),
            user_id: UserId::new(row.user_id),
            authenticated_at: Timestamp::from_millis(row.authenticated_at),
            amr: split_words(&row.amr),
            created_at: Timestamp::from_millis(row.created_at),
            expires_at: Timestamp::from_millis(row.expires_at),
            idle_expires_at: Timestamp::from_millis(row.idle_expires_at),
        }
    }
}

/// The session whose cookie has this SHA-256.
///
/// # Errors
/// When the database does.
pub async fn find_by_cookie(db: Db<'_>, cookie_hash: &[u8]) -> Result<Option<Session>> {
    const FIND: &str = "SELECT id, user_id, authenticated_at, amr, created_at, expires_at,
        idle_expires_at FROM session WHERE cookie_hash = $1";
    let row: Option<Row> =
        on!(db, |c| sqlx::query_as(FIND).bind(cookie_hash).fetch_optional(c).await?);
    Ok(row.map(Into::into))
}

/// The session with this `sid`.
///
/// # Errors
/// When the database does.
pub async fn find(db: Db<'_>, id: &SessionId) -> Result<Option<Session>> {
    const FIND: &str = "SELECT id, user_id, authenticated_at, amr, created_at, expires_at,
        idle_expires_at FROM session WHERE id = $1";
    let row: Option<Row> =
        on!(db, |c| sqlx::query_as(FIND).bind(id.as_str()).fetch_optional(c).await?);
    Ok(row.map(Into::into))
}

/// What only the Management API reads of a session.
#[derive(Debug, Clone, Default)]
pub struct Details {
    /// What operators noted about it.
    pub metadata: Option<Map<String, Value>>,
    /// Where the login came from.
    pub initial: Caller,
    /// Where the last use came from.
    pub last: Caller,
    /// When it was used last, to the minute; `None` for a session from before this was kept.
    pub last_used_at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct DetailsRow {
    metadata: Option<String>,
    initial_ip: Option<String>,
    initial_user_agent: Option<String>,
    last_ip: Option<String>,
    last_user_agent: Option<String>,
    last_used_at: Option<i64>,
}

/// The details of a session; empty when there is none.
///
/// # Errors
/// When the database does.
pub async fn details(db: Db<'_>, id: &SessionId) -> Result<Details> {
    const DETAILS: &str = "SELECT metadata, initial_ip, initial_user_agent, last_ip,
        last_user_agent, last_used_at FROM session WHERE id = $1";
    let row: Option<DetailsRow> =
        on!(db, |c| sqlx::query_as(DETAILS).bind(id.as_str()).fetch_optional(c).await?);
    let Some(row) = row else { return Ok(Details::default()) };
    let metadata = row.metadata.map(|json| decode("session", &json));
    Ok(Details {
        metadata: metadata.transpose()?,
        initial: Caller { ip: row.initial_ip, user_agent: row.initial_user_agent },
        last: Caller { ip: row.last_ip, user_agent: row.last_user_agent },
        last_used_at: row.last_used_at.map(Timestamp::from_millis),
    })
}

/// Keeps a session as it is until the transaction ends.
///
/// # Errors
/// When the database does.
pub async fn lock(tx: &mut Tx, id: &SessionId) -> Result<()> {
    const LOCK: &str = "UPDATE session SET metadata = metadata WHERE id = $1";
    on!(tx.db(), |c| sqlx::query(LOCK).bind(id.as_str()).execute(c).await.map(|_| ())?);
    Ok(())
}

/// Replaces what operators noted about a session. `false` when there is none.
///
/// # Errors
/// When the database does.
pub async fn set_metadata(
    tx: &mut Tx,
    id: &SessionId,
    metadata: Option<&Map<String, Value>>,
) -> Result<bool> {
    const SET: &str = "UPDATE session SET metadata = $2 WHERE id = $1";
    let updated = on!(tx.db(), |c| sqlx::query(SET)
        .bind(id.as_str())
        .bind(metadata.map(|map| Value::Object(map.clone()).to_string()))
        .execute(c)
        .await?
        .rows_affected());
    Ok(updated == 1)
}

/// How long the browser keeps a session, if a script chose; `None` for as long as others.
///
/// # Errors
/// When the database does.
pub async fn cookie_mode(db: Db<'_>, id: &SessionId) -> Result<Option<CookieMode>> {
    const MODE: &str = "SELECT cookie_mode FROM session WHERE id = $1";
    let row: Option<(Option<String>,)> =
        on!(db, |c| sqlx::query_as(MODE).bind(id.as_str()).fetch_optional(c).await?);
    Ok(row.and_then(|(mode,)| CookieMode::parse(&mode?)))
}

/// Notes how long the browser keeps a session.
///
/// # Errors
/// When the database does.
pub async fn set_cookie_mode(tx: &mut Tx, id: &SessionId, mode: CookieMode) -> Result<()> {
    const SET: &str = "UPDATE session SET cookie_mode = $2 WHERE id = $1";
    on!(tx.db(), |c| sqlx::query(SET)
        .bind(id.as_str())
        .bind(mode.as_str())
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}

/// The living sessions of a user by id, from the one after `after` on.
///
/// # Errors
/// When the database does.
pub async fn list_after(
    db: Db<'_>,
    user: &UserId,
    after: &str,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<Session>> {
    const LIST: &str = "SELECT id, user_id, authenticated_at, amr, created_at, expires_at,
        idle_expires_at FROM session
        WHERE user_id = $1 AND id > $2 AND expires_at > $4 AND idle_expires_at > $4
        ORDER BY id LIMIT $3";
    let rows: Vec<Row> = on!(db, |c| sqlx::query_as(LIST)
        .bind(user.as_str())
        .bind(after)
        .bind(limit)
        .bind(now.millis())
        .fetch_all(c)
        .await?);
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Adds a session that began with a request of `caller`.
///
/// # Errors
/// When the database does.
pub async fn insert(
    tx: &mut Tx,
    session: &Session,
    cookie_hash: &[u8],
    caller: &Caller,
) -> Result<()> {
    const INSERT: &str = "INSERT INTO session
        (id, cookie_hash, user_id, authenticated_at, amr, created_at, expires_at, idle_expires_at,
         initial_ip, initial_user_agent, last_ip, last_user_agent, last_used_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $9, $10, $6)";
    on!(tx.db(), |c| sqlx::query(INSERT)
        .bind(session.id.as_str())
        .bind(cookie_hash)
        .bind(session.user_id.as_str())
        .bind(session.authenticated_at.millis())
        .bind(join_words(&session.amr))
        .bind(session.created_at.millis())
        .bind(session.expires_at.millis())
        .bind(session.idle_expires_at.millis())
        .bind(caller.ip.as_deref())
        .bind(caller.user_agent.as_deref())
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}

/// Replaces the ways in which the user of a session has authenticated.
///
/// # Errors
/// When the database does.
pub async fn set_amr(tx: &mut Tx, id: &SessionId, amr: &[String]) -> Result<()> {
    const SET: &str = "UPDATE session SET amr = $2 WHERE id = $1";
    on!(tx.db(), |c| sqlx::query(SET)
        .bind(id.as_str())
        .bind(join_words(amr))
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}

/// Moves the idle end of a session that `caller` uses at `now`.
///
/// # Errors
/// When the database does.
pub async fn touch(
    tx: &mut Tx,
    id: &SessionId,
    idle_expires_at: Timestamp,
    now: Timestamp,
    caller: &Caller,
) -> Result<()> {
    const TOUCH: &str = "UPDATE session SET idle_expires_at = $2, last_used_at = $3, last_ip = $4,
        last_user_agent = $5 WHERE id = $1";
    on!(tx.db(), |c| sqlx::query(TOUCH)
        .bind(id.as_str())
        .bind(idle_expires_at.millis())
        .bind(now.millis())
        .bind(caller.ip.as_deref())
        .bind(caller.user_agent.as_deref())
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}

/// Brings the ends of a session forward; an end is never put off, and `None` leaves one as it is.
/// `false` when there is no such session. The row stays locked until the transaction ends.
///
/// # Errors
/// When the database does.
pub async fn shorten(
    tx: &mut Tx,
    id: &SessionId,
    expires_at: Option<Timestamp>,
    idle_expires_at: Option<Timestamp>,
) -> Result<bool> {
    const SHORTEN: &str = "UPDATE session
        SET expires_at = CASE WHEN expires_at > $2 THEN $2 ELSE expires_at END,
            idle_expires_at = CASE WHEN idle_expires_at > $3 THEN $3 ELSE idle_expires_at END
        WHERE id = $1";
    let shortened = on!(tx.db(), |c| sqlx::query(SHORTEN)
        .bind(id.as_str())
        .bind(expires_at.map(Timestamp::millis))
        .bind(idle_expires_at.map(Timestamp::millis))
        .execute(c)
        .await?
        .rows_affected());
    Ok(shortened == 1)
}

/// Ends a session. `false` when there was none, or somebody else was faster.
///
/// # Errors
/// When the database does.
pub async fn delete(tx: &mut Tx, id: &SessionId) -> Result<bool> {
    const DELETE: &str = "DELETE FROM session WHERE id = $1";
    let deleted =
        on!(tx.db(), |c| sqlx::query(DELETE).bind(id.as_str()).execute(c).await?.rows_affected());
    Ok(deleted == 1)
}

/// Ends every session of a user. Returns how many.
///
/// # Errors
/// When the database does.
pub async fn delete_of_user(tx: &mut Tx, user: &UserId) -> Result<u64> {
    const DELETE: &str = "DELETE FROM session WHERE user_id = $1";
    let deleted =
        on!(tx.db(), |c| sqlx::query(DELETE).bind(user.as_str()).execute(c).await?.rows_affected());
    Ok(deleted)
}
