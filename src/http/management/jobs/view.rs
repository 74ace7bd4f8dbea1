//! What a job looks like.

use serde_json::{Map, Value, json};

use crate::domain::{
    job::{Job, JobKind, JobStatus},
    time::Timestamp,
};

/// The job as it is answered; members without a value are absent.
pub fn show(job: &Job, now: Timestamp) -> Map<String, Value> {
    let mut shown = job.parameters.clone();
    let mut put = |name: &str, value: Value| {
        shown.insert(name.to_owned(), value);
    };
    put("id", job.id.as_str().into());
    put("type", job.kind.as_str().into());
    put("status", job.status.as_str().into());
    put("created_at", job.created_at.iso8601().into());
    if let Some(details) = &job.status_details {
        put("status_details", details.as_str().into());
    }
    let has_begun = !matches!(job.status, JobStatus::Uploading | JobStatus::Pending);
    if job.kind == JobKind::VerificationEmail || !has_begun {
        return shown;
    }
    put("percentage_done", job.percentage().into());
    if let Some(seconds) = job.seconds_left(now) {
        put("time_left_seconds", seconds.into());
    }
    if job.kind == JobKind::UsersImport {
        let counts = job.counts;
        put(
            "summary",
            json!({
                "failed": counts.failed, "updated": counts.updated,
                "inserted": counts.inserted, "total": counts.done,
            }),
        );
    }
    shown
}
