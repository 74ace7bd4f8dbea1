//! Scripts that mean harm, or that could as well. After each of them the same engine runs a script
//! that means well as if nothing had been.

mod computing;
mod escaping;
mod fetching;
mod memory;
mod pollution;
mod serving;
mod speaking;
mod workers;

use std::{sync::Arc, time::Duration};

use doorward::{
    actions::{Engine, ErrorKind, Execution, Options},
    domain::action::command::Command,
    outbound::Outbound,
};
use serde_json::json;

use crate::support::scripts::{action, input, options};

/// Long enough for a busy machine to get to a limit of the processor before this one.
const TIME: Duration = Duration::from_secs(20);

/// Limits that are met soon.
fn tight() -> Options {
    Options {
        cpu_limit_ms: 300,
        memory_limit_bytes: 16 * 1024 * 1024,
        max_workers: 2,
        console_bytes: 1000,
        ..options()
    }
}

fn engine_with(options: Options) -> Engine {
    Engine::new(options, Arc::new(Outbound::new(false)))
}

/// The body of a handler as code.
fn handler(body: &str) -> String {
    format!("exports.onExecutePostLogin = async function (event, api) {{{body}\n}};")
}

/// Runs code, and then a good script.
async fn run(code: &str, time: Duration) -> Execution {
    run_with(tight(), code, time).await
}

async fn run_with(options: Options, code: &str, time: Duration) -> Execution {
    let engine = engine_with(options);
    let done = engine.run(&action(code), &input(), time).await;
    is_well(&engine).await;
    done
}

/// What the engine must still do, and what a script must find, whatever was run before.
async fn is_well(engine: &Engine) {
    let body = "console.log(typeof leak, [].leak, ({}).leak, event.leak, typeof JSON.parse, \
                Object.keys(Object.prototype).length, Object.keys(globalThis).length); \
                api.idToken.setCustomClaim('good', { answer: [42] });";
    let done = engine.run(&action(&handler(body)), &input(), TIME).await;
    assert_eq!(done.result, Ok(()));
    assert_eq!(done.console, "undefined undefined undefined undefined function 0 0\n");
    assert_eq!(done.commands, [claim("good", json!({ "answer": [42] }))]);
}

fn claim(name: &str, value: serde_json::Value) -> Command {
    Command::SetIdTokenClaim { name: name.to_owned(), value }
}

/// Asserts how code ends.
async fn ends(code: &str, kind: ErrorKind, message: &str) {
    // Memory is used up before time is.
    let cpu_limit_ms = if kind == ErrorKind::Memory { 10_000 } else { tight().cpu_limit_ms };
    let done = run_with(Options { cpu_limit_ms, ..tight() }, code, TIME).await;
    let error = done.result.expect_err(code);
    assert_eq!(error.kind, kind, "{code}: {}", error.message);
    assert!(error.message.contains(message), "{code}: {}", error.message);
}

/// Asserts that code ends well, and what it has written.
async fn writes(code: &str, console: &str) {
    let done = run(code, TIME).await;
    assert_eq!(done.result, Ok(()), "{code}");
    assert_eq!(done.console, console, "{code}");
}

/// A test for each body of a handler: how it ends, and a part of the message.
macro_rules! bodies_that_end {
    ($($name:ident: $kind:ident $message:literal $body:literal;)*) => {$(
        #[tokio::test]
        async fn $name() {
            let code = crate::hostile_scripts::handler($body);
            let kind = doorward::actions::ErrorKind::$kind;
            crate::hostile_scripts::ends(&code, kind, $message).await;
        }
    )*};
}

/// A test for each body of a handler: what it writes before it ends well.
macro_rules! bodies_that_write {
    ($($name:ident: $console:literal $body:literal;)*) => {$(
        #[tokio::test]
        async fn $name() {
            let code = crate::hostile_scripts::handler($body);
            crate::hostile_scripts::writes(&code, $console).await;
        }
    )*};
}

use {bodies_that_end, bodies_that_write};
