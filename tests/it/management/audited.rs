//! Every write leaves a trace: `sapi` when it succeeds, `fapi` when it is refused.

use std::{collections::HashSet, time::Duration};

use doorward::{
    policy::management::{OPERATIONS, Operation, unbuilt::UNBUILT},
    store::audit::{self, AuditRow, Condition, Window},
};
use serde_json::{Value, json};

use super::{
    get, patch, post, refused, segment,
    valid_writes::{self, SECRET},
};
use crate::support::{
    BOOTSTRAP_ID, TestApp, each_backend,
    fixtures::{EMAIL, PASSWORD, text},
};

/// The events of one kind, or of all.
async fn events(app: &TestApp, kind: Option<&str>) -> Vec<AuditRow> {
    app.inner.login.audit.flush().await;
    let of_kind = |kind: &str| Condition::Event(kind.to_owned());
    let condition = kind.map_or(Condition::All(Vec::new()), of_kind);
    let window = Window { offset: 0, limit: 100_000, is_ascending: true, totals: false };
    let budget = Duration::from_secs(60);
    audit::search(&app.inner.store, condition, window, budget).await.unwrap().0
}

/// The one event of a kind that `before` does not have.
async fn new_event(app: &TestApp, kind: &str, before: &[AuditRow], what: &str) -> AuditRow {
    let known: HashSet<_> = before.iter().map(|row| row.id.as_str()).collect();
    let mut new = events(app, Some(kind)).await;
    // A job tells of its end, too, but by no request.
    let is_end = |row: &AuditRow| {
        row.details["operation"].as_str().is_some_and(|operation| operation.ends_with("_ended"))
    };
    new.retain(|row| !known.contains(row.id.as_str()) && !is_end(row));
    let count = new.len();
    let one = new.pop().filter(|_| count == 1);
    one.unwrap_or_else(|| panic!("{what}: {count} events {kind}, not one"))
}

#[tokio::test]
async fn every_write_leaves_one_event_that_tells_who_and_what() {
    for (backend, app) in each_backend().await {
        for operation in OPERATIONS.iter().filter(|operation| operation.writes()) {
            let what = format!("{backend} {} {}", operation.method, operation.path);
            let prepared = valid_writes::request(&app, operation).await;
            let (path, body) =
                prepared.unwrap_or_else(|| panic!("{what}: no request in valid_writes.rs"));
            let before = events(&app, Some("sapi")).await;
            let answer = valid_writes::send(&app, operation, &path, body.clone()).await;
            assert!(
                (200..300).contains(&answer.status),
                "{what}: {} {}",
                answer.status,
                answer.text
            );

            let event = new_event(&app, "sapi", &before, &what).await;
            assert_eq!(
                event.client_id.as_ref().map(|id| id.as_str()),
                Some(BOOTSTRAP_ID),
                "{what}"
            );
            assert_eq!(event.user_id, None, "{what}");
            assert!(event.ip.is_some(), "{what}");
            let path = path.split('?').next().unwrap();
            let asked = json!({ "method": operation.method, "path": format!("/api/v2{path}") });
            assert_eq!(event.details["request"], asked, "{what}");
            check_members(&event, operation, body.as_ref(), &what);
        }
        for row in events(&app, None).await {
            let told = row.details.to_string();
            assert!(!told.contains(SECRET), "{backend}: {} {told}", row.event);
        }
    }
}

/// The members of the body are named, and no others; those of a member that is merged are dotted.
#[track_caller]
fn check_members(event: &AuditRow, operation: &Operation, body: Option<&Value>, what: &str) {
    if event.details.get("operation").is_some() {
        return;
    }
    assert!(event.details["id"].is_string(), "{what}: {}", event.details);
    let named: HashSet<_> = event.details["changed"]
        .as_array()
        .unwrap_or_else(|| panic!("{what}: {}", event.details))
        .iter()
        .map(|name| name.as_str().unwrap().split('.').next().unwrap())
        .collect();
    let sent = body.and_then(Value::as_object).into_iter().flat_map(|body| body.keys());
    for name in sent {
        assert!(named.contains(name.as_str()), "{what}: {name} is not in {named:?}");
    }
    if operation.method == "DELETE" && body.is_none() {
        assert!(named.is_empty(), "{what}: {named:?}");
    }
}

#[tokio::test]
async fn what_revokes_refresh_tokens_tells_of_both_in_the_same_transaction() {
    for (backend, app) in each_backend().await {
        let revoking = OPERATIONS.iter().filter(|operation| {
            operation.writes()
                && operation.method != "PATCH"
                && (operation.path.contains("refresh-tokens")
                    || operation.path.contains("grants/")
                    || operation.path.starts_with("/device-credentials")
                    || operation.path == "/sessions/{id}/revoke")
                && !operation.path.starts_with("/client-grants")
        });
        for operation in revoking {
            let what = format!("{backend} {} {}", operation.method, operation.path);
            let (path, body) = valid_writes::request(&app, operation).await.unwrap();
            let before = events(&app, Some("srrt")).await;
            let answer = app.management(operation.method, &path, body.clone()).await;
            assert!((200..300).contains(&answer.status), "{what}: {}", answer.text);
            let event = new_event(&app, "srrt", &before, &what).await;
            assert_eq!(event.details["revoked"], 1, "{what}");
        }
    }
}

#[tokio::test]
async fn what_changes_nothing_leaves_no_event() {
    for (backend, app) in each_backend().await {
        app.management_token().await;
        for path in [
            "/clients/nobody",
            "/clients/nobody/credentials/x",
            "/resource-servers/000000000000000000000000",
            "/client-grants/cgr_nothing",
            "/users/nobody",
            "/refresh-tokens/nothing",
            "/device-credentials/nothing",
            "/sessions/nothing",
            "/grants/nothing",
            "/grants?user_id=nobody",
        ] {
            let answer = app.management("DELETE", path, None).await;
            assert!(matches!(answer.status, 202 | 204), "{backend} {path}: {}", answer.text);
        }
        let explain = json!({ "client_id": "x", "user_id": "y" });
        assert_eq!(post(&app, "/refresh-tokens/explain", explain).await.status, 404);
        for kind in ["sapi", "fapi"] {
            assert!(events(&app, Some(kind)).await.is_empty(), "{backend} {kind}");
        }
    }
}

#[tokio::test]
async fn a_refused_write_is_told_once_with_the_number_of_times() {
    for (backend, app) in each_backend().await {
        let token = app.management_token().await.to_owned();
        let bad = json!({ "name": "x", "nope": SECRET });
        for _ in 0..3 {
            assert_eq!(refused(&post(&app, "/clients", bad.clone()).await).0, 400, "{backend}");
        }
        assert_eq!(refused(&get(&app, "/clients?nope=1").await).0, 400, "{backend}");
        let told = events(&app, Some("fapi")).await;
        let times: u64 = told.iter().map(|row| row.details["times"].as_u64().unwrap_or(1)).sum();
        assert_eq!(times, 3, "{backend}: the reading one is not told of");
        let row = &told[0];
        assert_eq!(row.client_id.as_ref().map(|id| id.as_str()), Some(BOOTSTRAP_ID), "{backend}");
        assert!(row.ip.is_some(), "{backend}");
        assert_eq!(row.details["request"], json!({ "method": "POST", "path": "/api/v2/clients" }));
        let response = json!({ "statusCode": 400, "body": { "errorCode": "invalid_body" } });
        assert_eq!(row.details["response"], response, "{backend}");
        assert!(!row.details.to_string().contains(SECRET), "{backend}");

        // Too little scope, an unknown thing, a conflict and what is not built are told of, too.
        let reader = app.management_token_with(Some("read:clients")).await;
        for (token, method, path, status, code) in [
            (&reader, "DELETE", "/clients/x", 403, Some("insufficient_scope")),
            (&token, "PATCH", "/users/nobody", 404, Some("inexistent_user")),
            (&token, "POST", "/organizations/nothing/members", 400, Some("invalid_body")),
            (&token, "POST", UNBUILT_WRITE, 403, Some("insufficient_scope")),
        ] {
            let before = events(&app, Some("fapi")).await;
            let answer = app.management_as(token, method, path, Some(json!({}))).await;
            assert_eq!(answer.status, status, "{backend} {path}: {}", answer.text);
            let what = format!("{backend} {method} {path}");
            let event = new_event(&app, "fapi", &before, &what).await;
            assert_eq!(event.details["request"]["path"], format!("/api/v2{path}"), "{what}");
            assert_eq!(event.details["response"]["statusCode"], status, "{what}");
            assert_eq!(event.details["response"]["body"]["errorCode"].as_str(), code, "{what}");
        }
        assert!(UNBUILT.iter().any(|row| (row.method, row.path) == ("POST", UNBUILT_WRITE)));
    }
}

const UNBUILT_WRITE: &str = "/agents";

#[tokio::test]
async fn who_has_no_token_makes_no_rows() {
    for (backend, app) in each_backend().await {
        for token in ["", "not-a-jwt", "a.b.c"] {
            for operation in OPERATIONS.iter().filter(|operation| operation.writes()) {
                let answer = app.management_as(token, operation.method, operation.path, None).await;
                assert!(matches!(answer.status, 400 | 401), "{backend} {operation:?}");
            }
        }
        assert!(events(&app, Some("fapi")).await.is_empty(), "{backend}");
    }
}

#[tokio::test]
async fn the_events_are_shown_as_tools_look_for_them() {
    for (backend, app) in each_backend().await {
        let user = app.add_user(EMAIL, PASSWORD).await;
        let path = format!("/users/{}", segment(text(&user, "user_id")));
        patch(&app, &path, json!({ "password": SECRET, "name": "Ada" })).await.ok();
        refused(&patch(&app, &path, json!({ "nope": 1 })).await);
        app.inner.login.audit.flush().await;
        for (kind, description, member) in [
            ("sapi", "Success API Operation", "changed"),
            ("fapi", "Failed API Operation", "response"),
        ] {
            let found = get(&app, &format!("/logs?q=type:{kind}&per_page=1")).await.ok();
            let event = &found[0];
            assert_eq!(event["type"], kind, "{backend}");
            assert_eq!(event["description"], description, "{backend}");
            assert_eq!(event["client_id"], BOOTSTRAP_ID, "{backend}");
            assert!(event["client_name"].is_string(), "{backend}: {event}");
            assert_eq!(event["details"]["request"]["method"], "PATCH", "{backend}");
            assert_eq!(event["details"]["request"]["path"], format!("/api/v2{path}"), "{backend}");
            assert!(!event["details"][member].is_null(), "{backend}: {event}");
        }
        let found = get(&app, "/logs?q=type:sapi&per_page=1").await.ok();
        assert_eq!(found[0]["details"]["changed"], json!(["name", "password"]), "{backend}");
        assert_eq!(found[0]["details"]["id"], user["user_id"], "{backend}");
    }
}
