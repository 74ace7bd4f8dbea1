//! `ETag` and `If-Match` (RFC 9110 §13.1.1): of two editors who read the same state one wins, and
//! the other is told.

use doorward::policy::management::{
    OPERATIONS, Operation,
    objects::{read_at, written_at},
};
use serde_json::{Value, json};

use super::{get, jobs, patch, post, refused, segment, valid_writes};
use crate::support::{Answer, TestApp, each_backend, fixtures::*};

const REFUSED: (u16, &str) = (412, "precondition_failed");

async fn expecting(
    app: &TestApp,
    (method, path): (&str, &str),
    tags: &[&str],
    body: Option<&Value>,
) -> Answer {
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let mut request = app.http.request(method, app.url(&format!("api/v2{path}")));
    request = request.bearer_auth(app.management_token().await);
    for tag in tags {
        request = request.header("if-match", *tag);
    }
    app.send(match body {
        Some(Value::String(form)) => request
            .header("content-type", format!("multipart/form-data; boundary={}", jobs::BOUNDARY))
            .body(form.clone()),
        Some(body) => request.json(body),
        None => request,
    })
    .await
}

async fn tag(app: &TestApp, path: &str) -> String {
    let answer = get(app, path).await;
    answer.ok();
    let tag = answer.header("etag");
    assert!(tag.len() == 24 && tag.starts_with('"') && tag.ends_with('"'), "{path}: {tag:?}");
    tag.to_owned()
}

#[track_caller]
fn is_refused(answer: &Answer, what: &str) {
    let (status, code) = refused(answer);
    assert_eq!((status, code.as_str()), REFUSED, "{what}: {}", answer.text);
}

fn is_edit(operation: &Operation) -> bool {
    matches!(operation.method, "PATCH" | "PUT" | "DELETE") && written_at(operation.path).is_some()
}

#[tokio::test]
async fn every_edit_is_refused_when_the_object_is_another_and_done_when_it_is_not() {
    for (backend, app) in each_backend().await {
        for operation in OPERATIONS.iter().filter(|operation| is_edit(operation)) {
            let what = format!("{backend} {} {}", operation.method, operation.path);
            let (path, body) = valid_writes::request(&app, operation).await.unwrap();
            let (target, body) = ((operation.method, path.as_str()), body.as_ref());
            let before = tag(&app, &path).await;
            for stale in ["\"AAAAAAAAAAAAAAAAAAAAAA\"", "\"\"", "rubbish", &format!("W/{before}")] {
                is_refused(&expecting(&app, target, &[stale], body).await, &what);
                assert_eq!(tag(&app, &path).await, before, "{what}: something was written");
            }
            let done = expecting(&app, target, &["\"other\"", &before], body).await;
            assert!((200..300).contains(&done.status), "{what}: {}", done.text);
            if operation.method == "DELETE" {
                assert_eq!(done.header("etag"), "", "{what}");
                continue;
            }
            let after = tag(&app, &path).await;
            assert_eq!(done.header("etag"), after, "{what}");
            assert_ne!(after, before, "{what}: the same tag for another state");
            is_refused(&expecting(&app, target, &[&before], body).await, &what);
            let done = expecting(&app, target, &["*"], body).await;
            assert!((200..300).contains(&done.status), "{what}: {}", done.text);
        }
    }
}

#[test]
fn no_edit_of_an_object_that_can_be_read_is_forgotten() {
    // What is blocked is a list that is emptied.
    let lists = ["/user-blocks/{id}", "/anomaly/blocks/ips/{id}"];
    let is_read = |path: &str| OPERATIONS.iter().any(|o| o.method == "GET" && o.path == path);
    for Operation { method, path, .. } in OPERATIONS {
        let is_one = path.ends_with('}') || *method == "PATCH";
        let is_edit = matches!(*method, "PATCH" | "PUT" | "DELETE") && is_one && is_read(path);
        if is_edit && !lists.contains(path) {
            assert!(read_at(path).is_some(), "{method} {path} has no ETag");
        }
    }
}

#[tokio::test]
async fn nothing_is_written_where_an_expectation_cannot_be_met() {
    for (backend, app) in each_backend().await {
        let others = OPERATIONS.iter().filter(|o| o.writes() && written_at(o.path).is_none());
        for operation in others {
            let what = format!("{backend} {} {}", operation.method, operation.path);
            let (path, body) = valid_writes::request(&app, operation).await.unwrap();
            let target = (operation.method, path.as_str());
            is_refused(&expecting(&app, target, &["\"a\""], body.as_ref()).await, &what);
            is_refused(&expecting(&app, target, &["*"], body.as_ref()).await, &what);
            let done = valid_writes::send(&app, operation, &path, body).await;
            assert!((200..300).contains(&done.status), "{what}: {}", done.text);
        }
    }
}

#[tokio::test]
async fn of_editors_at_the_same_time_one_wins() {
    for (backend, app) in each_backend().await {
        for operation in OPERATIONS.iter().filter(|operation| is_edit(operation)) {
            let what = format!("{backend} {} {}", operation.method, operation.path);
            let (path, body) = valid_writes::request(&app, operation).await.unwrap();
            let (target, body) = ((operation.method, path.as_str()), body.as_ref());
            let seen = [tag(&app, &path).await];
            let seen = [seen[0].as_str()];
            let edit = || expecting(&app, target, &seen, body);
            let (one, two, three, four) = tokio::join!(edit(), edit(), edit(), edit());
            let answers = [one, two, three, four];
            let won = |answer: &&Answer| (200..300).contains(&answer.status);
            if operation.method == "DELETE" {
                // Whoever comes late finds nothing left to delete.
                assert!(answers.iter().any(|answer| won(&answer)), "{what}");
                let is_late = |a: &Answer| won(&a) || matches!(a.status, 404 | 412);
                assert!(answers.iter().all(is_late), "{what}");
                continue;
            }
            let winners: Vec<_> = answers.iter().filter(won).collect();
            let told: Vec<_> = answers.iter().map(|a| (a.status, &a.text)).collect();
            assert_eq!(winners.len(), 1, "{what}: {told:?}");
            answers.iter().filter(|a| !won(a)).for_each(|answer| is_refused(answer, &what));
            assert_eq!(winners[0].header("etag"), tag(&app, &path).await, "{what}");
        }
    }
}

#[tokio::test]
async fn an_edit_and_a_removal_do_not_both_go_through() {
    for (backend, app) in each_backend().await {
        for path in ["/clients/{id}", "/resource-servers/{id}", "/users/{id}", "/roles/{id}"] {
            let operation = |method: &str| {
                OPERATIONS.iter().find(|o| o.method == method && o.path == path).unwrap()
            };
            let (at, body) = valid_writes::request(&app, operation("PATCH")).await.unwrap();
            let seen = tag(&app, &at).await;
            let seen = [seen.as_str()];
            let (edited, removed) = tokio::join!(
                expecting(&app, ("PATCH", &at), &seen, body.as_ref()),
                expecting(&app, ("DELETE", &at), &seen, None),
            );
            let what = format!("{backend} {path}: {} {}", edited.text, removed.text);
            match edited.status {
                200 => assert_eq!(removed.status, 412, "{what}"),
                status => assert!(status == 404 && removed.status < 300, "{what}"),
            }
        }
    }
}

#[tokio::test]
async fn what_was_created_can_be_edited_at_once() {
    for (backend, app) in each_backend().await {
        for (list, id) in [
            ("/clients", "client_id"),
            ("/resource-servers", "id"),
            ("/roles", "id"),
            ("/users", "user_id"),
            ("/organizations", "id"),
            ("/connections", "id"),
            ("/rules", "id"),
            ("/actions/actions", "id"),
            ("/client-grants", "id"),
        ] {
            let is_it = |o: &&Operation| o.method == "POST" && o.path == list;
            let operation = OPERATIONS.iter().find(is_it).unwrap();
            let (path, body) = valid_writes::request(&app, operation).await.unwrap();
            let created = post(&app, &path, body.unwrap()).await;
            let what = format!("{backend} {list}: {}", created.text);
            assert!(matches!(created.status, 200 | 201), "{what}");
            let path = format!("{list}/{}", segment(text(&created.json(), id)));
            assert_eq!(created.header("etag"), tag(&app, &path).await, "{what}");
        }
    }
}

#[tokio::test]
async fn a_missing_object_is_missing_whatever_is_expected() {
    for (backend, app) in each_backend().await {
        for expected in ["*", "\"a\""] {
            let body = json!({ "name": "x" });
            let answer =
                expecting(&app, ("PATCH", "/clients/nobody"), &[expected], Some(&body)).await;
            assert_eq!(refused(&answer), (404, "inexistent_client".into()), "{backend}");
            let answer = expecting(&app, ("DELETE", "/clients/nobody"), &[expected], None).await;
            assert_eq!(answer.status, 204, "{backend}");
            let answer = expecting(&app, ("PATCH", "/roles/a%00b"), &[expected], Some(&body)).await;
            assert_eq!(refused(&answer), (400, "invalid_uri".into()), "{backend}");
        }
        assert_eq!(get(&app, "/clients/nobody").await.header("etag"), "", "{backend}");
    }
}

#[tokio::test]
async fn a_tag_is_the_same_for_every_reader_and_shows_no_secret() {
    for (backend, app) in each_backend().await {
        let client = app.add_client(json!({ "app_type": "regular_web" })).await;
        let path = format!("/clients/{}", text(&client, "client_id"));
        let whole = tag(&app, &path).await;
        let token = app.management_token_with(Some("read:client_summary")).await;
        let part = app.management_as(&token, "GET", &path, None).await;
        assert_eq!(part.header("etag"), whole, "{backend}");
        assert_eq!(tag(&app, &format!("{path}?fields=name")).await, whole, "{backend}");
        // A list has none.
        assert_eq!(get(&app, "/clients").await.header("etag"), "", "{backend}");

        // Another secret is another state, which the answer names.
        let act = format!("{path}/rotate-secret");
        is_refused(&expecting(&app, ("POST", &act), &["\"a\""], None).await, backend);
        let rotated = expecting(&app, ("POST", &act), &[&whole], None).await;
        assert_ne!(rotated.ok()["client_secret"], client["client_secret"], "{backend}");
        assert_ne!(rotated.header("etag"), whole, "{backend}");
        assert_eq!(rotated.header("etag"), tag(&app, &path).await, "{backend}");
    }
}

#[tokio::test]
async fn a_login_is_no_edit_of_the_user() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let path = format!("/users/{}", segment(&world.user_id));
        let before = tag(&app, &path).await;
        app.log_in(&world).await;
        let shown = get(&app, &path).await.ok();
        assert_eq!(shown["logins_count"], 1, "{backend}: {shown}");
        assert_eq!(tag(&app, &path).await, before, "{backend}");
        patch(&app, &path, json!({ "nickname": "Ada" })).await.ok();
        assert_ne!(tag(&app, &path).await, before, "{backend}");
    }
}

#[tokio::test]
async fn the_use_of_a_refresh_token_is_no_edit_of_it() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let login = app.log_in(&world).await;
        let path = format!("/users/{}/refresh-tokens", segment(&world.user_id));
        let all = get(&app, &path).await.ok();
        let path = format!("/refresh-tokens/{}", text(&all["tokens"][0], "id"));
        let before = tag(&app, &path).await;
        app.clock.advance_seconds(60);
        app.refresh(&world, text(&login, "refresh_token"), &[]).await.ok();
        assert_eq!(tag(&app, &path).await, before, "{backend}");
    }
}

#[tokio::test]
async fn a_refused_edit_is_in_the_trail() {
    for (backend, app) in each_backend().await {
        let role = post(&app, "/roles", json!({ "name": "editor" })).await.ok();
        let path = format!("/roles/{}", text(&role, "id"));
        let body = json!({ "name": "other" });
        is_refused(&expecting(&app, ("PATCH", &path), &["\"a\""], Some(&body)).await, backend);
        assert_eq!(get(&app, &path).await.ok()["name"], "editor", "{backend}");
        app.inner.login.audit.flush().await;
        let found = get(&app, "/logs?q=type:fapi&per_page=1").await.ok();
        let response = &found[0]["details"]["response"];
        assert_eq!(response["statusCode"], 412, "{backend}: {found}");
        assert_eq!(response["body"]["errorCode"], "precondition_failed", "{backend}");
    }
}
