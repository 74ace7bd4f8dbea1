//! Table `job`.

use crate::domain::{
    ClientId, JobId, UserId,
    job::{Counts, Job, JobKind, JobStatus},
    time::Timestamp,
};
use crate::store::{Db, Error, Result, Tx, decode};

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    kind: String,
    status: String,
    status_details: Option<String>,
    parameters: String,
    client_id: Option<String>,
    user_id: Option<String>,
    total: Option<i64>,
    done: i64,
    inserted: i64,
    updated: i64,
    failed: i64,
    resume_after: Option<String>,
    attempts: i64,
    created_at: i64,
    started_at: Option<i64>,
    finished_at: Option<i64>,
    expires_at: i64,
}

impl TryFrom<Row> for Job {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let broken = |why: &str| Error::Inconsistent { table: "job", why: why.to_owned() };
        Ok(Self {
            id: JobId::new(row.id),
            kind: JobKind::parse(&row.kind).ok_or_else(|| broken("kind"))?,
            status: JobStatus::parse(&row.status).ok_or_else(|| broken("status"))?,
            status_details: row.status_details,
            parameters: decode("job", &row.parameters)?,
            client_id: row.client_id.map(ClientId::new),
            user_id: row.user_id.map(UserId::new),
            total: row.total,
            counts: Counts {
                done: row.done,
                inserted: row.inserted,
                updated: row.updated,
                failed: row.failed,
            },
            resume_after: row.resume_after,
            attempts: row.attempts,
            created_at: Timestamp::from_millis(row.created_at),
            started_at: row.started_at.map(Timestamp::from_millis),
            finished_at: row.finished_at.map(Timestamp::from_millis),
            expires_at: Timestamp::from_millis(row.expires_at),
        })
    }
}

/// Adds a job in the state that it is in.
///
/// # Errors
/// When the database does.
pub async fn insert(tx: &mut Tx, job: &Job) -> Result<()> {
    const INSERT: &str = "INSERT INTO job
        (id, kind, status, status_details, parameters, client_id, user_id, total, done, inserted,
         updated, failed, resume_after, worker, lease_until, attempts, created_at, started_at,
         finished_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, NULL, 0, 0, $14, $15, $16,
                $17)";
    on!(tx.db(), |c| sqlx::query(INSERT)
        .bind(job.id.as_str())
        .bind(job.kind.as_str())
        .bind(job.status.as_str())
        .bind(job.status_details.as_deref())
        .bind(serde_json::Value::Object(job.parameters.clone()).to_string())
        .bind(job.client_id.as_ref().map(ClientId::as_str))
        .bind(job.user_id.as_ref().map(UserId::as_str))
        .bind(job.total)
        .bind(job.counts.done)
        .bind(job.counts.inserted)
        .bind(job.counts.updated)
        .bind(job.counts.failed)
        .bind(job.resume_after.as_deref())
        .bind(job.created_at.millis())
        .bind(job.started_at.map(Timestamp::millis))
        .bind(job.finished_at.map(Timestamp::millis))
        .bind(job.expires_at.millis())
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}

/// The job with this id, whatever its state, unless it has expired.
///
/// # Errors
/// When the database does.
pub async fn find(db: Db<'_>, id: &JobId, now: Timestamp) -> Result<Option<Job>> {
    const FIND: &str = "SELECT id, kind, status, status_details, parameters, client_id, user_id,
        total, done, inserted, updated, failed, resume_after, attempts, created_at, started_at,
        finished_at, expires_at
        FROM job WHERE id = $1 AND expires_at > $2";
    let row: Option<Row> = on!(db, |c| sqlx::query_as(FIND)
        .bind(id.as_str())
        .bind(now.millis())
        .fetch_optional(c)
        .await?);
    row.map(TryInto::try_into).transpose()
}

/// How many jobs of a kind have not ended. Uploads that broke off do not count.
///
/// # Errors
/// When the database does.
pub async fn count_active(db: Db<'_>, kind: JobKind, now: Timestamp) -> Result<i64> {
    const COUNT: &str = "SELECT COUNT(*) FROM job WHERE kind = $1
        AND (status IN ('pending', 'processing') OR (status = 'uploading' AND lease_until > $2))";
    let (count,): (i64,) = on!(db, |c| sqlx::query_as(COUNT)
        .bind(kind.as_str())
        .bind(now.millis())
        .fetch_one(c)
        .await?);
    Ok(count)
}

/// Notes that the file of a job is still being sent. `false` when the upload was given up.
///
/// # Errors
/// When the database does.
pub async fn keep_uploading(tx: &mut Tx, id: &JobId, until: Timestamp) -> Result<bool> {
    const KEEP: &str = "UPDATE job SET lease_until = $2, expires_at = $2
        WHERE id = $1 AND status = 'uploading'";
    let kept = on!(tx.db(), |c| sqlx::query(KEEP)
        .bind(id.as_str())
        .bind(until.millis())
        .execute(c)
        .await?
        .rows_affected());
    Ok(kept == 1)
}

/// Hands a job whose file has arrived over to the nodes: it is now as `job` says. `false` when the
/// upload was given up.
///
/// # Errors
/// When the database does.
pub async fn submit(tx: &mut Tx, job: &Job) -> Result<bool> {
    const SUBMIT: &str = "UPDATE job
        SET status = 'pending', parameters = $2, lease_until = 0, expires_at = $3
        WHERE id = $1 AND status = 'uploading'";
    let submitted = on!(tx.db(), |c| sqlx::query(SUBMIT)
        .bind(job.id.as_str())
        .bind(serde_json::Value::Object(job.parameters.clone()).to_string())
        .bind(job.expires_at.millis())
        .execute(c)
        .await?
        .rows_affected());
    Ok(submitted == 1)
}

/// The job of a kind that has waited longest: one that nobody took up, or whose node died.
///
/// # Errors
/// When the database does.
pub async fn waiting(db: Db<'_>, kind: JobKind, now: Timestamp) -> Result<Option<JobId>> {
    const WAITING: &str = "SELECT id FROM job
        WHERE kind = $1 AND status IN ('pending', 'processing') AND lease_until <= $2
        ORDER BY created_at, id LIMIT 1";
    let found: Option<(String,)> = on!(db, |c| sqlx::query_as(WAITING)
        .bind(kind.as_str())
        .bind(now.millis())
        .fetch_optional(c)
        .await?);
    Ok(found.map(|(id,)| JobId::new(id)))
}

/// Takes up a job that waits, for `worker` (a new name each time) until `lease_until`. `None` when
/// another node was faster.
///
/// # Errors
/// When the database does.
pub async fn claim(
    tx: &mut Tx,
    id: &JobId,
    worker: &str,
    now: Timestamp,
    lease_until: Timestamp,
) -> Result<Option<Job>> {
    const CLAIM: &str = "UPDATE job
        SET status = 'processing', worker = $2, lease_until = $4, attempts = attempts + 1,
            started_at = COALESCE(started_at, $3), expires_at = $5
        WHERE id = $1 AND status IN ('pending', 'processing') AND lease_until <= $3";
    let claimed = on!(tx.db(), |c| sqlx::query(CLAIM)
        .bind(id.as_str())
        .bind(worker)
        .bind(now.millis())
        .bind(lease_until.millis())
        .bind(now.plus_seconds(Job::RETENTION).millis())
        .execute(c)
        .await?
        .rows_affected());
    if claimed == 0 {
        return Ok(None);
    }
    find(tx.db(), id, now).await
}

/// Notes the progress of a job that `worker` holds: `job` as it is now, of which `done` items had
/// been dealt with before. Renews the lease. `false` when another node has taken the job over: then
/// the transaction must not be committed.
///
/// # Errors
/// When the database does.
pub async fn advance(
    tx: &mut Tx,
    job: &Job,
    worker: &str,
    done: i64,
    lease_until: Timestamp,
) -> Result<bool> {
    const ADVANCE: &str = "UPDATE job
        SET total = $4, done = $5, inserted = $6, updated = $7, failed = $8, resume_after = $9,
            lease_until = $10, expires_at = $11, attempts = 1
        WHERE id = $1 AND worker = $2 AND done = $3 AND status = 'processing'";
    let advanced = on!(tx.db(), |c| sqlx::query(ADVANCE)
        .bind(job.id.as_str())
        .bind(worker)
        .bind(done)
        .bind(job.total)
        .bind(job.counts.done)
        .bind(job.counts.inserted)
        .bind(job.counts.updated)
        .bind(job.counts.failed)
        .bind(job.resume_after.as_deref())
        .bind(lease_until.millis())
        .bind(lease_until.plus_seconds(Job::RETENTION).millis())
        .execute(c)
        .await?
        .rows_affected());
    Ok(advanced == 1)
}

/// Ends a job, if `worker` still holds it; `None` for a job that no node takes up. `false` when it
/// had ended or was taken over.
///
/// # Errors
/// When the database does.
pub async fn finish(
    tx: &mut Tx,
    id: &JobId,
    worker: Option<&str>,
    outcome: JobStatus,
    details: Option<&str>,
    now: Timestamp,
) -> Result<bool> {
    const FINISH: &str = "UPDATE job
        SET status = $3, status_details = $4, finished_at = $5, expires_at = $6, lease_until = 0,
            worker = NULL
        WHERE id = $1 AND status IN ('pending', 'processing')
          AND (worker = $2 OR (worker IS NULL AND CAST($2 AS TEXT) IS NULL))";
    let finished = on!(tx.db(), |c| sqlx::query(FINISH)
        .bind(id.as_str())
        .bind(worker)
        .bind(outcome.as_str())
        .bind(details)
        .bind(now.millis())
        .bind(now.plus_seconds(Job::RETENTION).millis())
        .execute(c)
        .await?
        .rows_affected());
    Ok(finished == 1)
}

/// Removes a job with everything that belongs to it.
///
/// # Errors
/// When the database does.
pub async fn delete(tx: &mut Tx, id: &JobId) -> Result<()> {
    const DELETE: &str = "DELETE FROM job WHERE id = $1";
    on!(tx.db(), |c| sqlx::query(DELETE).bind(id.as_str()).execute(c).await.map(|_| ())?);
    Ok(())
}
