//! What Actions do to the session of the browser.

use doorward::crypto::digest;
use doorward::domain::action::Trigger::PostLogin;
use serde_json::{Value, json};

use crate::support::{
    TestApp,
    browser::Browser,
    each_backend,
    fixtures::{EMAIL, LOGIN_SCOPE, MESSAGES, PASSWORD, VERIFIER, World, authorize_query},
};

const ASKED: [(&str, &str); 2] = [("audience", MESSAGES), ("scope", LOGIN_SCOPE)];

async fn sessions(app: &TestApp, world: &World) -> Value {
    let path = format!("/users/{}/sessions", world.user_id);
    app.management("GET", &path, None).await.ok()["sessions"].clone()
}

fn action(body: &str) -> String {
    format!("exports.onExecutePostLogin = async (event, api) => {{ {body} }};")
}

#[tokio::test]
async fn metadata_is_kept_with_the_session() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let code = action(
            "const times = Number(event.session.metadata.times || 0) + 1;
            api.session.setMetadata('times', String(times));
            if (times === 2) api.session.deleteMetadata('first');
            else api.session.setMetadata('first', 'yes');",
        );
        app.bind_action(PostLogin, "counts", &code).await;
        let mut browser = Browser::new(&app);
        app.code_for(&mut browser, &world, &ASKED).await;
        let kept = &sessions(&app, &world).await[0]["session_metadata"];
        assert_eq!(kept, &json!({ "times": "1", "first": "yes" }), "{backend}");
        app.code_for(&mut browser, &world, &ASKED).await;
        let kept = &sessions(&app, &world).await[0]["session_metadata"];
        assert_eq!(kept, &json!({ "times": "2" }));
    }
}

#[tokio::test]
async fn a_session_ends_earlier_and_never_later() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let code = action(
            "api.session.setExpiresAt(Date.now() + 60 * 60 * 1000);
            api.session.setIdleExpiresAt(Date.now() + 365 * 24 * 60 * 60 * 1000);",
        );
        let id = app.bind_action(PostLogin, "shortens", &code).await;
        let mut browser = Browser::new(&app);
        app.code_for(&mut browser, &world, &ASKED).await;
        app.unbind_action(&id).await;
        let silent = [("prompt", "none"), ASKED[0], ASKED[1]];
        app.clock.advance_seconds(50 * 60);
        app.code_for(&mut browser, &world, &silent).await;
        app.clock.advance_seconds(11 * 60);
        let challenge = digest::s256_challenge(VERIFIER);
        let query = authorize_query(&world.client_id, &challenge, &silent);
        let landed = browser.log_in(&query, EMAIL, PASSWORD).await.application();
        assert_eq!(landed["error"], "login_required", "{backend}");
    }
}

#[tokio::test]
async fn a_revoked_session_ends_with_the_login_and_its_refresh_tokens() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        for preserve in [false, true] {
            let mut browser = Browser::new(&app);
            let code = app.code_for(&mut browser, &world, &ASKED).await;
            let tokens = app.exchange_code(&world, &code).await.ok();
            let refresh_token = tokens["refresh_token"].as_str().unwrap();
            let body =
                format!("api.session.revoke('stolen', {{ preserveRefreshTokens: {preserve} }});");
            let id = app.bind_action(PostLogin, "revokes", &action(&body)).await;
            let silent = [("prompt", "none"), ASKED[0], ASKED[1]];
            let challenge = digest::s256_challenge(VERIFIER);
            let query = authorize_query(&world.client_id, &challenge, &silent);
            let landed = browser.log_in(&query, EMAIL, PASSWORD).await.application();
            assert_eq!(landed["error"], "access_denied", "{backend}");
            assert_eq!(landed["error_description"], "stolen");
            assert!(!browser.cookies.contains_key("doorward_session"), "the cookie is forgotten");
            assert_eq!(sessions(&app, &world).await, json!([]));
            app.unbind_action(&id).await;
            app.forget_action(&id).await;
            let refreshed = app.refresh(&world, refresh_token, &[]).await;
            assert_eq!(refreshed.status == 200, preserve, "{}", refreshed.text);
        }
    }
}

#[tokio::test]
async fn the_cookie_outlives_the_browser_or_not() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let code = action(
            "const modes = ['persistent', 'non-persistent'];
            const other = modes.find((mode) => mode !== event.session.cookie.mode);
            api.session.setCookieMode(other);",
        );
        app.bind_action(PostLogin, "mode", &code).await;
        let mut browser = Browser::new(&app);
        app.code_for(&mut browser, &world, &ASKED).await;
        let session = browser.cookies["doorward_session"].clone();
        let challenge = digest::s256_challenge(VERIFIER);
        let mut url = url::Url::parse(&app.url("authorize")).unwrap();
        url.query_pairs_mut().extend_pairs(authorize_query(&world.client_id, &challenge, &ASKED));
        // The first login has made it go with the browser.
        for outlives in [true, false, true] {
            let answer = browser.send(app.http.get(url.clone())).await;
            assert!(answer.header("location").contains("code="), "{backend}");
            let cookie = answer.header("set-cookie");
            assert!(cookie.contains(&session), "it is the same session: {cookie}");
            assert_eq!(cookie.contains("Max-Age=604800"), outlives, "{cookie}");
        }
    }
}
