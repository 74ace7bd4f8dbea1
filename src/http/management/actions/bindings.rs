//! `/actions/triggers/{id}/bindings`: which Actions run at a trigger, and in which order.

use axum::{Json, extract::State};
use serde_json::{Map, Value, json};

use super::{Answer, PAGE, envelope, fields::TRIGGER_IDS, view};
use crate::domain::{
    ActionBindingId, ActionId,
    action::{
        Trigger,
        definition::{Action, ActionBinding},
    },
};
use crate::http::{
    App,
    error::management::ManagementError,
    extract::management_json::ManagementJson,
    management::{
        change::{self, Change},
        page,
        path_id::PathId,
        query::Query,
        validation::{self, Writing},
    },
};
use crate::store::{
    self, Db, Tx, action_bindings, action_versions,
    actions::{self, Filter},
};

/// Refuses a trigger that nobody knows.
fn known(trigger: String) -> Result<String, ManagementError> {
    if TRIGGER_IDS.contains(&trigger.as_str()) {
        return Ok(trigger);
    }
    Err(ManagementError::BadRequest {
        code: "invalid_uri",
        message: format!(
            "Path validation error: 'No enum match for: {trigger}' on property triggerId."
        ),
    })
}

/// `GET /actions/triggers/{id}/bindings`
pub async fn list(State(app): State<App>, PathId(trigger): PathId, query: Query) -> Answer {
    query.only(&[PAGE])?;
    let trigger = known(trigger)?;
    let (page, per_page) = page::numbers(&query)?;
    let mut conn = app.store.read().await?;
    let all = action_bindings::list(conn.db(), &trigger).await?;
    let total = i64::try_from(all.len()).unwrap_or(i64::MAX);
    let number = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
    let mut items = Vec::new();
    for binding in all.iter().skip(number(page * per_page)).take(number(per_page)) {
        if let Some(action) = actions::find(conn.db(), &binding.action_id).await? {
            items.push(view::binding(binding, &action));
        }
    }
    Ok(envelope("bindings", items, total, (page, per_page)))
}

/// Which bindings there are. Each write makes new ones.
///
/// # Errors
/// When the database fails.
pub async fn state(db: Db<'_>, trigger: &str) -> Result<Option<Value>, store::Error> {
    let all = action_bindings::list(db, trigger).await?;
    Ok(Some(all.iter().map(|binding| binding.id.as_str()).collect()))
}

/// `PATCH /actions/triggers/{id}/bindings`: replaces the list as a whole. Each binding gets a new id.
pub async fn update(
    State(app): State<App>,
    change: Change,
    PathId(trigger): PathId,
    ManagementJson(body): ManagementJson,
) -> Answer {
    let trigger = known(trigger)?;
    validation::check(super::BINDINGS, &body, Writing::Create)?;
    let wanted = body.get("bindings").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    check_rules(&trigger, wanted)?;
    let mut tx = change.begin().await?;
    // First of all: it lets one writer in at a time, so that no list is made of two.
    tx.configuration_changes().await?;
    let before = action_bindings::list(tx.db(), &trigger).await?;
    let now = app.clock.now();
    let mut after: Vec<(ActionBinding, Action)> = Vec::new();
    for (index, item) in wanted.iter().enumerate() {
        let (action, display_name) = bindable(&mut tx, &before, item, &trigger, index).await?;
        if let Some(first) = after.iter().position(|(_, other)| other.id == action.id) {
            return Err(refused(index, &format!("the action is bound at index {first} already")));
        }
        let binding = ActionBinding {
            id: ActionBindingId::new(app.entropy.uuid()),
            trigger_id: trigger.clone(),
            action_id: action.id.clone(),
            display_name,
            created_at: now,
            updated_at: now,
        };
        after.push((binding, action));
    }
    let bindings: Vec<_> = after.iter().map(|(binding, _)| binding.clone()).collect();
    action_bindings::replace(&mut tx, &trigger, &bindings).await?;
    let changed = change::differences(&places(&before), &places(&bindings));
    change.commit(tx, &trigger, changed).await?;
    let shown: Vec<_> =
        after.iter().map(|(binding, action)| view::binding(binding, action)).collect();
    Ok(Json(json!({ "bindings": shown })))
}

fn refused(index: usize, what: &str) -> ManagementError {
    ManagementError::invalid_property(what, &format!("bindings.{index}"))
}

/// What the types of the members do not say.
fn check_rules(trigger: &str, wanted: &[Value]) -> Result<(), ManagementError> {
    for (index, item) in wanted.iter().enumerate() {
        if item.get("secrets").and_then(Value::as_array).is_some_and(|list| !list.is_empty()) {
            return Err(refused(index, "secrets are set on the action, not on its binding"));
        }
    }
    if !wanted.is_empty() && Trigger::parse(trigger).is_none() {
        let run: Vec<_> = Trigger::ALL.map(Trigger::as_str).into();
        return Err(ManagementError::invalid_body(format!(
            "This server does not run actions at the trigger {trigger}. It runs them at: {}.",
            run.join(", ")
        )));
    }
    Ok(())
}

/// The Action that an item refers to, if it may be bound to the trigger, and the name of the binding.
async fn bindable(
    tx: &mut Tx,
    before: &[ActionBinding],
    item: &Value,
    trigger: &str,
    index: usize,
) -> Result<(Action, String), ManagementError> {
    let text = |name: &str| item["ref"].get(name).and_then(Value::as_str).unwrap_or_default();
    let (kind, value) = (text("type"), text("value"));
    let earlier =
        before.iter().find(|binding| kind == "binding_id" && binding.id.as_str() == value);
    let action = match kind {
        "action_name" => {
            let filter = Filter { name: Some(value), ..Filter::default() };
            actions::list(tx.db(), filter, 0, 1).await?.pop()
        }
        "binding_id" => match earlier {
            Some(binding) => actions::find(tx.db(), &binding.action_id).await?,
            None => None,
        },
        _ => actions::find(tx.db(), &ActionId::new(value)).await?,
    };
    let Some(action) = action else {
        let what = if kind == "binding_id" { "binding" } else { "action" };
        return Err(refused(index, &format!("there is no {what} {value}")));
    };
    let Some(version) = &action.deployed_version_id else {
        return Err(refused(index, &format!("the action {} is not deployed", action.name)));
    };
    let version = action_versions::find(tx.db(), version).await?;
    if let Some(version) = version.filter(|version| version.content.trigger_id != trigger) {
        let of = version.content.trigger_id;
        return Err(refused(index, &format!("the action {} is for the trigger {of}", action.name)));
    }
    let named = item.get("display_name").and_then(Value::as_str);
    let name = named.or(earlier.map(|binding| binding.display_name.as_str()));
    let name = name.unwrap_or(&action.name).to_owned();
    Ok((action, name))
}

/// What of bindings is not new each time.
fn places(bindings: &[ActionBinding]) -> Map<String, Value> {
    let place = |binding: &ActionBinding| json!([binding.action_id.as_str(), binding.display_name]);
    let list = bindings.iter().map(place).collect();
    Map::from_iter([("bindings".to_owned(), Value::Array(list))])
}
