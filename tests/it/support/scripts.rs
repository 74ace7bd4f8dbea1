//! An engine of scripts without a server around it.

use std::{sync::Arc, time::Duration};

use doorward::{
    actions::{Engine, Execution, Kind, Options, Script},
    config::Config,
    outbound::Outbound,
};
use serde_json::{Value, json};

/// The time limit where a test does not say one.
pub const LIMIT: Duration = Duration::from_secs(10);

/// What the default configuration says, and the workers of this build.
pub fn options() -> Options {
    let mut config = Config::load(None, []).unwrap();
    config.actions.worker = Some(env!("CARGO_BIN_EXE_doorward").into());
    config.actions.options()
}

/// An engine with the default configuration.
pub fn engine() -> Engine {
    Engine::new(options(), Arc::new(Outbound::new(false)))
}

/// A post-login Action.
pub fn action(code: &str) -> Script<'_> {
    Script {
        id: code,
        name: "test",
        code,
        kind: Kind::Action { handler: "onExecutePostLogin" },
        allowed_hosts: None,
    }
}

/// Input for a post-login Action.
pub fn input() -> Value {
    json!({
        "trigger": "post-login",
        "event": {
            "user": { "user_id": "auth0|1", "email": "ada@example.com", "app_metadata": {} },
            "client": { "client_id": "c", "name": "C", "metadata": {} },
            "request": { "ip": "192.0.2.1", "query": {}, "body": {} },
            "secrets": { "KEY": "s3cret" },
            "transaction": { "metadata": {} },
            "tenant": { "id": "doorward" },
        },
        "state": { "can_redirect": true, "cache": {}, "rules_executed": [], "roles": [] },
    })
}

/// Runs the body of a handler.
pub async fn run_body(engine: &Engine, body: &str) -> Execution {
    let code = format!("exports.onExecutePostLogin = async (event, api) => {{{body}}};");
    engine.run(&action(&code), &input(), LIMIT).await
}
