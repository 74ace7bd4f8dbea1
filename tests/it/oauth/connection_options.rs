//! What the options of a connection do to sign-up, names, passwords and codes.

use serde_json::{Value, json};

use super::connections::{
    DEFAULT, OTP_GRANT, add_user, by_password, database, enable, grants, id_of, set_options,
    subject, visit,
};
use crate::support::{Answer, TestApp, browser::Browser, each_backend, fixtures::*};

async fn signup(app: &TestApp, world: &World, connection: &str, changes: Value) -> Answer {
    let mut body = json!({
        "client_id": world.client_id, "email": "grace@example.com", "password": PASSWORD,
        "connection": connection,
    });
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
    app.send(app.http.post(app.url("dbconnections/signup")).json(&body)).await
}

#[tokio::test]
async fn accounts_are_created_where_the_application_says() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(grants(), json!({})).await;
        let staff = database(&app, "staff", json!({})).await;
        for name in ["staff", "nowhere", "email"] {
            let answer = signup(&app, &world, name, json!({})).await;
            assert_eq!((answer.status, answer.text_of("code")), (400, "invalid_connection".into()));
        }
        enable(&app, &staff, &world, true).await;
        signup(&app, &world, "staff", json!({})).await.ok();
        signup(&app, &world, DEFAULT, json!({})).await.ok();
        let users = app.management("GET", "/users-by-email?email=grace@example.com", None).await;
        let users = users.ok();
        let mut connections: Vec<_> = users
            .as_array()
            .unwrap()
            .iter()
            .map(|user| user["identities"][0]["connection"].as_str().unwrap())
            .collect();
        connections.sort_unstable();
        assert_eq!(connections, [DEFAULT, "staff"], "{backend}: one address, two users");

        // Closed, in either of two ways.
        for options in [
            json!({ "disable_signup": true }),
            json!({ "authentication_methods": { "password": { "signup_behavior": "block" } } }),
        ] {
            set_options(&app, &staff, options).await;
            let answer = signup(&app, &world, "staff", json!({})).await;
            assert_eq!(answer.text_of("code"), "public_signup_disabled", "{backend}");
            let more = [("connection", "staff"), ("screen_hint", "signup")];
            let page = visit(&mut Browser::new(&app), &world, &more).await.page();
            assert_eq!(page.0, "/u/login", "{backend}");
            assert!(!page.1.text.contains("id=\"signup\""), "{backend}: {}", page.1.text);
            let more = [("connection", DEFAULT), ("screen_hint", "signup")];
            let page = visit(&mut Browser::new(&app), &world, &more).await.page();
            assert_eq!(page.0, "/u/signup", "{backend}");
        }
    }
}

#[tokio::test]
async fn a_connection_says_what_users_are_called() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(grants(), json!({})).await;
        let staff = database(&app, "staff", json!({})).await;
        enable(&app, &staff, &world, true).await;
        let create = async |username: Option<&str>| {
            let mut body = json!({ "connection": "staff", "email": "u@x.example" });
            if let Some(username) = username {
                body["username"] = json!(username);
            }
            app.management("POST", "/users", Some(body)).await
        };
        let required = json!({
            "requires_username": true, "validation": { "username": { "min": 3, "max": 5 } },
        });
        set_options(&app, &staff, required).await;
        for (username, message) in [
            (None, "Payload validation error: 'Missing required property: username'."),
            (
                Some("ab"),
                "Payload validation error: 'String is too short (2 chars), minimum 3' on property username.",
            ),
            (
                Some("abcdef"),
                "Payload validation error: 'String is too long (6 chars), maximum 5' on property username.",
            ),
        ] {
            let answer = create(username).await;
            assert_eq!((answer.status, answer.text_of("message")), (400, message.to_owned()));
            let changes = username.map_or(json!({}), |name| json!({ "username": name }));
            let answer = signup(&app, &world, "staff", changes).await;
            assert_eq!(answer.text_of("description"), "Invalid property: username", "{backend}");
        }
        // The page asks for one.
        let more = [("connection", "staff"), ("screen_hint", "signup")];
        let mut browser = Browser::new(&app);
        let page = visit(&mut browser, &world, &more).await.page();
        assert!(page.1.text.contains("name=\"username\""), "{backend}");
        let fields = [("email", "grace@example.com"), ("username", "ab"), ("password", PASSWORD)];
        let again = browser.submit(&page, &fields).await.page();
        assert!(again.1.text.contains("Please enter a valid username"), "{}", again.1.text);
        let fields =
            [("email", "grace@example.com"), ("username", "Grace"), ("password", PASSWORD)];
        let landed = browser.submit(&again, &fields).await.application();
        assert!(landed.contains_key("code"), "{backend}: {landed:?}");
        let user =
            app.management("GET", "/users-by-email?email=grace@example.com", None).await.ok();
        assert_eq!(user[0]["username"], "grace", "{backend}");
        let path = format!("/users/{}", user[0]["user_id"].as_str().unwrap().replace('|', "%7C"));
        let removed = app.management("PATCH", &path, Some(json!({ "username": null }))).await;
        assert_eq!(removed.status, 400, "{backend}");
        let moved = json!({ "connection": DEFAULT, "username": "ada" });
        let moved = app.management("PATCH", &path, Some(moved)).await;
        assert_eq!(moved.text_of("message"), "The connection does not exist.", "{backend}");

        set_options(&app, &staff, json!({ "requires_username": false })).await;
        let answer = create(Some("abc")).await;
        let text = "Cannot set username for connection without requires_username.";
        assert_eq!((answer.status, answer.text_of("message")), (400, text.to_owned()), "{backend}");
        assert_eq!(create(None).await.status, 201, "{backend}");
        assert_eq!(create(None).await.status, 409, "{backend}: unique in its connection");
    }
}

#[tokio::test]
async fn a_connection_says_how_strong_passwords_are() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(grants(), json!({})).await;
        let staff = database(&app, "staff", json!({})).await;
        enable(&app, &staff, &world, true).await;
        for (options, password, name, message) in [
            (
                json!({ "passwordPolicy": "good" }),
                "onlylowercase",
                "PasswordStrengthError",
                "Password is too weak",
            ),
            (
                json!({ "passwordPolicy": "low", "password_complexity_options": { "min_length": 20 } }),
                "Only19Characters!!!",
                "PasswordStrengthError",
                "Password is too weak",
            ),
            (
                json!({ "passwordPolicy": "low", "password_no_personal_info": { "enable": true } }),
                "xxGRACExx",
                "PasswordNoUserInfoError",
                "Password contains user information",
            ),
            (
                json!({ "passwordPolicy": "low", "password_dictionary": { "enable": true, "dictionary": ["Acme-2-Acme"] } }),
                "acme-2-acme",
                "PasswordDictionaryError",
                "Password is too common",
            ),
        ] {
            set_options(&app, &staff, options).await;
            let changes = json!({ "password": password });
            let answer = signup(&app, &world, "staff", changes).await;
            let told = (answer.text_of("code"), answer.text_of("name"), answer.text_of("message"));
            assert_eq!(told, ("invalid_password".into(), name.into(), message.into()), "{backend}");
            let body = json!({ "connection": "staff", "email": "grace@example.com", "password": password });
            let answer = app.management("POST", "/users", Some(body)).await;
            let expected = format!("{name}: {message}");
            assert_eq!((answer.status, answer.text_of("message")), (400, expected), "{backend}");
            let more = [("connection", "staff"), ("screen_hint", "signup")];
            let mut browser = Browser::new(&app);
            let page = visit(&mut browser, &world, &more).await.page();
            let fields = [("email", "grace@example.com"), ("password", password)];
            assert_eq!(browser.submit(&page, &fields).await.page().0, "/u/signup", "{backend}");
        }
        set_options(&app, &staff, json!({ "passwordPolicy": "none" })).await;
        signup(&app, &world, "staff", json!({ "password": "x" })).await.ok();
        let users = app.management("GET", "/users-by-email?email=grace@example.com", None).await;
        let id = users.ok()[0]["user_id"].as_str().unwrap().replace('|', "%7C");
        set_options(&app, &staff, json!({ "passwordPolicy": "excellent" })).await;
        let set = async |password: &str| {
            let body = json!({ "password": password });
            app.management("PATCH", &format!("/users/{id}"), Some(body)).await.status
        };
        assert_eq!(set("aaaBBB1234").await, 400, "{backend}");
        assert_eq!(set("abcBBd1234").await, 200, "{backend}");
        // The other connection has no say in it, and this one none there.
        signup(&app, &world, DEFAULT, json!({})).await.ok();
    }
}

#[tokio::test]
async fn passwords_are_reset_in_the_connection_that_was_asked_for() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(grants(), json!({})).await;
        let staff = database(&app, "staff", json!({ "passwordPolicy": "fair" })).await;
        enable(&app, &staff, &world, true).await;
        let ada = add_user(&app, "staff", EMAIL, "Battery-staple-1").await;
        let request = async |connection: &str| {
            let body = json!({
                "client_id": world.client_id, "email": EMAIL, "connection": connection,
            });
            let answer =
                app.send(app.http.post(app.url("dbconnections/change_password")).json(&body)).await;
            app.inner.login.background.idle().await;
            answer
        };
        assert_eq!(request("nowhere").await.text_of("code"), "invalid_connection", "{backend}");
        assert_eq!(request("staff").await.status, 200, "{backend}");
        let mails = app.mails_to(EMAIL).await;
        let link = url::Url::parse(&mails.last().unwrap().link()).unwrap();
        let ticket = link.query_pairs().find(|(n, _)| n == "ticket").unwrap().1.into_owned();
        let reset = async |password: &str| {
            let form =
                [("ticket", ticket.as_str()), ("password", password), ("password_again", password)];
            app.post_form("u/reset-password", &form).await.text
        };
        let refused = reset("correct horse battery").await;
        assert!(refused.contains("enough kinds of characters"), "{backend}: {refused}");
        let shown = app.get(&format!("u/reset-password?ticket={ticket}")).await.text;
        assert!(shown.contains("upper-case letters and digits"), "{backend}: {shown}");
        assert!(!reset("Correct-horse-2").await.contains("id=\"error\""), "{backend}");
        let by_new = by_password(&app, &world, "Correct-horse-2", Some("staff")).await;
        assert_eq!(subject(&by_new), ada, "{backend}");
        let untouched = by_password(&app, &world, PASSWORD, Some(DEFAULT)).await;
        assert_eq!(subject(&untouched), world.user_id, "{backend}");

        let off = json!({ "disable_self_service_change_password": true });
        set_options(&app, &staff, off).await;
        assert_eq!(request("staff").await.text_of("code"), "change_password_disabled", "{backend}");
        let mut browser = Browser::new(&app);
        let page = visit(&mut browser, &world, &[("connection", "staff")]).await.page();
        assert!(!page.1.text.contains("/u/reset-password/request"), "{}", page.1.text);
        let state = crate::support::browser::hidden_state(&page.1.text);
        let refused =
            browser.visit("u/reset-password/request", &[("state", state.as_str())]).await.page();
        assert_eq!(refused.1.status, 403, "{backend}");
        let page = visit(&mut Browser::new(&app), &world, &[]).await.page();
        assert!(
            page.1.text.contains("/u/reset-password/request"),
            "{backend}: the other one offers it"
        );
    }
}

#[tokio::test]
async fn codes_are_mailed_for_applications_that_have_the_connection() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(grants(), json!({})).await;
        let email = id_of(&app, "email").await;
        let start = async |address: &str| {
            app.clock.advance_seconds(1);
            let body = json!({
                "client_id": world.client_id, "connection": "email", "email": address, "send": "code",
            });
            app.send(app.http.post(app.url("passwordless/start")).json(&body)).await
        };
        let log_in = async |address: &str, otp: &str| {
            app.token(&[
                ("grant_type", OTP_GRANT),
                ("client_id", &world.client_id),
                ("username", address),
                ("otp", otp),
                ("realm", "email"),
                ("scope", "openid"),
            ])
            .await
        };
        let code = async |address: &str| {
            let mails = app.mails_to(address).await;
            let text = mails.last().unwrap().text.clone();
            let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|b| b.is_ascii_digit());
            text.lines().find(is_code).unwrap().to_owned()
        };
        assert_eq!(start("grace@example.com").await.status, 200, "{backend}");
        let otp = code("grace@example.com").await;
        enable(&app, &email, &world, false).await;
        assert_eq!(start("grace@example.com").await.error(), (400, "bad.connection".into()));
        let refused = log_in("grace@example.com", &otp).await;
        assert_eq!(refused.error(), (400, "invalid_request".into()), "{backend}");
        enable(&app, &email, &world, true).await;
        assert_eq!(
            log_in("grace@example.com", &otp).await.status,
            200,
            "{backend}: it was not spent"
        );

        // An operator adds users too, and may keep everybody else out.
        let added = add_email_user(&app, "alan@example.com").await;
        set_options(&app, &email, json!({ "disable_signup": true })).await;
        assert_eq!(start("nobody@example.com").await.status, 200, "{backend}: nobody may tell");
        assert!(app.mails_to("nobody@example.com").await.is_empty(), "{backend}");
        assert_eq!(start("alan@example.com").await.status, 200, "{backend}");
        let otp = code("alan@example.com").await;
        assert_eq!(subject(&log_in("alan@example.com", &otp).await), added, "{backend}");
    }
}

async fn add_email_user(app: &TestApp, email: &str) -> String {
    let body = json!({ "connection": "email", "email": email });
    let created = TestApp::created(&app.management("POST", "/users", Some(body.clone())).await);
    let id = created["user_id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("email|"), "{id}");
    assert_eq!(created["identities"][0]["provider"], "email");
    for (name, value) in [("password", PASSWORD), ("username", "alan")] {
        let mut body = body.clone();
        body["email"] = json!("x@example.com");
        body[name] = json!(value);
        let answer = app.management("POST", "/users", Some(body)).await;
        assert_eq!(answer.status, 400, "{name}: {}", answer.text);
    }
    let nobody = json!({ "connection": "nowhere", "email": "x@example.com" });
    let answer = app.management("POST", "/users", Some(nobody)).await;
    assert_eq!(answer.text_of("message"), "The connection does not exist.");
    id
}
