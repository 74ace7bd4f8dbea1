//! `POST /actions/actions/{id}/test`: runs a draft, or code that is not saved yet, without any login,
//! and tells what it asked for and what would come of it. Nothing of it is carried out. What the code
//! itself does, such as calling a host, it does.

use std::time::Duration;

use axum::{Json, extract::State};
use serde_json::{Map, Value, json};

use super::{Answer, MISSING, fields::check_code, secrets::Secrets, text_of};
use crate::actions::{ErrorKind, Execution, Kind, Script};
use crate::crypto::{digest, hex};
use crate::domain::{
    ActionId,
    action::{Trigger, command::Command, definition::Action},
    audience::Audience,
};
use crate::http::{
    App,
    error::management::ManagementError,
    extract::management_json::ManagementJson,
    management::{
        change::{self, Change},
        path_id::PathId,
        validation::{self, Writing},
    },
};
use crate::policy::trial::{Trial, can_redirect};
use crate::store::{actions, resource_servers};

/// Runs the draft, or `code` in its place and with its secrets. `payload` is `{"event", "state"?}`, or the event itself.
pub async fn run(
    State(app): State<App>,
    change: Change,
    PathId(id): PathId,
    ManagementJson(body): ManagementJson,
) -> Answer {
    validation::check(super::TEST, &body, Writing::Create)?;
    check_code(&body)?;
    let found = actions::find(app.store.read().await?.db(), &ActionId::new(id)).await?;
    let action = found.ok_or(MISSING)?;
    let trigger = Trigger::parse(&action.draft.trigger_id).ok_or_else(|| {
        let trigger = &action.draft.trigger_id;
        ManagementError::invalid_body(format!(
            "This server does not run actions at the trigger {trigger}."
        ))
    })?;
    let input = input(&app, &action, &body)?;
    // Told before it runs: what code does, it may have done when it fails.
    let tx = change.begin().await?;
    change.commit(tx, action.id.as_str(), change::members(&body)).await?;
    let code = text_of(&body, "code").unwrap_or(&action.draft.code);
    let script = Script {
        // A draft changes: its code is its name.
        id: &format!("draft:{}", hex::encode(&digest::sha256(code.as_bytes()))),
        name: &action.name,
        code,
        kind: Kind::Action { handler: trigger.handler() },
        allowed_hosts: action.draft.allowed_hosts.as_deref(),
    };
    let limit = u64::try_from(app.settings.actions_time_limit).unwrap_or(0);
    let execution = app.login.actions.run(&script, &input, Duration::from_millis(limit)).await;
    let mut shown = show(&execution, trigger);
    if shown.get("error").is_none() {
        judge(&app, trigger, &input, &execution, &mut shown).await?;
    }
    Ok(Json(json!({ "payload": shown })))
}

/// Adds what a flow would make of what the code asked for.
async fn judge(
    app: &App,
    trigger: Trigger,
    input: &Value,
    execution: &Execution,
    shown: &mut Value,
) -> Result<(), ManagementError> {
    let event = &input["event"];
    let api = match event["resource_server"]["identifier"].as_str() {
        None => None,
        Some(identifier) => {
            let mut conn = app.store.read().await?;
            resource_servers::find_by_identifier(conn.db(), &Audience::new(identifier)).await?
        }
    };
    let trial = Trial {
        trigger,
        event,
        can_redirect: input["state"]["can_redirect"] == true,
        api: api.as_ref().map(|record| &record.api),
    };
    let judged = trial.judge(&execution.commands);
    shown["outcome"] = judged.outcome.as_str().into();
    shown["notes"] = json!(judged.notes);
    if let Some(reason) = judged.reason {
        shown["reason"] = reason.into();
    }
    Ok(())
}

fn input(app: &App, action: &Action, body: &Map<String, Value>) -> Result<Value, ManagementError> {
    let payload = body.get("payload").cloned().unwrap_or_default();
    let (mut event, state) = match payload.get("event") {
        Some(event) if event.is_object() => (event.clone(), payload.get("state").cloned()),
        _ => (payload, None),
    };
    // Secrets that the caller makes up are as good.
    if event.get("secrets").is_none() {
        event["secrets"] = Secrets::of_draft(app, action)?.values.into_event();
    }
    let state = state.filter(Value::is_object).unwrap_or_else(|| state_for(app, &event));
    Ok(json!({ "trigger": action.draft.trigger_id, "event": event, "state": state }))
}

/// What `api` reads, in the flow that the event tells of.
fn state_for(app: &App, event: &Value) -> Value {
    let issuer = url::Url::parse(&app.settings.issuer).ok();
    json!({
        "can_redirect": can_redirect(event),
        "cache": {},
        "rules_executed": [],
        "roles": [],
        "redirect_token": {
            "issuer": issuer.as_ref().and_then(url::Url::host_str),
            "subject": event["user"]["user_id"],
            "ip": event["request"]["ip"],
            "state": null,
        },
    })
}

fn show(execution: &Execution, trigger: Trigger) -> Value {
    let mut shown = json!({
        "commands": execution.commands,
        "effects": execution.commands.iter().map(Command::in_words).collect::<Vec<_>>(),
        "console": execution.console,
        "duration_ms": u64::try_from(execution.elapsed.as_millis()).unwrap_or(u64::MAX),
    });
    if let Err(error) = &execution.result {
        shown["error"] = json!({ "id": error_id(error.kind), "msg": error.message });
        if let Some(at) = execution.failed_at {
            shown["error"]["line"] = at.line.into();
            shown["error"]["column"] = at.column.into();
        }
    } else if !execution.has_handler {
        let msg = format!("The code exports no {}.", trigger.handler());
        shown["error"] = json!({ "id": "missing_handler", "msg": msg });
    }
    shown
}

/// The kind of a failure, in a word.
const fn error_id(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Thrown => "thrown",
        ErrorKind::Syntax => "syntax",
        ErrorKind::Timeout => "timeout",
        ErrorKind::Memory => "memory",
        ErrorKind::Output => "output",
        ErrorKind::Worker => "worker",
    }
}
