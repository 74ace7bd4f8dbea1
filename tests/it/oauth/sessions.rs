//! Browser sessions: how long they last, which applications share them.

use doorward::crypto::digest;
use serde_json::{Value, json};

use crate::support::{
    TestApp, browser::Browser, each_backend, each_backend_with, fixtures::*, payload,
};

/// Whether the browser still has a session.
async fn is_logged_in(browser: &mut Browser<'_>, world: &World) -> bool {
    let challenge = digest::s256_challenge(VERIFIER);
    let silent = authorize_query(&world.client_id, &challenge, &[("prompt", "none")]);
    let landed = browser.visit("authorize", &silent).await.application();
    assert!(landed.contains_key("code") || landed["error"] == "login_required", "{landed:?}");
    landed.contains_key("code")
}

async fn sid_of(app: &TestApp, world: &World, code: &str) -> String {
    let answer = app.exchange_code(world, code).await.ok();
    payload(text(&answer, "id_token"))["sid"].as_str().unwrap().to_owned()
}

/// The usual world seen by another application of its own.
async fn another_application(app: &TestApp, world: &World) -> World {
    let client = app.add_client(json!({ "name": "Other" })).await;
    World {
        client_id: text(&client, "client_id").to_owned(),
        client_secret: text(&client, "client_secret").to_owned(),
        user_id: world.user_id.clone(),
        messages_id: String::new(),
        billing_id: String::new(),
    }
}

async fn clients_of(app: &TestApp, sid: &str) -> Value {
    let shown = app.management("GET", &format!("/sessions/{sid}"), None).await.ok();
    shown["clients"].clone()
}

#[tokio::test]
async fn a_session_that_is_used_goes_on_until_its_absolute_end() {
    let file = "[sessions]\nlifetime = 1000\nidle_lifetime = 300\n";
    for (backend, app) in each_backend_with(file).await {
        let world = app.world().await;
        let mut used = Browser::new(&app);
        let mut unused = Browser::new(&app);
        let scope = [("scope", "openid")];
        app.code_for(&mut used, &world, &scope).await;
        app.code_for(&mut unused, &world, &scope).await;
        for elapsed in [250, 500, 750] {
            app.clock.advance_seconds(250);
            assert!(is_logged_in(&mut used, &world).await, "{backend}: {elapsed}");
        }
        assert!(!is_logged_in(&mut unused, &world).await, "{backend}: idle for too long");
        app.clock.advance_seconds(249);
        assert!(is_logged_in(&mut used, &world).await, "{backend}: 999");
        app.clock.advance_seconds(2);
        assert!(!is_logged_in(&mut used, &world).await, "{backend}: use does not extend it");
    }
}

#[tokio::test]
async fn one_login_serves_every_application_under_one_sid() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let other = another_application(&app, &world).await;
        let mut browser = Browser::new(&app);
        let scope = [("audience", MESSAGES), ("scope", LOGIN_SCOPE)];
        let code = app.code_for(&mut browser, &world, &scope).await;
        let login = app.exchange_code(&world, &code).await.ok();
        let sid = payload(text(&login, "id_token"))["sid"].as_str().unwrap().to_owned();
        assert_eq!(clients_of(&app, &sid).await, json!([{ "client_id": world.client_id }]));

        app.clock.advance_seconds(100);
        // No password: `prompt=none` would fail.
        let silent = [("scope", "openid"), ("prompt", "none")];
        for (seen_by, who) in [(&other, "another application"), (&world, "the same again")] {
            let code = app.code_for(&mut browser, seen_by, &silent).await;
            assert_eq!(sid_of(&app, seen_by, &code).await, sid, "{backend}: {who}");
        }
        let refreshed = app.refresh(&world, text(&login, "refresh_token"), &[]).await.ok();
        assert_eq!(payload(text(&refreshed, "id_token"))["sid"], sid, "{backend}: a refresh");
        let both = json!([{ "client_id": world.client_id }, { "client_id": other.client_id }]);
        assert_eq!(clients_of(&app, &sid).await, both, "{backend}: in the order of first login");

        let mut elsewhere = Browser::new(&app);
        let code = app.code_for(&mut elsewhere, &world, &[("scope", "openid")]).await;
        assert_ne!(sid_of(&app, &world, &code).await, sid, "{backend}: another browser");

        let path = format!("/clients/{}", other.client_id);
        app.management("DELETE", &path, None).await;
        assert_eq!(clients_of(&app, &sid).await, json!([{ "client_id": world.client_id }]));
    }
}

#[tokio::test]
async fn a_login_begins_a_new_session_that_inherits_the_applications_of_the_same_user() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let other = another_application(&app, &world).await;
        let mut browser = Browser::new(&app);
        let code = app.code_for(&mut browser, &other, &[("scope", "openid")]).await;
        let first = sid_of(&app, &other, &code).await;
        let again = [("scope", "openid"), ("prompt", "login")];
        let code = app.code_for(&mut browser, &world, &again).await;
        let second = sid_of(&app, &world, &code).await;
        assert_ne!(first, second, "{backend}");
        let gone = app.management("GET", &format!("/sessions/{first}"), None).await;
        assert_eq!(gone.status, 404, "{backend}");
        let both = json!([{ "client_id": other.client_id }, { "client_id": world.client_id }]);
        assert_eq!(clients_of(&app, &second).await, both, "{backend}");
    }
}
