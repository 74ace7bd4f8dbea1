//! `/oidc/logout` (OIDC RP-Initiated Logout 1.0).

use doorward::crypto::digest;
use serde_json::json;

use crate::support::{
    TestApp,
    browser::{Browser, Landed, hidden_state},
    each_backend, each_backend_with,
    fixtures::*,
    payload,
};

const BYE: &str = "https://app.example/";

/// Logs in with the browser; returns the ID token.
async fn log_in(app: &TestApp, browser: &mut Browser<'_>, world: &World) -> String {
    let code = app.code_for(browser, world, &[("scope", "openid")]).await;
    text(&app.exchange_code(world, &code).await.ok(), "id_token").to_owned()
}

async fn is_logged_in(browser: &mut Browser<'_>, world: &World) -> bool {
    let challenge = digest::s256_challenge(VERIFIER);
    let silent = authorize_query(&world.client_id, &challenge, &[("prompt", "none")]);
    browser.visit("authorize", &silent).await.application().contains_key("code")
}

fn sid(id_token: &str) -> String {
    payload(id_token)["sid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_id_token_of_the_session_logs_out_and_state_comes_back() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        for expired in [false, true] {
            let mut browser = Browser::new(&app);
            let token = log_in(&app, &mut browser, &world).await;
            if expired {
                app.clock.advance_seconds(40_000);
            }
            let query = [
                ("id_token_hint", token.as_str()),
                ("client_id", world.client_id.as_str()),
                ("post_logout_redirect_uri", BYE),
                ("state", "a+b/c="),
                ("ui_locales", "de en"),
                ("federated", ""),
            ];
            let landed = browser.visit("oidc/logout", &query).await.application();
            assert_eq!(landed["state"], "a+b/c=", "{backend}");
            assert!(!browser.cookies.contains_key("doorward_session"), "{backend}");
            assert!(!is_logged_in(&mut browser, &world).await, "{backend}");
            // Twice is harmless, and still leads to the application.
            let landed = browser.visit("oidc/logout", &query).await;
            assert!(matches!(landed, Landed::Application(_)), "{backend}");
        }
    }
}

#[tokio::test]
async fn the_sid_as_a_hint_is_enough() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let mut browser = Browser::new(&app);
        let sid = sid(&log_in(&app, &mut browser, &world).await);
        let (client, hint) = (("client_id", world.client_id.as_str()), ("logout_hint", &*sid));
        let landed =
            browser.visit("oidc/logout", &[client, hint, ("post_logout_redirect_uri", BYE)]).await;
        assert!(matches!(landed, Landed::Application(_)), "{backend}");
        assert!(!is_logged_in(&mut browser, &world).await, "{backend}");
        // Nothing to go to: a page that says so.
        let (path, page) = browser.visit("oidc/logout", &[]).await.page();
        assert_eq!((path.as_str(), page.status), ("/oidc/logout", 200), "{backend}");
        assert!(page.text.contains("You are logged out"), "{backend}");
    }
}

#[tokio::test]
async fn who_does_not_know_the_session_must_ask_the_user() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let (mut browser, mut other) = (Browser::new(&app), Browser::new(&app));
        log_in(&app, &mut browser, &world).await;
        let foreign = log_in(&app, &mut other, &world).await;
        let foreign_sid = sid(&foreign);
        let client = ("client_id", world.client_id.as_str());
        let bye = ("post_logout_redirect_uri", BYE);
        for query in [
            vec![],
            vec![client, bye],
            vec![client, bye, ("logout_hint", "guess")],
            vec![client, bye, ("logout_hint", foreign_sid.as_str())],
            vec![bye, ("id_token_hint", foreign.as_str())],
        ] {
            let without_destination = query.is_empty();
            let page = browser.visit("oidc/logout", &query).await.page();
            assert_eq!(page.1.status, 200, "{backend} {query:?}");
            assert!(page.1.text.contains("action=\"/u/logout\""), "{backend} {query:?}");
            assert_eq!(page.1.header("x-frame-options"), "DENY", "{backend}");
            assert!(is_logged_in(&mut browser, &world).await, "{backend}: nothing happened yet");

            let page = ("u/logout".to_owned(), page.1);
            let stayed = browser.submit(&page, &[("action", "decline")]).await.page();
            assert!(stayed.1.text.contains("still logged in"), "{backend}");
            assert!(is_logged_in(&mut browser, &world).await, "{backend}");

            let landed = browser.submit(&page, &[("action", "accept")]).await;
            assert_eq!(matches!(landed, Landed::Page(..)), without_destination, "{backend}");
            assert!(!is_logged_in(&mut browser, &world).await, "{backend}");
            log_in(&app, &mut browser, &world).await;
        }
        assert!(is_logged_in(&mut other, &world).await, "{backend}: the other session stays");
    }
}

#[tokio::test]
async fn the_question_is_answered_by_the_browser_that_was_asked_and_in_time() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let (mut victim, mut attacker) = (Browser::new(&app), Browser::new(&app));
        log_in(&app, &mut victim, &world).await;
        log_in(&app, &mut attacker, &world).await;
        let (_, page) = attacker.visit("oidc/logout", &[]).await.page();
        let attackers = hidden_state(&page.text);
        let (_, page) = victim.visit("oidc/logout", &[]).await.page();
        let own = hidden_state(&page.text);
        let accept = ("action", "accept");
        // The page of the attacker, a made-up one, and the state of a login.
        let challenge = digest::s256_challenge(VERIFIER);
        let prompt = authorize_query(&world.client_id, &challenge, &[("prompt", "login")]);
        let (_, login) = victim.visit("authorize", &prompt).await.page();
        let login = hidden_state(&login.text);
        let tampered = format!("{}A", &own[..own.len() - 1]);
        for state in [attackers.as_str(), login.as_str(), tampered.as_str(), "x", ""] {
            let request = app.http.post(app.url("u/logout")).form(&[("state", state), accept]);
            let answer = victim.send(request).await;
            assert_eq!(answer.status, 400, "{backend} {state}");
        }
        // Nor does a logout pass for a login.
        let form = [("state", own.as_str()), ("username", EMAIL), ("password", PASSWORD)];
        let answer = victim.send(app.http.post(app.url("u/login")).form(&form)).await;
        assert_eq!(answer.status, 400, "{backend}");
        // Without cookies, as a form on another site would be posted.
        let answer = app.post_form("u/logout", &[("state", own.as_str()), accept]).await;
        assert_eq!(answer.status, 400, "{backend}");
        assert!(is_logged_in(&mut victim, &world).await, "{backend}");
        app.clock.advance_seconds(3600);
        let request = app.http.post(app.url("u/logout")).form(&[("state", own.as_str()), accept]);
        assert_eq!(victim.send(request).await.status, 400, "{backend}: too late");
        assert!(is_logged_in(&mut victim, &world).await, "{backend}");
        assert_eq!(app.get("u/logout").await.status, 405, "{backend}");
        assert_eq!(app.send(app.http.put(app.url("oidc/logout"))).await.status, 405, "{backend}");
    }
}

#[tokio::test]
async fn an_error_is_a_page_that_redirects_nowhere_and_ends_nothing() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let other = app.add_client(json!({ "allowed_logout_urls": ["https://o.example/"] })).await;
        let other = text(&other, "client_id");
        let mut browser = Browser::new(&app);
        let code = app
            .code_for(&mut browser, &world, &[("audience", MESSAGES), ("scope", LOGIN_SCOPE)])
            .await;
        let login = app.exchange_code(&world, &code).await.ok();
        let id_token = text(&login, "id_token");
        let (client, hint) = (("client_id", world.client_id.as_str()), ("id_token_hint", id_token));
        let (head, signature) = id_token.rsplit_once('.').unwrap();
        let forged = format!("{head}.{}", signature.chars().rev().collect::<String>());
        let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", head.split_once('.').unwrap().1);
        let to = |url: &'static str| ("post_logout_redirect_uri", url);
        for query in [
            vec![hint, to("https://evil.example/")],
            vec![hint, to("https://app.example/?x=1")],
            vec![hint, to("https://app.example")],
            vec![hint, to("https://o.example/")],
            vec![hint, to("https://app.example/%0d%0ax")],
            vec![hint, to("https://app.example/\r\nx: y")],
            vec![to(BYE)],
            vec![client, to("javascript:alert(1)")],
            vec![hint, ("client_id", other), to(BYE)],
            vec![hint, ("client_id", other), to("https://o.example/")],
            vec![("client_id", "nobody")],
            vec![("id_token_hint", "garbage")],
            vec![("id_token_hint", forged.as_str())],
            vec![("id_token_hint", unsigned.as_str())],
            vec![("id_token_hint", text(&login, "access_token"))],
            vec![("id_token_hint", text(&login, "refresh_token"))],
            vec![hint, to(BYE), to("https://evil.example/")],
            vec![hint, ("state", "1"), ("state", "2")],
        ] {
            let (path, page) = browser.visit("oidc/logout", &query).await.page();
            assert_eq!((path.as_str(), page.status), ("/oidc/logout", 400), "{backend} {query:?}");
            assert_eq!(page.header("set-cookie"), "", "{backend} {query:?}");
        }
        assert!(is_logged_in(&mut browser, &world).await, "{backend}");
        let long = "x".repeat(70_000);
        let answer = app.post_form("oidc/logout", &[("state", long.as_str())]).await;
        assert_eq!(answer.status, 413, "{backend}");
    }
}

#[tokio::test]
async fn a_form_of_another_site_finds_its_way_to_the_session() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let mut browser = Browser::new(&app);
        let token = log_in(&app, &mut browser, &world).await;
        let form = [
            ("id_token_hint", token.as_str()),
            ("post_logout_redirect_uri", BYE),
            ("state", "s&t"),
            ("other", "ignored"),
        ];
        // SameSite=Lax keeps the cookie back; the redirect then brings it.
        let answer = app.post_form("oidc/logout", &form).await;
        assert_eq!(answer.status, 302, "{backend}");
        let location = answer.header("location").to_owned();
        assert!(location.starts_with("/oidc/logout?id_token_hint="), "{backend}: {location}");
        assert!(!location.contains("other"), "{backend}");
        let landed = browser.visit(&location, &[]).await.application();
        assert_eq!(landed["state"], "s&t", "{backend}");
        assert!(!is_logged_in(&mut browser, &world).await, "{backend}");
        // With its cookie, the form is enough.
        let token = log_in(&app, &mut browser, &world).await;
        let form = [("id_token_hint", token.as_str()), ("post_logout_redirect_uri", BYE)];
        let answer = browser.send(app.http.post(app.url("oidc/logout")).form(&form)).await;
        assert_eq!(answer.header("location"), BYE, "{backend}");
        assert!(!is_logged_in(&mut browser, &world).await, "{backend}");
    }
}

#[tokio::test]
async fn without_an_application_the_list_of_the_server_counts() {
    let file = "[logout]\nallowed_urls = [\"https://*.www.example/bye\"]\n";
    for (backend, app) in each_backend_with(file).await {
        let go =
            async |url: &str| app.get(&format!("oidc/logout?post_logout_redirect_uri={url}")).await;
        let there = go("https://de.www.example/bye").await;
        assert_eq!(there.header("location"), "https://de.www.example/bye", "{backend}");
        assert_eq!(go("https://evilwww.example/bye").await.status, 400, "{backend}");
        let document = app.get(".well-known/openid-configuration").await.ok();
        assert_eq!(document["end_session_endpoint"], app.url("oidc/logout"), "{backend}");
        assert_eq!(document["backchannel_logout_supported"], true, "{backend}");
        assert_eq!(document["backchannel_logout_session_supported"], true, "{backend}");
    }
}
