//! `/user-blocks` and `/anomaly/blocks/ips`: nobody is blocked for attempts.

use serde_json::json;

use super::{delete, get, refused, segment};
use crate::support::{each_backend, fixtures::*};

#[tokio::test]
async fn nobody_is_blocked_for_attempts() {
    for (backend, app) in each_backend().await {
        let user = app.add_user(EMAIL, PASSWORD).await;
        let by_id = format!("/user-blocks/{}", segment(user["user_id"].as_str().unwrap()));
        let by_name = format!("/user-blocks?identifier={EMAIL}");
        for path in [&by_id, &by_name, "/user-blocks?identifier=nobody"] {
            assert_eq!(get(&app, path).await.ok(), json!({ "blocked_for": [] }), "{backend}");
            let answer = delete(&app, path).await;
            assert_eq!((answer.status, answer.text.as_str()), (204, ""), "{backend}");
        }
        let asked = get(&app, &format!("{by_id}?consider_brute_force_enablement=true")).await;
        assert_eq!(asked.ok(), json!({ "blocked_for": [] }), "{backend}");
        for ip in ["192.0.2.1", "2001:db8::1"] {
            let path = format!("/anomaly/blocks/ips/{}", segment(ip));
            let answer = get(&app, &path).await;
            assert_eq!(refused(&answer), (404, String::new()), "{backend}");
            let said = "IP address specified is not currently blocked.";
            assert_eq!(answer.text_of("message"), said, "{backend}");
            assert_eq!(delete(&app, &path).await.status, 204, "{backend}");
        }
        // What an operator did is told, without the address that was named.
        let logs = get(&app, "/logs?per_page=100").await.ok();
        let told = logs.as_array().unwrap().iter().filter(|log| {
            let path = log["details"]["request"]["path"].as_str().unwrap_or("");
            log["type"] == "sapi" && path.contains("blocks")
        });
        assert_eq!(told.count(), 5, "{backend}: {logs}");
        assert!(!logs.to_string().contains(EMAIL), "{backend}");
    }
}

#[tokio::test]
async fn other_questions_about_blocks_are_refused() {
    for (backend, app) in each_backend().await {
        for path in ["/user-blocks/auth0%7Cnobody", "/user-blocks/x"] {
            for answer in [get(&app, path).await, delete(&app, path).await] {
                assert_eq!(refused(&answer), (404, "inexistent_user".to_owned()), "{backend}");
                assert_eq!(answer.text_of("message"), "User not found.", "{backend}");
            }
        }
        let long = format!("/user-blocks?identifier={}", "x".repeat(321));
        for path in [
            "/user-blocks",
            "/user-blocks?identifier=",
            "/user-blocks?identifier=a&identifier=b",
            "/user-blocks?identifier=a&page=1",
            long.as_str(),
        ] {
            for answer in [get(&app, path).await, delete(&app, path).await] {
                let expected = (400, "invalid_query_string".to_owned());
                assert_eq!(refused(&answer), expected, "{backend} {path}");
            }
        }
        let odd = get(&app, "/user-blocks?identifier=a&consider_brute_force_enablement=1").await;
        assert_eq!(refused(&odd), (400, "invalid_query_string".to_owned()), "{backend}");
        for path in ["/anomaly/blocks/ips/x", "/anomaly/blocks/ips/192.0.2.256"] {
            for answer in [get(&app, path).await, delete(&app, path).await] {
                assert_eq!(refused(&answer), (400, "invalid_uri".to_owned()), "{backend} {path}");
            }
        }
        let token = app.management_token_with(Some("read:roles")).await;
        for (method, path) in [
            ("GET", "/user-blocks?identifier=a"),
            ("DELETE", "/user-blocks?identifier=a"),
            ("GET", "/user-blocks/x"),
            ("DELETE", "/user-blocks/x"),
            ("GET", "/anomaly/blocks/ips/192.0.2.1"),
            ("DELETE", "/anomaly/blocks/ips/192.0.2.1"),
        ] {
            let answer = app.management_as(&token, method, path, None).await;
            assert_eq!(refused(&answer), (403, "insufficient_scope".to_owned()), "{backend}");
        }
    }
}
