//! What the settings of application and API do to an exchange, and that they do it live.

use serde_json::json;

use crate::support::{TestApp, each_backend, fixtures::*, payload};

async fn configure(app: &TestApp, world: &World, changes: serde_json::Value) {
    let body = json!({ "refresh_token": refresh_settings(changes) });
    app.patch_client(&world.client_id, body).await;
}

async fn patch_billing(app: &TestApp, world: &World, body: serde_json::Value) {
    let path = format!("/resource-servers/{}", world.billing_id);
    app.management("PATCH", &path, Some(body)).await.ok();
}

#[tokio::test]
async fn families_follow_a_switch_between_rotating_and_not_at_their_next_exchange() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let first = text(&app.log_in(&world).await, "refresh_token").to_owned();
        let second = app.refresh(&world, &first, &[]).await.text_of("refresh_token");

        configure(&app, &world, json!({ "rotation_type": "non-rotating" })).await;
        for _ in 0..2 {
            let echoed = app.refresh(&world, &second, &[]).await.text_of("refresh_token");
            assert_eq!(echoed, second, "{backend}: echoed from now on");
        }
        configure(&app, &world, json!({})).await;
        let third = app.refresh(&world, &second, &[]).await.text_of("refresh_token");
        assert_ne!(third, second, "{backend}: rotating again");
        let again = app.refresh(&world, &second, &[]).await.text_of("refresh_token");
        assert_eq!(again, third, "{backend}: the leeway holds across the switch");
        app.clock.advance_seconds(11);
        let reuse = app.refresh(&world, &second, &[]).await;
        assert_eq!(reuse.error(), (400, "invalid_grant".into()), "{backend}");
    }
}

#[tokio::test]
async fn the_infinite_flags_and_non_expiring_switch_each_lifetime_off() {
    // token_lifetime 1000, idle_token_lifetime 500.
    let cases = [
        (json!({ "infinite_idle_token_lifetime": true }), 999, true),
        (json!({ "infinite_idle_token_lifetime": true }), 1001, false),
        (json!({ "infinite_token_lifetime": true }), 499, true),
        (json!({ "infinite_token_lifetime": true }), 501, false),
        (
            json!({ "infinite_token_lifetime": true, "infinite_idle_token_lifetime": true }),
            9999,
            true,
        ),
        (json!({ "rotation_type": "non-rotating", "expiration_type": "non-expiring" }), 9999, true),
    ];
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        for (changes, wait, alive) in &cases {
            configure(&app, &world, changes.clone()).await;
            let token = text(&app.log_in(&world).await, "refresh_token").to_owned();
            app.clock.advance_seconds(*wait);
            let answer = app.refresh(&world, &token, &[]).await;
            assert_eq!(answer.status == 200, *alive, "{backend} {changes} after {wait} s");
        }
    }
}

#[tokio::test]
async fn the_idle_lifetime_of_today_counts_and_the_absolute_end_of_the_login() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let token = text(&app.log_in(&world).await, "refresh_token").to_owned();
        configure(&app, &world, json!({ "idle_token_lifetime": 20, "token_lifetime": 50 })).await;
        app.clock.advance_seconds(19);
        let token = app.refresh(&world, &token, &[]).await.text_of("refresh_token");
        configure(&app, &world, json!({ "token_lifetime": 1000 })).await;
        app.clock.advance_seconds(100);
        let token = app.refresh(&world, &token, &[]).await;
        let token = token.text_of("refresh_token");
        app.clock.advance_seconds(499);
        let token = app.refresh(&world, &token, &[]).await.text_of("refresh_token");
        configure(&app, &world, json!({ "token_lifetime": 100_000 })).await;
        app.clock.advance_seconds(400);
        let answer = app.refresh(&world, &token, &[]).await;
        assert_eq!(answer.status, 400, "{backend}: the absolute end was fixed at login");
    }
}

#[tokio::test]
async fn the_token_has_the_shape_and_lifetime_of_the_target_api() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let path = format!("/users/{}/permissions", world.user_id.replace('|', "%7C"));
        let body = json!({ "permissions": [{
            "resource_server_identifier": BILLING, "permission_name": "read:billing",
        }] });
        app.management("POST", &path, Some(body)).await;
        let token = text(&app.log_in(&world).await, "refresh_token").to_owned();
        for (dialect, rfc9068, permissions) in [
            ("access_token", false, false),
            ("access_token_authz", false, true),
            ("rfc9068_profile", true, false),
            ("rfc9068_profile_authz", true, true),
        ] {
            let shape = json!({ "token_dialect": dialect, "token_lifetime": 1234 });
            patch_billing(&app, &world, shape).await;
            let answer = app.refresh(&world, &token, &[("audience", BILLING)]).await.ok();
            assert_eq!(answer["expires_in"], 1234, "{backend}");
            let access = text(&answer, "access_token");
            let header = access.split('.').next().unwrap();
            let claims = payload(access);
            let typ = payload(&format!("x.{header}"))["typ"].clone();
            assert_eq!(typ, if rfc9068 { "at+jwt" } else { "JWT" }, "{backend} {dialect}");
            assert_eq!(claims.get("client_id").is_some(), rfc9068, "{backend} {dialect}");
            assert_eq!(claims.get("jti").is_some(), rfc9068, "{backend} {dialect}");
            assert_eq!(claims.get("azp").is_some(), !rfc9068, "{backend} {dialect}");
            let given = claims.get("permissions").cloned();
            assert_eq!(given, permissions.then(|| json!(["read:billing"])), "{backend} {dialect}");
            let original = app.refresh(&world, &token, &[]).await.ok();
            assert_eq!(original["expires_in"], 86_400, "{backend}: the other API keeps its own");
        }
    }
}

#[tokio::test]
async fn an_api_that_demands_client_grants_gives_users_what_they_say() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let token = text(&app.log_in(&world).await, "refresh_token").to_owned();
        let scope = || async {
            app.refresh(&world, &token, &[("audience", BILLING)]).await.text_of("scope")
        };
        let demand = |policy: &str| {
            json!({
                "subject_type_authorization": { "user": { "policy": policy } },
            })
        };
        patch_billing(&app, &world, demand("require_client_grant")).await;
        let nothing = "openid profile offline_access";
        assert_eq!(scope().await, nothing, "{backend}: no grant");
        let of_machines = json!({
            "client_id": world.client_id, "audience": BILLING, "scope": ["read:billing"],
        });
        TestApp::created(&app.management("POST", "/client-grants", Some(of_machines)).await);
        assert_eq!(scope().await, nothing, "{backend}: that one is for the application itself");
        let of_users = json!({
            "client_id": world.client_id, "audience": BILLING, "scope": ["read:billing"],
            "subject_type": "user",
        });
        TestApp::created(&app.management("POST", "/client-grants", Some(of_users)).await);
        assert_eq!(scope().await, format!("{nothing} read:billing"), "{backend}");
        patch_billing(&app, &world, demand("deny_all")).await;
        assert_eq!(scope().await, nothing, "{backend}: denied to everybody");
    }
}

#[tokio::test]
async fn a_policy_is_an_extension_and_never_narrows_the_login() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let only_billing =
            json!({ "policies": [{ "audience": BILLING, "scope": ["read:billing"] }] });
        configure(&app, &world, only_billing).await;
        let token = text(&app.log_in(&world).await, "refresh_token").to_owned();
        let answer = app.refresh(&world, &token, &[]).await;
        assert_eq!(answer.text_of("scope"), LOGIN_SCOPE, "{backend}");
        let empty = json!({ "policies": [{ "audience": MESSAGES, "scope": [] }] });
        configure(&app, &world, empty).await;
        let answer = app.refresh(&world, &token, &[]).await;
        assert_eq!(answer.text_of("scope"), LOGIN_SCOPE, "{backend}");
        // Without any policy it is an ordinary refresh token, for one audience.
        configure(&app, &world, json!({ "policies": null })).await;
        let answer = app.refresh(&world, &token, &[]).await.ok();
        assert_eq!(answer["scope"], LOGIN_SCOPE, "{backend}");
        assert!(answer.get("resource").is_none(), "{backend}: no marker");
        let answer = app.refresh(&world, &token, &[("audience", BILLING)]).await;
        assert_eq!(answer.error(), (400, "invalid_target".into()), "{backend}");
    }
}
