//! Post-login in a login of a browser.

use doorward::domain::action::Trigger::PostLogin;
use serde_json::json;

use crate::support::{
    browser::Browser,
    each_backend,
    fixtures::{EMAIL, LOGIN_SCOPE, MESSAGES, PASSWORD, VERIFIER, authorize_query, text},
    payload,
};
use doorward::crypto::digest;

const ASKED: [(&str, &str); 2] = [("audience", MESSAGES), ("scope", LOGIN_SCOPE)];

#[tokio::test]
async fn claims_of_an_action_are_in_both_tokens() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let code = "exports.onExecutePostLogin = async (event, api) => {
            console.log('hello', event.user.email);
            api.accessToken.setCustomClaim('color', 'blue');
            api.accessToken.setCustomClaim('https://example.com/roles', ['a', { b: null }]);
            api.idToken.setCustomClaim('nickname', 'from the script');
            api.idToken.setCustomClaim('sub', 'auth0|root');
            api.accessToken.setCustomClaim('scope', 'delete:messages');
        };";
        let id = app.bind_action(PostLogin, "claims", code).await;
        let tokens = app.log_in_for(&world, &ASKED).await;
        let access = payload(text(&tokens, "access_token"));
        assert_eq!(access["color"], "blue", "{backend}");
        assert_eq!(access["https://example.com/roles"], json!(["a", { "b": null }]));
        assert_eq!(access["scope"], LOGIN_SCOPE);
        let id_token = payload(text(&tokens, "id_token"));
        assert_eq!(id_token["nickname"], "from the script");
        assert_eq!(id_token["sub"], world.user_id.as_str());

        let runs = app.executions_of(&id).await;
        assert_eq!(runs.len(), 1);
        let result = &runs[0].results[0];
        assert_eq!(runs[0].status.as_str(), "final");
        assert_eq!((result.action_name.as_str(), &result.error), ("claims", &None));
        assert!(result.console.contains("hello ada@example.com"), "{}", result.console);
        let notes = [
            "claim sub was not added to the ID token: the name is reserved",
            "claim scope was not added to the access token: the name is reserved",
        ];
        assert_eq!(result.notes, notes);
    }
}

#[tokio::test]
async fn a_denied_login_issues_nothing_and_says_why() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let code = "exports.onExecutePostLogin = async (event, api) => {
            api.user.setAppMetadata('denied', true);
            api.access.deny('Not on Sundays & <b>holidays</b>');
        };";
        let id = app.bind_action(PostLogin, "deny", code).await;
        let mut browser = Browser::new(&app);
        let challenge = digest::s256_challenge(VERIFIER);
        let query = authorize_query(&world.client_id, &challenge, &ASKED);
        let landed = browser.log_in(&query, EMAIL, PASSWORD).await.application();
        assert_eq!(landed["error"], "access_denied", "{backend}");
        assert_eq!(landed["error_description"], "Not on Sundays & <b>holidays</b>");
        assert_eq!(landed["state"], "a+b/c=");
        assert!(!landed.contains_key("code"));
        assert_eq!(app.executions_of(&id).await[0].status.as_str(), "canceled");
        // What was queued is written all the same.
        let user = app.management("GET", &format!("/users/{}", world.user_id), None).await.ok();
        assert_eq!(user["app_metadata"], json!({ "denied": true }));
    }
}

#[tokio::test]
async fn actions_run_in_order_and_see_what_those_before_them_changed() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let first = "exports.onExecutePostLogin = async (event, api) => {
            api.user.setAppMetadata('plan', 'gold');
            api.user.setUserMetadata('theme', { dark: true });
            api.transaction.setMetadata('step', 1);
        };";
        let second = "exports.onExecutePostLogin = async (event, api) => {
            const { user, transaction } = event;
            const seen = [user.app_metadata.plan, user.user_metadata.theme.dark, transaction.metadata.step];
            api.accessToken.setCustomClaim('seen', seen);
        };";
        let one = app.bind_action(PostLogin, "first", first).await;
        let two = app.bind_action(PostLogin, "second", second).await;
        let tokens = app.log_in_for(&world, &ASKED).await;
        let access = payload(text(&tokens, "access_token"));
        assert_eq!(access["seen"], json!(["gold", true, 1]), "{backend}");
        let user = app.management("GET", &format!("/users/{}", world.user_id), None).await.ok();
        assert_eq!(user["app_metadata"], json!({ "plan": "gold" }));
        assert_eq!(user["user_metadata"], json!({ "theme": { "dark": true } }));

        let run = app.executions_of(&one).await.remove(0);
        let run = app.execution(run.id.as_str()).await;
        let names: Vec<_> = run.results.iter().map(|result| result.action_name.as_str()).collect();
        assert_eq!(names, ["first", "second"]);

        app.unbind_action(&one).await;
        app.unbind_action(&two).await;
        let tokens = app.log_in_for(&world, &ASKED).await;
        assert!(payload(text(&tokens, "access_token")).get("seen").is_none());
        assert_eq!(app.executions_of(&two).await.len(), 1, "nothing was run");
    }
}

#[tokio::test]
async fn silent_logins_and_tokens_in_the_address_bar_carry_the_claims_too() {
    for (backend, app) in each_backend().await {
        let grants = ["authorization_code", "refresh_token", "implicit"];
        let world = app.world_with(json!({ "grant_types": grants }), json!({})).await;
        let code = "exports.onExecutePostLogin = async (event, api) => {
            const { protocol, prompt } = event.transaction;
            api.accessToken.setCustomClaim('how', [protocol, prompt]);
            api.idToken.setCustomClaim('how', protocol);
            api.accessToken.removeScope('read:messages');
        };";
        app.bind_action(PostLogin, "claims", code).await;
        let mut browser = Browser::new(&app);
        app.code_for(&mut browser, &world, &ASKED).await;
        let silent = [("prompt", "none"), ASKED[0], ASKED[1]];
        let code = app.code_for(&mut browser, &world, &silent).await;
        let tokens = app.exchange_code(&world, &code).await.ok();
        assert_eq!(tokens["scope"], "openid profile offline_access", "{backend}");
        let access = payload(text(&tokens, "access_token"));
        assert_eq!(access["how"], json!(["oidc-basic-profile", ["none"]]));
        for (response_type, protocol) in [
            ("token id_token", "oidc-implicit-profile"),
            ("code token id_token", "oidc-hybrid-profile"),
        ] {
            let challenge = digest::s256_challenge(VERIFIER);
            let more = [("audience", MESSAGES), ("scope", "openid read:messages")];
            let mut query = authorize_query(&world.client_id, &challenge, &more);
            query.retain(|(name, _)| *name != "response_type");
            query.push(("response_type", response_type));
            let landed = browser.log_in(&query, EMAIL, PASSWORD).await.application();
            assert_eq!(landed["scope"], "openid");
            let access = payload(&landed["access_token"]);
            assert_eq!(access["how"], json!([protocol, []]));
            assert_eq!(payload(&landed["id_token"])["how"], protocol);
        }
    }
}

#[tokio::test]
async fn scopes_are_added_if_the_api_defines_them() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let code = "exports.onExecutePostLogin = async (event, api) => {
            for (const scope of ['write:messages', 'nonsense', 'offline_access']) {
                api.accessToken.addScope(scope);
            }
            api.accessToken.removeScope('profile');
        };";
        let id = app.bind_action(PostLogin, "scopes", code).await;
        let asked = [("audience", MESSAGES), ("scope", "openid profile read:messages")];
        let tokens = app.log_in_for(&world, &asked).await;
        assert_eq!(tokens["scope"], "openid read:messages write:messages", "{backend}");
        assert!(tokens.get("refresh_token").is_none(), "a script grants no refresh token");
        assert!(payload(text(&tokens, "id_token")).get("name").is_none());
        let notes = app.executions_of(&id).await.remove(0).results.remove(0).notes;
        let expected = [
            "scope nonsense was not added: the API does not define it",
            "scope offline_access was not added: only the login itself can ask for it",
        ];
        assert_eq!(notes, expected);
    }
}

#[tokio::test]
async fn a_scope_of_a_script_is_no_part_of_the_refresh_token() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(json!({}), json!({ "policies": null })).await;
        let code = "exports.onExecutePostLogin = async (event, api) => {
            api.accessToken.addScope('delete:messages');
            api.refreshToken.setMetadata('device', 'kiosk');
        };";
        let id = app.bind_action(PostLogin, "scope", code).await;
        let tokens = app.log_in_for(&world, &ASKED).await;
        assert_eq!(tokens["scope"], format!("{LOGIN_SCOPE} delete:messages"), "{backend}");
        app.unbind_action(&id).await;
        let path = format!("/users/{}/refresh-tokens", world.user_id);
        let kept = app.management("GET", &path, None).await.ok();
        let metadata = &kept["tokens"][0]["refresh_token_metadata"];
        assert_eq!(metadata, &json!({ "device": "kiosk" }), "{kept}");
        let refreshed = app.refresh(&world, text(&tokens, "refresh_token"), &[]).await.ok();
        assert_eq!(refreshed["scope"], LOGIN_SCOPE);
    }
}
