//! Table `job_error`.

use crate::domain::JobId;
use crate::store::{Db, Result, Tx, dialect};

/// What is wrong with one item of a job.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct JobErrorRow {
    /// The place of the item in the file, from 0.
    pub item: i64,
    /// The item without its secrets, as JSON.
    pub subject: String,
    /// What is wrong, a JSON array.
    pub errors: String,
}

/// Adds errors.
///
/// # Errors
/// When the database does.
pub async fn insert(tx: &mut Tx, job: &JobId, errors: &[JobErrorRow]) -> Result<()> {
    if errors.is_empty() {
        return Ok(());
    }
    dialect::insert_job_errors(tx.db(), job.as_str(), errors).await
}

/// The errors of the items beyond the place `after`, in order.
///
/// # Errors
/// When the database does.
pub async fn list(db: Db<'_>, job: &JobId, after: i64, limit: i64) -> Result<Vec<JobErrorRow>> {
    const LIST: &str = "SELECT item, subject, errors FROM job_error
        WHERE job_id = $1 AND item > $2 ORDER BY item LIMIT $3";
    Ok(on!(db, |c| sqlx::query_as(LIST)
        .bind(job.as_str())
        .bind(after)
        .bind(limit)
        .fetch_all(c)
        .await?))
}
