//! The client credentials grant.

use serde_json::json;

use crate::support::{Answer, TestApp, each_backend, fixtures::*, payload};

async fn ask(app: &TestApp, client: &serde_json::Value, more: &[(&str, &str)]) -> Answer {
    let mut form = vec![
        ("grant_type", "client_credentials"),
        ("client_id", text(client, "client_id")),
        ("client_secret", text(client, "client_secret")),
    ];
    form.extend_from_slice(more);
    app.token(&form).await
}

#[tokio::test]
async fn an_application_gets_what_its_client_grant_says() {
    for (backend, app) in each_backend().await {
        app.add_api(MESSAGES, &["read:messages", "write:messages"], json!({})).await;
        let machine =
            json!({ "app_type": "non_interactive", "grant_types": ["client_credentials"] });
        let client = app.add_client(machine).await;
        let audience = ("audience", MESSAGES);

        let denied = ask(&app, &client, &[audience]).await;
        assert_eq!(denied.error(), (403, "access_denied".into()), "{backend}: no grant");
        assert!(denied.text_of("error_description").contains("client-grant"), "{backend}");

        let grant = json!({
            "client_id": client["client_id"], "audience": MESSAGES, "scope": ["read:messages"],
        });
        TestApp::created(&app.management("POST", "/client-grants", Some(grant)).await);
        let answer = ask(&app, &client, &[audience]).await.ok();
        assert_eq!(answer["scope"], "read:messages", "{backend}");
        assert!(answer.get("refresh_token").is_none() && answer.get("id_token").is_none());
        let token = payload(text(&answer, "access_token"));
        let client_id = text(&client, "client_id");
        assert_eq!(token["sub"], format!("{client_id}@clients"), "{backend}");
        assert_eq!(token["aud"], MESSAGES, "{backend}");
        assert_eq!(token["gty"], "client-credentials", "{backend}");

        let more = ask(&app, &client, &[audience, ("scope", "write:messages")]).await;
        assert_eq!(more.error(), (403, "access_denied".into()), "{backend}: not granted");
        let resource = ask(&app, &client, &[("resource", MESSAGES)]).await;
        assert_eq!(resource.ok()["scope"], "read:messages", "{backend}: RFC 8707");
        let none = ask(&app, &client, &[]).await;
        assert_eq!(none.error(), (400, "invalid_request".into()), "{backend}: no audience");
        let unknown = ask(&app, &client, &[("audience", "https://nobody.example")]).await;
        assert_eq!(unknown.error(), (403, "access_denied".into()), "{backend}: no such API");
    }
}

#[tokio::test]
async fn a_public_client_and_one_without_the_grant_are_refused() {
    for (backend, app) in each_backend().await {
        app.add_api(MESSAGES, &["read:messages"], json!({})).await;
        let client = app.add_client(json!({ "grant_types": ["client_credentials"] })).await;
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", text(&client, "client_id")),
            ("audience", MESSAGES),
        ];
        assert_eq!(app.token(&form).await.error(), (401, "invalid_client".into()), "{backend}");
        let client = app.add_client(json!({ "grant_types": ["authorization_code"] })).await;
        let refused = ask(&app, &client, &[("audience", MESSAGES)]).await;
        assert_eq!(refused.error(), (400, "unauthorized_client".into()), "{backend}");
    }
}
