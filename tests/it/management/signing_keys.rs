//! `/keys/signing`: rotation and revocation of signing keys.

use doorward::{domain::KeyId, store::signing_keys};
use serde_json::{Value, json};

use super::{get, refused};
use crate::support::{Answer, TestApp, each_backend, raw::Raw};

async fn rotate(app: &TestApp) -> Value {
    TestApp::created(&app.management("POST", "/keys/signing/rotate", None).await)
}

async fn revoke(app: &TestApp, kid: &str) -> Answer {
    app.management("PUT", &format!("/keys/signing/{kid}/revoke"), Some(json!({}))).await
}

async fn keys(app: &TestApp) -> Vec<Value> {
    get(app, "/keys/signing").await.ok().as_array().unwrap().clone()
}

/// The `kid` of the one key for which this flag is set.
#[track_caller]
fn the(keys: &[Value], flag: &str) -> String {
    let found: Vec<_> = keys.iter().filter(|key| key[flag] == true).collect();
    assert_eq!(found.len(), 1, "{flag}: {keys:?}");
    found[0]["kid"].as_str().unwrap().to_owned()
}

async fn published(app: &TestApp) -> Vec<String> {
    let set = app.get(".well-known/jwks.json").await.ok();
    let kids = set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap());
    kids.map(str::to_owned).collect()
}

fn kid_of(token: &str) -> String {
    jsonwebtoken::decode_header(token).unwrap().kid.unwrap()
}

async fn log_in(app: &TestApp) -> String {
    let world = app.world().await;
    app.log_in(&world).await["access_token"].as_str().unwrap().to_owned()
}

async fn userinfo(app: &TestApp, token: &str) -> u16 {
    app.send(app.http.get(app.url("userinfo")).bearer_auth(token)).await.status
}

/// Waits until the other node publishes exactly these keys.
async fn follows(app: &TestApp, expected: &[String]) {
    let mut tries = 0;
    while published(app).await != expected {
        tries += 1;
        assert!(tries < 600, "not seen within half a minute");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn the_keys_are_shown_as_the_key_set_has_them() {
    for (backend, app) in each_backend().await {
        let list = keys(&app).await;
        assert_eq!(list.len(), 2, "{backend}");
        let (current, next) = (the(&list, "current"), the(&list, "next"));
        assert_eq!(published(&app).await, [current.as_str(), next.as_str()], "{backend}");
        let set = app.get(".well-known/jwks.json").await.ok();
        for (shown, jwk) in list.iter().zip(set["keys"].as_array().unwrap()) {
            let pem = shown["cert"].as_str().unwrap().replace("\r\n", "");
            let der = jwk["x5c"][0].as_str().unwrap();
            let expected = format!("-----BEGIN CERTIFICATE-----{der}-----END CERTIFICATE-----");
            assert_eq!(pem, expected, "{backend}");
            assert!(shown["pkcs7"].as_str().unwrap().starts_with("-----BEGIN PKCS7-----\r\n"));
            let fingerprint = shown["fingerprint"].as_str().unwrap();
            assert_eq!(fingerprint.len(), 59, "{backend}");
            assert_eq!(shown["thumbprint"], fingerprint.replace(':', ""), "{backend}");
            assert_eq!((&shown["previous"], &shown["revoked"]), (&json!(false), &json!(false)));
            assert!(shown.get("current_until").is_none() && shown.get("revoked_at").is_none());
            assert_eq!(shown.get("current_since").is_some(), shown["current"] == true);
            let kid = shown["kid"].as_str().unwrap();
            assert_eq!(get(&app, &format!("/keys/signing/{kid}")).await.ok(), *shown, "{backend}");
        }
        let paged = get(&app, "/keys/signing?per_page=50&include_totals=true").await.ok();
        assert_eq!(paged, Value::Array(list), "{backend}");
        assert_eq!(
            refused(&get(&app, "/keys/signing?x=1").await),
            (400, "invalid_query_string".to_owned())
        );
        for answer in [get(&app, "/keys/signing/x").await, revoke(&app, "x").await] {
            assert_eq!(refused(&answer), (404, String::new()), "{backend}");
            assert_eq!(answer.text_of("message"), "Signing key not found.");
        }
    }
}

#[tokio::test]
async fn a_rotation_leaves_no_gap_and_a_revocation_ends_the_old_tokens() {
    for (backend, app) in each_backend().await {
        let other = app.another_node().await;
        let before = keys(&app).await;
        let (old, next) = (the(&before, "current"), the(&before, "next"));
        let token = log_in(&app).await;
        assert_eq!(kid_of(&token), old, "{backend}");
        let cached = published(&app).await;

        let answer = rotate(&app).await;
        let after = keys(&app).await;
        assert_eq!((the(&after, "current"), the(&after, "previous")), (next, old.clone()));
        assert_eq!(answer["kid"], the(&after, "next"), "{backend}: the new one is answered");
        assert_eq!(answer["cert"], after[1]["cert"], "{backend}");
        assert!(after[2]["current_until"].is_string() && after[0]["current_since"].is_string());
        // Who has the key set of before verifies what is signed now, and nothing was withdrawn.
        let fresh = app.management_token_with(None).await;
        assert_eq!(kid_of(&fresh), the(&after, "current"), "{backend}");
        assert!(cached.contains(&kid_of(&fresh)), "{backend}");
        let now = published(&app).await;
        assert_eq!(now.len(), 3, "{backend}");
        assert!(cached.iter().all(|kid| now.contains(kid)), "{backend}");
        assert_eq!(userinfo(&app, &token).await, 200, "{backend}: signed before");
        follows(&other, &now).await;
        assert_eq!(userinfo(&other, &token).await, 200, "{backend}: on another node");
        let there = other.inner.tokens.keys.get().current.kid.as_str().to_owned();
        assert_eq!(there, the(&after, "current"), "{backend}");

        // Those in use stay.
        for flag in ["current", "next"] {
            let answer = revoke(&app, &the(&after, flag)).await;
            assert_eq!(refused(&answer), (400, "operation_not_supported".to_owned()), "{backend}");
        }
        assert_eq!(published(&app).await, now, "{backend}");

        // Signed with the key that is revoked next: one with the new key goes on.
        let management = app.management_token_with(None).await;
        let put = format!("/keys/signing/{old}/revoke");
        for _ in 0..2 {
            let revoked = app.management_as(&management, "PUT", &put, None).await.ok();
            assert_eq!(revoked["kid"], old, "{backend}: again is as good as once");
        }
        assert_eq!(userinfo(&app, &token).await, 401, "{backend}: after the revocation");
        let left = published(&app).await;
        assert!(left.len() == 2 && !left.contains(&old), "{backend}");
        follows(&other, &left).await;
        assert_eq!(userinfo(&other, &token).await, 401, "{backend}: on another node");
        let path = format!("/keys/signing/{old}");
        let shown = app.management_as(&management, "GET", &path, None).await.ok();
        assert_eq!((&shown["revoked"], &shown["previous"]), (&json!(true), &json!(true)));
        assert!(shown["revoked_at"].is_string(), "{backend}");
        let events =
            "SELECT COUNT(*) FROM audit WHERE type = 'sapi' AND details LIKE '%/keys/signing/%'";
        assert_eq!(Raw::connect(&app).await.number(events).await, 2, "{backend}");
    }
}

#[tokio::test]
async fn two_rotations_at_once_are_one() {
    for (backend, app) in each_backend().await {
        let other = app.another_node().await;
        let next = the(&keys(&app).await, "next");
        let token = app.management_token().await;
        let path = "/keys/signing/rotate";
        let (one, two) = tokio::join!(
            app.management_as(token, "POST", path, None),
            other.management_as(token, "POST", path, None),
        );
        let mut answers = [one.status, two.status];
        answers.sort_unstable();
        // The other began when the first had ended, at the worst: then both are done in turn.
        let count = "SELECT COUNT(*) FROM signing_key WHERE algorithm = 'RS256'";
        let list = keys(&app).await;
        match answers {
            [201, 409] => {
                assert_eq!(the(&list, "current"), next, "{backend}");
                assert_eq!(Raw::connect(&app).await.number(count).await, 3, "{backend}");
            }
            [201, 201] => {
                assert_eq!(Raw::connect(&app).await.number(count).await, 4, "{backend}");
            }
            other => panic!("{backend}: {other:?}"),
        }
        the(&list, "current");
        the(&list, "next");
    }
}

#[tokio::test]
async fn a_rotation_takes_the_scope_to_create_and_the_one_to_update() {
    for (backend, app) in each_backend().await {
        let before = keys(&app).await;
        for (has, lacks) in [("create", "update"), ("update", "create")] {
            let token = app.management_token_with(Some(&format!("{has}:signing_keys"))).await;
            let answer = app.management_as(&token, "POST", "/keys/signing/rotate", None).await;
            assert_eq!(refused(&answer), (403, "insufficient_scope".to_owned()), "{backend}");
            let expected = format!("Insufficient scope, expected any of: {lacks}:signing_keys");
            assert_eq!(answer.text_of("message"), expected, "{backend}");
        }
        assert_eq!(keys(&app).await, before, "{backend}");
    }
}

#[tokio::test]
async fn a_rotation_that_read_before_another_changes_nothing() {
    for (backend, app) in each_backend().await {
        let before = app.inner.tokens.signing_keys().await.unwrap();
        let (current, next) = (&before[0].kid, &before[1].kid);
        rotate(&app).await;
        let after = keys(&app).await;
        // As it read them, with the next as the next but one, and with one that never was.
        for (current, next) in [(current, next), (next, current), (next, &KeyId::new("x"))] {
            let mut tx = app.inner.store.write().await.unwrap();
            let now = app.inner.clock.now();
            let advanced = signing_keys::advance(&mut tx, current, next, now).await.unwrap();
            assert!(!advanced, "{backend}");
        }
        assert_eq!(keys(&app).await, after, "{backend}");
    }
}
