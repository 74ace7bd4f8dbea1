//! Grants with which somebody got more than they may have: cases 41 to 43, 46 and 47. What is said
//! of cases 44 and 45 in the list is tried here too.

use doorward::{domain::action::Trigger, domain::time::Clock, store::sweep};
use serde_json::{Value, json};

use super::{
    DATABASE, DEVICE, OTP, REALM, block, device_codes, let_in, log_in_with_code, mailed_code, poll,
    refused, type_code, user_path,
};
use crate::support::{
    Answer, BOOTSTRAP_ID, BOOTSTRAP_SECRET, TestApp, browser::Browser, dpop::Key, each_backend,
    fixtures::*, payload, raw::Raw,
};

const INVALID_GRANT: (u16, &str) = (400, "invalid_grant");
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

fn device() -> Value {
    json!({ "app_type": "native", "grant_types": [DEVICE, "refresh_token", "authorization_code"] })
}

async fn as_machine(app: &TestApp, scope: &str) -> Answer {
    app.token(&[
        ("grant_type", "client_credentials"),
        ("client_id", BOOTSTRAP_ID),
        ("client_secret", BOOTSTRAP_SECRET),
        ("audience", MESSAGES),
        ("scope", scope),
    ])
    .await
}

/// **Case 41.** CVE-2024-52287, authentik: machines and devices got scopes that nobody had
/// registered or approved.
#[tokio::test]
async fn nobody_gets_a_scope_that_was_not_granted() {
    const GREEDY: &str = "read:messages delete:messages nonsense openid offline_access admin *";
    for (backend, app) in each_backend().await {
        let world = app.world_with(device(), json!({})).await;
        let grant = json!({
            "client_id": BOOTSTRAP_ID, "audience": MESSAGES, "scope": ["read:messages"],
        });
        TestApp::created(&app.management("POST", "/client-grants", Some(grant)).await);
        for asked in [GREEDY, "", "openid", "delete:messages", "READ:messages"] {
            let answer = as_machine(&app, asked).await;
            if answer.status != 200 {
                refused(&answer, (403, "access_denied"), &format!("{backend} {asked}"));
                continue;
            }
            let scope = answer.text_of("scope");
            assert!(["", "read:messages"].contains(&scope.as_str()), "{backend}: {scope}");
            let token = payload(&answer.text_of("access_token"));
            assert_eq!(token["scope"], scope, "{backend}");
            assert!(answer.json().get("refresh_token").is_none(), "{backend}");
        }

        let path = format!("/resource-servers/{}", world.messages_id);
        app.management("PATCH", &path, Some(json!({ "enforce_policies": true }))).await.ok();
        let permission = json!({ "permissions": [{
            "resource_server_identifier": MESSAGES, "permission_name": "read:messages",
        }] });
        let path = format!("{}/permissions", user_path(&world));
        TestApp::created(&app.management("POST", &path, Some(permission)).await);
        let codes = device_codes(&app, &world, &[("scope", GREEDY)]).await;
        let mut browser = Browser::new(&app);
        let page = type_code(&mut browser, text(&codes, "user_code"), EMAIL).await;
        assert!(!page.1.text.contains("delete:messages"), "{backend}: {}", page.1.text);
        // What the page sends back grants nothing either.
        let fields = [("action", "confirm"), ("scope", GREEDY)];
        browser.submit(&page, &fields).await.page();
        let login = poll(&app, &world, &codes, &[("scope", GREEDY)]).await.ok();
        assert_eq!(login["scope"], "read:messages openid offline_access", "{backend}");
        let token = payload(text(&login, "access_token"));
        assert_eq!(token["scope"], login["scope"], "{backend}");
    }
}

/// **Case 42.** CVE-2024-38371, authentik: who may not use an application could let a device use it.
#[tokio::test]
async fn who_may_not_use_an_application_lets_no_device_in() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(device(), json!({})).await;
        // Whom the operator's own rule keeps out, says yes and is told no when the device asks.
        let deny = "exports.onExecutePostLogin = async (event, api) => api.access.deny('no');";
        let action = app.bind_action(Trigger::PostLogin, "Deny", deny).await;
        let codes = device_codes(&app, &world, &[]).await;
        let_in(&app, &codes).await;
        let answer = poll(&app, &world, &codes, &[]).await;
        refused(&answer, (403, "access_denied"), backend);
        app.unbind_action(&action).await;
        // Whose connection the application does not have, is not even asked.
        let body = json!({ "name": "staff", "strategy": "auth0" });
        let staff = TestApp::created(&app.management("POST", "/connections", Some(body)).await);
        let grace = json!({
            "connection": "staff", "email": "grace@example.com", "password": PASSWORD,
        });
        TestApp::created(&app.management("POST", "/users", Some(grace)).await);
        let codes = device_codes(&app, &world, &[]).await;
        let code = text(&codes, "user_code");
        let page = type_code(&mut Browser::new(&app), code, "grace@example.com").await;
        assert!(page.1.text.contains("This code is wrong"), "{backend}: {}", page.1.text);
        let answer = poll(&app, &world, &codes, &[]).await;
        refused(&answer, (400, "authorization_pending"), backend);
        let path = format!("/connections/{}/clients", text(&staff, "id"));
        let enabled = json!([{ "client_id": world.client_id, "status": true }]);
        assert_eq!(app.management("PATCH", &path, Some(enabled)).await.status, 204, "{backend}");
        let page = type_code(&mut Browser::new(&app), code, "grace@example.com").await;
        assert_eq!(page.0, "/activate/confirm", "{backend}");
    }
}

/// **Case 43.** CVE-2026-9704, Keycloak: a `subject_token` that could not be read, or came twice, was
/// dropped, and the client got a token of its own.
#[tokio::test]
async fn a_parameter_that_comes_twice_is_refused_and_never_dropped() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let login = app.log_in(&world).await;
        let token = text(&login, "refresh_token");
        let subject = text(&login, "access_token");
        // There is no token exchange, whatever is to be exchanged: no token comes of it.
        let kind = "urn:ietf:params:oauth:token-type:access_token";
        for subject in [subject, "not-a-token", "", "a.b.c"] {
            for grant in [EXCHANGE, "urn:openid:params:grant-type:ciba", "implicit", ""] {
                let form = [
                    ("grant_type", grant),
                    ("client_id", BOOTSTRAP_ID),
                    ("client_secret", BOOTSTRAP_SECRET),
                    ("subject_token", subject),
                    ("subject_token_type", kind),
                    ("audience", MESSAGES),
                ];
                let code =
                    if grant.is_empty() { "invalid_request" } else { "unsupported_grant_type" };
                refused(&app.token(&form).await, (400, code), &format!("{backend} {grant}"));
            }
        }
        let twice = [
            ("grant_type", EXCHANGE),
            ("client_id", BOOTSTRAP_ID),
            ("client_secret", BOOTSTRAP_SECRET),
            ("subject_token", subject),
            ("subject_token", "other"),
        ];
        refused(&app.token(&twice).await, (400, "invalid_request"), backend);

        let good = [
            ("grant_type", "refresh_token"),
            ("client_id", world.client_id.as_str()),
            ("refresh_token", token),
            ("scope", "openid"),
            ("audience", MESSAGES),
        ];
        for (name, value) in good {
            let twice = [&good[..], &[(name, value)]].concat();
            let members =
                twice.iter().map(|(name, value)| format!("{}:{}", json!(name), json!(value)));
            let body = format!("{{{}}}", members.collect::<Vec<_>>().join(","));
            let post = app.http.post(app.url("oauth/token"));
            let request = post.header("content-type", "application/json").body(body);
            for answer in [app.token(&twice).await, app.send(request).await] {
                refused(&answer, (400, "invalid_request"), &format!("{backend} {name}"));
                let text = answer.text_of("error_description");
                assert_eq!(text, format!("Parameter {name} is included more than once"));
            }
        }
        app.token(&good).await.ok();
    }
}

/// **Case 46.** CVE-2026-9798, CVE-2026-16103, Keycloak: who was locked out while a login was on its
/// way got its tokens.
#[tokio::test]
async fn who_is_blocked_before_the_redemption_gets_nothing() {
    const OTHER: &str = "grace@example.com";
    for (backend, app) in each_backend().await {
        let mut client = device();
        client["grant_types"] =
            json!([DEVICE, "refresh_token", "authorization_code", "password", REALM, OTP,]);
        let world = app.world_with(client, json!({})).await;
        // Of somebody whom the first code has made a user.
        let otp = mailed_code(&app, &world, OTHER).await;
        log_in_with_code(&app, &world, OTHER, &otp).await.ok();

        let code = app.code_for(&mut Browser::new(&app), &world, &[("audience", MESSAGES)]).await;
        let codes = device_codes(&app, &world, &[]).await;
        let_in(&app, &codes).await;
        let otp = mailed_code(&app, &world, OTHER).await;
        block(&app, &world, true).await;
        let found = app.management("GET", &format!("/users-by-email?email={OTHER}"), None).await;
        let path = format!("/users/{}", text(&found.ok()[0], "user_id").replace('|', "%7C"));
        app.management("PATCH", &path, Some(json!({ "blocked": true }))).await.ok();

        refused(&app.exchange_code(&world, &code).await, INVALID_GRANT, backend);
        refused(&poll(&app, &world, &codes, &[]).await, INVALID_GRANT, backend);
        refused(&log_in_with_code(&app, &world, OTHER, &otp).await, INVALID_GRANT, backend);
        for grant in ["password", REALM] {
            let form = [
                ("grant_type", grant),
                ("client_id", world.client_id.as_str()),
                ("username", EMAIL),
                ("password", PASSWORD),
                ("realm", DATABASE),
            ];
            refused(&app.token(&form).await, INVALID_GRANT, &format!("{backend} {grant}"));
        }
        // Nor do the codes come back with the user.
        block(&app, &world, false).await;
        refused(&app.exchange_code(&world, &code).await, INVALID_GRANT, backend);
    }
}

/// **Case 47.** CVE-2026-41707, Spring: enough other proofs pushed a used one out of the cache, and
/// it was good again.
#[tokio::test]
async fn used_proofs_are_remembered_by_time_and_not_by_number() {
    const DUMMIES: u64 = 1_000_000;
    for (backend, app) in each_backend().await {
        let (client, secret) = app.machine(json!({})).await;
        let key = Key::new();
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", client.as_str()),
            ("client_secret", secret.as_str()),
            ("audience", MESSAGES),
        ];
        let proof = key.token_proof(&app);
        app.token_with(&[&proof], &form).await.ok();
        let mut raw = Raw::connect(&app).await;
        // As many as somebody may send meanwhile, all ending later.
        let dummies = match &raw {
            Raw::Sqlite(_) => {
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)
                 INSERT INTO dpop_proof SELECT CAST('x' || i AS BLOB), 9999999999999 FROM n"
            }
            Raw::Postgres(_) => {
                "INSERT INTO dpop_proof
                 SELECT CAST('x' || i AS BYTEA), 9999999999999 FROM generate_series(1, 1000000) i"
            }
        };
        assert_eq!(raw.execute(dummies).await, DUMMIES);
        let swept = async || {
            let retention = app.inner.settings.audit_retention;
            sweep::run(&app.inner.store, app.clock.now(), retention).await.unwrap()
        };
        for _ in 0..3 {
            swept().await;
            let replay = app.token_with(&[&proof], &form).await;
            refused(&replay, (400, "invalid_dpop_proof"), backend);
            app.clock.advance_seconds(90);
        }
        // Beyond the end of its nonce it is refused for that, and forgotten.
        app.clock.advance_seconds(400);
        assert_eq!(swept().await, 1, "{backend}");
        let late = app.token_with(&[&proof], &form).await;
        refused(&late, (400, "use_dpop_nonce"), backend);
    }
}
