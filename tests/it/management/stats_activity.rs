//! `/stats/activity`, `/stats/totals` and `/logs/types`: how the server does.

use doorward::{
    domain::time::{Clock, Timestamp},
    store::{hourly_counts, sweep, totals},
};
use serde_json::{Value, json};

use super::{get, refused};
use crate::support::{
    TestApp, browser::Browser, each_backend, fixtures::*, population::Population, raw::Raw,
};

const HOUR: i64 = 3600;

/// What was counted, after everything has been written.
async fn activity(app: &TestApp, query: &str) -> Value {
    app.inner.login.audit.flush().await;
    let token = app.management_token_with(Some("read:stats")).await;
    app.management_as(&token, "GET", &format!("/stats/activity{query}"), None).await.ok()
}

/// The sum of a kind over all buckets.
fn sum(activity: &Value, kind: &str) -> i64 {
    let buckets = activity["buckets"].as_array().unwrap();
    buckets.iter().map(|bucket| bucket[kind].as_i64().unwrap()).sum()
}

/// Half past an hour, so that no test runs across one.
fn to_half_past(app: &TestApp) {
    let seconds = app.clock.now().seconds().rem_euclid(HOUR);
    app.clock.advance_seconds((HOUR + HOUR / 2 - seconds).rem_euclid(HOUR));
}

#[tokio::test]
async fn what_happens_is_counted_by_its_kind() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(json!({}), json!({ "leeway": 0 })).await;
        to_half_past(&app);
        let before = activity(&app, "").await;
        // Two logins, three exchanges, one refusal, one reuse.
        let first = app.log_in(&world).await;
        let second = app.log_in(&world).await;
        let one = app.refresh(&world, text(&first, "refresh_token"), &[]).await.ok();
        let two = app.refresh(&world, text(&one, "refresh_token"), &[]).await.ok();
        app.refresh(&world, text(&second, "refresh_token"), &[]).await.ok();
        let elsewhere = [("audience", "https://unknown.example")];
        assert_ne!(app.refresh(&world, text(&two, "refresh_token"), &elsewhere).await.status, 200);
        assert_ne!(app.refresh(&world, text(&first, "refresh_token"), &[]).await.status, 200);
        // A wrong password, a stranger and a sign-up.
        let mut browser = Browser::new(&app);
        let challenge = doorward::crypto::digest::s256_challenge(VERIFIER);
        let query = authorize_query(&world.client_id, &challenge, &[("scope", "openid")]);
        browser.log_in(&query, EMAIL, "a wrong password").await;
        browser.log_in(&query, "nobody@example.com", PASSWORD).await;
        let body = json!({
            "client_id": world.client_id, "email": "new@example.com",
            "password": "a wholly different phrase",
            "connection": "Username-Password-Authentication",
        });
        app.send(app.http.post(app.url("dbconnections/signup")).json(&body)).await.ok();
        let after = activity(&app, "").await;
        for (kind, expected) in [
            ("logins", 2),
            ("code_exchanges", 2),
            ("refresh_exchanges", 3),
            ("refused_exchanges", 1),
            ("reuse_detected", 1),
            ("failed_logins", 2),
            ("signups", 1),
            ("silent_logins", 0),
            ("failed_actions", 0),
        ] {
            let found = sum(&after, kind) - sum(&before, kind);
            assert_eq!(found, expected, "{backend} {kind}: {after}");
        }
        assert!(sum(&after, "client_credentials") > 0, "{backend}: the tests' own");
        assert!(sum(&after, "management_writes") > 0, "{backend}: the tests' own");
    }
}

#[tokio::test]
async fn buckets_are_full_hours_and_days_with_zeros_between() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        to_half_past(&app);
        let start = app.clock.now();
        app.log_in(&world).await;
        app.clock.advance_seconds(26 * HOUR);
        app.log_in(&world).await;
        app.log_in(&world).await;
        let end = app.clock.now();

        let hours = activity(&app, "").await;
        assert_eq!(hours["interval"], "hour", "{backend}");
        assert_eq!(hours["buckets"].as_array().unwrap().len(), 24, "{backend}");
        assert_eq!(hours["buckets"][23]["logins"], 2, "{backend}: the running hour is the last");
        assert_eq!(hours["buckets"][23]["date"], full(end, HOUR).iso8601(), "{backend}");
        assert_eq!(hours["to"], full(end.plus_seconds(HOUR), HOUR).iso8601(), "{backend}");
        assert_eq!(sum(&hours, "logins"), 2, "{backend}: the other is older than a day");

        let query = format!("?interval=hour&from={}&to={}", start.iso8601(), end.iso8601());
        let all = activity(&app, &query).await;
        let buckets = all["buckets"].as_array().unwrap();
        assert_eq!(buckets.len(), 27, "{backend}");
        assert_eq!(buckets[0]["logins"], 1, "{backend}");
        assert_eq!(all["from"], full(start, HOUR).iso8601(), "{backend}");
        assert!(buckets[1..26].iter().all(|bucket| bucket["logins"] == 0), "{backend}");

        let days = activity(&app, "?interval=day").await;
        let buckets = days["buckets"].as_array().unwrap();
        assert_eq!((buckets.len(), sum(&days, "logins")), (30, 3), "{backend}");
        assert_eq!(buckets[29]["logins"], 2, "{backend}");
        assert_eq!(buckets[29]["date"], full(end, 24 * HOUR).iso8601(), "{backend}");
        let one = full(start, 24 * HOUR).iso8601();
        let day = activity(&app, &format!("?interval=day&from={0}&to={0}", &one[..10])).await;
        assert_eq!(day["buckets"].as_array().unwrap().len(), 1, "{backend}");
        assert_eq!(
            (&day["buckets"][0]["date"], sum(&day, "logins")),
            (&json!(one), 1),
            "{backend}"
        );
        let long_ago = activity(&app, "?from=2001-01-01&to=2001-01-02").await;
        assert_eq!(long_ago["buckets"].as_array().unwrap().len(), 25, "{backend}");
        assert_eq!(sum(&long_ago, "logins"), 0, "{backend}");
    }
}

/// The last full unit of so many seconds.
fn full(at: Timestamp, seconds: i64) -> Timestamp {
    Timestamp::from_millis(at.seconds().div_euclid(seconds) * seconds * 1000)
}

#[tokio::test]
async fn nodes_that_count_at_once_lose_nothing() {
    for (backend, app) in each_backend().await {
        let other = app.another_node().await;
        let at = app.clock.now();
        let node = |app: &TestApp| {
            let (store, hour) = (app.inner.store.clone(), hourly_counts::hour_of(at));
            async move {
                for _ in 0..20 {
                    let mut tx = store.write().await.unwrap();
                    let kinds = ["signups", "logins", "revocations", "logouts"];
                    let counts =
                        kinds.iter().flat_map(|kind| [((hour, *kind), 2), ((hour - 1, *kind), 1)]);
                    hourly_counts::add(&mut tx, &counts.collect()).await.unwrap();
                    tx.commit().await.unwrap();
                }
            }
        };
        tokio::join!(node(&app), node(&other), node(&app), node(&other));
        let (from, to) = (at.plus_seconds(-HOUR).iso8601(), at.iso8601());
        let counted = activity(&app, &format!("?from={from}&to={to}")).await;
        for kind in ["signups", "logins", "revocations", "logouts"] {
            assert_eq!(counted["buckets"][0][kind], 80, "{backend} {kind}");
            assert_eq!(counted["buckets"][1][kind], 160, "{backend} {kind}");
        }
    }
}

#[tokio::test]
async fn counts_outlive_the_trail_and_are_kept_for_ninety_days() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        app.log_in(&world).await;
        let day = &app.clock.now().iso8601()[..10].to_owned();
        let query = format!("?interval=day&from={day}&to={day}");
        assert_eq!(sum(&activity(&app, &query).await, "logins"), 1, "{backend}");
        for (days, expected) in [(89, 1), (92, 0)] {
            let now = app.clock.now().plus_seconds(days * 24 * HOUR);
            sweep::run(&app.inner.store, now, 1).await.unwrap();
            let found = activity(&app, &query).await;
            assert_eq!(sum(&found, "logins"), expected, "{backend} after {days} days");
        }
    }
}

#[tokio::test]
async fn totals_count_what_is_alive() {
    for (backend, app) in each_backend().await {
        let empty = get(&app, "/stats/totals").await.ok();
        for member in ["users", "refresh_tokens", "sessions"] {
            assert_eq!(
                empty[member],
                json!({ "count": 0, "at_least": false }),
                "{backend} {member}"
            );
        }
        let eternal = json!({ "rotation_type": "non-rotating", "expiration_type": "non-expiring" });
        let world = app.world_with(json!({}), eternal).await;
        let answer = app.log_in(&world).await;
        let expiring = json!({ "refresh_token": refresh_settings(json!({})) });
        app.patch_client(&world.client_id, expiring).await;
        app.log_in(&world).await;
        let totals = get(&app, "/stats/totals").await.ok();
        let count = |member: &str| totals[member]["count"].as_i64().unwrap();
        let was = |member: &str| empty[member]["count"].as_i64().unwrap();
        assert_eq!((count("users"), count("refresh_tokens"), count("sessions")), (1, 2, 2));
        assert_eq!(count("clients") - was("clients"), 1, "{backend}");
        assert_eq!(count("resource_servers") - was("resource_servers"), 2, "{backend}");
        assert!(totals["counted_at"].is_string(), "{backend}");

        let form =
            [("client_id", world.client_id.as_str()), ("token", text(&answer, "refresh_token"))];
        app.post_form("oauth/revoke", &form).await;
        let totals = get(&app, "/stats/totals").await.ok();
        assert_eq!(totals["refresh_tokens"]["count"], 1, "{backend}: one is revoked");
        app.clock.advance_seconds(31 * 24 * HOUR);
        let token = app.management_token_with(Some("read:stats")).await;
        let totals = app.management_as(&token, "GET", "/stats/totals", None).await.ok();
        assert_eq!(totals["refresh_tokens"]["count"], 0, "{backend}: the other has ended");
        assert_eq!(totals["sessions"]["count"], 0, "{backend}: both have ended");
    }
}

#[tokio::test]
async fn large_numbers_are_counted_once_a_minute_and_not_to_the_end() {
    for (backend, app) in each_backend().await {
        // Ten users have a session and a refresh token each.
        Population { clients: 2, apis: 5, users: 100 }.settle(&app).await;
        let mut raw = Raw::connect(&app).await;
        add_sessions(&mut raw, totals::MOST_EXAMINED).await;
        let first = get(&app, "/stats/totals").await.ok();
        let most = json!({ "count": totals::MOST_EXAMINED, "at_least": true });
        assert_eq!(first["sessions"], most, "{backend}");
        assert_eq!(first["refresh_tokens"], json!({ "count": 10, "at_least": false }), "{backend}");
        app.add_user("one.more@example.com", PASSWORD).await;
        assert_eq!(get(&app, "/stats/totals").await.ok(), first, "{backend}: remembered");
        app.clock.advance_seconds(61);
        let later = get(&app, "/stats/totals").await.ok();
        assert_eq!(later["users"]["count"], 101, "{backend}");
    }
}

async fn add_sessions(raw: &mut Raw, count: i64) {
    let blob = if matches!(raw, Raw::Sqlite(_)) { "BLOB" } else { "BYTEA" };
    let sql = format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
        INSERT INTO session (id, cookie_hash, user_id, authenticated_at, amr, created_at,
            expires_at, idle_expires_at)
        SELECT 'more' || i, CAST('more' || i AS {blob}), 'auth0|1000001', 1, 'pwd', 1,
            9000000000000, 9000000000000 FROM n"
    );
    match raw {
        Raw::Sqlite(c) => sqlx::query(sqlx::AssertSqlSafe(sql)).execute(c).await.map(|_| ()),
        Raw::Postgres(c) => sqlx::query(sqlx::AssertSqlSafe(sql)).execute(c).await.map(|_| ()),
    }
    .unwrap();
}

#[tokio::test]
async fn every_type_of_events_has_words() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        app.log_in(&world).await;
        app.inner.login.audit.flush().await;
        let types = get(&app, "/logs/types").await.ok();
        let idle = types["reasons"].as_array().unwrap().iter().find(|one| one["reason"] == "idle");
        let idle = idle.unwrap()["meaning"].as_str().unwrap();
        assert_eq!(idle, "The refresh token had not been used for too long.", "{backend}");
        let types = types["types"].as_array().unwrap();
        let exchange = types.iter().find(|one| one["type"] == "sertft").unwrap();
        let expected = json!({
            "type": "sertft", "title": "Exchanged a refresh token", "kind": "refresh_exchanges",
            "description": "Successful exchange of refresh token for access token",
            "is_failure": false,
        });
        assert_eq!(*exchange, expected, "{backend}");
        let reuse = types.iter().find(|one| one["type"] == "ferrt").unwrap();
        assert_eq!(reuse["is_failure"], true, "{backend}");
        let events = get(&app, "/logs").await.ok();
        for event in events.as_array().unwrap() {
            let known = types.iter().find(|one| one["type"] == event["type"]);
            let known = known.unwrap_or_else(|| panic!("{backend}: {event} has no words"));
            assert_eq!(known["description"], event["description"], "{backend}");
        }
    }
}

#[tokio::test]
async fn other_questions_are_refused() {
    for (backend, app) in each_backend().await {
        for query in [
            "from=yesterday",
            "to=20260101",
            "from=2026-01-32",
            "interval=minute",
            "interval=hour&from=2026-01-01&to=2026-02-11T16:00:00Z",
            "interval=day&from=2020-01-01&to=2026-01-01",
            "from=2026-01-02&to=2026-01-01",
            "from=2026-01-01&from=2026-01-02",
            "days=3",
        ] {
            let answer = get(&app, &format!("/stats/activity?{query}")).await;
            let expected = (400, "invalid_query_string".to_owned());
            assert_eq!(refused(&answer), expected, "{backend} {query}");
        }
        let most = "from=2026-01-01&to=2026-02-11T15:59:59Z";
        let found = get(&app, &format!("/stats/activity?{most}")).await.ok();
        assert_eq!(found["buckets"].as_array().unwrap().len(), 1000, "{backend}");
        for path in ["/stats/totals?page=1", "/stats/attention?page=1", "/logs/types?page=1"] {
            assert_eq!(get(&app, path).await.status, 400, "{backend} {path}");
        }
        let token = app.management_token_with(Some("read:users")).await;
        for path in ["/stats/activity", "/stats/totals", "/stats/attention", "/logs/types"] {
            let answer = app.management_as(&token, "GET", path, None).await;
            let expected = (403, "insufficient_scope".to_owned());
            assert_eq!(refused(&answer), expected, "{backend} {path}");
        }
    }
}
