//! `/actions`: the operator's JavaScript, and where it runs.
//!
//! What is written is a draft. Deploying makes a version of it, which never changes and is what runs.
//! There is nothing to build, so a draft is `built` as soon as it is written.

pub mod bindings;
pub mod checking;
pub mod executions;
mod fields;
mod secrets;
pub mod trial;
pub mod triggers;
pub mod versions;
mod view;

use axum::{Json, extract::State, http::StatusCode};
use serde_json::{Map, Value, json};

pub(super) use self::fields::{ACTION, BINDINGS, CHECK, ROLLBACK, TEST, TRIGGER_IDS};
use self::{
    fields::{USUAL_CODE, USUAL_RUNTIME, check_rules},
    secrets::Secrets,
};
use super::{
    change::{self, Change},
    code::must_compile,
    page,
    path_id::PathId,
    query::Query,
    validation::{self, Writing},
};
use crate::actions::Kind;
use crate::domain::{
    ActionId, ActionVersionId,
    action::{
        Trigger,
        definition::{Action, Content, MOST_ACTIONS},
    },
    time::Timestamp,
};
use crate::http::{
    App, error::management::ManagementError, extract::management_json::ManagementJson,
};
use crate::store::{
    self, action_bindings, action_versions,
    actions::{self, Filter},
};

type Answer = Result<Json<Value>, ManagementError>;

/// Parameters that narrow the listing.
pub const FILTERS: &[&str] = &["triggerId", "actionName", "deployed", "installed"];
/// The only parameters of its pages.
pub const PAGE: &[&str] = &["page", "per_page"];

const MISSING: ManagementError =
    ManagementError::NotFound { code: None, message: "That action does not exist." };

/// A page of these listings: its envelope is another one than elsewhere, and leaves out what is zero.
fn envelope(
    name: &str,
    items: Vec<Value>,
    total: i64,
    (page, per_page): (i64, i64),
) -> Json<Value> {
    let mut envelope = Map::new();
    envelope.insert(name.to_owned(), Value::Array(items));
    for (name, number) in [("total", total), ("page", page), ("per_page", per_page)] {
        if number > 0 {
            envelope.insert(name.to_owned(), number.into());
        }
    }
    Json(Value::Object(envelope))
}

/// `GET /actions/actions`. No Action comes from a marketplace, so `installed` leaves none.
pub async fn list(State(app): State<App>, query: Query) -> Answer {
    query.only(&[PAGE, FILTERS])?;
    let (page, per_page) = page::numbers(&query)?;
    let filter = Filter {
        trigger_id: query.one_of("triggerId", TRIGGER_IDS)?,
        name: query.text("actionName")?,
        deployed: query.boolean("deployed")?,
    };
    if query.boolean("installed")? == Some(true) {
        return Ok(envelope("actions", Vec::new(), 0, (page, per_page)));
    }
    let mut conn = app.store.read().await?;
    let found = actions::list(conn.db(), filter, page * per_page, per_page).await?;
    let total = actions::count(conn.db(), filter).await?;
    let mut items = Vec::new();
    for action in &found {
        let deployed = match &action.deployed_version_id {
            Some(id) => action_versions::find(conn.db(), id).await?,
            None => None,
        };
        items.push(view::action(action, deployed.as_ref()).into());
    }
    Ok(envelope("actions", items, total, (page, per_page)))
}

/// The Action as it is answered, with the version that runs.
async fn shown(db: store::Db<'_>, action: &Action) -> Answer {
    let deployed = match &action.deployed_version_id {
        Some(id) => action_versions::find(db, id).await?,
        None => None,
    };
    Ok(Json(view::action(action, deployed.as_ref()).into()))
}

/// The draft, its secrets, and what runs.
///
/// # Errors
/// When the database fails.
pub(super) async fn state(db: store::Db<'_>, id: &str) -> Result<Option<Value>, store::Error> {
    let found = actions::find(db, &ActionId::new(id)).await?;
    Ok(found.map(|action| {
        let (running, sealed) = (&action.deployed_version_id, &action.draft.secrets_sealed);
        let running = running.as_ref().map(ActionVersionId::as_str);
        json!([view::draft(&action), running, sealed])
    }))
}

/// `GET /actions/actions/{id}`
pub async fn read(State(app): State<App>, PathId(id): PathId, query: Query) -> Answer {
    query.only(&[])?;
    let mut conn = app.store.read().await?;
    let action = actions::find(conn.db(), &ActionId::new(id)).await?.ok_or(MISSING)?;
    shown(conn.db(), &action).await
}

fn text_of<'a>(body: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str)
}

/// The trigger that a body names, and its version.
fn trigger_of(body: &Map<String, Value>) -> Option<(String, String)> {
    let trigger = body.get("supported_triggers")?.get(0)?;
    let id = trigger.get("id")?.as_str()?;
    let version = trigger.get("version").and_then(Value::as_str);
    Some((id.to_owned(), version.unwrap_or_else(|| triggers::current_version(id)).to_owned()))
}

/// Writes what a body says of a draft, but for its secrets.
fn write(draft: &mut Content, body: &Map<String, Value>) {
    if let Some((id, version)) = trigger_of(body) {
        (draft.trigger_id, draft.trigger_version) = (id, version);
    }
    if let Some(code) = text_of(body, "code") {
        code.clone_into(&mut draft.code);
    }
    if let Some(runtime) = text_of(body, "runtime") {
        runtime.clone_into(&mut draft.runtime);
    }
    if let Some(hosts) = body.get("allowed_hosts") {
        let text = |host: &Value| host.as_str().map(str::to_owned);
        draft.allowed_hosts = hosts.as_array().map(|list| list.iter().filter_map(text).collect());
    }
}

/// How the code of an Action is called: that of every trigger is a module of the same kind.
const KIND: Kind = Kind::Action { handler: Trigger::PostLogin.handler() };

/// `POST /actions/actions`. With `deploy` it is deployed at once.
pub async fn create(
    State(app): State<App>,
    change: Change,
    ManagementJson(body): ManagementJson,
) -> Result<(StatusCode, Json<Value>), ManagementError> {
    validation::check(ACTION, &body, Writing::Create)?;
    check_rules(&body)?;
    let mut action = fresh(&app, &body)?;
    must_compile(&app, KIND, &action.draft.code, "code").await?;
    let mut tx = change.begin().await?;
    // First of all: it lets one writer in at a time, so that nobody counts what another adds.
    tx.configuration_changes().await?;
    if actions::count(tx.db(), Filter::default()).await? >= MOST_ACTIONS {
        return Err(ManagementError::TooManyEntities);
    }
    unless_taken(actions::insert(&mut tx, &action).await)?;
    if body.get("deploy") == Some(&Value::Bool(true)) {
        let secrets = Secrets::of_draft(&app, &action)?;
        let content = action.draft.clone();
        versions::deploy_content(&app, &mut tx, &mut action, content, &secrets).await?;
        actions::update(&mut tx, &action).await?;
    }
    let answer = shown(tx.db(), &action).await?;
    change.commit(tx, action.id.as_str(), change::members(&body)).await?;
    Ok((StatusCode::CREATED, answer))
}

fn fresh(app: &App, body: &Map<String, Value>) -> Result<Action, ManagementError> {
    let now = app.clock.now();
    let mut action = Action {
        id: ActionId::new(app.entropy.uuid()),
        name: text_of(body, "name").unwrap_or_default().to_owned(),
        draft: Content {
            trigger_id: String::new(),
            trigger_version: String::new(),
            code: USUAL_CODE.to_owned(),
            runtime: USUAL_RUNTIME.to_owned(),
            secrets: Vec::new(),
            secrets_sealed: None,
            allowed_hosts: None,
        },
        deployed_version_id: None,
        is_deployed: false,
        last_number: 0,
        created_at: now,
        updated_at: now,
    };
    write(&mut action.draft, body);
    write_secrets(app, &mut action, body, now)?;
    Ok(action)
}

fn write_secrets(
    app: &App,
    action: &mut Action,
    body: &Map<String, Value>,
    now: Timestamp,
) -> Result<(), ManagementError> {
    let Some(list) = body.get("secrets").and_then(Value::as_array) else { return Ok(()) };
    let secrets = Secrets::of_draft(app, action)?.replaced(list, now);
    let id = action.id.clone();
    Ok(secrets.put(app, &mut action.draft, id.as_str())?)
}

fn unless_taken<T>(written: Result<T, store::Error>) -> Result<T, ManagementError> {
    match written {
        Err(store::Error::Duplicate) => Err(ManagementError::Conflict {
            code: None,
            message: "An action with the same name already exists.".to_owned(),
        }),
        other => Ok(other?),
    }
}

/// `PATCH /actions/actions/{id}`. Changes the draft; what runs stays as it is, but for the name.
pub async fn update(
    State(app): State<App>,
    change: Change,
    PathId(id): PathId,
    ManagementJson(body): ManagementJson,
) -> Answer {
    const NOT_UPDATED: ManagementError = ManagementError::NotFound {
        code: None,
        message: "Action not found and cannot be updated.",
    };
    validation::check(ACTION, &body, Writing::Update)?;
    check_rules(&body)?;
    if let Some(code) = text_of(&body, "code") {
        must_compile(&app, KIND, code, "code").await?;
    }
    let mut tx = change.begin().await?;
    // First of all, as whatever else writes Actions does: or two could wait for each other.
    tx.configuration_changes().await?;
    let before = actions::lock(&mut tx, &ActionId::new(id)).await?.ok_or(NOT_UPDATED)?;
    let mut after = before.clone();
    let now = app.clock.now();
    if let Some(name) = text_of(&body, "name") {
        name.clone_into(&mut after.name);
    }
    write(&mut after.draft, &body);
    write_secrets(&app, &mut after, &body, now)?;
    let changed = change::differences(&view::draft(&before), &view::draft(&after));
    if !changed.is_empty() {
        after.updated_at = now;
        after.is_deployed &= changed.iter().all(|name| name == "name");
        unless_taken(actions::update(&mut tx, &after).await)?;
    }
    let answer = shown(tx.db(), &after).await?;
    change.commit(tx, after.id.as_str(), changed).await?;
    Ok(answer)
}

/// `DELETE /actions/actions/{id}`. One that is bound only with `force`.
pub async fn remove(
    change: Change,
    PathId(id): PathId,
    query: Query,
) -> Result<StatusCode, ManagementError> {
    query.only(&[&["force"]])?;
    let is_forced = query.boolean("force")?.unwrap_or(false);
    let id = ActionId::new(id);
    let mut tx = change.begin().await?;
    // First of all: nobody binds it in the meantime.
    tx.configuration_changes().await?;
    if actions::lock(&mut tx, &id).await?.is_none() {
        return Err(MISSING);
    }
    if is_forced {
        action_bindings::unbind(&mut tx, &id).await?;
    } else if action_bindings::is_bound(tx.db(), &id).await? {
        return Err(ManagementError::Conflict {
            code: None,
            message: "The action is bound to a trigger. Unbind it first, or delete it with \
                      `force=true`."
                .to_owned(),
        });
    }
    actions::delete(&mut tx, &id).await?;
    change.commit(tx, id.as_str(), Vec::new()).await?;
    Ok(StatusCode::NO_CONTENT)
}
