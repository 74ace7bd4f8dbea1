//! Every connection to the database in use: whoever needs one is told to come again, in time.

use serde_json::json;

use crate::support::{
    TestApp, each_backend_with,
    faults::{is_unavailable, until, world},
    fixtures::*,
    raw::Raw,
};

/// Three connections besides those of the exchanges.
const FEW: &str = "[database]\nmax_connections = 6\n";

/// Changes the user whose row somebody else has locked.
async fn change(app: &TestApp, world: &World) -> crate::support::Answer {
    let path = format!("/users/{}", world.user_id.replace('|', "%7C"));
    app.management("PATCH", &path, Some(json!({ "given_name": "Ada" }))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_lock_is_told_to_come_again() {
    for (backend, app) in each_backend_with(FEW).await {
        let world = world(&app).await;
        let token = app.with_password(&world, LOGIN_SCOPE).await.text_of("refresh_token");
        app.management_token().await;
        app.inner.login.audit.flush().await;
        let mut raw = Raw::connect(&app).await;
        let lock = match &raw {
            Raw::Sqlite(_) => "BEGIN IMMEDIATE",
            Raw::Postgres(_) => "BEGIN",
        };
        raw.execute(lock).await;
        raw.execute("UPDATE user_account SET blocked = NULL").await;
        // As many as there are connections, and more.
        let all = futures_util::future::join_all((0..8).map(|_| change(&app, &world))).await;
        for answer in all {
            is_unavailable(&answer, "a change");
        }
        assert_eq!(app.get("health/live").await.status, 200, "{backend}");
        assert_eq!(app.get(".well-known/jwks.json").await.status, 200, "{backend}");
        let exchanged = app.refresh(&world, &token, &[]).await;
        if backend == "postgres" {
            // Exchanges need nothing that is locked, nor any of those connections.
            assert_eq!(exchanged.status, 200, "{}", exchanged.text);
        } else {
            is_unavailable(&exchanged, "an exchange");
        }
        raw.execute("ROLLBACK").await;
        until("readiness", async || app.get("health/ready").await.status == 200).await;
        assert_eq!(change(&app, &world).await.status, 200, "{backend}");
        app.refresh(&world, &token, &[]).await.ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_free_connection_says_so_and_recovers() {
    for (backend, app) in each_backend_with(FEW).await {
        let world = world(&app).await;
        let token = app.with_password(&world, LOGIN_SCOPE).await.text_of("refresh_token");
        app.management_token().await;
        let mut held = Vec::new();
        until("the last connection", async || match app.inner.store.read().await {
            Ok(conn) => {
                held.push(conn);
                false
            }
            Err(_) => true,
        })
        .await;
        let ready = app.get("health/ready").await;
        assert_eq!((ready.status, ready.text.as_str()), (503, r#"{"status":"no database"}"#));
        assert_eq!(app.get("health/live").await.status, 200, "{backend}");
        assert_eq!(app.get(".well-known/jwks.json").await.status, 200, "{backend}");
        let answer = app.management("GET", "/roles", None).await;
        is_unavailable(&answer, "the Management API");
        let answer = app.with_password(&world, LOGIN_SCOPE).await;
        is_unavailable(&answer, "a login");
        held.clear();
        until("readiness", async || app.get("health/ready").await.status == 200).await;
        app.with_password(&world, LOGIN_SCOPE).await.ok();
        app.refresh(&world, &token, &[]).await.ok();
    }
}
