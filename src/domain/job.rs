//! Jobs: work that goes on after the request for it was answered.

use serde_json::{Map, Value};

use crate::domain::{ClientId, JobId, UserId, time::Timestamp};

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobKind {
    /// Adds the users of a file.
    UsersImport,
    /// Writes the users to a file.
    UsersExport,
    /// Mails a user a link to verify an address.
    VerificationEmail,
}

impl JobKind {
    /// As the store keeps it and `type` tells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UsersImport => "users_import",
            Self::UsersExport => "users_export",
            Self::VerificationEmail => "verification_email",
        }
    }
    /// The kind of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::UsersImport, Self::UsersExport, Self::VerificationEmail]
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobStatus {
    /// Its file is still being sent; nobody is told of it yet.
    Uploading,
    /// It waits for a node.
    Pending,
    /// A node works on it.
    Processing,
    /// It is done. Single items may have failed.
    Completed,
    /// It was given up.
    Failed,
}

impl JobStatus {
    /// As the store keeps it and `status` tells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Uploading => "uploading",
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }
    /// The status of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Uploading, Self::Pending, Self::Processing, Self::Completed, Self::Failed]
            .into_iter()
            .find(|status| status.as_str() == name)
    }
}

/// What became of the items that a job has dealt with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Items dealt with.
    pub done: i64,
    /// Of these, the ones that are new in the database, or in the file.
    pub inserted: i64,
    /// Of these, the ones that were there and have changed.
    pub updated: i64,
    /// Of these, the ones that are wrong.
    pub failed: i64,
}

/// A job.
#[derive(Debug, Clone)]
pub struct Job {
    /// `job_…`
    pub id: JobId,
    /// What it does.
    pub kind: JobKind,
    /// How far it is.
    pub status: JobStatus,
    /// Why it failed, for the operator.
    pub status_details: Option<String>,
    /// What was asked for, as it is answered.
    pub parameters: Map<String, Value>,
    /// The application that asked for it.
    pub client_id: Option<ClientId>,
    /// The user who asked for it, if it was one.
    pub user_id: Option<UserId>,
    /// Of how many items, once that is known.
    pub total: Option<i64>,
    /// What became of them so far.
    pub counts: Counts,
    /// The last item that was dealt with, where a number does not tell.
    pub resume_after: Option<String>,
    /// How often a node took it up since the last progress.
    pub attempts: i64,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When a node first took it up.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// When it is forgotten, with its errors and its file.
    pub expires_at: Timestamp,
}

impl Job {
    /// How long a job is kept after it ended, in seconds.
    pub const RETENTION: i64 = 86_400;

    /// A job that waits for a node.
    pub fn new(id: JobId, kind: JobKind, now: Timestamp) -> Self {
        Self {
            id,
            kind,
            status: JobStatus::Pending,
            status_details: None,
            parameters: Map::new(),
            client_id: None,
            user_id: None,
            total: None,
            counts: Counts::default(),
            resume_after: None,
            attempts: 0,
            created_at: now,
            started_at: None,
            finished_at: None,
            expires_at: now.plus_seconds(Self::RETENTION),
        }
    }

    /// How much of it is done, in percent.
    pub fn percentage(&self) -> i64 {
        match (self.status, self.total) {
            (JobStatus::Completed, _) => 100,
            (_, Some(total)) if total > 0 => (self.counts.done * 100 / total).clamp(0, 99),
            _ => 0,
        }
    }

    /// How many seconds it may still take, judged by its speed so far.
    pub fn seconds_left(&self, now: Timestamp) -> Option<i64> {
        let (total, started_at) = (self.total?, self.started_at?);
        if self.counts.done <= 0 || self.finished_at.is_some() {
            return None;
        }
        let left = i128::from((total - self.counts.done).max(0));
        let millis = i128::from(now.millis_since(started_at).max(0));
        let millis = left * millis / i128::from(self.counts.done);
        i64::try_from(millis / 1000).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_told_in_percent_and_seconds() {
        let at = Timestamp::from_millis;
        let mut job = Job::new(JobId::new("job_1"), JobKind::UsersImport, at(0));
        assert_eq!((job.percentage(), job.seconds_left(at(9000))), (0, None));
        job.started_at = Some(at(1000));
        job.total = Some(400);
        job.counts.done = 100;
        assert_eq!((job.percentage(), job.seconds_left(at(11_000))), (25, Some(30)));
        job.counts.done = 400;
        assert_eq!(job.percentage(), 99, "it has not ended yet");
        (job.status, job.finished_at) = (JobStatus::Completed, Some(at(12_000)));
        assert_eq!((job.percentage(), job.seconds_left(at(13_000))), (100, None));
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for kind in [JobKind::UsersImport, JobKind::UsersExport, JobKind::VerificationEmail] {
            assert_eq!(JobKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(JobStatus::parse("processing"), Some(JobStatus::Processing));
        assert_eq!(JobStatus::parse("odd"), None);
    }
}
