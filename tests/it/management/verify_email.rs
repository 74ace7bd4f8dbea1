//! Messages to verify an address that an operator has sent: `verify_email` of a user, and
//! `POST /jobs/verification-email`.

use serde_json::{Value, json};

use super::{get, patch, post, refused, segment};
use crate::oauth::signup::ticket;
use crate::support::{TestApp, each_backend, fixtures::*};

const NEW: &str = "grace@example.com";

fn user(more: Value) -> Value {
    let mut body = json!({
        "connection": "Username-Password-Authentication", "email": NEW, "password": PASSWORD,
    });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// Opens the newest link that was mailed, and tells whether the address is verified then.
async fn confirms(app: &TestApp, id: &str) -> bool {
    let ticket = ticket(app.mails().await.last().unwrap());
    app.post_form("u/email-verification", &[("ticket", ticket.as_str())]).await;
    let user = get(app, &format!("/users/{}", segment(id))).await.ok();
    user["email_verified"] == true
}

#[tokio::test]
async fn a_new_user_is_mailed_a_link_unless_the_operator_says_otherwise() {
    for (backend, app) in each_backend().await {
        for (i, (more, mails)) in [
            (json!({}), 1),
            (json!({ "email_verified": false }), 1),
            (json!({ "email_verified": true }), 0),
            (json!({ "verify_email": false }), 0),
            (json!({ "verify_email": true }), 1),
            (json!({ "verify_email": true, "email_verified": true }), 1),
            (json!({ "verify_email": false, "email_verified": true }), 0),
        ]
        .into_iter()
        .enumerate()
        {
            let email = format!("user{i}@example.com");
            let mut body = user(more.clone());
            body["email"] = json!(email);
            let created = TestApp::created(&post(&app, "/users", body).await);
            let verified = more.get("email_verified") == Some(&json!(true));
            assert_eq!(created["email_verified"], verified, "{backend} {more}");
            assert!(created.get("verify_email").is_none(), "{backend}");
            assert_eq!(app.mails_to(&email).await.len(), mails, "{backend} {more}");
            if mails == 1 {
                let id = created["user_id"].as_str().unwrap();
                assert!(confirms(&app, id).await, "{backend} {more}");
            }
        }
        let nobody = json!({
            "connection": "Username-Password-Authentication", "username": "nomail",
            "password": PASSWORD, "verify_email": true,
        });
        TestApp::created(&post(&app, "/users", nobody).await);
        // One that is refused writes to nobody.
        let before = app.mails().await.len();
        let taken = user(json!({ "email": "user0@example.com" }));
        assert_eq!(post(&app, "/users", taken).await.status, 409, "{backend}");
        assert_eq!(app.mails().await.len(), before, "{backend}");
    }
}

#[tokio::test]
async fn a_user_with_a_new_address_is_mailed_a_link_if_the_operator_asks_for_it() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let path = format!("/users/{}", segment(&world.user_id));
        patch(&app, &path, json!({ "nickname": "a" })).await.ok();
        patch(&app, &path, json!({ "email": "a@example.com" })).await.ok();
        patch(&app, &path, json!({ "email": "b@example.com", "verify_email": false })).await.ok();
        assert!(app.mails().await.is_empty(), "{backend}");
        let body = json!({
            "email": NEW, "verify_email": true, "client_id": world.client_id,
        });
        let patched = patch(&app, &path, body).await.ok();
        assert_eq!(patched["email_verified"], false, "{backend}");
        assert_eq!(app.mails_to(NEW).await.len(), 1, "{backend}");
        assert!(confirms(&app, &world.user_id).await, "{backend}");
        let body = json!({ "email_verified": false, "verify_email": true });
        patch(&app, &path, body).await.ok();
        assert_eq!(app.mails_to(NEW).await.len(), 2, "{backend}");
        assert!(confirms(&app, &world.user_id).await, "{backend}");

        let body = json!({ "email": EMAIL, "verify_email": true, "client_id": "nobody" });
        let answer = patch(&app, &path, body).await;
        super::invalid_body(&answer, "The client does not exist");
        assert_eq!(get(&app, &path).await.ok()["email"], NEW, "{backend}: nothing changed");
        assert!(app.mails_to(EMAIL).await.is_empty(), "{backend}");
    }
}

#[tokio::test]
async fn a_job_mails_a_link_and_is_done() {
    for (backend, app) in each_backend().await {
        let login = json!({ "initiate_login_uri": "https://app.example/login" });
        let world = app.world_with(login, json!({})).await;
        let body = json!({ "user_id": world.user_id, "client_id": world.client_id });
        let job = TestApp::created(&post(&app, "/jobs/verification-email", body).await);
        assert_eq!(
            (&job["type"], &job["status"]),
            (&json!("verification_email"), &json!("completed"))
        );
        let id = job["id"].as_str().unwrap();
        assert!(id.starts_with("job_") && id.len() == 20, "{backend}: {id}");
        assert!(job["created_at"].as_str().unwrap().ends_with('Z'), "{backend}");
        let mails = app.mails_to(EMAIL).await;
        assert_eq!(mails.len(), 1, "{backend}");
        assert!(!job.to_string().contains(&ticket(&mails[0])), "{backend}");
        let answer =
            app.post_form("u/email-verification", &[("ticket", ticket(&mails[0]).as_str())]).await;
        assert!(answer.text.contains("href=\"https://app.example/login?iss="), "{backend}");
        let path = format!("/users/{}", segment(&world.user_id));
        assert_eq!(get(&app, &path).await.ok()["email_verified"], true, "{backend}");
    }
}

#[tokio::test]
async fn a_job_for_nobody_is_refused() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let nomail = json!({
            "connection": "Username-Password-Authentication", "username": "nomail",
            "password": PASSWORD,
        });
        let nomail = TestApp::created(&post(&app, "/users", nomail).await);
        let id = &world.user_id;
        for (body, status, said) in [
            (json!({}), 400, "Missing required property: user_id"),
            (json!({ "user_id": "auth0|nobody" }), 404, "User not found."),
            (json!({ "user_id": nomail["user_id"] }), 400, "User does not have an email address."),
            (json!({ "user_id": id, "client_id": "nobody" }), 400, "The client does not exist"),
            (json!({ "user_id": id, "organization_id": "x" }), 400, "organization does not exist"),
            (
                json!({ "user_id": id, "identity": { "user_id": "1", "provider": "github" } }),
                400,
                "does not contain the given identity",
            ),
            (
                json!({ "user_id": id, "identity": { "user_id": "1", "provider": "x" } }),
                400,
                "No enum match",
            ),
            (json!({ "user_id": id, "result_url": "https://a.example" }), 400, "Additional"),
        ] {
            let answer = post(&app, "/jobs/verification-email", body.clone()).await;
            assert_eq!(answer.status, status, "{backend} {body}: {}", answer.text);
            assert!(answer.text.contains(said), "{backend} {body}: {}", answer.text);
        }
        let token = app.management_token_with(Some("read:users")).await;
        let body = Some(json!({ "user_id": id }));
        let answer = app.management_as(&token, "POST", "/jobs/verification-email", body).await;
        assert_eq!(refused(&answer), (403, "insufficient_scope".to_owned()), "{backend}");
        assert!(app.mails().await.is_empty(), "{backend}");
    }
}
