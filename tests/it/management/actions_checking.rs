//! `/actions/check`: code is looked at, and nothing of it runs or is kept.

use serde_json::json;

use super::{get, invalid_body, post};
use crate::support::{TestApp, each_backend};

async fn check(app: &TestApp, code: &str, kind: &str) -> serde_json::Value {
    post(app, "/actions/check", json!({ "code": code, "kind": kind })).await.ok()
}

#[tokio::test]
async fn code_is_told_to_be_well_or_where_it_is_not() {
    for (backend, app) in each_backend().await {
        let well = json!({ "valid": true, "warnings": [] });
        for (kind, code) in [
            ("action", "exports.onExecutePostLogin = async (event, api) => {};"),
            ("action", ""),
            ("action", "throw new Error('only when it runs')"),
            ("rule", "function (user, context, callback) { callback(null, user, context); }"),
        ] {
            assert_eq!(check(&app, code, kind).await, well, "{backend} {kind} {code}");
        }
        for (kind, code, line, column) in [
            ("action", "const a = 1;\nconst é = ;", 2, 11),
            ("action", "exports.x = () => {\n", 2, 1),
            ("action", "}); for (;;); (function () {", 1, 1),
            ("action", "import fs from 'node:fs';", 1, 8),
            ("rule", "function (user, context, callback) {\n  let a = 1;\n  let a = 2;\n}", 3, 9),
        ] {
            let told = check(&app, code, kind).await;
            assert_eq!(told["valid"], false, "{backend} {kind} {code}");
            let at = (&told["error"]["line"], &told["error"]["column"]);
            assert_eq!(at, (&json!(line), &json!(column)), "{backend} {kind} {code}: {told}");
            assert!(!told["error"]["message"].as_str().unwrap().is_empty(), "{backend}");
        }
        let none = json!({ "actions": [] });
        let kept = get(&app, "/actions/actions?page=0&per_page=1").await.ok();
        assert_eq!(kept["actions"], none["actions"], "{backend}: nothing is kept");
    }
}

#[tokio::test]
async fn an_export_that_is_missing_is_warned_of() {
    for (backend, app) in each_backend().await {
        let body = |code: &str, kind: &str, trigger: &str| json!({ "code": code, "kind": kind, "trigger": trigger });
        let handler = "exports.onExecutePostLogin = () => {};";
        for (body, warnings) in [
            (body(handler, "action", "post-login"), 0),
            (body(handler, "action", "credentials-exchange"), 1),
            (body("", "action", "post-login"), 1),
            (body("function (u, c, cb) {}", "rule", "post-login"), 0),
            // No code is run there, whatever it exports.
            (body(handler, "action", "send-phone-message"), 0),
        ] {
            let told = post(&app, "/actions/check", body.clone()).await.ok();
            assert_eq!(told["valid"], true, "{backend} {body}");
            assert_eq!(told["warnings"].as_array().unwrap().len(), warnings, "{backend} {body}");
        }
    }
}

#[tokio::test]
async fn code_that_wants_to_hurt_is_only_looked_at() {
    for (backend, app) in each_backend().await {
        for code in [
            "for (;;);".to_owned(),
            "}, (() => { for (;;); })(), function () {".to_owned(),
            format!("{}1", "[".repeat(90_000)),
            format!("{}x", "(".repeat(90_000)),
            format!("x{}", "?.[x]".repeat(18_000)),
            format!("/{}/.test('')", "(a*)*".repeat(15_000)),
            "`${".repeat(30_000),
        ] {
            for kind in ["action", "rule"] {
                let told = check(&app, &code, kind).await;
                assert!(told["valid"].is_boolean(), "{backend}: {told}");
            }
        }
        // And others still are.
        assert_eq!(check(&app, "", "action").await["valid"], true, "{backend}");
    }
}

#[tokio::test]
async fn a_check_of_nothing_is_refused() {
    for (backend, app) in each_backend().await {
        for (body, message) in [
            (json!({ "kind": "action" }), "'Missing required property: code'.".to_owned()),
            (json!({ "code": "" }), "'Missing required property: kind'.".to_owned()),
            (
                json!({ "code": "", "kind": "other" }),
                "'No enum match for: other' on property kind (What the code is of.).".to_owned(),
            ),
            (
                json!({ "code": "x".repeat(100_001), "kind": "action" }),
                "'String is too long (100001 chars), maximum 100000' on property code (The code.)."
                    .to_owned(),
            ),
            (
                json!({ "code": "é".repeat(60_000), "kind": "action" }),
                "'the code has 120000 bytes, maximum 100000' on property code.".to_owned(),
            ),
        ] {
            let answer = post(&app, "/actions/check", body).await;
            assert_eq!(answer.status, 400, "{backend}: {}", answer.text);
            invalid_body(&answer, &format!("Payload validation error: {message}"));
        }
    }
}
