//! The triggers that there are. Tools read all of them, so those at which this server runs no
//! Actions are listed, too.

use axum::{Json, extract::State};
use serde_json::{Value, json};

use super::Answer;
use crate::domain::action::Trigger;
use crate::http::{
    App,
    error::management::ManagementError,
    management::{path_id::PathId, query::Query},
};
use crate::login::triggers::samples;

/// What runs Actions of today.
const RUNTIMES: &[&str] = &["node18-actions", "node22"];

/// A version of a trigger.
struct Entry {
    id: &'static str,
    version: &'static str,
    /// The runtime of a version that no new Action should name; `None` for the current one.
    deprecated: Option<&'static str>,
    /// Whether something else than the list of bindings decides what runs there.
    is_of_entities: bool,
}

const fn current(id: &'static str, version: &'static str) -> Entry {
    Entry { id, version, deprecated: None, is_of_entities: false }
}
const fn deprecated(id: &'static str, version: &'static str, runtime: &'static str) -> Entry {
    Entry { id, version, deprecated: Some(runtime), is_of_entities: false }
}
const fn of_entities(id: &'static str, version: &'static str) -> Entry {
    Entry { id, version, deprecated: None, is_of_entities: true }
}

const TRIGGERS: &[Entry] = &[
    deprecated("post-login", "v1", "node12"),
    deprecated("post-login", "v2", "node16"),
    current("post-login", "v3"),
    deprecated("credentials-exchange", "v1", "node12"),
    current("credentials-exchange", "v2"),
    deprecated("pre-user-registration", "v1", "node12"),
    current("pre-user-registration", "v2"),
    deprecated("post-user-registration", "v1", "node12"),
    current("post-user-registration", "v2"),
    deprecated("post-change-password", "v1", "node12"),
    current("post-change-password", "v2"),
    deprecated("send-phone-message", "v1", "node12"),
    current("send-phone-message", "v2"),
    current("password-reset-post-challenge", "v1"),
    current("custom-phone-provider", "v1"),
    current("custom-email-provider", "v1"),
    of_entities("custom-token-exchange", "v1"),
    of_entities("event-stream", "v1"),
    of_entities("password-hash-migration", "v1"),
    of_entities("mcp-tool", "v1"),
];

/// The version of a trigger that an Action is for that names none.
pub(super) fn current_version(id: &str) -> &'static str {
    let is_it = |entry: &&Entry| entry.id == id && entry.deprecated.is_none();
    TRIGGERS.iter().find(is_it).map_or("v1", |entry| entry.version)
}

fn show(entry: &Entry) -> Value {
    let old: Vec<Value> = TRIGGERS
        .iter()
        .filter(|other| other.id == entry.id && other.deprecated.is_some())
        .filter(|_| entry.deprecated.is_none())
        .map(|other| json!({ "id": other.id, "version": other.version }))
        .collect();
    let runtimes: Vec<&str> = entry.deprecated.map_or(RUNTIMES.to_vec(), |runtime| vec![runtime]);
    json!({
        "id": entry.id,
        "version": entry.version,
        "status": if entry.deprecated.is_some() { "DEPRECATED" } else { "CURRENT" },
        "runtimes": runtimes,
        "default_runtime": entry.deprecated.unwrap_or(super::USUAL_RUNTIME),
        "binding_policy": if entry.is_of_entities { "entity-bound" } else { "trigger-bound" },
        "compatible_triggers": old,
    })
}

/// `GET /actions/triggers`
pub async fn list(query: Query) -> Answer {
    query.only(&[])?;
    Ok(Json(json!({ "triggers": TRIGGERS.iter().map(show).collect::<Vec<_>>() })))
}

/// `GET /actions/triggers/{id}/sample-events`: what Actions are told, as an example. An extension of
/// this server.
pub async fn sample_events(
    State(app): State<App>,
    PathId(trigger): PathId,
    query: Query,
) -> Answer {
    query.only(&[])?;
    let trigger = Trigger::parse(&trigger).ok_or(ManagementError::NotFound {
        code: None,
        message: "This server does not run actions at that trigger.",
    })?;
    let samples = samples::of(trigger, &app.settings.tenant_name, app.clock.now());
    let shown: Vec<_> = samples
        .into_iter()
        .map(|sample| json!({ "id": sample.id, "about": sample.about, "event": sample.event }))
        .collect();
    Ok(Json(
        json!({ "trigger_id": trigger.as_str(), "handler": trigger.handler(), "samples": shown }),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::management::actions::fields::TRIGGER_IDS;

    #[test]
    fn every_trigger_has_one_current_version_and_can_be_written() {
        for entry in TRIGGERS {
            assert!(TRIGGER_IDS.contains(&entry.id), "{}", entry.id);
            let is_current = |other: &&Entry| other.id == entry.id && other.deprecated.is_none();
            assert_eq!(TRIGGERS.iter().filter(is_current).count(), 1, "{}", entry.id);
        }
        for trigger in Trigger::ALL {
            assert!(TRIGGERS.iter().any(|entry| entry.id == trigger.as_str()));
        }
        assert_eq!(current_version("post-login"), "v3");
    }
}
