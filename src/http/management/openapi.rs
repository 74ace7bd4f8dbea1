//! `GET /openapi.json`: the Management API described for programs (OpenAPI 3.1.0), generated from
//! the routes, from what is written down beside them and from the fields that validate.
//!
//! Anybody may read it: it tells what the documentation tells, and nothing of the configuration but
//! the address of the server.

use std::collections::BTreeMap;

use axum::{
    Router,
    body::Bytes,
    http::{HeaderValue, header},
    response::IntoResponse,
    routing::get,
};
use serde_json::{Map, Value, json};

use super::{
    description::{self, Body, Description},
    schema::{Field, Kind, Null, Object, Shape, Text, When},
    validation::Writing,
};
use crate::domain::settings::Settings;
use crate::http::App;
use crate::policy::management::{OPERATIONS, Operation, objects, scopes};

/// Most characters of an id in a path.
const ID_LENGTH: usize = super::path_id::LENGTH;

/// The route of the document. It is written once.
pub fn router(settings: &Settings) -> Router<App> {
    let document = Bytes::from(document(settings).to_string());
    let answer = move || async move {
        let content_type = HeaderValue::from_static("application/json");
        let cache_control = HeaderValue::from_static("public, max-age=3600");
        let headers =
            [(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, cache_control)];
        (headers, document).into_response()
    };
    Router::new().route("/openapi.json", get(answer).fallback(super::wrong_method))
}

fn document(settings: &Settings) -> Value {
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for operation in OPERATIONS {
        let of_path = paths.entry(operation.path).or_default();
        if of_path.is_empty() && operation.path.contains('{') {
            of_path.insert("parameters".to_owned(), path_parameters(operation.path));
        }
        let described = describe(operation, description::of(operation));
        of_path.insert(operation.method.to_ascii_lowercase(), described);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Doorward Management API",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": format!("{}api/v2", settings.issuer) }],
        "paths": paths,
        "components": {
            "schemas": { "Error": error_schema() },
            "responses": { "Error": {
                "description": "The request was refused; the message says why.",
                "content": { "application/json": {
                    "schema": { "$ref": "#/components/schemas/Error" },
                } },
            } },
            "securitySchemes": { "token": {
                "type": "oauth2",
                "description": format!("An access token for {}.", settings.management_audience()),
                "flows": { "clientCredentials": {
                    "tokenUrl": format!("{}oauth/token", settings.issuer),
                    "scopes": scopes().into_iter().map(|scope| (scope, "")).collect::<BTreeMap<_, _>>(),
                } },
            } },
        },
    })
}

fn error_schema() -> Value {
    json!({
        "type": "object",
        "required": ["statusCode", "error", "message"],
        "properties": {
            "statusCode": { "type": "integer" },
            "error": { "type": "string" },
            "message": { "type": "string" },
            "errorCode": { "type": "string" },
        },
    })
}

fn path_parameters(path: &str) -> Value {
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    names
        .map(|name| {
            json!({
                "name": name, "in": "path", "required": true,
                "schema": { "type": "string", "minLength": 1, "maxLength": ID_LENGTH },
            })
        })
        .collect()
}

fn describe(operation: &Operation, known: Option<&Description>) -> Value {
    let tag = operation.path.split('/').nth(1).unwrap_or_default();
    let mut described = json!({
        "operationId": operation_id(operation),
        "tags": [tag],
        "security": security(operation, known),
        "responses": responses(operation, known),
    });
    let Some(known) = known else { return described };
    let mut parameters: Vec<_> = known
        .query
        .iter()
        .copied()
        .flatten()
        .map(|name| query_parameter(name, known.needs.contains(name)))
        .collect();
    if operation.writes() && objects::written_at(operation.path).is_some() {
        parameters.push(json!({
            "name": "If-Match", "in": "header", "required": false,
            "schema": { "type": "string" },
            "description": "ETags that the object may have, or `*`: it is written only if it has one \
                            of them (RFC 9110 section 13.1.1).",
        }));
    }
    if !parameters.is_empty() {
        described["parameters"] = parameters.into();
    }
    if let Some(body) = &known.body {
        described["requestBody"] = json!({
            "required": !known.may_omit_body,
            "content": { media_type(body): { "schema": body_schema(body) } },
        });
    }
    described
}

/// `get_clients_id` for `GET /clients/{id}`.
fn operation_id(operation: &Operation) -> String {
    let words = operation.path.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    format!("{}_{}", operation.method.to_ascii_lowercase(), words.join("_"))
}

/// Alternatives, each of which names every scope that it takes.
fn security(operation: &Operation, known: Option<&Description>) -> Value {
    match known.map(|known| known.scopes) {
        Some(sets) if !sets.is_empty() => sets.iter().map(|set| json!({ "token": set })).collect(),
        _ => operation.scopes.iter().map(|scope| json!({ "token": [scope] })).collect(),
    }
}

fn responses(operation: &Operation, known: Option<&Description>) -> Value {
    let mut responses = Map::new();
    let success = known.map_or(200, |known| known.status);
    let mut done = json!({ "description": "Done." });
    if success != 204 {
        done["content"] = json!({ "application/json": { "schema": true } });
    }
    if has_tag(operation) {
        done["headers"] = json!({ "ETag": {
            "description": "Names this state of the object, for `If-Match`.",
            "schema": { "type": "string" },
        } });
    }
    responses.insert(success.to_string(), done);
    let has_body = known.is_some_and(|known| known.body.is_some());
    let is_found = operation.path.contains('{') || operation.method != "GET";
    for (status, is_possible) in [
        (400, true),
        (401, true),
        (403, true),
        (404, is_found),
        (409, operation.writes()),
        (412, operation.writes() && objects::written_at(operation.path).is_some()),
        (413, has_body),
        (415, has_body),
        (429, true),
        (503, true),
    ] {
        if is_possible {
            let refused = json!({ "$ref": "#/components/responses/Error" });
            responses.insert(status.to_string(), refused);
        }
    }
    Value::Object(responses)
}

/// Whether the answer names the state of an object.
fn has_tag(operation: &Operation) -> bool {
    let path = operation.path;
    match operation.method {
        "GET" => objects::read_at(path).is_some(),
        "DELETE" => false,
        _ => objects::written_at(path).or_else(|| objects::created_at(path)).is_some(),
    }
}

fn query_parameter(name: &str, is_required: bool) -> Value {
    let (kind, about) = description::parameter(name);
    let mut parameter = json!({
        "name": name, "in": "query", "required": is_required,
        "schema": kind_schema(&kind, Writing::Create),
    });
    if !about.is_empty() {
        parameter["description"] = about.into();
    }
    parameter
}

const fn media_type(body: &Body) -> &'static str {
    match body {
        Body::Members { .. } | Body::Json(_) => "application/json",
        Body::Form(_) => "multipart/form-data",
    }
}

fn body_schema(body: &Body) -> Value {
    let (fields, writing, least) = match body {
        Body::Json(kind) => return kind_schema(kind, Writing::Create),
        Body::Form(fields) => (*fields, Writing::Create, 0),
        Body::Members { fields, writing, least } => (*fields, *writing, *least),
    };
    let is_writable = |field: &&Field| match field.when {
        When::Always => true,
        When::Create => writing == Writing::Create,
        When::Update => writing == Writing::Update,
    };
    let fields = fields.iter().filter(is_writable);
    let mut schema = members_schema(fields, writing == Writing::Create, writing);
    schema["additionalProperties"] = false.into();
    limit(&mut schema, ("minProperties", least), ("maxProperties", usize::MAX));
    schema
}

fn members_schema<'a>(
    fields: impl Iterator<Item = &'a Field>,
    demands: bool,
    writing: Writing,
) -> Value {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for field in fields {
        properties.insert(field.name.to_owned(), field_schema(field, writing));
        if field.required && demands {
            required.push(field.name);
        }
    }
    let mut schema = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    schema
}

fn field_schema(field: &Field, writing: Writing) -> Value {
    let mut schema = kind_schema(&field.kind, writing);
    let takes_null = match field.null {
        Null::Never => false,
        Null::OnUpdate => writing == Writing::Update,
        Null::Always => true,
    };
    if takes_null {
        schema = or_null(schema);
    }
    if let (Value::Object(schema), false) = (&mut schema, field.about.is_empty()) {
        schema.insert("description".to_owned(), field.about.into());
    }
    schema
}

fn or_null(mut schema: Value) -> Value {
    if let Some(name) = schema.get("type").cloned() {
        schema["type"] = json!([name, "null"]);
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.push(Value::Null);
    }
    schema
}

fn kind_schema(kind: &Kind, writing: Writing) -> Value {
    match kind {
        Kind::Any => json!({}),
        Kind::Boolean => json!({ "type": "boolean" }),
        Kind::Integer { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Kind::Text(text) => text_schema(text),
        Kind::Array { of, min, max } => {
            let mut schema = json!({ "type": "array", "items": kind_schema(of, writing) });
            limit(&mut schema, ("minItems", *min), ("maxItems", *max));
            schema
        }
        Kind::Object(object) => object_schema(object, writing),
    }
}

fn text_schema(text: &Text) -> Value {
    let mut schema = json!({ "type": "string" });
    if !text.one_of.is_empty() {
        schema["enum"] = text.one_of.into();
    }
    limit(&mut schema, ("minLength", text.min), ("maxLength", text.max));
    match text.shape {
        Some(Shape::Pattern(pattern, _)) => schema["pattern"] = pattern.into(),
        Some(Shape::Format(name, _)) => schema["format"] = name.into(),
        None => {}
    }
    schema
}

fn object_schema(object: &Object, writing: Writing) -> Value {
    let mut schema = members_schema(object.fields.iter(), true, writing);
    schema["additionalProperties"] = match object.others {
        None => false.into(),
        Some(Kind::Any) => true.into(),
        // In a bag of free names `null` removes one.
        Some(others) => or_null(kind_schema(others, writing)),
    };
    limit(&mut schema, ("minProperties", object.min), ("maxProperties", object.max));
    schema
}

/// Writes the limits that are any.
fn limit(schema: &mut Value, least: (&str, usize), most: (&str, usize)) {
    if least.1 > 0 {
        schema[least.0] = least.1.into();
    }
    if most.1 < usize::MAX {
        schema[most.0] = most.1.into();
    }
}
