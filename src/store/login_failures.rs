//! Table `login_failure`: wrong passwords in a row, for an identifier and where they came from.

use crate::domain::time::Timestamp;
use crate::store::{Db, Result, Tx};

/// What is counted together.
#[derive(Debug, Clone)]
pub struct Counter {
    /// A MAC of what somebody logs in with.
    pub identifier_mac: Vec<u8>,
    /// Where from; empty where that does not matter.
    pub origin: String,
}

/// Wrong passwords in a row, if any are remembered.
///
/// # Errors
/// When the database does.
pub async fn find(db: Db<'_>, counter: &Counter, now: Timestamp) -> Result<Option<i64>> {
    const FIND: &str = "SELECT failures FROM login_failure
        WHERE identifier_mac = $1 AND origin = $2 AND expires_at > $3";
    let found: Option<(i64,)> = on!(db, |c| sqlx::query_as(FIND)
        .bind(&counter.identifier_mac)
        .bind(&counter.origin)
        .bind(now.millis())
        .fetch_optional(c)
        .await?);
    Ok(found.map(|(failures,)| failures))
}

/// Counts a wrong password, unless `most` were counted: then `None`. Guarded, so that of parallel
/// guesses no more than `most` are answered.
///
/// # Errors
/// When the database does.
pub async fn count(
    tx: &mut Tx,
    counter: &Counter,
    most: i64,
    (now, expires_at): (Timestamp, Timestamp),
) -> Result<Option<i64>> {
    const COUNT: &str = "INSERT INTO login_failure (identifier_mac, origin, failures, expires_at)
        VALUES ($1, $2, 1, $3)
        ON CONFLICT (identifier_mac, origin) DO UPDATE
        SET failures = CASE WHEN login_failure.expires_at <= $4 THEN 1
                            ELSE login_failure.failures + 1 END,
            notified_at = CASE WHEN login_failure.expires_at <= $4 THEN NULL
                               ELSE login_failure.notified_at END,
            expires_at = EXCLUDED.expires_at
        WHERE login_failure.expires_at <= $4 OR login_failure.failures < $5
        RETURNING failures";
    let counted: Option<(i64,)> = on!(tx.db(), |c| sqlx::query_as(COUNT)
        .bind(&counter.identifier_mac)
        .bind(&counter.origin)
        .bind(expires_at.millis())
        .bind(now.millis())
        .bind(most)
        .fetch_optional(c)
        .await?);
    Ok(counted.map(|(failures,)| failures))
}

/// Begins anew after a right password, unless `most` wrong ones were counted meanwhile: `false`.
///
/// # Errors
/// When the database does.
pub async fn forget(tx: &mut Tx, counter: &Counter, most: i64, now: Timestamp) -> Result<bool> {
    const FORGET: &str = "DELETE FROM login_failure
        WHERE identifier_mac = $1 AND origin = $2 AND (failures < $3 OR expires_at <= $4)";
    on!(tx.db(), |c| sqlx::query(FORGET)
        .bind(&counter.identifier_mac)
        .bind(&counter.origin)
        .bind(most)
        .bind(now.millis())
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(find(tx.db(), counter, now).await?.is_none())
}

/// Marks the user of a block as told, unless that was done after `before`: `false`.
///
/// # Errors
/// When the database does.
pub async fn notify(
    tx: &mut Tx,
    counter: &Counter,
    before: Timestamp,
    now: Timestamp,
) -> Result<bool> {
    const NOTIFY: &str = "UPDATE login_failure SET notified_at = $3
        WHERE identifier_mac = $1 AND origin = $2
          AND (notified_at IS NULL OR notified_at <= $4)";
    let marked = on!(tx.db(), |c| sqlx::query(NOTIFY)
        .bind(&counter.identifier_mac)
        .bind(&counter.origin)
        .bind(now.millis())
        .bind(before.millis())
        .execute(c)
        .await?
        .rows_affected());
    Ok(marked == 1)
}

/// Where `most` wrong passwords or more were counted for an identifier, at most a hundred places.
///
/// # Errors
/// When the database does.
pub async fn blocked_origins(
    db: Db<'_>,
    identifier_mac: &[u8],
    most: i64,
    now: Timestamp,
) -> Result<Vec<String>> {
    const BLOCKED: &str = "SELECT origin FROM login_failure
        WHERE identifier_mac = $1 AND failures >= $2 AND expires_at > $3
        ORDER BY origin LIMIT 100";
    let rows: Vec<(String,)> = on!(db, |c| sqlx::query_as(BLOCKED)
        .bind(identifier_mac)
        .bind(most)
        .bind(now.millis())
        .fetch_all(c)
        .await?);
    Ok(rows.into_iter().map(|(origin,)| origin).collect())
}

/// Forgets what was counted for an identifier, wherever it came from.
///
/// # Errors
/// When the database does.
pub async fn unblock(tx: &mut Tx, identifier_mac: &[u8]) -> Result<()> {
    const UNBLOCK: &str = "DELETE FROM login_failure WHERE identifier_mac = $1";
    on!(tx.db(), |c| sqlx::query(UNBLOCK).bind(identifier_mac).execute(c).await.map(|_| ())?);
    Ok(())
}
