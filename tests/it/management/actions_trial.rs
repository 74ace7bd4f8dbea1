//! `/actions/actions/{id}/test`: a draft tells what it would ask for.

use serde_json::{Value, json};

use super::{
    actions::{action, path},
    get, invalid_body, patch, post,
};
use crate::support::{TestApp, each_backend, each_backend_with};

async fn try_out(app: &TestApp, code: &str, payload: Value) -> Value {
    let name = app.inner.entropy.lower_hex(8);
    let more = json!({ "code": code, "secrets": [{ "name": "KEY", "value": "s3cret" }] });
    let made = action(app, &name, more).await;
    let answer = post(app, &format!("{}/test", path(&made)), json!({ "payload": payload })).await;
    answer.ok()["payload"].clone()
}

#[tokio::test]
async fn a_draft_is_run_with_what_is_given() {
    for (_, app) in each_backend().await {
        let code = "exports.onExecutePostLogin = async (event, api) => {
            console.log('hello', event.user.name);
            api.idToken.setCustomClaim('https://x.example/key', event.secrets.KEY.length);
            if (api.redirect.canRedirect()) api.access.deny('not you');
        };";
        let event = json!({ "user": { "name": "Ada" }, "client": {}, "transaction": {} });
        let claim = json!({ "call": "idToken.setCustomClaim", "args": { "name": "https://x.example/key", "value": 6 } });
        let told = try_out(&app, code, json!({ "event": event })).await;
        assert_eq!(told["console"], "hello Ada\n");
        assert_eq!(told["commands"][0], claim);
        assert_eq!(told["commands"][1]["call"], "access.deny");
        assert_eq!(told["commands"][1]["args"]["reason"], "not you");
        assert!(told["duration_ms"].is_u64() && told.get("error").is_none(), "{told}");
        // The event alone, with secrets of its own; and a state in which nobody can be redirected.
        let mut alone = event.clone();
        alone["secrets"] = json!({ "KEY": "12345678" });
        let told = try_out(&app, code, alone).await;
        assert_eq!(told["commands"][0]["args"]["value"], 8);
        let state = json!({ "can_redirect": false });
        let told = try_out(&app, code, json!({ "event": event, "state": state })).await;
        assert_eq!(told["commands"], json!([claim]));
    }
}

#[tokio::test]
async fn what_goes_wrong_is_told() {
    for (_, app) in each_backend_with("[actions]\ntime_limit_ms = 1000\ncpu_limit_ms = 300\n").await
    {
        let event = json!({ "event": { "user": {} } });
        for (code, id, message) in [
            (
                "exports.onExecutePostLogin = async () => { console.log('so far'); throw new Error('Boom'); };",
                "thrown",
                "Boom",
            ),
            ("throw new Error('at the top')", "thrown", "at the top"),
            ("exports.onExecutePostLogin = async () => { for (;;); };", "timeout", ""),
            (
                "exports.other = () => {};",
                "missing_handler",
                "The code exports no onExecutePostLogin.",
            ),
        ] {
            let told = try_out(&app, code, event.clone()).await;
            assert_eq!(told["error"]["id"], id, "{code}: {told}");
            let found = told["error"]["msg"].as_str().unwrap();
            assert!(found.contains(message) && !found.is_empty(), "{code}: {told}");
        }
        let told = try_out(
            &app,
            "exports.onExecutePostLogin = () => { console.log('so far'); throw 1 };",
            event,
        )
        .await;
        assert_eq!(told["console"], "so far\n");
    }
}

#[tokio::test]
async fn a_trial_runs_the_draft_and_changes_nothing() {
    for (_, app) in each_backend().await {
        let code = |text: &str| format!("exports.onExecutePostLogin = () => console.log('{text}')");
        let made = action(&app, "Tried", json!({ "code": code("one"), "deploy": true })).await;
        let here = path(&made);
        let run = async || {
            let answer = post(&app, &format!("{here}/test"), json!({ "payload": {} })).await.ok();
            answer["payload"]["console"].clone()
        };
        assert_eq!(run().await, "one\n");
        // In the same millisecond, too.
        let changed = patch(&app, &here, json!({ "code": code("two") })).await.ok();
        assert_eq!(run().await, "two\n");
        assert_eq!(get(&app, &here).await.ok(), changed);
        assert_eq!(
            get(&app, &format!("{here}/executions")).await.ok(),
            json!({ "executions": [] })
        );
    }
}

#[tokio::test]
async fn a_trial_that_cannot_be_is_refused() {
    for (_, app) in each_backend().await {
        let made = action(&app, "Tried", json!({})).await;
        let here = format!("{}/test", path(&made));
        for (body, message) in [
            (json!({}), "'Missing required property: payload'."),
            (
                json!({ "payload": [] }),
                "'Expected type object but found type array' on property payload (The payload for the action.).",
            ),
            (json!({ "payload": {}, "code": "" }), "'Additional properties not allowed: code'."),
        ] {
            invalid_body(
                &post(&app, &here, body).await,
                &format!("Payload validation error: {message}"),
            );
        }
        let phone = json!({ "supported_triggers": [{ "id": "send-phone-message" }] });
        let phone = action(&app, "Phone", phone).await;
        invalid_body(
            &post(&app, &format!("{}/test", path(&phone)), json!({ "payload": {} })).await,
            "This server does not run actions at the trigger send-phone-message.",
        );
    }
}
