//! The authorization code grant: single use, and bound to client, redirect URI, challenge and
//! browser session.

use doorward::crypto::digest;
use serde_json::json;

use crate::support::{Answer, TestApp, browser::Browser, each_backend, fixtures::*, payload};

async fn code(app: &TestApp, world: &World) -> String {
    let mut browser = Browser::new(app);
    let more = [("audience", MESSAGES), ("scope", LOGIN_SCOPE)];
    app.code_for(&mut browser, world, &more).await
}

async fn exchange(app: &TestApp, world: &World, code: &str, changes: &[(&str, &str)]) -> Answer {
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("client_id", world.client_id.as_str()),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    for (name, value) in changes {
        form.retain(|(known, _)| known != name);
        if !value.is_empty() {
            form.push((name, value));
        }
    }
    app.token(&form).await
}

#[tokio::test]
async fn the_tokens_of_a_login() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let answer = exchange(&app, &world, &code(&app, &world).await, &[]).await;
        assert_eq!(answer.header("cache-control"), "no-store", "{backend}");
        let answer = answer.ok();
        assert_eq!(answer["token_type"], "Bearer");
        assert_eq!(answer["expires_in"], 86_400);
        let id = payload(text(&answer, "id_token"));
        assert_eq!(id["iss"], app.issuer);
        assert_eq!(id["sub"], world.user_id);
        assert_eq!(id["aud"], world.client_id);
        assert_eq!(id["nonce"], "n-0S6_WzA2Mj");
        assert_eq!(id["nickname"], "ada");
        assert_eq!(id["name"], EMAIL);
        assert!(id["sid"].is_string() && id["auth_time"].is_i64() && id["updated_at"].is_string());
        assert_eq!(id["exp"].as_i64().unwrap() - id["iat"].as_i64().unwrap(), 36_000);
        let access = payload(text(&answer, "access_token"));
        let members: Vec<_> = access.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["aud", "azp", "exp", "iat", "iss", "scope", "sub"], "{backend}");
        let path = format!("/users/{}", world.user_id.replace('|', "%7C"));
        let user = app.management("GET", &path, None).await.ok();
        assert_eq!((&user["last_ip"], &user["logins_count"]), (&json!("127.0.0.1"), &json!(1)));
    }
}

#[tokio::test]
async fn a_code_answers_once_and_its_replay_ends_the_family() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let code = code(&app, &world).await;
        let login = exchange(&app, &world, &code, &[]).await.ok();
        let replay = exchange(&app, &world, &code, &[]).await;
        assert_eq!(replay.error(), (400, "invalid_grant".into()), "{backend}");
        let dead = app.refresh(&world, text(&login, "refresh_token"), &[]).await;
        assert_eq!(dead.error(), (400, "invalid_grant".into()), "{backend}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_parallel_exchanges_of_a_code_one_succeeds() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let code = code(&app, &world).await;
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", &world.client_id),
            ("code", &code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        let calls: Vec<_> = (0..20)
            .map(|_| app.http.post(app.url("oauth/token")).form(&form))
            .map(|request| {
                tokio::spawn(async { Answer::read(request.send().await.unwrap()).await })
            })
            .collect();
        let mut successes = 0;
        for call in calls {
            let answer = call.await.unwrap();
            match answer.status {
                200 => successes += 1,
                _ => assert_eq!(answer.error(), (400, "invalid_grant".into()), "{backend}"),
            }
        }
        assert_eq!(successes, 1, "{backend}");
    }
}

#[tokio::test]
async fn a_wrong_binding_is_refused_and_consumes_nothing() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let code = code(&app, &world).await;
        let other_verifier = "x".repeat(43);
        for (name, value) in [
            ("code_verifier", other_verifier.as_str()),
            ("code_verifier", ""),
            ("code_verifier", "short"),
            ("redirect_uri", "https://app.example/callback/"),
            ("redirect_uri", ""),
            ("code", "nonsense"),
            ("code", &code[1..]),
        ] {
            let answer = exchange(&app, &world, &code, &[(name, value)]).await;
            assert_eq!(answer.error(), (400, "invalid_grant".into()), "{backend} {name}={value}");
        }
        let answer = exchange(&app, &world, &code, &[("code", "")]).await;
        assert_eq!(answer.error(), (400, "invalid_request".into()), "{backend}");
        exchange(&app, &world, &code, &[]).await.ok();
    }
}

#[tokio::test]
async fn a_code_dies_with_time_logout_and_block() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let late = code(&app, &world).await;
        app.clock.advance_seconds(61);
        let answer = exchange(&app, &world, &late, &[]).await;
        assert_eq!(answer.error(), (400, "invalid_grant".into()), "{backend}: late");

        let mut browser = Browser::new(&app);
        let code = app.code_for(&mut browser, &world, &[("audience", MESSAGES)]).await;
        browser.visit("v2/logout", &[]).await;
        let answer = exchange(&app, &world, &code, &[]).await;
        assert_eq!(answer.error(), (400, "invalid_grant".into()), "{backend}: logged out");

        let code = self::code(&app, &world).await;
        let path = format!("/users/{}", world.user_id.replace('|', "%7C"));
        app.management("PATCH", &path, Some(json!({ "blocked": true }))).await.ok();
        let answer = exchange(&app, &world, &code, &[]).await;
        assert_eq!(answer.error(), (400, "invalid_grant".into()), "{backend}: blocked");
    }
}

#[tokio::test]
async fn without_a_challenge_a_code_needs_the_secret_and_no_verifier() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let get_code = || async {
            let mut browser = Browser::new(&app);
            let query = [
                ("client_id", world.client_id.as_str()),
                ("response_type", "code"),
                ("redirect_uri", CALLBACK),
                ("scope", "openid"),
            ];
            let landed = browser.log_in(&query, EMAIL, PASSWORD).await.application();
            landed["code"].clone()
        };
        let code = get_code().await;
        let none = ("code_verifier", "");
        let answer = exchange(&app, &world, &code, &[none]).await;
        assert_eq!(answer.error(), (400, "invalid_grant".into()), "{backend}: no secret");
        let secret = ("client_secret", world.client_secret.as_str());
        let answer = exchange(&app, &world, &code, &[secret]).await;
        assert_eq!(answer.error(), (400, "invalid_grant".into()), "{backend}: a verifier");
        exchange(&app, &world, &code, &[none, secret]).await.ok();
        // A confidential client that did send a challenge is held to it.
        let code = self::code(&app, &world).await;
        let answer = exchange(&app, &world, &code, &[none, secret]).await;
        assert_eq!(answer.error(), (400, "invalid_grant".into()), "{backend}: downgrade");
    }
}

#[tokio::test]
async fn the_redirect_uri_may_be_omitted_when_exactly_one_is_registered() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let challenge = digest::s256_challenge(VERIFIER);
        let mut query = authorize_query(&world.client_id, &challenge, &[("scope", "openid")]);
        query.retain(|(name, _)| *name != "redirect_uri");
        let mut browser = Browser::new(&app);
        let landed = browser.log_in(&query, EMAIL, PASSWORD).await.application();
        let answer = exchange(&app, &world, &landed["code"], &[("redirect_uri", "")]).await;
        assert_eq!(answer.ok()["scope"], "openid", "{backend}");
    }
}

#[tokio::test]
async fn offline_access_is_dropped_where_the_api_does_not_allow_it() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let path = format!("/resource-servers/{}", world.messages_id);
        app.management("PATCH", &path, Some(json!({ "allow_offline_access": false }))).await.ok();
        let login = app.log_in(&world).await;
        assert_eq!(login["scope"], "openid profile read:messages", "{backend}");
        assert!(login.get("refresh_token").is_none(), "{backend}");
        let without_api = app.log_in_for(&world, &[("scope", "openid offline_access")]).await;
        assert!(without_api.get("refresh_token").is_some(), "{backend}: no API, nobody to forbid");
    }
}
