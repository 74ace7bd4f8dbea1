//! One-time codes by mail (Auth0's passwordless connection `email`).

use doorward::{domain::time::Clock, store::sweep};
use serde_json::{Value, json};

use crate::support::{Answer, TestApp, each_backend, each_backend_with, fixtures::*, payload};

const GRANT: &str = "http://auth0.com/oauth/grant-type/passwordless/otp";
const NEW: &str = "grace@example.com";

fn grants() -> Value {
    json!({ "grant_types": [GRANT, "refresh_token", "authorization_code"] })
}

/// `POST /passwordless/start`, with changes; an empty value removes a parameter.
async fn start_with(app: &TestApp, world: &World, changes: &[(&str, &str)]) -> Answer {
    let mut form = vec![
        ("client_id", world.client_id.as_str()),
        ("connection", "email"),
        ("email", NEW),
        ("send", "code"),
    ];
    for (name, value) in changes {
        form.retain(|(known, _)| known != name);
        if !value.is_empty() {
            form.push((name, value));
        }
    }
    let body: serde_json::Map<_, _> =
        form.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    app.send(app.http.post(app.url("passwordless/start")).json(&body)).await
}

/// The code in the newest message to an address.
async fn code_for(app: &TestApp, address: &str) -> String {
    let mails = app.mails_to(address).await;
    let text = &mails.last().unwrap_or_else(|| panic!("no message to {address}")).text;
    let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|b| b.is_ascii_digit());
    text.lines().find(is_code).unwrap_or_else(|| panic!("no code in {text}")).to_owned()
}

/// Asks for a code and reads it.
async fn code(app: &TestApp, world: &World, address: &str) -> String {
    // Messages of one millisecond have no order.
    app.clock.advance_seconds(1);
    start_with(app, world, &[("email", address)]).await.ok();
    code_for(app, address).await
}

async fn log_in(app: &TestApp, world: &World, otp: &str, changes: &[(&str, &str)]) -> Answer {
    let mut form = vec![
        ("grant_type", GRANT),
        ("client_id", world.client_id.as_str()),
        ("username", NEW),
        ("otp", otp),
        ("realm", "email"),
        ("scope", LOGIN_SCOPE),
        ("audience", MESSAGES),
    ];
    for (name, value) in changes {
        form.retain(|(known, _)| known != name);
        if !value.is_empty() {
            form.push((name, value));
        }
    }
    app.token(&form).await
}

/// Another code than this.
fn wrong(code: &str) -> String {
    let first = if code.starts_with('0') { "1" } else { "0" };
    format!("{first}{}", &code[1..])
}

async fn user(app: &TestApp, address: &str) -> Value {
    let found = app.management("GET", &format!("/users-by-email?email={address}"), None).await.ok();
    let found = found.as_array().unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].clone()
}

fn path_of(user: &Value) -> String {
    format!("/users/{}", text(user, "user_id").replace('|', "%7C"))
}

#[tokio::test]
async fn a_mailed_code_logs_in_and_the_first_one_creates_the_user() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(grants(), json!({})).await;
        let started = start_with(&app, &world, &[]).await;
        assert_eq!(started.header("cache-control"), "no-store", "{backend}");
        let body = started.ok();
        assert_eq!((&body["email"], &body["email_verified"]), (&json!(NEW), &json!(false)));
        assert_eq!(text(&body, "_id").len(), 24, "{backend}");
        let otp = code_for(&app, NEW).await;
        let mail = &app.mails_to(NEW).await[0];
        assert!(mail.html.contains(&otp) && mail.text.contains("App"), "{backend}");
        assert!(!mail.subject.contains(&otp), "{backend}: {}", mail.subject);

        let login = log_in(&app, &world, &otp, &[]).await.ok();
        assert_eq!(login["scope"], LOGIN_SCOPE, "{backend}");
        let made = user(&app, NEW).await;
        let id = text(&made, "user_id");
        assert!(id.starts_with("email|"), "{backend}: {id}");
        assert_eq!(made["email_verified"], true, "{backend}");
        assert_eq!(made["identities"][0]["connection"], "email", "{backend}");
        assert_eq!(made["identities"][0]["provider"], "email", "{backend}");
        let id_token = payload(text(&login, "id_token"));
        assert_eq!((&id_token["sub"], &id_token["amr"]), (&json!(id), &json!(["otp"])));
        let token = text(&login, "refresh_token");
        app.refresh(&world, token, &[("audience", BILLING)]).await.ok();

        let again = log_in(&app, &world, &otp, &[]).await;
        assert_eq!(again.error(), (400, "invalid_grant".into()), "{backend}: once");
        let told = again.text_of("error_description");
        assert_eq!(told, "Wrong email or verification code.", "{backend}");
        let otp = code(&app, &world, NEW).await;
        let shouted = [("username", " Grace@EXAMPLE.com ")];
        log_in(&app, &world, &format!(" {otp} "), &shouted).await.ok();
        let made = user(&app, NEW).await;
        assert_eq!(made["logins_count"], 2, "{backend}");
        assert_eq!(text(&made, "user_id"), id, "{backend}");
    }
}

#[tokio::test]
async fn bad_requests_for_a_code() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(grants(), json!({})).await;
        let long = format!("{}@example.com", "x".repeat(300));
        for (change, status, error) in [
            (("client_id", ""), 401, "invalid_client"),
            (("client_id", "nobody"), 401, "invalid_client"),
            (("client_secret", "wrong"), 401, "invalid_client"),
            (("connection", ""), 400, "invalid_request"),
            (("connection", "sms"), 400, "bad.connection"),
            (("connection", "carrier-pigeon"), 400, "bad.connection"),
            (("email", ""), 400, "invalid_request"),
            (("email", "grace"), 400, "bad.email"),
            (("email", "a@example.com, b@example.com"), 400, "bad.email"),
            (("email", "a@example.com\r\nBcc: b@example.com"), 400, "bad.email"),
            (("email", &long), 400, "bad.email"),
            (("send", "link"), 400, "invalid_request"),
            (("send", "pigeon"), 400, "invalid_request"),
        ] {
            let told = start_with(&app, &world, &[change]).await;
            assert_eq!(told.error(), (status, error.into()), "{backend} {change:?}");
        }
        let wrong = app.get("passwordless/start").await;
        assert_eq!(wrong.error(), (405, "invalid_request".into()), "{backend}");
        assert!(app.mails().await.is_empty(), "{backend}");
        // As the SDKs of confidential applications send it, and without `send`.
        let secret = ("client_secret", world.client_secret.as_str());
        start_with(&app, &world, &[secret, ("send", "")]).await.ok();
        let confidential = json!({ "token_endpoint_auth_method": "client_secret_post" });
        app.patch_client(&world.client_id, confidential).await;
        let told = start_with(&app, &world, &[]).await;
        assert_eq!(told.error(), (401, "invalid_client".into()), "{backend}");
        start_with(&app, &world, &[secret]).await.ok();
        app.patch_client(&world.client_id, json!({ "grant_types": ["password"] })).await;
        let told = start_with(&app, &world, &[secret]).await;
        assert_eq!(told.error(), (400, "unauthorized_client".into()), "{backend}");
        let told = log_in(&app, &world, "123456", &[secret]).await;
        assert_eq!(told.error(), (400, "unauthorized_client".into()), "{backend}");
    }
}

#[tokio::test]
async fn bad_requests_for_tokens() {
    for (mode, status) in [("", 400), ("[oauth]\nerror_status = \"auth0\"\n", 403)] {
        for (backend, app) in each_backend_with(mode).await {
            let world = app.world_with(grants(), json!({})).await;
            let otp = code(&app, &world, NEW).await;
            let long = "9".repeat(1000);
            for (change, status, error) in [
                (("username", ""), 400, "invalid_request"),
                (("otp", ""), 400, "invalid_request"),
                (("realm", "sms"), 400, "invalid_request"),
                (("audience", "https://nobody.example"), 403, "access_denied"),
                (("username", "nobody@example.com"), status, "invalid_grant"),
                (("username", &long), status, "invalid_grant"),
                (("otp", &long), status, "invalid_grant"),
                (("otp", "12345\u{661}"), status, "invalid_grant"),
                (("otp", &wrong(&otp)), status, "invalid_grant"),
            ] {
                let told = log_in(&app, &world, &otp, &[change]).await;
                assert_eq!(told.error(), (status, error.into()), "{backend} {change:?}");
            }
            log_in(&app, &world, &otp, &[]).await.ok();
        }
    }
}

#[tokio::test]
async fn the_answer_tells_nobody_whether_there_is_a_user() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(grants(), json!({})).await;
        let before = start_with(&app, &world, &[]).await;
        let otp = code_for(&app, NEW).await;
        log_in(&app, &world, &otp, &[]).await.ok();
        let after = start_with(&app, &world, &[]).await;
        assert_eq!((before.status, &before.text), (after.status, &after.text), "{backend}");
        // A wrong code, and an address without any.
        let wrong = log_in(&app, &world, "x", &[]).await;
        let none = log_in(&app, &world, "x", &[("username", "nobody@example.com")]).await;
        assert_eq!((wrong.status, wrong.text), (none.status, none.text), "{backend}");
    }
}

#[tokio::test]
async fn five_wrong_tries_end_a_code_and_new_codes_bring_no_new_tries() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(grants(), json!({})).await;
        for round in 0..2 {
            let otp = code(&app, &world, NEW).await;
            for _ in 0..5 {
                let told = log_in(&app, &world, &wrong(&otp), &[]).await;
                assert_eq!(told.error(), (400, "invalid_grant".into()), "{backend}");
            }
            let told = log_in(&app, &world, &otp, &[]).await;
            assert_eq!(told.error(), (400, "invalid_grant".into()), "{backend} {round}: dead");
        }
        // Ten wrong ones in this hour: the address has to wait, whatever the code.
        let otp = code(&app, &world, NEW).await;
        let told = log_in(&app, &world, &otp, &[]).await;
        assert_eq!(told.error(), (400, "invalid_grant".into()), "{backend}");
        let other = code(&app, &world, "other@example.com").await;
        log_in(&app, &world, &other, &[("username", "other@example.com")]).await.ok();
        app.clock.advance_seconds(3601);
        let otp = code(&app, &world, NEW).await;
        log_in(&app, &world, &otp, &[]).await.ok();
        // Right codes are not counted.
        for _ in 0..12 {
            app.clock.advance_seconds(200);
            let otp = code(&app, &world, NEW).await;
            log_in(&app, &world, &otp, &[]).await.ok();
        }
    }
}

#[tokio::test]
async fn an_address_is_sent_five_codes_in_ten_minutes() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(grants(), json!({})).await;
        for email in [NEW, "GRACE@example.com", " grace@example.com", NEW, NEW] {
            start_with(&app, &world, &[("email", email)]).await.ok();
        }
        let told = start_with(&app, &world, &[]).await;
        assert_eq!(told.error(), (429, "too_many_requests".into()), "{backend}");
        assert_eq!(told.header("retry-after"), "600", "{backend}");
        assert_eq!(app.mails_to(NEW).await.len(), 5, "{backend}");
        start_with(&app, &world, &[("email", "other@example.com")]).await.ok();
        app.clock.advance_seconds(601);
        start_with(&app, &world, &[]).await.ok();
    }
}

#[tokio::test]
async fn a_code_is_good_for_its_time_its_address_and_its_application() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(grants(), json!({})).await;
        let mut other = grants();
        other["name"] = json!("Other");
        let other = app.add_client(other).await;
        let otp = code(&app, &world, NEW).await;
        let refused = (400, "invalid_grant".to_owned());
        let elsewhere = [("client_id", text(&other, "client_id"))];
        assert_eq!(log_in(&app, &world, &otp, &elsewhere).await.error(), refused, "{backend}");
        code(&app, &world, "other@example.com").await;
        let swapped = [("username", "other@example.com")];
        assert_eq!(log_in(&app, &world, &otp, &swapped).await.error(), refused, "{backend}");
        let newer = code(&app, &world, NEW).await;
        // One in a million times they are the same.
        if newer != otp {
            assert_eq!(log_in(&app, &world, &otp, &[]).await.error(), refused, "{backend}");
        }
        app.clock.advance_seconds(300);
        assert_eq!(log_in(&app, &world, &newer, &[]).await.error(), refused, "{backend}: late");
        app.clock.advance_seconds(4000);
        assert!(sweep::run(&app.inner.store, app.clock.now(), 86_400).await.unwrap() >= 2);
        let otp = code(&app, &world, NEW).await;
        log_in(&app, &world, &otp, &[]).await.ok();
    }
}

#[tokio::test]
async fn a_right_code_that_something_else_stands_in_the_way_of_is_not_spent() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(grants(), json!({})).await;
        app.patch_client(&world.client_id, json!({ "is_first_party": false })).await;
        let otp = code(&app, &world, NEW).await;
        for _ in 0..6 {
            let told = log_in(&app, &world, &otp, &[]).await;
            assert_eq!(told.error(), (403, "access_denied".into()), "{backend}: no page to ask on");
        }
        app.patch_client(&world.client_id, json!({ "is_first_party": true })).await;
        log_in(&app, &world, &otp, &[]).await.ok();

        let otp = code(&app, &world, NEW).await;
        let path = path_of(&user(&app, NEW).await);
        app.management("PATCH", &path, Some(json!({ "blocked": true }))).await.ok();
        let told = log_in(&app, &world, &otp, &[]).await;
        assert_eq!(told.error(), (400, "invalid_grant".into()), "{backend}");
        assert_eq!(told.text_of("error_description"), "user is blocked", "{backend}");
        app.management("PATCH", &path, Some(json!({ "blocked": false }))).await.ok();
        log_in(&app, &world, &otp, &[]).await.ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_parallel_exchanges_of_a_code_one_succeeds() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(grants(), json!({})).await;
        let otp = code(&app, &world, NEW).await;
        let form = [
            ("grant_type", GRANT),
            ("client_id", world.client_id.as_str()),
            ("username", NEW),
            ("otp", otp.as_str()),
            ("scope", "openid"),
        ];
        let calls: Vec<_> = (0..20)
            .map(|_| app.http.post(app.url("oauth/token")).form(&form))
            .map(|call| tokio::spawn(async { Answer::read(call.send().await.unwrap()).await }))
            .collect();
        let mut successes = 0;
        for call in calls {
            let answer = call.await.unwrap();
            match answer.status {
                200 => successes += 1,
                _ => assert_eq!(answer.error(), (400, "invalid_grant".into()), "{backend}"),
            }
        }
        assert_eq!(successes, 1, "{backend}");
        assert_eq!(user(&app, NEW).await["logins_count"], 1, "{backend}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_wrong_tries_are_all_counted() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(grants(), json!({})).await;
        let otp = code(&app, &world, NEW).await;
        let bad = wrong(&otp);
        let form = [
            ("grant_type", GRANT),
            ("client_id", world.client_id.as_str()),
            ("username", NEW),
            ("otp", bad.as_str()),
        ];
        let calls: Vec<_> = (0..5)
            .map(|_| app.http.post(app.url("oauth/token")).form(&form))
            .map(|call| tokio::spawn(async { Answer::read(call.send().await.unwrap()).await }))
            .collect();
        for call in calls {
            assert_eq!(call.await.unwrap().status, 400, "{backend}");
        }
        assert_eq!(log_in(&app, &world, &otp, &[]).await.status, 400, "{backend}: dead");
    }
}

#[tokio::test]
async fn where_nobody_may_sign_up_strangers_are_sent_nothing() {
    for (backend, app) in each_backend_with("[passwordless]\nsignup = false\n").await {
        let world = app.world_with(grants(), json!({})).await;
        start_with(&app, &world, &[]).await.ok();
        assert!(app.mails().await.is_empty(), "{backend}");
        let found = app.management("GET", &format!("/users-by-email?email={NEW}"), None).await;
        assert_eq!(found.ok(), json!([]), "{backend}");
    }
}

#[tokio::test]
async fn a_user_with_a_password_and_the_same_address_is_somebody_else() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(grants(), json!({})).await;
        let otp = code(&app, &world, EMAIL).await;
        let login = log_in(&app, &world, &otp, &[("username", EMAIL)]).await.ok();
        let claims = payload(text(&login, "access_token"));
        assert_ne!(claims["sub"], world.user_id, "{backend}: an unproven address is no key");
    }
}

#[tokio::test]
async fn scripts_of_known_origins_may_start() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(grants(), json!({})).await;
        for (origin, allowed) in [("https://app.example", true), ("https://evil.example", false)] {
            let request = app
                .http
                .request(reqwest::Method::OPTIONS, app.url("passwordless/start"))
                .header("origin", origin)
                .header("access-control-request-method", "POST");
            let answer = app.send(request).await;
            let expected = if allowed { origin } else { "" };
            assert_eq!(answer.header("access-control-allow-origin"), expected, "{backend}");
        }
        assert!(!world.client_id.is_empty());
    }
}

#[tokio::test]
async fn the_trail_tells_of_codes_without_addresses() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(grants(), json!({})).await;
        let otp = code(&app, &world, NEW).await;
        log_in(&app, &world, &wrong(&otp), &[]).await;
        log_in(&app, &world, &otp, &[]).await.ok();
        app.inner.login.audit.flush().await;
        for event in ["cls", "fepotpft", "ss", "s", "sepotpft"] {
            let told = app.management("GET", &format!("/logs?q=type:{event}"), None).await.ok();
            let told = told.as_array().unwrap();
            assert_eq!(told.len(), 1, "{backend} {event}: {told:?}");
            let whole = told[0].to_string();
            assert!(!whole.contains("grace") && !whole.contains(&otp), "{backend}: {whole}");
            assert!(told[0]["description"].is_string(), "{backend} {event}");
        }
    }
}
