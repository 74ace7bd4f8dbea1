//! The examples of docs/actions.md in real logins, exchanges and sign-ups.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use axum::{
    Router,
    extract::Query,
    http::{HeaderMap, StatusCode},
    routing::get,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use doorward::{
    crypto::{digest, named_digest},
    domain::action::Trigger::{self, CredentialsExchange, PostLogin, PreUserRegistration},
};
use serde_json::{Value, json};

use crate::scripts::documentation::examples;
use crate::support::{
    TestApp,
    browser::Browser,
    each_backend, each_backend_with,
    fixtures::{
        EMAIL, LOGIN_SCOPE, MESSAGES, PASSWORD, VERIFIER, World, authorize_query, refresh_settings,
        text,
    },
    payload,
};

const ASKED: [(&str, &str); 2] = [("audience", MESSAGES), ("scope", LOGIN_SCOPE)];

async fn bind(app: &TestApp, trigger: Trigger, name: &str) {
    app.bind_action(trigger, name, &examples()[name]).await;
}

/// The usual world, in which the refresh token may be exchanged for one more API.
async fn world_with(app: &TestApp, audience: &str) -> World {
    let world = app.world().await;
    let scopes = ["read:messages", "write:messages"];
    app.add_api(audience, &scopes, json!({})).await;
    let policies = json!({ "policies": [{ "audience": audience, "scope": scopes }] });
    let settings = json!({ "refresh_token": refresh_settings(policies) });
    app.patch_client(&world.client_id, settings).await;
    world
}

async fn set_app_metadata(app: &TestApp, world: &World, metadata: Value) {
    let path = format!("/users/{}", world.user_id.replace('|', "%7C"));
    app.management("PATCH", &path, Some(json!({ "app_metadata": metadata }))).await.ok();
}

async fn user(app: &TestApp, world: &World) -> Value {
    let path = format!("/users/{}", world.user_id.replace('|', "%7C"));
    app.management("GET", &path, None).await.ok()
}

fn access(tokens: &Value) -> Value {
    payload(text(tokens, "access_token"))
}

#[tokio::test]
async fn the_policies_of_the_application_decide_an_exchange() {
    const API: &str = "https://myapi";
    for (backend, app) in each_backend().await {
        let world = world_with(&app, API).await;
        bind(&app, PostLogin, "mrrt-policy").await;
        let tokens = app.log_in_for(&world, &ASKED).await;
        assert!(access(&tokens).get("https://myapi/plan").is_none(), "{backend}");
        let token = text(&tokens, "refresh_token");
        let free = app.refresh(&world, token, &[("audience", API)]).await.ok();
        assert_eq!(access(&free)["https://myapi/plan"], "free", "{backend}");
        assert_eq!(access(&free)["scope"], "openid profile offline_access read:messages");
        set_app_metadata(&app, &world, json!({ "plan": "gold" })).await;
        let token = text(&free, "refresh_token");
        let gold = app.refresh(&world, token, &[("audience", API)]).await.ok();
        assert_eq!(access(&gold)["https://myapi/plan"], "gold", "{backend}");
        let scope = "openid profile offline_access read:messages write:messages";
        assert_eq!(access(&gold)["scope"], scope, "{backend}");
    }
}

#[tokio::test]
async fn claims_are_in_both_tokens_after_a_login_and_after_a_refresh() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        set_app_metadata(&app, &world, json!({ "department": "sales" })).await;
        bind(&app, PostLogin, "claims").await;
        let login = app.log_in_for(&world, &ASKED).await;
        set_app_metadata(&app, &world, json!({ "department": "support" })).await;
        let refreshed = app.refresh(&world, text(&login, "refresh_token"), &[]).await.ok();
        for (tokens, department, is_refreshed) in
            [(&login, "sales", false), (&refreshed, "support", true)]
        {
            for token in ["access_token", "id_token"] {
                let claims = payload(text(tokens, token));
                assert_eq!(claims["https://example.com/department"], department, "{backend}");
                assert_eq!(claims["https://example.com/roles"], json!([]), "{backend}");
                assert_eq!(claims["https://example.com/refreshed"], is_refreshed, "{backend}");
            }
        }
    }
}

#[tokio::test]
async fn one_api_is_refused_and_the_refresh_token_is_good_for_others() {
    const API: &str = "https://payments.example.com";
    for (backend, app) in each_backend().await {
        let world = world_with(&app, API).await;
        bind(&app, PostLogin, "deny-audience").await;
        let tokens = app.log_in_for(&world, &ASKED).await;
        let token = text(&tokens, "refresh_token");
        let refused = app.refresh(&world, token, &[("audience", API)]).await;
        assert_eq!(refused.error(), (403, "access_denied".to_owned()), "{backend}");
        let why = "Ask your administrator for access to payments.";
        assert_eq!(refused.text_of("error_description"), why, "{backend}");
        set_app_metadata(&app, &world, json!({ "payments": true })).await;
        let granted = app.refresh(&world, token, &[("audience", API)]).await.ok();
        assert_eq!(access(&granted)["aud"][0], API, "{backend}: nothing was consumed");
    }
}

#[tokio::test]
async fn a_page_asks_for_a_birthday_within_a_login() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let secrets = [("PROFILE_KEY", "the key of the page")];
        let code = &examples()["progressive-profile"];
        app.bind_action_with(PostLogin, "profile", code, &secrets, None).await;
        let mut browser = Browser::new(&app);
        let challenge = digest::s256_challenge(VERIFIER);
        let query = authorize_query(&world.client_id, &challenge, &ASKED);
        let sent = browser.log_in(&query, EMAIL, PASSWORD).await.application();
        let told = payload(&sent["session_token"]);
        assert_eq!(told["sub"], world.user_id, "{backend}");
        // What the page does.
        let claims = json!({
            "state": sent["state"], "exp": told["exp"], "sub": told["sub"], "birthday": "1815-12-10",
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&json!({ "alg": "HS256" })), part(&claims));
        let mac = named_digest::hmac("sha256", secrets[0].1.as_bytes(), signed.as_bytes());
        let answer = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.unwrap()));
        let back = [("state", sent["state"].as_str()), ("session_token", &answer)];
        let landed = browser.visit("continue", &back).await.application();
        let tokens = app.exchange_code(&world, &landed["code"]).await.ok();
        assert_eq!(payload(text(&tokens, "id_token"))["birthdate"], "1815-12-10", "{backend}");
        assert_eq!(user(&app, &world).await["user_metadata"]["birthday"], "1815-12-10");
        // It is asked for once, and never where there is no browser.
        let refreshed = app.refresh(&world, text(&tokens, "refresh_token"), &[]).await;
        assert_eq!(refreshed.status, 200, "{backend}");
        let again = browser.log_in(&query, EMAIL, PASSWORD).await.application();
        assert!(again.contains_key("code"), "{backend}");
    }
}

/// A service that knows customers and counts who asks. Returns where it is.
async fn customers(asked: Arc<AtomicU32>) -> String {
    let answer = move |headers: HeaderMap, Query(query): Query<Value>| {
        let asked = Arc::clone(&asked);
        async move {
            assert_eq!(headers["authorization"], "Bearer the token");
            assert_eq!(query["email"], EMAIL);
            match asked.fetch_add(1, Ordering::Relaxed) {
                0 => (StatusCode::SERVICE_UNAVAILABLE, String::new()),
                _ => (StatusCode::OK, json!({ "tier": "gold" }).to_string()),
            }
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = listener.local_addr().unwrap().to_string();
    let router = Router::new().route("/v1/customers", get(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    here
}

#[tokio::test]
async fn another_service_is_asked_and_the_answer_remembered() {
    for (backend, app) in each_backend_with("[outbound]\nallow_private = true\n").await {
        let world = app.world().await;
        let asked = Arc::new(AtomicU32::new(0));
        let here = customers(Arc::clone(&asked)).await;
        let url = format!("http://{here}");
        let secrets = [("CRM_URL", url.as_str()), ("CRM_TOKEN", "the token")];
        let (code, hosts) = (&examples()["external-api"], [here.as_str()]);
        app.bind_action_with(PostLogin, "tier", code, &secrets, Some(&hosts)).await;
        let mut browser = Browser::new(&app);
        let challenge = digest::s256_challenge(VERIFIER);
        let query = authorize_query(&world.client_id, &challenge, &ASKED);
        let landed = browser.log_in(&query, EMAIL, PASSWORD).await.application();
        assert_eq!(landed["error"], "access_denied", "{backend}");
        assert_eq!(landed["error_description"], "The customer service answered 503.");
        let mut tokens = app.log_in_for(&world, &ASKED).await;
        for _ in 0..2 {
            assert_eq!(access(&tokens)["https://example.com/tier"], "gold", "{backend}");
            tokens = app.refresh(&world, text(&tokens, "refresh_token"), &[]).await.ok();
        }
        assert_eq!(asked.load(Ordering::Relaxed), 2, "{backend}: it is remembered");
    }
}

#[tokio::test]
async fn only_people_of_some_domains_sign_up() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        bind(&app, PreUserRegistration, "block-sign-ups").await;
        let sign_up = async |email: &str| {
            let body = json!({
                "client_id": world.client_id, "email": email, "password": PASSWORD,
                "connection": "Username-Password-Authentication",
            });
            app.send(app.http.post(app.url("dbconnections/signup")).json(&body)).await
        };
        let refused = sign_up("eve@elsewhere.example").await;
        assert_eq!(refused.status, 400, "{backend}");
        assert_eq!(refused.text_of("friendly_message"), "Sign up with your company address.");
        assert_eq!(sign_up("grace@example.org").await.status, 200, "{backend}");
        let found =
            app.management("GET", "/users-by-email?email=grace@example.org", None).await.ok();
        assert_eq!(found[0]["app_metadata"], json!({ "domain": "example.org" }), "{backend}");
    }
}

#[tokio::test]
async fn machines_get_the_claim_of_their_team() {
    for (backend, app) in each_backend().await {
        app.add_api("https://machines", &["run"], json!({})).await;
        let client = app
            .add_client(json!({
                "app_type": "non_interactive", "grant_types": ["client_credentials"],
                "client_metadata": { "team": "ops" },
            }))
            .await;
        let id = text(&client, "client_id");
        let grant = json!({ "client_id": id, "audience": "https://machines", "scope": ["run"] });
        TestApp::created(&app.management("POST", "/client-grants", Some(grant)).await);
        bind(&app, CredentialsExchange, "machine-claims").await;
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", id),
            ("client_secret", text(&client, "client_secret")),
            ("audience", "https://machines"),
        ];
        let tokens = app.token(&form).await.ok();
        assert_eq!(access(&tokens)["https://example.com/team"], "ops", "{backend}");
        app.patch_client(id, json!({ "client_metadata": { "suspended": "true" } })).await;
        let refused = app.token(&form).await;
        assert_eq!(refused.error().1, "invalid_request", "{backend}");
        assert_eq!(refused.text_of("error_description"), "This application is suspended.");
    }
}

#[tokio::test]
async fn the_rule_runs_in_logins_and_exchanges() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let value = json!({ "value": "https://example.com/" });
        app.management("PUT", "/rules-configs/NAMESPACE", Some(value)).await.ok();
        let body = json!({ "name": "Country", "script": examples()["rule"] });
        TestApp::created(&app.management("POST", "/rules", Some(body)).await);
        let tokens = app.log_in_for(&world, &ASKED).await;
        assert_eq!(access(&tokens)["https://example.com/country"], "unknown", "{backend}");
        set_app_metadata(&app, &world, json!({ "blocked_refresh": true })).await;
        let refused = app.refresh(&world, text(&tokens, "refresh_token"), &[]).await;
        assert_eq!(refused.error().1, "unauthorized", "{backend}");
        assert_eq!(refused.text_of("error_description"), "Log in again.", "{backend}");
    }
}
