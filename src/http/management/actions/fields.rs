//! What may be written of Actions.

use serde_json::{Map, Value};

use super::super::schema::{
    ANY_OBJECT, BOOLEAN, Field, Kind, Shape, TEXT, array, array_of, field, integer, object, one_of,
    open, shaped, text,
};
use crate::actions::hosts;
use crate::domain::action::definition::MOST_BOUND;
use crate::http::error::management::ManagementError;

/// Most bytes of the code of an Action.
const CODE_LENGTH: usize = 100_000;
/// Most characters of the name of an Action.
const NAME_LENGTH: usize = 255;
/// Most characters of the name of a secret.
const SECRET_NAME_LENGTH: usize = 128;
/// Most characters of a secret.
const SECRET_LENGTH: usize = 4096;
/// Most secrets of an Action.
const MOST_SECRETS: usize = 100;
/// Most hosts that an Action names.
const MOST_HOSTS: usize = 100;

/// What an Action does that says nothing of it.
pub(super) const USUAL_CODE: &str = "module.exports = () => {}";
/// The runtime of an Action that names none.
pub(super) const USUAL_RUNTIME: &str = "node22";

/// Runtimes that Actions name. They all run in the same engine.
const RUNTIMES: &[&str] = &["node12", "node16", "node18", "node18-actions", "node22"];

/// Every trigger that an Action may be for, also those at which this server runs none.
pub(in crate::http::management) const TRIGGER_IDS: &[&str] = &[
    "post-login",
    "credentials-exchange",
    "pre-user-registration",
    "post-user-registration",
    "post-change-password",
    "send-phone-message",
    "custom-phone-provider",
    "custom-email-provider",
    "password-reset-post-challenge",
    "custom-token-exchange",
    "event-stream",
    "password-hash-migration",
    "login-post-identifier",
    "signup-post-identifier",
    "mcp-tool",
];

#[rustfmt::skip]
pub(in crate::http::management) const ACTION: &[Field] = &[
    field("name", text(1, NAME_LENGTH), "The name of an action.").required(),
    field("supported_triggers", array_of(&TRIGGER, 1, 1), "The list of triggers that this action supports. At this time, an action can only target a single trigger at a time.").required(),
    field("code", text(0, CODE_LENGTH), "The source code of the action."),
    field("dependencies", array(&DEPENDENCY), "The list of third party npm modules, and their versions, that this action depends on."),
    field("runtime", one_of(RUNTIMES), "The Node runtime. For example: `node22`, defaults to `node22`"),
    field("secrets", array_of(&SECRET, 0, MOST_SECRETS), "The list of secrets that are included in an action or a version of an action."),
    field("modules", array(&MODULE), "The list of action modules and their versions used by this action."),
    field("deploy", BOOLEAN, "True if the action should be deployed after creation.").immutable(),
    field("allowed_hosts", array_of(&HOST, 0, MOST_HOSTS), "The hosts that the action may call; without them, those that the server allows.").nullable(),
];

// What the list of triggers answers may be written back.
#[rustfmt::skip]
const TRIGGER: Kind = object(&[
    field("id", one_of(TRIGGER_IDS), "An actions extensibility point.").required(),
    field("version", VERSION, "The version of a trigger. v1, v2, etc."),
    field("status", TEXT, "status points to the trigger status."),
    field("runtimes", array(&TEXT), "runtimes supported by this trigger."),
    field("default_runtime", TEXT, "Runtime that will be used when none is specified when creating an action."),
    field("compatible_triggers", array(&ANY_OBJECT), "compatible_triggers informs which other trigger supports the same event and api."),
    field("binding_policy", one_of(&["trigger-bound", "entity-bound"]), "How the action is bound."),
]);
const VERSION: Kind = shaped(2, 4, Shape::Pattern("^v[0-9]+$", is_version));

fn is_version(text: &str) -> bool {
    text.strip_prefix('v').is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()))
}

#[rustfmt::skip]
const DEPENDENCY: Kind = object(&[
    field("name", TEXT, "name is the name of the npm module, e.g. lodash"),
    field("version", TEXT, "description is the version of the npm module, e.g. 4.17.1"),
    field("registry_url", TEXT, "registry_url is an optional value used primarily for private npm registries."),
]);

#[rustfmt::skip]
const SECRET: Kind = open(&[
    field("name", text(1, SECRET_NAME_LENGTH), "The name of the particular secret, e.g. API_KEY.").required(),
    field("value", text(0, SECRET_LENGTH), "The value of the particular secret, e.g. secret123. A secret's value will never be returned by the API."),
]);

#[rustfmt::skip]
const MODULE: Kind = object(&[
    field("module_id", TEXT, "The unique ID of the module."),
    field("module_name", TEXT, "The name of the module."),
    field("module_version_id", TEXT, "The ID of the specific module version."),
    field("module_version_number", integer(0, i64::MAX), "The version number of the module."),
]);

const HOST: Kind = shaped(1, 262, Shape::Format("host", hosts::is_rule));

#[rustfmt::skip]
pub(in crate::http::management) const BINDINGS: &[Field] = &[
    field("bindings", array_of(&BINDING, 0, MOST_BOUND), "The actions that will be bound to this trigger. The order in which they are included will be the order in which they are executed.").required(),
];

#[rustfmt::skip]
const BINDING: Kind = object(&[
    field("ref", REFERENCE, "A reference to an action. An action can be referred to by ID or by Name.").required(),
    field("display_name", text(0, NAME_LENGTH), "The name of the binding."),
    field("secrets", array_of(&SECRET, 0, MOST_SECRETS), "The list of secrets that are included in an action or a version of an action."),
]);

#[rustfmt::skip]
const REFERENCE: Kind = open(&[
    field("type", one_of(&["binding_id", "action_id", "action_name"]), "How the action is being referred to: `action_id` or `action_name`.").required(),
    field("value", text(1, NAME_LENGTH), "The id or name of an action that is being bound to a trigger.").required(),
]);

#[rustfmt::skip]
pub(in crate::http::management) const TEST: &[Field] = &[
    field("payload", ANY_OBJECT, "The payload for the action.").required(),
    field("code", text(0, CODE_LENGTH), "Code to run instead of that of the draft."),
];

#[rustfmt::skip]
pub(in crate::http::management) const CHECK: &[Field] = &[
    field("code", text(0, CODE_LENGTH), "The code.").required(),
    field("kind", one_of(KINDS), "What the code is of.").required(),
    field("trigger", one_of(TRIGGER_IDS), "The trigger that an action is for."),
];
/// What code is of.
const KINDS: &[&str] = &["action", "rule"];

#[rustfmt::skip]
pub(in crate::http::management) const ROLLBACK: &[Field] = &[
    field("update_draft", BOOLEAN, "True if the draft of the action should be updated with the reverted version."),
];

/// What the types of the members do not say.
///
/// # Errors
/// `invalid_body`.
pub(super) fn check_rules(body: &Map<String, Value>) -> Result<(), ManagementError> {
    let is_filled =
        |name: &str| body.get(name).and_then(Value::as_array).is_some_and(|a| !a.is_empty());
    if is_filled("dependencies") {
        return Err(ManagementError::invalid_property(
            "npm packages are not installed. Bundle what the action needs into its code",
            "dependencies",
        ));
    }
    if is_filled("modules") {
        return Err(ManagementError::invalid_property(
            "there are no action modules. Bundle what the action needs into its code",
            "modules",
        ));
    }
    check_code(body)?;
    unique_names(body)
}

/// Code has as many bytes at most as it may have characters.
///
/// # Errors
/// `invalid_body`.
pub(super) fn check_code(body: &Map<String, Value>) -> Result<(), ManagementError> {
    let code = body.get("code").and_then(Value::as_str).unwrap_or("");
    if code.len() > CODE_LENGTH {
        return Err(ManagementError::invalid_property(
            &format!("the code has {} bytes, maximum {CODE_LENGTH}", code.len()),
            "code",
        ));
    }
    Ok(())
}

/// Of two secrets with one name nobody could tell which one counts.
fn unique_names(body: &Map<String, Value>) -> Result<(), ManagementError> {
    let Some(secrets) = body.get("secrets").and_then(Value::as_array) else { return Ok(()) };
    let name = |secret: &Value| secret.get("name").and_then(Value::as_str).map(str::to_owned);
    let names: Vec<_> = secrets.iter().map(name).collect();
    for (second, one) in names.iter().enumerate() {
        if let Some(first) = names[..second].iter().position(|other| other == one) {
            return Err(ManagementError::invalid_property(
                &format!("Array items are not unique (indexes {first} and {second})"),
                "secrets",
            ));
        }
    }
    Ok(())
}
