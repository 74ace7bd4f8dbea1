//! Tokens after the login: renewals, other APIs, keys, and what is called with them.

use doorward::crypto::digest;
use serde_json::json;

use super::*;
use crate::support::{dpop::Key, each_backend, payload};

fn words(scope: &str) -> Vec<&str> {
    let mut words: Vec<_> = scope.split(' ').collect();
    words.sort_unstable();
    words
}

/// The audiences of the access token, without that of `/userinfo`.
fn is_for(answer: &Value, audience: &str) {
    let claims = payload(text(answer, "access_token"));
    let named = claims["aud"].as_array().map_or(&claims["aud"], |all| &all[0]);
    assert_eq!(named, audience, "{claims}");
}

#[tokio::test]
async fn a_renewal_gives_the_original_tokens_again_with_and_without_scope() {
    for (backend, app) in each_backend().await {
        let (world, keys) = (native_world(&app).await, keys(&app).await);
        for sdk in [SWIFT, ANDROID] {
            let login = sdk.log_in(&app, &world).await;
            let mut token = login.text_of("refresh_token");
            for (asked, granted) in [
                ("", "openid profile offline_access read:messages write:messages"),
                ("openid read:messages", "openid read:messages"),
                ("read:messages openid", "openid read:messages"),
                ("openid profile email offline_access", "openid profile offline_access"),
            ] {
                let scope = [("scope", asked)];
                let more: &[_] = if asked.is_empty() { &[] } else { &scope };
                let answer = sdk.renew(&app, &world, &token, more).await;
                let claims = demand(&answer, &keys, &world);
                assert!(claims.get("nonce").is_none(), "{backend} {asked}: {claims}");
                let body = answer.json();
                is_for(&body, MESSAGES);
                assert_eq!(words(text(&body, "scope")), words(granted), "{backend} {asked}");
                token = text(&body, "refresh_token").to_owned();
            }
        }
    }
}

/// Both keep a token by audience and scope, and use it again only if the answer named exactly the
/// scopes asked for; they leave `openid` aside where it was not asked for.
#[tokio::test]
async fn tokens_for_another_api_name_exactly_the_scope_asked_for() {
    for (backend, app) in each_backend().await {
        let (world, keys) = (native_world(&app).await, keys(&app).await);
        for (sdk, asked) in [(SWIFT, "openid read:billing"), (ANDROID, "read:billing openid")] {
            let mut token = sdk.log_in(&app, &world).await.text_of("refresh_token");
            let for_billing = ("audience", BILLING);
            let answer = sdk.renew(&app, &world, &token, &[for_billing, ("scope", asked)]).await;
            demand(&answer, &keys, &world);
            let body = answer.json();
            is_for(&body, BILLING);
            assert_eq!(words(text(&body, "scope")), words(asked), "{backend}: the cache hits");
            token = text(&body, "refresh_token").to_owned();

            let answer = sdk.renew(&app, &world, &token, &[for_billing]).await;
            demand(&answer, &keys, &world);
            let body = answer.json();
            is_for(&body, BILLING);
            let everything = "openid profile offline_access read:billing";
            assert_eq!(words(text(&body, "scope")), words(everything), "{backend}");
            token = text(&body, "refresh_token").to_owned();

            // More than there is: what is left, and nothing beside it.
            let more = format!("{asked} pay:billing write:messages");
            let answer = sdk.renew(&app, &world, &token, &[for_billing, ("scope", &more)]).await;
            assert_eq!(words(text(&answer.ok(), "scope")), words(asked), "{backend}");
            // And the API of the login as before.
            let token = answer.text_of("refresh_token");
            let answer = sdk.renew(&app, &world, &token, &[]).await;
            demand(&answer, &keys, &world);
            is_for(&answer.json(), MESSAGES);
        }
    }
}

/// `ssoCredentials` asks for a token that carries the login into a browser. There is none.
#[tokio::test]
async fn a_session_transfer_is_refused_and_consumes_nothing() {
    for (backend, app) in each_backend().await {
        let (world, keys) = (native_world(&app).await, keys(&app).await);
        for sdk in [SWIFT, ANDROID] {
            let login = sdk.log_in(&app, &world).await;
            let token = login.text_of("refresh_token");
            let transfer = [("audience", "urn:127.0.0.1:session_transfer")];
            for _ in 0..2 {
                let answer = sdk.renew(&app, &world, &token, &transfer).await;
                assert_eq!(answer.error(), (400, "invalid_target".into()), "{backend}");
                assert!(answer.header("content-type").contains("application/json"), "{backend}");
            }
            app.clock.advance_seconds(60);
            demand(&sdk.renew(&app, &world, &token, &[]).await, &keys, &world);
        }
    }
}

#[tokio::test]
async fn revoking_answers_nothing_and_ends_the_login() {
    for (backend, app) in each_backend().await {
        let world = native_world(&app).await;
        for sdk in [SWIFT, ANDROID] {
            let token = sdk.log_in(&app, &world).await.text_of("refresh_token");
            let members = [("token", token.as_str()), ("client_id", world.client_id.as_str())];
            for _ in 0..2 {
                let answer = sdk.post(&app, "oauth/revoke", &members).await;
                assert_eq!((answer.status, answer.text.as_str()), (200, ""), "{backend}");
            }
            let answer = sdk.renew(&app, &world, &token, &[]).await;
            assert_eq!(answer.error(), (400, "invalid_grant".into()), "{backend}");
        }
    }
}

#[tokio::test]
async fn userinfo_takes_the_token_type_as_it_was_returned() {
    for (backend, app) in each_backend().await {
        let world = native_world(&app).await;
        let login = SWIFT.log_in(&app, &world).await.ok();
        for scheme in [text(&login, "token_type"), "bearer", "BEARER"] {
            let authorization = format!("{scheme} {}", text(&login, "access_token"));
            let answer = app.resource("GET", "userinfo", &authorization, &[]).await;
            assert_eq!(answer.ok()["sub"], world.user_id.as_str(), "{backend} {scheme}");
        }
    }
}

/// Swift reads `error` of the body at the token endpoint, and of `WWW-Authenticate` at resources.
fn swift_finds(header: &str) -> Option<&str> {
    header.strip_prefix("DPoP ")?.split_once("error=\"")?.1.split('"').next()
}

/// Android splits the header at `", "` and looks for the part `DPoP error`.
fn android_finds(header: &str) -> Option<&str> {
    let mut parts = header.split(", ").filter_map(|part| part.split_once('='));
    parts.find(|(name, _)| *name == "DPoP error").map(|(_, value)| value.trim_matches('"'))
}

#[tokio::test]
async fn a_proof_is_sent_again_with_the_nonce_that_was_asked_for() {
    for (backend, app) in each_backend().await {
        let (world, keys) = (native_world(&app).await, keys(&app).await);
        for sdk in [SWIFT, ANDROID] {
            let key = Key::new();
            let thumbprint = key.thumbprint();
            let path = format!("authorize?{}", sdk.authorize(&world, &[("dpop_jkt", &thumbprint)]));
            let mut browser = Browser::new(&app);
            let page = browser.visit(&path, &[]).await.page();
            let fields = [("username", EMAIL), ("password", PASSWORD)];
            let landed = browser.submit(&page, &fields).await.application();
            let code = [
                ("client_id", world.client_id.as_str()),
                ("code", &landed["code"]),
                ("code_verifier", VERIFIER),
                ("redirect_uri", sdk.redirect_uri),
                ("grant_type", "authorization_code"),
            ];
            let login = retried(&app, sdk, &key, &code).await;
            demand(&login, &keys, &world);
            assert_eq!(login.json()["token_type"], "DPoP", "{backend}");
            let refresh = [
                ("refresh_token", &*login.text_of("refresh_token")),
                ("grant_type", "refresh_token"),
                ("client_id", &world.client_id),
                ("audience", BILLING),
                ("scope", "openid read:billing"),
            ];
            let answer = retried(&app, sdk, &key, &refresh).await;
            demand(&answer, &keys, &world);
            assert_eq!(answer.json()["token_type"], "DPoP", "{backend}");

            // A resource: the header says it, in the way that both find it.
            let token = login.text_of("access_token");
            let ath = digest::s256_challenge(&token);
            let proof = key.proof(&app, "GET", "userinfo", json!({ "ath": ath }));
            let authorization = format!("DPoP {token}");
            let asked = app.resource("GET", "userinfo", &authorization, &[&proof]).await;
            assert_eq!(asked.status, 401, "{backend}");
            let header = asked.header("www-authenticate");
            assert_eq!(swift_finds(header), Some("use_dpop_nonce"), "{backend}: {header}");
            assert_eq!(android_finds(header), Some("use_dpop_nonce"), "{backend}: {header}");
            let nonce = asked.header("dpop-nonce");
            let proof = key.proof(&app, "GET", "userinfo", json!({ "ath": ath, "nonce": nonce }));
            let answer = app.resource("GET", "userinfo", &authorization, &[&proof]).await;
            assert_eq!(answer.ok()["sub"], world.user_id.as_str(), "{backend}");
        }
    }
}

/// One request without a nonce, and one with the nonce of its answer.
async fn retried(app: &TestApp, sdk: Sdk, key: &Key, members: &[(&str, &str)]) -> Answer {
    let first = key.proof(app, "POST", "oauth/token", json!({}));
    let request = sdk.request(app, "oauth/token", members).header("dpop", first);
    let asked = app.send(request).await;
    assert_eq!(asked.error(), (400, "use_dpop_nonce".into()));
    assert!(asked.header("content-type").contains("application/json"));
    let nonce = asked.header("dpop-nonce");
    let second = key.proof(app, "POST", "oauth/token", json!({ "nonce": nonce }));
    let answer = app.send(sdk.request(app, "oauth/token", members).header("dpop", second)).await;
    assert!(!answer.header("dpop-nonce").is_empty(), "kept from every answer");
    answer
}

#[tokio::test]
async fn the_key_set_serves_whoever_keeps_rs256_signing_keys_only() {
    for (backend, app) in each_backend().await {
        let keys = keys(&app).await;
        for key in keys["keys"].as_array().unwrap() {
            assert_eq!((&key["alg"], &key["use"]), (&json!("RS256"), &json!("sig")), "{backend}");
            assert!(!text(key, "kid").is_empty(), "{backend}");
        }
    }
}
