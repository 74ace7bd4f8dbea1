//! Checks a request body against a [`schema`](super::schema), with the messages of the service that
//! this API is compatible with (z-schema's): clients match on them.

use serde_json::{Map, Value};

use super::schema::{Field, Kind, Null, Object, Shape, Text, When};
use crate::http::{error::management::ManagementError, extract::management_json::type_name};

/// What is being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writing {
    /// A new resource (POST).
    Create,
    /// Parts of an existing one (PATCH).
    Update,
}

/// Checks the root of a body.
///
/// # Errors
/// `invalid_body`, naming the first member that breaks the schema.
pub fn check(
    fields: &'static [Field],
    body: &Map<String, Value>,
    writing: Writing,
) -> Result<(), ManagementError> {
    check_root(fields, body, writing).map_err(|f| ManagementError::invalid_body(f.message()))
}

/// As [`check`], of a PATCH that must change something.
///
/// # Errors
/// As [`check`].
pub fn check_change(
    fields: &'static [Field],
    body: &Map<String, Value>,
) -> Result<(), ManagementError> {
    check(fields, body, Writing::Update)?;
    if body.is_empty() {
        let what = "Too few properties defined (0), minimum 1".to_owned();
        let fault = Fault::new("OBJECT_PROPERTIES_MINIMUM", what);
        return Err(ManagementError::invalid_body(fault.message()));
    }
    Ok(())
}

/// What is wrong with an item of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemFault {
    /// In a word, as z-schema names it.
    pub code: &'static str,
    /// In a sentence.
    pub what: String,
    /// The member that is wrong; empty for the item itself.
    pub path: String,
}

/// Checks an item of a file that is to become a new resource.
///
/// # Errors
/// What is wrong with it.
pub fn check_item(fields: &'static [Field], item: &Map<String, Value>) -> Result<(), ItemFault> {
    let fault = |Fault { what, code, path, .. }| ItemFault { code, what, path };
    check_root(fields, item, Writing::Create).map_err(fault)
}

/// Checks one value that is not a request body, e.g. a document after a merge.
///
/// # Errors
/// `invalid_body`.
pub fn check_value(field: &Field, value: &Value) -> Result<(), ManagementError> {
    let checked = check_kind(&field.kind, value, Writing::Update);
    checked.map_err(|f| ManagementError::invalid_body(f.within(field.name, field.about).message()))
}

/// Checks a body that is no object.
///
/// # Errors
/// `invalid_body`.
pub fn check_root_value(kind: &Kind, value: &Value) -> Result<(), ManagementError> {
    let checked = check_kind(kind, value, Writing::Create);
    checked.map_err(|f| ManagementError::invalid_body(f.message()))
}

/// What is wrong, and where.
#[derive(Debug)]
struct Fault {
    what: String,
    code: &'static str,
    path: String,
    about: &'static str,
}

impl Fault {
    fn new(code: &'static str, what: String) -> Self {
        Self { what, code, path: String::new(), about: "" }
    }
    /// The same fault seen from the object that holds the member `name`.
    fn within(self, name: &str, about: &'static str) -> Self {
        if self.path.is_empty() {
            Self { path: name.to_owned(), about, ..self }
        } else {
            Self { path: format!("{name}.{}", self.path), ..self }
        }
    }
    fn message(&self) -> String {
        let Self { what, path, about, .. } = self;
        match (path.is_empty(), about.is_empty()) {
            (true, _) => format!("Payload validation error: '{what}'."),
            (false, true) => format!("Payload validation error: '{what}' on property {path}."),
            (false, false) => {
                format!("Payload validation error: '{what}' on property {path} ({about}).")
            }
        }
    }
}

type Checked = Result<(), Fault>;

fn refuse(code: &'static str, what: String) -> Checked {
    Err(Fault::new(code, what))
}

fn check_root(
    fields: &'static [Field],
    body: &Map<String, Value>,
    writing: Writing,
) -> Result<(), Fault> {
    let writable = |f: &Field| match f.when {
        When::Always => true,
        When::Create => writing == Writing::Create,
        When::Update => writing == Writing::Update,
    };
    let known = |name: &str| fields.iter().find(|f| f.name == name && writable(f));
    refuse_additional(body, |name| known(name).is_some())?;
    if writing == Writing::Create {
        require(fields, body)?;
    }
    for (name, value) in body {
        if let Some(field) = known(name) {
            check_field(field, value, writing)?;
        }
    }
    Ok(())
}

fn check_object(object: &Object, map: &Map<String, Value>, writing: Writing) -> Checked {
    let known = |name: &str| object.fields.iter().find(|f| f.name == name);
    if object.others.is_none() {
        refuse_additional(map, |name| known(name).is_some())?;
    }
    require(object.fields, map)?;
    let count = map.len();
    if count < object.min {
        return refuse(
            "OBJECT_PROPERTIES_MINIMUM",
            format!("Too few properties defined ({count}), minimum {}", object.min),
        );
    }
    if count > object.max {
        return refuse(
            "OBJECT_PROPERTIES_MAXIMUM",
            format!("Too many properties defined ({count}), maximum {}", object.max),
        );
    }
    for (name, value) in map {
        match (known(name), object.others) {
            (Some(field), _) => check_field(field, value, writing)?,
            // In a bag of free names `null` removes one.
            (None, Some(_)) if value.is_null() => {}
            (None, Some(others)) => {
                check_kind(others, value, writing).map_err(|f| f.within(name, ""))?;
            }
            (None, None) => {}
        }
    }
    Ok(())
}

fn refuse_additional(map: &Map<String, Value>, known: impl Fn(&str) -> bool) -> Checked {
    let unknown: Vec<_> = map.keys().map(String::as_str).filter(|n| !known(n)).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    refuse(
        "OBJECT_ADDITIONAL_PROPERTIES",
        format!("Additional properties not allowed: {}", unknown.join(",")),
    )
}

fn require(fields: &[Field], map: &Map<String, Value>) -> Checked {
    match fields.iter().find(|f| f.required && !map.contains_key(f.name)) {
        Some(missing) => {
            refuse("OBJECT_REQUIRED", format!("Missing required property: {}", missing.name))
        }
        None => Ok(()),
    }
}

fn check_field(field: &Field, value: &Value, writing: Writing) -> Checked {
    let null_is_fine = match field.null {
        Null::Never => false,
        Null::OnUpdate => writing == Writing::Update,
        Null::Always => true,
    };
    if value.is_null() && null_is_fine {
        return Ok(());
    }
    check_kind(&field.kind, value, writing).map_err(|f| f.within(field.name, field.about))
}

fn check_kind(kind: &Kind, value: &Value, writing: Writing) -> Checked {
    let wrong_type = |expected: &str| {
        refuse(
            "INVALID_TYPE",
            format!("Expected type {expected} but found type {}", type_name(value)),
        )
    };
    match (kind, value) {
        (Kind::Any, _) | (Kind::Boolean, Value::Bool(_)) => Ok(()),
        (Kind::Boolean, _) => wrong_type("boolean"),
        (Kind::Integer { min, max }, Value::Number(n)) if n.is_i64() || n.is_u64() => {
            // Beyond i64 is beyond every maximum.
            let number = n.as_i64().unwrap_or(i64::MAX);
            let code = if number < *min { "MINIMUM" } else { "MAXIMUM" };
            check_range(number, *min, *max).map_err(|what| Fault::new(code, what))
        }
        (Kind::Integer { .. }, _) => wrong_type("integer"),
        (Kind::Text(limits), Value::String(text)) => check_text(limits, text),
        (Kind::Text(_), _) => wrong_type("string"),
        (Kind::Array { of, min, max }, Value::Array(items)) => {
            let count = items.len();
            if count < *min {
                return refuse(
                    "ARRAY_LENGTH_SHORT",
                    format!("Array is too short ({count}), minimum {min}"),
                );
            }
            if count > *max {
                return refuse(
                    "ARRAY_LENGTH_LONG",
                    format!("Array is too long ({count}), maximum {max}"),
                );
            }
            items.iter().enumerate().try_for_each(|(i, item)| {
                check_kind(of, item, writing).map_err(|f| f.within(&i.to_string(), ""))
            })
        }
        (Kind::Array { .. }, _) => wrong_type("array"),
        (Kind::Object(object), Value::Object(map)) => check_object(object, map, writing),
        (Kind::Object(_), _) => wrong_type("object"),
    }
}

/// Checks a number, here and in query strings.
pub(super) fn check_range(number: i64, min: i64, max: i64) -> Result<(), String> {
    if number < min {
        return Err(format!("Value {number} is less than minimum {min}"));
    }
    if number > max {
        return Err(format!("Value {number} is greater than maximum {max}"));
    }
    Ok(())
}

fn check_text(limits: &Text, text: &str) -> Checked {
    if !limits.one_of.is_empty() && !limits.one_of.contains(&text) {
        return refuse("ENUM_MISMATCH", format!("No enum match for: {text}"));
    }
    let count = text.chars().count();
    if count < limits.min {
        return refuse(
            "MIN_LENGTH",
            format!("String is too short ({count} chars), minimum {}", limits.min),
        );
    }
    if count > limits.max {
        return refuse(
            "MAX_LENGTH",
            format!("String is too long ({count} chars), maximum {}", limits.max),
        );
    }
    match limits.shape {
        Some(Shape::Pattern(source, matches)) if !matches(text) => {
            refuse("PATTERN", format!("String does not match pattern {source}: {text}"))
        }
        Some(Shape::Format(name, matches)) if !matches(text) => refuse(
            "INVALID_FORMAT",
            format!("Object didn't pass validation for format {name}: {text}"),
        ),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::management::schema::*;
    use serde_json::json;

    const POLICY: Kind = object(&[
        field("audience", text(1, 5), "The API").required(),
        field("scope", array(&NON_EMPTY), "").required(),
    ]);
    const FIELDS: &[Field] = &[
        field("name", shaped(0, 9, super::super::formats::NO_ANGLE_BRACKETS), "The name.")
            .required(),
        field("kind", one_of(&["a", "b"]), "Kind"),
        field("count", integer(1, 3), "Count"),
        field("gone", BOOLEAN, "Gone").removable(),
        field("policies", array_of(&POLICY, 1, 2), "Policies").nullable(),
        field("secret", TEXT, "Secret").update_only(),
        field("fixed", TEXT, "Fixed").immutable(),
        field("bag", map(&text(0, 3), 2), "Bag"),
    ];

    fn message(body: Value, writing: Writing) -> String {
        let map = body.as_object().cloned().unwrap_or_default();
        check_root(FIELDS, &map, writing).map_or_else(|f| f.message(), |()| "fine".to_owned())
    }

    #[test]
    #[rustfmt::skip]
    fn bodies_are_judged_in_the_words_that_clients_know() {
        let create = [
            (json!({}), "'Missing required property: name'."),
            (json!({"name": 1}), "'Expected type string but found type integer' on property name (The name.)."),
            (json!({"name": "<"}), "'String does not match pattern ^[^<>]+$: <' on property name (The name.)."),
            (json!({"name": ""}), "'String does not match pattern ^[^<>]+$: ' on property name (The name.)."),
            (json!({"name": "0123456789"}), "'String is too long (10 chars), maximum 9' on property name (The name.)."),
            (json!({"name": "x", "b": 1, "a": 1}), "'Additional properties not allowed: a,b'."),
            (json!({"name": "x", "secret": "s"}), "'Additional properties not allowed: secret'."),
            (json!({"name": "x", "kind": "c"}), "'No enum match for: c' on property kind (Kind)."),
            (json!({"name": "x", "count": 0}), "'Value 0 is less than minimum 1' on property count (Count)."),
            (json!({"name": "x", "count": u64::MAX}), "'Value 9223372036854775807 is greater than maximum 3' on property count (Count)."),
            (json!({"name": "x", "count": 1.5}), "'Expected type integer but found type number' on property count (Count)."),
            (json!({"name": "x", "gone": null}), "'Expected type boolean but found type null' on property gone (Gone)."),
            (json!({"name": "x", "policies": []}), "'Array is too short (0), minimum 1' on property policies (Policies)."),
            (json!({"name": "x", "policies": [1]}), "'Expected type object but found type integer' on property policies.0."),
            (json!({"name": "x", "policies": [{"audience": "a"}]}), "'Missing required property: scope' on property policies.0."),
            (json!({"name": "x", "policies": [{"audience": "", "scope": []}]}), "'String is too short (0 chars), minimum 1' on property policies.0.audience (The API)."),
            (json!({"name": "x", "bag": {"a": "1", "b": "2", "c": "3"}}), "'Too many properties defined (3), maximum 2' on property bag (Bag)."),
            (json!({"name": "x", "bag": {"a": 1}}), "'Expected type string but found type integer' on property bag.a."),
        ];
        for (body, expected) in create {
            assert_eq!(message(body, Writing::Create), format!("Payload validation error: {expected}"));
        }
        for body in [
            json!({"name": "x", "policies": null, "fixed": "f", "bag": {"a": null}}),
            json!({"name": "x", "policies": [{"audience": "a", "scope": []}]}),
        ] {
            assert_eq!(message(body, Writing::Create), "fine");
        }
        for body in [json!({}), json!({"gone": null, "secret": "s"})] {
            assert_eq!(message(body, Writing::Update), "fine");
        }
        assert_eq!(
            message(json!({"fixed": "f"}), Writing::Update),
            "Payload validation error: 'Additional properties not allowed: fixed'."
        );
    }
}
