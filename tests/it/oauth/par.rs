//! `POST /oauth/par` (RFC 9126) and the `request_uri` at `/authorize`.

use doorward::{crypto::digest, domain::time::Clock, store::sweep};
use serde_json::{Value, json};

use crate::support::{
    Answer, TestApp, browser::Browser, each_backend, fixtures::*, raw::Raw, signer::*,
};

/// A confidential application: the world, whose client has the secret method.
async fn world(app: &TestApp, more: Value) -> World {
    let mut client = json!({
        "app_type": "regular_web", "token_endpoint_auth_method": "client_secret_post",
    });
    for (name, value) in more.as_object().unwrap() {
        client[name] = value.clone();
    }
    app.world_with(client, json!({})).await
}

/// What is pushed: a good request, with some parameters replaced.
fn request<'a>(
    world: &'a World,
    challenge: &'a str,
    more: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let mut form = authorize_query(&world.client_id, challenge, &[]);
    form.retain(|(name, _)| !more.iter().any(|(changed, _)| changed == name));
    form.push(("client_secret", &world.client_secret));
    form.extend(more.iter().filter(|(_, value)| !value.is_empty()));
    form
}

async fn push(app: &TestApp, world: &World, more: &[(&str, &str)]) -> Answer {
    let challenge = digest::s256_challenge(VERIFIER);
    app.post_form("oauth/par", &request(world, &challenge, more)).await
}

async fn pushed(app: &TestApp, world: &World, more: &[(&str, &str)]) -> String {
    text(&TestApp::created(&push(app, world, more).await), "request_uri").to_owned()
}

async fn kept(app: &TestApp) -> i64 {
    Raw::connect(app).await.number("SELECT COUNT(*) FROM pushed_request").await
}

async fn redeem(app: &TestApp, world: &World, code: &str) -> Answer {
    app.token(&[
        ("grant_type", "authorization_code"),
        ("client_id", &world.client_id),
        ("client_secret", &world.client_secret),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ])
    .await
}

/// The page that says that there is no such request.
#[track_caller]
fn refused(page: &(String, Answer)) {
    let (path, page) = page;
    assert_eq!((path.as_str(), page.status), ("/authorize", 400), "{}", page.text);
    assert!(page.text.contains("invalid_request_uri"), "{}", page.text);
    assert_eq!(page.header("location"), "");
}

#[tokio::test]
async fn a_pushed_request_is_the_only_one_that_counts() {
    for (backend, app) in each_backend().await {
        let world = world(&app, json!({})).await;
        let asked =
            [("audience", MESSAGES), ("scope", LOGIN_SCOPE), ("login_hint", "hint@hint.example")];
        let answer = push(&app, &world, &asked).await;
        assert_eq!(answer.status, 201, "{backend}: {}", answer.text);
        assert_eq!(answer.header("cache-control"), "no-store", "{backend}");
        let body = answer.json();
        assert_eq!(body["expires_in"], 30, "{backend}");
        assert_eq!(body.as_object().unwrap().len(), 2, "{backend}");
        let request_uri = text(&body, "request_uri");
        assert!(request_uri.starts_with("urn:ietf:params:oauth:request_uri:"), "{request_uri}");
        let text_ = "SELECT COUNT(*) FROM pushed_request WHERE parameters LIKE '%secret%'";
        assert_eq!(Raw::connect(&app).await.number(text_).await, 0, "{backend}: secrets are kept");

        let mut browser = Browser::new(&app);
        // What travels through the browser beside it is not ours to believe.
        let query = [
            ("client_id", world.client_id.as_str()),
            ("request_uri", request_uri),
            ("state", "another"),
            ("scope", "openid"),
            ("redirect_uri", "https://evil.example/"),
            ("response_type", "token"),
            ("audience", BILLING),
        ];
        let page = browser.visit("authorize", &query).await.page();
        assert_eq!(page.0, "/u/login", "{backend}");
        assert!(page.1.text.contains("hint@hint.example"), "{backend}");
        for value in browser.cookies.values() {
            for clear in ["hint", "offline", "messages", "callback", "a+b"] {
                assert!(!value.contains(clear), "{backend}: {clear} in a cookie: {value}");
            }
        }
        assert_eq!(kept(&app).await, 0, "{backend}: it is taken");
        let fields = [("username", EMAIL), ("password", PASSWORD), ("action", "default")];
        let landed = browser.submit(&page, &fields).await.application();
        assert_eq!(landed["state"], "a+b/c=", "{backend}");
        let tokens = redeem(&app, &world, &landed["code"]).await.ok();
        assert_eq!(tokens["scope"], LOGIN_SCOPE, "{backend}");
    }
}

#[tokio::test]
async fn every_way_to_authenticate_may_push_and_a_public_client_may_not() {
    for (backend, app) in each_backend().await {
        let challenge = digest::s256_challenge(VERIFIER);
        let basic = world(&app, json!({})).await;
        let form = authorize_query(&basic.client_id, &challenge, &[]);
        let post = |form: &[(&str, &str)]| app.http.post(app.url("oauth/par")).form(form);
        let secret = basic.client_secret.as_str();
        let with_basic = post(&form).basic_auth(&basic.client_id, Some(secret));
        TestApp::created(&app.send(with_basic).await);

        let machine = app.signing_machine().await;
        let aud = format!("{}oauth/par", app.issuer);
        let assertion = signer().sign(&app.claims(&machine, json!({ "aud": aud })));
        let mut form = authorize_query(&machine, &challenge, &[]);
        form.extend([("client_assertion", assertion.as_str())]);
        form.push(("client_assertion_type", JWT_BEARER));
        TestApp::created(&app.send(post(&form)).await);
        let kept_too = "SELECT COUNT(*) FROM pushed_request WHERE parameters LIKE '%assertion%'";
        assert_eq!(Raw::connect(&app).await.number(kept_too).await, 0, "{backend}");

        let spa = app.add_client(json!({ "token_endpoint_auth_method": "none" })).await;
        let spa_id = text(&spa, "client_id");
        for (form, why) in [
            (authorize_query(spa_id, &challenge, &[]), "public"),
            (
                authorize_query(
                    spa_id,
                    &challenge,
                    &[("client_secret", text(&spa, "client_secret"))],
                ),
                "public with its secret",
            ),
            (authorize_query(&basic.client_id, &challenge, &[]), "no secret"),
            (
                authorize_query(&basic.client_id, &challenge, &[("client_secret", "wrong")]),
                "wrong secret",
            ),
            (authorize_query("nobody", &challenge, &[("client_secret", "x")]), "unknown"),
        ] {
            let answer = app.send(post(&form)).await;
            assert_eq!(answer.error(), (401, "invalid_client".into()), "{backend} {why}");
        }
        let json = json!({
            "client_id": basic.client_id, "client_secret": secret, "response_type": "code",
            "redirect_uri": CALLBACK, "scope": ["openid", "profile"], "nonce": null,
        });
        let answer = app.send(app.http.post(app.url("oauth/par")).json(&json)).await;
        TestApp::created(&answer);
    }
}

#[tokio::test]
async fn what_authorize_would_refuse_cannot_be_pushed() {
    for (backend, app) in each_backend().await {
        let world = world(&app, json!({})).await;
        let long = "x".repeat(10 * 1024);
        for (name, value, status, error) in [
            ("redirect_uri", "https://evil.example/", 400, "invalid_request"),
            ("redirect_uri", "<svg onload=alert(1)>", 400, "invalid_request"),
            ("response_type", "", 400, "invalid_request"),
            ("response_type", "nonsense", 400, "unsupported_response_type"),
            ("prompt", "none login", 400, "invalid_request"),
            ("code_challenge_method", "plain", 400, "invalid_request"),
            ("audience", "https://nobody.example", 400, "access_denied"),
            ("organization", "acme", 400, "invalid_request"),
            ("request", "eyJ", 400, "request_not_supported"),
            ("request_uri", "urn:ietf:params:oauth:request_uri:x", 400, "invalid_request"),
            ("login_hint", long.as_str(), 413, "invalid_request"),
        ] {
            let answer = push(&app, &world, &[(name, value)]).await;
            assert_eq!(answer.error(), (status, error.into()), "{backend} {name} {value:.30}");
            assert_eq!(answer.header("cache-control"), "no-store", "{backend} {name}");
            assert!(!answer.text.contains("<svg"), "{backend}: echoed");
        }
        let twice = format!("client_id={}&scope=a&scope=b", world.client_id);
        let request = app.http.post(app.url("oauth/par")).body(twice);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        assert_eq!(app.send(request).await.error(), (400, "invalid_request".into()), "{backend}");
        let answer = app.get("oauth/par").await;
        assert_eq!(answer.error(), (405, "invalid_request".into()), "{backend}");
        assert_eq!(kept(&app).await, 0, "{backend}");
    }
}

#[tokio::test]
async fn a_request_uri_is_good_once_for_its_client_and_for_a_short_time() {
    for (backend, app) in each_backend().await {
        let world = world(&app, json!({ "par_request_expiry": 10 })).await;
        let query = |request_uri: &str| {
            vec![
                ("client_id".to_owned(), world.client_id.clone()),
                ("request_uri".to_owned(), request_uri.to_owned()),
            ]
        };
        let visit = async |query: Vec<(String, String)>| {
            let query: Vec<_> = query.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            Browser::new(&app).visit("authorize", &query).await
        };
        // Attack: the second use asks for no page, which must not spare it the check.
        let used = pushed(&app, &world, &[("prompt", "none")]).await;
        let landed = visit(query(&used)).await.application();
        assert_eq!(landed["error"], "login_required", "{backend}");
        let mut again = query(&used);
        again.push(("prompt".to_owned(), "none".to_owned()));
        refused(&visit(again).await.page());
        refused(&visit(query(&used)).await.page());

        let other = app.add_client(json!({})).await;
        let fresh = pushed(&app, &world, &[]).await;
        let mut foreign = query(&fresh);
        foreign[0].1 = text(&other, "client_id").to_owned();
        refused(&visit(foreign).await.page());
        let nameless = visit(query(&fresh)[1..].to_vec()).await.page();
        assert_eq!(nameless.1.status, 400, "{backend}");
        let mut twice = query(&fresh);
        twice.push(("request_uri".to_owned(), used.clone()));
        refused(&visit(twice).await.page());
        // None of that cost the client its request.
        assert_eq!(visit(query(&fresh)).await.page().0, "/u/login", "{backend}");

        let old = pushed(&app, &world, &[]).await;
        app.clock.advance_seconds(10);
        refused(&visit(query(&old)).await.page());
        assert_eq!(kept(&app).await, 1, "{backend}");
        app.clock.advance_seconds(1);
        sweep::run(&app.inner.store, app.clock.now(), 1_000_000).await.unwrap();
        assert_eq!(kept(&app).await, 0, "{backend}: swept");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_parallel_uses_of_a_request_uri_exactly_one_wins() {
    for (backend, app) in each_backend().await {
        let other = app.another_node().await;
        let world = world(&app, json!({})).await;
        for round in 0..5 {
            let request_uri = pushed(&app, &world, &[("prompt", "none")]).await;
            let mut requests = Vec::new();
            for n in 0..12 {
                let node = if n % 2 == 0 { &app } else { &other };
                let query = [("client_id", &world.client_id), ("request_uri", &request_uri)];
                let url = url::Url::parse_with_params(&node.url("authorize"), &query).unwrap();
                requests.push(tokio::spawn(node.http.get(url).send()));
            }
            let mut redirected = 0;
            for request in requests {
                let status = request.await.unwrap().unwrap().status().as_u16();
                assert!(status == 302 || status == 400, "{backend}: {status}");
                redirected += u8::from(status == 302);
            }
            assert_eq!(redirected, 1, "{backend} round {round}");
        }
    }
}

#[tokio::test]
async fn a_client_may_insist_on_pushed_requests() {
    for (backend, app) in each_backend().await {
        let world = world(&app, json!({ "require_pushed_authorization_requests": true })).await;
        let challenge = digest::s256_challenge(VERIFIER);
        let query = authorize_query(&world.client_id, &challenge, &[]);
        let landed = Browser::new(&app).visit("authorize", &query).await.application();
        assert_eq!(landed["error"], "invalid_request", "{backend}");
        let request_uri = pushed(&app, &world, &[]).await;
        let query =
            [("client_id", world.client_id.as_str()), ("request_uri", request_uri.as_str())];
        let page = Browser::new(&app).visit("authorize", &query).await.page();
        assert_eq!(page.0, "/u/login", "{backend}");
    }
}
