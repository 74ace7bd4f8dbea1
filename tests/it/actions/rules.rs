//! Rules in logins and in exchanges of refresh tokens.

use doorward::{crypto::digest, domain::action::Trigger::PostLogin};
use serde_json::{Value, json};

use crate::support::{
    Answer, TestApp,
    browser::Browser,
    each_backend,
    fixtures::{
        BILLING, EMAIL, LOGIN_SCOPE, MESSAGES, PASSWORD, VERIFIER, World, authorize_query, text,
    },
    payload,
};

const ASKED: [(&str, &str); 2] = [("audience", MESSAGES), ("scope", LOGIN_SCOPE)];
const NAME: &str = "https://example.com/rule";

/// Adds a rule behind the others. Returns its path.
async fn rule(app: &TestApp, name: &str, body: &str) -> String {
    let script = format!("function (user, context, callback) {{ {body} }}");
    let body = json!({ "name": name, "script": script });
    let created = TestApp::created(&app.management("POST", "/rules", Some(body)).await);
    format!("/rules/{}", text(&created, "id"))
}

/// The claim of both tokens.
fn claims(tokens: &Value) -> [Option<Value>; 2] {
    ["id_token", "access_token"].map(|token| payload(text(tokens, token)).get(NAME).cloned())
}

fn both(value: Value) -> [Option<Value>; 2] {
    [Some(value.clone()), Some(value)]
}

/// Claims of both tokens: the protocol.
const TELL: &str = "
    context.idToken['https://example.com/rule'] = context.protocol;
    context.accessToken['https://example.com/rule'] = context.protocol;
    callback(null, user, context);";

async fn refused_login(app: &TestApp, world: &World) -> (String, String) {
    let mut browser = Browser::new(app);
    let challenge = digest::s256_challenge(VERIFIER);
    let query = authorize_query(&world.client_id, &challenge, &ASKED);
    let landed = browser.log_in(&query, EMAIL, PASSWORD).await.application();
    assert!(!landed.contains_key("code"));
    (landed["error"].clone(), landed["error_description"].clone())
}

#[track_caller]
fn refused(answer: &Answer, error: &str, description: &str) {
    assert_eq!(answer.error().1, error, "{}", answer.text);
    assert_eq!(answer.text_of("error_description"), description);
}

#[tokio::test]
async fn a_rule_adds_claims_to_both_tokens_at_the_login_and_after_each_refresh() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        rule(&app, "tell", TELL).await;
        let tokens = app.log_in_for(&world, &ASKED).await;
        assert_eq!(claims(&tokens), both(json!("oidc-basic-profile")), "{backend}");
        let mut token = text(&tokens, "refresh_token").to_owned();
        for audience in [MESSAGES, BILLING] {
            let refreshed = app.refresh(&world, &token, &[("audience", audience)]).await.ok();
            assert_eq!(claims(&refreshed), both(json!("oauth2-refresh-token")), "{backend}");
            token = text(&refreshed, "refresh_token").to_owned();
        }
    }
}

#[tokio::test]
async fn rules_run_in_their_order_those_that_are_switched_on_and_before_actions() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let add = |letter: &str| {
            format!(
                "user.path = (user.path || '') + '{letter}'; \
                 context.accessToken['https://example.com/rule'] = user.path; \
                 context.idToken['https://example.com/rule'] = user.path; \
                 callback(null, user, context);"
            )
        };
        let first = rule(&app, "first", &add("a")).await;
        let second = rule(&app, "second", &add("b")).await;
        let third = rule(&app, "third", &add("c")).await;
        let change = async |path: &str, body: Value| {
            app.management("PATCH", path, Some(body)).await.ok();
        };
        let id = first.trim_start_matches("/rules/");
        let code = format!(
            "exports.onExecutePostLogin = async (event, api) => {{
                const ran = ['{id}', 'rul_0000000000000000'].map((id) => api.rules.wasExecuted(id));
                api.accessToken.setCustomClaim('ran', ran);
            }};"
        );
        app.bind_action(PostLogin, "after", &code).await;
        let tokens = app.log_in_for(&world, &ASKED).await;
        assert_eq!(claims(&tokens), both(json!("abc")), "{backend}");
        assert_eq!(payload(text(&tokens, "access_token"))["ran"], json!([true, false]));
        change(&first, json!({ "order": 9 })).await;
        change(&second, json!({ "enabled": false })).await;
        let tokens = app.log_in_for(&world, &ASKED).await;
        assert_eq!(claims(&tokens), both(json!("ca")), "{backend}");
        assert_eq!(app.management("DELETE", &third, None).await.status, 204);
        change(&first, json!({ "enabled": false })).await;
        let tokens = app.log_in_for(&world, &ASKED).await;
        assert_eq!(claims(&tokens), [None, None], "{backend}");
        assert_eq!(payload(text(&tokens, "access_token"))["ran"], json!([false, false]));
    }
}

#[tokio::test]
async fn a_rule_refuses_a_login() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        for (body, error, description) in [
            ("callback('not <b>now</b>')", "access_denied", "not <b>now</b>"),
            ("callback(new Error('why'))", "access_denied", "why"),
            ("callback(new UnauthorizedError('who'))", "unauthorized", "who"),
            ("throw new Error('broken')", "access_denied", "broken"),
            ("no.such()", "access_denied", "no is not defined"),
        ] {
            let path = rule(&app, "refuse", body).await;
            let answer = refused_login(&app, &world).await;
            assert_eq!(answer, (error.to_owned(), description.to_owned()), "{backend} {body}");
            app.management("DELETE", &path, None).await;
        }
        // Rules after it are not run, nor are Actions.
        rule(&app, "deny", "callback('no')").await;
        rule(&app, "other", "throw new Error('was run')").await;
        app.bind_action(PostLogin, "x", "exports.onExecutePostLogin = () => { throw 1 }").await;
        let answer = refused_login(&app, &world).await;
        assert_eq!(answer, ("access_denied".to_owned(), "no".to_owned()), "{backend}");
    }
}

#[tokio::test]
async fn a_rule_refuses_an_exchange_and_the_refresh_token_survives() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let tokens = app.log_in_for(&world, &ASKED).await;
        let token = text(&tokens, "refresh_token");
        for (body, error, description) in [
            ("callback(new UnauthorizedError('who'))", "unauthorized", "who"),
            ("callback('no')", "access_denied", "no"),
            ("Promise.reject(new Error('late')).catch(callback)", "access_denied", "late"),
            (
                "context.redirect = { url: 'https://a.example/' }; callback(null, user, context)",
                "interaction_required",
                "The login cannot go on without a redirect",
            ),
        ] {
            let path = rule(&app, "refuse", body).await;
            refused(&app.refresh(&world, token, &[]).await, error, description);
            app.management("DELETE", &path, None).await;
        }
        assert_eq!(app.refresh(&world, token, &[]).await.status, 200, "{backend}");
    }
}

#[tokio::test]
async fn rules_see_their_configuration_and_what_the_exchange_asked_for_but_the_audience() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let value = json!({ "value": "secret-value" });
        app.management("PUT", "/rules-configs/KEY", Some(value)).await.ok();
        let body = "
            const { grant_type, audience, ext, refresh_token, client_id } = context.request.body;
            const seen = [configuration.KEY, grant_type, audience, ext, refresh_token, client_id === context.clientID];
            context.accessToken['https://example.com/rule'] = JSON.stringify(seen);
            callback(null, user, context);";
        rule(&app, "see", body).await;
        let tokens = app.log_in_for(&world, &ASKED).await;
        let more = [("audience", BILLING), ("ext", "1")];
        let token = text(&tokens, "refresh_token");
        let refreshed = app.refresh(&world, token, &more).await.ok();
        let access = payload(text(&refreshed, "access_token"));
        assert_eq!(access["aud"][0], BILLING, "{backend}");
        let seen = r#"["secret-value","refresh_token",null,"1",null,true]"#;
        assert_eq!(access[NAME], seen, "{backend}");
    }
}

#[tokio::test]
async fn a_rule_keeps_metadata_and_changes_scopes() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let body = "
            context.accessToken.scope = ['openid', 'write:messages', 'nonsense', 'offline_access'];
            auth0.users.updateAppMetadata(user.user_id, { logins: (user.app_metadata.logins || 0) + 1 })
                .then(() => callback(null, user, context)).catch(callback);";
        rule(&app, "change", body).await;
        let tokens = app.log_in_for(&world, &ASKED).await;
        let scope = "openid write:messages offline_access";
        assert_eq!(payload(text(&tokens, "access_token"))["scope"], scope, "{backend}");
        app.log_in_for(&world, &ASKED).await;
        let user = app.management("GET", &format!("/users/{}", world.user_id), None).await.ok();
        assert_eq!(user["app_metadata"], json!({ "logins": 2 }), "{backend}");
    }
}

#[tokio::test]
async fn a_rule_sends_the_browser_away_and_all_run_again_when_it_comes_back() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        rule(&app, "tell", TELL).await;
        let away = "
            if (context.protocol === 'redirect-callback') {
                context.idToken.answer = context.request.query.answer;
            } else {
                context.idToken.answer = 'none';
                context.idToken.before = true;
            }
            context.redirect = { url: 'https://kyc.example/verify?a=1' };
            callback(null, user, context);";
        rule(&app, "away", away).await;
        rule(&app, "last", "context.idToken.last = true; callback(null, user, context);").await;
        let code = "exports.onExecutePostLogin = async (event, api) => {
            api.idToken.setCustomClaim('action', event.transaction.protocol);
        };";
        let action = app.bind_action(PostLogin, "after", code).await;
        let mut browser = Browser::new(&app);
        let challenge = digest::s256_challenge(VERIFIER);
        let query = authorize_query(&world.client_id, &challenge, &ASKED);
        let sent = browser.log_in(&query, EMAIL, PASSWORD).await.application();
        assert_eq!(sent["a"], "1", "{backend}");
        assert!(app.executions_of(&action).await.is_empty(), "{backend}: Actions come later");
        let back = [("state", sent["state"].as_str()), ("answer", "42")];
        let landed = browser.visit("continue", &back).await.application();
        let tokens = app.exchange_code(&world, &landed["code"]).await.ok();
        assert_eq!(claims(&tokens), both(json!("redirect-callback")), "{backend}");
        let id_token = payload(text(&tokens, "id_token"));
        assert_eq!((&id_token["answer"], &id_token["last"]), (&json!("42"), &json!(true)));
        assert_eq!(id_token.get("before"), None, "{backend}: what the first run said is forgotten");
        assert_eq!(id_token["action"], "oidc-basic-profile", "{backend}");
        // Without a browser that could be sent anywhere.
        let mut silent = query.clone();
        silent.push(("prompt", "none"));
        let landed = browser.visit("authorize", &silent).await.application();
        assert_eq!(landed["error"], "interaction_required", "{backend}");
    }
}
