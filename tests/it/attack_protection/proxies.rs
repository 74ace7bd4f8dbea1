//! Whom a request comes from: `server.trusted_proxies` decides.

use super::*;
use crate::support::{each_backend, each_backend_with};

async fn last_ip(app: &TestApp, world: &World) -> Value {
    let path = format!("/users/{}", world.user_id.replace('|', "%7C"));
    app.management("GET", &path, None).await.ok()["last_ip"].clone()
}

#[tokio::test]
async fn the_header_of_a_stranger_is_not_believed() {
    for (backend, app) in each_backend().await {
        let world = world(&app).await;
        set(&app, BRUTE_FORCE, json!({ "max_attempts": 2 })).await;
        assert_eq!(guess(&app, &world, HERE, EMAIL, PASSWORD).await.status, 200, "{backend}");
        assert_eq!(last_ip(&app, &world).await, "127.0.0.1", "{backend}");
        // Another made-up address for each guess is no way around.
        assert_eq!(guess(&app, &world, HERE, EMAIL, "wrong").await.error(), wrong(), "{backend}");
        assert_eq!(
            guess(&app, &world, THERE, EMAIL, "wrong").await.error(),
            blocked(),
            "{backend}"
        );
    }
}

#[tokio::test]
async fn what_a_trusted_proxy_wrote_is_and_what_came_to_it_is_not() {
    for (backend, app) in each_backend_with(PROXIED).await {
        let world = world(&app).await;
        set(&app, BRUTE_FORCE, json!({ "max_attempts": 2 })).await;
        assert_eq!(guess(&app, &world, HERE, EMAIL, PASSWORD).await.status, 200, "{backend}");
        assert_eq!(last_ip(&app, &world).await, HERE, "{backend}");
        for (made_up, error) in [("203.0.113.1", wrong()), ("203.0.113.2", blocked())] {
            let header = format!("{made_up}, {THERE}");
            assert_eq!(
                guess(&app, &world, &header, EMAIL, "wrong").await.error(),
                error,
                "{backend}"
            );
        }
        let shown = app.management("GET", &format!("/user-blocks?identifier={EMAIL}"), None).await;
        assert_eq!(shown.ok()["blocked_for"][0]["ip"], THERE, "{backend}");
    }
}

/// Issuer https, TLS ended by a proxy that nobody named: all requests have its address. Throttling
/// it would keep everybody out.
#[tokio::test]
async fn behind_a_proxy_that_nobody_named_only_accounts_are_counted() {
    let file = "[server]\nissuer = \"https://login.example.com/\"\n";
    for (backend, app) in each_backend_with(file).await {
        let world = world(&app).await;
        let stage = json!({ "pre-login": { "max_attempts": 1, "rate": 86_400_000 } });
        set(&app, SUSPICIOUS_IP, json!({ "stage": stage })).await;
        for nth in 0..4 {
            let who = format!("user{nth}@example.com");
            assert_eq!(
                guess(&app, &world, HERE, &who, "wrong").await.error(),
                wrong(),
                "{backend}"
            );
        }
        set(&app, BRUTE_FORCE, json!({ "max_attempts": 2 })).await;
        assert_eq!(guess(&app, &world, HERE, EMAIL, "wrong").await.error(), wrong(), "{backend}");
        assert_eq!(
            guess(&app, &world, THERE, EMAIL, "wrong").await.error(),
            blocked(),
            "{backend}"
        );
    }
}
