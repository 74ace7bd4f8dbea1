//! A clock that is set back or forwards by hours, while people are logged in.

use doorward::{crypto::digest, domain::time::Clock, store::sweep};
use serde_json::{Value, json};

use crate::support::{Answer, TestApp, browser::Browser, each_backend_with, fixtures::*};

const HOURS: i64 = 6 * 3600;
const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// Slow enough that a test reaches the limit.
const LIMITED: &str = "[management]\nrequests_per_second = 1\nburst = 50\n";

async fn world(app: &TestApp) -> World {
    let grants = ["authorization_code", "refresh_token", "password", GRANT];
    let client = json!({ "app_type": "native", "grant_types": grants });
    let long = json!({
        "leeway": 60, "token_lifetime": 864_000, "idle_token_lifetime": 800_000,
    });
    app.world_with(client, long).await
}

async fn device(app: &TestApp, world: &World) -> Value {
    let form = [("client_id", world.client_id.as_str()), ("scope", "openid")];
    app.post_form("oauth/device/code", &form).await.ok()
}

async fn poll(app: &TestApp, world: &World, codes: &Value) -> Answer {
    app.token(&[
        ("grant_type", GRANT),
        ("client_id", &world.client_id),
        ("device_code", text(codes, "device_code")),
    ])
    .await
}

/// A code from a browser that is logged in already.
async fn code(browser: &mut Browser<'_>, world: &World) -> String {
    let challenge = digest::s256_challenge(VERIFIER);
    let scope = [("audience", MESSAGES), ("scope", LOGIN_SCOPE), ("prompt", "none")];
    let query = authorize_query(&world.client_id, &challenge, &scope);
    let landed = browser.visit("authorize", &query).await.application();
    landed.get("code").unwrap_or_else(|| panic!("the session is gone: {landed:?}")).clone()
}

async fn sweep_now(app: &TestApp) {
    sweep::run(&app.inner.store, app.clock.now(), 90 * 86_400).await.unwrap();
}

/// Two exchanges, with a retry of the first; returns the current token.
async fn exchanges(app: &TestApp, world: &World, token: &str) -> String {
    let first = app.refresh(world, token, &[]).await.text_of("refresh_token");
    let retried = app.refresh(world, token, &[]).await.text_of("refresh_token");
    assert_eq!(retried, first, "a retry gets the same successor");
    app.refresh(world, &first, &[("audience", BILLING)]).await.text_of("refresh_token")
}

async fn used_twice(app: &TestApp, world: &World, code: &str) {
    app.exchange_code(world, code).await.ok();
    let again = app.exchange_code(world, code).await;
    assert_eq!(again.error(), (400, "invalid_grant".to_owned()), "a code works once");
}

#[tokio::test]
async fn a_clock_that_is_set_back_logs_nobody_out_and_locks_nobody_out() {
    for (backend, app) in each_backend_with(LIMITED).await {
        let world = world(&app).await;
        let mut browser = Browser::new(&app);
        let mut token = {
            let scope = [("audience", MESSAGES), ("scope", LOGIN_SCOPE)];
            let code = app.code_for(&mut browser, &world, &scope).await;
            app.exchange_code(&world, &code).await.text_of("refresh_token")
        };
        token = exchanges(&app, &world, &token).await;
        let codes = device(&app, &world).await;
        assert_eq!(poll(&app, &world, &codes).await.error().1, "authorization_pending");
        assert_eq!(poll(&app, &world, &codes).await.error().1, "slow_down");
        let unused = code(&mut browser, &world).await;
        let access = app.refresh(&world, &token, &[]).await;
        let (access, current) = (access.text_of("access_token"), access.text_of("refresh_token"));
        while app.management("GET", "/roles", None).await.status != 429 {}

        app.clock.advance_seconds(-HOURS);
        sweep_now(&app).await;
        // The retry of an exchange whose answer was lost before.
        let retried = app.refresh(&world, &token, &[]).await.text_of("refresh_token");
        assert_eq!(retried, current, "{backend}");
        token = exchanges(&app, &world, &current).await;
        let request = app.http.get(app.url("userinfo")).bearer_auth(&access);
        let told = app.send(request).await;
        assert_eq!(told.status, 200, "{backend}: {}", told.text);
        let fresh = code(&mut browser, &world).await;
        used_twice(&app, &world, &fresh).await;
        used_twice(&app, &world, &unused).await;
        assert_eq!(poll(&app, &world, &codes).await.error().1, "authorization_pending");
        assert_eq!(poll(&app, &world, &codes).await.error().1, "slow_down", "{backend}");
        app.clock.advance_seconds(5);
        assert_eq!(poll(&app, &world, &codes).await.error().1, "authorization_pending");
        // A bucket that was empty fills as ever.
        app.management("GET", "/roles", None).await;
        app.clock.advance_seconds(2);
        assert_eq!(app.management("GET", "/roles", None).await.status, 200, "{backend}");

        // And the clock is right again.
        app.clock.advance_seconds(HOURS);
        sweep_now(&app).await;
        exchanges(&app, &world, &token).await;
        code(&mut browser, &world).await;
    }
}

#[tokio::test]
async fn a_clock_that_leaps_forwards_ends_what_is_short_and_nothing_else() {
    for (backend, app) in each_backend_with(LIMITED).await {
        let world = world(&app).await;
        let mut browser = Browser::new(&app);
        let mut token = {
            let scope = [("audience", MESSAGES), ("scope", LOGIN_SCOPE)];
            let code = app.code_for(&mut browser, &world, &scope).await;
            app.exchange_code(&world, &code).await.text_of("refresh_token")
        };
        let (short, kept) = (code(&mut browser, &world).await, code(&mut browser, &world).await);
        let codes = device(&app, &world).await;
        assert_eq!(poll(&app, &world, &codes).await.error().1, "authorization_pending");
        while app.management("GET", "/roles", None).await.status != 429 {}

        app.clock.advance_seconds(HOURS);
        let refused = app.exchange_code(&world, &short).await;
        assert_eq!(refused.error(), (400, "invalid_grant".to_owned()), "{backend}");
        assert_eq!(poll(&app, &world, &codes).await.error().1, "expired_token", "{backend}");
        token = exchanges(&app, &world, &token).await;
        let fresh = code(&mut browser, &world).await;
        used_twice(&app, &world, &fresh).await;

        // It was a leap in error: what was ended by nobody but the clock goes on.
        app.clock.advance_seconds(-HOURS);
        token = exchanges(&app, &world, &token).await;
        used_twice(&app, &world, &kept).await;
        app.clock.advance_seconds(5);
        assert_eq!(poll(&app, &world, &codes).await.error().1, "authorization_pending");
        app.management("GET", "/roles", None).await;
        app.clock.advance_seconds(2);
        assert_eq!(app.management("GET", "/roles", None).await.status, 200, "{backend}");
        exchanges(&app, &world, &token).await;
        code(&mut browser, &world).await;
    }
}
