//! `/stats`: how many people log in.

use serde_json::{Value, json};

use super::{get, refused};
use crate::support::{TestApp, each_backend, fixtures::*};

const DAY: i64 = 86_400;

/// The number of a day as the counts keep it, so that a test can begin at noon.
fn seconds_until_noon(app: &TestApp) -> i64 {
    let now = app.inner.clock.now().seconds();
    (DAY + DAY / 2 - now.rem_euclid(DAY)).rem_euclid(DAY)
}

async fn with_new_token(app: &TestApp, path: &str) -> Value {
    let token = app.management_token_with(None).await;
    app.management_as(&token, "GET", path, None).await.ok()
}

async fn sign_up(app: &TestApp, world: &World, email: &str) {
    let body = json!({
        "client_id": world.client_id, "email": email, "password": "a wholly different phrase",
        "connection": "Username-Password-Authentication",
    });
    app.send(app.http.post(app.url("dbconnections/signup")).json(&body)).await.ok();
}

#[tokio::test]
async fn logins_and_signups_are_counted_by_day_and_stay_when_the_trail_is_swept() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        app.clock.advance_seconds(seconds_until_noon(&app));
        assert_eq!(with_new_token(&app, "/stats/daily").await, json!([]), "{backend}");
        let first = app.inner.clock.now();
        for _ in 0..3 {
            app.log_in(&world).await;
        }
        sign_up(&app, &world, "one@example.com").await;
        sign_up(&app, &world, "two@example.com").await;
        app.clock.advance_seconds(2 * DAY);
        let second = app.inner.clock.now();
        app.log_in(&world).await;
        let shown = with_new_token(&app, "/stats/daily").await;
        let days = shown.as_array().unwrap();
        assert_eq!(days.len(), 2, "{backend}: {shown}");
        for (day, at, logins, signups) in [(&days[0], first, 3, 2), (&days[1], second, 1, 0)] {
            let date = format!("{}T00:00:00.000Z", &at.iso8601()[..10]);
            assert_eq!(day["date"], date, "{backend}");
            assert_eq!(day["logins"], logins, "{backend}");
            assert_eq!(day["signups"], signups, "{backend}");
            assert_eq!(day["leaked_passwords"], 0, "{backend}");
            let (created, updated) =
                (day["created_at"].as_str().unwrap(), day["updated_at"].as_str().unwrap());
            assert!(created <= updated && created[..10] == at.iso8601()[..10], "{backend}");
        }
        let compact = |at: doorward::domain::time::Timestamp| at.iso8601()[..10].replace('-', "");
        let (one, two) = (compact(first), compact(second));
        for (query, expected) in [
            (format!("from={one}&to={one}"), json!([days[0]])),
            (format!("from={two}"), json!([days[1]])),
            (format!("to={one}"), json!([days[0]])),
            (format!("from={one}&to={two}"), shown.clone()),
            (format!("from={two}&to={one}"), json!([])),
            ("from=20000101&to=20000102".to_owned(), json!([])),
        ] {
            let found = with_new_token(&app, &format!("/stats/daily?{query}")).await;
            assert_eq!(found, expected, "{backend} {query}");
        }
        let now = app.inner.clock.now().plus_seconds(DAY);
        doorward::store::sweep::run(&app.inner.store, now, 1).await.unwrap();
        assert_eq!(with_new_token(&app, "/stats/daily").await, shown, "{backend}: still true");
        app.clock.advance_seconds(29 * DAY);
        let later = with_new_token(&app, "/stats/daily").await;
        assert_eq!(later, json!([days[1]]), "{backend}: thirty days unless asked");
        let found = with_new_token(&app, &format!("/stats/daily?from={one}")).await;
        assert_eq!(found, shown, "{backend}");
        let now = app.inner.clock.now().plus_seconds(3 * 366 * DAY);
        doorward::store::sweep::run(&app.inner.store, now, 1).await.unwrap();
        let found = with_new_token(&app, &format!("/stats/daily?from={one}")).await;
        assert_eq!(found, json!([]), "{backend}: nothing is kept for ever");
    }
}

#[tokio::test]
async fn who_logged_in_within_thirty_days_is_active() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        app.add_user("idle@example.com", PASSWORD).await;
        assert_eq!(get(&app, "/stats/active-users").await.ok(), json!(0), "{backend}");
        app.log_in(&world).await;
        app.log_in(&world).await;
        assert_eq!(get(&app, "/stats/active-users").await.ok(), json!(1), "{backend}");
        app.clock.advance_seconds(30 * DAY - 60);
        assert_eq!(with_new_token(&app, "/stats/active-users").await, json!(1), "{backend}");
        app.clock.advance_seconds(61);
        assert_eq!(with_new_token(&app, "/stats/active-users").await, json!(0), "{backend}");
    }
}

#[tokio::test]
async fn logins_at_once_are_all_counted() {
    for (backend, app) in each_backend().await {
        let grants = json!({ "grant_types": ["password"] });
        let world = app.world_with(grants, json!({})).await;
        app.clock.advance_seconds(seconds_until_noon(&app));
        let form = [
            ("grant_type", "password"),
            ("client_id", world.client_id.as_str()),
            ("username", EMAIL),
            ("password", PASSWORD),
        ];
        let (one, two, three) = tokio::join!(app.token(&form), app.token(&form), app.token(&form));
        let logins = [one, two, three].iter().filter(|answer| answer.status == 200).count();
        assert!(logins > 0, "{backend}");
        let shown = with_new_token(&app, "/stats/daily").await;
        assert_eq!(shown[0]["logins"], logins, "{backend}");
    }
}

#[tokio::test]
async fn other_questions_are_refused() {
    for (backend, app) in each_backend().await {
        for query in [
            "from=2026-01-01",
            "from=20261301",
            "from=20260230",
            "to=2026010",
            "to=202601011",
            "to=2026010%C3%A9",
            "from=20260101&from=20260102",
            "days=3",
        ] {
            let answer = get(&app, &format!("/stats/daily?{query}")).await;
            let expected = (400, "invalid_query_string".to_owned());
            assert_eq!(refused(&answer), expected, "{backend} {query}");
        }
        assert_eq!(get(&app, "/stats/active-users?days=3").await.status, 400, "{backend}");
        let token = app.management_token_with(Some("read:users")).await;
        for path in ["/stats/daily", "/stats/active-users"] {
            let answer = app.management_as(&token, "GET", path, None).await;
            assert_eq!(refused(&answer), (403, "insufficient_scope".to_owned()), "{backend}");
        }
    }
}
