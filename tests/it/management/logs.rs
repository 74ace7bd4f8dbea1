//! `/logs` and `/users/{id}/logs`.

use std::sync::Arc;

use doorward::{
    domain::{
        ClientId, UserId,
        audit::{AuditEvent, Caller, Happened},
        time::{Clock, Timestamp},
    },
    login::audit::AuditWriter,
    store::{audit, sweep},
};
use serde_json::Value;

use super::{get, refused, segment};
use crate::support::{
    TestApp, each_backend, each_backend_with,
    fixtures::{EMAIL, PASSWORD},
};

const DAY: i64 = 86_400;

/// An event that happened `ago` seconds ago.
fn happened(app: &TestApp, happened: &Happened<'_>, user: &str, ago: i64) -> AuditEvent {
    let date = app.clock.now().plus_seconds(-ago);
    let (client, user) = (ClientId::new("nobody"), UserId::new(user));
    let (client, user) = (Some(&client), Some(&user));
    AuditEvent::new(happened, client, user, Caller::default(), date, &*app.inner.entropy)
}

async fn keep(app: &TestApp, events: &[AuditEvent]) {
    let mut tx = app.inner.store.write().await.unwrap();
    for event in events {
        audit::insert(&mut tx, event).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// Five events of two users, oldest first, a minute apart, and none besides.
async fn five(app: &TestApp) -> Vec<String> {
    app.management_token().await;
    app.inner.login.audit.flush().await;
    app.clock.advance_seconds(10 * DAY);
    let events: Vec<_> = (0..5)
        .map(|i| {
            let kind = if i % 2 == 0 { Happened::LoggedIn } else { Happened::WrongPassword };
            happened(app, &kind, if i < 2 { "auth0|one" } else { "auth0|two" }, (5 - i) * 60)
        })
        .collect();
    keep(app, &events).await;
    events.into_iter().map(|event| event.id).collect()
}

fn ids(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|e| e["log_id"].as_str().unwrap()).collect()
}

/// Fresh, as the clock has moved beyond the life of the other.
async fn logs(app: &TestApp, query: &str) -> crate::support::Answer {
    let token = app.management_token_with(Some("read:logs")).await;
    app.inner.login.audit.flush().await;
    app.management_as(&token, "GET", &format!("/logs?{query}"), None).await
}

const OURS: &str = "q=client_id:nobody";

#[tokio::test]
async fn the_newest_come_first_unless_asked_otherwise() {
    for (backend, app) in each_backend().await {
        let mut all = five(&app).await;
        let oldest_first = logs(&app, &format!("{OURS}&sort=date:1")).await.ok();
        assert_eq!(ids(&oldest_first), all, "{backend}");
        all.reverse();
        assert_eq!(ids(&logs(&app, OURS).await.ok()), all, "{backend}");
        let envelope =
            logs(&app, &format!("{OURS}&page=1&per_page=2&include_totals=true")).await.ok();
        assert_eq!(ids(&envelope["logs"]), all[2..4], "{backend}");
        for (name, number) in [("start", 2), ("limit", 2), ("length", 2), ("total", 5)] {
            assert_eq!(envelope[name], number, "{backend} {name}");
        }
        for bad in ["sort=type:1", "per_page=101", "page=10&per_page=100", "search=x", "take=0"] {
            let answer = logs(&app, bad).await;
            assert_eq!(refused(&answer), (400, "invalid_query_string".to_owned()), "{bad}");
        }
    }
}

#[tokio::test]
async fn a_cursor_walks_to_the_end_and_is_never_overtaken() {
    for (backend, app) in each_backend().await {
        let all = five(&app).await;
        let page = logs(&app, &format!("from={}&take=2", all[0])).await.ok();
        assert_eq!(ids(&page), all[1..3], "{backend}");
        let page = logs(&app, &format!("from={}&take=2", all[2])).await.ok();
        assert_eq!(ids(&page), all[3..5], "{backend}");
        // What has just happened may still be overtaken by what is being written.
        let end = format!("from={}&take=100", all[4]);
        assert_eq!(ids(&logs(&app, &end).await.ok()), Vec::<&str>::new(), "{backend}");
        app.clock.advance_seconds(6);
        let later = logs(&app, &end).await.ok();
        assert_eq!(later[0]["type"], "seccft", "{backend}: {later}");
        for name in ["q", "search"] {
            let mixed = logs(&app, &format!("from={}&{name}=type:s", all[0])).await;
            assert_eq!(refused(&mixed), (400, "invalid_query_string".to_owned()), "{backend}");
        }
    }
}

#[tokio::test]
async fn a_search_goes_by_either_name_and_by_both() {
    for (backend, app) in each_backend().await {
        let all = five(&app).await;
        let found = logs(&app, "search=client_id:nobody&sort=date:1").await.ok();
        assert_eq!(ids(&found), all, "{backend}");
        let both = format!("{OURS}&search=type:fp&sort=date:1");
        assert_eq!(ids(&logs(&app, &both).await.ok()), [&*all[1], &*all[3]], "{backend}");
        let bad = logs(&app, &format!("{OURS}&search=colour:blue")).await;
        assert_eq!(refused(&bad), (400, "invalid_query_string".to_owned()), "{backend}");
        assert!(bad.text.contains("'search' cannot be searched for"), "{backend}: {}", bad.text);
        let mixed = logs(&app, "take=5&search=type:s").await;
        assert_eq!(refused(&mixed), (400, "invalid_query_string".to_owned()), "{backend}");
    }
}

#[tokio::test]
async fn a_search_joins_terms_and_says_what_it_knows() {
    for (backend, app) in each_backend().await {
        let all = five(&app).await;
        let search = async |q: &str| {
            let q: String = url::form_urlencoded::byte_serialize(q.as_bytes()).collect();
            logs(&app, &format!("sort=date:1&q={q}")).await
        };
        let two = r#"user_id:"auth0|two" AND client_id:"nobody""#;
        assert_eq!(ids(&search(two).await.ok()), all[2..], "{backend}");
        let one = format!(r#"type:"fp" AND {two}"#);
        assert_eq!(ids(&search(&one).await.ok()), all[3..4], "{backend}");
        let third = format!(r#"log_id:"{}""#, all[2]);
        assert_eq!(ids(&search(&third).await.ok()), all[2..3], "{backend}");
        let now = app.clock.now();
        let at = |ago: i64| now.plus_seconds(-ago).iso8601();
        let range = format!("client_id:nobody AND date:[{} TO {}]", at(270), at(90));
        assert_eq!(ids(&search(&range).await.ok()), all[1..4], "{backend}");
        let open = format!("client_id:nobody AND date:[{} TO *]", at(90));
        assert_eq!(ids(&search(&open).await.ok()), all[4..], "{backend}");
        let either = r#"client_id:nobody AND (type:(fp OR fu) OR user_id:"auth0|one")"#;
        let everything = search("client_id:nobody").await.ok();
        let others = search(r#"type:s AND user_id:"auth0|two""#).await.ok();
        let (mut expected, others) = (ids(&everything), ids(&others));
        expected.retain(|id| !others.contains(id));
        assert_eq!(ids(&search(either).await.ok()), expected, "{backend}");
        let excluding = r#"client_id:nobody AND NOT (type:s AND user_id:"auth0|two")"#;
        assert_eq!(ids(&search(excluding).await.ok()), expected, "{backend}");
        assert!(!expected.is_empty() && !others.is_empty(), "{backend}");
        for bad in ["type:s OR", "email:a@b.c", "type:*", "date:[yesterday TO *]"] {
            let answer = search(bad).await;
            assert_eq!(refused(&answer), (400, "invalid_query_string".to_owned()), "{bad}");
            assert!(answer.text_of("message").contains("joined by AND"), "{}", answer.text);
        }
    }
}

#[tokio::test]
async fn one_event_is_read_by_its_id() {
    for (backend, app) in each_backend().await {
        let event = happened(&app, &Happened::LoggedIn, "auth0|one", 60);
        keep(&app, std::slice::from_ref(&event)).await;
        let found = get(&app, &format!("/logs/{}", event.id)).await.ok();
        assert_eq!(found["_id"], event.id, "{backend}: {found}");
        assert_eq!(found["date"], event.date.iso8601());
        assert_eq!((&found["type"], &found["user_id"]), (&"s".into(), &"auth0|one".into()));
        assert_eq!(found["description"], "Successful login");
        assert_eq!(found["details"], serde_json::json!({}));
        assert!(found.get("client_name").is_none() && found.get("ip").is_none(), "{found}");
        let missing = get(&app, "/logs/x").await;
        assert_eq!(refused(&missing), (404, String::new()), "{backend}");
    }
}

#[tokio::test]
async fn the_logs_of_a_user_are_those_of_no_other() {
    for (backend, app) in each_backend().await {
        let user = app.add_user(EMAIL, PASSWORD).await;
        let id = user["user_id"].as_str().unwrap();
        let mine = happened(&app, &Happened::LoggedIn, id, 60);
        keep(&app, &[mine.clone(), happened(&app, &Happened::LoggedIn, "auth0|two", 30)]).await;
        let path = format!("/users/{}/logs", segment(id));
        assert_eq!(ids(&get(&app, &path).await.ok()), [&mine.id], "{backend}");
        let envelope = get(&app, &format!("{path}?include_totals=true")).await.ok();
        assert_eq!((&envelope["total"], &envelope["length"]), (&1.into(), &1.into()));
        let nobody = get(&app, "/users/auth0%7Cx/logs").await;
        assert_eq!(refused(&nobody), (404, "inexistent_user".to_owned()), "{backend}");
    }
}

#[tokio::test]
async fn what_was_handed_over_is_written_before_a_flush_ends() {
    for (backend, app) in each_backend().await {
        let writer = app.inner.login.audit.clone();
        for _ in 0..1000 {
            app.inner.login.note(&Happened::LoggedIn, Some(&ClientId::new("nobody")), None);
        }
        writer.flush().await;
        let found = logs(&app, &format!("{OURS}&include_totals=true&per_page=1")).await.ok();
        assert_eq!(found["total"], 1000, "{backend}");
        // Without a database the requests go on, and the end is not held up.
        let orphan = AuditWriter::start(app.inner.store.clone());
        app.inner.store.close().await;
        orphan.flush().await;
        for _ in 0..10_000 {
            app.inner.login.note(&Happened::LoggedIn, None, None);
        }
        writer.flush().await;
    }
}

#[tokio::test]
async fn rows_are_kept_as_long_as_configured() {
    for (backend, app) in each_backend_with("[audit]\nretention_days = 7\n").await {
        let old = happened(&app, &Happened::LoggedIn, "auth0|one", 7 * DAY + 60);
        let young = happened(&app, &Happened::LoggedIn, "auth0|one", 7 * DAY - 60);
        keep(&app, &[old, young.clone()]).await;
        let retention = app.inner.settings.audit_retention;
        let now: Timestamp = Arc::clone(&app.inner.clock).now();
        sweep::run(&app.inner.store, now, retention).await.unwrap();
        assert_eq!(ids(&logs(&app, OURS).await.ok()), [&young.id], "{backend}");
    }
}
