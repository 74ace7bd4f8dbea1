//! Links to the file that a job has written. A link opens one file for a minute, without more: it
//! is followed by programs that know nothing of access tokens.

use crate::crypto::digest;
use crate::domain::{
    job::{Job, JobKind, JobStatus},
    secret::DownloadToken,
};
use crate::login::LoginService;
use crate::store::{self, job_chunks, job_downloads, jobs};

/// How long a link works, in seconds. Whoever may read the job can have another one.
const LIFETIME: i64 = 60;

impl LoginService {
    /// A new link to the file of a job; `None` when it has none.
    ///
    /// # Errors
    /// When the database does.
    pub async fn link_to_file(&self, job: &Job) -> Result<Option<DownloadToken>, store::Error> {
        if job.kind != JobKind::UsersExport || job.status != JobStatus::Completed {
            return Ok(None);
        }
        let token = DownloadToken::new(self.entropy.url_safe(43));
        let expires_at = self.clock.now().plus_seconds(LIFETIME);
        let mut tx = self.store.write().await?;
        let hash = digest::download_hash(&token);
        job_downloads::insert(&mut tx, &hash, &job.id, expires_at).await?;
        tx.commit().await?;
        Ok(Some(token))
    }

    /// The job whose file a link opens, and how many bytes the file has; `None` when the link does
    /// not work.
    ///
    /// # Errors
    /// When the database does.
    pub async fn file_of(&self, token: &DownloadToken) -> Result<Option<(Job, i64)>, store::Error> {
        let now = self.clock.now();
        let mut conn = self.store.read().await?;
        let found = job_downloads::find(conn.db(), &digest::download_hash(token), now).await?;
        let Some(id) = found else { return Ok(None) };
        let Some(job) = jobs::find(conn.db(), &id, now).await? else { return Ok(None) };
        let size = job_chunks::size(conn.db(), &id).await?;
        Ok(Some((job, size)))
    }

    /// The piece of the file of a job from `number` on, with the number of the next one.
    ///
    /// # Errors
    /// When the database does.
    pub async fn piece_of_file(
        &self,
        job: &Job,
        number: i64,
    ) -> Result<Option<(Vec<u8>, i64)>, store::Error> {
        let mut conn = self.store.read().await?;
        let found = job_chunks::read(conn.db(), &job.id, number).await?;
        Ok(found.map(|(number, data)| (data, number + 1)))
    }
}
