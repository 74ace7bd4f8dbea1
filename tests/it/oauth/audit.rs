//! What the audit trail tells of exchanges and refusals.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{TestApp, each_backend, each_backend_with, fixtures::*, raw::Raw};

/// The newest event with this code whose details have `reason`, waited for: rows are written in
/// batches.
async fn event(app: &TestApp, code: &str, reason: Option<&str>) -> Value {
    for _ in 0..1000 {
        let path = format!("/logs?q=type:{code}&per_page=100");
        let found = app.management("GET", &path, None).await.ok();
        let all = found.as_array().unwrap().clone();
        let fits = |e: &&Value| reason.is_none_or(|reason| e["details"]["reason"] == reason);
        if let Some(event) = all.iter().find(fits) {
            return event.clone();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no {code} {reason:?}");
}

#[tokio::test]
async fn every_exchange_is_told_with_what_was_asked_and_what_was_given() {
    for (backend, app) in each_backend().await {
        let grants = json!({
            "grant_types": ["authorization_code", "refresh_token", "password"],
        });
        let world = app.world_with(grants, json!({})).await;
        let login = app.log_in(&world).await;

        let told = event(&app, "seacft", None).await;
        assert_eq!(told["client_id"], *world.client_id, "{backend}: {told}");
        assert_eq!(told["client_name"], "App");
        assert_eq!(told["user_id"], *world.user_id);
        assert_eq!(told["audience"], MESSAGES);
        assert_eq!(told["scope"], login["scope"]);
        assert_eq!(told["ip"], "127.0.0.1");
        let family = told["details"]["familyId"].clone();
        assert!(family.is_string(), "{told}");

        let asked = [("audience", BILLING), ("scope", "read:billing write:billing")];
        let answer = app.refresh(&world, text(&login, "refresh_token"), &asked).await.ok();
        let told = event(&app, "sertft", None).await;
        assert_eq!(told["audience"], BILLING, "{backend}: {told}");
        assert_eq!(told["scope"], answer["scope"]);
        assert_eq!(
            told["details"],
            json!({
                "familyId": family, "tokenCounter": 1, "policy_used": "mrrt",
                "requested_audience": BILLING, "requested_scope": "read:billing write:billing",
            })
        );

        app.token(&[
            ("grant_type", "password"),
            ("client_id", &world.client_id),
            ("username", EMAIL),
            ("password", PASSWORD),
            ("audience", MESSAGES),
            ("scope", "openid read:messages"),
        ])
        .await
        .ok();
        let told = event(&app, "sepft", None).await;
        assert_eq!(told["audience"], MESSAGES, "{backend}: {told}");
        assert_eq!(told["user_id"], *world.user_id);

        let told = event(&app, "seccft", None).await;
        assert!(told["audience"].as_str().unwrap().ends_with("/api/v2/"), "{backend}: {told}");
        assert!(told.get("user_id").is_none(), "{told}");
    }
}

#[tokio::test]
async fn an_exchange_without_a_policy_says_so() {
    for (backend, app) in each_backend().await {
        let policies = json!([{ "audience": BILLING, "scope": ["read:billing"] }]);
        let world = app.world_with(json!({}), json!({ "policies": policies })).await;
        let login = app.log_in(&world).await;
        app.refresh(&world, text(&login, "refresh_token"), &[]).await.ok();
        let told = event(&app, "sertft", None).await;
        assert_eq!(told["details"]["policy_used"], "refresh_token_user_grant", "{backend}");
        assert_eq!(told["details"]["requested_audience"], Value::Null, "{backend}");
    }
}

#[tokio::test]
async fn the_operator_reads_why_a_refresh_token_was_refused() {
    for (backend, app) in each_backend_with("[refresh_tokens]\nrevoke_on_logout = true\n").await {
        let world = app.world().await;
        let refused = async |token: &str, more: &[(&str, &str)], reason: &str| {
            let answer = app.refresh(&world, token, more).await;
            assert_eq!(answer.status, 400, "{backend} {reason}: {}", answer.text);
            let told = event(&app, "fertft", Some(reason)).await;
            assert_eq!(told["user_id"], *world.user_id, "{backend} {reason}");
            assert_eq!(told["client_id"], *world.client_id, "{backend} {reason}");
            assert!(told["details"]["familyId"].is_string(), "{backend} {reason}");
        };
        let token = async || text(&app.log_in(&world).await, "refresh_token").to_owned();

        let nowhere = [("audience", "https://nowhere.example")];
        refused(&token().await, &nowhere, "audience_not_in_policies").await;

        let idle = token().await;
        app.clock.advance_seconds(501);
        refused(&idle, &[], "idle").await;
        let mut old = token().await;
        for _ in 0..2 {
            app.clock.advance_seconds(400);
            old = app.refresh(&world, &old, &[]).await.text_of("refresh_token");
        }
        app.clock.advance_seconds(300);
        refused(&old, &[], "absolute").await;

        let first = token().await;
        app.refresh(&world, &first, &[]).await.ok();
        app.clock.advance_seconds(11);
        assert_eq!(app.refresh(&world, &first, &[]).await.status, 400);
        let reuse = event(&app, "ferrt", None).await;
        assert_eq!(reuse["details"]["tokenCounter"], 0, "{backend}: {reuse}");
        assert_eq!(reuse["details"]["latestCounter"], 1, "{backend}: {reuse}");
        refused(&first, &[], "revoked_by_reuse").await;

        let given_up = token().await;
        let form = [("client_id", world.client_id.as_str()), ("token", given_up.as_str())];
        for _ in 0..2 {
            assert_eq!(app.post_form("oauth/revoke", &form).await.status, 200);
        }
        let revocations = "SELECT COUNT(*) FROM audit WHERE type = 'srrt'";
        assert_eq!(Raw::connect(&app).await.number(revocations).await, 1, "{backend}: one event");
        refused(&given_up, &[], "revoked_by_client").await;

        let living = token().await;
        let path = format!("/users/{}", world.user_id.replace('|', "%7C"));
        app.management("PATCH", &path, Some(json!({ "blocked": true }))).await.ok();
        refused(&living, &[], "revoked_by_user_blocked").await;
    }
}

#[tokio::test]
async fn strings_that_are_not_ours_leave_no_row() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let login = app.log_in(&world).await;
        event(&app, "seacft", None).await;
        app.inner.login.audit.flush().await;
        let rows = "SELECT COUNT(*) FROM audit";
        let before = Raw::connect(&app).await.number(rows).await;
        let token = text(&login, "refresh_token");
        let forged = format!("{}{}", &token[..token.len() - 4], "AAAA");
        for garbage in ["garbage", "v1.AAAA", forged.as_str(), &token[1..]] {
            assert_eq!(app.refresh(&world, garbage, &[]).await.status, 400, "{backend}");
            assert_eq!(app.exchange_code(&world, garbage).await.status, 400, "{backend}");
            let form = [("client_id", world.client_id.as_str()), ("token", garbage)];
            assert_eq!(app.post_form("oauth/revoke", &form).await.status, 200, "{backend}");
        }
        app.inner.login.audit.flush().await;
        assert_eq!(Raw::connect(&app).await.number(rows).await, before, "{backend}");
    }
}

#[tokio::test]
async fn refused_codes_passwords_and_machines_are_told_with_the_reason() {
    for (backend, app) in each_backend().await {
        let grants = json!({ "grant_types": ["authorization_code", "password"] });
        let world = app.world_with(grants, json!({})).await;
        let mut browser = crate::support::browser::Browser::new(&app);
        let code = app.code_for(&mut browser, &world, &[("scope", "openid")]).await;
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", &world.client_id),
            ("code", &code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", "x"),
        ];
        assert_eq!(app.token(&form).await.status, 400, "{backend}");
        let told = event(&app, "feacft", Some("code_verifier")).await;
        assert_eq!(told["user_id"], *world.user_id, "{backend}: {told}");

        app.clock.advance_seconds(61);
        assert_eq!(app.exchange_code(&world, &code).await.status, 400, "{backend}");
        event(&app, "feacft", Some("code_expired")).await;

        let form = [
            ("grant_type", "password"),
            ("client_id", world.client_id.as_str()),
            ("username", EMAIL),
            ("password", "not the password"),
        ];
        assert_eq!(app.token(&form).await.status, 400, "{backend}");
        let told = event(&app, "fepft", Some("wrong_credentials")).await;
        assert!(!told.to_string().contains(EMAIL), "{backend}: {told}");
        event(&app, "fp", None).await;

        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", world.client_id.as_str()),
            ("refresh_token", "x"),
        ];
        assert_ne!(app.token(&form).await.status, 200, "{backend}");
        event(&app, "fertft", Some("grant_not_allowed")).await;

        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", crate::support::BOOTSTRAP_ID),
            ("client_secret", crate::support::BOOTSTRAP_SECRET),
            ("audience", MESSAGES),
        ];
        assert_ne!(app.token(&form).await.status, 200, "{backend}");
        let told = event(&app, "feccft", Some("access_denied")).await;
        assert_eq!(told["client_id"], crate::support::BOOTSTRAP_ID, "{backend}: {told}");
    }
}

#[tokio::test]
async fn logging_out_is_told() {
    for (backend, app) in each_backend_with("[refresh_tokens]\nrevoke_on_logout = true\n").await {
        let world = app.world().await;
        let mut browser = crate::support::browser::Browser::new(&app);
        let more = [("audience", MESSAGES), ("scope", LOGIN_SCOPE)];
        let code = app.code_for(&mut browser, &world, &more).await;
        app.exchange_code(&world, &code).await.ok();
        browser.visit("v2/logout", &[("client_id", &world.client_id)]).await;
        let told = event(&app, "slo", None).await;
        assert_eq!(told["user_id"], *world.user_id, "{backend}: {told}");
        assert_eq!(told["client_id"], *world.client_id, "{backend}: {told}");
        assert_eq!(told["details"], json!({ "revoked": 1 }), "{backend}");
    }
}

#[tokio::test]
async fn every_replay_of_a_dead_token_is_counted() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let token = text(&app.log_in(&world).await, "refresh_token").to_owned();
        let form = [("client_id", world.client_id.as_str()), ("token", token.as_str())];
        app.post_form("oauth/revoke", &form).await;
        for _ in 0..100 {
            assert_eq!(app.refresh(&world, &token, &[]).await.status, 400, "{backend}");
        }
        app.inner.login.audit.flush().await;
        let found = app.management("GET", "/logs?q=type:fertft&per_page=100", None).await.ok();
        let rows = found.as_array().unwrap();
        let times = rows.iter().map(|row| row["details"]["times"].as_u64().unwrap_or(1));
        assert_eq!(times.sum::<u64>(), 100, "{backend}: every one is counted");
    }
}
