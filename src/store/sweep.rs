//! Deletes expired rows in bounded batches, so that no sweep holds a lock for long.

use crate::domain::time::Timestamp;
use crate::store::{Result, Store};

/// Rows deleted per statement.
const BATCH: i64 = 500;

/// How long a logout token may wait for its delivery, in seconds: far beyond the last attempt.
const BACKCHANNEL_LOGOUT_RETENTION: i64 = 86_400;

/// How long expired and revoked families are kept for the operator, in seconds.
const FAMILY_RETENTION: i64 = 30 * 86_400;

const CODES: &str = "DELETE FROM authorization_code WHERE code_hash IN
    (SELECT code_hash FROM authorization_code WHERE expires_at < $1 LIMIT $2)";
const SESSIONS: &str = "DELETE FROM session WHERE id IN
    (SELECT id FROM session WHERE expires_at < $1 LIMIT $2)";
const EXPIRED_FAMILIES: &str = "DELETE FROM refresh_token_family WHERE id IN
    (SELECT id FROM refresh_token_family WHERE expires_at < $1 LIMIT $2)";
const REVOKED_FAMILIES: &str = "DELETE FROM refresh_token_family WHERE id IN
    (SELECT id FROM refresh_token_family WHERE revoked_at < $1 LIMIT $2)";
const BACKCHANNEL_LOGOUTS: &str = "DELETE FROM backchannel_logout WHERE id IN
    (SELECT id FROM backchannel_logout WHERE created_at < $1 LIMIT $2)";
const AUDIT: &str = "DELETE FROM audit WHERE id IN
    (SELECT id FROM audit WHERE date < $1 LIMIT $2)";

/// Deletes what has expired by `now`. Returns how many rows.
///
/// Audit rows are kept for `audit_retention` seconds. A spent code is kept an hour beyond its end, so that a late replay still ends its family.
///
/// # Errors
/// When the database does; what was deleted before stays deleted.
pub async fn run(store: &Store, now: Timestamp, audit_retention: i64) -> Result<u64> {
    let mut total = 0;
    for (statement, before) in [
        (CODES, now.plus_seconds(-3600)),
        (SESSIONS, now),
        (EXPIRED_FAMILIES, now.plus_seconds(-FAMILY_RETENTION)),
        (REVOKED_FAMILIES, now.plus_seconds(-FAMILY_RETENTION)),
        (BACKCHANNEL_LOGOUTS, now.plus_seconds(-BACKCHANNEL_LOGOUT_RETENTION)),
        (AUDIT, now.plus_seconds(-audit_retention)),
    ] {
        loop {
            let mut tx = store.write().await?;
            let deleted = on!(tx.db(), |c| sqlx::query(statement)
                .bind(before.millis())
                .bind(BATCH)
                .execute(c)
                .await?
                .rows_affected());
            tx.commit().await?;
            total += deleted;
            if deleted < BATCH.unsigned_abs() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    Ok(total)
}
