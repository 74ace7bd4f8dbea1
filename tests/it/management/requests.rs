//! Rules that hold for every request.

use serde_json::json;

use super::{get, invalid_body, post, refused};
use crate::support::{Answer, TestApp, each_backend};

async fn raw(app: &TestApp, content_type: Option<&str>, body: impl Into<reqwest::Body>) -> Answer {
    let mut request = app.http.post(app.url("api/v2/clients")).body(body);
    request = request.bearer_auth(app.management_token().await);
    if let Some(content_type) = content_type {
        request = request.header("content-type", content_type);
    }
    app.send(request).await
}

#[tokio::test]
async fn a_body_must_be_a_json_object_and_say_so() {
    for (_, app) in each_backend().await {
        for content_type in [None, Some("text/plain"), Some("application/x-www-form-urlencoded")] {
            let answer = raw(&app, content_type, r#"{"name":"x"}"#).await;
            assert_eq!(refused(&answer).0, 415, "{content_type:?}");
        }
        let json = Some("application/json; charset=utf-8");
        assert_eq!(raw(&app, json, r#"{"name":"x"}"#).await.status, 201);
        for body in ["", "{", "{\"name\":\"x\"} x", "{\"name\":\"\\ud800\"}", "\u{feff}{}"] {
            let answer = raw(&app, json, body).await;
            assert_eq!(refused(&answer), (400, "invalid_body".to_owned()), "{body}");
        }
        for (body, found) in
            [("[]", "array"), ("null", "null"), ("1", "integer"), ("\"x\"", "string")]
        {
            invalid_body(
                &raw(&app, json, body).await,
                &format!(
                    "Payload validation error: 'Expected type object but found type {found}'."
                ),
            );
        }
        let deep = format!("{{\"name\":{}1{}}}", "[".repeat(5000), "]".repeat(5000));
        assert_eq!(refused(&raw(&app, json, deep).await).0, 400);
    }
}

#[tokio::test]
async fn a_body_beyond_one_mebibyte_is_refused() {
    for (_, app) in each_backend().await {
        let body = format!("{{\"name\":\"{}\"}}", "x".repeat(1024 * 1024));
        let answer = raw(&app, Some("application/json"), body).await;
        assert_eq!(refused(&answer).0, 413);
        let page = "x".repeat(1_000_000);
        let answer =
            post(&app, "/clients", json!({ "name": "x", "custom_login_page": page })).await;
        assert_eq!(answer.status, 201);
    }
}

#[tokio::test]
async fn the_character_u_0000_is_refused_wherever_it_stands() {
    for (_, app) in each_backend().await {
        for body in [
            json!({ "name": "a\0b" }),
            json!({ "name": "x", "client_metadata": { "a\0": "b" } }),
            json!({ "name": "x", "addons": { "samlp": { "deep": ["\0"] } } }),
        ] {
            assert_eq!(
                refused(&post(&app, "/clients", body).await),
                (400, "invalid_body".to_owned())
            );
        }
        for path in [
            "/clients/a%00b",
            "/resource-servers/%00",
            "/users/auth0%7C%00",
            "/organizations/%00",
            "/client-grants/cgr_%00",
            "/clients/%FF",
        ] {
            assert_eq!(refused(&get(&app, path).await), (400, "invalid_uri".to_owned()), "{path}");
        }
        for path in ["/clients?fields=%00", "/users-by-email?email=%00", "/users?q=email:%00"] {
            let code = "invalid_query_string".to_owned();
            assert_eq!(refused(&get(&app, path).await), (400, code), "{path}");
        }
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_answered_in_json() {
    for (_, app) in each_backend().await {
        for path in ["/nothing", "/clients/a/b", "/clients/", "/users/a/nothing"] {
            assert_eq!(refused(&get(&app, path).await).0, 404, "{path}");
        }
        for (method, path) in [("PUT", "/clients"), ("POST", "/clients/x"), ("PATCH", "/users")] {
            let answer = app.management(method, path, None).await;
            assert_eq!(refused(&answer).0, 405, "{method} {path}");
        }
        let success = get(&app, "/clients").await;
        assert_eq!(success.header("cache-control"), "no-store");
        assert_eq!(success.header("content-type"), "application/json");
    }
}

#[tokio::test]
async fn unknown_and_malformed_query_parameters_are_refused() {
    for (_, app) in each_backend().await {
        for (path, message) in [
            ("/clients?nope=1&also=2", "'Additional properties not allowed: nope,also'."),
            ("/clients/x?page=1", "'Additional properties not allowed: page'."),
            ("/users?take=5", "'Additional properties not allowed: take'."),
            ("/client-grants?fields=id", "'Additional properties not allowed: fields'."),
            ("/clients?page=x", "'Expected type integer but found type string' on property page."),
            ("/clients?page=-1", "'Value -1 is less than minimum 0' on property page."),
            (
                "/clients?per_page=101",
                "'Value 101 is greater than maximum 100' on property per_page.",
            ),
            ("/clients?take=0", "'Value 0 is less than minimum 1' on property take."),
            (
                "/clients?page=1&page=2",
                "'Expected type string but found type array' on property page.",
            ),
            (
                "/clients?is_first_party=maybe",
                "'Expected type boolean but found type string' on property is_first_party.",
            ),
            ("/client-grants?subject_type=x", "'No enum match for: x' on property subject_type."),
            ("/users-by-email", "'Missing required property: email'."),
        ] {
            let answer = get(&app, path).await;
            assert_eq!(refused(&answer), (400, "invalid_query_string".to_owned()), "{path}");
            assert_eq!(
                answer.text_of("message"),
                format!("Query validation error: {message}"),
                "{path}"
            );
        }
        let huge = get(&app, "/clients?page=99999999999999999999").await;
        assert_eq!(refused(&huge).0, 400);
        assert_eq!(get(&app, "/clients?page=1000000000&per_page=100").await.ok(), json!([]));
    }
}
