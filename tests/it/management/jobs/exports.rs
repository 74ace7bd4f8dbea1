//! `POST /jobs/users-exports`.

use std::io::Read;

use serde_json::{Value, json};

use super::{connection, database, ended, import};
use crate::management::{get, invalid_body, post};
use crate::support::{TestApp, each_backend};

async fn ask(app: &TestApp, body: Value) -> Value {
    post(app, "/jobs/users-exports", body).await.ok()
}

/// What the link of a job leads to, unpacked.
async fn file(app: &TestApp, job: &Value) -> String {
    let link = job["location"].as_str().unwrap();
    let answer = app.http.get(link).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "application/gzip");
    assert_eq!(header("cache-control"), "no-store");
    assert!(header("content-disposition").starts_with("attachment; filename=\"Doorward."));
    let length: usize = header("content-length").parse().unwrap();
    let bytes = answer.bytes().await.unwrap();
    assert_eq!(bytes.len(), length);
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
    text
}

async fn exported(app: &TestApp, body: Value) -> String {
    let job = ended(app, &ask(app, body).await).await;
    assert_eq!(job["status"], "completed", "{job}");
    file(app, &job).await
}

#[tokio::test]
async fn every_user_is_exported_once_without_a_password() {
    for (backend, app) in each_backend().await {
        // More than two pages.
        let lines: Vec<_> = (0..250)
            .map(|i| json!({ "email": format!("u{i}@b.example"), "user_id": format!("{i}"), "user_metadata": { "n": i } }))
            .collect();
        import(&app, Value::Array(lines), &[]).await;
        app.add_user("extra@b.example", "correct horse battery staple").await;
        let id = database(&app).await;
        let fields = json!([{ "name": "user_id" }, { "name": "email", "export_as": "mail" },
            { "name": "user_metadata" }, { "name": "password_hash" }]);
        let job =
            ask(&app, json!({ "connection_id": id, "format": "json", "fields": fields })).await;
        assert_eq!((&job["type"], &job["status"]), (&json!("users_export"), &json!("pending")));
        assert_eq!((&job["format"], &job["connection_id"]), (&json!("json"), &json!(id)));
        assert_eq!(job["connection"], "Username-Password-Authentication");
        let job = ended(&app, &job).await;
        assert_eq!(job["percentage_done"], 100, "{backend}");
        let text = file(&app, &job).await;
        let users: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(users.len(), 251, "{backend}");
        let mut mails: Vec<_> = users.iter().map(|user| user["mail"].as_str().unwrap()).collect();
        mails.sort_unstable();
        mails.dedup();
        assert_eq!(mails.len(), 251);
        let seven = users.iter().find(|user| user["user_id"] == "auth0|7").unwrap();
        assert_eq!(
            *seven,
            json!({ "user_id": "auth0|7", "mail": "u7@b.example", "user_metadata": { "n": 7 } })
        );
        assert!(!text.contains("argon2"));
        assert_eq!(exported(&app, json!({ "limit": 3 })).await.lines().count(), 3);
        let none = connection(&app, "email").await;
        assert_eq!(exported(&app, json!({ "connection_id": none })).await, "", "{backend}");
    }
}

#[tokio::test]
async fn csv_has_a_head_and_nothing_that_a_spreadsheet_would_run() {
    for (backend, app) in each_backend().await {
        let line = json!([{ "email": "a@b.example", "user_id": "a", "name": "=1+\"1\"",
            "user_metadata": { "country": "JP" } }]);
        import(&app, line, &[]).await;
        let fields = json!([{ "name": "user_id" }, { "name": "name", "export_as": "Name" },
            { "name": "email_verified" }, { "name": "user_metadata.country" },
            { "name": "identities[0].connection", "export_as": "provider" }, { "name": "absent" }]);
        let text = exported(&app, json!({ "format": "csv", "fields": fields })).await;
        assert_eq!(
            text,
            "\"user_id\",\"Name\",\"email_verified\",\"user_metadata.country\",\"provider\",\"absent\"\n\
             \"'auth0|a\",\"'=1+\"\"1\"\"\",false,\"'JP\",\"'Username-Password-Authentication\",\n",
            "{backend}"
        );
        let text = exported(&app, json!({ "format": "csv" })).await;
        assert!(text.starts_with("\"Id\",\"Given Name\",\"Family Name\","), "{backend} {text}");
        let none = connection(&app, "email").await;
        let text = exported(&app, json!({ "format": "csv", "connection_id": none })).await;
        assert_eq!(text.lines().count(), 1, "the head is there: {text}");
    }
}

#[tokio::test]
async fn a_link_is_for_readers_of_users_and_works_for_a_minute() {
    for (backend, app) in each_backend().await {
        let asked = ask(&app, json!({})).await;
        assert_eq!(asked.get("location"), None);
        let job = ended(&app, &asked).await;
        let path = format!("/jobs/{}", job["id"].as_str().unwrap());
        let creator = app.management_token_with(Some("create:users")).await;
        let shown = app.management_as(&creator, "GET", &path, None).await.ok();
        assert_eq!(shown.get("location"), None, "{backend}: it may not read users");
        let link = job["location"].as_str().unwrap().to_owned();
        let another = get(&app, &path).await.ok()["location"].as_str().unwrap().to_owned();
        assert_ne!(link, another, "{backend}");
        let status = async |link: &str| app.http.get(link).send().await.unwrap().status().as_u16();
        assert_eq!((status(&link).await, status(&another).await), (200, 200), "{backend}");
        let (base, token) = link.split_once("?token=").unwrap();
        assert_eq!(token.len(), 43);
        let guessed = format!("{base}?token={}", "x".repeat(43));
        for wrong in [base, &format!("{base}?token="), &guessed, &format!("{link}x")] {
            assert_eq!(status(wrong).await, 404, "{backend} {wrong}");
        }
        app.clock.advance_seconds(61);
        assert_eq!(status(&link).await, 404, "{backend}");
        let fresh = get(&app, &path).await.ok()["location"].as_str().unwrap().to_owned();
        assert_eq!(status(&fresh).await, 200, "{backend}");
    }
}

#[tokio::test]
async fn a_wrong_export_is_refused() {
    for (_, app) in each_backend().await {
        let fields = |count: usize| vec![json!({ "name": "email" }); count];
        for (body, message) in [
            (json!({ "connection_id": "con_0000000000000001" }), "The connection does not exist."),
            (
                json!({ "format": "xml" }),
                "Payload validation error: 'No enum match for: xml' on property format (Format of the file. Must be `json` or `csv`.).",
            ),
            (
                json!({ "limit": 0 }),
                "Payload validation error: 'Value 0 is less than minimum 1' on property limit (Limit the number of records.).",
            ),
            (
                json!({ "fields": [{}] }),
                "Payload validation error: 'Missing required property: name' on property fields.0.",
            ),
            (
                json!({ "format": "csv", "fields": fields(31) }),
                "Payload validation error: 'Array is too long (31), maximum 30' on property fields.",
            ),
            (
                json!({ "format": "csv", "fields": [{ "name": "app_metadata" }] }),
                "Payload validation error: 'app_metadata cannot be exported as a whole in CSV' on property fields.",
            ),
            (
                json!({ "other": 1 }),
                "Payload validation error: 'Additional properties not allowed: other'.",
            ),
        ] {
            invalid_body(&post(&app, "/jobs/users-exports", body).await, message);
        }
    }
}
