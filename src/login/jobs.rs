//! Works on the jobs that were asked for through the Management API. Each is taken up by one node
//! at a time; what a batch does is committed together with how far the job is, so that a node that
//! dies leaves nothing half done and nothing to be done twice.

pub mod array;
mod download;
pub mod export;
pub mod import;
pub mod upload;

use serde_json::{Map, Value};

use self::import::{ImportedUser, LineError};
use crate::domain::{
    audit::Happened,
    job::{Job, JobKind, JobStatus},
    time::Timestamp,
    user::User,
};
use crate::login::LoginService;
use crate::store::{self, Tx, job_chunks, job_keys, jobs};

/// How long a node may be silent about a job before another one takes it over, in seconds.
const LEASE: i64 = 10;

/// How often a job is taken up without any progress before it is given up: it may be what kills the
/// nodes.
const ATTEMPTS: i64 = 5;

/// Rows that are deleted in one transaction.
const CLEARED_AT_ONCE: i64 = 200;

/// How users stand in files, which is how they stand in the bodies of the Management API.
#[derive(Clone, Copy)]
pub struct FileFormat {
    /// Reads and checks an item of an import file.
    pub read: fn(&Value) -> Result<ImportedUser, LineError>,
    /// The user as an export file may show it.
    pub show: fn(&User) -> Map<String, Value>,
}

/// Why the work on a job stopped before its end.
#[derive(Debug, thiserror::Error)]
enum Stopped {
    /// The database failed. The job stays as it is and is taken up again.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Another node has taken the job over.
    #[error("another node has taken the job over")]
    TakenOver,
    /// The job cannot be done.
    #[error("{0}")]
    Impossible(&'static str),
}

/// A job in the hands of this node.
struct Held {
    job: Job,
    worker: String,
}

impl LoginService {
    /// Takes up a job of a kind that waits, if there is one, and works on it to its end. `false` when
    /// there was none.
    ///
    /// # Errors
    /// When the database fails; the job is then taken up again later.
    pub async fn run_a_job(&self, kind: JobKind, format: FileFormat) -> Result<bool, store::Error> {
        let Some(mut held) = self.take_up(kind).await? else { return Ok(false) };
        let worked = match kind {
            _ if held.job.attempts > ATTEMPTS => {
                Err(Stopped::Impossible("The job was given up after several attempts."))
            }
            JobKind::UsersImport => self.import(&mut held, format.read).await,
            JobKind::UsersExport => self.export(&mut held, format.show).await,
            // The message was handed over before the request was answered.
            JobKind::VerificationEmail => Ok(()),
        };
        match worked {
            Ok(()) => self.end(&held, JobStatus::Completed, None).await?,
            Err(Stopped::Impossible(why)) => {
                self.end(&held, JobStatus::Failed, Some(why)).await?;
            }
            Err(Stopped::Store(error)) => return Err(error),
            Err(Stopped::TakenOver) => {
                tracing::warn!(job = held.job.id.as_str(), "a job was taken over");
            }
        }
        Ok(true)
    }

    async fn take_up(&self, kind: JobKind) -> Result<Option<Held>, store::Error> {
        let now = self.clock.now();
        // Nobody else waits for a writer while there is nothing to do.
        let waiting = jobs::waiting(self.store.read().await?.db(), kind, now).await?;
        let Some(id) = waiting else { return Ok(None) };
        let worker = self.entropy.alphanumeric(22);
        let mut tx = self.store.write().await?;
        let job = jobs::claim(&mut tx, &id, &worker, now, self.lease()).await?;
        tx.commit().await?;
        Ok(job.map(|job| Held { job, worker }))
    }

    fn lease(&self) -> Timestamp {
        self.clock.now().plus_seconds(LEASE)
    }

    /// Commits a part of the work together with the progress that it is: `held.job` as it is now,
    /// of which `done` items had been dealt with before.
    async fn commit_progress(&self, mut tx: Tx, held: &Held, done: i64) -> Result<(), Stopped> {
        let Held { job, worker } = held;
        if !jobs::advance(&mut tx, job, worker, done, self.lease()).await? {
            return Err(Stopped::TakenOver);
        }
        Ok(tx.commit().await?)
    }

    /// Ends a job that this node holds, and tells of it. The rows that nobody needs any more go a
    /// few at a time; if the node dies in between, they go when the job expires.
    async fn end(
        &self,
        held: &Held,
        outcome: JobStatus,
        details: Option<&str>,
    ) -> Result<(), store::Error> {
        let Held { job, worker } = held;
        let mut tx = self.store.write().await?;
        let now = self.clock.now();
        if !jobs::finish(&mut tx, &job.id, Some(worker), outcome, details, now).await? {
            return Ok(());
        }
        let happened = Happened::JobEnded {
            id: &job.id,
            kind: job.kind,
            counts: job.counts,
            completed: outcome == JobStatus::Completed,
        };
        let (client, user) = (job.client_id.as_ref(), job.user_id.as_ref());
        self.commit_event(tx, &happened, client, user).await?;
        if job.kind == JobKind::UsersExport && outcome == JobStatus::Completed {
            return Ok(());
        }
        // The file of an import holds password hashes.
        self.clear(job).await
    }

    async fn clear(&self, job: &Job) -> Result<(), store::Error> {
        loop {
            let mut tx = self.store.write().await?;
            let chunks = job_chunks::delete_some(&mut tx, &job.id, 4).await?;
            let keys = job_keys::delete_some(&mut tx, &job.id, CLEARED_AT_ONCE).await?;
            tx.commit().await?;
            if chunks + keys == 0 {
                return Ok(());
            }
            tokio::task::yield_now().await;
        }
    }
}
