//! `POST /actions/check`: whether code can be compiled, before anything is kept. An extension of this
//! server.

use axum::{Json, extract::State};
use serde_json::{Value, json};

use super::{
    Answer, KIND,
    fields::{CHECK, check_code},
    text_of,
};
use crate::actions::Kind;
use crate::domain::action::Trigger;
use crate::http::{
    App,
    extract::management_json::ManagementJson,
    management::{
        code::compile,
        validation::{self, Writing},
    },
};

/// Compiles the code and runs nothing of it.
pub async fn check(State(app): State<App>, ManagementJson(body): ManagementJson) -> Answer {
    validation::check(CHECK, &body, Writing::Create)?;
    check_code(&body)?;
    let code = text_of(&body, "code").unwrap_or_default();
    let is_rule = text_of(&body, "kind") == Some("rule");
    let kind = if is_rule { Kind::Rule } else { KIND };
    if let Some(error) = compile(&app, kind, code).await? {
        return Ok(Json(json!({
            "valid": false,
            "error": { "message": error.message, "line": error.line, "column": error.column },
            "warnings": [],
        })));
    }
    let trigger = text_of(&body, "trigger").filter(|_| !is_rule).and_then(Trigger::parse);
    let warnings: Vec<Value> =
        trigger.and_then(|trigger| missing_export(code, trigger)).into_iter().collect();
    Ok(Json(json!({ "valid": true, "warnings": warnings })))
}

/// Code that does not have the name of the export cannot have the export, unless it makes the name
/// up as it runs: good enough for a warning.
fn missing_export(code: &str, trigger: Trigger) -> Option<Value> {
    let handler = trigger.handler();
    let message = format!(
        "The code does not export {handler}. An action without it fails at the trigger {}.",
        trigger.as_str()
    );
    (!code.contains(handler)).then(|| message.into())
}
