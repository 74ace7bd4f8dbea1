//! `/rules-configs`: what rules see as `configuration`. Values are written and never read back.

use axum::{Json, extract::State, http::StatusCode};
use serde_json::{Value, json};

use super::{
    change::{self, Change},
    formats, page,
    path_id::PathId,
    query::Query,
    schema::{Field, Shape, field, text},
    validation::{self, Writing},
};
use crate::domain::rule::{MOST_CONFIGS, SealedConfig};
use crate::http::{
    App, error::management::ManagementError, extract::management_json::ManagementJson,
};
use crate::store::rules_configs;

/// Most characters of a name.
const KEY_LENGTH: usize = 127;
/// Most characters of a value.
const VALUE_LENGTH: usize = 4096;

pub(super) const VALUE: &[Field] =
    &[field("value", text(0, VALUE_LENGTH), "Value for a rules config variable.").required()];

/// `GET /rules-configs`: the names. There are no pages, whatever is asked for.
pub async fn list(State(app): State<App>, query: Query) -> Result<Json<Value>, ManagementError> {
    query.only(&[page::OFFSET])?;
    let mut conn = app.store.read().await?;
    let keys = rules_configs::keys(conn.db()).await?;
    Ok(Json(keys.into_iter().map(|key| json!({ "key": key })).collect()))
}

/// The name in a path.
fn checked(key: String) -> Result<String, ManagementError> {
    let refused = |what: &str| ManagementError::BadRequest {
        code: "invalid_uri",
        message: format!("Path validation error: '{what}' on property key."),
    };
    let length = key.chars().count();
    if length > KEY_LENGTH {
        return Err(refused(&format!("String is too long ({length} chars), maximum {KEY_LENGTH}")));
    }
    match formats::RULES_CONFIG_KEY {
        Shape::Pattern(source, matches) if !matches(&key) => {
            Err(refused(&format!("String does not match pattern {source}: {key}")))
        }
        _ => Ok(key),
    }
}

/// `PUT /rules-configs/{key}`
pub async fn set(
    State(app): State<App>,
    change: Change,
    PathId(key): PathId,
    ManagementJson(body): ManagementJson,
) -> Result<Json<Value>, ManagementError> {
    let key = checked(key)?;
    validation::check(VALUE, &body, Writing::Create)?;
    let value = body.get("value").and_then(Value::as_str).unwrap_or_default();
    let sealed =
        app.tokens.at_rest.seal(value.as_bytes(), &SealedConfig::bound_to(&key), &*app.entropy)?;
    let config = SealedConfig { key, sealed };
    let mut tx = change.begin().await?;
    // First of all: it lets one writer in at a time, so that nobody counts what another adds.
    tx.configuration_changes().await?;
    rules_configs::set(&mut tx, &config, app.clock.now()).await?;
    if rules_configs::count(tx.db()).await? > MOST_CONFIGS {
        return Err(ManagementError::TooManyEntities);
    }
    change.commit(tx, &config.key, change::members(&body)).await?;
    Ok(Json(json!({ "key": config.key, "value": value })))
}

/// `DELETE /rules-configs/{key}`. Deleting what is gone is no error.
pub async fn remove(change: Change, PathId(key): PathId) -> Result<StatusCode, ManagementError> {
    let key = checked(key)?;
    let mut tx = change.begin().await?;
    tx.configuration_changes().await?;
    if rules_configs::delete(&mut tx, &key).await? {
        change.commit(tx, &key, Vec::new()).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}
