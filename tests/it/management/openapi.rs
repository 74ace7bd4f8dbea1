//! The OpenAPI document says what the server does: every operation, its scopes, what it takes and
//! what it answers. What it says is also where hostile input is tried.

use std::collections::BTreeSet;

use doorward::policy::management::{OPERATIONS, Operation};
use serde_json::{Map, Value, json};

use super::{bad_input, get, refused, valid_writes};
use crate::support::{Answer, TestApp, each_backend};

async fn document(app: &TestApp) -> Value {
    app.get("api/v2/openapi.json").await.ok()
}

fn described<'a>(document: &'a Value, operation: &Operation) -> &'a Value {
    let found = &document["paths"][operation.path][operation.method.to_ascii_lowercase()];
    assert!(found.is_object(), "{operation:?} is not in the document");
    found
}

fn names(parameters: &Value) -> BTreeSet<&str> {
    let all = parameters.as_array().into_iter().flatten();
    let all = all.filter(|parameter| parameter["in"] != "header");
    all.map(|parameter| parameter["name"].as_str().unwrap()).collect()
}

fn body_schema(described: &Value) -> &Value {
    &described["requestBody"]["content"]["application/json"]["schema"]
}

#[tokio::test]
async fn the_document_is_public_and_holds_every_operation() {
    for (backend, app) in each_backend().await {
        let answer = app.get("api/v2/openapi.json").await;
        assert_eq!(answer.header("content-type"), "application/json", "{backend}");
        assert_eq!(answer.header("cache-control"), "public, max-age=3600", "{backend}");
        let document = answer.ok();
        assert_eq!(document["openapi"], "3.1.0", "{backend}");
        assert_eq!(document["servers"][0]["url"], format!("{}api/v2", app.issuer), "{backend}");
        let mut ids = BTreeSet::new();
        for operation in OPERATIONS {
            let described = described(&document, operation);
            assert!(ids.insert(described["operationId"].as_str().unwrap()), "{operation:?}");
            let sets = described["security"].as_array().unwrap().iter();
            let listed: BTreeSet<_> = sets
                .flat_map(|set| set["token"].as_array().unwrap())
                .map(|scope| scope.as_str().unwrap())
                .collect();
            assert_eq!(listed, operation.scopes.iter().copied().collect(), "{operation:?}");
            for status in ["400", "401", "403", "429"] {
                assert!(described["responses"][status].is_object(), "{operation:?} {status}");
            }
            let in_path = names(&document["paths"][operation.path]["parameters"]);
            let expected = operation.path.split(['{', '}']).skip(1).step_by(2).collect();
            assert_eq!(in_path, expected, "{operation:?}");
        }
        let paths = document["paths"].as_object().unwrap().values();
        let methods = paths.flat_map(|path| path.as_object().unwrap().keys());
        let count = methods.filter(|method| *method != "parameters").count();
        assert_eq!(count, OPERATIONS.len(), "{backend}: nothing that is not there");
        let wrong = app.send(app.http.post(app.url("api/v2/openapi.json"))).await;
        assert_eq!(refused(&wrong).0, 405, "{backend}");
    }
}

#[tokio::test]
async fn the_query_parameters_are_those_that_are_accepted() {
    for (backend, app) in each_backend().await {
        let document = document(&app).await;
        let every: BTreeSet<_> =
            OPERATIONS.iter().flat_map(|o| names(&described(&document, o)["parameters"])).collect();
        let reading = bad_input::reading(&app).await;
        let writing = OPERATIONS.iter().filter(|operation| operation.method != "GET");
        let writing = writing.map(|operation| (operation, bad_input::filled(operation, "x")));
        for (operation, path) in reading.into_iter().chain(writing) {
            let listed = names(&described(&document, operation)["parameters"]);
            for name in &every {
                let path = format!("{path}?{name}=1");
                let answer = app.management(operation.method, &path, None).await;
                let message =
                    answer.text.contains("Query validation error: 'Additional properties");
                let what = format!("{backend} {operation:?} {name}: {}", answer.text);
                assert_eq!(message, !listed.contains(name), "{what}");
            }
        }
    }
}

#[tokio::test]
async fn a_parameter_that_must_be_given_is_asked_for() {
    for (backend, app) in each_backend().await {
        let document = document(&app).await;
        for operation in OPERATIONS {
            let parameters = described(&document, operation)["parameters"].as_array();
            let needs = parameters.into_iter().flatten().any(|p| p["required"] == true);
            if needs {
                let answer = app.management(operation.method, operation.path, None).await;
                let code = "invalid_query_string".to_owned();
                assert_eq!(refused(&answer), (400, code), "{backend} {operation:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_success_answers_with_the_status_that_is_written_down() {
    let documented = |document: &Value, operation: &Operation, answer: &Answer| {
        assert!((200..300).contains(&answer.status), "{operation:?}: {}", answer.text);
        let responses = described(document, operation)["responses"].as_object().unwrap();
        let successes = responses.keys().filter(|status| status.starts_with('2'));
        let successes: Vec<_> = successes.collect();
        assert_eq!(successes, [&answer.status.to_string()], "{operation:?}");
        let has_content = responses[successes[0]].get("content").is_some();
        assert_eq!(has_content, answer.status != 204, "{operation:?}");
    };
    for (_, app) in each_backend().await {
        let document = document(&app).await;
        for operation in OPERATIONS.iter().filter(|operation| operation.writes()) {
            let (path, body) = valid_writes::request(&app, operation).await.unwrap();
            let takes_body = described(&document, operation).get("requestBody").is_some();
            assert_eq!(takes_body, body.is_some(), "{operation:?}");
            let answer = valid_writes::send(&app, operation, &path, body).await;
            documented(&document, operation, &answer);
        }
        for operation in OPERATIONS.iter().filter(|o| o.method == "GET" && !o.path.contains('{')) {
            let needed = match operation.path {
                "/users-by-email" => "?email=a@b.example",
                "/user-blocks" => "?identifier=x",
                "/device-credentials" => "?user_id=x",
                "/refresh-tokens" => continue,
                _ => "",
            };
            let answer = get(&app, &format!("{}{needed}", operation.path)).await;
            documented(&document, operation, &answer);
        }
    }
}

/// Values that no member is made for, and some that one may be.
fn hostile() -> Vec<Value> {
    let deep = (0..100).fold(json!(null), |inner, _| json!([inner]));
    vec![
        json!(null),
        json!(true),
        json!(-1),
        json!(1.5),
        json!(1e308),
        json!(u64::MAX),
        json!(""),
        json!("\u{202e}💩\u{7f}'\"><script>"),
        json!("x".repeat(5000)),
        json!([]),
        json!([null, 1, "", {}]),
        json!({}),
        json!({ "a": { "b": null }, "": [] }),
        deep,
    ]
}

/// Bodies with one member, or one member of a member, replaced by something hostile.
fn mutations(schema: &Value, valid: &Value) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    let properties = |schema: &Value| schema["properties"].as_object().cloned().unwrap_or_default();
    let with = |name: &str, value: Value| {
        let mut body: Map<_, _> = valid.as_object().unwrap().clone();
        body.insert(name.to_owned(), value);
        Value::Object(body)
    };
    for (name, member) in properties(schema) {
        found.extend(hostile().into_iter().map(|value| (name.clone(), with(&name, value))));
        for inner in properties(&member).keys() {
            for value in hostile().into_iter().step_by(3) {
                let path = format!("{name}.{inner}");
                found.push((path, with(&name, json!({ inner.as_str(): value }))));
            }
        }
    }
    found
}

#[tokio::test]
async fn whatever_a_member_holds_is_taken_or_refused_and_never_breaks_the_server() {
    for (backend, app) in each_backend().await {
        let document = document(&app).await;
        let mut tried = 0;
        for operation in OPERATIONS {
            let schema = body_schema(described(&document, operation));
            if schema.is_null() {
                continue;
            }
            let prepared = valid_writes::request(&app, operation).await;
            let valid = json!({ "client_id": "x", "user_id": "y" });
            let (path, valid) = match prepared {
                Some((path, body)) => (path, body.unwrap()),
                None => (operation.path.to_owned(), valid),
            };
            // What is not to be changed is left out, where it can be.
            let base = if operation.method == "PATCH" { json!({}) } else { valid };
            for (member, body) in mutations(schema, &base) {
                tried += 1;
                let answer = app.management(operation.method, &path, Some(body)).await;
                let what =
                    format!("{backend} {operation:?} {member}: {} {}", answer.status, answer.text);
                assert!(answer.status < 500, "{what}");
                if answer.status >= 400 {
                    refused(&answer);
                }
                let unknown = format!("'Additional properties not allowed: {member}'.");
                assert!(!answer.text.contains(&unknown), "{what}: is in the document");
            }
            if operation.path.starts_with("/rules") {
                // Nobody logs in past rules that are made of anything.
                for rule in super::get(&app, "/rules").await.ok().as_array().unwrap() {
                    let path = format!("/rules/{}", rule["id"].as_str().unwrap());
                    app.management("DELETE", &path, None).await;
                }
            }
        }
        assert!(tried > 2000, "{backend}: {tried}");
    }
}

#[tokio::test]
async fn what_is_given_on_creation_only_is_refused_later() {
    for (backend, app) in each_backend().await {
        let document = document(&app).await;
        for operation in OPERATIONS.iter().filter(|operation| operation.method == "PATCH") {
            let collection = operation.path.rsplit_once('/').unwrap().0;
            let of_new = &document["paths"][collection]["post"];
            let known = body_schema(described(&document, operation))["properties"].clone();
            let (path, _) = valid_writes::request(&app, operation).await.unwrap();
            let new = body_schema(of_new)["properties"].as_object().cloned().unwrap_or_default();
            for name in new.keys().filter(|name| known.get(name.as_str()).is_none()) {
                let body = json!({ name.as_str(): "x" });
                let answer = app.management("PATCH", &path, Some(body)).await;
                let expected = format!("Additional properties not allowed: {name}'");
                assert!(
                    answer.text.contains(&expected),
                    "{backend} {operation:?}: {}",
                    answer.text
                );
            }
        }
    }
}
