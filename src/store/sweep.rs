//! Deletes expired rows in bounded batches, so that no sweep holds a lock for long.

use crate::domain::{attack_protection::BETWEEN_MESSAGES, time::Timestamp};
use crate::store::{Result, Store};

/// Rows deleted per statement.
const BATCH: i64 = 500;

/// How long a logout token may wait for its delivery, in seconds: far beyond the last attempt.
const BACKCHANNEL_LOGOUT_RETENTION: i64 = 86_400;

/// How long expired and revoked families are kept for the operator, in seconds.
const FAMILY_RETENTION: i64 = 30 * 86_400;

/// How long the counts of a day are kept, in seconds: a year can be compared with the one before.
const DAILY_COUNT_RETENTION: i64 = 2 * 366 * 86_400;

/// How long the counts of an hour are kept, in seconds.
const HOURLY_COUNT_RETENTION: i64 = 90 * 86_400;

/// How far the clocks of replicas may be apart, in seconds.
const CLOCK_DIFFERENCE: i64 = 120;

const CODES: &str = "DELETE FROM authorization_code WHERE code_hash IN
    (SELECT code_hash FROM authorization_code WHERE expires_at < $1 LIMIT $2)";
const SESSIONS: &str = "DELETE FROM session WHERE id IN
    (SELECT id FROM session WHERE expires_at < $1 LIMIT $2)";
const EXPIRED_FAMILIES: &str = "DELETE FROM refresh_token_family WHERE id IN
    (SELECT id FROM refresh_token_family WHERE expires_at < $1 LIMIT $2)";
const REVOKED_FAMILIES: &str = "DELETE FROM refresh_token_family WHERE id IN
    (SELECT id FROM refresh_token_family WHERE revoked_at < $1 LIMIT $2)";
const DPOP_PROOFS: &str = "DELETE FROM dpop_proof WHERE proof_hash IN
    (SELECT proof_hash FROM dpop_proof WHERE expires_at < $1 LIMIT $2)";
const ASSERTIONS: &str = "DELETE FROM client_assertion WHERE (client_id, jti_hash) IN
    (SELECT client_id, jti_hash FROM client_assertion WHERE expires_at < $1 LIMIT $2)";
const PUSHED_REQUESTS: &str = "DELETE FROM pushed_request WHERE id_hash IN
    (SELECT id_hash FROM pushed_request WHERE expires_at < $1 LIMIT $2)";
const SUSPENDED_LOGINS: &str = "DELETE FROM suspended_login WHERE handle_hash IN
    (SELECT handle_hash FROM suspended_login WHERE expires_at < $1 LIMIT $2)";
const TICKETS: &str = "DELETE FROM ticket WHERE ticket_hash IN
    (SELECT ticket_hash FROM ticket WHERE expires_at < $1 LIMIT $2)";
const DEVICE_CODES: &str = "DELETE FROM device_code WHERE device_code_hash IN
    (SELECT device_code_hash FROM device_code WHERE expires_at < $1 LIMIT $2)";
const DEVICE_GUESSES: &str = "DELETE FROM device_guess WHERE user_id IN
    (SELECT user_id FROM device_guess WHERE window_ends_at < $1 LIMIT $2)";
const PASSWORDLESS: &str = "DELETE FROM passwordless_code WHERE address_mac IN
    (SELECT address_mac FROM passwordless_code WHERE expires_at < $1 LIMIT $2)";
const BACKCHANNEL_LOGOUTS: &str = "DELETE FROM backchannel_logout WHERE id IN
    (SELECT id FROM backchannel_logout WHERE created_at < $1 LIMIT $2)";
// What belongs to a job goes first, a few rows at a time, or its end would take them all at once.
// The file of an import holds password hashes: it goes as soon as the job has ended.
const JOB_CHUNKS: &str = "DELETE FROM job_chunk WHERE (job_id, number) IN
    (SELECT p.job_id, p.number FROM job j JOIN job_chunk p ON p.job_id = j.id
     WHERE j.expires_at < $1
        OR (j.kind = 'users_import' AND j.status IN ('completed', 'failed'))
     LIMIT $2)";
const JOB_KEYS: &str = "DELETE FROM job_key WHERE (job_id, key_hash) IN
    (SELECT p.job_id, p.key_hash FROM job j JOIN job_key p ON p.job_id = j.id
     WHERE j.expires_at < $1
        OR (j.kind = 'users_import' AND j.status IN ('completed', 'failed'))
     LIMIT $2)";
const JOB_ERRORS: &str = "DELETE FROM job_error WHERE (job_id, item) IN
    (SELECT p.job_id, p.item FROM job j JOIN job_error p ON p.job_id = j.id
     WHERE j.expires_at < $1 LIMIT $2)";
const JOB_DOWNLOADS: &str = "DELETE FROM job_download WHERE token_hash IN
    (SELECT token_hash FROM job_download WHERE expires_at < $1 LIMIT $2)";
// By the time alone: Postgres would walk the whole of a key of two columns.
const LOGIN_FAILURES: &str = "DELETE FROM login_failure WHERE expires_at < $1
    AND expires_at <= (SELECT MAX(expires_at) FROM
        (SELECT expires_at FROM login_failure WHERE expires_at < $1
         ORDER BY expires_at LIMIT $2) AS oldest)";
const RATE_BUCKETS: &str = "DELETE FROM rate_bucket WHERE full_at < CAST($1 AS BIGINT) * 1000
    AND full_at <= (SELECT MAX(full_at) FROM
        (SELECT full_at FROM rate_bucket WHERE full_at < CAST($1 AS BIGINT) * 1000
         ORDER BY full_at LIMIT $2) AS oldest)";
const JOBS: &str = "DELETE FROM job WHERE id IN
    (SELECT id FROM job WHERE expires_at < $1 LIMIT $2)";
const DAILY_COUNTS: &str = "DELETE FROM daily_count WHERE (day, part) IN
    (SELECT day, part FROM daily_count WHERE day < CAST($1 AS BIGINT) / 86400000 LIMIT $2)";
const HOURLY_COUNTS: &str = "DELETE FROM hourly_count WHERE (hour, kind) IN
    (SELECT hour, kind FROM hourly_count WHERE hour < CAST($1 AS BIGINT) / 3600000 LIMIT $2)";
// With its results, of which there are few.
const EXECUTIONS: &str = "DELETE FROM action_execution WHERE id IN
    (SELECT id FROM action_execution WHERE created_at < $1 LIMIT $2)";
const AUDIT: &str = "DELETE FROM audit WHERE id IN
    (SELECT id FROM audit WHERE date < $1 LIMIT $2)";

/// Deletes what has expired by `now`. Returns how many rows.
///
/// Audit rows are kept for `audit_retention` seconds. A spent code is kept an hour beyond its end, so that a late replay still ends its family.
///
/// # Errors
/// When the database does; what was deleted before stays deleted.
pub async fn run(store: &Store, now: Timestamp, audit_retention: i64) -> Result<u64> {
    store.index_users().await?;
    let mut total = 0;
    for (statement, before) in [
        (CODES, now.plus_seconds(-3600)),
        (SESSIONS, now),
        (EXPIRED_FAMILIES, now.plus_seconds(-FAMILY_RETENTION)),
        (REVOKED_FAMILIES, now.plus_seconds(-FAMILY_RETENTION)),
        // A replica whose clock is behind still takes the proof or the assertion.
        (DPOP_PROOFS, now.plus_seconds(-CLOCK_DIFFERENCE)),
        (ASSERTIONS, now.plus_seconds(-CLOCK_DIFFERENCE)),
        (PUSHED_REQUESTS, now),
        (SUSPENDED_LOGINS, now),
        (TICKETS, now),
        // A device that polls late is told for a while that its code has expired.
        (DEVICE_CODES, now.plus_seconds(-3600)),
        (DEVICE_GUESSES, now),
        (PASSWORDLESS, now),
        (LOGIN_FAILURES, now),
        // That it was told of is to be remembered for a while.
        (RATE_BUCKETS, now.plus_seconds(-BETWEEN_MESSAGES)),
        (BACKCHANNEL_LOGOUTS, now.plus_seconds(-BACKCHANNEL_LOGOUT_RETENTION)),
        (JOB_CHUNKS, now),
        (JOB_KEYS, now),
        (JOB_ERRORS, now),
        (JOB_DOWNLOADS, now),
        (JOBS, now),
        (DAILY_COUNTS, now.plus_seconds(-DAILY_COUNT_RETENTION)),
        (HOURLY_COUNTS, now.plus_seconds(-HOURLY_COUNT_RETENTION)),
        (AUDIT, now.plus_seconds(-audit_retention)),
    ] {
        total += delete(store, statement, before).await?;
    }
    Ok(total)
}

/// Deletes the records of executions of Actions that are older than `retention` seconds. Returns how
/// many.
///
/// # Errors
/// As [`run`].
pub async fn executions(store: &Store, now: Timestamp, retention: i64) -> Result<u64> {
    delete(store, EXECUTIONS, now.plus_seconds(-retention)).await
}

/// Runs a statement that deletes a batch until there is nothing left.
async fn delete(store: &Store, statement: &'static str, before: Timestamp) -> Result<u64> {
    let mut total = 0;
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
            return Ok(total);
        }
        tokio::task::yield_now().await;
    }
}
