//! Response types and modes of `/authorize`, silent logins and the choice of an account.

use doorward::crypto::digest;
use serde_json::{Value, json};

use crate::support::{
    Answer, TestApp,
    browser::{Browser, Landed},
    each_backend,
    fixtures::*,
    payload,
};

const ORIGIN: &str = "https://app.example";

/// A world whose application may use every response type.
async fn implicit_world(app: &TestApp) -> World {
    let grants = ["authorization_code", "implicit", "refresh_token"];
    let client = json!({ "grant_types": grants, "web_origins": [ORIGIN] });
    app.world_with(client, json!({})).await
}

/// A request without the usual `response_type`.
fn query<'a>(
    world: &'a World,
    challenge: &'a str,
    more: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let mut query = authorize_query(&world.client_id, challenge, &[]);
    query.retain(|(name, _)| more.iter().all(|(given, _)| given != name));
    query.extend_from_slice(more);
    query
}

/// The value of an attribute of the page, unescaped.
fn attribute(page: &Answer, name: &str) -> String {
    let value =
        page.text.split_once(&format!("{name}=\"")).unwrap_or_else(|| panic!("{}", page.text)).1;
    let value = value.split_once('"').unwrap().0;
    value
        .replace("&#34;", "\"")
        .replace("&#38;", "&")
        .replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#39;", "'")
}

#[tokio::test]
async fn each_response_type_answers_what_it_names() {
    for (backend, app) in each_backend().await {
        let world = implicit_world(&app).await;
        let challenge = digest::s256_challenge(VERIFIER);
        let mut browser = Browser::new(&app);
        for response_type in [
            "code",
            "token",
            "id_token",
            "id_token token",
            "token id_token",
            "code id_token",
            "code token",
            "code id_token token",
        ] {
            let more =
                [("response_type", response_type), ("audience", MESSAGES), ("scope", LOGIN_SCOPE)];
            let asked = query(&world, &challenge, &more);
            let landed = browser.log_in(&asked, EMAIL, PASSWORD).await.application();
            let words: Vec<_> = response_type.split(' ').collect();
            for (word, member) in
                [("code", "code"), ("token", "access_token"), ("id_token", "id_token")]
            {
                let is_there = landed.contains_key(member);
                assert_eq!(is_there, words.contains(&word), "{backend} {response_type} {member}");
            }
            assert_eq!(landed["state"], "a+b/c=", "{backend} {response_type}");
            assert_eq!(landed["iss"], app.issuer, "{backend} {response_type}");
            assert!(!landed.contains_key("refresh_token"), "{backend} {response_type}");
            if let Some(token) = landed.get("access_token") {
                assert_eq!(landed["token_type"], "Bearer");
                assert_eq!(landed["expires_in"], "7200", "{backend}: token_lifetime_for_web");
                assert_eq!(landed["scope"], "openid profile read:messages");
                let claims = payload(token);
                assert_eq!(claims["aud"][0], MESSAGES);
                assert_eq!(claims["scope"], "openid profile read:messages");
                let lifetime = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
                assert_eq!(lifetime, 7200);
            }
            if let Some(token) = landed.get("id_token") {
                let claims = payload(token);
                assert_eq!(claims["nonce"], "n-0S6_WzA2Mj", "{backend} {response_type}");
                assert_eq!(claims["aud"], world.client_id.as_str());
                let hash = |member: &str| landed.get(member).map(|text| digest::half_sha256(text));
                let claimed = |name: &str| claims[name].as_str().map(str::to_owned);
                assert_eq!(claimed("at_hash"), hash("access_token"), "{backend} {response_type}");
                assert_eq!(claimed("c_hash"), hash("code"), "{backend} {response_type}");
            }
            if let Some(code) = landed.get("code") {
                let answer = app.exchange_code(&world, code).await.ok();
                assert!(answer["refresh_token"].is_string(), "{backend} {response_type}");
            }
        }
    }
}

#[tokio::test]
async fn a_client_with_codes_only_gets_no_token_from_the_authorization_endpoint() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let challenge = digest::s256_challenge(VERIFIER);
        for response_type in ["token", "id_token", "code token"] {
            let asked = query(&world, &challenge, &[("response_type", response_type)]);
            let landed = Browser::new(&app).visit("authorize", &asked).await.application();
            assert_eq!(landed["error"], "unauthorized_client", "{backend} {response_type}");
        }
    }
}

#[tokio::test]
async fn a_form_post_carries_the_response_in_a_form() {
    for (backend, app) in each_backend().await {
        let world = implicit_world(&app).await;
        let challenge = digest::s256_challenge(VERIFIER);
        let state = "\"><script>alert(1)</script>+/=";
        let more = [
            ("response_mode", "form_post"),
            ("response_type", "code id_token"),
            ("state", state),
            ("scope", "openid"),
        ];
        let asked = query(&world, &challenge, &more);
        let (_, page) = Browser::new(&app).log_in(&asked, EMAIL, PASSWORD).await.page();
        assert_eq!(page.status, 200, "{backend}");
        assert_eq!(page.header("cache-control"), "no-store", "{backend}");
        assert_eq!(attribute(&page, "action"), CALLBACK, "{backend}");
        assert!(!page.text.contains("<script>alert"), "{backend}: {}", page.text);
        let fields: Vec<_> = page.text.match_indices("type=\"hidden\" name=\"").collect();
        assert_eq!(fields.len(), 4, "{backend}: code, id_token, state, iss: {}", page.text);
        let policy = page.header("content-security-policy");
        assert!(policy.contains("default-src 'none'; script-src 'self'"), "{backend}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{backend}: {policy}");
        let src = attribute(&page, "script src");
        assert!(app.get(&src).await.header("content-type").starts_with("text/javascript"));
    }
}

/// What the page of a web message tells, and to which origin.
fn message(page: &Answer) -> (String, Value) {
    let response = attribute(page, "data-response");
    (attribute(page, "data-origin"), serde_json::from_str(&response).unwrap())
}

#[tokio::test]
async fn a_silent_login_answers_with_a_web_message_to_its_origin_only() {
    for (backend, app) in each_backend().await {
        let world = implicit_world(&app).await;
        let challenge = digest::s256_challenge(VERIFIER);
        let silent =
            [("prompt", "none"), ("response_mode", "web_message"), ("redirect_uri", ORIGIN)];
        let asked = query(&world, &challenge, &silent);
        let mut browser = Browser::new(&app);

        let (path, page) = browser.visit("authorize", &asked).await.page();
        assert_eq!((path.as_str(), page.status), ("/authorize", 200), "{backend}");
        let (origin, told) = message(&page);
        assert_eq!(origin, ORIGIN, "{backend}");
        assert_eq!(told["error"], "login_required", "{backend}");
        assert_eq!(told["error_description"], "Login required", "{backend}");
        assert_eq!(told["state"], "a+b/c=", "{backend}");
        assert_eq!(page.header("x-frame-options"), "", "{backend}: framed by the application");
        let policy = page.header("content-security-policy");
        assert!(policy.ends_with("frame-ancestors https://app.example"), "{backend}: {policy}");
        assert_eq!(page.header("cross-origin-opener-policy"), "", "{backend}: popups");

        browser.log_in(&query(&world, &challenge, &[]), EMAIL, PASSWORD).await.application();
        let (_, page) = browser.visit("authorize", &asked).await.page();
        let code = message(&page).1["code"].as_str().unwrap().to_owned();
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", &world.client_id),
            ("code", &code),
            ("redirect_uri", ORIGIN),
            ("code_verifier", VERIFIER),
        ];
        assert_eq!(app.token(&form).await.status, 200, "{backend}");

        let tokens =
            [("response_type", "token"), ("response_mode", "web_message"), ("prompt", "none")];
        let (_, page) =
            browser.visit("authorize", &query(&world, &challenge, &tokens)).await.page();
        assert_eq!(message(&page).1["expires_in"], 7200, "{backend}: a number");

        // Registered as a callback, but not as a web origin.
        app.patch_client(&world.client_id, json!({ "web_origins": ["https://other.example"] }))
            .await;
        for uri in [CALLBACK, ORIGIN, "https://evil.example"] {
            let silent =
                [("response_mode", "web_message"), ("prompt", "none"), ("redirect_uri", uri)];
            let (_, page) =
                browser.visit("authorize", &query(&world, &challenge, &silent)).await.page();
            assert_eq!(page.status, 400, "{backend} {uri}");
            assert_eq!(page.header("x-frame-options"), "DENY", "{backend} {uri}");
            assert!(!page.text.contains("data-response"), "{backend} {uri}");
        }
    }
}

#[tokio::test]
async fn consent_that_is_needed_stops_a_silent_login() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(json!({ "is_first_party": false }), json!({})).await;
        let challenge = digest::s256_challenge(VERIFIER);
        let mut browser = Browser::new(&app);
        let asked = query(&world, &challenge, &[("scope", "openid")]);
        let page = browser.log_in(&asked, EMAIL, PASSWORD).await.page();
        assert_eq!(page.0, "/u/consent", "{backend}");
        let silent = query(&world, &challenge, &[("scope", "openid"), ("prompt", "none")]);
        let landed = browser.visit("authorize", &silent).await.application();
        assert_eq!(landed["error"], "consent_required", "{backend}");
        assert_eq!(landed["error_description"], "Consent required", "{backend}");
    }
}

#[tokio::test]
async fn select_account_asks_whether_to_go_on() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        app.add_user("grace@example.com", PASSWORD).await;
        let challenge = digest::s256_challenge(VERIFIER);
        let asked = query(&world, &challenge, &[("prompt", "select_account"), ("scope", "openid")]);
        let mut browser = Browser::new(&app);
        // Without a session there is nothing to choose, and the login is the choice.
        browser.log_in(&asked, EMAIL, PASSWORD).await.application();

        let page = browser.visit("authorize", &asked).await.page();
        assert_eq!(page.0, "/u/account", "{backend}");
        assert!(page.1.text.contains(EMAIL), "{backend}");
        let empty = browser.submit(&page, &[]).await.page();
        assert_eq!(empty.0, "/u/account", "{backend}: the same step again");
        let landed = browser.submit(&page, &[("action", "continue")]).await.application();
        assert!(landed.contains_key("code"), "{backend}");

        let page = browser.visit("authorize", &asked).await.page();
        let login = browser.submit(&page, &[("action", "another")]).await.page();
        assert_eq!(login.0, "/u/login", "{backend}");
        let fields = [("username", "grace@example.com"), ("password", PASSWORD)];
        let landed = browser.submit(&login, &fields).await.application();
        let answer = app.exchange_code(&world, &landed["code"]).await.ok();
        assert_ne!(payload(text(&answer, "id_token"))["sub"], world.user_id.as_str(), "{backend}");
    }
}

#[tokio::test]
async fn only_the_hinted_user_gets_in() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let grace = app.add_user("grace@example.com", PASSWORD).await;
        let claims = json!({ "id_token": { "sub": { "value": grace["user_id"] } } }).to_string();
        let challenge = digest::s256_challenge(VERIFIER);
        let asked = query(&world, &challenge, &[("claims", &claims), ("scope", "openid")]);
        let mut browser = Browser::new(&app);
        browser.log_in(&query(&world, &challenge, &[]), EMAIL, PASSWORD).await.application();

        let silent = [asked.clone(), vec![("prompt", "none")]].concat();
        let landed = browser.visit("authorize", &silent).await.application();
        assert_eq!(landed["error"], "login_required", "{backend}");
        let page = browser.visit("authorize", &asked).await.page();
        assert_eq!(page.0, "/u/login", "{backend}");
        let fields = [("username", EMAIL), ("password", PASSWORD)];
        let landed = browser.submit(&page, &fields).await.application();
        assert_eq!(landed["error"], "login_required", "{backend}: somebody else");
        let page = browser.visit("authorize", &asked).await.page();
        let fields = [("username", "grace@example.com"), ("password", PASSWORD)];
        let landed = browser.submit(&page, &fields).await.application();
        assert!(landed.contains_key("code"), "{backend}");
    }
}

#[tokio::test]
async fn without_a_redirect_uri_the_first_callback_is_used() {
    for (backend, app) in each_backend().await {
        let callbacks = json!({ "callbacks": [CALLBACK, "https://app.example/other"] });
        let world = app.world_with(callbacks, json!({})).await;
        let challenge = digest::s256_challenge(VERIFIER);
        let mut asked = query(
            &world,
            &challenge,
            &[("scope", "openid"), ("ext-campaign", "x"), ("foo", "bar")],
        );
        asked.retain(|(name, _)| *name != "redirect_uri");
        let landed = Browser::new(&app).log_in(&asked, EMAIL, PASSWORD).await;
        let Landed::Application(landed) = landed else { panic!("{backend}") };
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", &world.client_id),
            ("code", &landed["code"]),
            ("code_verifier", VERIFIER),
        ];
        assert_eq!(app.token(&form).await.status, 200, "{backend}");
    }
}

#[tokio::test]
async fn a_page_that_carries_a_response_cannot_be_had_by_another_browser() {
    for (backend, app) in each_backend().await {
        let world = implicit_world(&app).await;
        let challenge = digest::s256_challenge(VERIFIER);
        let asked = query(&world, &challenge, &[("response_mode", "form_post")]);
        let mut browser = Browser::new(&app);
        let page = browser.visit("authorize", &asked).await.page();
        let state = crate::support::browser::hidden_state(&page.1.text);
        let resume = [("state", state.as_str())];
        for cookies in [vec![], vec![("doorward_browser".to_owned(), "another".to_owned())]] {
            let mut other = Browser::new(&app);
            other.cookies = cookies.into_iter().collect();
            for path in ["authorize/resume", "u/login", "u/account", "u/consent"] {
                let (_, page) = other.visit(path, &resume).await.page();
                assert_eq!(page.status, 400, "{backend} {path}");
            }
        }
    }
}

#[tokio::test]
async fn an_id_token_hint_names_the_user_whatever_it_is_signed_with() {
    for (backend, app) in each_backend().await {
        let confidential = json!({
            "app_type": "regular_web", "token_endpoint_auth_method": "client_secret_post",
        });
        let world = app.world_with(confidential, json!({})).await;
        app.add_user("grace@example.com", PASSWORD).await;
        let challenge = digest::s256_challenge(VERIFIER);
        let login = query(&world, &challenge, &[("scope", "openid")]);
        let (mut ada, mut grace) = (Browser::new(&app), Browser::new(&app));
        grace.log_in(&login, "grace@example.com", PASSWORD).await.application();
        for alg in ["RS256", "PS256", "HS256"] {
            let settings = json!({ "jwt_configuration": { "alg": alg } });
            app.patch_client(&world.client_id, settings).await;
            let landed = ada.log_in(&login, EMAIL, PASSWORD).await.application();
            let form = [
                ("grant_type", "authorization_code"),
                ("client_id", &world.client_id),
                ("client_secret", &world.client_secret),
                ("code", &landed["code"]),
                ("redirect_uri", CALLBACK),
                ("code_verifier", VERIFIER),
            ];
            let tokens = app.token(&form).await.ok();
            let (id_token, access_token) =
                (text(&tokens, "id_token"), text(&tokens, "access_token"));
            let silent = [("scope", "openid"), ("prompt", "none"), ("id_token_hint", id_token)];
            let asked = query(&world, &challenge, &silent);
            app.clock.advance_seconds(40_000);
            let landed = ada.visit("authorize", &asked).await.application();
            assert!(landed.contains_key("code"), "{backend} {alg}: {landed:?}");
            let landed = grace.visit("authorize", &asked).await.application();
            assert_eq!(landed["error"], "login_required", "{backend} {alg}: somebody else");

            let (head, signature) = id_token.rsplit_once('.').unwrap();
            let forged = format!("{head}.{}", signature.chars().rev().collect::<String>());
            for bad in [forged.as_str(), access_token, "x", "a.b.c"] {
                let asked = query(&world, &challenge, &[("id_token_hint", bad)]);
                let landed = ada.visit("authorize", &asked).await.application();
                assert_eq!(landed["error"], "invalid_request", "{backend} {alg} {bad:.20}");
            }
        }
    }
}
