//! Too many requests from one address.

use super::*;
use crate::support::each_backend_with;

/// Three at once, and one every ten thousand seconds or so.
const SLOW: Configuration = "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n\
    [attack_protection]\nrequests_per_second = 1\nburst = 3\nsame_user_logins_per_minute = 0\n";

async fn ask(app: &TestApp, from: &str, path: &str, accept: &str) -> Answer {
    let request = app.http.get(app.url(path)).header("x-forwarded-for", from);
    app.send(request.header("accept", accept)).await
}

/// Asks until it is refused: the clock goes on meanwhile.
async fn exhaust(app: &TestApp, from: &str) -> Answer {
    for _ in 0..200 {
        let answer = ask(app, from, "userinfo", "*/*").await;
        if answer.status == 429 {
            return answer;
        }
    }
    panic!("never refused")
}

#[tokio::test]
async fn an_address_that_asks_too_often_is_told_when_to_come_back() {
    for (backend, app) in each_backend_with(SLOW).await {
        let first = ask(&app, HERE, "userinfo", "application/json").await;
        assert_eq!((first.status, first.header("x-ratelimit-limit")), (401, "3"), "{backend}");
        assert_eq!(first.header("x-ratelimit-remaining"), "2", "{backend}");
        let refused = exhaust(&app, HERE).await;
        assert_eq!(refused.error(), (429, "too_many_requests".to_owned()), "{backend}");
        assert_eq!(refused.header("retry-after"), "1", "{backend}");
        assert_eq!(refused.header("x-ratelimit-remaining"), "0", "{backend}");
        assert_eq!(refused.header("cache-control"), "no-store", "{backend}");
        // Nobody else, and nothing that is only read or has a rate of its own.
        assert_eq!(ask(&app, THERE, "userinfo", "*/*").await.status, 401, "{backend}");
        for path in ["health/ready", ".well-known/jwks.json", "api/v2/roles"] {
            assert_ne!(ask(&app, HERE, path, "*/*").await.status, 429, "{backend} {path}");
        }
        app.clock.advance_seconds(60);
        assert_eq!(ask(&app, HERE, "userinfo", "*/*").await.status, 401, "{backend}");
    }
}

#[tokio::test]
async fn a_person_gets_a_page_and_a_script_may_read_the_refusal() {
    for (backend, app) in each_backend_with(SLOW).await {
        let origin = "https://app.example.com";
        app.add_client(json!({ "callbacks": [format!("{origin}/cb")] })).await;
        let mut page = exhaust(&app, HERE).await;
        for _ in 0..200 {
            page = ask(&app, HERE, "authorize", "text/html").await;
            if page.status == 429 {
                break;
            }
        }
        assert_eq!(page.status, 429, "{backend}");
        assert!(page.text.contains("Too many requests came from your network"), "{backend}");
        assert!(page.header("content-security-policy").contains("default-src"), "{backend}");
        exhaust(&app, HERE).await;
        let request = app.http.post(app.url("oauth/token")).header("x-forwarded-for", HERE);
        let answer = app.send(request.header("origin", origin).form(&[("grant_type", "x")])).await;
        assert_eq!(answer.header("access-control-allow-origin"), origin, "{backend}");
    }
}

#[tokio::test]
async fn whoever_is_on_this_machine_is_not_limited() {
    for (backend, app) in each_backend_with(SLOW).await {
        for _ in 0..20 {
            assert_eq!(app.get("userinfo").await.status, 401, "{backend}");
        }
    }
}

#[tokio::test]
async fn replicas_share_what_they_counted() {
    let file = "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n\
        [attack_protection]\nrequests_per_second = 1\nburst = 500\n";
    for (backend, app) in each_backend_with(file).await {
        if backend == "sqlite" {
            continue;
        }
        let other = app.another_node().await;
        for _ in 0..100 {
            ask(&app, HERE, "userinfo", "*/*").await;
        }
        // The other one learns it soon after it is asked itself.
        for asked in 1..=200 {
            let told = ask(&other, HERE, "userinfo", "*/*").await;
            let remaining: i64 = told.header("x-ratelimit-remaining").parse().unwrap();
            // By itself it would have this many left, and more with each second that passes.
            if remaining < 500 - asked - 50 {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("{backend}: the other node never learned it");
    }
}
