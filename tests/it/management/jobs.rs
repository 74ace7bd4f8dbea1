//! `/jobs`: users from files and to files.

mod exports;
mod imports;
mod lives;

use std::time::Duration;

use doorward::{domain::user::DATABASE_CONNECTION, store::connections};
use serde_json::{Value, json};

use super::{get, segment};
use crate::support::{Answer, TestApp};

pub const BOUNDARY: &str = "----jobs";

/// The id of a connection.
pub async fn connection(app: &TestApp, name: &str) -> String {
    let mut conn = app.inner.store.read().await.unwrap();
    let found = connections::find_by_name(conn.db(), name).await.unwrap().unwrap();
    found.connection.id.as_str().to_owned()
}

pub async fn database(app: &TestApp) -> String {
    connection(app, DATABASE_CONNECTION).await
}

/// A body of parts; `users` is a file.
pub fn multipart(parts: &[(&str, &str)]) -> String {
    let mut body = String::new();
    for (name, value) in parts {
        let file = if *name == "users" { "; filename=\"users.json\"" } else { "" };
        body += &format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{value}\r\n"
        );
    }
    body + &format!("--{BOUNDARY}--\r\n")
}

pub async fn send(app: &TestApp, content_type: &str, body: impl Into<reqwest::Body>) -> Answer {
    let request = app.http.post(app.url("api/v2/jobs/users-imports"));
    let request = request.bearer_auth(app.management_token().await);
    app.send(request.header("content-type", content_type).body(body)).await
}

pub async fn send_parts(app: &TestApp, parts: &[(&str, &str)]) -> Answer {
    let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
    send(app, &content_type, multipart(parts)).await
}

/// Asks for an import into the database connection. Returns the job as it was answered.
pub async fn ask(app: &TestApp, users: &Value, more: &[(&str, &str)]) -> Value {
    let (users, id) = (users.to_string(), database(app).await);
    let mut parts = vec![("users", users.as_str()), ("connection_id", id.as_str())];
    parts.extend_from_slice(more);
    let answer = send_parts(app, &parts).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    answer.json()
}

/// The job once it has ended.
pub async fn ended(app: &TestApp, job: &Value) -> Value {
    for _ in 0..1200 {
        let job = get(app, &format!("/jobs/{}", job["id"].as_str().unwrap())).await.ok();
        if !["pending", "processing"].contains(&job["status"].as_str().unwrap()) {
            return job;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the job does not end: {job}");
}

/// Imports, and returns the job as it ended.
pub async fn import(app: &TestApp, users: Value, more: &[(&str, &str)]) -> Value {
    let asked = ask(app, &users, more).await;
    ended(app, &asked).await
}

pub async fn errors(app: &TestApp, job: &Value) -> Answer {
    get(app, &format!("/jobs/{}/errors", job["id"].as_str().unwrap())).await
}

pub fn summary(inserted: u64, updated: u64, failed: u64) -> Value {
    json!({
        "inserted": inserted, "updated": updated, "failed": failed,
        "total": inserted + updated + failed,
    })
}

pub async fn user(app: &TestApp, id: &str) -> Value {
    get(app, &format!("/users/{}", segment(id))).await.ok()
}

pub async fn nobody_has(app: &TestApp, email: &str) {
    let found = get(app, &format!("/users-by-email?email={email}")).await.ok();
    assert_eq!(found, json!([]));
}
