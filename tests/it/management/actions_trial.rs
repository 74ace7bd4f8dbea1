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
            (json!({ "payload": {}, "nope": "" }), "'Additional properties not allowed: nope'."),
            (
                json!({ "payload": {}, "code": 1 }),
                "'Expected type string but found type integer' on property code (Code to run instead of that of the draft.).",
            ),
            (
                json!({ "payload": {}, "code": "é".repeat(60_000) }),
                "'the code has 120000 bytes, maximum 100000' on property code.",
            ),
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

#[tokio::test]
async fn code_that_is_not_saved_runs_with_the_secrets_of_the_draft() {
    for (backend, app) in each_backend().await {
        let secrets = json!({ "secrets": [{ "name": "KEY", "value": "s3cret" }] });
        let made = action(&app, "Tried", secrets).await;
        let here = path(&made);
        let code = "exports.onExecutePostLogin = (event) => console.log(event.secrets.KEY.length);";
        let body = json!({ "payload": { "event": {} }, "code": code });
        let told = post(&app, &format!("{here}/test"), body).await.ok();
        assert_eq!(told["payload"]["console"], "6\n", "{backend}");
        assert_eq!(get(&app, &here).await.ok(), made, "{backend}: and is not saved");
        let body = json!({ "payload": {}, "code": "const a = 1;\nconst b = ;" });
        let told = post(&app, &format!("{here}/test"), body).await.ok();
        let error = &told["payload"]["error"];
        assert_eq!((&error["id"], &error["line"]), (&json!("syntax"), &json!(2)), "{backend}");
    }
}

#[tokio::test]
async fn an_error_has_its_line() {
    for (backend, app) in each_backend().await {
        for (code, line, column) in [
            (
                "exports.onExecutePostLogin = () => {\n  throw new Error('x');\n};",
                json!(2),
                json!(13),
            ),
            (
                "exports.onExecutePostLogin = async (event) => {\n\n  await null;\n  event.nobody.there;\n};",
                json!(4),
                json!(3),
            ),
            ("const é = 1; null.x;", json!(1), json!(14)),
            // Who throws what is no error has no place, nor has who writes a place that is not there.
            ("exports.onExecutePostLogin = () => { throw 1; };", json!(null), json!(null)),
            (
                "exports.onExecutePostLogin = () => { throw { message: 'x', stack: ' at Tried:99:1' }; };",
                json!(null),
                json!(null),
            ),
            (
                "exports.onExecutePostLogin = () => { throw { get stack() { throw 1; }, message: 'x' }; };",
                json!(null),
                json!(null),
            ),
        ] {
            let told = try_out(&app, code, json!({ "event": {} })).await;
            assert_eq!(told["error"]["id"], "thrown", "{backend} {code}: {told}");
            assert_eq!(told["error"]["line"], line, "{backend} {code}: {told}");
            assert_eq!(told["error"]["column"], column, "{backend} {code}: {told}");
        }
    }
}

#[tokio::test]
async fn what_would_come_of_it_is_told_in_words() {
    for (backend, app) in each_backend().await {
        app.add_api("https://known.example", &["read:it"], json!({})).await;
        let code = "exports.onExecutePostLogin = (event, api) => {
            api.accessToken.setCustomClaim('https://x.example/plan', 'gold');
            api.accessToken.setCustomClaim('iss', 'me');
            api.accessToken.addScope('read:it');
            api.accessToken.addScope('write:it');
            if (event.user.bad) api.access.deny('Not today.');
            if (event.user.new) api.redirect.sendUserTo('https://x.example/form');
        };";
        let event = |user: Value| {
            let api = json!({ "identifier": "https://known.example" });
            json!({ "event": { "user": user, "resource_server": api } })
        };
        let told = try_out(&app, code, event(json!({}))).await;
        assert_eq!(
            told["effects"],
            json!([
                "Sets the claim https://x.example/plan of the access token to \"gold\".",
                "Sets the claim iss of the access token to \"me\".",
                "Adds the scope read:it to the access token.",
                "Adds the scope write:it to the access token.",
            ]),
            "{backend}"
        );
        assert_eq!(told["outcome"], "goes_on", "{backend}");
        let notes: Vec<_> =
            told["notes"].as_array().unwrap().iter().map(Value::to_string).collect();
        assert_eq!(notes.len(), 2, "{backend}: {notes:?}");
        assert!(notes[0].contains("claim iss was not added"), "{backend}: {notes:?}");
        assert!(notes[1].contains("scope write:it was not added"), "{backend}: {notes:?}");
        let told = try_out(&app, code, event(json!({ "bad": true }))).await;
        assert_eq!((&told["outcome"], &told["reason"]), (&json!("refused"), &json!("Not today.")));
        let told = try_out(&app, code, event(json!({ "new": true }))).await;
        assert_eq!(told["outcome"], "redirected", "{backend}");
        assert_eq!(told.get("reason"), None, "{backend}");
        // What failed has come to nothing.
        let told = try_out(&app, "throw new Error('x')", event(json!({}))).await;
        assert_eq!((told.get("outcome"), told.get("notes")), (None, None), "{backend}");
    }
}

#[tokio::test]
async fn a_sample_event_can_be_tried_out() {
    for (backend, app) in each_backend().await {
        let samples = get(&app, "/actions/triggers/post-login/sample-events").await.ok();
        let code = "exports.onExecutePostLogin = (event, api) => {
            const claims = { secret: event.secrets.KEY, payload: { to: event.user.name } };
            const token = api.redirect.encodeToken(claims);
            api.idToken.setCustomClaim('https://x.example/way', event.transaction.protocol);
            if (api.redirect.canRedirect()) {
                api.redirect.sendUserTo('https://x.example/', { query: { token } });
            }
        };";
        for (sample, outcome) in [(0, "redirected"), (1, "goes_on")] {
            let event = samples["samples"][sample]["event"].clone();
            let told = try_out(&app, code, json!({ "event": event })).await;
            assert_eq!(told["outcome"], outcome, "{backend}: {told}");
        }
    }
}
