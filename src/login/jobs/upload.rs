//! Takes the file of a job in pieces, as it comes, so that no node holds it whole.

use crate::domain::job::{Job, JobStatus};
use crate::login::LoginService;
use crate::store::{self, Tx, job_chunks, jobs};

/// The pieces that are written, in bytes: large enough for few transactions, small enough for short
/// ones.
const PIECE: usize = 256 * 1024;

/// How long an upload may be silent before it counts as broken off, in seconds.
const PATIENCE: i64 = 120;

/// Jobs of a kind that may be active at once.
pub const MOST_ACTIVE: i64 = 2;

/// A file that is being sent.
pub struct Upload<'a> {
    login: &'a LoginService,
    job: Job,
    buffer: Vec<u8>,
    next: i64,
    size: u64,
}

/// Why a piece was not taken.
#[derive(Debug, thiserror::Error)]
pub enum UploadFault {
    /// It was silent for so long that it was given up.
    #[error("the upload was given up")]
    GivenUp,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl LoginService {
    /// Begins to take the file of `job`.
    ///
    /// # Errors
    /// When the database does.
    pub async fn begin_upload(&self, mut job: Job) -> Result<Upload<'_>, store::Error> {
        job.status = JobStatus::Uploading;
        job.expires_at = self.clock.now().plus_seconds(PATIENCE);
        let mut tx = self.store.write().await?;
        jobs::insert(&mut tx, &job).await?;
        jobs::keep_uploading(&mut tx, &job.id, job.expires_at).await?;
        tx.commit().await?;
        Ok(Upload { login: self, job, buffer: Vec::new(), next: 0, size: 0 })
    }
}

impl Upload<'_> {
    /// The bytes that have come so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`UploadFault`].
    pub async fn push(&mut self, bytes: &[u8]) -> Result<(), UploadFault> {
        self.size += bytes.len() as u64;
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PIECE { self.write().await } else { Ok(()) }
    }

    async fn write(&mut self) -> Result<(), UploadFault> {
        let mut tx = self.login.store.write().await?;
        let until = self.login.clock.now().plus_seconds(PATIENCE);
        if !jobs::keep_uploading(&mut tx, &self.job.id, until).await? {
            return Err(UploadFault::GivenUp);
        }
        job_chunks::insert(&mut tx, &self.job.id, self.next, &self.buffer).await?;
        tx.commit().await?;
        self.next += 1;
        self.buffer.clear();
        Ok(())
    }

    /// Hands the job over to the nodes. The transaction is still to be committed.
    ///
    /// # Errors
    /// [`UploadFault`].
    pub async fn submit(&mut self, described: &Job) -> Result<Tx, UploadFault> {
        if !self.buffer.is_empty() {
            self.write().await?;
        }
        let mut tx = self.login.store.write().await?;
        if jobs::submit(&mut tx, described).await? { Ok(tx) } else { Err(UploadFault::GivenUp) }
    }

    /// Forgets what has come.
    ///
    /// # Errors
    /// When the database does; the sweep forgets it later.
    pub async fn discard(self) -> Result<(), store::Error> {
        self.login.clear(&self.job).await?;
        let mut tx = self.login.store.write().await?;
        jobs::delete(&mut tx, &self.job.id).await?;
        tx.commit().await
    }
}
