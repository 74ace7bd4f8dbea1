//! `doorward actions run`: a script on the operator's own machine, without a server or a database.

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::ConfigFile;
use crate::actions::{Engine, Execution, Kind, Script};
use crate::app::StartError;
use crate::domain::action::{Trigger, command::Command};
use crate::outbound::Outbound;

/// What to do with scripts.
#[derive(Subcommand)]
pub(super) enum What {
    /// Run the script of an Action or a rule, and print what it writes and asks for. Nothing is
    /// changed; `fetch` is really made. Exits 0 if the script ends well.
    Run(Run),
}

/// What to run.
#[derive(Args)]
pub(super) struct Run {
    /// The code.
    file: PathBuf,
    /// A JSON file: the `event` of an Action, or `{"user", "context"}` of a rule.
    #[arg(long, value_name = "FILE")]
    event: PathBuf,
    /// The trigger of an Action.
    #[arg(long, default_value = "post-login", value_parser = trigger, conflicts_with = "rule")]
    trigger: Trigger,
    /// A JSON file with an object of texts: `event.secrets` of an Action, `configuration` of a rule.
    #[arg(long, value_name = "FILE")]
    secrets: Option<PathBuf>,
    /// The code is a rule: `function (user, context, callback)`.
    #[arg(long)]
    rule: bool,
    #[command(flatten)]
    config: ConfigFile,
}

fn trigger(id: &str) -> Result<Trigger, String> {
    Trigger::parse(id).ok_or_else(|| {
        let known: Vec<_> = Trigger::ALL.iter().map(|trigger| trigger.as_str()).collect();
        format!("must be one of {}", known.join(", "))
    })
}

/// Does it.
///
/// # Errors
/// A file that cannot be used, or the script did not end well.
pub(super) async fn run(what: &What) -> Result<(), StartError> {
    let What::Run(run) = what;
    let config = run.config.load()?;
    let code = text(&run.file)?;
    let secrets = match &run.secrets {
        Some(file) => secrets(file)?,
        None => Map::new(),
    };
    let event = object(&run.event)?;
    let (kind, input) = if run.rule {
        (Kind::Rule, rule_input(&run.event, event, secrets)?)
    } else {
        (Kind::Action { handler: run.trigger.handler() }, input(run.trigger, event, secrets))
    };
    let name = run.file.file_stem().unwrap_or_default().to_string_lossy();
    let script = Script { id: "script", name: &name, code: &code, kind, allowed_hosts: None };
    let outbound = Arc::new(Outbound::new(config.outbound.allow_private));
    let engine = Engine::new(config.actions.options(), outbound);
    let limit = Duration::from_millis(config.actions.time_limit_ms.unsigned_abs());
    let execution = engine.run(&script, &input, limit).await;
    let written = std::io::stdout().lock().write_all(report(&execution).as_bytes());
    let io = |source| StartError::Io { what: "cannot write".to_owned(), source };
    written.map_err(io)?;
    match &execution.result {
        Err(error) => Err(StartError::Config(format!("the script failed: {error}"))),
        Ok(()) if !execution.has_handler => {
            let handler = run.trigger.handler();
            Err(StartError::Config(format!("{}: exports no {handler}", run.file.display())))
        }
        Ok(()) => Ok(()),
    }
}

/// The input of an Action as a flow would make it, as far as it is not in the event.
fn input(trigger: Trigger, mut event: Map<String, Value>, secrets: Map<String, Value>) -> Value {
    let given = event.entry("secrets").or_insert_with(|| Map::new().into());
    if let Value::Object(given) = given {
        given.extend(secrets);
    }
    let event = Value::Object(event);
    json!({
        "trigger": trigger.as_str(),
        "event": event,
        "state": {
            "can_redirect": true,
            "cache": {},
            "rules_executed": [],
            "roles": [],
            "redirect_token": {
                "issuer": event["tenant"]["id"], "subject": event["user"]["user_id"],
                "ip": event["request"]["ip"], "state": "state",
            },
        },
    })
}

fn rule_input(
    file: &Path,
    mut event: Map<String, Value>,
    configuration: Map<String, Value>,
) -> Result<Value, StartError> {
    let (user, context) = (event.remove("user"), event.remove("context"));
    let (Some(user @ Value::Object(_)), Some(context @ Value::Object(_))) = (user, context) else {
        return Err(unusable(file, "must have the objects \"user\" and \"context\""));
    };
    Ok(json!({ "user": user, "context": context, "configuration": configuration }))
}

/// What is printed.
fn report(execution: &Execution) -> String {
    let mut text = String::new();
    for line in execution.console.lines() {
        text.push_str(&format!("console  {line}\n"));
    }
    for command in &execution.commands {
        text.push_str(&format!("call     {}\n", call(command)));
    }
    let result = match &execution.result {
        Ok(()) => "ended well".to_owned(),
        Err(error) => format!("failed ({:?}): {}", error.kind, error.message),
    };
    text.push_str(&format!("result   {result} in {} ms\n", execution.elapsed.as_millis()));
    text
}

/// A call with its arguments, as in the script.
fn call(command: &Command) -> String {
    let json = serde_json::to_value(command).unwrap_or_default();
    let arguments = json["args"].as_object().into_iter().flatten();
    let arguments = arguments.filter(|(_, value)| !value.is_null());
    let arguments: Vec<_> = arguments.map(|(name, value)| format!("{name}: {value}")).collect();
    format!("api.{}({})", json["call"].as_str().unwrap_or_default(), arguments.join(", "))
}

fn unusable(file: &Path, why: &str) -> StartError {
    StartError::Config(format!("{}: {why}", file.display()))
}

fn text(file: &Path) -> Result<String, StartError> {
    std::fs::read_to_string(file).map_err(|source| StartError::Io {
        what: format!("cannot read {}", file.display()),
        source,
    })
}

fn object(file: &Path) -> Result<Map<String, Value>, StartError> {
    match serde_json::from_str(&text(file)?) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(unusable(file, "must be a JSON object")),
        Err(error) => Err(unusable(file, &error.to_string())),
    }
}

fn secrets(file: &Path) -> Result<Map<String, Value>, StartError> {
    let secrets = object(file)?;
    match secrets.iter().find(|(_, value)| !value.is_string()) {
        Some((name, _)) => Err(unusable(file, &format!("`{name}` must be a text"))),
        None => Ok(secrets),
    }
}
