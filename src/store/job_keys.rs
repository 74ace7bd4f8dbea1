//! Table `job_key`.

use std::collections::HashSet;

use crate::domain::JobId;
use crate::store::{Result, Tx, dialect};

/// Adds the hashes of identifiers, all different. Returns those that were not there before.
///
/// # Errors
/// When the database does.
pub async fn insert(tx: &mut Tx, job: &JobId, keys: &[Vec<u8>]) -> Result<HashSet<Vec<u8>>> {
    if keys.is_empty() {
        return Ok(HashSet::new());
    }
    dialect::insert_job_keys(tx.db(), job.as_str(), keys).await
}

/// Removes keys of a job, at most `limit`. Returns how many.
///
/// # Errors
/// When the database does.
pub async fn delete_some(tx: &mut Tx, job: &JobId, limit: i64) -> Result<u64> {
    const DELETE: &str = "DELETE FROM job_key WHERE job_id = $1 AND key_hash IN
        (SELECT key_hash FROM job_key WHERE job_id = $1 LIMIT $2)";
    Ok(on!(tx.db(), |c| sqlx::query(DELETE)
        .bind(job.as_str())
        .bind(limit)
        .execute(c)
        .await?
        .rows_affected()))
}
