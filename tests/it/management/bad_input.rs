//! What must not be accepted anywhere, tried everywhere.

use doorward::policy::management::{OPERATIONS, Operation};
use reqwest::Method;
use serde_json::{Value, json};

use super::{get, invalid_body, refused, segment, valid_writes};
use crate::support::{Answer, TestApp, each_backend, fixtures::text, payload};

/// Every operation that takes a body, with a path and a body that it accepts.
pub async fn with_bodies(app: &TestApp) -> Vec<(&'static Operation, String, Value)> {
    let mut found = Vec::new();
    for operation in OPERATIONS {
        if (operation.method, operation.path) == ("POST", "/refresh-tokens/explain") {
            let body = json!({ "client_id": "x", "user_id": "y" });
            found.push((operation, operation.path.to_owned(), body));
        }
        if (operation.method, operation.path) == ("POST", "/actions/check") {
            let body = json!({ "code": "exports.x = 1;", "kind": "action" });
            found.push((operation, operation.path.to_owned(), body));
        }
        if operation.writes()
            && let Some((path, Some(body))) = valid_writes::request(app, operation).await
            && body.is_object()
        {
            found.push((operation, path, body));
        }
    }
    found
}

async fn raw(
    app: &TestApp,
    (operation, path): (&Operation, &str),
    content_type: Option<&str>,
    body: impl Into<reqwest::Body>,
) -> Answer {
    let method = Method::from_bytes(operation.method.as_bytes()).unwrap();
    let mut request = app.http.request(method, app.url(&format!("api/v2{path}"))).body(body);
    request = request.bearer_auth(app.management_token().await);
    if let Some(content_type) = content_type {
        request = request.header("content-type", content_type);
    }
    app.send(request).await
}

#[tokio::test]
async fn no_operation_takes_a_body_that_is_no_json_object() {
    const JSON: Option<&str> = Some("application/json");
    let deep = |open: &str, close: &str| {
        format!("{{\"name\":{}1{}}}", open.repeat(5000), close.repeat(5000))
    };
    for (backend, app) in each_backend().await {
        for (operation, path, body) in with_bodies(&app).await {
            let what = |wrong: &str| format!("{backend} {operation:?}: {wrong}");
            let call = async |content_type, body: Vec<u8>| {
                raw(&app, (operation, &path), content_type, body).await
            };
            for content_type in
                [None, Some("text/plain"), Some("application/x-www-form-urlencoded")]
            {
                let answer = call(content_type, body.to_string().into_bytes()).await;
                assert_eq!(refused(&answer).0, 415, "{}", what("content type"));
            }
            let large = format!("{{\"name\":\"{}\"}}", "x".repeat(1024 * 1024));
            assert_eq!(refused(&call(JSON, large.into_bytes()).await).0, 413, "{}", what("large"));
            for (wrong, body) in [
                ("nothing", Vec::new()),
                ("invalid UTF-8", b"{\"name\":\"\xff\xfe\"}".to_vec()),
                ("half a surrogate pair", br#"{"name":"\ud800"}"#.to_vec()),
                ("half of it", b"{\"name\":".to_vec()),
                ("two of them", b"{}{}".to_vec()),
                ("deep arrays", deep("[", "]").into_bytes()),
                ("deep objects", deep("{\"a\":", "}").into_bytes()),
                ("a number without end", b"{\"name\":1e999}".to_vec()),
                ("NaN", b"{\"name\":NaN}".to_vec()),
            ] {
                // May be left out.
                if wrong == "nothing" && operation.path.ends_with("{version_id}/deploy") {
                    continue;
                }
                let answer = call(JSON, body).await;
                let code = "invalid_body".to_owned();
                assert_eq!(refused(&answer), (400, code), "{}", what(wrong));
                let message = answer.text_of("message");
                assert!(
                    message.starts_with("Payload validation error: the body is not JSON (line "),
                    "{}: {message}",
                    what(wrong)
                );
            }
            for (body, found) in [
                ("[]", "array"),
                ("null", "null"),
                ("true", "boolean"),
                ("1", "integer"),
                ("\"\"", "string"),
            ] {
                let expected = format!(
                    "Payload validation error: 'Expected type object but found type {found}'."
                );
                invalid_body(&call(JSON, body.into()).await, &expected);
            }
            for body in [json!({ "name": "a\0b" }), json!({ "a\0": 1 }), json!({ "a": [["\0"]] })] {
                invalid_body(
                    &call(JSON, body.to_string().into_bytes()).await,
                    "Payload validation error: the body contains the character U+0000.",
                );
            }
            let mut more = body.clone();
            more["nope"] = json!(1);
            invalid_body(
                &call(JSON, more.to_string().into_bytes()).await,
                "Payload validation error: 'Additional properties not allowed: nope'.",
            );
        }
    }
}

#[tokio::test]
async fn of_two_members_with_one_name_the_last_counts_as_in_every_json_parser() {
    for (backend, app) in each_backend().await {
        let roles = OPERATIONS.iter().find(|o| (o.method, o.path) == ("POST", "/roles")).unwrap();
        let body = r#"{"name":"first","name":"last"}"#;
        let answer = raw(&app, (roles, "/roles"), Some("application/json"), body).await;
        assert_eq!(answer.ok()["name"], "last", "{backend}");
        // The one that is checked is the one that is written.
        let body = r#"{"name":"first","name":1}"#;
        let answer = raw(&app, (roles, "/roles"), Some("application/json"), body).await;
        assert_eq!(refused(&answer), (400, "invalid_body".to_owned()), "{backend}");
    }
}

#[tokio::test]
async fn an_id_in_a_path_has_a_length() {
    let (long, longer) = ("x".repeat(4096), "x".repeat(4097));
    for (backend, app) in each_backend().await {
        for operation in OPERATIONS.iter().filter(|operation| operation.path.contains('{')) {
            let call = async |path: String| {
                let body = (!matches!(operation.method, "GET")).then(|| json!({}));
                app.management(operation.method, &path, body).await
            };
            let what = format!("{backend} {operation:?}");
            let answer = call(filled(operation, &longer)).await;
            assert_eq!(refused(&answer), (400, "invalid_uri".to_owned()), "{what}");
            let message = answer.text_of("message");
            assert!(
                message.contains("'String is too long (4097 chars), maximum 4096'"),
                "{message}"
            );
            for id in [
                long.as_str(),
                "%00",
                "%ff",
                "..",
                "%2e%2e%2f",
                "%F0%9F%92%A9",
                "'%22;--",
                "%5C%25_",
            ] {
                let answer = call(filled(operation, id)).await;
                assert!(answer.status < 500, "{what} {id}: {} {}", answer.status, answer.text);
                if answer.status >= 400 {
                    refused(&answer);
                }
            }
        }
    }
}

/// The path of an operation with `id` for each id in it.
pub fn filled(operation: &Operation, id: &str) -> String {
    let part =
        |part: &'static str| if part.starts_with('{') { id.to_owned() } else { part.to_owned() };
    operation.path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// A path of each reading operation, to something that exists where it can be named.
pub async fn reading(app: &TestApp) -> Vec<(&'static Operation, String)> {
    let world = app.world().await;
    let login = app.log_in(&world).await;
    let session = payload(text(&login, "id_token"))["sid"].as_str().unwrap().to_owned();
    let user = segment(&world.user_id);
    let tokens = get(app, &format!("/users/{user}/refresh-tokens")).await.ok();
    let role = super::post(app, "/roles", json!({ "name": "Role" })).await.ok();
    let organization = super::post(app, "/organizations", json!({ "name": "organization" })).await;
    let keys = get(app, "/keys/signing").await.ok();
    let known = [
        ("users", user),
        ("clients", world.client_id),
        ("resource-servers", world.messages_id),
        ("sessions", session),
        ("refresh-tokens", text(&tokens["tokens"][0], "id").to_owned()),
        ("roles", text(&role, "id").to_owned()),
        ("organizations", text(&TestApp::created(&organization), "id").to_owned()),
        ("keys", text(&keys[0], "kid").to_owned()),
    ];
    let path = |operation: &Operation| {
        let resource = operation.path.split('/').nth(1).unwrap();
        let id = known.iter().find(|(name, _)| *name == resource).map_or("x", |(_, id)| id);
        filled(operation, id)
    };
    let reading = OPERATIONS.iter().filter(|operation| operation.method == "GET");
    reading.map(|operation| (operation, path(operation))).collect()
}

#[tokio::test]
async fn no_query_string_breaks_a_listing() {
    let mut queries: Vec<String> = [
        "page=-1",
        "page=1.5",
        "page=1e3",
        "page=9223372036854775807",
        "page=99999999999999999999",
        "page=1000000000&per_page=100",
        "per_page=101",
        "per_page=-1",
        "per_page=x",
        "per_page=0",
        "take=0",
        "take=101",
        "take=-1",
        "take=x",
        "take=1&take=2",
        "page=0&page=1",
        "from=garbage",
        "from=",
        "from=%00",
        "from=%ff%fe",
        "from=%F0%9F%92%A9",
        "from='--&take=1",
        "from=../../x&take=100",
        "from=1&from=2",
        "include_totals=maybe",
        "include_totals=true&take=1",
        "fields=",
        "fields=,,,",
        "fields=id,id,nope",
        "include_fields=1",
        "fields=a&include_fields=false",
        "q=",
        "q=%22",
        "q=((((",
        "q=a:b:c",
        "q=*",
        "q=%5C",
        "sort=",
        "sort=x",
        "sort=date:9",
        "user_id=",
        "user_id=nobody",
        "client_id=%27",
        "audience=%25",
        "type=nothing",
        "email=@",
        "name_filter=%25_%5C",
        "=",
        "&&&",
        "%",
        "%zz=1",
        "a[]=1",
        "page[]=1",
        "PAGE=1",
    ]
    .map(str::to_owned)
    .into();
    for name in ["from", "q", "fields", "name_filter", "email", "identifiers", "sort"] {
        queries.push(format!("{name}={}", "x".repeat(9000)));
    }
    for (backend, app) in each_backend().await {
        for (operation, path) in reading(&app).await {
            for query in &queries {
                let answer = get(&app, &format!("{path}?{query}")).await;
                let what = format!("{backend} {operation:?} {query:.60}");
                assert!(answer.status < 500, "{what}: {} {}", answer.status, answer.text);
                if answer.status != 200 {
                    assert!(matches!(refused(&answer).0, 400 | 404), "{what}: {}", answer.text);
                }
            }
            let answer = get(&app, &format!("{path}?nope=1&also=2")).await;
            let what = format!("{backend} {operation:?}");
            assert_eq!(refused(&answer), (400, "invalid_query_string".to_owned()), "{what}");
            let expected =
                "Query validation error: 'Additional properties not allowed: nope,also'.";
            assert_eq!(answer.text_of("message"), expected, "{what}");
            let answer = get(&app, &format!("{path}?fields={}", "x,".repeat(9000))).await;
            assert_eq!(refused(&answer), (400, "invalid_query_string".to_owned()), "{what}");
        }
    }
}

/// What the contract has on record, as far as it is about what exists here.
#[tokio::test]
async fn the_recorded_errors_are_answered_word_for_word() {
    for (backend, app) in each_backend().await {
        let reader = app.management_token_with(Some("read:roles")).await;
        let answer = app.management_as(&reader, "GET", "/clients", None).await;
        let scopes = "read:clients,read:client_keys,read:client_credentials,read:client_summary";
        let message = format!("Insufficient scope, expected any of: {scopes}");
        let expected = json!({
            "statusCode": 403, "error": "Forbidden", "message": message,
            "errorCode": "insufficient_scope",
        });
        assert_eq!((answer.status, answer.json()), (403, expected), "{backend}");
        for (path, code, message) in [
            (
                "/clients/this-client-does-not-exist",
                Some("inexistent_client"),
                "The client does not exist",
            ),
            (
                "/organizations/org_0000000000000000",
                None,
                "No organization found by that id or name",
            ),
            (
                "/resource-servers/this-resource-server-does-not-exist",
                Some("inexistent_resource_server"),
                "The resource server does not exist",
            ),
            (
                "/users/auth0%7C000000000000000000000000",
                Some("inexistent_user"),
                "The user does not exist.",
            ),
        ] {
            let answer = get(&app, path).await;
            let mut expected =
                json!({ "statusCode": 404, "error": "Not Found", "message": message });
            if let Some(code) = code {
                expected["errorCode"] = code.into();
            }
            assert_eq!((answer.status, answer.json()), (404, expected), "{backend} {path}");
        }
        let answer = get(&app, "/client-grants/non-existent").await;
        assert_eq!(refused(&answer), (400, "invalid_uri".to_owned()), "{backend}");
        assert_eq!(
            answer.text_of("message"),
            "Path validation error: 'Object didn't pass validation for format client-grant-id: \
             non-existent' on property id.",
            "{backend}"
        );
    }
}
