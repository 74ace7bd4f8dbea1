//! Post-login Actions that send the browser elsewhere, and `/continue`.

use std::collections::BTreeMap;

use doorward::domain::action::Trigger::PostLogin;
use doorward::{
    crypto::digest,
    domain::{ClientId, ExecutionId},
};
use serde_json::{Value, json};

use crate::support::{
    TestApp,
    browser::{Browser, Landed},
    each_backend, each_backend_with,
    fixtures::{EMAIL, LOGIN_SCOPE, MESSAGES, PASSWORD, VERIFIER, World, authorize_query, text},
    payload,
};

const ASKED: [(&str, &str); 2] = [("audience", MESSAGES), ("scope", LOGIN_SCOPE)];

/// Sends the user away, and takes what comes back into the token.
const AWAY: &str = "
exports.onExecutePostLogin = async (event, api) => {
    if (!api.redirect.canRedirect()) return api.access.deny('no way');
    api.transaction.setMetadata('asked', event.request.query.ext || 'nothing');
    api.user.setAppMetadata('was_away', true);
    api.accessToken.addScope('write:messages');
    api.redirect.sendUserTo('https://kyc.example/verify?a=1', { query: { lang: 'en' } });
};
exports.onContinuePostLogin = async (event, api) => {
    const { query, body, method } = event.request;
    api.authentication.recordMethod('https://kyc.example/method');
    const asked = event.transaction.metadata.asked;
    api.accessToken.setCustomClaim('away', { asked, method, answer: query.answer || body.answer });
};";

/// Goes to `/authorize` and gives the password; ends where the script sends the browser.
async fn sent_away(
    browser: &mut Browser<'_>,
    world: &World,
    more: &[(&str, &str)],
) -> BTreeMap<String, String> {
    let challenge = digest::s256_challenge(VERIFIER);
    let more = [&ASKED[..], more].concat();
    let query = authorize_query(&world.client_id, &challenge, &more);
    browser.log_in(&query, EMAIL, PASSWORD).await.application()
}

async fn claims(app: &TestApp, world: &World, landed: Landed) -> Value {
    let landed = landed.application();
    let code = landed.get("code").unwrap_or_else(|| panic!("no code: {landed:?}"));
    let tokens = app.exchange_code(world, code).await.ok();
    payload(text(&tokens, "access_token"))
}

#[tokio::test]
async fn a_login_goes_on_when_the_browser_comes_back() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let claim = |name: &str| {
            format!(
                "exports.onExecutePostLogin = async (event, api) => {{
                    api.accessToken.setCustomClaim('{name}', event.authentication.methods.length);
                }};"
            )
        };
        let first = app.bind_action(PostLogin, "first", &claim("first")).await;
        let away = app.bind_action(PostLogin, "away", AWAY).await;
        let last = app.bind_action(PostLogin, "last", &claim("last")).await;
        let mut browser = Browser::new(&app);
        let sent = sent_away(&mut browser, &world, &[("ext", "form 7")]).await;
        assert_eq!((sent["a"].as_str(), sent["lang"].as_str()), ("1", "en"), "{backend}");
        assert!(!sent.contains_key("code"));
        let user = app.management("GET", &format!("/users/{}", world.user_id), None).await.ok();
        assert!(user.get("app_metadata").is_none(), "written with the code: {user}");

        let state = sent["state"].as_str();
        let landed = browser.visit("continue", &[("state", state), ("answer", "yes")]).await;
        let access = claims(&app, &world, landed).await;
        assert_eq!(access["away"], json!({ "asked": "form 7", "method": "GET", "answer": "yes" }));
        assert_eq!((&access["first"], &access["last"]), (&json!(1), &json!(2)));
        assert_eq!(access["scope"], format!("{LOGIN_SCOPE} write:messages"));
        let user = app.management("GET", &format!("/users/{}", world.user_id), None).await.ok();
        assert_eq!(user["app_metadata"], json!({ "was_away": true }));

        assert_eq!(app.executions_of(&first).await.len(), 1, "not run again");
        assert_eq!(app.executions_of(&last).await.len(), 1);
        let runs = app.executions_of(&away).await;
        let status: Vec<_> = runs.iter().map(|run| run.status.as_str()).collect();
        assert_eq!(status, ["final", "suspended"]);
    }
}

#[tokio::test]
async fn what_is_posted_to_continue_reaches_the_script() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        app.bind_action(PostLogin, "away", AWAY).await;
        let mut browser = Browser::new(&app);
        let sent = sent_away(&mut browser, &world, &[]).await;
        let (path, form) = (format!("continue?state={}", sent["state"]), [("answer", "posted")]);
        let posted = browser.post(&path, &form).await;
        let access = claims(&app, &world, posted).await;
        assert_eq!(access["away"]["answer"], "posted", "{backend}");
        assert_eq!(access["away"]["method"], "POST");
        // The state may also be in the form.
        let sent = sent_away(&mut browser, &world, &[("prompt", "login")]).await;
        let form = [("answer", "posted"), ("state", sent["state"].as_str())];
        let landed = browser.post("continue", &form).await;
        assert_eq!(claims(&app, &world, landed).await["away"]["answer"], "posted");
        // A body has a limit.
        let sent = sent_away(&mut browser, &world, &[]).await;
        let long = "x".repeat(70_000);
        let form = [("answer", long.as_str()), ("state", sent["state"].as_str())];
        let (_, page) = browser.post("continue", &form).await.page();
        assert_eq!(page.status, 413);
        let landed = browser.visit("continue", &[("state", &sent["state"])]).await;
        assert!(landed.application().contains_key("code"), "nothing was consumed");
    }
}

#[tokio::test]
async fn only_the_browser_that_was_sent_away_goes_on_and_only_once() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let away = app.bind_action(PostLogin, "away", AWAY).await;
        let mut browser = Browser::new(&app);
        let sent = sent_away(&mut browser, &world, &[]).await;
        let state = [("state", sent["state"].as_str())];

        // Nobody's browser, and another one in which the same user is logged in.
        let mut other = Browser::new(&app);
        sent_away(&mut other, &world, &[]).await;
        let mut without_session = Browser::new(&app);
        without_session.cookies = browser.cookies.clone();
        without_session.cookies.retain(|name, _| name != "doorward_session");
        let mut without_binding = Browser::new(&app);
        without_binding.cookies = browser.cookies.clone();
        without_binding.cookies.retain(|name, _| name != "doorward_browser");
        // The session of one browser with the binding of the other.
        let mut mixed = Browser::new(&app);
        mixed.cookies = browser.cookies.clone();
        mixed.cookies.insert("doorward_browser".into(), other.cookies["doorward_browser"].clone());
        let nobody = Browser::new(&app);
        for mut foreign in [nobody, other, without_session, without_binding, mixed] {
            let (path, page) = foreign.visit("continue", &state).await.page();
            assert_eq!((path.as_str(), page.status), ("/continue", 400), "{backend}");
        }
        for unknown in ["", "x", &"x".repeat(43), &"x".repeat(50_000)] {
            let (_, page) = browser.visit("continue", &[("state", unknown)]).await.page();
            assert_eq!(page.status, 400, "{unknown}");
        }
        let (_, page) = browser.visit("continue", &[]).await.page();
        assert_eq!(page.status, 400);
        assert_eq!(app.executions_of(&away).await.len(), 2, "no script was run");

        let landed = browser.visit("continue", &state).await.application();
        assert!(landed.contains_key("code"), "{landed:?}");
        let (_, page) = browser.visit("continue", &state).await.page();
        assert_eq!(page.status, 400, "a login goes on once");
    }
}

#[tokio::test]
async fn two_that_come_back_at_once_get_one_code() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        app.bind_action(PostLogin, "away", AWAY).await;
        let mut browser = Browser::new(&app);
        let sent = sent_away(&mut browser, &world, &[]).await;
        let state = [("state", sent["state"].as_str())];
        let mut twin = Browser::new(&app);
        twin.cookies = browser.cookies.clone();
        let (one, two) =
            tokio::join!(browser.visit("continue", &state), twin.visit("continue", &state));
        let codes = [one, two].into_iter().filter(|landed| match landed {
            Landed::Application(parameters) => parameters.contains_key("code"),
            Landed::Page(_, page) => {
                assert_eq!(page.status, 400);
                false
            }
        });
        assert_eq!(codes.count(), 1, "{backend}");
    }
}

#[tokio::test]
async fn a_login_waits_three_days_and_ends_with_its_session() {
    let file = "[sessions]\nlifetime = 2592000\nidle_lifetime = 2592000";
    for (backend, app) in each_backend_with(file).await {
        let world = app.world().await;
        app.add_user("bob@example.com", PASSWORD).await;
        app.bind_action(PostLogin, "away", AWAY).await;
        let mut browser = Browser::new(&app);
        let sent = sent_away(&mut browser, &world, &[]).await;
        app.clock.advance_seconds(3 * 86_400 - 1);
        let landed = browser.visit("continue", &[("state", &sent["state"])]).await;
        assert!(landed.application().contains_key("code"), "{backend}: in time");

        let sent = sent_away(&mut browser, &world, &[]).await;
        app.clock.advance_seconds(3 * 86_400);
        let (_, page) = browser.visit("continue", &[("state", &sent["state"])]).await.page();
        assert_eq!(page.status, 400);
        assert!(page.text.contains("too long"), "{}", page.text);
        let now = app.inner.clock.now();
        let swept = doorward::store::sweep::run(&app.inner.store, now.plus_seconds(1), 1_000_000);
        assert!(swept.await.unwrap() > 0);

        // Somebody else logs in in the same browser: the login that waited is over.
        let sent = sent_away(&mut browser, &world, &[]).await;
        let challenge = digest::s256_challenge(VERIFIER);
        let query = authorize_query(&world.client_id, &challenge, &[("prompt", "login")]);
        browser.log_in(&query, "bob@example.com", PASSWORD).await.application();
        let (_, page) = browser.visit("continue", &[("state", &sent["state"])]).await.page();
        assert_eq!(page.status, 400, "{}", page.text);
    }
}

#[tokio::test]
async fn one_login_may_be_sent_away_more_than_once() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let code = |name: &str| {
            format!(
                "exports.onExecutePostLogin = async (event, api) =>
                    api.redirect.sendUserTo('https://{name}.example/');
                exports.onContinuePostLogin = async (event, api) => {{
                    const seen = event.transaction.metadata.seen || '';
                    api.transaction.setMetadata('seen', seen + '{name} ');
                    api.idToken.setCustomClaim('seen', seen + '{name}');
                }};"
            )
        };
        app.bind_action(PostLogin, "one", &code("one")).await;
        app.bind_action(PostLogin, "two", &code("two")).await;
        let mut browser = Browser::new(&app);
        let first = sent_away(&mut browser, &world, &[]).await;
        let second = browser.visit("continue", &[("state", &first["state"])]).await.application();
        assert!(!second.contains_key("code"), "{backend}: {second:?}");
        assert_ne!(first["state"], second["state"]);
        let (_, page) = browser.visit("continue", &[("state", &first["state"])]).await.page();
        assert_eq!(page.status, 400);
        let landed = browser.visit("continue", &[("state", &second["state"])]).await.application();
        let tokens = app.exchange_code(&world, &landed["code"]).await.ok();
        assert_eq!(payload(text(&tokens, "id_token"))["seen"], "one two");
    }
}

#[tokio::test]
async fn a_signed_token_goes_to_the_page_and_comes_back() {
    const CODE: &str = "
exports.onExecutePostLogin = async (event, api) => {
    const token = api.redirect.encodeToken({ secret: event.secrets.KEY, payload: { order: 7 } });
    api.redirect.sendUserTo('https://shop.example/', { query: { session_token: token } });
};
exports.onContinuePostLogin = async (event, api) => {
    const claims = api.redirect.validateToken({ secret: event.secrets.KEY });
    api.accessToken.setCustomClaim('paid', claims.paid);
};";
    let sign = |claims: &Value, secret: &str| {
        doorward::crypto::signing::sign_with_secret(secret.as_bytes(), "JWT", claims).unwrap()
    };
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let secrets = [("KEY", "a shared secret")];
        app.bind_action_with(PostLogin, "shop", CODE, &secrets, None).await;
        for (secret, state_is_right, expected) in [
            ("a shared secret", true, None),
            ("another secret", true, Some("its signature is wrong")),
            ("a shared secret", false, Some("it is not for this login")),
        ] {
            let mut browser = Browser::new(&app);
            let sent = sent_away(&mut browser, &world, &[]).await;
            let mut claims = payload(&sent["session_token"]);
            assert_eq!(claims["order"], 7, "{backend}");
            assert_eq!(claims["sub"], world.user_id.as_str());
            assert_eq!(claims["ip"], "127.0.0.1");
            claims["paid"] = json!(true);
            claims["state"] = json!(if state_is_right { &sent["state"] } else { "other" });
            let token = sign(&claims, secret);
            let query = [("state", sent["state"].as_str()), ("session_token", token.as_str())];
            let landed = browser.visit("continue", &query).await;
            match expected {
                None => assert_eq!(self::claims(&app, &world, landed).await["paid"], true),
                Some(why) => {
                    let landed = landed.application();
                    assert_eq!(landed["error"], "access_denied");
                    assert!(landed["error_description"].contains(why), "{landed:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_silent_login_is_not_sent_away() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let mut browser = Browser::new(&app);
        app.code_for(&mut browser, &world, &ASKED).await;
        let code = "exports.onExecutePostLogin = async (event, api) => {
            api.user.setAppMetadata('can', api.redirect.canRedirect());
            api.redirect.sendUserTo('https://kyc.example/');
        };";
        app.bind_action(PostLogin, "away", code).await;
        let silent = sent_away(&mut browser, &world, &[("prompt", "none")]).await;
        assert_eq!(silent["error"], "interaction_required", "{backend}");
        assert_eq!(silent["state"], "a+b/c=");
        let user = app.management("GET", &format!("/users/{}", world.user_id), None).await.ok();
        assert_eq!(user["app_metadata"], json!({ "can": false }));
    }
}

#[tokio::test]
async fn everything_before_the_scripts_is_looked_at_again() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let away = app.bind_action(PostLogin, "away", AWAY).await;
        // The user was blocked in the meantime.
        let mut browser = Browser::new(&app);
        let sent = sent_away(&mut browser, &world, &[]).await;
        let path = format!("/users/{}", world.user_id);
        app.management("PATCH", &path, Some(json!({ "blocked": true }))).await.ok();
        let landed = browser.visit("continue", &[("state", &sent["state"])]).await;
        assert!(matches!(landed, Landed::Page(..)), "{backend}: {landed:?}");
        assert_eq!(app.executions_of(&away).await.len(), 1);
        app.management("PATCH", &path, Some(json!({ "blocked": false }))).await.ok();
        // The Action is gone, and another one came.
        let mut browser = Browser::new(&app);
        let sent = sent_away(&mut browser, &world, &[]).await;
        app.unbind_action(&away).await;
        let code = "exports.onExecutePostLogin = async (event, api) => api.access.deny('new');";
        app.bind_action(PostLogin, "new", code).await;
        let landed = browser.visit("continue", &[("state", &sent["state"])]).await.application();
        assert_eq!(landed["error_description"], "new", "who came later has a say");
    }
}

#[tokio::test]
async fn executions_are_named_in_the_audit_trail() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let id = app.bind_action(PostLogin, "fine", "exports.onExecutePostLogin = () => {};").await;
        app.log_in_for(&world, &ASKED).await;
        app.inner.login.audit.flush().await;
        let run: ExecutionId = app.executions_of(&id).await.remove(0).id;
        let logs = app.management("GET", "/logs?q=type:seacft", None).await.ok();
        let event = logs
            .as_array()
            .unwrap()
            .iter()
            .find(|event| event["client_id"] == json!(ClientId::new(world.client_id.as_str())));
        let executions = &event.expect("an event")["details"]["actions"]["executions"];
        assert_eq!(executions, &json!([run]), "{backend}");
    }
}
