//! How often a client may call.

use doorward::policy::management::OPERATIONS;
use serde_json::json;

use super::refused;
use crate::support::{Answer, TestApp, each_backend, each_backend_with, fixtures::text};

const TWO_PER_SECOND: &str = "[management]\nrequests_per_second = 2\nburst = 5";

async fn roles(app: &TestApp, token: &str) -> Answer {
    app.management_as(token, "GET", "/roles", None).await
}

fn number(answer: &Answer, header: &str) -> i64 {
    let value = answer.header(header);
    value.parse().unwrap_or_else(|_| panic!("{header}: {value:?} {}", answer.text))
}

/// Calls until the server refuses. The clock goes on meanwhile, if only by milliseconds.
async fn exhaust(app: &TestApp, token: &str) -> Answer {
    for _ in 0..200 {
        let answer = roles(app, token).await;
        if answer.status == 429 {
            return answer;
        }
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    panic!("never refused");
}

#[tokio::test]
async fn a_client_that_asks_too_often_is_told_when_to_come_back() {
    for (backend, app) in each_backend_with(TWO_PER_SECOND).await {
        let token = app.management_token().await.to_owned();
        let first = roles(&app, &token).await;
        assert_eq!(first.status, 200, "{backend}");
        assert_eq!(number(&first, "x-ratelimit-limit"), 5, "{backend}");
        assert_eq!(number(&first, "x-ratelimit-remaining"), 4, "{backend}");
        assert_eq!(first.header("retry-after"), "", "{backend}");

        let refusal = exhaust(&app, &token).await;
        let expected = json!({
            "statusCode": 429, "error": "Too Many Requests",
            "message": "Global limit has been reached", "errorCode": "too_many_requests",
        });
        assert_eq!(refusal.json(), expected, "{backend}");
        assert_eq!(number(&refusal, "retry-after"), 1, "{backend}");
        assert_eq!(number(&refusal, "x-ratelimit-remaining"), 0, "{backend}");
        let now = app.inner.clock.now().seconds();
        let reset = number(&refusal, "x-ratelimit-reset");
        assert!((now..now + 10).contains(&reset), "{backend}: {reset} at {now}");

        app.clock.advance_seconds(number(&refusal, "retry-after"));
        assert_eq!(roles(&app, &token).await.status, 200, "{backend}: after Retry-After");
        app.clock.advance_seconds(60);
        let rested = roles(&app, &token).await;
        assert_eq!(number(&rested, "x-ratelimit-remaining"), 4, "{backend}");
    }
}

#[tokio::test]
async fn every_operation_counts_and_a_refusal_of_one_is_a_refusal_of_all() {
    for (backend, app) in each_backend_with(TWO_PER_SECOND).await {
        let token = app.management_token().await.to_owned();
        for operation in OPERATIONS {
            exhaust(&app, &token).await;
            let answer = app.management_as(&token, operation.method, operation.path, None).await;
            // A slow machine may have had its half second by now.
            if answer.status != 429 {
                assert_eq!(number(&answer, "x-ratelimit-remaining"), 0, "{backend} {operation:?}");
                continue;
            }
            assert_eq!(refused(&answer), (429, "too_many_requests".to_owned()), "{backend}");
        }
    }
}

#[tokio::test]
async fn strangers_and_other_clients_use_up_nothing_of_a_client() {
    for (backend, app) in each_backend_with(TWO_PER_SECOND).await {
        let token = app.management_token().await.to_owned();
        let created = app
            .add_client(json!({
                "app_type": "non_interactive", "grant_types": ["client_credentials"],
                "token_endpoint_auth_method": "client_secret_post",
            }))
            .await;
        let audience = format!("{}api/v2/", app.issuer);
        let id = text(&created, "client_id");
        let grant = json!({ "client_id": id, "audience": audience, "scope": ["read:roles"] });
        TestApp::created(&app.management("POST", "/client-grants", Some(grant)).await);
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", id),
            ("client_secret", text(&created, "client_secret")),
            ("audience", &audience),
        ];
        let other = app.token(&form).await.ok();
        let other = text(&other, "access_token");
        app.clock.advance_seconds(60);

        for _ in 0..50 {
            for stranger in ["", "a.b.c", "not-a-jwt"] {
                let answer = roles(&app, stranger).await;
                assert!(matches!(answer.status, 400 | 401), "{backend}: {}", answer.text);
                assert_eq!(answer.header("x-ratelimit-limit"), "", "{backend}");
            }
        }
        exhaust(&app, other).await;
        let untouched = roles(&app, &token).await;
        assert_eq!(number(&untouched, "x-ratelimit-remaining"), 4, "{backend}");
    }
}

#[tokio::test]
async fn without_a_limit_nothing_is_counted() {
    for (backend, app) in each_backend().await {
        let token = app.management_token().await.to_owned();
        let answer = roles(&app, &token).await;
        assert_eq!(answer.header("x-ratelimit-limit"), "", "{backend}");
    }
}
