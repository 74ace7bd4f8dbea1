//! The real binary imports a large file: under `kill -9`, and with a measure of its memory.

use std::{path::Path, time::Duration};

use doorward::{
    domain::user::DATABASE_CONNECTION,
    store::{connections, users},
};
use serde_json::{Value, json};

use super::{log_in_as, password_client, server::Server, size};
use crate::support::{TestApp, each_backend, fixtures::*};

const PAUSE: Duration = Duration::from_millis(20);
const BCRYPT: &str = "$2a$10$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

/// A file of users with their password hashes, as a multipart body.
fn file(connection: &str, users: u64) -> (String, usize) {
    let mut lines = Vec::new();
    for i in 0..users {
        let line = json!({
            "email": format!("user{i}@contoso.example"), "user_id": format!("{i:024x}"),
            "email_verified": true, "given_name": "Given", "family_name": format!("Family {i}"),
            "password_hash": BCRYPT, "user_metadata": { "country": "JP", "number": i },
            "app_metadata": { "plan": "premium", "roles": ["reader"] },
        });
        lines.push(line.to_string());
    }
    let file = format!("[{}]", lines.join(",\n"));
    let size = file.len();
    let part = |head: &str, text: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{head}\r\n\r\n{text}\r\n")
    };
    let parts = part("users\"; filename=\"u.json\"", &file) + &part("connection_id\"", connection);
    (parts + "--b--\r\n", size)
}

/// What the tests say to the binary.
struct Caller {
    http: reqwest::Client,
    token: String,
}

impl Caller {
    async fn send(&self, server: &Server, body: String) -> String {
        let request = self.http.post(format!("{}api/v2/jobs/users-imports", server.address));
        let request = request.bearer_auth(&self.token);
        let request = request.header("content-type", "multipart/form-data; boundary=b").body(body);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 202);
        let job: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        job["id"].as_str().unwrap().to_owned()
    }

    async fn job(&self, server: &Server, id: &str) -> Value {
        let request = self.http.get(format!("{}api/v2/jobs/{id}", server.address));
        let answer = request.bearer_auth(&self.token).send().await.unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }

    /// Waits until so many lines have been dealt with, or all of them.
    async fn wait_for(&self, server: &Server, id: &str, lines: u64) -> Value {
        for _ in 0..60_000 {
            let job = self.job(server, id).await;
            let done = job["summary"]["total"].as_u64().unwrap_or(0);
            if done >= lines || job["status"] == "completed" || job["status"] == "failed" {
                return job;
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("the import does not go on");
    }
}

async fn begin(app: &TestApp) -> (Caller, String, World, String) {
    let world = app.world_with(password_client(), json!({ "leeway": 60 })).await;
    let refresh = log_in_as(app, &world, EMAIL).await;
    let token = app.management_token_with(None).await;
    let mut conn = app.inner.store.read().await.unwrap();
    let found = connections::find_by_name(conn.db(), DATABASE_CONNECTION).await.unwrap().unwrap();
    let id = found.connection.id.as_str().to_owned();
    (Caller { http: reqwest::Client::new(), token }, id, world, refresh)
}

async fn users_of(app: &TestApp) -> i64 {
    let mut conn = app.inner.store.read().await.unwrap();
    users::count_of(conn.db(), Some(DATABASE_CONNECTION)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_import_adds_everybody_once() {
    let (kills, count) =
        (size("DOORWARD_PROOF_IMPORT_KILLS", 2), size("DOORWARD_PROOF_KILLED_LINES", 6000));
    for (backend, app) in each_backend().await {
        let (caller, connection, ..) = begin(&app).await;
        let before = users_of(&app).await;
        // From here on the database belongs to the binary.
        app.inner.store.close().await;
        let folder = tempfile::tempdir().unwrap();
        let mut server = Server::start(&app, folder.path()).await;
        let id = caller.send(&server, file(&connection, count).0).await;
        let mut seen = Vec::new();
        for kill in 1..=kills {
            let job = caller.wait_for(&server, &id, count * kill / (kills + 2)).await;
            seen.push(job["summary"]["total"].as_u64().unwrap_or(0));
            server.kill();
            server = Server::start(&app, folder.path()).await;
        }
        let job = caller.wait_for(&server, &id, u64::MAX).await;
        server.kill();
        eprintln!("{backend}: killed after {seen:?} of {count} lines");
        assert_eq!(job["status"], "completed", "{backend} {job}");
        let summary = json!({ "inserted": count, "updated": 0, "failed": 0, "total": count });
        assert_eq!(job["summary"], summary, "{backend}");
        let app = app.another_node().await;
        assert_eq!(users_of(&app).await - before, i64::try_from(count).unwrap(), "{backend}");
    }
}

/// A line of `/proc/PID/status`, in KiB.
fn memory(pid: u32, line: &str) -> u64 {
    let status = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status"));
    let status = status.unwrap_or_default();
    let found = status.lines().find_map(|text| text.strip_prefix(line)).unwrap_or_default();
    found.trim_start_matches(':').trim().trim_end_matches(" kB").parse().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_of_any_size_stays_in_bounded_memory_while_exchanges_go_on() {
    /// What a file may add to the memory of the server, in KiB, however long it is.
    const BOUND: u64 = 64 * 1024;
    let count = size("DOORWARD_PROOF_LINES", 4000);
    for (backend, app) in each_backend().await {
        let (caller, connection, world, mut refresh) = begin(&app).await;
        app.inner.store.close().await;
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(&app, folder.path()).await;
        let exchange = async |refresh: &str| {
            let form = [
                ("grant_type", "refresh_token"),
                ("client_id", world.client_id.as_str()),
                ("refresh_token", refresh),
                ("audience", MESSAGES),
                ("scope", LOGIN_SCOPE),
            ];
            let address = format!("{}oauth/token", server.address);
            let answer = caller.http.post(address).form(&form).send().await.unwrap();
            assert_eq!(answer.status(), 200, "{backend}");
            let body: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
            body["refresh_token"].as_str().unwrap().to_owned()
        };
        refresh = exchange(&refresh).await;
        let pid = server.id();
        let before = memory(pid, "VmHWM");
        let (body, bytes) = file(&connection, count);
        let began = Timer::start();
        let id = caller.send(&server, body).await;
        let uploaded = began.millis();
        let (mut exchanges, mut slowest) = (0, 0);
        let job = loop {
            let timer = Timer::start();
            refresh = exchange(&refresh).await;
            (exchanges, slowest) = (exchanges + 1, slowest.max(timer.millis()));
            let job = caller.job(&server, &id).await;
            if !["pending", "processing"].contains(&job["status"].as_str().unwrap()) {
                break job;
            }
            tokio::time::sleep(PAUSE).await;
        };
        let (all, after) = (began.millis(), memory(pid, "VmHWM"));
        eprintln!(
            "{backend}: {count} lines, {bytes} bytes: sent in {uploaded} ms, imported after {all} ms; \
             peak memory {before} KiB before, {after} KiB after; meanwhile {exchanges} exchanges, \
             the slowest {slowest} ms"
        );
        assert_eq!(job["summary"]["inserted"], count, "{backend} {job}");
        assert!(after - before < BOUND, "{backend}: from {before} KiB to {after} KiB");
        server.kill();
    }
}

/// Tells how long something took, for the report; nothing is decided by it.
struct Timer(tokio::time::Instant);

impl Timer {
    fn start() -> Self {
        Self(tokio::time::Instant::now())
    }
    fn millis(&self) -> u128 {
        self.0.elapsed().as_millis()
    }
}
