//! What every SDK relies on, whatever the grant: each test is one obligation, on every grant or
//! response mode there is.

use std::collections::BTreeMap;

use doorward::crypto::digest;
use serde_json::{Map, Value, json};

use crate::support::{
    Answer, TestApp,
    browser::{Browser, Landed},
    each_backend,
    fixtures::*,
    payload,
};

const REALM: &str = "http://auth0.com/oauth/grant-type/password-realm";
const OTP: &str = "http://auth0.com/oauth/grant-type/passwordless/otp";
const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// The grants of a user.
const GRANTS: [&str; 6] = ["authorization_code", "refresh_token", "password", REALM, OTP, DEVICE];

/// What is asked for at every login.
const ASKED: &str = "openid profile email offline_access read:messages";

type Form = Vec<(&'static str, String)>;

async fn world(app: &TestApp) -> World {
    let grants = [&GRANTS[..], &["implicit"]].concat();
    let client = json!({
        "app_type": "native", "token_endpoint_auth_method": "none", "web_origins": [ORIGIN],
        "grant_types": grants,
    });
    app.world_with(client, json!({})).await
}

/// A request of this grant that will be granted, for this scope.
async fn request(app: &TestApp, world: &World, grant: &'static str, scope: &str) -> Form {
    let mut form: Form =
        vec![("grant_type", grant.to_owned()), ("client_id", world.client_id.clone())];
    let at_login = [("audience", MESSAGES), ("scope", scope)];
    let user = |form: &mut Form| {
        form.push(("username", EMAIL.to_owned()));
        form.extend(at_login.map(|(name, value)| (name, value.to_owned())));
    };
    match grant {
        "authorization_code" => {
            let code = app.code_for(&mut Browser::new(app), world, &at_login).await;
            form.push(("code", code));
            form.push(("redirect_uri", CALLBACK.to_owned()));
            form.push(("code_verifier", VERIFIER.to_owned()));
        }
        "refresh_token" => {
            let login = [("audience", MESSAGES), ("scope", ASKED)];
            let login = app.log_in_for(world, &login).await;
            form.push(("refresh_token", text(&login, "refresh_token").to_owned()));
            form.push(("scope", scope.to_owned()));
        }
        OTP => {
            user(&mut form);
            form.push(("realm", "email".to_owned()));
            form.push(("otp", one_time_code(app, world).await));
        }
        DEVICE => form.push(("device_code", device_code(app, world, &at_login).await)),
        _ => {
            user(&mut form);
            form.push(("password", PASSWORD.to_owned()));
            if grant == REALM {
                form.push(("realm", "Username-Password-Authentication".to_owned()));
            }
        }
    }
    form
}

async fn one_time_code(app: &TestApp, world: &World) -> String {
    app.clock.advance_seconds(1);
    let form = [("client_id", &*world.client_id), ("connection", "email"), ("email", EMAIL)];
    app.post_form("passwordless/start", &form).await.ok();
    let mails = app.mails_to(EMAIL).await;
    let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|b| b.is_ascii_digit());
    mails.last().unwrap().text.lines().find(is_code).unwrap().to_owned()
}

async fn device_code(app: &TestApp, world: &World, asked: &[(&str, &str)]) -> String {
    let form = [&[("client_id", world.client_id.as_str())], asked].concat();
    let codes = app.post_form("oauth/device/code", &form).await.ok();
    let mut browser = Browser::new(app);
    let typed = [("user_code", text(&codes, "user_code"))];
    let page = browser.post("activate", &typed).await.page();
    let page = browser.submit(&page, &[("username", EMAIL), ("password", PASSWORD)]).await.page();
    assert_eq!(page.0, "/activate/confirm");
    browser.submit(&page, &[("action", "confirm")]).await.page();
    text(&codes, "device_code").to_owned()
}

async fn send(app: &TestApp, form: &Form) -> Answer {
    app.send(app.http.post(app.url("oauth/token")).form(form)).await
}

fn words(scope: &str) -> Vec<&str> {
    let mut words: Vec<_> = scope.split(' ').collect();
    words.sort_unstable();
    words
}

fn members(body: &Value) -> Vec<&str> {
    assert!(!body.as_object().unwrap().values().any(Value::is_null), "{body}");
    body.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn the_issuer_is_the_same_string_wherever_it_is_named() {
    for (backend, app) in each_backend().await {
        let world = world(&app).await;
        assert!(app.issuer.ends_with('/'), "{backend}");
        let document = app.get(".well-known/openid-configuration").await.ok();
        assert_eq!(document["issuer"], app.issuer, "{backend}");
        let challenge = digest::s256_challenge(VERIFIER);
        for prompt in ["none", "login"] {
            let query = authorize_query(&world.client_id, &challenge, &[("prompt", prompt)]);
            let landed = Browser::new(&app).log_in(&query, EMAIL, PASSWORD).await.application();
            assert_eq!(landed["iss"], app.issuer, "{backend} {prompt}");
        }
        for grant in GRANTS {
            let answer = send(&app, &request(&app, &world, grant, ASKED).await).await.ok();
            for token in ["access_token", "id_token"] {
                assert_eq!(payload(text(&answer, token))["iss"], app.issuer, "{backend} {grant}");
            }
        }
    }
}

#[tokio::test]
async fn a_token_answer_has_every_member_it_should_and_none_that_is_null() {
    for (backend, app) in each_backend().await {
        let world = world(&app).await;
        for grant in GRANTS {
            let answer = send(&app, &request(&app, &world, grant, ASKED).await).await;
            let body = answer.ok();
            let expected = [
                "access_token",
                "expires_in",
                "id_token",
                "refresh_token",
                "resource",
                "scope",
                "token_type",
            ];
            assert_eq!(members(&body), expected, "{backend} {grant}");
            assert!(body["expires_in"].is_i64(), "{backend} {grant}");
            assert_eq!(answer.header("content-type"), "application/json", "{backend} {grant}");
            assert_eq!(answer.header("cache-control"), "no-store", "{backend} {grant}");
            // Without `openid` and `offline_access` there is less, and no null either.
            let answer = send(&app, &request(&app, &world, grant, "read:messages").await).await;
            let body = answer.ok();
            let mut expected = expected.to_vec();
            expected.retain(|name| *name != "id_token");
            // The token that was exchanged is replaced, whatever was asked for.
            expected.retain(|name| grant == "refresh_token" || *name != "refresh_token");
            assert_eq!(members(&body), expected, "{backend} {grant}");
        }
    }
}

#[tokio::test]
async fn the_scope_is_what_was_asked_for_as_far_as_it_is_allowed_and_never_more() {
    for (backend, app) in each_backend().await {
        let world = world(&app).await;
        for grant in GRANTS {
            for (asked, granted) in [
                ("read:messages", "read:messages"),
                ("openid read:messages", "openid read:messages"),
                ("email openid nonsense read:billing", "email openid"),
            ] {
                let form = request(&app, &world, grant, asked).await;
                let answer = send(&app, &form).await.ok();
                let told = text(&answer, "scope");
                assert_eq!(words(told), words(granted), "{backend} {grant}");
                let claims = payload(text(&answer, "access_token"));
                assert_eq!(claims["scope"], told, "{backend} {grant}: of the token as told");
            }
            let answer = send(&app, &request(&app, &world, grant, "nonsense").await).await.ok();
            assert_eq!(answer["scope"], "", "{backend} {grant}: nothing left is nothing");
            app.clock.advance_seconds(600);
        }
    }
}

#[tokio::test]
async fn a_nonce_is_told_once_and_only_if_it_was_sent() {
    for (backend, app) in each_backend().await {
        let world = world(&app).await;
        for grant in GRANTS {
            let answer = send(&app, &request(&app, &world, grant, ASKED).await).await.ok();
            let claims = payload(text(&answer, "id_token"));
            let has = claims.get("nonce").is_some();
            assert_eq!(has, grant == "authorization_code", "{backend} {grant}: {claims}");
            let token = text(&answer, "refresh_token");
            let claims = payload(&app.refresh(&world, token, &[]).await.text_of("id_token"));
            assert!(claims.get("nonce").is_none(), "{backend} {grant}: {claims}");
        }
        let challenge = digest::s256_challenge(VERIFIER);
        let mut query = authorize_query(&world.client_id, &challenge, &[("scope", "openid")]);
        query.retain(|(name, _)| *name != "nonce");
        let landed = Browser::new(&app).log_in(&query, EMAIL, PASSWORD).await.application();
        let answer = app.exchange_code(&world, &landed["code"]).await.ok();
        assert!(payload(text(&answer, "id_token")).get("nonce").is_none(), "{backend}");
    }
}

const ORIGIN: &str = "https://app.example";

/// The names of what an authorization response carries, in whatever way it came.
fn carried(landed: &Landed) -> Vec<String> {
    match landed {
        Landed::Application(parameters) => parameters.keys().cloned().collect(),
        Landed::Page(_, page) => {
            assert_eq!(page.status, 200, "{}", page.text);
            let names = ["code", "error", "state", "iss", "access_token"].into_iter();
            let told = |name: &&str| {
                page.text.contains(&format!("name=\"{name}\""))
                    || page.text.contains(&format!("&#34;{name}&#34;"))
            };
            names.filter(told).map(str::to_owned).collect()
        }
    }
}

#[tokio::test]
async fn a_state_comes_back_if_and_only_if_it_was_sent() {
    for (backend, app) in each_backend().await {
        let world = world(&app).await;
        let challenge = digest::s256_challenge(VERIFIER);
        let mut known = Browser::new(&app);
        let login = authorize_query(&world.client_id, &challenge, &[]);
        known.log_in(&login, EMAIL, PASSWORD).await.application();
        for (mode, response_type) in [
            ("query", "code"),
            ("fragment", "code"),
            ("fragment", "token"),
            ("form_post", "code"),
            ("web_message", "code"),
            ("web_message", "token"),
        ] {
            for state in ["", "x+/=&\"<"] {
                let mut query = BTreeMap::from_iter(login.iter().copied());
                query.extend([("response_mode", mode), ("response_type", response_type)]);
                query.insert("prompt", "none");
                query.insert("state", state);
                if state.is_empty() {
                    query.remove("state");
                }
                if mode == "web_message" {
                    query.insert("redirect_uri", ORIGIN);
                }
                let query: Vec<_> = query.into_iter().collect();
                let answered = known.visit("authorize", &query).await;
                let refused = Browser::new(&app).visit("authorize", &query).await;
                for (landed, member) in [
                    (answered, if response_type == "code" { "code" } else { "access_token" }),
                    (refused, "error"),
                ] {
                    let names = carried(&landed);
                    let has = |name: &str| names.iter().any(|told| told == name);
                    assert!(has(member), "{backend} {mode} {member}: {names:?}");
                    assert_eq!(has("state"), !state.is_empty(), "{backend} {mode} {member}");
                }
            }
        }
    }
}

#[tokio::test]
async fn no_value_is_none_and_unknown_parameters_are_ignored_on_every_grant() {
    for (backend, app) in each_backend().await {
        let world = world(&app).await;
        for grant in GRANTS {
            // Nothing in the ways that JSON writers have.
            let form = request(&app, &world, grant, ASKED).await;
            let mut body: Map<String, Value> =
                form.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
            let noise = json!({
                "client_secret": "", "client_assertion": null, "client_assertion_type": "",
                "resource": null, "organization": null, "nonce": "", "actor_token": null,
                "unknown": { "a": [1, null] }, "number": 5, "flag": true, "list": ["x"],
                "redirect_uri": CALLBACK, "auth0Client": "e30", "timeout": 10.5,
            });
            body.extend(noise.as_object().unwrap().clone());
            for name in ["audience", "scope", "code_verifier", "realm"] {
                body.entry(name).or_insert(Value::Null);
            }
            let request_of_json = app.http.post(app.url("oauth/token")).json(&body);
            let answer = app.send(request_of_json).await.ok();
            assert_eq!(words(text(&answer, "scope")), words(ASKED), "{backend} {grant}");

            // And those of forms.
            let mut form = request(&app, &world, grant, ASKED).await;
            for name in ["client_secret", "client_assertion", "resource", "organization"] {
                form.push((name, String::new()));
            }
            form.extend([("unknown", "x".to_owned()), ("[]", "{}".to_owned())]);
            let answer = send(&app, &form).await.ok();
            assert_eq!(words(text(&answer, "scope")), words(ASKED), "{backend} {grant}");
        }
        // The audience of the login, if none is named, and the redirect URI does not matter.
        let form = request(&app, &world, "refresh_token", "openid").await;
        let token = form.iter().find(|(name, _)| *name == "refresh_token").unwrap().1.clone();
        for audience in [Value::Null, json!(""), json!(MESSAGES)] {
            let body = json!({
                "grant_type": "refresh_token", "client_id": world.client_id,
                "refresh_token": token, "audience": audience, "scope": "",
                "redirect_uri": "https://evil.example/",
            });
            let answer = app.send(app.http.post(app.url("oauth/token")).json(&body)).await.ok();
            assert_eq!(payload(text(&answer, "access_token"))["aud"][0], MESSAGES, "{backend}");
            let everything = format!("{ASKED} write:messages");
            assert_eq!(words(text(&answer, "scope")), words(&everything), "{backend}");
        }
    }
}

#[tokio::test]
async fn the_endpoints_are_at_the_root() {
    for (backend, app) in each_backend().await {
        for (method, path) in [
            ("POST", "oauth/token"),
            ("POST", "oauth/revoke"),
            ("POST", "oauth/par"),
            ("POST", "oauth/device/code"),
            ("POST", "oauth/introspect"),
            ("POST", "passwordless/start"),
            ("POST", "dbconnections/signup"),
            ("POST", "dbconnections/change_password"),
            ("GET", "authorize"),
            ("GET", "userinfo"),
            ("GET", "v2/logout"),
            ("GET", "oidc/logout"),
            ("GET", "activate"),
            ("GET", ".well-known/jwks.json"),
            ("GET", ".well-known/openid-configuration"),
        ] {
            let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
            let answer = app.send(app.http.request(method, app.url(path))).await;
            assert!(![404, 405].contains(&answer.status), "{backend} {path}: {}", answer.status);
            assert!(answer.status < 500, "{backend} {path}: {}", answer.status);
        }
    }
}

#[tokio::test]
async fn a_popup_can_reach_the_application_that_opened_it() {
    for (backend, app) in each_backend().await {
        let world = world(&app).await;
        let challenge = digest::s256_challenge(VERIFIER);
        let query = authorize_query(&world.client_id, &challenge, &[]);
        let mut browser = Browser::new(&app);
        let page = browser.visit("authorize", &query).await.page();
        assert_eq!(page.1.header("cross-origin-opener-policy"), "", "{backend} {}", page.0);
    }
}
