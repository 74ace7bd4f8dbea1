//! Too many new accounts from one address.

use super::*;
use crate::support::{browser::Browser, browser::Landed, each_backend_with};

async fn sign_up(app: &TestApp, world: &World, from: &str, email: &str) -> Answer {
    let body = json!({
        "client_id": world.client_id, "email": email, "password": PASSWORD,
        "connection": "Username-Password-Authentication",
    });
    let request = app.http.post(app.url("dbconnections/signup")).header("x-forwarded-for", from);
    app.send(request.json(&body)).await
}

#[tokio::test]
async fn an_address_creates_so_many_accounts_and_then_one_at_a_time() {
    for (backend, app) in each_backend_with(PROXIED).await {
        let world = app.world().await;
        let stage = json!({ "pre-user-registration": { "max_attempts": 3, "rate": 30_000 } });
        set(&app, SUSPICIOUS_IP, json!({ "stage": stage })).await;
        for nth in 0..3 {
            let answer = sign_up(&app, &world, HERE, &format!("user{nth}@example.com")).await;
            assert_eq!(answer.status, 200, "{backend}");
        }
        let answer = sign_up(&app, &world, HERE, "user3@example.com").await;
        assert_eq!((answer.status, answer.text_of("code")), (429, "too_many_attempts".into()));
        assert!(waits(&answer, 30), "{backend}");
        assert_eq!(events(&app, "limit_mu").await.len(), 1, "{backend}");
        let elsewhere = sign_up(&app, &world, THERE, "user3@example.com").await;
        assert_eq!(elsewhere.status, 200, "{backend}");
        app.clock.advance_seconds(30);
        assert_eq!(sign_up(&app, &world, HERE, "user4@example.com").await.status, 200, "{backend}");
        assert_eq!(sign_up(&app, &world, HERE, "user5@example.com").await.status, 429, "{backend}");
        // Logging in is another matter.
        let path = format!("/clients/{}", world.client_id);
        app.management("PATCH", &path, Some(json!({ "grant_types": ["password"] }))).await.ok();
        assert_eq!(guess(&app, &world, HERE, EMAIL, PASSWORD).await.status, 200, "{backend}");
    }
}

#[tokio::test]
async fn the_page_says_so_and_keeps_what_was_typed() {
    for (backend, app) in each_backend_with("").await {
        let world = app.world().await;
        let stage = json!({ "pre-user-registration": { "max_attempts": 1, "rate": 86_400_000 } });
        set(&app, SUSPICIOUS_IP, json!({ "stage": stage })).await;
        assert_eq!(sign_up(&app, &world, HERE, "user0@example.com").await.status, 200, "{backend}");
        let challenge = doorward::crypto::digest::s256_challenge(VERIFIER);
        let more = [("scope", "openid"), ("screen_hint", "signup")];
        let query = authorize_query(&world.client_id, &challenge, &more);
        let mut browser = Browser::new(&app);
        let page = browser.visit("authorize", &query).await.page();
        let fields = [("email", "new@example.com"), ("password", PASSWORD)];
        let Landed::Page(path, page) = browser.submit(&page, &fields).await else {
            panic!("{backend}: signed up")
        };
        assert_eq!((path.as_str(), page.status), ("/u/signup", 429), "{backend}");
        assert!(page.text.contains("too many attempts from your network"), "{backend}");
        assert!(page.text.contains("value=\"new@example.com\""), "{backend}");
        assert!(!page.header("retry-after").is_empty(), "{backend}");
    }
}
