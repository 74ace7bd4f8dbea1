//! Table `suspended_login`: logins whose browser a script has sent elsewhere.

use crate::domain::{SessionId, time::Timestamp};
use crate::store::{Db, Result, Tx};

/// A login that waits for its browser.
#[derive(Debug, Clone)]
pub struct SuspendedLogin {
    /// The session that it belongs to, and ends with.
    pub session_id: SessionId,
    /// The rest, for the flow only.
    pub sealed: Vec<u8>,
    /// Until when it waits.
    pub expires_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    session_id: String,
    sealed: Vec<u8>,
    expires_at: i64,
}

/// Adds a login.
///
/// # Errors
/// When the database does.
pub async fn insert(tx: &mut Tx, handle_hash: &[u8], login: &SuspendedLogin) -> Result<()> {
    const INSERT: &str = "INSERT INTO suspended_login (handle_hash, session_id, sealed, expires_at)
        VALUES ($1, $2, $3, $4)";
    on!(tx.db(), |c| sqlx::query(INSERT)
        .bind(handle_hash)
        .bind(login.session_id.as_str())
        .bind(login.sealed.as_slice())
        .bind(login.expires_at.millis())
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}

/// Removes all logins of a session but the `keep` that wait the longest from now.
///
/// # Errors
/// When the database does.
pub async fn make_room(tx: &mut Tx, session: &SessionId, keep: i64) -> Result<()> {
    const MAKE_ROOM: &str = "DELETE FROM suspended_login WHERE session_id = $1
        AND handle_hash NOT IN (SELECT handle_hash FROM suspended_login WHERE session_id = $1
            ORDER BY expires_at DESC, handle_hash LIMIT $2)";
    on!(tx.db(), |c| sqlx::query(MAKE_ROOM)
        .bind(session.as_str())
        .bind(keep)
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}

/// The login whose handle has this SHA-256, expired or not.
///
/// # Errors
/// When the database does.
pub async fn find(db: Db<'_>, handle_hash: &[u8]) -> Result<Option<SuspendedLogin>> {
    const FIND: &str = "SELECT session_id, sealed, expires_at
        FROM suspended_login WHERE handle_hash = $1";
    let row: Option<Row> =
        on!(db, |c| sqlx::query_as(FIND).bind(handle_hash).fetch_optional(c).await?);
    Ok(row.map(|row| SuspendedLogin {
        session_id: SessionId::new(row.session_id),
        sealed: row.sealed,
        expires_at: Timestamp::from_millis(row.expires_at),
    }))
}

/// Takes a login. `false` when somebody else was faster: of two that come back the database lets
/// exactly one go on.
///
/// # Errors
/// When the database does.
pub async fn take(tx: &mut Tx, handle_hash: &[u8]) -> Result<bool> {
    const TAKE: &str = "DELETE FROM suspended_login WHERE handle_hash = $1";
    let taken =
        on!(tx.db(), |c| sqlx::query(TAKE).bind(handle_hash).execute(c).await?.rows_affected());
    Ok(taken == 1)
}
