//! Table `backchannel_logout`: the logout tokens that are still to be delivered.

use crate::domain::{ClientId, SessionId, UserId, logout::Announcement, time::Timestamp};
use crate::store::{Db, Result, Tx};

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    client_id: String,
    user_id: String,
    session_id: String,
    url: String,
    attempts: i64,
    next_attempt_at: i64,
}

impl From<Row> for Announcement {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            client_id: ClientId::new(row.client_id),
            user_id: UserId::new(row.user_id),
            session_id: SessionId::new(row.session_id),
            url: row.url,
            attempts: row.attempts,
            next_attempt_at: Timestamp::from_millis(row.next_attempt_at),
        }
    }
}

/// Adds one.
///
/// # Errors
/// When the database does.
pub async fn insert(tx: &mut Tx, row: &Announcement, now: Timestamp) -> Result<()> {
    const INSERT: &str = "INSERT INTO backchannel_logout
        (id, client_id, user_id, session_id, url, attempts, next_attempt_at, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    on!(tx.db(), |c| sqlx::query(INSERT)
        .bind(&row.id)
        .bind(row.client_id.as_str())
        .bind(row.user_id.as_str())
        .bind(row.session_id.as_str())
        .bind(&row.url)
        .bind(row.attempts)
        .bind(row.next_attempt_at.millis())
        .bind(now.millis())
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}

/// Those whose time has come, the longest waiting first.
///
/// # Errors
/// When the database does.
pub async fn due(db: Db<'_>, now: Timestamp, limit: i64) -> Result<Vec<Announcement>> {
    const DUE: &str = "SELECT id, client_id, user_id, session_id, url, attempts, next_attempt_at
        FROM backchannel_logout WHERE next_attempt_at <= $1 ORDER BY next_attempt_at, id LIMIT $2";
    let rows: Vec<Row> =
        on!(db, |c| sqlx::query_as(DUE).bind(now.millis()).bind(limit).fetch_all(c).await?);
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Takes one for an attempt: nobody else tries before `next_attempt_at`. `false` when another node
/// was faster.
///
/// # Errors
/// When the database does.
pub async fn claim(tx: &mut Tx, row: &Announcement, next_attempt_at: Timestamp) -> Result<bool> {
    const CLAIM: &str = "UPDATE backchannel_logout
        SET attempts = attempts + 1, next_attempt_at = $3 WHERE id = $1 AND attempts = $2";
    let claimed = on!(tx.db(), |c| sqlx::query(CLAIM)
        .bind(&row.id)
        .bind(row.attempts)
        .bind(next_attempt_at.millis())
        .execute(c)
        .await?
        .rows_affected());
    Ok(claimed == 1)
}

/// Removes one, delivered or given up. `false` when it was gone.
///
/// # Errors
/// When the database does.
pub async fn delete(tx: &mut Tx, id: &str) -> Result<bool> {
    const DELETE: &str = "DELETE FROM backchannel_logout WHERE id = $1";
    let deleted = on!(tx.db(), |c| sqlx::query(DELETE).bind(id).execute(c).await?.rows_affected());
    Ok(deleted == 1)
}
