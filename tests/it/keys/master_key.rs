//! One master key gives way to another, node by node, and nobody notices.

use std::process::{Command, Output};

use doorward::domain::action::Trigger;
use serde_json::{Value, json};

use crate::support::{MASTER_KEY, TestApp, each_backend, fixtures::*};

const NEW: &str = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102030405060708090a0b0c0d0e0f";

fn reseal(app: &TestApp, current: &str, others: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_doorward"))
        .args(["master-key", "reseal"])
        .env_clear()
        .env("DOORWARD_DATABASE_URL", &app.database_url)
        .env("DOORWARD_MASTER_KEY", current)
        .env("DOORWARD_OTHER_MASTER_KEYS", others)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8(text).unwrap()
}

async fn refreshed(app: &TestApp, world: &World, token: &str) -> String {
    text(&app.refresh(world, token, &[]).await.ok(), "refresh_token").to_owned()
}

/// Whatever needs something that is sealed at rest.
async fn everything_opens(app: &TestApp, world: &World, machine: &Value, backend: &str) {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", text(machine, "client_id")),
        ("client_secret", text(machine, "client_secret")),
        ("audience", MESSAGES),
    ];
    assert_eq!(app.token(&form).await.status, 200, "{backend}: client secret");
    let path = format!("/resource-servers/{}", world.billing_id);
    let api = app.management("GET", &path, None).await.ok();
    assert!(api["signing_secret"].is_string(), "{backend}: signing secret");
    // The Action puts its secret, and the rule its configuration, into tokens.
    let claims = crate::support::payload(text(&app.log_in(world).await, "access_token"));
    assert_eq!(claims["https://t/secret"], "of an Action", "{backend}");
}

/// And a machine with a secret.
async fn a_world_with_secrets(app: &TestApp) -> (World, Value) {
    let world = app.world_with(json!({}), json!({ "leeway": 600 })).await;
    let machine = json!({
        "app_type": "non_interactive", "grant_types": ["client_credentials"],
        "token_endpoint_auth_method": "client_secret_post",
    });
    let machine = app.add_client(machine).await;
    let client_id = text(&machine, "client_id");
    let grant = json!({ "client_id": client_id, "audience": MESSAGES, "scope": [] });
    TestApp::created(&app.management("POST", "/client-grants", Some(grant)).await);
    let path = format!("/resource-servers/{}", world.billing_id);
    app.management("PATCH", &path, Some(json!({ "signing_alg": "HS256" }))).await.ok();
    let config = json!({ "value": "of a rule" });
    app.management("PUT", "/rules-configs/WORD", Some(config)).await.ok();
    let code = "exports.onExecutePostLogin = async (event, api) => {
        api.accessToken.setCustomClaim('https://t/secret', event.secrets.WORD);
    };";
    let secrets = [("WORD", "of an Action")];
    app.bind_action_with(Trigger::PostLogin, "tell", code, &secrets, None).await;
    (world, machine)
}

#[tokio::test]
async fn a_master_key_gives_way_to_another_and_nothing_is_lost() {
    for (backend, old) in each_backend().await {
        let (world, machine) = a_world_with_secrets(&old).await;
        let issued = text(&old.log_in(&world).await, "refresh_token").to_owned();

        // First every node learns the new key, then one after the other makes it current.
        let behind = old.another_node_with_keys(MASTER_KEY, NEW).await;
        let ahead = old.another_node_with_keys(NEW, MASTER_KEY).await;
        everything_opens(&ahead, &world, &machine, backend).await;
        let first = refreshed(&ahead, &world, &issued).await;
        let second = refreshed(&behind, &world, &first).await;
        let third = refreshed(&ahead, &world, &second).await;
        // A retry within the leeway is answered on any node.
        let again = refreshed(&behind, &world, &second).await;
        let fourth = refreshed(&ahead, &world, &again).await;
        let old_login = text(&old.log_in(&world).await, "refresh_token").to_owned();
        assert_eq!(
            ahead.refresh(&world, &third, &[]).await.status,
            200,
            "{backend}: in the leeway"
        );

        // Then what is at rest is sealed anew, once.
        let output = reseal(&old, NEW, MASTER_KEY);
        assert!(output.status.success(), "{backend}: {}", said(&output));
        for line in [
            "signing secrets of APIs: 1 sealed anew, 0 as they were",
            "secrets of Actions: 1 sealed anew, 0 as they were",
            "secrets of versions of Actions: 1 sealed anew, 0 as they were",
            "values of rules: 1 sealed anew, 0 as they were",
            "Nothing at rest needs another master key.",
        ] {
            assert!(said(&output).contains(line), "{backend}: {line}\n{}", said(&output));
        }
        let output = reseal(&old, NEW, "");
        let text = said(&output);
        assert!(output.status.success() && !text.contains(": 1 sealed"), "{backend}: {text}");
        everything_opens(&behind, &world, &machine, backend).await;

        // Without the old key: what it has sealed is no more, and the tokens that it made are none.
        let new = old.another_node_with_keys(NEW, "").await;
        everything_opens(&new, &world, &machine, backend).await;
        refreshed(&new, &world, &fourth).await;
        let stale = new.refresh(&world, &old_login, &[]).await;
        assert_eq!(stale.error(), (400, "invalid_grant".to_owned()), "{backend}");
        // It was not taken for a reuse: with the old key it goes on.
        refreshed(&ahead, &world, &old_login).await;
    }
}

#[tokio::test]
async fn codes_that_are_under_way_reach_nodes_that_are_ahead() {
    for (backend, old) in each_backend().await {
        let grant = "urn:ietf:params:oauth:grant-type:device_code";
        let otp = "http://auth0.com/oauth/grant-type/passwordless/otp";
        let world = old.world_with(json!({ "grant_types": [grant, otp] }), json!({})).await;
        let started = json!({
            "client_id": world.client_id, "connection": "email", "email": "new@example.com",
            "send": "code",
        });
        let request = old.http.post(old.url("passwordless/start")).json(&started);
        assert_eq!(old.send(request).await.status, 200, "{backend}");
        let mails = old.mails_to("new@example.com").await;
        let code: String = mails[0].text.chars().filter(char::is_ascii_digit).take(6).collect();
        let device = old.post_form("oauth/device/code", &[("client_id", &world.client_id)]).await;
        let device: Value = device.ok();

        let ahead = old.another_node_with_keys(NEW, MASTER_KEY).await;
        let form = [
            ("grant_type", otp),
            ("client_id", world.client_id.as_str()),
            ("username", "new@example.com"),
            ("otp", &code),
            ("realm", "email"),
            ("scope", "openid"),
        ];
        assert_eq!(ahead.token(&form).await.status, 200, "{backend}: a mailed code");
        assert_ne!(ahead.token(&form).await.status, 200, "{backend}: once");
        let mut browser = crate::support::browser::Browser::new(&ahead);
        let code = text(&device, "user_code");
        let page = browser.post("activate", &[("user_code", code)]).await.page();
        let fields = [("username", EMAIL), ("password", PASSWORD)];
        let page = browser.submit(&page, &fields).await.page();
        let (path, page) = browser.submit(&page, &[("action", "confirm")]).await.page();
        assert!(page.text.contains("Your device is connected"), "{backend} {path}: {}", page.text);
        let form = [
            ("grant_type", grant),
            ("client_id", world.client_id.as_str()),
            ("device_code", text(&device, "device_code")),
        ];
        assert_eq!(ahead.token(&form).await.status, 200, "{backend}: a device code");
    }
}

#[tokio::test]
async fn what_opens_with_no_master_key_is_named_and_left_alone() {
    for (backend, app) in each_backend().await {
        a_world_with_secrets(&app).await;
        let output = reseal(&app, NEW, "");
        let text = said(&output);
        assert!(!output.status.success(), "{backend}");
        assert!(text.contains("opens with none of the master keys"), "{backend}: {text}");
        assert!(!text.contains(NEW) && !text.contains(MASTER_KEY), "{backend}");
        for bad in ["xyz", &NEW[1..]] {
            let output = reseal(&app, MASTER_KEY, bad);
            assert!(said(&output).contains("DOORWARD_OTHER_MASTER_KEYS"), "{backend}");
        }
        let output = reseal(&app, MASTER_KEY, NEW);
        assert!(output.status.success(), "{backend}: {}", said(&output));
    }
}
