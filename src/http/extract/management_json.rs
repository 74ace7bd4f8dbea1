//! JSON bodies of the Management API.

use axum::{
    body::{Bytes, HttpBody},
    extract::{FromRequest, Request},
    http::header,
};
use serde_json::{Map, Value};

use crate::http::{App, error::management::ManagementError};

/// A JSON object.
pub struct ManagementJson(pub Map<String, Value>);

impl FromRequest<App> for ManagementJson {
    type Rejection = ManagementError;

    async fn from_request(request: Request, app: &App) -> Result<Self, Self::Rejection> {
        match read(request, app).await? {
            Value::Object(map) => Ok(Self(map)),
            other => Err(wrong_type("object", &other)),
        }
    }
}

/// A JSON object that may be left out altogether, which is an empty one.
pub struct OptionalManagementJson(pub Map<String, Value>);

impl FromRequest<App> for OptionalManagementJson {
    type Rejection = ManagementError;

    async fn from_request(request: Request, app: &App) -> Result<Self, Self::Rejection> {
        if request.body().is_end_stream() {
            return Ok(Self(Map::new()));
        }
        let ManagementJson(map) = ManagementJson::from_request(request, app).await?;
        Ok(Self(map))
    }
}

/// A JSON array.
pub struct ManagementJsonArray(pub Vec<Value>);

impl FromRequest<App> for ManagementJsonArray {
    type Rejection = ManagementError;

    async fn from_request(request: Request, app: &App) -> Result<Self, Self::Rejection> {
        match read(request, app).await? {
            Value::Array(items) => Ok(Self(items)),
            other => Err(wrong_type("array", &other)),
        }
    }
}

fn wrong_type(expected: &str, found: &Value) -> ManagementError {
    ManagementError::invalid_body(format!(
        "Payload validation error: 'Expected type {expected} but found type {}'.",
        type_name(found)
    ))
}

async fn read(request: Request, app: &App) -> Result<Value, ManagementError> {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|v| v.to_str().ok()).unwrap_or("");
    let media_type = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    if media_type != "application/json" {
        return Err(ManagementError::UnsupportedMediaType);
    }
    let body =
        Bytes::from_request(request, app).await.map_err(|_| ManagementError::PayloadTooLarge)?;
    let mut value: Value = serde_json::from_slice(&body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        ManagementError::invalid_body(format!(
            "Payload validation error: the body is not JSON (line {line}, column {column})."
        ))
    })?;
    if contains_nul(&value) {
        return Err(ManagementError::invalid_body(
            "Payload validation error: the body contains the character U+0000.",
        ));
    }
    without_empty_fractions(&mut value);
    Ok(value)
}

/// The largest number up to which every whole one is exact as a double.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Makes `72.0` the integer `72`, at any depth: they are one number, which a client whose types say
/// that a lifetime may have a fraction writes back in this way.
fn without_empty_fractions(value: &mut Value) {
    match value {
        Value::Number(n) if n.is_f64() => {
            let whole = n.as_f64().filter(|n| n.fract() == 0.0 && n.abs() <= EXACT);
            if let Some(whole) = whole.and_then(|n| format!("{n:.0}").parse::<i64>().ok()) {
                *value = whole.into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(without_empty_fractions),
        Value::Object(map) => map.values_mut().for_each(without_empty_fractions),
        _ => {}
    }
}

/// Postgres cannot store U+0000.
pub fn contains_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(contains_nul),
        Value::Object(map) => map.iter().any(|(k, v)| k.contains('\0') || contains_nul(v)),
        _ => false,
    }
}

/// The JSON type as validation messages name it.
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_i64() || n.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
