//! `/rules`: scripts of the generation before Actions.

use axum::{Json, extract::State, http::StatusCode};
use serde_json::{Map, Value, json};

use super::{
    change::{self, Change},
    code::must_compile,
    formats,
    page::{self, Listing, Page},
    path_id::PathId,
    query::{Fields, Query},
    schema::{BOOLEAN, Field, Kind, field, integer, one_of, shaped, text},
    validation::{self, Writing},
};
use crate::actions;
use crate::domain::{
    RuleId,
    rule::{MOST_RULES, RuleDefinition},
};
use crate::http::{
    App, error::management::ManagementError, extract::management_json::ManagementJson,
};
use crate::store::{self, Db, Tx, rules};

type Answer = Result<Json<Value>, ManagementError>;

/// Most characters of a script: as many as the code of an Action has.
const SCRIPT_LENGTH: usize = 100_000;

/// `stage` is answered, so it is accepted back; there is only the one.
#[rustfmt::skip]
pub(super) const RULE: &[Field] = &[
    field("name", shaped(1, 255, formats::RULE_NAME), "Name of this rule.").required(),
    field("script", text(1, SCRIPT_LENGTH), "Code to be executed when this rule runs.").required(),
    field("order", integer(0, 1_000_000_000), "Order that this rule should execute in relative to other rules. Lower-valued rules execute first."),
    field("enabled", BOOLEAN, "Whether the rule is enabled (true), or disabled (false)."),
    field("stage", STAGE, "Execution stage of this rule.").immutable(),
];
const STAGE: Kind = one_of(&[LOGIN_SUCCESS]);
const LOGIN_SUCCESS: &str = "login_success";

const MISSING: ManagementError =
    ManagementError::NotFound { code: None, message: "Rule not found." };

pub(super) fn show(rule: &RuleDefinition) -> Map<String, Value> {
    let members = [
        ("id", Value::from(rule.id.as_str())),
        ("enabled", rule.enabled.into()),
        ("script", rule.script.as_str().into()),
        ("name", rule.name.as_str().into()),
        ("order", rule.order.into()),
        ("stage", LOGIN_SUCCESS.into()),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// `GET /rules`
pub async fn list(State(app): State<App>, query: Query) -> Answer {
    query.only(&[page::OFFSET, Fields::PARAMETERS, &["enabled"]])?;
    let (page, fields) = (Page::read(&query)?, Fields::read(&query)?);
    let enabled = query.boolean("enabled")?;
    let (start, limit) = page.window();
    let mut conn = app.store.read().await?;
    let items = rules::list(conn.db(), enabled, start, limit).await?;
    let total = rules::count(conn.db(), enabled).await?;
    let listing = Listing { items, total, next: None };
    Ok(page.answer("rules", listing.map(|rule| fields.select(show(&rule)))))
}

async fn find(db: Db<'_>, id: String) -> Result<RuleDefinition, ManagementError> {
    rules::find(db, &RuleId::new(id)).await?.ok_or(MISSING)
}

/// `GET /rules/{id}`
pub async fn read(State(app): State<App>, PathId(id): PathId, query: Query) -> Answer {
    query.only(&[Fields::PARAMETERS])?;
    let fields = Fields::read(&query)?;
    let mut conn = app.store.read().await?;
    Ok(Json(fields.select(show(&find(conn.db(), id).await?))))
}

async fn check_script(app: &App, body: &Map<String, Value>) -> Result<(), ManagementError> {
    let Some(script) = body.get("script").and_then(Value::as_str) else { return Ok(()) };
    must_compile(app, actions::Kind::Rule, script, "script").await
}

/// Writes what a body says.
fn write(rule: &mut RuleDefinition, body: &Map<String, Value>) {
    if let Some(name) = body.get("name").and_then(Value::as_str) {
        name.clone_into(&mut rule.name);
    }
    if let Some(script) = body.get("script").and_then(Value::as_str) {
        script.clone_into(&mut rule.script);
    }
    if let Some(order) = body.get("order").and_then(Value::as_i64) {
        rule.order = order;
    }
    if let Some(enabled) = body.get("enabled").and_then(Value::as_bool) {
        rule.enabled = enabled;
    }
}

fn conflict(with: &str) -> ManagementError {
    let message = format!("A rule with the same {with} already exists.");
    ManagementError::Conflict { code: None, message }
}

/// Says which of the two that must differ is taken.
async fn unless_taken(tx: &mut Tx, rule: &RuleDefinition) -> Result<(), ManagementError> {
    match rules::taken(tx.db(), rule).await? {
        (true, _) => Err(conflict("name")),
        (_, true) => Err(conflict("order")),
        (false, false) => Ok(()),
    }
}

fn written<T>(written: Result<T, store::Error>) -> Result<T, ManagementError> {
    match written {
        Err(store::Error::Duplicate) => Err(conflict("name")),
        other => Ok(other?),
    }
}

/// `POST /rules`. Without an order it runs after all others.
pub async fn create(
    State(app): State<App>,
    change: Change,
    ManagementJson(body): ManagementJson,
) -> Result<(StatusCode, Json<Value>), ManagementError> {
    validation::check(RULE, &body, Writing::Create)?;
    check_script(&app, &body).await?;
    let mut tx = change.begin().await?;
    // First of all: it lets one writer in at a time, so that nobody counts what another adds.
    tx.configuration_changes().await?;
    if rules::count(tx.db(), None).await? >= MOST_RULES {
        return Err(ManagementError::TooManyEntities);
    }
    let last = rules::last_order(tx.db()).await?;
    let mut rule = RuleDefinition {
        id: RuleId::new(format!("rul_{}", app.entropy.alphanumeric(16))),
        name: String::new(),
        script: String::new(),
        order: last.map_or(1, |last| last.saturating_add(1)),
        enabled: true,
    };
    write(&mut rule, &body);
    unless_taken(&mut tx, &rule).await?;
    written(rules::insert(&mut tx, &rule, app.clock.now()).await)?;
    change.commit(tx, rule.id.as_str(), change::members(&body)).await?;
    Ok((StatusCode::CREATED, Json(json!(show(&rule)))))
}

/// `PATCH /rules/{id}`
pub async fn update(
    State(app): State<App>,
    change: Change,
    PathId(id): PathId,
    ManagementJson(body): ManagementJson,
) -> Answer {
    validation::check_change(RULE, &body)?;
    check_script(&app, &body).await?;
    let mut tx = change.begin().await?;
    // First of all, as whatever else writes rules does: what is read here stays as it is.
    tx.configuration_changes().await?;
    let before = find(tx.db(), id).await?;
    let mut after = before.clone();
    write(&mut after, &body);
    unless_taken(&mut tx, &after).await?;
    if !written(rules::update(&mut tx, &after).await)? {
        return Err(MISSING);
    }
    let changed = change::differences(&show(&before), &show(&after));
    change.commit(tx, after.id.as_str(), changed).await?;
    Ok(Json(show(&after).into()))
}

/// `DELETE /rules/{id}`. Deleting what is gone is no error.
pub async fn remove(change: Change, PathId(id): PathId) -> Result<StatusCode, ManagementError> {
    let id = RuleId::new(id);
    let mut tx = change.begin().await?;
    tx.configuration_changes().await?;
    if rules::delete(&mut tx, &id).await? {
        change.commit(tx, id.as_str(), Vec::new()).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}
