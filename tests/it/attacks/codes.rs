//! Authorization codes, PKCE, and what else may stand between a request and its tokens: cases 15 to
//! 20, 25 and 26.

use doorward::crypto::digest;
use serde_json::json;

use super::{
    DATABASE, DEVICE, OTP, REALM, ask, begin, confidential, device_codes, let_in, poll, query_of,
    refused, refused_to,
};
use crate::support::{
    Answer, TestApp,
    browser::{Browser, hidden_state},
    each_backend,
    fixtures::*,
};

const INVALID_GRANT: (u16, &str) = (400, "invalid_grant");

async fn code(app: &TestApp, world: &World, more: &[(&str, &str)]) -> String {
    let challenge = digest::s256_challenge(VERIFIER);
    let query = query_of(world, &challenge, more);
    let landed = Browser::new(app).log_in(&query, EMAIL, PASSWORD).await.application();
    landed.get("code").unwrap_or_else(|| panic!("no code: {landed:?}")).clone()
}

/// Redeems a code with these parameters beside it.
async fn redeem(app: &TestApp, world: &World, code: &str, more: &[(&str, &str)]) -> Answer {
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("client_id", world.client_id.as_str()),
        ("redirect_uri", CALLBACK),
        ("code", code),
    ];
    form.retain(|(name, _)| more.iter().all(|(given, _)| given != name));
    form.extend_from_slice(more);
    app.token(&form).await
}

/// **Case 15.** CVE-2026-16089, Keycloak: a code that was altered was good for another client.
#[tokio::test]
async fn a_code_is_good_unaltered_and_for_its_client_only() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let verifier = ("code_verifier", VERIFIER);
        let issued = code(&app, &world, &[]).await;
        for at in 0..issued.len() {
            let mut altered = issued.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).unwrap();
            let answer = redeem(&app, &world, &altered, &[verifier]).await;
            refused(&answer, INVALID_GRANT, &format!("{backend} {at}"));
        }
        for altered in [&issued[1..], &issued[..issued.len() - 1], &format!("{issued}A")] {
            refused(&redeem(&app, &world, altered, &[verifier]).await, INVALID_GRANT, altered);
        }
        redeem(&app, &world, &issued, &[verifier]).await.ok();

        // Whoever else has it has stolen it: it is burnt, also for the one that it was for.
        let other = app.add_client(json!({ "name": "Other" })).await;
        let issued = code(&app, &world, &[]).await;
        let other = ("client_id", text(&other, "client_id"));
        let answer = redeem(&app, &world, &issued, &[verifier, other]).await;
        refused(&answer, INVALID_GRANT, backend);
        let answer = redeem(&app, &world, &issued, &[verifier]).await;
        refused(&answer, INVALID_GRANT, &format!("{backend}: burnt"));
    }
}

/// **Case 16.** CVE-2023-48228, authentik: PKCE was skipped by leaving the verifier out.
#[tokio::test]
async fn a_challenge_demands_its_verifier() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let issued = code(&app, &world, &[]).await;
        let challenge = digest::s256_challenge(VERIFIER);
        let long = "x".repeat(129);
        for wrong in ["", "x", &"x".repeat(43), &long, &challenge, &VERIFIER.to_lowercase()] {
            let answer = redeem(&app, &world, &issued, &[("code_verifier", wrong)]).await;
            refused(&answer, INVALID_GRANT, &format!("{backend} {wrong}"));
        }
        let answer = redeem(&app, &world, &issued, &[]).await;
        refused(&answer, INVALID_GRANT, backend);
        let other_names = [("code_challenge", &*challenge), ("code_challenge_method", "none")];
        refused(&redeem(&app, &world, &issued, &other_names).await, INVALID_GRANT, backend);
        redeem(&app, &world, &issued, &[("code_verifier", VERIFIER)]).await.ok();
    }
}

/// **Case 17.** CVE-2024-23647, authentik: PKCE was skipped by leaving the challenge out.
#[tokio::test]
async fn a_public_client_cannot_do_without_a_challenge() {
    for (backend, app) in each_backend().await {
        let public = json!({ "token_endpoint_auth_method": "none" });
        let world = app.world_with(public, json!({})).await;
        let challenge = digest::s256_challenge(VERIFIER);
        for more in [
            [("code_challenge", ""), ("code_challenge_method", "")],
            [("code_challenge", ""), ("code_challenge_method", "S256")],
            [("code_challenge", &*challenge), ("code_challenge_method", "plain")],
            [("code_challenge", &*challenge), ("code_challenge_method", "")],
            [("code_challenge", "x"), ("code_challenge_method", "S256")],
        ] {
            let query = query_of(&world, "", &more);
            for answer in
                [ask(&app, "authorize", &query).await, app.post_form("authorize", &query).await]
            {
                refused_to(&answer, CALLBACK, "invalid_request", &format!("{backend} {more:?}"));
            }
        }
    }
}

/// **Case 18.** CVE-2024-22258, Spring Authorization Server, and CVE-2025-4144,
/// workers-oauth-provider: a secret made up for the verifier, and a verifier for the challenge.
#[tokio::test]
async fn a_secret_replaces_no_verifier_and_a_verifier_no_challenge() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(confidential(), json!({})).await;
        let secret = ("client_secret", world.client_secret.as_str());
        let verifier = ("code_verifier", VERIFIER);
        let issued = code(&app, &world, &[]).await;
        refused(&redeem(&app, &world, &issued, &[secret]).await, INVALID_GRANT, backend);
        redeem(&app, &world, &issued, &[secret, verifier]).await.ok();

        let without = [("code_challenge", ""), ("code_challenge_method", "")];
        let issued = code(&app, &world, &without).await;
        let answer = redeem(&app, &world, &issued, &[secret, verifier]).await;
        refused(&answer, INVALID_GRANT, &format!("{backend}: a verifier for nothing"));
        let answer = redeem(&app, &world, &issued, &[]).await;
        refused(&answer, (401, "invalid_client"), &format!("{backend}: neither"));
        redeem(&app, &world, &issued, &[secret]).await.ok();
    }
}

/// **Case 19.** CVE-2026-123542, OpenAM: the challenge of a device was kept and never looked at.
#[tokio::test]
async fn the_challenge_of_a_device_demands_its_verifier() {
    for (backend, app) in each_backend().await {
        let device = json!({ "app_type": "native", "grant_types": [DEVICE, "refresh_token"] });
        let world = app.world_with(device, json!({})).await;
        let challenge = digest::s256_challenge(VERIFIER);
        let pkce = [("code_challenge", challenge.as_str()), ("code_challenge_method", "S256")];
        let codes = device_codes(&app, &world, &pkce).await;
        let_in(&app, &codes).await;
        let other = "x".repeat(43);
        for more in [&[][..], &[("code_verifier", "")], &[("code_verifier", other.as_str())]] {
            refused(&poll(&app, &world, &codes, more).await, INVALID_GRANT, backend);
        }
        poll(&app, &world, &codes, &[("code_verifier", VERIFIER)]).await.ok();

        let codes = device_codes(&app, &world, &[]).await;
        let_in(&app, &codes).await;
        let answer = poll(&app, &world, &codes, &[("code_verifier", VERIFIER)]).await;
        refused(&answer, INVALID_GRANT, &format!("{backend}: a verifier for nothing"));
        poll(&app, &world, &codes, &[]).await.ok();
    }
}

/// **Case 20.** CVE-2022-39222, Dex: whoever called the approval page had the code of the one who
/// approved.
#[tokio::test]
async fn an_approval_is_of_use_to_the_browser_that_gave_it_only() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(json!({ "is_first_party": false }), json!({})).await;
        app.add_user("eve@example.com", PASSWORD).await;
        let challenge = digest::s256_challenge(VERIFIER);
        let query = query_of(&world, &challenge, &[]);
        let mut ada = Browser::new(&app);
        let page = ada.log_in(&query, EMAIL, PASSWORD).await.page();
        assert_eq!(page.0, "/u/consent", "{backend}");
        let state = hidden_state(&page.1.text);
        // A stranger, somebody with a login of their own, and somebody with the session alone.
        let mut eve = Browser::new(&app);
        eve.log_in(&query, "eve@example.com", PASSWORD).await.page();
        let mut thief = Browser::new(&app);
        thief.cookies.insert(super::SESSION.into(), ada.cookies[super::SESSION].clone());
        let again = (400, "Please start again");
        for other in [&mut Browser::new(&app), &mut eve, &mut thief] {
            for path in ["u/consent", "authorize/resume", "u/login", "u/account", "continue"] {
                let (_, shown) = other.visit(path, &[("state", &state)]).await.page();
                refused(&shown, again, &format!("{backend} {path}"));
            }
            for action in ["accept", "decline"] {
                let (_, shown) = other.submit(&page, &[("action", action)]).await.page();
                refused(&shown, again, &format!("{backend} {action}"));
            }
        }
        let landed = ada.submit(&page, &[("action", "accept")]).await.application();
        redeem(&app, &world, &landed["code"], &[("code_verifier", VERIFIER)]).await.ok();
        // The page that was answered gives another code to that browser alone, if to anybody.
        let (_, shown) = thief.visit("authorize/resume", &[("state", &state)]).await.page();
        refused(&shown, again, &format!("{backend}: afterwards"));
    }
}

/// **Case 25.** CVE-2026-7571, Keycloak: data of the client at a later step turned a code into a
/// token.
#[tokio::test]
async fn no_later_step_turns_a_code_into_a_token() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
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
            let page = begin(&mut browser, &world, &[("prompt", "select_account")]).await;
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
        let challenge = digest::s256_challenge(VERIFIER);
        for response_type in ["token", "id_token", "code token", "code id_token token"] {
            let query = query_of(&world, &challenge, &[("response_type", response_type)]);
            let answer = browser.send(ask_for(&app, &query)).await;
            refused_to(&answer, CALLBACK, "unauthorized_client", response_type);
        }
    }
}

fn ask_for(app: &TestApp, query: &[(&str, &str)]) -> reqwest::RequestBuilder {
    let mut url = url::Url::parse(&app.url("authorize")).unwrap();
    url.query_pairs_mut().extend_pairs(query);
    app.http.get(url)
}

/// **Case 26.** CVE-2026-9792, Keycloak: the password grant past the policy that forbade it.
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
            refused(&answer, (400, "unauthorized_client"), &format!("{backend} {grant}"));
        }
        let all = ["authorization_code", "refresh_token", "password", REALM, OTP, DEVICE];
        let require = json!({ "grant_types": all, "organization_usage": "require" });
        app.patch_client(&world.client_id, require).await;
        for grant in ["password", REALM, OTP] {
            let answer = app.token(&form(grant)).await;
            refused(&answer, (400, "invalid_request"), &format!("{backend} {grant}"));
        }
        let client = [("client_id", world.client_id.as_str())];
        let answer = app.post_form("oauth/device/code", &client).await;
        refused(&answer, (400, "invalid_request"), &format!("{backend} {DEVICE}"));
    }
}
