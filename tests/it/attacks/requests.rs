//! Requests that clients push or sign: cases 21 to 24.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use doorward::crypto::digest;
use serde_json::json;

use super::{ask, confidential, query_of, refused, refused_to};
use crate::support::{TestApp, browser::Browser, each_backend, fixtures::*, raw::Raw, signer::*};

const UNKNOWN_URI: (u16, &str) = (400, "Please start again");

/// A confidential application, and the `request_uri` of what it pushes.
async fn pushed(app: &TestApp, more: &[(&str, &str)]) -> (World, String) {
    let world = app.world_with(confidential(), json!({})).await;
    let challenge = digest::s256_challenge(VERIFIER);
    let mut form = query_of(&world, &challenge, more);
    form.push(("client_secret", &world.client_secret));
    let answer = app.post_form("oauth/par", &form).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(answer.header("cache-control"), "no-store");
    let uri = answer.text_of("request_uri");
    (world, uri)
}

/// **Case 21.** CVE-2026-96446, Keycloak: with `prompt=none` a `request_uri` was good twice.
#[tokio::test]
async fn no_prompt_makes_a_request_uri_good_twice() {
    for (backend, app) in each_backend().await {
        let (world, uri) = pushed(&app, &[]).await;
        let by_uri = [("client_id", world.client_id.as_str()), ("request_uri", uri.as_str())];
        let mut browser = Browser::new(&app);
        browser.log_in(&by_uri, EMAIL, PASSWORD).await.application();
        for prompt in ["none", "login", "consent", "select_account", ""] {
            let again = [by_uri.as_slice(), &[("prompt", prompt)]].concat();
            let (_, page) = browser.visit("authorize", &again).await.page();
            refused(&page, UNKNOWN_URI, &format!("{backend} {prompt}"));
            assert!(page.text.contains("invalid_request_uri"), "{backend} {prompt}");
        }
    }
}

/// **Case 22.** CVE-2024-4540 (GHSA-69fp-7c8p-crjr), Keycloak: a cookie held the pushed parameters
/// in clear.
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

/// **Case 23.** CVE-2020-10770, Keycloak: the server called whatever `request_uri` named.
#[tokio::test]
async fn an_address_as_request_uri_is_refused_and_never_visited() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(confidential(), json!({})).await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/request", listener.local_addr().unwrap());
        let challenge = digest::s256_challenge(VERIFIER);
        for uri in [
            address.as_str(),
            "http://169.254.169.254/",
            "https://app.example/request",
            "file:///etc/passwd",
            "urn:ietf:params:oauth:request_uri:",
            "urn:ietf:params:oauth:request_uri:<svg onload=alert(1)>",
            "x",
        ] {
            let query = query_of(&world, &challenge, &[("request_uri", uri)]);
            let page = ask(&app, "authorize", &query).await;
            refused(&page, UNKNOWN_URI, &format!("{backend} {uri}"));
            assert!(page.text.contains("invalid_request_uri"), "{backend} {uri}");
            assert!(!page.text.contains("<svg onload"), "{backend}");
            let form = [query.as_slice(), &[("client_secret", &*world.client_secret)]].concat();
            let answer = app.post_form("oauth/par", &form).await;
            refused(&answer, (400, "invalid_request"), &format!("{backend} pushed {uri}"));
        }
        // Nor is a request taken that says itself where its keys are.
        let header = json!({ "alg": "RS256", "jku": address, "x5u": address });
        let request =
            signer().sign_with(&header, &json!({ "redirect_uri": "https://evil.example/" }));
        let query = query_of(&world, &challenge, &[("request", &request)]);
        let answer = ask(&app, "authorize", &query).await;
        refused_to(&answer, CALLBACK, "request_not_supported", backend);
        // A connection would be waiting by now: the answers came after it.
        let waiting = std::future::poll_fn(|context| {
            std::task::Poll::Ready(listener.poll_accept(context).is_ready())
        });
        assert!(!waiting.await, "{backend}: somebody called");
    }
}

/// **Case 24.** CVE-2020-15222 (GHSA-v3q9-2p3m-7g43), fosite: a client assertion was good as often
/// as it was sent.
#[tokio::test]
async fn a_client_assertion_is_good_once_and_for_this_server_only() {
    for (backend, app) in each_backend().await {
        let id = app.signing_machine().await;
        let node = app.another_node().await;
        let invalid_client = (401, "invalid_client");
        for aud in [
            json!("https://other.example/"),
            json!([app.issuer, "https://other.example/"]),
            json!(app.issuer.trim_end_matches('/')),
            json!(world_audience(&app)),
            json!(null),
        ] {
            let assertion = signer().sign(&app.claims(&id, json!({ "aud": aud })));
            let answer = app.token(&asserted(&assertion)).await;
            refused(&answer, invalid_client, &format!("{backend} {aud}"));
        }
        let claims = app.claims(&id, json!({ "jti": "the-one" }));
        let first = signer().sign(&claims);
        app.token(&asserted(&first)).await.ok();
        // The same once more, here, on another node, and signed anew under the same name.
        let mut later = claims.clone();
        later["exp"] = json!(claims["exp"].as_i64().unwrap() - 1);
        for (server, assertion) in [(&app, &first), (&node, &first), (&app, &signer().sign(&later))]
        {
            refused(&server.token(&asserted(assertion)).await, invalid_client, backend);
        }
        let spent = Raw::connect(&app).await.number("SELECT COUNT(*) FROM client_assertion").await;
        assert_eq!(spent, 1, "{backend}: those that were refused leave nothing");
    }
}

/// What access tokens are for, and assertions are not.
fn world_audience(app: &TestApp) -> String {
    format!("{}api/v2/", app.issuer)
}
