//! Authorize requests without end: nothing is stored for any of them, and no memory is kept.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use sqlx::AssertSqlSafe;

use crate::support::{
    TestApp, each_backend,
    faults::{server::Server, size, world},
    fixtures::*,
    raw::Raw,
};

const CLIENTS: u64 = 8;

/// How much the memory may grow in a flood, in KiB: what the allocator keeps for a moment of load.
const GROWTH: u64 = 24 * 1024;

/// How many rows each table has.
async fn rows(app: &TestApp) -> BTreeMap<String, i64> {
    let mut raw = Raw::connect(app).await;
    let columns = raw.columns().await;
    let mut rows = BTreeMap::new();
    for (column, _) in columns {
        let table = column.split_once('.').unwrap().0.to_owned();
        let sql = AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
        let (count,): (i64,) = match &mut raw {
            Raw::Sqlite(c) => sqlx::query_as(sql).fetch_one(c).await.unwrap(),
            Raw::Postgres(c) => sqlx::query_as(sql).fetch_one(c).await.unwrap(),
        };
        rows.insert(table, count);
    }
    rows
}

/// Good requests, and bad ones of every kind.
async fn flood(address: &str, client_id: &str, requests: u64) {
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let http = http.build().unwrap();
    let next = Arc::new(AtomicU64::new(0));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (http, next) = (http.clone(), Arc::clone(&next));
            let (url, id) = (format!("{address}authorize"), client_id.to_owned());
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    if number >= requests {
                        return;
                    }
                    let state = format!("state-{number}");
                    let (id, callback, prompt, status) = match number % 8 {
                        0 => ("nobody", CALLBACK, "login", 400),
                        1 => (id.as_str(), "https://evil.example/", "login", 400),
                        2 => (id.as_str(), CALLBACK, "none", 302),
                        _ => (id.as_str(), CALLBACK, "login", 302),
                    };
                    let query = [
                        ("client_id", id),
                        ("response_type", "code"),
                        ("redirect_uri", callback),
                        ("scope", LOGIN_SCOPE),
                        ("audience", MESSAGES),
                        ("prompt", prompt),
                        ("state", &state),
                        ("code_challenge", "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"),
                        ("code_challenge_method", "S256"),
                    ];
                    let mut url = url::Url::parse(&url).unwrap();
                    url.query_pairs_mut().extend_pairs(query);
                    let answer = http.get(url).send().await.unwrap();
                    assert_eq!(answer.status(), status);
                    answer.bytes().await.unwrap();
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_authorize_requests_stores_nothing() {
    let requests = size("DOORWARD_FLOOD_AUTHORIZE", 2000);
    for (backend, app) in each_backend().await {
        let world = world(&app).await;
        app.inner.login.audit.flush().await;
        app.inner.store.close().await;
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(&app, folder.path(), "", &[]).await;
        flood(&server.address, &world.client_id, requests.min(4000) / 2).await;
        let (stored, memory) = (rows(&app).await, server.memory());
        flood(&server.address, &world.client_id, requests).await;
        let (stored_then, memory_then) = (rows(&app).await, server.memory());
        assert_eq!(stored_then, stored, "{backend}");
        assert!(memory_then < memory + GROWTH, "{backend}: {memory} KiB, then {memory_then} KiB");
        eprintln!("{backend}: {requests} requests, no row, {memory} KiB, then {memory_then} KiB");
        server.kill();
        assert_eq!(rows(&app).await, stored, "{backend}: nor later");
    }
}
