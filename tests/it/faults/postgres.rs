//! Faults of Postgres, each tried on a cluster of its own.

use std::time::Duration;

use sqlx::{Connection, PgConnection};

use crate::support::{
    faults::{Stage, answered, is_unavailable, size, until, wire::State},
    fixtures::*,
    raw::Raw,
};

/// How often a fault comes.
fn rounds() -> u64 {
    size("DOORWARD_FAULT_ROUNDS", 1)
}

/// Prints what is quoted in the documentation.
async fn finish(fault: &str, stage: Stage) {
    let Stage { app, world, people, cluster, .. } = stage;
    let lived = people.end(&app, &world).await;
    eprintln!("{fault}: {lived:?}, lost: nothing");
    app.inner.store.close().await;
    tokio::task::spawn_blocking(move || drop(cluster)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_when_postgres_is_restarted() {
    let Some(mut stage) = Stage::new("").await else { return };
    for _ in 0..rounds() {
        stage.cluster.stop("fast");
        stage.unready().await;
        stage.every_surface_is_unavailable().await;
        stage.people.try_a_code(&stage.app, &stage.world).await;
        stage.cluster.go();
        stage.ready().await;
        stage.people.go_on(2).await;
        // Faster than anybody notices.
        stage.cluster.stop("fast");
        stage.cluster.go();
        stage.people.go_on(2).await;
    }
    finish("restarted", stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_when_postgres_is_killed() {
    let Some(mut stage) = Stage::new("").await else { return };
    for _ in 0..rounds().max(3) {
        stage.cluster.kill();
        stage.people.are_refused(1).await;
        stage.cluster.go();
        stage.people.go_on(2).await;
        stage.ready().await;
    }
    finish("killed", stage).await;
}

/// A revocation that is not written must not look like one that is: the application would forget the
/// token, and who stole it would not (GHSA-7mqr-2v3q-v2wm).
#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_without_a_database_is_not_called_done() {
    let Some(mut stage) = Stage::new("").await else { return };
    let (app, id) = (&stage.app, stage.world.client_id.as_str());
    let stolen = app.with_password(&stage.world, LOGIN_SCOPE).await.text_of("refresh_token");
    let form = [("client_id", id), ("token", stolen.as_str())];
    stage.cluster.stop("immediate");
    let answer = app.post_form("oauth/revoke", &form).await;
    is_unavailable(&answer, "a revocation");
    assert_eq!(answer.error().1, "temporarily_unavailable");
    stage.cluster.go();
    stage.ready().await;
    let world = &stage.world;
    let refreshed = answered(async || app.refresh(world, &stolen, &[]).await).await;
    let successor = refreshed.text_of("refresh_token");
    let form = [("client_id", id), ("token", successor.as_str())];
    let revoked = answered(async || app.post_form("oauth/revoke", &form).await).await;
    assert_eq!(revoked.status, 200);
    let answer = answered(async || app.refresh(world, &successor, &[]).await).await;
    assert_eq!(answer.error(), (400, "invalid_grant".to_owned()));
    finish("revocation", stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_when_the_network_swallows_every_packet() {
    let Some(stage) = Stage::new("").await else { return };
    for _ in 0..rounds() {
        stage.wire.set(State::Cut);
        stage.unready().await;
        stage.people.are_refused(4).await;
        stage.every_surface_is_unavailable().await;
        stage.people.try_a_code(&stage.app, &stage.world).await;
        stage.wire.set(State::Good);
        stage.ready().await;
        stage.people.go_on(2).await;
        // And so short that no time runs out: the connections are dead all the same.
        stage.wire.set(State::Cut);
        stage.wire.set(State::Good);
        stage.people.go_on(2).await;
        stage.ready().await;
    }
    finish("partitioned", stage).await;
}

/// What a client of Postgres holds that cannot be reached any more is free again soon: a lock held by
/// one replica must not stop the others.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_behind_a_partition_does_not_keep_its_locks() {
    let Some(stage) = Stage::new("").await else { return };
    let mut tx = stage.app.inner.store.write().await.unwrap();
    tx.configuration_changes().await.unwrap();
    stage.wire.set(State::Cut);
    let mut raw = stage.raw().await;
    // Waits for the row, for as long as it takes.
    let changed = raw.execute("UPDATE config_version SET version = version + 1").await;
    assert_eq!(changed, 1);
    stage.wire.set(State::Good);
    assert!(tx.commit().await.is_err(), "it never happened, and nobody is told that it did");
    stage.ready().await;
    finish("locks behind a partition", stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_database_makes_a_slow_server_and_no_errors() {
    let Some(stage) = Stage::new("").await else { return };
    stage.wire.set(State::Slow(Duration::from_millis(size("DOORWARD_FAULT_DELAY_MS", 150))));
    stage.people.go_on(2).await;
    assert!(stage.is_ready().await);
    let answer = stage.app.refresh(&stage.world, "x", &[]).await;
    assert_eq!(answer.error(), (400, "invalid_grant".to_owned()), "{}", answer.text);
    stage.wire.set(State::Good);
    finish("slow", stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_when_postgres_has_no_connection_left() {
    let settings = ["max_connections=30", "superuser_reserved_connections=3"];
    let Some(stage) = Stage::with("", &settings).await else { return };
    let url = format!("{}?application_name=hog", stage.cluster.url());
    // The server loses its connections, and somebody else has them before it can connect again.
    let mut hogs = vec![Raw::Postgres(PgConnection::connect(&url).await.unwrap())];
    let ended = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE application_name <> 'hog' AND backend_type = 'client backend'";
    until("the last connection", async || match PgConnection::connect(&url).await {
        Ok(connection) => {
            hogs.push(Raw::Postgres(connection));
            false
        }
        Err(_) => hogs[0].number(ended).await == 0,
    })
    .await;
    stage.unready().await;
    stage.people.are_refused(4).await;
    stage.every_surface_is_unavailable().await;
    hogs.clear();
    stage.ready().await;
    finish("out of connections", stage).await;
}

/// After a failover the address may lead to another server, while connections to the old one stay
/// open: it reads, and writes nothing any more.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_when_postgres_is_read_only() {
    let Some(stage) = Stage::new("").await else { return };
    let mut raw = stage.raw().await;
    for _ in 0..rounds() {
        raw.execute("ALTER SYSTEM SET default_transaction_read_only = on").await;
        raw.number("SELECT COUNT(pg_reload_conf())").await;
        stage.people.are_refused(4).await;
        stage.unready().await;
        let answer = stage
            .app
            .management("POST", "/roles", Some(serde_json::json!({ "name": "Reader" })))
            .await;
        is_unavailable(&answer, "a write of the Management API");
        let answer = stage.app.with_password(&stage.world, LOGIN_SCOPE).await;
        is_unavailable(&answer, "a login");
        stage.people.try_a_code(&stage.app, &stage.world).await;
        let old: Vec<i32> = backends(&stage).await;
        raw.execute("ALTER SYSTEM RESET default_transaction_read_only").await;
        raw.number("SELECT COUNT(pg_reload_conf())").await;
        stage.ready().await;
        stage.people.go_on(2).await;
        let now = backends(&stage).await;
        assert!(now.iter().any(|pid| !old.contains(pid)), "it holds on to the old server: {now:?}");
    }
    finish("read-only", stage).await;
}

/// The processes of Postgres that serve the server.
async fn backends(stage: &Stage) -> Vec<i32> {
    let Raw::Postgres(mut c) = stage.raw().await else { return Vec::new() };
    let sql = "SELECT pid FROM pg_stat_activity
        WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
    let rows: Vec<(i32,)> = sqlx::query_as(sql).fetch_all(&mut c).await.unwrap();
    rows.into_iter().map(|(pid,)| pid).collect()
}
