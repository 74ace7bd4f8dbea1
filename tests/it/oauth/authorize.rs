//! `/authorize`: bad input, single sign-on, `prompt` and `max_age`.

use doorward::crypto::digest;
use serde_json::json;

use crate::support::{
    TestApp,
    browser::{Browser, Landed},
    each_backend,
    fixtures::*,
    raw::Raw,
};

fn changed<'a>(
    query: &[(&'a str, &'a str)],
    name: &'a str,
    value: &'a str,
) -> Vec<(&'a str, &'a str)> {
    let mut query: Vec<_> = query.iter().copied().filter(|(known, _)| *known != name).collect();
    if !value.is_empty() {
        query.push((name, value));
    }
    query
}

async fn nothing_was_written(app: &TestApp) -> bool {
    let mut raw = Raw::connect(app).await;
    let codes = raw.number("SELECT COUNT(*) FROM authorization_code").await;
    codes == 0 && raw.number("SELECT COUNT(*) FROM session").await == 0
}

#[tokio::test]
async fn before_the_redirect_uri_is_proven_an_error_is_a_page() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let challenge = digest::s256_challenge(VERIFIER);
        let good = authorize_query(&world.client_id, &challenge, &[]);
        let mut cases = vec![
            changed(&good, "client_id", ""),
            changed(&good, "client_id", "nobody"),
            [good.clone(), vec![("client_id", "nobody")]].concat()[1..].to_vec(),
        ];
        for uri in [
            "https://app.example/CALLBACK",
            "https://app.example/callback/",
            "https://app.example/callback/..;/evil",
            "https://app.example/%2e%2e/callback",
            "https://app.example/callback%252f",
            "https://app.example@evil.example/callback",
            "https://a@b@app.example/callback",
            "https://app.example/callback?code=x&state=y",
            "https://app.example/callback#x",
            "https://app.example.evil.example/callback",
            "https://evilapp.example/callback",
            "http://app.example/callback",
            "http://127.0.0.1/callback",
            "javascript:alert(1)",
            "//evil.example",
            "<svg onload=alert(1)>",
        ] {
            cases.push(changed(&good, "redirect_uri", uri));
        }
        for query in cases {
            let (_, page) = Browser::new(&app).visit("authorize", &query).await.page();
            assert_eq!(page.status, 400, "{backend} {query:?}");
            assert_eq!(page.header("location"), "", "{backend} {query:?}");
            assert_eq!(page.header("cache-control"), "no-store");
            assert!(page.header("content-security-policy").contains("default-src 'none'"));
            assert!(!page.text.contains("<svg onload"), "{backend}: echoed unescaped");
        }
        assert!(nothing_was_written(&app).await, "{backend}");
    }
}

#[tokio::test]
async fn after_that_an_error_travels_to_the_application() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let challenge = digest::s256_challenge(VERIFIER);
        let good = authorize_query(&world.client_id, &challenge, &[("audience", MESSAGES)]);
        let long = "x".repeat(17 * 1024);
        let cases = [
            ("response_type", "", "invalid_request"),
            ("response_type", "none", "unsupported_response_type"),
            ("connection", "google-oauth2", "invalid_request"),
            ("claims", "x", "invalid_request"),
            ("response_mode", "form_post.jwt", "invalid_request"),
            ("code_challenge_method", "plain", "invalid_request"),
            ("code_challenge_method", "", "invalid_request"),
            ("code_challenge", "tooshort", "invalid_request"),
            ("prompt", "none login", "invalid_request"),
            ("prompt", "none", "login_required"),
            ("max_age", "soon", "invalid_request"),
            ("audience", "https://nobody.example", "access_denied"),
            ("scope", &long, "invalid_request"),
            ("request", "eyJ", "request_not_supported"),
            ("organization", "acme", "invalid_request"),
        ];
        for (name, value, error) in cases {
            let query = changed(&good, name, value);
            let landed = Browser::new(&app).visit("authorize", &query).await.application();
            assert_eq!(landed["error"], error, "{backend} {name}={value:.20}");
            assert_eq!(landed["state"], "a+b/c=", "{backend} {name}");
            assert_eq!(landed["iss"], app.issuer, "{backend} {name}");
        }
        let management = format!("{}api/v2/", app.issuer);
        let query = changed(&good, "audience", &management);
        let landed = Browser::new(&app).visit("authorize", &query).await.application();
        assert_eq!(landed["error"], "access_denied", "{backend}: users get no admin tokens");
        let twice = [good.clone(), vec![("scope", "openid"), ("scope", "openid")]].concat();
        let landed = Browser::new(&app).visit("authorize", &twice).await.application();
        assert_eq!(landed["error"], "invalid_request", "{backend}: repeated");
        assert!(nothing_was_written(&app).await, "{backend}");
    }
}

#[tokio::test]
async fn a_client_without_a_secret_must_use_pkce() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let public = json!({ "token_endpoint_auth_method": "none" });
        app.patch_client(&world.client_id, public).await;
        let query = [
            ("client_id", world.client_id.as_str()),
            ("response_type", "code"),
            ("redirect_uri", CALLBACK),
        ];
        let landed = Browser::new(&app).visit("authorize", &query).await.application();
        assert_eq!(landed["error"], "invalid_request", "{backend}");
    }
}

#[tokio::test]
async fn unreadable_parameters_are_a_page() {
    for (backend, app) in each_backend().await {
        for query in ["client_id=%ff", "client_id=%00", "state=%00&client_id=x"] {
            let answer = app.get(&format!("authorize?{query}")).await;
            assert_eq!(answer.status, 400, "{backend} {query}");
            assert!(answer.header("content-type").starts_with("text/html"), "{backend}");
        }
        let request = app.http.post(app.url("authorize")).body("client_id=x");
        let answer = app.send(request.header("content-type", "text/plain")).await;
        assert_eq!(answer.status, 400, "{backend}");
        let body = "x=".to_owned() + &"y".repeat(100 * 1024);
        let request = app.http.post(app.url("authorize")).body(body);
        let form = "application/x-www-form-urlencoded";
        let answer = app.send(request.header("content-type", form)).await;
        assert_eq!(answer.status, 413, "{backend}");
        assert_eq!(app.send(app.http.put(app.url("authorize"))).await.status, 405, "{backend}");
    }
}

#[tokio::test]
async fn a_second_authorize_needs_no_password_until_it_is_demanded() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let challenge = digest::s256_challenge(VERIFIER);
        let good = authorize_query(&world.client_id, &challenge, &[("scope", "openid")]);
        let mut browser = Browser::new(&app);
        browser.log_in(&good, EMAIL, PASSWORD).await.application();

        assert!(browser.visit("authorize", &good).await.application().contains_key("code"));
        let silent = changed(&good, "prompt", "none");
        assert!(browser.visit("authorize", &silent).await.application().contains_key("code"));

        app.clock.advance_seconds(100);
        let fresh_enough = changed(&good, "max_age", "101");
        assert!(browser.visit("authorize", &fresh_enough).await.application().contains_key("code"));
        for (name, value) in [("prompt", "login"), ("max_age", "99"), ("max_age", "0")] {
            app.clock.advance_seconds(100);
            let query = changed(&good, name, value);
            let page = browser.visit("authorize", &query).await.page();
            assert_eq!(page.0, "/u/login", "{backend} {name}={value}");
            let fields = [("username", EMAIL), ("password", PASSWORD)];
            let landed = browser.submit(&page, &fields).await.application();
            assert!(landed.contains_key("code"), "{backend} {name}={value}: no second prompt");
        }
        let both = changed(&changed(&good, "max_age", "0"), "prompt", "none");
        let landed = browser.visit("authorize", &both).await.application();
        assert_eq!(landed["error"], "login_required", "{backend}");
        let mut stranger = Browser::new(&app);
        let landed = stranger.visit("authorize", &silent).await.application();
        assert_eq!(landed["error"], "login_required", "{backend}");
    }
}

#[tokio::test]
async fn sessions_end_idle_and_absolutely() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let challenge = digest::s256_challenge(VERIFIER);
        let query = authorize_query(&world.client_id, &challenge, &[("prompt", "none")]);
        let login = authorize_query(&world.client_id, &challenge, &[]);
        let mut browser = Browser::new(&app);
        browser.log_in(&login, EMAIL, PASSWORD).await.application();
        // Idle 3 days, absolute 7.
        for _ in 0..3 {
            app.clock.advance_seconds(2 * 86_400);
            let landed = browser.visit("authorize", &query).await.application();
            assert!(landed.contains_key("code"), "{backend}: {landed:?}");
        }
        app.clock.advance_seconds(86_400);
        let landed = browser.visit("authorize", &query).await.application();
        assert_eq!(landed["error"], "login_required", "{backend}: absolute");

        let mut idle = Browser::new(&app);
        idle.log_in(&login, EMAIL, PASSWORD).await.application();
        app.clock.advance_seconds(3 * 86_400);
        let landed = idle.visit("authorize", &query).await.application();
        assert_eq!(landed["error"], "login_required", "{backend}: idle");
    }
}

#[tokio::test]
async fn the_login_hint_fills_the_page_and_post_works_too() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let challenge = digest::s256_challenge(VERIFIER);
        let hint = [("login_hint", "\"><script>x</script>")];
        let query = authorize_query(&world.client_id, &challenge, &hint);
        let (_, page) = Browser::new(&app).visit("authorize", &query).await.page();
        assert!(!page.text.contains("<script>x"), "{backend}: escaped");
        assert!(page.text.contains("script&#"), "{backend}: there: {}", page.text);

        let request = app.http.post(app.url("authorize")).form(&query);
        let answer = app.send(request).await;
        assert_eq!(answer.status, 302, "{backend}");
        assert!(answer.header("location").starts_with("/u/login?state="), "{backend}");
    }
}

#[tokio::test]
async fn an_unknown_page_and_a_gone_client_are_pages() {
    for (backend, app) in each_backend().await {
        let answer = app.get("nowhere").await;
        assert_eq!(answer.status, 404, "{backend}");
        assert!(answer.header("content-type").starts_with("text/html"), "{backend}");
        let program = app.post_form("nowhere", &[("a", "b")]).await;
        assert_eq!(program.error(), (404, "not_found".to_owned()), "{backend}");
        let request = app.http.get(app.url("nowhere")).header("accept", "application/json");
        assert_eq!(app.send(request).await.error(), (404, "not_found".to_owned()), "{backend}");
        let world = app.world().await;
        let challenge = digest::s256_challenge(VERIFIER);
        let query = authorize_query(&world.client_id, &challenge, &[]);
        let mut browser = Browser::new(&app);
        let page = browser.visit("authorize", &query).await.page();
        app.management("DELETE", &format!("/clients/{}", world.client_id), None).await;
        let fields = [("username", EMAIL), ("password", PASSWORD)];
        match browser.submit(&page, &fields).await {
            Landed::Page(_, answer) => assert_eq!(answer.status, 400, "{backend}"),
            Landed::Application(landed) => panic!("{backend}: {landed:?}"),
        }
    }
}
