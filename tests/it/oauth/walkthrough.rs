//! The published walkthrough: a Single Page Application and an API as an admin screen makes them,
//! the authorization code flow with the client secret and without PKCE, then the refresh.

use serde_json::json;

use crate::support::{TestApp, browser::Browser, each_backend, fixtures::text, payload};

const API: &str = "https://example.com";

#[tokio::test]
async fn the_published_walkthrough() {
    for (backend, app) in each_backend().await {
        let api = json!({ "name": "Example", "identifier": API, "allow_offline_access": true });
        TestApp::created(&app.management("POST", "/resource-servers", Some(api)).await);
        let client = json!({ "name": "App", "app_type": "spa", "callbacks": [API] });
        let client = TestApp::created(&app.management("POST", "/clients", Some(client)).await);
        let (id, secret) = (text(&client, "client_id"), text(&client, "client_secret"));
        app.add_user("xxxxxxxx@example.co.jp", "a password").await;

        let query = [
            ("audience", API),
            ("response_type", "code"),
            ("scope", "openid profile email offline_access"),
            ("client_id", id),
            ("redirect_uri", API),
        ];
        let mut browser = Browser::new(&app);
        let landed = browser.log_in(&query, "xxxxxxxx@example.co.jp", "a password").await;
        let code = landed.application()["code"].clone();
        let exchange = [
            ("grant_type", "authorization_code"),
            ("client_id", id),
            ("client_secret", secret),
            ("code", code.as_str()),
            ("redirect_uri", API),
        ];
        let login = app.token(&exchange).await.ok();
        check(&app, &login, id, backend);
        assert!(payload(text(&login, "id_token"))["sid"].is_string(), "{backend}");

        app.clock.advance_seconds(173);
        let refresh = [
            ("grant_type", "refresh_token"),
            ("client_id", id),
            ("client_secret", secret),
            ("refresh_token", text(&login, "refresh_token")),
        ];
        let again = app.token(&refresh).await.ok();
        check(&app, &again, id, backend);
        assert_ne!(again["refresh_token"], login["refresh_token"], "{backend}: rotation is on");
        for token in ["id_token", "access_token"] {
            let (before, after) = (payload(text(&login, token)), payload(text(&again, token)));
            assert!(
                after["iat"].as_i64() >= before["iat"].as_i64().map(|iat| iat + 173),
                "{backend}"
            );
        }
    }
}

fn check(app: &TestApp, answer: &serde_json::Value, client_id: &str, backend: &str) {
    assert_eq!(answer["scope"], "openid profile email offline_access", "{backend}");
    assert_eq!((&answer["expires_in"], &answer["token_type"]), (&json!(86_400), &json!("Bearer")));
    assert!(text(answer, "refresh_token").starts_with("v1."), "{backend}");
    let access = payload(text(answer, "access_token"));
    assert_eq!(access["aud"], json!([API, format!("{}userinfo", app.issuer)]), "{backend}");
    assert_eq!(access["azp"], client_id, "{backend}");
    let id = payload(text(answer, "id_token"));
    for member in ["nickname", "name", "picture", "updated_at", "email"] {
        assert!(id[member].is_string(), "{backend}: {member}");
    }
    assert!(id["email_verified"].is_boolean(), "{backend}");
    let lifetime = id["exp"].as_i64().unwrap() - id["iat"].as_i64().unwrap();
    assert_eq!(lifetime, 36_000, "{backend}");
}
