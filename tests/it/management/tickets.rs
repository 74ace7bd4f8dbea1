//! `/tickets`: links that an operator hands to a user.

use doorward::crypto::{digest, hex};
use serde_json::{Value, json};

use super::{delete, get, patch, post, refused, segment};
use crate::support::{Answer, TestApp, each_backend, fixtures::*, raw::Raw};

const FRESH: &str = "a wholly different phrase";
const RESULT: &str = "https://app.example/done?from=mail";

async fn password_ticket(app: &TestApp, body: Value) -> String {
    created(&post(app, "/tickets/password-change", body).await, app, "u/reset-password")
}

async fn verification_ticket(app: &TestApp, body: Value) -> String {
    created(&post(app, "/tickets/email-verification", body).await, app, "u/email-verification")
}

fn created(answer: &Answer, app: &TestApp, path: &str) -> String {
    let link = TestApp::created(answer)["ticket"].as_str().unwrap().to_owned();
    let begins = format!("{}{path}?ticket=", app.inner.settings.issuer);
    link.strip_prefix(&begins).unwrap_or_else(|| panic!("{link}")).to_owned()
}

async fn set(app: &TestApp, ticket: &str, password: &str) -> Answer {
    let form = [("ticket", ticket), ("password", password), ("password_again", password)];
    app.post_form("u/reset-password", &form).await
}

async fn verify(app: &TestApp, ticket: &str) -> Answer {
    app.post_form("u/email-verification", &[("ticket", ticket)]).await
}

async fn user(app: &TestApp, id: &str) -> Value {
    get(app, &format!("/users/{}", segment(id))).await.ok()
}

async fn logs_in(app: &TestApp, world: &World, password: &str) -> bool {
    let form = [
        ("grant_type", "password"),
        ("client_id", &world.client_id),
        ("username", EMAIL),
        ("password", password),
    ];
    app.token(&form).await.status == 200
}

async fn world(app: &TestApp) -> World {
    let grants = json!({ "grant_types": ["authorization_code", "refresh_token", "password"] });
    app.world_with(grants, json!({})).await
}

#[tokio::test]
async fn a_ticket_sets_a_password_once_and_leads_to_where_the_operator_says() {
    for (backend, app) in each_backend().await {
        let world = world(&app).await;
        let body = json!({ "user_id": world.user_id, "result_url": RESULT });
        let ticket = password_ticket(&app, body).await;
        assert!(app.mails().await.is_empty(), "{backend}: the operator hands it over");
        let page = app.get(&format!("u/reset-password?ticket={ticket}")).await;
        assert!(page.status == 200 && page.text.contains(EMAIL), "{backend}");
        assert_eq!(set(&app, &ticket, "short").await.status, 200, "{backend}: refused, not spent");

        let done = set(&app, &ticket, FRESH).await;
        assert_eq!(done.status, 302, "{backend}: {}", done.text);
        let expected = "https://app.example/done?from=mail&email=ada%40example.com&success=true\
            &code=success&message=You+can+now+login+to+the+application+with+the+new+password.";
        assert_eq!(done.header("location"), expected, "{backend}");
        assert_eq!(done.header("referrer-policy"), "no-referrer", "{backend}");
        assert!(logs_in(&app, &world, FRESH).await, "{backend}");
        assert!(!logs_in(&app, &world, PASSWORD).await, "{backend}");
        // Nobody has read a mail.
        assert_eq!(user(&app, &world.user_id).await["email_verified"], false, "{backend}");

        let path = format!("u/reset-password?ticket={ticket}");
        for again in [set(&app, &ticket, "yet another phrase").await, app.get(&path).await] {
            let expected = "https://app.example/done?from=mail&success=false&code=used_ticket\
                &message=This+URL+can+be+used+only+once";
            assert_eq!((again.status, again.header("location")), (302, expected), "{backend}");
        }
        assert!(logs_in(&app, &world, FRESH).await, "{backend}");
    }
}

#[tokio::test]
async fn a_ticket_verifies_an_address_once() {
    for (backend, app) in each_backend().await {
        let world = world(&app).await;
        let ticket = verification_ticket(
            &app,
            json!({
                "user_id": world.user_id, "result_url": RESULT, "includeEmailInRedirect": false,
                "identity": {
                    "provider": "auth0", "user_id": world.user_id.split_once('|').unwrap().1,
                },
            }),
        )
        .await;
        let page = app.get(&format!("u/email-verification?ticket={ticket}")).await;
        assert!(page.status == 200 && page.text.contains(EMAIL), "{backend}");
        assert_eq!(user(&app, &world.user_id).await["email_verified"], false, "{backend}");
        let done = verify(&app, &ticket).await;
        let expected = "https://app.example/done?from=mail&success=true&code=success\
            &message=Your+email+was+verified.+You+can+continue+using+the+application.";
        assert_eq!((done.status, done.header("location")), (302, expected), "{backend}");
        assert_eq!(user(&app, &world.user_id).await["email_verified"], true, "{backend}");
        assert!(verify(&app, &ticket).await.header("location").contains("success=false"));
    }
}

#[tokio::test]
async fn of_two_uses_at_once_one_wins() {
    for (backend, app) in each_backend().await {
        let world = world(&app).await;
        let body = json!({ "user_id": world.user_id, "result_url": RESULT });
        let ticket = password_ticket(&app, body).await;
        let (one, two) =
            tokio::join!(set(&app, &ticket, FRESH), set(&app, &ticket, "yet another phrase"));
        let won = |answer: &Answer| answer.header("location").contains("success=true");
        assert!(won(&one) != won(&two), "{backend}: {one:?} {two:?}");
        let winner = if won(&one) { FRESH } else { "yet another phrase" };
        assert!(logs_in(&app, &world, winner).await, "{backend}");
    }
}

#[tokio::test]
async fn a_ticket_works_as_long_as_it_says() {
    for (backend, app) in each_backend().await {
        let world = world(&app).await;
        for (ttl, lifetime) in [(json!(60), 60), (json!(0), 432_000), (Value::Null, 432_000)] {
            let mut body = json!({ "user_id": world.user_id, "result_url": RESULT });
            if !ttl.is_null() {
                body["ttl_sec"] = ttl;
            }
            let ticket = password_ticket(&app, body).await;
            let path = format!("u/reset-password?ticket={ticket}");
            app.clock.advance_seconds(lifetime - 5);
            assert_eq!(app.get(&path).await.status, 200, "{backend} {lifetime}");
            app.clock.advance_seconds(5);
            let expected = "https://app.example/done?from=mail&success=false&code=access_expired\
                &message=Access+expired.";
            for late in [app.get(&path).await, set(&app, &ticket, FRESH).await] {
                assert_eq!((late.status, late.header("location")), (302, expected), "{backend}");
            }
            // The Management API token lives a day.
            app.clock.advance_seconds(-lifetime);
        }
        assert!(logs_in(&app, &world, PASSWORD).await, "{backend}");
    }
}

#[tokio::test]
async fn only_an_operator_who_vouches_for_the_address_has_it_verified() {
    for (backend, app) in each_backend().await {
        let world = world(&app).await;
        for marks in [false, true] {
            let body = json!({ "user_id": world.user_id, "mark_email_as_verified": marks });
            let ticket = password_ticket(&app, body).await;
            assert_eq!(set(&app, &ticket, FRESH).await.status, 200, "{backend}");
            assert_eq!(user(&app, &world.user_id).await["email_verified"], marks, "{backend}");
        }
    }
}

#[tokio::test]
async fn the_newest_ticket_of_an_operator_works_and_what_the_person_asked_for_stays() {
    for (backend, app) in each_backend().await {
        let world = world(&app).await;
        let asks = json!({
            "client_id": world.client_id, "email": EMAIL,
            "connection": "Username-Password-Authentication",
        });
        app.send(app.http.post(app.url("dbconnections/change_password")).json(&asks)).await;
        let mailed = crate::oauth::signup::ticket(&app.mails_to(EMAIL).await[0]);
        let body = json!({ "user_id": world.user_id });
        let older = password_ticket(&app, body.clone()).await;
        let other = verification_ticket(&app, body.clone()).await;
        let newer = password_ticket(&app, body).await;
        let status = async |path: &str, ticket: &str| {
            app.get(&format!("u/{path}?ticket={ticket}")).await.status
        };
        assert_eq!(status("reset-password", &older).await, 400, "{backend}");
        assert_eq!(status("reset-password", &newer).await, 200, "{backend}");
        assert_eq!(status("email-verification", &other).await, 200, "{backend}: another kind");
        assert_eq!(status("reset-password", &mailed).await, 200, "{backend}: by mail");
        // Neither is good for the other.
        assert_eq!(status("email-verification", &newer).await, 400, "{backend}");
        assert_eq!(status("reset-password", &other).await, 400, "{backend}");
        assert_eq!(set(&app, &mailed, FRESH).await.status, 200, "{backend}");
        assert_eq!(
            status("reset-password", &newer).await,
            400,
            "{backend}: what it was for is done"
        );
    }
}

#[tokio::test]
async fn tickets_of_operators_leave_room_for_those_of_people() {
    for (backend, app) in crate::support::each_backend_with("[links]\nper_user = 1").await {
        let world = world(&app).await;
        for _ in 0..3 {
            password_ticket(&app, json!({ "user_id": world.user_id })).await;
        }
        let asks = json!({
            "client_id": world.client_id, "email": EMAIL,
            "connection": "Username-Password-Authentication",
        });
        for _ in 0..2 {
            app.send(app.http.post(app.url("dbconnections/change_password")).json(&asks)).await;
        }
        assert_eq!(app.mails_to(EMAIL).await.len(), 1, "{backend}");
    }
}

#[tokio::test]
async fn a_user_may_be_named_by_address_and_connection() {
    for (backend, app) in each_backend().await {
        let world = world(&app).await;
        let id = app.connection_id().await;
        let body = json!({ "email": "Ada@Example.com", "connection_id": id });
        let ticket = password_ticket(&app, body).await;
        assert_eq!(set(&app, &ticket, FRESH).await.status, 200, "{backend}");
        assert!(logs_in(&app, &world, FRESH).await, "{backend}");
    }
}

#[tokio::test]
async fn a_ticket_of_an_application_leads_on_to_its_login() {
    for (backend, app) in each_backend().await {
        let login = json!({ "initiate_login_uri": "https://app.example/login?a=b&c=d" });
        let world = app.world_with(login, json!({})).await;
        let organization = json!({ "name": "acme" });
        let organization = TestApp::created(&post(&app, "/organizations", organization).await);
        let organization = organization["id"].as_str().unwrap().to_owned();
        let members = json!({ "members": [world.user_id] });
        post(&app, &format!("/organizations/{organization}/members"), members).await;
        let body = json!({
            "user_id": world.user_id, "client_id": world.client_id,
            "organization_id": organization,
        });
        let ticket = password_ticket(&app, body).await;
        let done = set(&app, &ticket, FRESH).await;
        assert_eq!(done.status, 200, "{backend}");
        let issuer = url::form_urlencoded::byte_serialize(app.issuer.as_bytes());
        let expected = format!(
            "href=\"https://app.example/login?a=b&#38;c=d&#38;iss={}&#38;organization_id={organization}\
             &#38;organization_name=acme\"",
            issuer.collect::<String>()
        );
        assert!(done.text.contains(&expected), "{backend}: {} in {}", expected, done.text);
        assert!(done.text.contains("Continue to App"), "{backend}");

        // Without one, to where the tenant sends people.
        let plain = json!({ "initiate_login_uri": "" });
        app.patch_client(&world.client_id, plain).await;
        let tenant = json!({ "default_redirection_uri": "https://home.example/start" });
        patch(&app, "/tenants/settings", tenant).await.ok();
        let body = json!({ "user_id": world.user_id, "client_id": world.client_id });
        let ticket = verification_ticket(&app, body).await;
        let done = verify(&app, &ticket).await;
        assert!(done.text.contains("href=\"https://home.example/start\""), "{backend}");
    }
}

#[tokio::test]
async fn bad_requests_are_refused() {
    for (backend, app) in each_backend().await {
        let world = world(&app).await;
        let connection = app.connection_id().await;
        let no_mail = json!({
            "connection": "Username-Password-Authentication", "username": "nomail",
            "password": PASSWORD,
        });
        let no_mail = TestApp::created(&post(&app, "/users", no_mail).await);
        let organization =
            TestApp::created(&post(&app, "/organizations", json!({ "name": "acme" })).await);
        let organization = organization["id"].as_str().unwrap();
        let id = &world.user_id;
        let other = "con_aaaaaaaaaaaaaaaa";
        let identity = |id: &str| json!({ "provider": "auth0", "user_id": id });
        let local = id.split_once('|').unwrap().1;
        for (body, status, said) in [
            (json!({}), 400, "Missing required property: user_id"),
            (json!({ "user_id": id, "email": EMAIL }), 400, "email cannot be specified"),
            (json!({ "user_id": id, "connection_id": connection }), 400, "cannot be specified"),
            (json!({ "email": EMAIL }), 400, "email requires connection_id"),
            (json!({ "connection_id": connection }), 400, "connection_id requires email"),
            (json!({ "email": EMAIL, "connection_id": "con_1" }), 400, "does not match pattern"),
            (
                json!({ "email": EMAIL, "connection_id": other }),
                400,
                "The connection with id con_aaaaaaaaaaaaaaaa does not exist.",
            ),
            (
                json!({ "email": "nobody@example.com", "connection_id": connection }),
                404,
                "User not found.",
            ),
            (json!({ "user_id": "auth0|nobody" }), 404, "User not found."),
            (json!({ "user_id": no_mail["user_id"] }), 400, "does not have an email address"),
            (json!({ "user_id": id, "ttl_sec": -1 }), 400, "less than minimum"),
            (json!({ "user_id": id, "ttl_sec": 31_536_001 }), 400, "greater than maximum"),
            (json!({ "user_id": id, "ttl_sec": "60" }), 400, "Expected type integer"),
            (json!({ "user_id": id, "result_url": "" }), 400, "too short"),
            (json!({ "user_id": id, "result_url": "/done" }), 400, "format url"),
            (json!({ "user_id": id, "result_url": "javascript:alert(1)" }), 400, "format url"),
            (json!({ "user_id": id, "result_url": "com.example:/done" }), 400, "format url"),
            (json!({ "user_id": id, "result_url": "https://a@b.example/" }), 400, "format url"),
            (json!({ "user_id": id, "result_url": "https://a.example/\n" }), 400, "format url"),
            (
                json!({ "user_id": id, "result_url": RESULT, "client_id": world.client_id }),
                400,
                "cannot be specified together with client_id",
            ),
            (
                json!({ "user_id": id, "result_url": RESULT, "organization_id": organization }),
                400,
                "cannot be specified together with organization_id",
            ),
            (json!({ "user_id": id, "client_id": "nobody" }), 400, "The client does not exist"),
            (json!({ "user_id": id, "organization_id": "acme" }), 400, "organization does not"),
            (json!({ "user_id": id, "organization_id": organization }), 400, "is not a member"),
            (json!({ "user_id": id, "identity": {} }), 400, "Missing required property"),
            (json!({ "user_id": id, "identity": identity("other") }), 400, "given identity"),
            (
                json!({ "user_id": id, "identity":
                    { "provider": "auth0", "user_id": local, "connection_id": other } }),
                400,
                "Identity connection does not exist.",
            ),
            (
                json!({ "email": EMAIL, "connection_id": connection, "identity": identity(local) }),
                400,
                "identity requires user_id",
            ),
            (json!({ "user_id": id, "new_password": FRESH }), 400, "Additional properties"),
        ] {
            let answer = post(&app, "/tickets/password-change", body.clone()).await;
            let code = if status == 404 { "inexistent_user" } else { "invalid_body" };
            assert_eq!(refused(&answer), (status, code.to_owned()), "{backend} {body}");
            assert!(answer.text.contains(said), "{backend} {body}: {}", answer.text);
        }
        for (body, status) in [
            (json!({}), 400),
            (json!({ "user_id": "auth0|nobody" }), 404),
            (json!({ "user_id": no_mail["user_id"] }), 400),
            (json!({ "user_id": id, "connection_id": connection }), 400),
            (json!({ "user_id": id, "mark_email_as_verified": true }), 400),
            (json!({ "user_id": id, "result_url": RESULT, "client_id": world.client_id }), 400),
        ] {
            let answer = post(&app, "/tickets/email-verification", body.clone()).await;
            assert_eq!(answer.status, status, "{backend} {body}: {}", answer.text);
        }
        let token = app.management_token_with(Some("read:users update:users")).await;
        for path in ["/tickets/password-change", "/tickets/email-verification"] {
            let body = Some(json!({ "user_id": id }));
            let answer = app.management_as(&token, "POST", path, body).await;
            assert_eq!(refused(&answer), (403, "insufficient_scope".to_owned()), "{backend}");
        }
    }
}

#[tokio::test]
async fn a_user_without_passwords_gets_no_ticket_for_one() {
    for (backend, app) in each_backend().await {
        let store = &app.inner.store;
        let now = app.inner.clock.now();
        let user = doorward::domain::user::User::of_address("42", "grace@example.com", now);
        let mut tx = store.write().await.unwrap();
        doorward::store::users::insert(&mut tx, &user, None).await.unwrap();
        tx.commit().await.unwrap();
        let body = json!({ "user_id": "email|42" });
        let answer = post(&app, "/tickets/password-change", body.clone()).await;
        super::invalid_body(&answer, "The user's main connection does not support this operation.");
        verification_ticket(&app, body).await;
        assert_eq!(app.mails().await.len(), 0, "{backend}");
    }
}

#[tokio::test]
async fn a_ticket_dies_with_the_user_or_the_address() {
    for (backend, app) in each_backend().await {
        let world = world(&app).await;
        let path = format!("/users/{}", segment(&world.user_id));
        let body = json!({ "user_id": world.user_id, "result_url": RESULT });
        let ticket = password_ticket(&app, body.clone()).await;
        patch(&app, &path, json!({ "blocked": true })).await.ok();
        assert_eq!(set(&app, &ticket, FRESH).await.status, 400, "{backend}: blocked");
        patch(&app, &path, json!({ "blocked": false })).await.ok();
        patch(&app, &path, json!({ "email": "lovelace@example.com" })).await.ok();
        assert_eq!(set(&app, &ticket, FRESH).await.status, 400, "{backend}: another address");
        let ticket = password_ticket(&app, body).await;
        delete(&app, &path).await;
        assert_eq!(set(&app, &ticket, FRESH).await.status, 400, "{backend}: deleted");
    }
}

#[tokio::test]
async fn a_ticket_is_kept_as_a_digest_told_of_without_itself_and_swept() {
    for (backend, app) in each_backend().await {
        let world = world(&app).await;
        let body = json!({ "user_id": world.user_id, "result_url": RESULT });
        let ticket = password_ticket(&app, body).await;
        set(&app, &ticket, FRESH).await;
        app.inner.login.audit.flush().await;
        let logs = get(&app, "/logs?per_page=100").await.ok();
        let of = |kind: &str| {
            logs.as_array().unwrap().iter().filter(|log| log["type"] == kind).collect::<Vec<_>>()
        };
        let written = of("sapi")
            .into_iter()
            .find(|log| log["details"]["request"]["path"] == "/api/v2/tickets/password-change");
        let written = written.unwrap_or_else(|| panic!("{backend}: {logs}"));
        assert_eq!(written["details"]["id"], world.user_id.as_str(), "{backend}");
        assert_eq!(written["details"]["changed"], json!(["result_url", "user_id"]), "{backend}");
        assert_eq!(of("scp").len(), 1, "{backend}");
        for secret in [ticket.as_str(), EMAIL, RESULT] {
            assert!(!logs.to_string().contains(secret), "{backend}: {secret}");
        }
        let mut raw = Raw::connect(&app).await;
        let hash = hex::encode(&digest::sha256(ticket.as_bytes()));
        let literal = if backend == "sqlite" { "X'" } else { "'\\x" };
        let count = format!("SELECT COUNT(*) FROM ticket WHERE ticket_hash = {literal}{hash}'");
        assert_eq!(number(&mut raw, &count).await, 1, "{backend}: kept until it expires");
        app.clock.advance_seconds(432_001);
        let now = app.inner.clock.now();
        doorward::store::sweep::run(&app.inner.store, now, 86_400).await.unwrap();
        assert_eq!(number(&mut raw, &count).await, 0, "{backend}");
    }
}

async fn number(raw: &mut Raw, sql: &str) -> i64 {
    let sql = sqlx::AssertSqlSafe(sql.to_owned());
    let (number,): (i64,) = match raw {
        Raw::Sqlite(c) => sqlx::query_as(sql).fetch_one(c).await.unwrap(),
        Raw::Postgres(c) => sqlx::query_as(sql).fetch_one(c).await.unwrap(),
    };
    number
}
