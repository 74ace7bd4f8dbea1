//! The login page: its form, its errors, and who may complete it.

use doorward::crypto::digest;
use serde_json::json;

use crate::support::{
    browser::{Browser, hidden_state},
    each_backend,
    fixtures::*,
};

async fn login_page(browser: &mut Browser<'_>, world: &World) -> (String, crate::support::Answer) {
    let challenge = digest::s256_challenge(VERIFIER);
    let query = authorize_query(&world.client_id, &challenge, &[("scope", "openid")]);
    let page = browser.visit("authorize", &query).await.page();
    assert_eq!(page.0, "/u/login");
    assert!(page.1.text.contains("App"), "names the application");
    page
}

#[tokio::test]
async fn wrong_password_and_unknown_user_look_the_same() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        app.add_user("blocked@example.com", PASSWORD).await;
        let mut seen = Vec::new();
        for (user, password) in [
            (EMAIL, "wrong"),
            ("nobody@example.com", PASSWORD),
            (EMAIL, ""),
            ("", ""),
            (EMAIL, &"x".repeat(2000)),
        ] {
            let mut browser = Browser::new(&app);
            let page = login_page(&mut browser, &world).await;
            let fields = [("username", user), ("password", password)];
            let (path, answer) = browser.submit(&page, &fields).await.page();
            assert_eq!((path.as_str(), answer.status), ("/u/login", 200), "{backend}");
            assert!(answer.text.contains("Wrong email or password."), "{backend}");
            assert!(!browser.cookies.contains_key("doorward_session"), "{backend}");
            let state = hidden_state(&answer.text);
            let mut text = answer.text.replace(&state, "");
            if !user.is_empty() {
                text = text.replace(user, "");
            }
            seen.push(text.replace(" autofocus", "").split_whitespace().collect::<String>());
        }
        assert_eq!(seen[0], seen[1], "{backend}: the same page");
        let path = "/users-by-email?email=blocked@example.com";
        let found = app.management("GET", path, None).await.ok();
        let id = found[0]["user_id"].as_str().unwrap().replace('|', "%7C");
        let block = json!({ "blocked": true });
        app.management("PATCH", &format!("/users/{id}"), Some(block)).await.ok();
        let mut browser = Browser::new(&app);
        let page = login_page(&mut browser, &world).await;
        let fields = [("username", "blocked@example.com"), ("password", "wrong")];
        let (_, answer) = browser.submit(&page, &fields).await.page();
        assert!(answer.text.contains("Wrong email or password."), "{backend}: no hint without it");
        let fields = [("username", "blocked@example.com"), ("password", PASSWORD)];
        let (_, answer) = browser.submit(&page, &fields).await.page();
        assert!(answer.text.contains("blocked"), "{backend}: whoever knows the password is told");
    }
}

#[tokio::test]
async fn the_form_works_only_in_the_browser_that_began_it() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let mut browser = Browser::new(&app);
        let page = login_page(&mut browser, &world).await;
        let fields = [("username", EMAIL), ("password", PASSWORD)];
        // Posted from elsewhere, with no cookie or that of another browser.
        let mut stranger = Browser::new(&app);
        let refused = stranger.submit(&page, &fields).await.page();
        assert_eq!(refused.1.status, 400, "{backend}");
        login_page(&mut stranger, &world).await;
        let refused = stranger.submit(&page, &fields).await.page();
        assert_eq!(refused.1.status, 400, "{backend}");
        assert!(!stranger.cookies.contains_key("doorward_session"), "{backend}");
        // Tampered with, absent, and empty.
        let state = hidden_state(&page.1.text);
        for state in ["", "x", &state[1..], &format!("{state}A")] {
            let form = [("state", state), ("username", EMAIL), ("password", PASSWORD)];
            let request = app.http.post(app.url("u/login")).form(&form);
            assert_eq!(browser.send(request).await.status, 400, "{backend}");
        }
        assert_eq!(app.get("u/login").await.status, 400, "{backend}");
        // Too late.
        app.clock.advance_seconds(3601);
        let refused = browser.submit(&page, &fields).await.page();
        assert_eq!(refused.1.status, 400, "{backend}: too late");
    }
}

#[tokio::test]
async fn a_login_gives_a_new_session_and_ends_the_old_one() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let challenge = digest::s256_challenge(VERIFIER);
        let query = authorize_query(&world.client_id, &challenge, &[("prompt", "login")]);
        let mut browser = Browser::new(&app);
        // A planted cookie is worth nothing and does not survive.
        browser.cookies.insert("doorward_session".into(), "planted".into());
        browser.log_in(&query, EMAIL, PASSWORD).await.application();
        let first = browser.cookies["doorward_session"].clone();
        assert_ne!(first, "planted", "{backend}");
        browser.log_in(&query, EMAIL, PASSWORD).await.application();
        assert_ne!(browser.cookies["doorward_session"], first, "{backend}");
        let mut old = Browser::new(&app);
        old.cookies.insert("doorward_session".into(), first);
        let silent = authorize_query(&world.client_id, &challenge, &[("prompt", "none")]);
        let landed = old.visit("authorize", &silent).await.application();
        assert_eq!(landed["error"], "login_required", "{backend}");
    }
}

#[tokio::test]
async fn cookies_and_headers_of_the_pages() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let mut browser = Browser::new(&app);
        let page = login_page(&mut browser, &world).await;
        let csp = page.1.header("content-security-policy");
        assert!(csp.contains("default-src 'none'") && !csp.contains("unsafe-inline"), "{backend}");
        assert_eq!(page.1.header("x-frame-options"), "DENY", "{backend}");
        assert_eq!(page.1.header("cache-control"), "no-store", "{backend}");
        assert_eq!(page.1.header("referrer-policy"), "no-referrer", "{backend}");
        assert!(!page.1.text.contains("<script"), "{backend}: works without JavaScript");
        let state = hidden_state(&page.1.text);
        let form = [("state", state.as_str()), ("username", EMAIL), ("password", PASSWORD)];
        let answer = browser.send(app.http.post(app.url("u/login")).form(&form)).await;
        let cookie = answer.header("set-cookie");
        for attribute in ["HttpOnly", "SameSite=Lax", "Path=/"] {
            assert!(cookie.contains(attribute), "{backend}: {cookie}");
        }
        assert!(!answer.header("location").contains(EMAIL), "{backend}: sealed");
    }
}
