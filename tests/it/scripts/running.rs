//! What comes of scripts that mean well.

use std::time::Duration;

use doorward::{
    actions::{CheckError, ErrorKind, Kind, SyntaxError},
    domain::action::command::Command,
};
use serde_json::json;

use crate::support::scripts::{LIMIT, action, engine, input, run_body};

const ACTION: Kind = Kind::Action { handler: "onExecutePostLogin" };

#[tokio::test]
async fn an_action_asks_and_writes() {
    let engine = engine();
    let body = "console.log('hello', event.user.email); \
                api.idToken.setCustomClaim('https://example.com/x', { a: [1, null, 'é😀'] }); \
                api.access.deny('no')";
    let done = run_body(&engine, body).await;
    assert_eq!(done.result, Ok(()));
    assert!(done.has_handler);
    assert_eq!(done.console, "hello ada@example.com\n");
    let value = json!({ "a": [1, null, "é😀"] });
    let claim = Command::SetIdTokenClaim { name: "https://example.com/x".to_owned(), value };
    let deny = Command::Deny { code: None, reason: "no".to_owned(), message: None };
    assert_eq!(done.commands, [claim, deny]);
}

#[tokio::test]
async fn an_action_without_the_handler_does_nothing() {
    let done = engine().run(&action("exports.other = () => {}"), &input(), LIMIT).await;
    assert_eq!((done.result, done.has_handler), (Ok(()), false));
}

#[tokio::test]
async fn what_is_thrown_is_told() {
    let engine = engine();
    for (body, message) in [
        ("throw new Error('synchronous')", "synchronous"),
        ("await null; throw new TypeError('later')", "later"),
        ("throw 'a text'", "a text"),
        ("event.no.such()", "cannot read property 'such' of undefined"),
    ] {
        let error = run_body(&engine, body).await.result.unwrap_err();
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Thrown, message), "{body}");
    }
    let code = "throw new Error('at the top')";
    let error = engine.run(&action(code), &input(), LIMIT).await.result.unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Thrown, "at the top"));
}

#[tokio::test]
async fn sloppy_code_is_code() {
    let body = "undeclared = 017; with ({ x: 1 }) { console.log(x + undeclared) }";
    let done = run_body(&engine(), body).await;
    assert_eq!((done.result, done.console.as_str()), (Ok(()), "16\n"));
}

#[tokio::test]
async fn a_time_limit_is_kept() {
    let code = "exports.onExecutePostLogin = async () => { console.log('begun'); for (;;); }";
    let limit = Duration::from_millis(300);
    let done = engine().run(&action(code), &input(), limit).await;
    assert_eq!(done.result.unwrap_err().kind, ErrorKind::Timeout);
    assert_eq!(done.console, "begun\n");
}

#[tokio::test]
async fn mistakes_are_found_where_their_author_sees_them() {
    let engine = engine();
    let check = async |kind, code: &str| match engine.check(kind, code).await {
        Ok(()) => None,
        Err(CheckError::Syntax(SyntaxError { message, line, column })) => {
            Some((message, line, column))
        }
        Err(error) => panic!("{error:?}"),
    };
    for code in [
        "",
        "exports.onExecutePostLogin = async (event, api) => {};",
        "'use strict'; exports.x = 1",
        "return 1",
        "// a comment at the end",
        "/* ) } */ x = ')}'",
        "while (true) {}",
        "throw new Error('not run')",
    ] {
        assert_eq!(check(ACTION, code).await, None, "{code}");
    }
    for code in [
        "function (user, context, callback) { callback(null, user, context); }",
        "\n// before\nfunction (user, context, callback) {\n callback(); }\n// after\n",
        "function f(user, context, callback) { return callback(null, user, context); };\n",
        "(user, context, callback) => callback(null, user, context)",
    ] {
        assert_eq!(check(Kind::Rule, code).await, None, "{code}");
    }
    let mut wrong = Vec::new();
    for (kind, code, at) in [
        (ACTION, "let x = ;", (1, 9)),
        (ACTION, "let x = 1;\nlet y = ;", (2, 9)),
        (ACTION, "let x = 1;\n\n   let = = 2", (3, 10)),
        (ACTION, "é😀 = 1", (1, 2)),
        (ACTION, "é = 1 2", (1, 7)),
        (ACTION, "exports.x = () => {", (1, 20)),
        (ACTION, "exports.x = () => {\n  if (1) {\n", (3, 1)),
        (ACTION, "'use strict'; x = 017", (1, 19)),
        (ACTION, "import x from 'y'", (1, 8)),
        (ACTION, "let a; let a;", (1, 13)),
        (ACTION, "await 1", (1, 7)),
        (ACTION, "x = 1; }", (1, 9)),
        (ACTION, "}); console.log(1); (function () {", (1, 1)),
        (Kind::Rule, "function (user {", (1, 16)),
        (Kind::Rule, "", (1, 1)),
    ] {
        let (message, line, column) = check(kind, code).await.unwrap_or_else(|| panic!("{code}"));
        if (line, column) != at {
            wrong.push(format!("{code}: {line}:{column} {message}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn code_that_cannot_be_compiled_is_not_run() {
    let error = run_body(&engine(), "let x = ;").await.result.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Syntax);
    assert!(error.message.ends_with("(1:61)"), "{}", error.message);
}
