//! Post-login Actions that come to no good end: the login is refused with what went wrong.

use doorward::crypto::digest;
use doorward::domain::action::Trigger::PostLogin;
use serde_json::json;

use crate::support::{
    browser::Browser,
    each_backend, each_backend_with,
    fixtures::{EMAIL, PASSWORD, VERIFIER, authorize_query},
};

#[tokio::test]
async fn a_script_that_fails_refuses_the_login() {
    let cases = [
        ("exports.onExecutePostLogin = async () => { throw new Error('boom'); };", "boom"),
        ("exports.onExecutePostLogin = () => Promise.reject(new TypeError('later'));", "later"),
        ("exports.onExecutePostLogin = async () => undefinedFunction();", "is not defined"),
        ("exports.onExecutePostLogin = 5;", "must be a function"),
        ("exports.onExecutePostlogin = async () => {};", "is not a function"),
        ("throw new Error('at the top');", "at the top"),
        (
            "exports.onExecutePostLogin = async (e, api) => { api.accessToken.setCustomClaim(5, 1); };",
            "api.accessToken.setCustomClaim",
        ),
        (
            "exports.onExecutePostLogin = async (e, api) => {
                api.idToken.setCustomClaim('a', 'x'.repeat(60000));
                api.idToken.setCustomClaim('b', 'x'.repeat(60000));
            };",
            "exceed 100 KB",
        ),
        (
            "exports.onExecutePostLogin = async (e, api) => {
                api.refreshToken.setMetadata('k'.repeat(256), 'v');
            };",
            "metadata",
        ),
    ];
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let challenge = digest::s256_challenge(VERIFIER);
        let query = authorize_query(&world.client_id, &challenge, &[]);
        for (code, expected) in cases {
            let id = app.bind_action(PostLogin, "failing", code).await;
            let later = "exports.onExecutePostLogin = async () => {};";
            let after = app.bind_action(PostLogin, "after", later).await;
            let mut browser = Browser::new(&app);
            let landed = browser.log_in(&query, EMAIL, PASSWORD).await.application();
            assert_eq!(landed["error"], "access_denied", "{backend} {code}");
            let description = &landed["error_description"];
            assert!(description.contains(expected), "{backend} {description} {code}");
            assert_eq!(landed["state"], "a+b/c=");
            assert!(!landed.contains_key("code"));
            assert_eq!(app.executions_of(&id).await.len(), 1);
            assert_eq!(app.executions_of(&after).await.len(), 0, "the next one did not run");
            for id in [id, after] {
                app.unbind_action(&id).await;
                app.forget_action(&id).await;
            }
        }
    }
}

#[tokio::test]
async fn a_script_without_an_end_is_ended_and_audited() {
    let file = "[actions]\ntime_limit_ms = 300";
    for (backend, app) in each_backend_with(file).await {
        let world = app.world().await;
        let code =
            "exports.onExecutePostLogin = () => new Promise(() => setTimeout(() => {}, 60000));";
        let id = app.bind_action(PostLogin, "endless", code).await;
        let challenge = digest::s256_challenge(VERIFIER);
        let query = authorize_query(&world.client_id, &challenge, &[]);
        let mut browser = Browser::new(&app);
        let landed = browser.log_in(&query, EMAIL, PASSWORD).await.application();
        assert_eq!(landed["error"], "access_denied", "{backend}");

        let run = app.executions_of(&id).await.remove(0);
        assert_eq!(run.status.as_str(), "partial");
        assert_eq!(run.results[0].error.as_ref().unwrap().id, "timeout");
        app.inner.login.audit.flush().await;
        let path = "/logs?q=type:actions_execution_failed";
        let events = app.management("GET", path, None).await.ok();
        let event = &events[0];
        assert_eq!(event["user_id"], world.user_id.as_str());
        assert_eq!(event["client_id"], world.client_id.as_str());
        let details = &event["details"];
        assert_eq!(details["actions"]["executions"], json!([run.id]));
        assert_eq!(
            (&details["trigger_id"], &details["action_id"], &details["reason"]),
            (&json!("post-login"), &json!(id), &json!("timeout"))
        );
        let refused = app.management("GET", "/logs?q=type:f", None).await.ok();
        assert_eq!(refused[0]["details"]["actions"]["executions"], json!([run.id]));
    }
}

#[tokio::test]
async fn what_a_failing_script_asked_for_is_not_done() {
    for (_, app) in each_backend().await {
        let world = app.world().await;
        let code = "exports.onExecutePostLogin = async (event, api) => {
            api.user.setAppMetadata('half', 'done');
            throw new Error('boom');
        };";
        app.bind_action(PostLogin, "half", code).await;
        let challenge = digest::s256_challenge(VERIFIER);
        let query = authorize_query(&world.client_id, &challenge, &[]);
        Browser::new(&app).log_in(&query, EMAIL, PASSWORD).await.application();
        let user = app.management("GET", &format!("/users/{}", world.user_id), None).await.ok();
        assert!(user.get("app_metadata").is_none(), "{user}");
    }
}

#[tokio::test]
async fn switched_off_no_script_is_run() {
    for (backend, app) in each_backend_with("[actions]\nenabled = false").await {
        let world = app.world().await;
        let code = "exports.onExecutePostLogin = async (event, api) => api.access.deny('no');";
        let id = app.bind_action(PostLogin, "deny", code).await;
        app.log_in(&world).await;
        assert_eq!(app.executions_of(&id).await.len(), 0, "{backend}");
    }
}
