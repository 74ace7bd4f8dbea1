//! The runner of Rules.

use doorward::{
    actions::{Engine, Execution, Kind, Script},
    domain::action::command::Command,
};
use serde_json::{Value, json};

use crate::support::scripts::{LIMIT, engine};

fn rule(code: &str) -> Script<'_> {
    Script { id: code, name: "rule", code, kind: Kind::Rule, allowed_hosts: None }
}

fn input() -> Value {
    json!({
        "user": { "user_id": "auth0|1", "app_metadata": { "a": 1 } },
        "context": {
            "protocol": "oidc-basic-profile", "primaryUser": "auth0|1",
            "accessToken": { "scope": ["openid"], "kept": 1 }, "idToken": { "old": [1], "gone": 2 },
        },
        "configuration": { "KEY": "value" },
    })
}

/// Runs the body of a rule.
async fn run(engine: &Engine, body: &str) -> Execution {
    let code = format!("function (user, context, callback) {{{body}}}");
    engine.run(&rule(&code), &input(), LIMIT).await
}

fn commands(done: &Execution) -> Vec<Command> {
    assert_eq!(done.result, Ok(()), "{}", done.console);
    done.commands.clone()
}

fn expected(calls: Value) -> Vec<Command> {
    serde_json::from_value(calls).unwrap()
}

#[tokio::test]
async fn what_a_rule_writes_into_the_tokens_becomes_calls() {
    let engine = engine();
    let body = "context.idToken['https://n/x'] = { a: 1 }; context.idToken.old.push(2); delete context.idToken.gone; \
                context.accessToken.plan = 'gold'; context.accessToken.scope = ['openid', 'a']; \
                user.nickname = 'n'; callback(null, user, context);";
    let done = run(&engine, body).await;
    let calls = json!([
        { "call": "idToken.setCustomClaim", "args": { "name": "old", "value": [1, 2] } },
        { "call": "idToken.setCustomClaim", "args": { "name": "https://n/x", "value": { "a": 1 } } },
        { "call": "idToken.setCustomClaim", "args": { "name": "gone", "value": null } },
        { "call": "accessToken.setCustomClaim", "args": { "name": "plan", "value": "gold" } },
        { "call": "accessToken.setScope", "args": { "scope": ["openid", "a"] } },
    ]);
    assert_eq!(commands(&done), expected(calls));
    let left = done.rule.unwrap();
    assert_eq!(left.user["nickname"], "n");
    assert_eq!(left.context["idToken"], json!({ "old": [1, 2], "https://n/x": { "a": 1 } }));
    let done = run(&engine, "callback(null, user, context)").await;
    assert_eq!(commands(&done), []);
    assert_eq!(done.rule.unwrap().context, input()["context"]);
}

#[tokio::test]
async fn the_first_call_of_the_callback_counts_and_may_come_late() {
    let engine = engine();
    for (body, calls) in [
        (
            "callback('no'); callback(null, user, context)",
            json!([{ "call": "access.deny", "args": { "reason": "no" } }]),
        ),
        (
            "callback(new Error('why'))",
            json!([{ "call": "access.deny", "args": { "reason": "why" } }]),
        ),
        (
            "callback(new UnauthorizedError('who'))",
            json!([{ "call": "access.unauthorized", "args": { "reason": "who" } }]),
        ),
        (
            "class Mine extends UnauthorizedError {} callback(new Mine('who'))",
            json!([{ "call": "access.unauthorized", "args": { "reason": "who" } }]),
        ),
        ("setTimeout(() => callback(null, user, context), 2)", json!([])),
        ("callback(null, user, context); throw new Error('after')", json!([])),
        (
            "context.redirect = { url: 'https://a.example/' }; callback(null, user, context)",
            json!([{ "call": "redirect.sendUserTo", "args": { "url": "https://a.example/" } }]),
        ),
        (
            "context.protocol = 'redirect-callback'; context.redirect = { url: 'https://a.example/' }; callback(null, user, context)",
            json!([]),
        ),
        ("context.multifactor = { provider: 'none' }; callback(null, user, context)", json!([])),
    ] {
        let done = run(&engine, body).await;
        assert_eq!(commands(&done), expected(calls), "{body}");
    }
}

#[tokio::test]
async fn a_rule_that_goes_wrong_says_why() {
    let engine = engine();
    for (code, message) in [
        ("function () { throw new Error('sync') }", "sync"),
        ("async function () { throw new Error('async') }", "async"),
        (
            "function (user, context, callback) { setTimeout(() => { throw new Error('timer') }, 1) }",
            "timer",
        ),
        (
            "function (user, context, callback) { context.self = context; callback(null, user, context) }",
            "circular reference",
        ),
        (
            "function (user, context, callback) { context.redirect = { url: 1 }; callback(null, user, context) }",
            "context.redirect.url must be a string",
        ),
        (
            "function (user, context, callback) { context.multifactor = { provider: 'any' }; callback(null, user, context) }",
            "context.multifactor is not available in Doorward: there are no second factors",
        ),
        (
            "function (user, context, callback) { context.primaryUser = 'auth0|2'; callback(null, user, context) }",
            "context.primaryUser is not available in Doorward: there is no account linking",
        ),
        (
            "function (user, context, callback) { require('request') }",
            "Cannot find module 'request': there are no packages in Doorward; bundle it into the code of the script",
        ),
        (
            "function (user, context, callback) { }",
            "The promise of the script never settles: nothing is left that it could wait for",
        ),
        ("42", "a rule must be a function (user, context, callback)"),
    ] {
        let done = engine.run(&rule(code), &input(), LIMIT).await;
        assert_eq!(done.result.unwrap_err().message, message, "{code}");
    }
}

#[tokio::test]
async fn metadata_is_kept_through_auth0_users() {
    let engine = engine();
    let body = "auth0.users.updateAppMetadata(user.user_id, { plan: 'gold', old: null })\
                .then(() => auth0.users.updateUserMetadata(user.user_id, { theme: { dark: true } }))\
                .then(() => callback(null, user, context)).catch(callback);";
    let calls = json!([
        { "call": "user.setAppMetadata", "args": { "key": "plan", "value": "gold" } },
        { "call": "user.setAppMetadata", "args": { "key": "old", "value": null } },
        { "call": "user.setUserMetadata", "args": { "key": "theme", "value": { "dark": true } } },
    ]);
    assert_eq!(commands(&run(&engine, body).await), expected(calls));
    let body = "auth0.users.updateAppMetadata('auth0|2', {}).catch(callback)";
    let reason = "auth0.users.updateAppMetadata: only the metadata of the user that logs in";
    let calls = json!([{ "call": "access.deny", "args": { "reason": reason } }]);
    assert_eq!(commands(&run(&engine, body).await), expected(calls));
}

#[tokio::test]
async fn configuration_is_seen_and_global_is_not_shared() {
    let engine = engine();
    let body = "global.seen = (global.seen || 0) + 1; console.log(global.seen, configuration.KEY, configuration.NO); \
                callback(null, user, context);";
    for _ in 0..3 {
        let done = run(&engine, body).await;
        assert_eq!((done.result, done.console.as_str()), (Ok(()), "1 value undefined\n"));
    }
}
