//! Actions as they are answered. Values of secrets are not among what a view is made of.

use serde_json::{Map, Value, json};

use crate::domain::action::{
    definition::{Action, ActionBinding, ActionVersion, Content, SecretName},
    execution::{ActionResult, TriggerExecution},
};

fn triggers(content: &Content) -> Value {
    json!([{ "id": content.trigger_id, "version": content.trigger_version }])
}

fn secrets(content: &Content) -> Value {
    let show = |secret: &SecretName| {
        json!({
            "name": secret.name,
            "updated_at": secret.updated_at.iso8601(),
        })
    };
    content.secrets.iter().map(show).collect()
}

fn insert(shown: &mut Map<String, Value>, members: Value) {
    if let Value::Object(members) = members {
        shown.extend(members);
    }
}

/// What every view of an Action has.
pub fn base(action: &Action) -> Map<String, Value> {
    let mut shown = Map::new();
    insert(
        &mut shown,
        json!({
            "id": action.id.as_str(),
            "name": action.name,
            "supported_triggers": triggers(&action.draft),
            "created_at": action.created_at.iso8601(),
            "updated_at": action.updated_at.iso8601(),
            "all_changes_deployed": action.is_deployed,
        }),
    );
    shown
}

/// What can be written of an Action, and what follows from it.
fn content(shown: &mut Map<String, Value>, content: &Content) {
    insert(
        shown,
        json!({
            "code": content.code,
            "dependencies": [],
            "runtime": content.runtime,
            "status": "built",
            "secrets": secrets(content),
        }),
    );
    if let Some(hosts) = &content.allowed_hosts {
        shown.insert("allowed_hosts".to_owned(), json!(hosts));
    }
}

/// An Action without its versions: what a write changes.
pub fn draft(action: &Action) -> Map<String, Value> {
    let mut shown = base(action);
    content(&mut shown, &action.draft);
    shown
}

/// An Action with the version that runs.
pub fn action(action: &Action, deployed: Option<&ActionVersion>) -> Map<String, Value> {
    let mut shown = draft(action);
    shown.insert("built_at".to_owned(), action.updated_at.iso8601().into());
    if let Some(version) = deployed {
        let at = version.created_at.iso8601();
        insert(
            &mut shown,
            json!({
                "current_version": {
                    "id": version.id.as_str(), "number": version.number, "status": "BUILT",
                    "code": version.content.code, "runtime": version.content.runtime,
                    "build_time": at, "created_at": at, "updated_at": at,
                },
                "deployed_version": plain_version(version, true),
            }),
        );
    }
    shown
}

/// An Action at its place at a trigger: which one, and whether it is up to date.
pub fn binding(binding: &ActionBinding, action: &Action) -> Value {
    json!({
        "id": binding.id.as_str(),
        "trigger_id": binding.trigger_id,
        "action": base(action),
        "display_name": binding.display_name,
        "created_at": binding.created_at.iso8601(),
        "updated_at": binding.updated_at.iso8601(),
    })
}

fn plain_version(version: &ActionVersion, is_deployed: bool) -> Map<String, Value> {
    let at = version.created_at.iso8601();
    let mut shown = Map::new();
    insert(
        &mut shown,
        json!({
            "id": version.id.as_str(),
            "action_id": version.action_id.as_str(),
            "number": version.number,
            "deployed": is_deployed,
            "supported_triggers": triggers(&version.content),
            "built_at": at,
            "created_at": at,
            "updated_at": at,
        }),
    );
    content(&mut shown, &version.content);
    shown
}

/// A version with its Action.
pub fn version(version: &ActionVersion, action: &Action) -> Value {
    let is_deployed = action.deployed_version_id.as_ref() == Some(&version.id);
    let mut shown = plain_version(version, is_deployed);
    shown.insert("action".to_owned(), base(action).into());
    shown.into()
}

fn result(result: &ActionResult) -> Value {
    let mut shown = json!({
        "action_id": result.action_id.as_str(),
        "action_name": result.action_name,
        "started_at": result.started_at.iso8601(),
        "ended_at": result.ended_at.iso8601(),
        "console": result.console,
        "notes": result.notes,
        "stats": result.stats,
    });
    if let Some(version) = &result.version_id {
        shown["version_id"] = version.as_str().into();
    }
    if let Some(error) = &result.error {
        shown["error"] = json!(error);
    }
    shown
}

/// An execution with the results that it comes with.
pub fn execution(execution: &TriggerExecution) -> Value {
    json!({
        "id": execution.id.as_str(),
        "trigger_id": execution.trigger.as_str(),
        "status": execution.status.as_str(),
        "results": execution.results.iter().map(result).collect::<Vec<_>>(),
        "created_at": execution.created_at.iso8601(),
        "updated_at": execution.updated_at.iso8601(),
    })
}
