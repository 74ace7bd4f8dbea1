//! Table `job_download`.

use crate::domain::{JobId, time::Timestamp};
use crate::store::{Db, Result, Tx};

/// Adds a link to the file of a job.
///
/// # Errors
/// When the database does.
pub async fn insert(
    tx: &mut Tx,
    token_hash: &[u8],
    job: &JobId,
    expires_at: Timestamp,
) -> Result<()> {
    const INSERT: &str =
        "INSERT INTO job_download (token_hash, job_id, expires_at) VALUES ($1, $2, $3)";
    on!(tx.db(), |c| sqlx::query(INSERT)
        .bind(token_hash)
        .bind(job.as_str())
        .bind(expires_at.millis())
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}

/// The job whose file a link leads to, if the link still works.
///
/// # Errors
/// When the database does.
pub async fn find(db: Db<'_>, token_hash: &[u8], now: Timestamp) -> Result<Option<JobId>> {
    const FIND: &str = "SELECT job_id FROM job_download WHERE token_hash = $1 AND expires_at > $2";
    let found: Option<(String,)> = on!(db, |c| sqlx::query_as(FIND)
        .bind(token_hash)
        .bind(now.millis())
        .fetch_optional(c)
        .await?);
    Ok(found.map(|(job,)| JobId::new(job)))
}
