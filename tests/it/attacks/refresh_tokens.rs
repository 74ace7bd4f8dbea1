//! Refresh tokens that were used before, or whose user is no longer welcome: cases 27 to 32, 39 and
//! 48.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    DATABASE, DEVICE, OTP, REALM, begin, block, device_codes, let_in, log_in_with_code,
    mailed_code, poll, refused, user_path,
};
use crate::support::{
    Answer, TestApp, browser::Browser, each_backend, fixtures::*, payload, raw::Raw,
};

const INVALID_GRANT: (u16, &str) = (400, "invalid_grant");

/// An application that may use every grant that yields a refresh token.
async fn world(app: &TestApp, refresh: Value) -> World {
    let grants = ["authorization_code", "refresh_token", "password", REALM, OTP, DEVICE];
    app.world_with(json!({ "app_type": "native", "grant_types": grants }), refresh).await
}

fn token_of(login: &Value) -> String {
    text(login, "refresh_token").to_owned()
}

async fn rotated(app: &TestApp, world: &World, token: &str) -> String {
    token_of(&app.refresh(world, token, &[]).await.ok())
}

/// Refuses the token, and everything of its login from then on.
async fn is_reuse(app: &TestApp, world: &World, old: &str, current: &str, what: &str) {
    refused(&app.refresh(world, old, &[]).await, INVALID_GRANT, what);
    let what = format!("{what}: the login is over");
    refused(&app.refresh(world, current, &[]).await, INVALID_GRANT, &what);
}

async fn reuses_told(app: &TestApp) -> i64 {
    Raw::connect(app).await.number("SELECT COUNT(*) FROM audit WHERE type = 'ferrt'").await
}

/// **Case 27.** CVE-2026-1035, Keycloak: between the look and the write, several requests used one
/// token.
#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_parallel_uses_one_wins_or_all_share_one_successor() {
    for (backend, app) in each_backend().await {
        let world = world(&app, json!({})).await;
        for (leeway, winners) in [(0, 1), (10, 50)] {
            let settings = refresh_settings(json!({ "leeway": leeway }));
            app.patch_client(&world.client_id, json!({ "refresh_token": settings })).await;
            let token = token_of(&app.log_in(&world).await);
            let form = [
                ("grant_type", "refresh_token"),
                ("client_id", &world.client_id),
                ("refresh_token", &token),
            ];
            let calls: Vec<_> = (0..50)
                .map(|_| app.http.post(app.url("oauth/token")).form(&form))
                .map(|call| tokio::spawn(async { Answer::read(call.send().await.unwrap()).await }))
                .collect();
            let (mut won, mut successors) = (0, BTreeSet::new());
            for call in calls {
                let answer = call.await.unwrap();
                if answer.status == 200 {
                    won += 1;
                    successors.insert(token_of(&answer.json()));
                } else {
                    refused(&answer, INVALID_GRANT, &format!("{backend} {leeway}"));
                }
            }
            assert_eq!((won, successors.len()), (winners, 1), "{backend} leeway {leeway}");
            let successor = successors.first().unwrap();
            let after = app.refresh(&world, successor, &[]).await.status;
            assert_eq!(after, if leeway == 0 { 400 } else { 200 }, "{backend} leeway {leeway}");
        }
        assert_eq!(reuses_told(&app).await, 1, "{backend}: one event for 49 losers");
    }
}

/// **Case 28.** CVE-2026-9802, Keycloak: what was spent before a restart was good again after it.
#[tokio::test]
async fn a_restart_forgets_no_use() {
    for (backend, app) in each_backend().await {
        let world = world(&app, json!({ "leeway": 0 })).await;
        let first = token_of(&app.log_in(&world).await);
        let second = rotated(&app, &world, &first).await;
        let database = app.another_node().await;
        app.inner.store.close().await;
        is_reuse(&database, &world, &first, &second, backend).await;
    }
}

/// **Case 29.** Keycloak issue 50999: generations were told apart by the second.
#[tokio::test]
async fn a_token_is_spent_however_soon_it_comes_again() {
    for (backend, app) in each_backend().await {
        for leeway in [0, 10] {
            let settings = refresh_settings(json!({ "leeway": leeway }));
            let client = app.add_client(json!({ "refresh_token": settings })).await;
            let world = match leeway {
                0 => world(&app, json!({})).await,
                _ => World {
                    client_id: text(&client, "client_id").to_owned(),
                    client_secret: String::new(),
                    user_id: String::new(),
                    messages_id: String::new(),
                    billing_id: String::new(),
                },
            };
            let first = token_of(&app.log_in(&world).await);
            let second = rotated(&app, &world, &first).await;
            let third = rotated(&app, &world, &second).await;
            is_reuse(&app, &world, &first, &third, &format!("{backend} leeway {leeway}")).await;
        }
    }
}

/// **Case 30.** Keycloak issue 52666: for some grants it was not kept which token was spent.
#[tokio::test]
async fn a_replay_is_noticed_whatever_grant_the_token_is_from() {
    for (backend, app) in each_backend().await {
        let world = world(&app, json!({})).await;
        let with_password = async |grant: &str| {
            let form = [
                ("grant_type", grant),
                ("client_id", world.client_id.as_str()),
                ("username", EMAIL),
                ("password", PASSWORD),
                ("realm", DATABASE),
                ("audience", MESSAGES),
                ("scope", LOGIN_SCOPE),
            ];
            app.token(&form).await.ok()
        };
        let codes = device_codes(&app, &world, &[]).await;
        let_in(&app, &codes).await;
        let otp = mailed_code(&app, &world, "grace@example.com").await;
        for (grant, login) in [
            ("authorization_code", app.log_in(&world).await),
            ("password", with_password("password").await),
            (REALM, with_password(REALM).await),
            (DEVICE, poll(&app, &world, &codes, &[]).await.ok()),
            (OTP, log_in_with_code(&app, &world, "grace@example.com", &otp).await.ok()),
        ] {
            let first = token_of(&login);
            let answer = app.refresh(&world, &first, &[("audience", BILLING)]).await.ok();
            let told = payload(text(&answer, "access_token"));
            let before = payload(text(&login, "access_token"));
            assert_eq!(told["sub"], before["sub"], "{backend} {grant}");
            let second = token_of(&answer);
            let answer = app.refresh(&world, &second, &[]).await.ok();
            let scope = format!("{LOGIN_SCOPE} write:messages");
            assert_eq!(answer["scope"], scope, "{backend} {grant}: nothing was lost");
            app.clock.advance_seconds(11);
            let third = token_of(&answer);
            is_reuse(&app, &world, &second, &third, &format!("{backend} {grant}")).await;
        }
        assert_eq!(reuses_told(&app).await, 5, "{backend}");
    }
}

/// **Case 31.** CVE-2023-22492, ZITADEL: refresh tokens of locked users went on.
#[tokio::test]
async fn a_blocked_user_has_no_refresh_token_and_gets_none_back() {
    for (backend, app) in each_backend().await {
        let world = world(&app, json!({})).await;
        let token = token_of(&app.log_in(&world).await);
        block(&app, &world, true).await;
        let answer = app.refresh(&world, &token, &[]).await;
        refused(&answer, INVALID_GRANT, backend);
        assert_eq!(answer.text_of("error_description"), "user is blocked", "{backend}");
        block(&app, &world, false).await;
        let answer = app.refresh(&world, &token, &[]).await;
        refused(&answer, INVALID_GRANT, &format!("{backend}: revoked for good"));
    }
}

/// **Case 32.** CVE-2026-43983, Pocket ID: a login outlived the consent, the account and the role
/// that it was for.
#[tokio::test]
async fn what_a_login_was_allowed_by_is_looked_at_every_time() {
    for (backend, app) in each_backend().await {
        let third_party = json!({ "is_first_party": false });
        let world = app.world_with(third_party, json!({ "policies": null })).await;
        // The consent.
        let asked = [("audience", MESSAGES), ("scope", LOGIN_SCOPE)];
        let mut browser = Browser::new(&app);
        let login = begin(&mut browser, &world, &asked).await;
        let fields = [("username", EMAIL), ("password", PASSWORD)];
        let page = browser.submit(&login, &fields).await.page();
        let landed = browser.submit(&page, &[("action", "accept")]).await.application();
        let token = token_of(&app.exchange_code(&world, &landed["code"]).await.ok());
        let token = rotated(&app, &world, &token).await;
        let unredeemed = app.code_for(&mut browser, &world, &asked).await;
        let user = world.user_id.replace('|', "%7C");
        let grants = app.management("GET", &format!("/grants?user_id={user}"), None).await.ok();
        let path = format!("/grants/{}", text(&grants[0], "id"));
        assert_eq!(app.management("DELETE", &path, None).await.status, 204, "{backend}");
        let what = format!("{backend}: the consent was taken back");
        refused(&app.refresh(&world, &token, &[]).await, INVALID_GRANT, &what);
        refused(&app.exchange_code(&world, &unredeemed).await, INVALID_GRANT, &what);

        // The role.
        let own = json!({ "is_first_party": true });
        app.patch_client(&world.client_id, own).await;
        let path = format!("/resource-servers/{}", world.messages_id);
        app.management("PATCH", &path, Some(json!({ "enforce_policies": true }))).await.ok();
        let role = app.management("POST", "/roles", Some(json!({ "name": "Reader" }))).await.ok();
        let role = text(&role, "id").to_owned();
        let permission = json!({ "permissions": [{
            "resource_server_identifier": MESSAGES, "permission_name": "read:messages",
        }] });
        app.management("POST", &format!("/roles/{role}/permissions"), Some(permission)).await;
        let roles = format!("{}/roles", user_path(&world));
        let body = json!({ "roles": [role] });
        app.management("POST", &roles, Some(body.clone())).await;
        let login = app.log_in(&world).await;
        assert_eq!(login["scope"], LOGIN_SCOPE, "{backend}");
        assert_eq!(app.management("DELETE", &roles, Some(body)).await.status, 204, "{backend}");
        let narrowed = app.refresh(&world, text(&login, "refresh_token"), &[]).await.ok();
        assert_eq!(narrowed["scope"], "openid profile offline_access", "{backend}");

        // The account.
        block(&app, &world, true).await;
        let token = token_of(&narrowed);
        refused(&app.refresh(&world, &token, &[]).await, INVALID_GRANT, backend);
    }
}

/// **Case 39.** OpenIddict issue 1819, Logto pull request 9545: each replay walked, or wrote, every
/// token that had been before it.
#[tokio::test]
async fn a_hundred_replays_after_ten_thousand_rotations_are_one_event_and_one_row() {
    for (backend, app) in each_backend().await {
        let world = world(&app, json!({})).await;
        let first = token_of(&app.log_in(&world).await);
        let mut current = first.clone();
        for _ in 0..10 {
            current = rotated(&app, &world, &current).await;
        }
        let mut raw = Raw::connect(&app).await;
        let rows = "SELECT COUNT(*) FROM refresh_token_family";
        assert_eq!(raw.number(rows).await, 1, "{backend}: one row, however often it was rotated");
        // As the other 9,990 would leave it.
        let rotate = "UPDATE refresh_token_family SET generation = generation + 9990";
        assert_eq!(raw.execute(rotate).await, 1);
        let state = "SELECT CAST(generation + COALESCE(revoked_at, 0) AS BIGINT)
                     FROM refresh_token_family";
        let mut ended = None;
        for i in 0..100 {
            let audience = [MESSAGES, BILLING, "https://nobody.example"][i % 3];
            let answer = app.refresh(&world, &first, &[("audience", audience)]).await;
            refused(&answer, INVALID_GRANT, &format!("{backend} {i}"));
            let now = raw.number(state).await;
            let what = format!("{backend} {i}: the first ends the login, and no other writes");
            assert_eq!(*ended.get_or_insert(now), now, "{what}");
            app.clock.advance_seconds(1);
        }
        assert_eq!(reuses_told(&app).await, 1, "{backend}: nor is another told");
        assert_eq!(raw.number(rows).await, 1, "{backend}");
        refused(&app.refresh(&world, &current, &[]).await, INVALID_GRANT, "the login is over");
    }
}

/// **Case 48.** Published study of families of client ids: the refresh token of one application was
/// good at another.
#[tokio::test]
async fn the_token_of_another_application_is_refused_and_its_login_ends() {
    for (backend, app) in each_backend().await {
        let world = world(&app, json!({})).await;
        let settings = json!({ "name": "Other", "refresh_token": refresh_settings(json!({})) });
        let other = app.add_client(settings).await;
        let (id, secret) = (text(&other, "client_id"), text(&other, "client_secret"));
        for with_secret in [false, true] {
            let token = token_of(&app.log_in(&world).await);
            let mut form =
                vec![("grant_type", "refresh_token"), ("client_id", id), ("refresh_token", &token)];
            if with_secret {
                form.push(("client_secret", secret));
            }
            refused(&app.token(&form).await, INVALID_GRANT, backend);
            let own = app.refresh(&world, &token, &[]).await;
            refused(&own, INVALID_GRANT, &format!("{backend}: it was stolen, so it is over"));
        }
    }
}
