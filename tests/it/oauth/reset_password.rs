//! Resetting a password through the mail.

use doorward::crypto::digest;
use serde_json::{Value, json};

use super::signup::{href, path, ticket};
use crate::support::{
    Answer, TestApp, browser::Browser, each_backend, each_backend_with, fixtures::*, raw::Raw,
};

const CONNECTION: &str = "Username-Password-Authentication";
const FRESH: &str = "a wholly different phrase";

async fn ask(app: &TestApp, world: &World, email: &str) -> Answer {
    let body = json!({ "client_id": world.client_id, "email": email, "connection": CONNECTION });
    app.send(app.http.post(app.url("dbconnections/change_password")).json(&body)).await
}

async fn set(app: &TestApp, ticket: &str, password: &str, again: &str) -> Answer {
    let form = [("ticket", ticket), ("password", password), ("password_again", again)];
    app.post_form("u/reset-password", &form).await
}

/// The newest ticket sent to the user of the world.
async fn newest(app: &TestApp, world: &World) -> String {
    ask(app, world, EMAIL).await;
    ticket(app.mails_to(EMAIL).await.last().unwrap())
}

async fn logs_in(app: &TestApp, world: &World, password: &str) -> bool {
    let challenge = digest::s256_challenge(VERIFIER);
    let query = authorize_query(&world.client_id, &challenge, &[("scope", "openid")]);
    let landed = Browser::new(app).log_in(&query, EMAIL, password).await;
    matches!(landed, crate::support::browser::Landed::Application(_))
}

#[tokio::test]
async fn the_answer_is_the_same_whoever_exists_and_only_users_are_written_to() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let blocked = app.add_user("blocked@example.com", PASSWORD).await;
        let id = blocked["user_id"].as_str().unwrap().replace('|', "%7C");
        let block = json!({ "blocked": true });
        app.management("PATCH", &format!("/users/{id}"), Some(block)).await.ok();
        for email in [EMAIL, "nobody@example.com", "blocked@example.com", " ADA@EXAMPLE.COM "] {
            let answer = ask(&app, &world, email).await;
            assert_eq!(answer.status, 200, "{backend}");
            let said = "We've just sent you an email to reset your password.";
            assert_eq!(answer.text, said, "{backend}: as SDKs show it");
        }
        let mails = app.mails().await;
        let to: Vec<_> = mails.iter().map(|mail| mail.to.as_str()).collect();
        assert_eq!(to, [EMAIL, EMAIL], "{backend}");
        assert_eq!(mails[0].subject, "Reset your password", "{backend}");
        assert!(mails[0].text.contains("60 minutes"), "{backend}: {}", mails[0].text);
    }
}

#[tokio::test]
async fn bad_input_is_refused() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let good = json!({
            "client_id": world.client_id, "email": EMAIL, "connection": CONNECTION,
        });
        let url = app.url("dbconnections/change_password");
        for (name, value, code) in [
            ("client_id", Value::Null, "invalid_request"),
            ("client_id", json!("nobody"), "invalid_client"),
            ("email", Value::Null, "invalid_request"),
            ("email", json!("ada"), "invalid_request"),
            ("email", json!("ada@example.com\r\nBcc: eve@example.com"), "invalid_request"),
            ("email", json!([EMAIL, "eve@example.com"]), "invalid_request"),
            ("connection", Value::Null, "invalid_request"),
            ("connection", json!("other"), "invalid_connection"),
        ] {
            let mut body = good.clone();
            body[name] = value;
            let answer = app.send(app.http.post(&url).json(&body)).await;
            let said = (answer.status, answer.text_of("code"));
            assert_eq!(said, (400, code.to_owned()), "{backend} {name}");
        }
        assert_eq!(app.get("dbconnections/change_password").await.status, 405, "{backend}");
        assert!(app.mails().await.is_empty(), "{backend}");
    }
}

#[tokio::test]
async fn the_link_is_of_the_issuer_whatever_the_request_calls_this_host() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let body = json!({
            "client_id": world.client_id, "email": EMAIL, "connection": CONNECTION,
        });
        for header in ["x-forwarded-host", "forwarded", "x-original-host", "host"] {
            let value = if header == "forwarded" { "host=evil.example" } else { "evil.example" };
            let request = app.http.post(app.url("dbconnections/change_password"));
            let answer = app.send(request.header(header, value).json(&body)).await;
            assert_eq!(answer.status, 200, "{backend} {header}");
        }
        let mails = app.mails_to(EMAIL).await;
        assert_eq!(mails.len(), 4, "{backend}");
        for mail in mails {
            assert!(path(&app, &mail).starts_with("u/reset-password?ticket="), "{backend}");
            assert!(!mail.text.contains("evil") && !mail.html.contains("evil"), "{backend}");
        }
    }
}

#[tokio::test]
async fn a_password_is_reset_once_and_what_was_before_ends() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let tokens = app.log_in(&world).await;
        let challenge = digest::s256_challenge(VERIFIER);
        let mut browser = Browser::new(&app);
        let query = authorize_query(&world.client_id, &challenge, &[("scope", "openid")]);
        browser.log_in(&query, EMAIL, PASSWORD).await.application();

        ask(&app, &world, EMAIL).await;
        let older = newest(&app, &world).await;
        let ticket = newest(&app, &world).await;
        let page = app.get(&format!("u/reset-password?ticket={ticket}")).await;
        assert_eq!(page.status, 200, "{backend}");
        assert!(page.text.contains(EMAIL) && !page.text.contains("<script"), "{backend}");
        assert_eq!(page.header("referrer-policy"), "no-referrer", "{backend}");
        assert_eq!(page.header("cache-control"), "no-store", "{backend}");
        // No page of these leads anywhere else, whatever the address says.
        for parameter in ["redirect_uri", "returnTo", "redirect_to"] {
            let path = format!("u/reset-password?ticket={ticket}&{parameter}=https://evil.example");
            let page = app.get(&path).await;
            assert!(page.status == 200 && !page.text.contains("evil"), "{backend} {parameter}");
        }

        // What is refused spends nothing and changes nothing.
        for (password, again, said) in [
            (FRESH, "something else", "not the same"),
            ("", "", "too short"),
            ("password1", "password1", "too easy to guess"),
            (EMAIL, EMAIL, "must not be your email"),
        ] {
            let answer = set(&app, &ticket, password, again).await;
            assert_eq!(answer.status, 200, "{backend}");
            assert!(answer.text.contains(said), "{backend} {said}: {}", answer.text);
        }
        assert!(logs_in(&app, &world, PASSWORD).await, "{backend}");

        let done = set(&app, &ticket, FRESH, FRESH).await;
        assert_eq!(done.status, 200, "{backend}");
        assert!(done.text.contains("has been changed"), "{backend}: {}", done.text);
        for ticket in [&ticket, &older] {
            let again = set(&app, ticket, FRESH, FRESH).await;
            assert_eq!(again.status, 400, "{backend}: used, or of before");
        }
        assert!(!logs_in(&app, &world, PASSWORD).await, "{backend}");
        assert!(logs_in(&app, &world, FRESH).await, "{backend}");
        let refused = app.refresh(&world, text(&tokens, "refresh_token"), &[]).await.error();
        assert_eq!(refused, (400, "invalid_grant".to_owned()), "{backend}");
        let silent = authorize_query(&world.client_id, &challenge, &[("prompt", "none")]);
        let landed = browser.visit("authorize", &silent).await.application();
        assert_eq!(landed["error"], "login_required", "{backend}");
    }
}

#[tokio::test]
async fn of_two_resets_at_once_one_wins() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let ticket = newest(&app, &world).await;
        let (one, two) = tokio::join!(
            set(&app, &ticket, FRESH, FRESH),
            set(&app, &ticket, "yet another phrase", "yet another phrase"),
        );
        let winner = match (one.status, two.status) {
            (200, 400) => FRESH,
            (400, 200) => "yet another phrase",
            other => panic!("{backend}: {other:?}"),
        };
        assert!(logs_in(&app, &world, winner).await, "{backend}");
    }
}

#[tokio::test]
async fn a_foreign_stale_or_made_up_ticket_resets_nothing() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let ticket = newest(&app, &world).await;
        let long = "x".repeat(5000);
        for bad in ["", "x", &ticket[1..], &format!("{ticket}A"), &long] {
            assert_eq!(set(&app, bad, FRESH, FRESH).await.status, 400, "{backend}");
            let page = app.get(&format!("u/reset-password?ticket={bad}")).await;
            assert_eq!(page.status, 400, "{backend}");
        }
        assert_eq!(app.post_form("u/reset-password", &[]).await.status, 400, "{backend}");
        // It verifies no address.
        let form = [("ticket", ticket.as_str())];
        assert_eq!(app.post_form("u/email-verification", &form).await.status, 400, "{backend}");
        // The user was blocked.
        let path = format!("/users/{}", world.user_id.replace('|', "%7C"));
        for (blocked, status) in [(true, 400), (false, 200)] {
            let patch = json!({ "blocked": blocked });
            app.management("PATCH", &path, Some(patch)).await.ok();
            let page = app.get(&format!("u/reset-password?ticket={ticket}")).await;
            assert_eq!(page.status, status, "{backend}");
        }
        // The user got another address: who reads the mail of the old one stays outside.
        let patch = json!({ "email": "lovelace@example.com" });
        app.management("PATCH", &path, Some(patch)).await.ok();
        assert_eq!(set(&app, &ticket, FRESH, FRESH).await.status, 400, "{backend}");
        let patch = json!({ "email": EMAIL });
        app.management("PATCH", &path, Some(patch)).await.ok();
        // Too late.
        app.clock.advance_seconds(3600);
        assert_eq!(set(&app, &ticket, FRESH, FRESH).await.status, 400, "{backend}");
        assert!(logs_in(&app, &world, PASSWORD).await, "{backend}");
    }
}

#[tokio::test]
async fn nobody_floods_a_mailbox() {
    for (backend, app) in each_backend_with("[links]\nper_user = 2").await {
        let world = app.world().await;
        let asked = (0..8).map(|_| ask(&app, &world, EMAIL));
        let mut waiting = tokio::task::JoinSet::new();
        for _ in asked {
            let (http, url) = (app.http.clone(), app.url("dbconnections/change_password"));
            let body = json!({
                "client_id": world.client_id, "email": EMAIL, "connection": CONNECTION,
            });
            waiting.spawn(async move { http.post(url).json(&body).send().await.unwrap().status() });
        }
        for status in waiting.join_all().await {
            assert_eq!(status.as_u16(), 200, "{backend}: it does not show");
        }
        assert_eq!(app.mails_to(EMAIL).await.len(), 2, "{backend}");
        app.clock.advance_seconds(3601);
        ask(&app, &world, EMAIL).await;
        assert_eq!(app.mails_to(EMAIL).await.len(), 3, "{backend}: room again");
    }
}

#[tokio::test]
async fn a_person_who_forgot_the_password_asks_on_a_page_and_can_go_back() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let challenge = digest::s256_challenge(VERIFIER);
        let query = authorize_query(&world.client_id, &challenge, &[("login_hint", EMAIL)]);
        let mut browser = Browser::new(&app);
        let login = browser.visit("authorize", &query).await.page().1;
        let page = browser.visit(&href(&login, "forgot"), &[]).await.page();
        assert_eq!((page.0.as_str(), page.1.status), ("/u/reset-password/request", 200));
        assert!(page.1.text.contains(EMAIL), "{backend}: the hint");
        for nothing in [vec![], vec![("email", "")], vec![("email", "ada")]] {
            let (path, answer) = browser.submit(&page, &nothing).await.page();
            assert_eq!((path.as_str(), answer.status), ("/u/reset-password/request", 200));
            assert!(answer.text.contains("valid email"), "{backend}");
        }
        let mut seen = Vec::new();
        for email in [EMAIL, "nobody@example.com"] {
            let answer = browser.submit(&page, &[("email", email)]).await.page().1;
            assert_eq!(answer.status, 200, "{backend}");
            seen.push(answer.text.replace(email, ""));
            let back = browser.visit(&href(&answer, "back"), &[]).await.page();
            assert_eq!((back.0.as_str(), back.1.status), ("/u/login", 200), "{backend}");
        }
        assert_eq!(seen[0], seen[1], "{backend}: nobody learns who exists");
        assert_eq!(app.mails().await.len(), 1, "{backend}");
        // From another browser, or without a transaction.
        let stranger = Browser::new(&app).submit(&page, &[("email", EMAIL)]).await.page().1;
        assert_eq!(stranger.status, 400, "{backend}");
        let form = [("email", EMAIL)];
        assert_eq!(app.post_form("u/reset-password/request", &form).await.status, 400, "{backend}");
        assert_eq!(app.mails().await.len(), 1, "{backend}");
    }
}

#[tokio::test]
async fn who_created_the_account_without_reading_its_mail_loses_it() {
    let settings = "[refresh_tokens]\nrevoke_on_password_change = false";
    for (backend, app) in each_backend_with(settings).await {
        let world = app.world().await;
        for (verified, status) in [(true, 200), (false, 400)] {
            let path = format!("/users/{}", world.user_id.replace('|', "%7C"));
            let patch = json!({ "email_verified": verified, "password": PASSWORD });
            app.management("PATCH", &path, Some(patch)).await.ok();
            let tokens = app.log_in(&world).await;
            let ticket = newest(&app, &world).await;
            assert_eq!(set(&app, &ticket, FRESH, FRESH).await.status, 200, "{backend}");
            let answer = app.refresh(&world, text(&tokens, "refresh_token"), &[]).await;
            assert_eq!(answer.status, status, "{backend} {verified}: {}", answer.text);
            let user = app.management("GET", &path, None).await.ok();
            assert_eq!(user["email_verified"], true, "{backend}: the link came by mail");
        }
    }
}

#[tokio::test]
async fn tickets_are_kept_as_digests_and_swept() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let ticket = newest(&app, &world).await;
        let mut raw = Raw::connect(&app).await;
        let count = "SELECT COUNT(*) FROM ticket";
        assert_eq!(number(&mut raw, count).await, 1, "{backend}");
        let hash = doorward::crypto::hex::encode(&digest::sha256(ticket.as_bytes()));
        let literal = if backend == "sqlite" { "X'" } else { "'\\x" };
        let by_hash = format!("{count} WHERE ticket_hash = {literal}{hash}'");
        assert_eq!(number(&mut raw, &by_hash).await, 1, "{backend}");
        app.clock.advance_seconds(3601);
        let now = app.inner.clock.now();
        doorward::store::sweep::run(&app.inner.store, now, 86_400).await.unwrap();
        assert_eq!(number(&mut raw, count).await, 0, "{backend}");
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

#[tokio::test]
async fn the_audit_trail_tells_of_it_without_addresses() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let signup = json!({
            "client_id": world.client_id, "email": "grace@example.com", "password": PASSWORD,
            "connection": CONNECTION,
        });
        for _ in 0..2 {
            let url = app.url("dbconnections/signup");
            app.send(app.http.post(url).json(&signup)).await;
        }
        let verify = ticket(&app.mails_to("grace@example.com").await[0]);
        for _ in 0..2 {
            app.post_form("u/email-verification", &[("ticket", verify.as_str())]).await;
        }
        ask(&app, &world, "nobody@example.com").await;
        let ticket = newest(&app, &world).await;
        for _ in 0..2 {
            set(&app, &ticket, FRESH, FRESH).await;
        }
        app.inner.login.audit.flush().await;
        let logs = app.management("GET", "/logs?per_page=100", None).await.ok();
        for code in ["ss", "fs", "sv", "fv", "scpr", "fcpr", "scp", "fcp"] {
            let found = logs.as_array().unwrap().iter().filter(|log| log["type"] == code).count();
            assert_eq!(found, 1, "{backend} {code}");
        }
        let told = logs.to_string();
        for secret in ["@example.com", ticket.as_str(), verify.as_str(), FRESH, PASSWORD] {
            assert!(!told.contains(secret), "{backend}: {secret}");
        }
    }
}
