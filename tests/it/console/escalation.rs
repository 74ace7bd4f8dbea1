//! Nobody gets more through the console than they have: neither by giving it to themselves, nor by
//! becoming a user or an application that has it.

use doorward::{
    app::administrators::Post,
    domain::role::{ADMINISTRATOR, VIEWER},
};
use serde_json::{Value, json};

use super::{appoint, entrust, permissions, refusal, token_of};
use crate::management::jobs::{BOUNDARY, multipart};
use crate::support::{
    Answer, TestApp, each_backend,
    fixtures::{EMAIL, PASSWORD, text},
    signer::signer,
};

const MALLORY: &str = "mallory@example.com";

/// Everything that helps to write, and none of what is to be won.
const TRUSTED: &[&str] = &[
    "read:users",
    "update:users",
    "delete:users",
    "create:users",
    "create:role_members",
    "delete:role_members",
    "update:roles",
    "delete:roles",
    "read:roles",
    "create:user_tickets",
    "update:connections",
    "delete:connections",
    "read:clients",
    "update:clients",
    "create:clients",
    "read:client_keys",
    "update:client_keys",
    "create:client_credentials",
    "create:client_grants",
    "update:client_grants",
    "read:client_grants",
    "read:resource_servers",
];

/// Somebody trusted with [`TRUSTED`], signed in: the id and the token.
async fn mallory(app: &TestApp) -> (String, String) {
    let user = entrust(app, MALLORY, TRUSTED).await;
    (user, token_of(app, MALLORY).await)
}

#[track_caller]
fn exceeds(answer: &Answer, what: &str) {
    let (status, code, message) = refusal(answer);
    assert_eq!((status, code.as_str()), (403, "exceeds_own_permissions"), "{what}: {message}");
}

#[tokio::test]
async fn nobody_gives_what_they_do_not_have() {
    for (backend, app) in each_backend().await {
        appoint(&app, EMAIL, Post::Administrator).await;
        let (user, token) = mallory(&app).await;
        let as_mallory = |method: &'static str, path: String, body: Value| {
            let (app, token) = (&app, &token);
            async move { app.management_as(token, method, &path, Some(body)).await }
        };
        let role = app.management("POST", "/roles", Some(json!({ "name": "Mine" }))).await.ok();
        let role = text(&role, "id");
        let everything = permissions(&app, &["read:users", "delete:clients"]);
        for (method, path, body) in [
            ("POST", format!("/users/{user}/roles"), json!({ "roles": [ADMINISTRATOR] })),
            ("POST", format!("/users/{user}/roles"), json!({ "roles": [VIEWER] })),
            ("POST", format!("/roles/{ADMINISTRATOR}/users"), json!({ "users": [user] })),
            ("POST", format!("/users/{user}/permissions"), everything.clone()),
            ("POST", format!("/roles/{role}/permissions"), everything.clone()),
            ("DELETE", format!("/roles/{ADMINISTRATOR}/permissions"), everything.clone()),
        ] {
            exceeds(&as_mallory(method, path.clone(), body).await, &format!("{backend} {path}"));
        }
        let answer = as_mallory("POST", format!("/users/{user}/permissions"), everything).await;
        let expected =
            "You cannot give or take delete:clients: you do not have this permission yourself.";
        assert_eq!(refusal(&answer).2, expected, "{backend}");

        // What they have, and what concerns other APIs, they may give.
        let own = permissions(&app, &["read:users", "update:users"]);
        TestApp::created(&as_mallory("POST", format!("/roles/{role}/permissions"), own).await);
        let other = app.add_api("https://orders.example", &["read:orders"], json!({})).await;
        let orders = json!({ "permissions": [{
            "resource_server_identifier": other["identifier"], "permission_name": "read:orders",
        }] });
        TestApp::created(&as_mallory("POST", format!("/users/{user}/permissions"), orders).await);
        let given = as_mallory("POST", format!("/users/{user}/roles"), json!({ "roles": [role] }));
        assert_eq!(given.await.status, 204, "{backend}");

        // Machines are trusted with their scopes.
        let path = format!("/users/{user}/roles");
        let given = app.management("POST", &path, Some(json!({ "roles": [ADMINISTRATOR] }))).await;
        assert_eq!(given.status, 204, "{backend}");
    }
}

#[tokio::test]
async fn nobody_takes_over_locks_out_or_removes_who_may_do_more() {
    for (backend, app) in each_backend().await {
        let ada = appoint(&app, EMAIL, Post::Administrator).await;
        let (user, token) = mallory(&app).await;
        let connection = app.connection_id().await;
        for (method, path, body) in [
            (
                "PATCH",
                format!("/users/{ada}"),
                Some(json!({ "password": "another long password" })),
            ),
            ("PATCH", format!("/users/{ada}"), Some(json!({ "email": "m@example.com" }))),
            ("PATCH", format!("/users/{ada}"), Some(json!({ "email_verified": true }))),
            ("PATCH", format!("/users/{ada}"), Some(json!({ "blocked": true }))),
            ("PATCH", format!("/users/{ada}"), Some(json!({ "name": "x", "blocked": true }))),
            ("DELETE", format!("/users/{ada}"), None),
            ("DELETE", format!("/users/{ada}/roles"), Some(json!({ "roles": [ADMINISTRATOR] }))),
            ("DELETE", format!("/connections/{connection}/users?email={EMAIL}"), None),
            ("DELETE", format!("/connections/{connection}"), None),
            ("DELETE", format!("/roles/{ADMINISTRATOR}"), None),
            ("POST", "/tickets/password-change".to_owned(), Some(json!({ "user_id": ada }))),
        ] {
            let answer = app.management_as(&token, method, &path, body.clone()).await;
            exceeds(&answer, &format!("{backend} {method} {path} {body:?}"));
        }
        let answer = app.management_as(&token, "DELETE", &format!("/users/{ada}"), None).await;
        let message = refusal(&answer).2;
        assert!(
            message.starts_with("You cannot change a user who may do more than you: you do not")
        );
        // Nothing happened to her.
        token_of(&app, EMAIL).await;

        // What only describes somebody may be edited, and so may oneself and who may do no more.
        let path = format!("/users/{ada}");
        let body = json!({ "name": "Ada King", "app_metadata": { "a": 1 } });
        app.management_as(&token, "PATCH", &path, Some(body)).await.ok();
        let body = json!({ "password": PASSWORD });
        app.management_as(&token, "PATCH", &format!("/users/{user}"), Some(body)).await.ok();
        let body = json!({ "connection": "Username-Password-Authentication",
            "email": "bob@example.com", "password": PASSWORD, "verify_email": false });
        let bob = TestApp::created(&app.management("POST", "/users", Some(body)).await);
        let path = format!("/users/{}", text(&bob, "user_id"));
        let token = token_of(&app, MALLORY).await;
        let body = json!({ "blocked": true });
        app.management_as(&token, "PATCH", &path, Some(body)).await.ok();
        assert_eq!(app.management_as(&token, "DELETE", &path, None).await.status, 204, "{backend}");
    }
}

#[tokio::test]
async fn an_import_updates_nobody_who_may_do_more() {
    for (backend, app) in each_backend().await {
        appoint(&app, EMAIL, Post::Administrator).await;
        let (_, token) = mallory(&app).await;
        let connection = app.connection_id().await;
        let import = |upsert: &'static str| {
            let users = json!([{ "email": "new@example.com" }]).to_string();
            let parts = [("users", &*users), ("connection_id", &*connection), ("upsert", upsert)];
            let request = app.http.post(app.url("api/v2/jobs/users-imports"));
            let form = format!("multipart/form-data; boundary={BOUNDARY}");
            let request = request.bearer_auth(&token).header("content-type", form);
            app.send(request.body(multipart(&parts)))
        };
        exceeds(&import("true").await, backend);
        assert_eq!(import("false").await.status, 202, "{backend}");
    }
}

#[tokio::test]
async fn nobody_becomes_an_application_that_may_do_more() {
    for (backend, app) in each_backend().await {
        let (_, token) = mallory(&app).await;
        let api = app.url("api/v2/");
        let body = json!({ "name": "Machine", "app_type": "non_interactive",
            "grant_types": ["client_credentials"] });
        let made = app.management_as(&token, "POST", "/clients", Some(body)).await;
        let client = TestApp::created(&made);
        let id = text(&client, "client_id");
        let grant = |more: Value| {
            let mut body = json!({ "client_id": id, "audience": api });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            body
        };
        for more in [json!({ "scope": ["delete:clients"] }), json!({ "allow_all_scopes": true })] {
            let body = grant(more);
            exceeds(
                &app.management_as(&token, "POST", "/client-grants", Some(body)).await,
                backend,
            );
        }
        let body = grant(json!({ "scope": ["read:users"] }));
        let granted = app.management_as(&token, "POST", "/client-grants", Some(body)).await;
        let path = format!("/client-grants/{}", text(&TestApp::created(&granted), "id"));
        for body in [json!({ "scope": ["delete:clients"] }), json!({ "allow_all_scopes": true })] {
            exceeds(&app.management_as(&token, "PATCH", &path, Some(body)).await, backend);
        }
        let path = format!("/clients/{id}/rotate-secret");
        app.management_as(&token, "POST", &path, None).await.ok();

        // The machine of the environment may do everything: its secret is neither shown nor set.
        let path = format!("/clients/{}", crate::support::BOOTSTRAP_ID);
        let shown = app.management_as(&token, "GET", &path, None).await.ok();
        assert!(shown.get("client_secret").is_none(), "{backend}: {shown}");
        let list = app.management_as(&token, "GET", "/clients", None).await.ok();
        for client in list.as_array().unwrap() {
            let is_ours = client["client_id"] == id;
            assert_eq!(client.get("client_secret").is_some(), is_ours, "{backend}: {client}");
        }
        let key = json!({ "credential_type": "public_key", "name": "k",
            "pem": signer().pem });
        for (method, path, body) in [
            ("POST", format!("{path}/rotate-secret"), None),
            ("PATCH", path.clone(), Some(json!({ "client_secret": "a secret of mallory's own" }))),
            ("POST", format!("{path}/credentials"), Some(key)),
        ] {
            exceeds(
                &app.management_as(&token, method, &path, body).await,
                &format!("{backend} {path}"),
            );
        }
        let body = json!({ "name": "Renamed" });
        app.management_as(&token, "PATCH", &path, Some(body)).await.ok();

        // An administrator sees and sets it.
        appoint(&app, EMAIL, Post::Administrator).await;
        let token = token_of(&app, EMAIL).await;
        let shown = app.management_as(&token, "GET", &path, None).await.ok();
        assert!(shown["client_secret"].is_string(), "{backend}");
        app.management_as(&token, "POST", &format!("{path}/rotate-secret"), None).await.ok();
    }
}

#[tokio::test]
async fn who_only_looks_sees_no_signing_secret() {
    for (backend, app) in each_backend().await {
        let more = json!({ "signing_alg": "HS256" });
        let api = app.add_api("https://orders.example", &["read:orders"], more).await;
        let path = format!("/resource-servers/{}", text(&api, "id"));
        appoint(&app, EMAIL, Post::Viewer).await;
        let token = token_of(&app, EMAIL).await;
        for path in [path.as_str(), "/resource-servers"] {
            let shown = app.management_as(&token, "GET", path, None).await.ok().to_string();
            assert!(shown.contains("HS256") && !shown.contains("signing_secret"), "{backend}");
        }
        assert!(app.management("GET", &path, None).await.ok()["signing_secret"].is_string());
        appoint(&app, "root@example.com", Post::Administrator).await;
        let token = token_of(&app, "root@example.com").await;
        let shown = app.management_as(&token, "GET", &path, None).await.ok();
        assert!(shown["signing_secret"].is_string(), "{backend}");
    }
}
