//! Table `job_chunk`.

use crate::domain::JobId;
use crate::store::{Db, Result, Tx};

/// Adds a piece of a file.
///
/// # Errors
/// [`crate::store::Error::Duplicate`] when the piece is there, or when the database fails.
pub async fn insert(tx: &mut Tx, job: &JobId, number: i64, data: &[u8]) -> Result<()> {
    const INSERT: &str = "INSERT INTO job_chunk (job_id, number, data) VALUES ($1, $2, $3)";
    on!(tx.db(), |c| sqlx::query(INSERT)
        .bind(job.as_str())
        .bind(number)
        .bind(data)
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}

/// The first piece from `number` on, with its number; `None` after the last one.
///
/// # Errors
/// When the database does.
pub async fn read(db: Db<'_>, job: &JobId, number: i64) -> Result<Option<(i64, Vec<u8>)>> {
    const READ: &str = "SELECT number, data FROM job_chunk
        WHERE job_id = $1 AND number >= $2 ORDER BY number LIMIT 1";
    Ok(on!(db, |c| sqlx::query_as(READ).bind(job.as_str()).bind(number).fetch_optional(c).await?))
}

/// How many bytes the pieces have together.
///
/// # Errors
/// When the database does.
pub async fn size(db: Db<'_>, job: &JobId) -> Result<i64> {
    const SIZE: &str = "SELECT CAST(COALESCE(SUM(LENGTH(data)), 0) AS BIGINT) FROM job_chunk
        WHERE job_id = $1";
    let (size,): (i64,) = on!(db, |c| sqlx::query_as(SIZE).bind(job.as_str()).fetch_one(c).await?);
    Ok(size)
}

/// Removes the first pieces of a file, at most `limit`. Returns how many.
///
/// # Errors
/// When the database does.
pub async fn delete_some(tx: &mut Tx, job: &JobId, limit: i64) -> Result<u64> {
    const DELETE: &str = "DELETE FROM job_chunk WHERE job_id = $1 AND number IN
        (SELECT number FROM job_chunk WHERE job_id = $1 ORDER BY number LIMIT $2)";
    Ok(on!(tx.db(), |c| sqlx::query(DELETE)
        .bind(job.as_str())
        .bind(limit)
        .execute(c)
        .await?
        .rows_affected()))
}
