//! `POST /refresh-tokens/explain`: it must say what the exchange then does.

use doorward::domain::action::Trigger::PostLogin;
use serde_json::{Value, json};

use crate::support::{Answer, TestApp, each_backend, fixtures::*};

async fn explain(app: &TestApp, world: &World, more: Value) -> Answer {
    let mut body = json!({ "client_id": world.client_id, "user_id": world.user_id });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    app.management("POST", "/refresh-tokens/explain", Some(body)).await
}

fn fate<'a>(explained: &'a Value, scope: &str) -> &'a str {
    let scopes = explained["result"]["scopes"].as_array().unwrap();
    let found = scopes.iter().find(|entry| entry["scope"] == scope);
    found.unwrap_or_else(|| panic!("no {scope} in {explained}"))["fate"].as_str().unwrap()
}

#[tokio::test]
async fn what_is_explained_is_what_the_exchange_does() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let mut token = text(&app.log_in(&world).await, "refresh_token").to_owned();
        for (audience, scope) in [
            (None, None),
            (Some(MESSAGES), None),
            (None, Some("read:messages")),
            (Some(BILLING), None),
            (Some(BILLING), Some("openid read:billing write:billing read:messages")),
            (Some(BILLING), Some("nonsense")),
            (Some("https://unknown.example"), None),
        ] {
            let mut asked = json!({});
            let mut form = Vec::new();
            for (name, value) in [("audience", audience), ("scope", scope)] {
                if let Some(value) = value {
                    asked[name] = value.into();
                    form.push((name, value));
                }
            }
            let explained = explain(&app, &world, asked).await.ok();
            let answer = app.refresh(&world, &token, &form).await;
            assert_eq!(explained["allowed"], answer.status == 200, "{backend} {explained}");
            if answer.status == 200 {
                let answer = answer.ok();
                let result = &explained["result"];
                assert_eq!(result["audience"], answer["resource"], "{backend}");
                assert_eq!(result["scope"], answer["scope"], "{backend}");
                assert_eq!(result["expires_in"], answer["expires_in"], "{backend}");
                assert_eq!(result["id_token"], answer.get("id_token").is_some(), "{backend}");
                token = text(&answer, "refresh_token").to_owned();
            } else {
                assert_eq!(explained["error"], answer.json()["error"], "{backend}");
                assert_eq!(explained["reason"], "audience_not_in_policies", "{backend}");
            }
        }
    }
}

#[tokio::test]
async fn every_scope_has_a_reason_and_void_entries_are_named() {
    for (_, app) in each_backend().await {
        let policies = json!({ "policies": [
            { "audience": BILLING, "scope": ["read:billing", "write:billing", "email"] },
            { "audience": "https://ghost.example", "scope": ["x"] },
        ] });
        let world = app.world_with(json!({}), policies).await;
        let login = json!({
            "login_audience": MESSAGES, "login_scope": LOGIN_SCOPE, "audience": BILLING,
        });
        let explained = explain(&app, &world, login).await.ok();
        assert_eq!(fate(&explained, "read:billing"), "granted");
        assert_eq!(fate(&explained, "write:billing"), "not_defined_by_api");
        assert_eq!(fate(&explained, "email"), "not_granted_at_login");
        assert_eq!(fate(&explained, "read:messages"), "of_another_api");
        let void = |i: usize| explained["policies"][i]["void"].as_array().unwrap().len();
        assert_eq!((void(0), void(1)), (2, 1), "{explained}");

        let path = format!("/resource-servers/{}", world.billing_id);
        app.management("PATCH", &path, Some(json!({ "enforce_policies": true }))).await.ok();
        let login = json!({
            "login_audience": MESSAGES, "login_scope": LOGIN_SCOPE, "audience": BILLING,
        });
        let explained = explain(&app, &world, login).await.ok();
        assert_eq!(fate(&explained, "read:billing"), "restricted");
    }
}

#[tokio::test]
async fn the_operator_learns_why_a_token_is_refused() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let reason = |token: Value| {
            let (app, world) = (&app, &world);
            async move { explain(app, world, token).await.ok()["reason"].clone() }
        };
        let first = text(&app.log_in(&world).await, "refresh_token").to_owned();
        let second = app.refresh(&world, &first, &[]).await.text_of("refresh_token");
        let third = app.refresh(&world, &second, &[]).await.text_of("refresh_token");
        assert_eq!(reason(json!({ "refresh_token": first })).await, "rotated", "{backend}");
        assert_eq!(reason(json!({ "refresh_token": third })).await, Value::Null, "{backend}");
        // Asking changes nothing.
        let third = app.refresh(&world, &third, &[]).await.text_of("refresh_token");
        app.refresh(&world, &first, &[]).await;
        let dead = explain(&app, &world, json!({ "refresh_token": third })).await.ok();
        assert_eq!(dead["reason"], "revoked_by_reuse", "{backend}");
        assert!(dead["refresh_token"]["revoked_at"].is_string(), "{backend}");

        let token = text(&app.log_in(&world).await, "refresh_token").to_owned();
        app.clock.advance_seconds(501);
        assert_eq!(reason(json!({ "refresh_token": token })).await, "idle", "{backend}");
        app.clock.advance_seconds(500);
        assert_eq!(reason(json!({ "refresh_token": token })).await, "absolute", "{backend}");
        let token = text(&app.log_in(&world).await, "refresh_token").to_owned();
        let form = [("client_id", world.client_id.as_str()), ("token", token.as_str())];
        app.post_form("oauth/revoke", &form).await;
        assert_eq!(reason(json!({})).await, "revoked_by_client", "{backend}: the last one");
    }
}

#[tokio::test]
async fn its_errors() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let missing = json!({ "client_id": "nobody" });
        assert_eq!(explain(&app, &world, missing).await.status, 404, "{backend}");
        let missing = json!({ "user_id": "auth0|nobody" });
        assert_eq!(explain(&app, &world, missing).await.status, 404, "{backend}");
        assert_eq!(explain(&app, &world, json!({})).await.status, 404, "{backend}: no token yet");
        let both = json!({ "refresh_token_id": "x", "login_scope": "openid" });
        assert_eq!(explain(&app, &world, both).await.status, 400, "{backend}");
        let unknown = json!({ "nonsense": true });
        assert_eq!(explain(&app, &world, unknown).await.status, 400, "{backend}");
        let other = app.add_user("eve@example.com", PASSWORD).await;
        let token = text(&app.log_in(&world).await, "refresh_token").to_owned();
        let stolen = json!({ "user_id": other["user_id"], "refresh_token": token });
        assert_eq!(explain(&app, &world, stolen).await.status, 404, "{backend}: another user's");
    }
}

#[tokio::test]
async fn the_users_state_is_explained_as_the_exchange_finds_it() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(json!({ "organization_usage": "allow" }), json!({})).await;
        let acme = TestApp::created(
            &app.management("POST", "/organizations", Some(json!({ "name": "acme" }))).await,
        );
        let members = format!("/organizations/{}/members", text(&acme, "id"));
        let member = json!({ "members": [world.user_id] });
        app.management("POST", &members, Some(member.clone())).await;
        let more = [("audience", MESSAGES), ("scope", LOGIN_SCOPE), ("organization", "acme")];
        let token = text(&app.log_in_for(&world, &more).await, "refresh_token").to_owned();
        app.management("DELETE", &members, Some(member)).await;
        let explained = explain(&app, &world, json!({})).await.ok();
        assert_eq!(explained["reason"], "not_a_member", "{backend}");
        assert_eq!(app.refresh(&world, &token, &[]).await.status, 400, "{backend}");

        // A third party without the user's consent.
        let token = text(&app.log_in(&world).await, "refresh_token").to_owned();
        app.patch_client(&world.client_id, json!({ "is_first_party": false })).await;
        let explained = explain(&app, &world, json!({ "refresh_token": token })).await.ok();
        assert_eq!(explained["reason"], "consent_withdrawn", "{backend}");
        assert_eq!(app.refresh(&world, &token, &[]).await.status, 400, "{backend}");
    }
}

#[tokio::test]
async fn scripts_that_have_the_last_word_are_named_and_not_run() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        app.log_in(&world).await;
        let explained = explain(&app, &world, json!({})).await.ok();
        assert_eq!(explained.get("scripts"), None, "{backend}");
        let code = "exports.onExecutePostLogin = async (event, api) => api.access.deny('no');";
        let id = app.bind_action(PostLogin, "Deny all", code).await;
        let explained = explain(&app, &world, json!({})).await.ok();
        assert_eq!(explained["scripts"], json!(["Deny all"]), "{backend}");
        assert_eq!(explained["allowed"], true, "{backend}: as far as it can be told");
        assert!(app.executions_of(&id).await.is_empty(), "{backend}");
    }
}
