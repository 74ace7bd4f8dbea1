//! Creating an account: on the page, and as SDKs do it.

use doorward::crypto::digest;
use serde_json::{Value, json};

use crate::support::{
    Answer, TestApp, browser::Browser, each_backend, each_backend_with, fixtures::*, mail::Mail,
};

const NEW: &str = "grace@example.com";
const CONNECTION: &str = "Username-Password-Authentication";

async fn post(app: &TestApp, body: &Value) -> Answer {
    app.send(app.http.post(app.url("dbconnections/signup")).json(body)).await
}

fn body(world: &World) -> Value {
    json!({
        "client_id": world.client_id, "email": NEW, "password": PASSWORD, "connection": CONNECTION,
    })
}

fn with(mut body: Value, name: &str, value: Value) -> Value {
    body[name] = value;
    body
}

/// The path and the query of a link in a message.
pub fn path(app: &TestApp, mail: &Mail) -> String {
    let link = mail.link();
    assert!(link.starts_with(&app.inner.settings.issuer), "{link}");
    link[app.inner.settings.issuer.len()..].to_owned()
}

/// The ticket of a link in a message.
pub fn ticket(mail: &Mail) -> String {
    let link = url::Url::parse(&mail.link()).unwrap();
    link.query_pairs().find(|(name, _)| name == "ticket").unwrap().1.into_owned()
}

async fn user(app: &TestApp, email: &str) -> Value {
    let found = app.management("GET", &format!("/users-by-email?email={email}"), None).await.ok();
    found[0].clone()
}

#[tokio::test]
async fn an_sdk_creates_an_account_that_can_log_in() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let mut sent = body(&world);
        sent["email"] = json!("  Grace@Example.com ");
        sent["given_name"] = json!("Grace");
        sent["username"] = json!("GraceH");
        sent["user_metadata"] = json!({ "plan": "silver" });
        let created = post(&app, &sent).await.ok();
        let id = created["_id"].as_str().unwrap();
        assert!(id.len() == 24 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{backend}: {id}");
        let expected = json!({
            "_id": id, "email": NEW, "email_verified": false, "username": "graceh",
            "given_name": "Grace", "user_metadata": { "plan": "silver" },
        });
        assert_eq!(created, expected, "{backend}");
        let user = user(&app, NEW).await;
        assert_eq!(user["user_id"], format!("auth0|{id}"), "{backend}");
        assert_eq!((&user["name"], &user["nickname"]), (&json!(NEW), &json!("grace")), "{backend}");
        let challenge = digest::s256_challenge(VERIFIER);
        let query = authorize_query(&world.client_id, &challenge, &[("scope", "openid")]);
        let landed = Browser::new(&app).log_in(&query, NEW, PASSWORD).await.application();
        assert!(landed.contains_key("code"), "{backend}: {landed:?}");
    }
}

#[tokio::test]
async fn a_form_is_read_like_json() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let form = [
            ("client_id", world.client_id.as_str()),
            ("email", NEW),
            ("password", PASSWORD),
            ("connection", CONNECTION),
        ];
        let created = app.post_form("dbconnections/signup", &form).await.ok();
        assert_eq!(created["email"], NEW, "{backend}");
    }
}

#[tokio::test]
async fn bad_input_is_answered_in_the_shape_of_auth0_and_creates_nothing() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let good = body(&world);
        let cases = [
            ("client_id", Value::Null, "invalid_request"),
            ("client_id", json!("nobody"), "invalid_client"),
            ("email", Value::Null, "invalid_request"),
            ("email", json!(""), "invalid_request"),
            ("email", json!("grace"), "invalid_request"),
            ("email", json!("grace@example.com\r\nBcc: eve@example.com"), "invalid_request"),
            ("email", json!("grace@example.com,eve@example.com"), "invalid_request"),
            ("email", json!(format!("{}@example.com", "a".repeat(300))), "invalid_request"),
            ("password", Value::Null, "invalid_request"),
            ("password", json!("short"), "invalid_password"),
            ("password", json!("password1"), "invalid_password"),
            ("password", json!(NEW), "invalid_password"),
            ("password", json!("x".repeat(1025)), "invalid_password"),
            ("connection", Value::Null, "invalid_request"),
            ("connection", json!("other"), "invalid_connection"),
            ("username", json!("eve@example.com"), "invalid_request"),
            ("username", json!("a b"), "invalid_request"),
            ("name", json!("x".repeat(301)), "invalid_request"),
            ("picture", json!("javascript:alert(1)"), "invalid_request"),
            ("user_metadata", json!("text"), "invalid_request"),
            ("user_metadata", json!({ "a": { "b": 1 } }), "invalid_request"),
            ("user_metadata", json!({ "a": "x".repeat(501) }), "invalid_request"),
            ("user_metadata", json!({ "a": "\u{0}" }), "invalid_request"),
        ];
        for (name, value, code) in cases {
            let answer = post(&app, &with(good.clone(), name, value.clone())).await;
            let said = answer.json();
            assert_eq!((answer.status, &said["code"]), (400, &json!(code)), "{backend} {name}");
            assert_eq!(said["statusCode"], 400, "{backend} {name} {value}");
        }
        let weak = post(&app, &with(good.clone(), "password", json!("short"))).await.json();
        assert_eq!(weak["name"], "PasswordStrengthError", "{backend}");
        assert!(weak["policy"].as_str().unwrap().contains("8 characters"), "{backend}");
        let personal = post(&app, &with(good.clone(), "password", json!(NEW))).await.json();
        assert_eq!(personal["name"], "PasswordNoUserInfoError", "{backend}");

        let url = app.url("dbconnections/signup");
        let broken = app.send(app.http.post(&url).body("{")).await;
        assert_eq!(broken.status, 400, "{backend}");
        let twice = [("client_id", "a"), ("client_id", "b")];
        assert_eq!(app.post_form("dbconnections/signup", &twice).await.status, 400, "{backend}");
        let long = json!({ "client_id": "x".repeat(70_000) });
        assert_eq!(post(&app, &long).await.status, 413, "{backend}");
        for method in ["GET", "PUT", "DELETE"] {
            let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
            let answer = app.send(app.http.request(method, &url)).await;
            assert_eq!((answer.status, answer.text_of("code").as_str()), (405, "invalid_request"));
        }
        assert_eq!(user(&app, NEW).await, Value::Null, "{backend}: nobody was created");
        assert!(app.mails().await.is_empty(), "{backend}: and nobody was written to");
    }
}

#[tokio::test]
async fn an_existing_user_is_answered_as_auth0_does_and_untouched() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let other = "another password of mine";
        for email in [EMAIL, "ADA@example.com"] {
            let taken = with(with(body(&world), "email", json!(email)), "password", json!(other));
            let answer = post(&app, &taken).await;
            assert_eq!(answer.status, 400, "{backend}");
            let expected = json!({
                "name": "BadRequestError", "code": "invalid_signup",
                "description": "Invalid sign up", "statusCode": 400,
            });
            assert_eq!(answer.json(), expected, "{backend}");
        }
        app.log_in(&world).await;
        assert!(app.mails().await.is_empty(), "{backend}");
    }
}

#[tokio::test]
async fn of_two_signups_at_once_one_creates_the_account() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let body = body(&world);
        let answers = tokio::join!(post(&app, &body), post(&app, &body), post(&app, &body));
        let mut statuses = [answers.0.status, answers.1.status, answers.2.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 400, 400], "{backend}");
        assert_eq!(app.mails().await.len(), 1, "{backend}");
    }
}

#[tokio::test]
async fn browsers_may_call_it_from_known_origins_only() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        for path in ["dbconnections/signup", "dbconnections/change_password"] {
            for (origin, allowed) in
                [("https://app.example", true), ("https://evil.example", false)]
            {
                let url = app.url(path);
                let preflight = app.http.request(reqwest::Method::OPTIONS, &url);
                let preflight = preflight
                    .header("origin", origin)
                    .header("access-control-request-method", "POST")
                    .header("access-control-request-headers", "auth0-client,content-type");
                let call = app.http.post(&url).header("origin", origin).json(&json!({}));
                for answer in [app.send(preflight).await, app.send(call).await] {
                    let expected = if allowed { origin } else { "" };
                    let got = answer.header("access-control-allow-origin");
                    assert_eq!(got, expected, "{backend} {path}");
                }
            }
        }
        assert!(!world.client_id.is_empty());
    }
}

#[tokio::test]
async fn a_person_signs_up_and_the_login_goes_on() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let challenge = digest::s256_challenge(VERIFIER);
        let more = [("scope", "openid"), ("screen_hint", "signup"), ("login_hint", NEW)];
        let query = authorize_query(&world.client_id, &challenge, &more);
        let mut browser = Browser::new(&app);
        let page = browser.visit("authorize", &query).await.page();
        assert_eq!(page.0, "/u/signup", "{backend}");
        assert!(page.1.text.contains("App") && page.1.text.contains(NEW), "{backend}");

        // What is refused shows the page again, with what was typed.
        for (email, password, said) in [
            ("", "", "valid email"),
            ("grace", PASSWORD, "valid email"),
            (NEW, "", "too short"),
            (NEW, "password1", "too easy to guess"),
            (NEW, NEW, "must not be your email"),
            (EMAIL, PASSWORD, "No account could be created"),
        ] {
            let fields = [("email", email), ("password", password)];
            let (path, answer) = browser.submit(&page, &fields).await.page();
            assert_eq!((path.as_str(), answer.status), ("/u/signup", 200), "{backend}");
            assert!(answer.text.contains(said), "{backend}: {said}: {}", answer.text);
            assert!(!browser.cookies.contains_key("doorward_session"), "{backend}");
            assert!(!answer.text.contains(PASSWORD), "{backend}: no password is echoed");
        }
        let fields = [("email", NEW), ("password", PASSWORD)];
        let landed = browser.submit(&page, &fields).await.application();
        assert_eq!(landed["state"], "a+b/c=", "{backend}");
        app.exchange_code(&world, &landed["code"]).await.ok();
        assert_eq!(user(&app, NEW).await["logins_count"], 1, "{backend}");
    }
}

#[tokio::test]
async fn the_login_page_and_the_signup_page_lead_to_each_other() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let challenge = digest::s256_challenge(VERIFIER);
        let query = authorize_query(&world.client_id, &challenge, &[]);
        let mut browser = Browser::new(&app);
        let login = browser.visit("authorize", &query).await.page().1;
        let signup = browser.visit(&href(&login, "signup"), &[]).await.page();
        assert_eq!((signup.0.as_str(), signup.1.status), ("/u/signup", 200), "{backend}");
        let back = browser.visit(&href(&signup.1, "login"), &[]).await.page();
        assert_eq!((back.0.as_str(), back.1.status), ("/u/login", 200), "{backend}");
        // Not from another browser, and not without a transaction.
        let mut stranger = Browser::new(&app);
        let fields = [("email", NEW), ("password", PASSWORD)];
        assert_eq!(stranger.submit(&signup, &fields).await.page().1.status, 400, "{backend}");
        assert_eq!(app.post_form("u/signup", &fields).await.status, 400, "{backend}");
        assert_eq!(app.get("u/signup").await.status, 400, "{backend}");
        for page in ["signup", "reset-password/request", "reset-password", "email-verification"] {
            let answer = app.send(app.http.put(app.url(&format!("u/{page}")))).await;
            assert_eq!(answer.status, 405, "{backend} {page}");
        }
        assert_eq!(user(&app, NEW).await, Value::Null, "{backend}");
    }
}

/// Where the link with this id leads.
pub fn href(answer: &Answer, id: &str) -> String {
    let tag = answer.text.split(&format!("<a id=\"{id}\" href=\"")).nth(1);
    tag.unwrap_or_else(|| panic!("no {id} in {}", answer.text)).split('"').next().unwrap().into()
}

#[tokio::test]
async fn nobody_signs_up_where_it_is_switched_off() {
    for (backend, app) in each_backend_with("[signup]\nenabled = false").await {
        let world = app.world().await;
        let answer = post(&app, &body(&world)).await;
        let code = answer.text_of("code");
        assert_eq!((answer.status, code.as_str()), (400, "public_signup_disabled"), "{backend}");
        let challenge = digest::s256_challenge(VERIFIER);
        let query = authorize_query(&world.client_id, &challenge, &[("screen_hint", "signup")]);
        let mut browser = Browser::new(&app);
        let (path, login) = browser.visit("authorize", &query).await.page();
        assert_eq!(path, "/u/login", "{backend}");
        assert!(!login.text.contains("/u/signup"), "{backend}");
        let fields = [("email", NEW), ("password", PASSWORD)];
        let page = ("/u/signup".to_owned(), login);
        assert_eq!(browser.submit(&page, &fields).await.page().1.status, 403, "{backend}");
        assert_eq!(user(&app, NEW).await, Value::Null, "{backend}");
    }
}

#[tokio::test]
async fn the_address_is_verified_by_a_link_that_works_once() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        post(&app, &body(&world)).await.ok();
        let mails = app.mails_to(NEW).await;
        assert_eq!(mails.len(), 1, "{backend}");
        assert_eq!(mails[0].subject, "Confirm your email address", "{backend}");
        let ticket = ticket(&mails[0]);
        let path = path(&app, &mails[0]);
        // Looking, as mail scanners do, spends nothing.
        for _ in 0..2 {
            let page = app.get(&path).await;
            assert_eq!(page.status, 200, "{backend}");
            assert!(page.text.contains(NEW), "{backend}");
        }
        assert_eq!(user(&app, NEW).await["email_verified"], false, "{backend}");
        for form in [vec![], vec![("ticket", "x")], vec![("ticket", &ticket[1..])]] {
            assert_eq!(app.post_form("u/email-verification", &form).await.status, 400, "{backend}");
        }
        let form = [("ticket", ticket.as_str())];
        // It is no ticket for a password.
        let other = [("ticket", ticket.as_str()), ("password", PASSWORD)];
        assert_eq!(app.post_form("u/reset-password", &other).await.status, 400, "{backend}");
        let post = || app.post_form("u/email-verification", &form);
        let (one, two) = tokio::join!(post(), post());
        let mut statuses = [one.status, two.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 400], "{backend}");
        assert_eq!(user(&app, NEW).await["email_verified"], true, "{backend}");
        assert_eq!(app.get(&path).await.status, 400, "{backend}");
    }
}

#[tokio::test]
async fn a_link_that_is_too_old_or_for_another_address_verifies_nothing() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        for (email, is_late) in [("one@example.com", true), ("two@example.com", false)] {
            let created = post(&app, &with(body(&world), "email", json!(email))).await.ok();
            let ticket = ticket(&app.mails_to(email).await[0]);
            if is_late {
                app.clock.advance_seconds(259_200);
            } else {
                let path = format!("/users/auth0%7C{}", created["_id"].as_str().unwrap());
                let patch = json!({ "email": "three@example.com" });
                // The Management token of before is too old by now.
                let token = app.management_token_with(None).await;
                app.management_as(&token, "PATCH", &path, Some(patch)).await.ok();
            }
            let form = [("ticket", ticket.as_str())];
            assert_eq!(app.post_form("u/email-verification", &form).await.status, 400, "{backend}");
        }
    }
}
