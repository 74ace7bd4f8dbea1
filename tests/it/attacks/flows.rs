//! Attacks on requests, codes and grants.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use doorward::crypto::digest;
use serde_json::{Value, json};

use crate::support::{
    BOOTSTRAP_ID, BOOTSTRAP_SECRET, TestApp,
    browser::{Browser, hidden_state},
    each_backend,
    fixtures::*,
};

const REALM: &str = "http://auth0.com/oauth/grant-type/password-realm";
const OTP: &str = "http://auth0.com/oauth/grant-type/passwordless/otp";
const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const DATABASE: &str = "Username-Password-Authentication";

fn query_of<'a>(
    world: &'a World,
    challenge: &'a str,
    more: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let mut query = authorize_query(&world.client_id, challenge, &[("scope", "openid")]);
    query.retain(|(name, _)| more.iter().all(|(given, _)| given != name));
    query.extend_from_slice(more);
    query
}

/// CVE-2023-49097 (GHSA-2wmj-46rj-qm2w) and CVE-2026-29067, ZITADEL: a header of the request became
/// the host of a link in a message, or of a redirect.
#[tokio::test]
async fn no_header_of_a_request_names_the_host_of_a_link() {
    for (backend, app) in each_backend().await {
        let grants = json!({ "grant_types": ["authorization_code", OTP, DEVICE] });
        let world = app.world_with(grants, json!({})).await;
        let challenge = digest::s256_challenge(VERIFIER);
        let authorize = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(query_of(&world, &challenge, &[]))
            .finish();
        for (number, (header, value)) in [
            ("host", "evil.example"),
            ("x-forwarded-host", "evil.example"),
            ("x-forwarded-server", "evil.example"),
            ("x-original-host", "evil.example"),
            ("x-forwarded-prefix", "//evil.example"),
            ("forwarded", "host=evil.example;proto=https"),
        ]
        .into_iter()
        .enumerate()
        {
            let email = format!("grace{number}@example.com");
            let client = world.client_id.as_str();
            let post = |path: &str, body: Value| {
                app.send(app.http.post(app.url(path)).header(header, value).json(&body))
            };
            let account = json!({
                "client_id": client, "email": email, "password": PASSWORD, "connection": DATABASE,
            });
            post("dbconnections/signup", account).await.ok();
            post(
                "dbconnections/change_password",
                json!({
                    "client_id": client, "email": email, "connection": DATABASE,
                }),
            )
            .await;
            let code = json!({ "client_id": client, "connection": "email", "email": email });
            post("passwordless/start", code).await.ok();
            let mails = app.mails_to(&email).await;
            assert_eq!(mails.len(), 3, "{backend} {header}");
            for mail in mails {
                let told = format!("{} {}", mail.text, mail.html);
                assert!(!told.contains("evil"), "{backend} {header}: {told}");
                for link in told.split("http").skip(1).filter(|link| link.contains("://")) {
                    let issuer = app.inner.settings.issuer.strip_prefix("http").unwrap();
                    assert!(link.starts_with(issuer), "{backend} {header}: {link}");
                }
            }
            let device = post("oauth/device/code", json!({ "client_id": client })).await;
            for name in ["verification_uri", "verification_uri_complete"] {
                assert!(device.text_of(name).starts_with(&app.issuer), "{backend} {header}");
            }
            for path in [format!("authorize?{authorize}"), "v2/logout".into(), "authorize".into()] {
                let answer = app.send(app.http.get(app.url(&path)).header(header, value)).await;
                let told = format!("{} {}", answer.header("location"), answer.text);
                assert!(!told.contains("evil"), "{backend} {header} {path}: {told}");
            }
            let document = ".well-known/openid-configuration";
            let answer = app.send(app.http.get(app.url(document)).header(header, value)).await;
            assert_eq!(answer.ok()["issuer"], app.issuer, "{backend} {header}");
        }
    }
}

/// CVE-2026-16089, Keycloak: a code that was altered was good for something else.
#[tokio::test]
async fn a_code_with_any_character_altered_is_no_code_and_the_true_one_is_untouched() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let more = [("scope", "openid"), ("audience", MESSAGES)];
        let code = app.code_for(&mut Browser::new(&app), &world, &more).await;
        for at in 0..code.len() {
            let mut altered = code.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).unwrap();
            let answer = app.exchange_code(&world, &altered).await;
            assert_eq!(answer.error(), (400, "invalid_grant".into()), "{backend} {at}");
        }
        app.exchange_code(&world, &code).await.ok();
    }
}

/// A confidential application, and what it pushes.
async fn pushed(app: &TestApp, more: &[(&str, &str)]) -> (World, String) {
    let client = json!({
        "app_type": "regular_web", "token_endpoint_auth_method": "client_secret_post",
    });
    let world = app.world_with(client, json!({})).await;
    let challenge = digest::s256_challenge(VERIFIER);
    let mut form = query_of(&world, &challenge, more);
    form.push(("client_secret", &world.client_secret));
    let answer = app.post_form("oauth/par", &form).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let uri = answer.text_of("request_uri");
    (world, uri)
}

/// CVE-2026-96446, Keycloak: with `prompt=none` a `request_uri` was good twice.
#[tokio::test]
async fn no_prompt_makes_a_request_uri_good_twice() {
    for (backend, app) in each_backend().await {
        let (world, uri) = pushed(&app, &[]).await;
        let by_uri = [("client_id", world.client_id.as_str()), ("request_uri", uri.as_str())];
        let mut browser = Browser::new(&app);
        browser.log_in(&by_uri, EMAIL, PASSWORD).await.application();
        for prompt in ["none", "login", "consent", "select_account"] {
            let again = [by_uri.as_slice(), &[("prompt", prompt)]].concat();
            let (_, page) = browser.visit("authorize", &again).await.page();
            assert_eq!(page.status, 400, "{backend} {prompt}");
            assert!(page.text.contains("invalid_request_uri"), "{backend} {prompt}");
        }
    }
}

/// CVE-2024-4540 (GHSA-69fp-7c8p-crjr), Keycloak: a cookie held the pushed parameters in clear.
#[tokio::test]
async fn what_was_pushed_is_in_no_cookie_and_no_address() {
    for (backend, app) in each_backend().await {
        let secrets = [
            ("scope", "openid read:messages"),
            ("login_hint", "hint@hint.example"),
            ("claims", r#"{"id_token":{"acr":{"value":"s3cr3t"}}}"#),
            ("nonce", "n0nce-of-the-app"),
        ];
        let (world, uri) = pushed(&app, &secrets).await;
        let by_uri = [("client_id", world.client_id.as_str()), ("request_uri", uri.as_str())];
        let query =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(by_uri).finish();
        let mut browser = Browser::new(&app);
        let answer = browser.send(app.http.get(app.url(&format!("authorize?{query}")))).await;
        assert_eq!(answer.status, 302, "{backend}: {}", answer.text);
        let mut kept: Vec<_> = browser.cookies.values().cloned().collect();
        kept.push(answer.header("location").to_owned());
        for text in kept {
            let words = text.split(|c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c));
            let decoded = words.filter_map(|word| URL_SAFE_NO_PAD.decode(word).ok());
            let decoded: Vec<_> =
                decoded.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect();
            for told in decoded.iter().chain([&text]) {
                for secret in ["read:messages", "read%3Amessages", "hint", "s3cr3t", "n0nce"] {
                    assert!(!told.contains(secret), "{backend} {secret}: {told}");
                }
            }
        }
    }
}

/// CVE-2026-7571, Keycloak: data of the client at a later step turned a code into a token.
#[tokio::test]
async fn no_later_step_turns_a_code_into_a_token() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let challenge = digest::s256_challenge(VERIFIER);
        let query = query_of(&world, &challenge, &[("prompt", "select_account")]);
        let forged = [
            ("response_type", "token"),
            ("response_mode", "fragment"),
            ("client_id", "x"),
            ("redirect_uri", "https://evil.example/"),
            ("scope", "openid delete:messages"),
            ("prompt", "none"),
        ];
        let mut browser = Browser::new(&app);
        for path in ["u/login", "authorize/resume", "u/account"] {
            let page = browser.visit("authorize", &query).await.page();
            let state = hidden_state(&page.1.text);
            let resumed = [&[("state", state.as_str())], forged.as_slice()].concat();
            let page = browser.visit(path, &resumed).await.page();
            let step = match page.0.as_str() {
                "/u/login" => vec![("username", EMAIL), ("password", PASSWORD)],
                _ => vec![("action", "continue")],
            };
            let fields = [step.as_slice(), &forged].concat();
            let landed = browser.submit(&page, &fields).await.application();
            assert!(!landed.contains_key("access_token"), "{backend} {path}: {landed:?}");
            let tokens = app.exchange_code(&world, &landed["code"]).await.ok();
            assert_eq!(tokens["scope"], "openid", "{backend} {path}");
        }
    }
}

/// CVE-2026-9792, Keycloak: the password grant past the policy that forbade it.
#[tokio::test]
async fn a_grant_that_a_client_lacks_or_its_organization_forbids_is_no_way_around() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let form = |grant: &'static str| {
            let mut form = vec![("grant_type", grant), ("client_id", &*world.client_id)];
            form.extend([("username", EMAIL), ("password", PASSWORD), ("otp", "123456")]);
            form.extend([("device_code", "x"), ("scope", "openid")]);
            form.push(("realm", if grant == OTP { "email" } else { DATABASE }));
            form
        };
        for grant in ["password", REALM, OTP, DEVICE] {
            // Every other grant does not help.
            let mut others = vec!["authorization_code", "refresh_token", "password", REALM];
            others.extend([OTP, DEVICE]);
            others.retain(|other| *other != grant);
            app.patch_client(&world.client_id, json!({ "grant_types": others })).await;
            let answer = app.token(&form(grant)).await;
            assert_eq!(answer.error(), (400, "unauthorized_client".into()), "{backend} {grant}");
        }
        let all = ["authorization_code", "refresh_token", "password", REALM, OTP, DEVICE];
        let require = json!({ "grant_types": all, "organization_usage": "require" });
        app.patch_client(&world.client_id, require).await;
        for grant in ["password", REALM, OTP] {
            let answer = app.token(&form(grant)).await;
            assert_eq!(answer.error(), (400, "invalid_request".into()), "{backend} {grant}");
        }
        let client = [("client_id", world.client_id.as_str())];
        let answer = app.post_form("oauth/device/code", &client).await;
        assert!((400..500).contains(&answer.status), "{backend}: {}", answer.text);
        assert!(answer.json().get("device_code").is_none(), "{backend}");
    }
}

/// CVE-2024-52287, authentik: a machine got scopes that nobody had registered for it.
#[tokio::test]
async fn a_machine_never_gets_a_scope_beyond_its_grant() {
    for (backend, app) in each_backend().await {
        app.world().await;
        let grant = json!({
            "client_id": BOOTSTRAP_ID, "audience": MESSAGES, "scope": ["read:messages"],
        });
        TestApp::created(&app.management("POST", "/client-grants", Some(grant)).await);
        for asked in ["read:messages delete:messages nonsense openid offline_access", "", "openid"]
        {
            let answer = app
                .token(&[
                    ("grant_type", "client_credentials"),
                    ("client_id", BOOTSTRAP_ID),
                    ("client_secret", BOOTSTRAP_SECRET),
                    ("audience", MESSAGES),
                    ("scope", asked),
                ])
                .await;
            if answer.status != 200 {
                assert_eq!(answer.error(), (403, "access_denied".into()), "{backend} {asked}");
                continue;
            }
            let scope = answer.text_of("scope");
            assert!(["", "read:messages"].contains(&scope.as_str()), "{backend}: {scope}");
            assert!(answer.json().get("refresh_token").is_none(), "{backend}");
        }
    }
}
