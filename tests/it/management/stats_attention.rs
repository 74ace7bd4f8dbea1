//! `/stats/attention`: what an operator should look at.

use doorward::{
    domain::{action::Trigger, time::Clock},
    store::hourly_counts,
};
use serde_json::{Value, json};

use super::{get, patch, post};
use crate::support::{TestApp, each_backend, each_backend_with, fixtures::*};

const DAY: i64 = 86_400;
const FAILS: &str = "exports.onExecutePostLogin = async () => { throw new Error('no'); };";

async fn attention(app: &TestApp) -> Vec<Value> {
    app.inner.login.audit.flush().await;
    let token = app.management_token_with(Some("read:stats")).await;
    let answer = app.management_as(&token, "GET", "/stats/attention", None).await.ok();
    answer.as_array().unwrap().clone()
}

fn find<'a>(findings: &'a [Value], code: &str) -> Option<&'a Value> {
    findings.iter().find(|finding| finding["code"] == code)
}

/// An application without any fault.
async fn sound_world(app: &TestApp) -> World {
    let policies = json!([{ "audience": BILLING, "scope": ["read:billing"] }]);
    app.world_with(json!({}), json!({ "policies": policies, "leeway": 0 })).await
}

#[tokio::test]
async fn a_new_server_lacks_mail_and_nothing_else() {
    for (backend, app) in each_backend().await {
        sound_world(&app).await;
        let found = attention(&app).await;
        assert_eq!(found.len(), 1, "{backend}: {found:?}");
        assert_eq!(found[0]["code"], "mail_not_configured", "{backend}");
        assert_eq!(found[0]["severity"], "warning", "{backend}");
        assert_eq!(found[0]["links"], json!([]), "{backend}");
        assert!(found[0].get("since").is_none(), "{backend}");
    }
    let file = "[mail]\nfrom = \"us@example.com\"\nsmtp_url = \"smtps://mail.example\"\n";
    for (backend, app) in each_backend_with(file).await {
        assert_eq!(attention(&app).await, [Value::Null; 0], "{backend}");
    }
}

#[tokio::test]
async fn reuse_is_told_for_a_day_with_its_events() {
    for (backend, app) in each_backend().await {
        let world = sound_world(&app).await;
        let spent = app.log_in(&world).await;
        app.refresh(&world, text(&spent, "refresh_token"), &[]).await.ok();
        assert!(find(&attention(&app).await, "refresh_token_reuse").is_none(), "{backend}");
        assert_ne!(app.refresh(&world, text(&spent, "refresh_token"), &[]).await.status, 200);
        let found = attention(&app).await;
        let reuse = &found[0];
        assert_eq!(reuse["code"], "refresh_token_reuse", "{backend}: first of all");
        assert_eq!(reuse["severity"], "danger", "{backend}");
        let event = reuse["links"][0]["id"].as_str().unwrap();
        assert_eq!(reuse["links"][0]["type"], "log", "{backend}");
        let event = get(&app, &format!("/logs/{event}")).await.ok();
        assert_eq!(
            (&event["type"], &event["date"]),
            (&json!("ferrt"), &reuse["since"]),
            "{backend}"
        );
        app.clock.advance_seconds(DAY + 1);
        assert!(find(&attention(&app).await, "refresh_token_reuse").is_none(), "{backend}");
    }
}

#[tokio::test]
async fn failing_scripts_are_told_with_the_action() {
    for (backend, app) in each_backend().await {
        let world = sound_world(&app).await;
        let action = app.bind_action(Trigger::PostLogin, "Fails", FAILS).await;
        let mut browser = crate::support::browser::Browser::new(&app);
        let challenge = doorward::crypto::digest::s256_challenge(VERIFIER);
        let query = authorize_query(&world.client_id, &challenge, &[("scope", "openid")]);
        browser.log_in(&query, EMAIL, PASSWORD).await;
        let found = attention(&app).await;
        let failing = find(&found, "actions_failing").unwrap_or_else(|| panic!("{found:?}"));
        assert_eq!(failing["links"], json!([{ "type": "action", "id": action }]), "{backend}");
    }
}

#[tokio::test]
async fn many_failed_logins_are_told_unless_they_are_usual() {
    for (backend, app) in each_backend().await {
        let hour = hourly_counts::hour_of(app.clock.now());
        let fail = async |hour: i64, n: i64| {
            let mut tx = app.inner.store.write().await.unwrap();
            let counts = [((hour, "failed_logins"), n)].into_iter().collect();
            hourly_counts::add(&mut tx, &counts).await.unwrap();
            tx.commit().await.unwrap();
        };
        fail(hour, 19).await;
        assert!(find(&attention(&app).await, "many_failed_logins").is_none(), "{backend}");
        fail(hour - 23, 11).await;
        let found = attention(&app).await;
        let many = find(&found, "many_failed_logins").unwrap();
        assert!(many["message"].as_str().unwrap().starts_with("30 logins failed"), "{many}");
        fail(hour - 24, 50).await;
        fail(hour - 24 * 8 + 1, 50).await;
        assert!(find(&attention(&app).await, "many_failed_logins").is_none(), "{backend}");
    }
}

#[tokio::test]
async fn an_old_signing_key_is_told() {
    for (backend, app) in each_backend().await {
        app.clock.advance_seconds(364 * DAY);
        assert!(find(&attention(&app).await, "signing_key_old").is_none(), "{backend}");
        app.clock.advance_seconds(2 * DAY);
        let found = attention(&app).await;
        let old = find(&found, "signing_key_old").unwrap();
        let token = app.management_token_with(Some("read:signing_keys")).await;
        let keys = app.management_as(&token, "GET", "/keys/signing", None).await.ok();
        let current = keys.as_array().unwrap().iter().find(|k| k["current"] == true).unwrap();
        assert_eq!(old["links"], json!([{ "type": "signing_key", "id": current["kid"] }]));
        assert_eq!(old["since"], current["current_since"], "{backend}");
    }
}

#[tokio::test]
async fn risky_and_void_settings_of_applications_are_told() {
    for (backend, app) in each_backend().await {
        let world = sound_world(&app).await;
        let path = format!("/clients/{}", world.client_id);
        let name = app.management("GET", &path, None).await.ok()["name"].clone();
        let eternal = json!({
            "rotation_type": "non-rotating", "expiration_type": "non-expiring",
            "policies": [{ "audience": BILLING, "scope": ["read:billing", "write:billing"] }],
        });
        let faults = json!({
            "callbacks": ["http://app.example/cb", "https://*.app.example/cb"],
            "refresh_token": refresh_settings(eternal),
        });
        patch(&app, &path, faults).await.ok();
        let found = attention(&app).await;
        for code in
            ["eternal_refresh_tokens", "insecure_callback", "wildcard_callback", "void_policies"]
        {
            let finding =
                find(&found, code).unwrap_or_else(|| panic!("{backend} {code}: {found:?}"));
            let links = json!([{ "type": "client", "id": world.client_id, "name": name }]);
            assert_eq!(finding["links"], links, "{backend} {code}");
        }
        // What makes an entry void is what the explanation says of it.
        let body = json!({ "client_id": world.client_id, "user_id": world.user_id, "login_scope": "openid" });
        let explained = post(&app, "/refresh-tokens/explain", body).await.ok();
        assert_eq!(
            explained["policies"][0]["void"],
            json!(["write:billing: the API does not define it"])
        );
    }
}
