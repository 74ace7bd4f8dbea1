//! What becomes of jobs: nodes that die, the trail, the end.

use std::time::Duration;

use doorward::{
    domain::{
        JobId,
        job::{Job, JobKind, JobStatus},
        time::Clock,
    },
    http::management::jobs::FILE_FORMAT,
    store::{job_chunks, jobs, sweep},
};
use serde_json::{Value, json};

use super::{ended, errors, import, nobody_has, summary, user};
use crate::management::{get, post};
use crate::support::{TestApp, each_backend, raw::Raw};

/// A job in the hands of a node that died after `done` of its lines.
async fn orphan(app: &TestApp, lines: &Value, done: i64) -> (Job, Value) {
    let now = app.clock.now();
    let mut job = Job::new(JobId::new("job_orphan"), JobKind::UsersImport, now);
    job.status = JobStatus::Uploading;
    job.parameters.insert("connection".into(), "Username-Password-Authentication".into());
    let mut tx = app.inner.store.write().await.unwrap();
    jobs::insert(&mut tx, &job).await.unwrap();
    job_chunks::insert(&mut tx, &job.id, 0, lines.to_string().as_bytes()).await.unwrap();
    assert!(jobs::submit(&mut tx, &job).await.unwrap());
    let lease = now.plus_seconds(30);
    job = jobs::claim(&mut tx, &job.id, "dead", now, lease).await.unwrap().unwrap();
    job.total = Some(i64::try_from(lines.as_array().unwrap().len()).unwrap());
    (job.counts.done, job.counts.inserted) = (done, done);
    assert!(jobs::advance(&mut tx, &job, "dead", 0, lease).await.unwrap());
    tx.commit().await.unwrap();
    let shown = json!({ "id": "job_orphan" });
    (job, shown)
}

#[tokio::test]
async fn a_job_whose_node_died_goes_on_elsewhere_and_the_dead_node_cannot_write() {
    for (backend, app) in each_backend().await {
        let lines = json!([
            { "email": "a0@b.example", "user_id": "0" }, { "email": "a1@b.example", "user_id": "1" },
            { "email": "a2@b.example", "user_id": "2" },
        ]);
        let (mut job, shown) = orphan(&app, &lines, 1).await;
        assert!(!app.inner.login.run_a_job(JobKind::UsersImport, FILE_FORMAT).await.unwrap());
        let now = get(&app, "/jobs/job_orphan").await.ok();
        assert_eq!((&now["status"], &now["percentage_done"]), (&json!("processing"), &json!(33)));
        assert!(now["time_left_seconds"].is_number(), "{now}");
        app.clock.advance_seconds(31);
        let _other = app.another_node().await;
        let done = ended(&app, &shown).await;
        assert_eq!(done["status"], "completed", "{backend} {done}");
        assert_eq!(done["summary"], summary(3, 0, 0), "{backend}");
        nobody_has(&app, "a0@b.example").await;
        assert_eq!(user(&app, "auth0|2").await["email"], "a2@b.example");
        // What the dead node had begun comes too late.
        job.counts.done = 2;
        let mut tx = app.inner.store.write().await.unwrap();
        assert!(!jobs::advance(&mut tx, &job, "dead", 1, app.clock.now()).await.unwrap());
        let failed = JobStatus::Failed;
        let end = jobs::finish(&mut tx, &job.id, Some("dead"), failed, None, app.clock.now()).await;
        assert!(!end.unwrap(), "{backend}");
        drop(tx);
        // The file held password hashes.
        let mut conn = app.inner.store.read().await.unwrap();
        for _ in 0..100 {
            if job_chunks::size(conn.db(), &job.id).await.unwrap() == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(job_chunks::size(conn.db(), &job.id).await.unwrap(), 0, "{backend}");
    }
}

#[tokio::test]
async fn a_job_that_kills_every_node_is_given_up() {
    for (backend, app) in each_backend().await {
        let lines = json!([{ "email": "a0@b.example" }, { "email": "a1@b.example" }]);
        let (job, shown) = orphan(&app, &lines, 0).await;
        app.clock.advance_seconds(60);
        let now = app.clock.now();
        // Each takes it up and dies at once, before the server can.
        let mut tx = app.inner.store.write().await.unwrap();
        for _ in 0..5 {
            assert!(jobs::claim(&mut tx, &job.id, "dead", now, now).await.unwrap().is_some());
        }
        tx.commit().await.unwrap();
        let job = ended(&app, &shown).await;
        assert_eq!(job["status"], "failed", "{backend} {job}");
        assert_eq!(job["status_details"], "The job was given up after several attempts.");
        assert_eq!(job["summary"], summary(0, 0, 0), "{backend}");
        let told = errors(&app, &job).await.ok();
        assert_eq!(told["status_details"], job["status_details"], "{backend}");
        nobody_has(&app, "a0@b.example").await;
    }
}

#[tokio::test]
async fn jobs_are_told_in_the_audit_trail_and_forgotten_after_a_day() {
    for (backend, app) in each_backend().await {
        let lines = json!([{ "email": "a@b.example" }, { "email": "wrong" }]);
        let job = import(&app, lines, &[]).await;
        let logs = get(&app, "/logs?per_page=100").await.ok();
        let told: Vec<_> = logs
            .as_array()
            .unwrap()
            .iter()
            .filter(|log| log["details"]["id"] == job["id"])
            .collect();
        assert_eq!(told.len(), 2, "{backend} {logs}");
        let request = told.iter().find(|log| log["details"]["request"].is_object()).unwrap();
        assert_eq!(request["type"], "sapi");
        let end =
            told.iter().find(|log| log["details"]["operation"] == "users_import_ended").unwrap();
        assert_eq!((&end["type"], &end["client_id"]), (&json!("sapi"), &json!("bootstrap")));
        assert_eq!(
            (&end["details"]["inserted"], &end["details"]["failed"]),
            (&json!(1), &json!(1))
        );
        assert!(!logs.to_string().contains("a@b.example"), "{backend}");

        // An export leaves a file and a link behind.
        let asked = post(&app, "/jobs/users-exports", json!({})).await.ok();
        assert!(ended(&app, &asked).await["location"].is_string(), "{backend}");
        app.clock.advance_seconds(86_401);
        let token = app.management_token_with(None).await;
        let path = format!("/jobs/{}", job["id"].as_str().unwrap());
        assert_eq!(app.management_as(&token, "GET", &path, None).await.status, 404, "{backend}");
        let now = app.clock.now();
        sweep::run(&app.inner.store, now, 1_000_000).await.unwrap();
        let left = "SELECT (SELECT COUNT(*) FROM job) + (SELECT COUNT(*) FROM job_error)
            + (SELECT COUNT(*) FROM job_chunk) + (SELECT COUNT(*) FROM job_key)
            + (SELECT COUNT(*) FROM job_download)";
        assert_eq!(Raw::connect(&app).await.number(left).await, 0, "{backend}");
    }
}
