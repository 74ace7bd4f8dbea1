//! How tokens are signed: per API, and per application for ID tokens (RFC 7518, RFC 8725).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use doorward::{
    crypto::signing::{self, SigningKey},
    domain::{KeyId, signing_alg::SigningAlg},
    store::signing_keys,
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use serde_json::{Value, json};

use crate::support::{TestApp, each_backend, fixtures::*, payload, raw::Raw};

const SECRET: &str = "a-signing-secret-of-an-api";

const WITH_KEYS: [(&str, Algorithm); 5] = [
    ("RS256", Algorithm::RS256),
    ("RS512", Algorithm::RS512),
    ("PS256", Algorithm::PS256),
    ("ES256", Algorithm::ES256),
    ("EdDSA", Algorithm::EdDSA),
];

async fn set_alg(app: &TestApp, api: &str, body: Value) -> Value {
    app.management("PATCH", &format!("/resource-servers/{api}"), Some(body)).await.ok()
}

async fn key_set(app: &TestApp) -> Value {
    app.get(".well-known/jwks.json").await.ok()
}

/// Verifies as a deployed verifier does that demands `alg`: the key by `kid`, of that `alg`.
fn verified(keys: &Value, token: &str, alg: Algorithm) -> Value {
    let keys: JwkSet = serde_json::from_value(keys.clone()).unwrap();
    let header = jsonwebtoken::decode_header(token).unwrap();
    let jwk = keys.find(header.kid.as_deref().unwrap()).unwrap();
    assert_eq!(jwk.common.key_algorithm.unwrap().to_string(), format!("{alg:?}"));
    with_key(&DecodingKey::from_jwk(jwk).unwrap(), token, alg)
}

fn with_key(key: &DecodingKey, token: &str, alg: Algorithm) -> Value {
    let mut validation = Validation::new(alg);
    validation.validate_aud = false;
    let read = jsonwebtoken::decode::<Value>(token, key, &validation);
    read.unwrap_or_else(|error| panic!("{alg:?}: {error}")).claims
}

async fn userinfo(app: &TestApp, token: &str) -> u16 {
    app.send(app.http.get(app.url("userinfo")).bearer_auth(token)).await.status
}

/// A client that keeps a secret and logs people in with their password.
async fn confidential(app: &TestApp, more: Value) -> Value {
    let mut client = json!({
        "app_type": "regular_web", "token_endpoint_auth_method": "client_secret_post",
        "grant_types": ["password"],
    });
    for (name, value) in more.as_object().unwrap() {
        client[name] = value.clone();
    }
    app.add_client(client).await
}

async fn log_in(app: &TestApp, client: &Value) -> Value {
    let form = [
        ("grant_type", "password"),
        ("client_id", text(client, "client_id")),
        ("client_secret", text(client, "client_secret")),
        ("username", EMAIL),
        ("password", PASSWORD),
        ("audience", MESSAGES),
        ("scope", "openid read:messages"),
    ];
    app.token(&form).await.ok()
}

async fn is_active(app: &TestApp, client: &Value, token: &str) -> bool {
    let form = [
        ("client_id", text(client, "client_id")),
        ("client_secret", text(client, "client_secret")),
        ("token", token),
    ];
    app.post_form("oauth/introspect", &form).await.ok()["active"] == true
}

#[tokio::test]
async fn each_api_gets_tokens_of_its_algorithm_and_the_key_set_what_verifies_them() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let client = confidential(&app, json!({})).await;
        let other = app.another_node().await;
        let mut published = 2;
        for (name, alg) in WITH_KEYS {
            let api = set_alg(&app, &world.messages_id, json!({ "signing_alg": name })).await;
            assert_eq!(api["signing_alg"], name, "{backend}");
            assert!(api.get("signing_secret").is_none(), "{backend}");
            let keys = key_set(&app).await;
            // The current and the next RSA key, but one key of the other kinds.
            published += match name {
                "RS256" => 0,
                "RS512" | "PS256" => 2,
                _ => 1,
            };
            let list = keys["keys"].as_array().unwrap();
            assert_eq!(list.len(), published, "{backend}: {name}");
            for (i, key) in list.iter().enumerate() {
                assert_eq!(key["use"], "sig");
                assert!(key["kid"].is_string() && (i >= 2 || key["alg"] == "RS256"), "{key}");
                assert!(["d", "p", "q", "k"].iter().all(|private| key.get(private).is_none()));
            }

            let login = log_in(&app, &client).await;
            let token = text(&login, "access_token");
            let claims = verified(&keys, token, alg);
            let userinfo_audience = format!("{}userinfo", app.issuer);
            assert_eq!(claims["aud"], json!([MESSAGES, userinfo_audience]), "{backend}: {name}");
            assert_eq!(userinfo(&app, token).await, 200, "{backend}: {name}");
            assert!(is_active(&app, &client, token).await, "{backend}: {name}");
            // The application never asked for anything but RS256.
            verified(&keys, text(&login, "id_token"), Algorithm::RS256);

            // The other node follows.
            let mut tries = 0;
            while key_set(&other).await != keys {
                tries += 1;
                assert!(tries < 600, "{backend}: {name} not seen within half a minute");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            let login = log_in(&other, &client).await;
            verified(&keys, text(&login, "access_token"), alg);
        }
        // Back again: what was signed before stays good, and the set stays as it is.
        let keys = key_set(&app).await;
        set_alg(&app, &world.messages_id, json!({ "signing_alg": "RS256" })).await;
        assert_eq!(key_set(&app).await, keys, "{backend}");
    }
}

#[tokio::test]
async fn two_nodes_that_first_use_an_algorithm_at_once_agree_on_its_key() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let other = app.another_node().await;
        let (id, billing) = (&world.messages_id, &world.billing_id);
        let body = json!({ "signing_alg": "ES256" });
        tokio::join!(set_alg(&app, id, body.clone()), async {
            let path = format!("/resource-servers/{billing}");
            let token = app.management_token().await;
            other.management_as(token, "PATCH", &path, Some(body.clone())).await.ok();
        });
        let count = "SELECT COUNT(*) FROM signing_key WHERE algorithm = 'ES256'";
        assert_eq!(Raw::connect(&app).await.number(count).await, 1, "{backend}");
        let count = "SELECT COUNT(*) FROM published_algorithm";
        assert_eq!(Raw::connect(&app).await.number(count).await, 1, "{backend}");
    }
}

#[tokio::test]
async fn an_api_with_hs256_shares_a_secret_that_is_kept_sealed() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let client = confidential(&app, json!({})).await;
        let id = &world.messages_id;
        let api = set_alg(&app, id, json!({ "signing_alg": "HS256" })).await;
        let generated = text(&api, "signing_secret").to_owned();
        assert_eq!(generated.len(), 43, "{backend}");
        let api = set_alg(&app, id, json!({ "name": "x" })).await;
        assert_eq!(api["signing_secret"], generated, "{backend}: kept");
        let api = set_alg(&app, id, json!({ "signing_secret": SECRET })).await;
        assert_eq!(api["signing_secret"], SECRET, "{backend}");
        let shown = app.management("GET", &format!("/resource-servers/{id}"), None).await.ok();
        assert_eq!(shown, api, "{backend}");
        let list = app.management("GET", "/resource-servers", None).await.ok();
        let listed = list.as_array().unwrap().iter().find(|a| a["identifier"] == MESSAGES);
        assert_eq!(listed, Some(&api), "{backend}");
        let clear = "SELECT COUNT(*) FROM resource_server WHERE document LIKE '%secret%'";
        assert_eq!(Raw::connect(&app).await.number(clear).await, 0, "{backend}");
        assert_eq!(key_set(&app).await["keys"].as_array().unwrap().len(), 2, "{backend}");

        let login = log_in(&app, &client).await;
        let token = text(&login, "access_token");
        assert_eq!(jsonwebtoken::decode_header(token).unwrap().kid, None, "{backend}");
        let key = DecodingKey::from_secret(SECRET.as_bytes());
        let claims = with_key(&key, token, Algorithm::HS256);
        assert_eq!(claims["aud"], MESSAGES, "{backend}: not for /userinfo");
        assert_eq!(userinfo(&app, token).await, 401, "{backend}");
        assert!(is_active(&app, &client, token).await, "{backend}");

        // Another secret: the tokens of the old one are over.
        set_alg(&app, id, json!({ "signing_secret": "another-secret-of-16" })).await;
        assert!(!is_active(&app, &client, token).await, "{backend}");
        let api = set_alg(&app, id, json!({ "signing_alg": "RS256" })).await;
        assert!(api.get("signing_secret").is_none(), "{backend}");
        let kept = "SELECT COUNT(*) FROM resource_server WHERE secret_sealed IS NOT NULL";
        assert_eq!(Raw::connect(&app).await.number(kept).await, 0, "{backend}");
    }
}

#[tokio::test]
async fn id_tokens_are_signed_as_their_application_says() {
    for (backend, app) in each_backend().await {
        app.world().await;
        for (name, alg) in [("RS256", Algorithm::RS256), WITH_KEYS[1], WITH_KEYS[2]] {
            let client = confidential(&app, json!({ "jwt_configuration": { "alg": name } })).await;
            let login = log_in(&app, &client).await;
            let keys = key_set(&app).await;
            let claims = verified(&keys, text(&login, "id_token"), alg);
            assert_eq!(claims["aud"], client["client_id"], "{backend}");
            verified(&keys, text(&login, "access_token"), Algorithm::RS256);
        }
        let client = confidential(&app, json!({ "jwt_configuration": { "alg": "HS256" } })).await;
        let login = log_in(&app, &client).await;
        let key = DecodingKey::from_secret(text(&client, "client_secret").as_bytes());
        with_key(&key, text(&login, "id_token"), Algorithm::HS256);
        // An ID token is no access token, whatever signs it.
        assert!(!is_active(&app, &client, text(&login, "id_token")).await, "{backend}");
        assert_eq!(userinfo(&app, text(&login, "id_token")).await, 401, "{backend}");

        let document = app.get(".well-known/openid-configuration").await.ok();
        let supported = &document["id_token_signing_alg_values_supported"];
        assert_eq!(*supported, json!(["RS256", "PS256", "RS512", "HS256"]), "{backend}");
    }
}

/// A token with this header and payload, signed by `sign`.
fn forged(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let input = format!("{}.{}", encode(header), encode(claims));
    let signature = sign(input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[tokio::test]
async fn no_algorithm_can_be_taken_for_another() {
    use aws_lc_rs::hmac;
    for (backend, app) in each_backend().await {
        app.world().await;
        let client = confidential(&app, json!({})).await;
        let login = log_in(&app, &client).await;
        let token = text(&login, "access_token");
        let claims = payload(token);
        let tokens = &app.inner.tokens;
        let keys = tokens.keys.get();
        let kid = keys.current.kid.as_str();
        let jwk = serde_json::to_value(keys.current.jwk()).unwrap();
        let hs256 = |secret: Vec<u8>| {
            move |input: &[u8]| {
                let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
                hmac::sign(&key, input).as_ref().to_vec()
            }
        };
        let mut bad = vec![
            // The public key as the secret of an HMAC, in the shapes in which it lies about.
            ("modulus", {
                let n = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
                forged(&json!({ "alg": "HS256", "kid": kid }), &claims, hs256(n))
            }),
            ("certificate", {
                let certificate = keys.current.certificate.clone();
                forged(&json!({ "alg": "HS256", "kid": kid }), &claims, hs256(certificate))
            }),
            ("jwk", {
                let text = jwk.to_string().into_bytes();
                forged(&json!({ "alg": "HS256" }), &claims, hs256(text))
            }),
            ("an empty secret", forged(&json!({ "alg": "HS256" }), &claims, hs256(Vec::new()))),
            ("no kid", forged(&json!({ "alg": "RS256" }), &claims, |_| vec![1; 256])),
        ];
        for none in ["none", "None", "NONE", "nOnE", ""] {
            let header = json!({ "alg": none, "kid": kid });
            bad.push(("none", forged(&header, &claims, |_| Vec::new())));
        }
        for alg in ["ES256", "EdDSA", "PS256", "RS512", "RS384", "HS512"] {
            let header = json!({ "alg": alg, "kid": kid });
            bad.push(("kid of RS256", forged(&header, &claims, |_| vec![1; 64])));
        }
        // Made with our own key, but under the kid that is for another algorithm.
        let mut conn = app.inner.store.read().await.unwrap();
        let rows = signing_keys::list(conn.db()).await.unwrap();
        drop(conn);
        let row = rows.into_iter().find(|row| row.kid.as_str() == kid).unwrap();
        let pkcs8 = tokens.at_rest.open(&row.private_sealed, kid.as_bytes()).unwrap();
        for alg in ["PS256", "RS512"] {
            let kid = KeyId::new(format!("{kid}.{alg}"));
            let key = SigningKey::from_pkcs8(kid, &pkcs8, Vec::new()).unwrap();
            bad.push(("kid of another", key.sign("JWT", &claims).unwrap()));
        }
        // A key of a stranger, with our kid or its own, and offered in the header.
        let made =
            signing::generate_for(SigningAlg::Es256, "x", &doorward::crypto::random::SystemEntropy);
        let made = made.unwrap();
        let es256 = keys.jwks();
        let es256 = serde_json::to_value(es256).unwrap();
        assert_eq!(es256["keys"].as_array().unwrap().len(), 2, "{backend}");
        let stranger =
            SigningKey::parse(SigningAlg::Es256, KeyId::new(kid), &made.pkcs8, Vec::new()).unwrap();
        bad.push(("a stranger", stranger.sign("JWT", &claims).unwrap()));
        for (what, token) in &bad {
            assert_eq!(userinfo(&app, token).await, 401, "{backend}: {what} {token}");
            assert!(!is_active(&app, &client, token).await, "{backend}: {what}");
        }
        assert_eq!(userinfo(&app, token).await, 200, "{backend}: the good one");

        // What only some other API is signed with does not open the Management API.
        let management = payload(app.management_token().await);
        for (alg, status) in [
            (SigningAlg::Rs256, 200),
            (SigningAlg::Ps256, 401),
            (SigningAlg::Rs512, 401),
            (SigningAlg::Es256, 401),
            (SigningAlg::EdDsa, 401),
        ] {
            let token = keys.sign(alg, "JWT", &management).unwrap();
            let answer = app.management_as(&token, "GET", "/clients", None).await;
            assert_eq!(answer.status, status, "{backend}: {alg:?}");
        }
    }
}

#[tokio::test]
async fn the_secret_of_an_api_makes_no_tokens_for_others() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let client = confidential(&app, json!({})).await;
        let body = json!({ "signing_alg": "HS256", "signing_secret": SECRET });
        set_alg(&app, &world.messages_id, body).await;
        let body = json!({ "signing_alg": "HS256", "signing_secret": "the-secret-of-another-api" });
        set_alg(&app, &world.billing_id, body).await;
        let login = log_in(&app, &client).await;
        let claims = payload(text(&login, "access_token"));
        let userinfo_audience = format!("{}userinfo", app.issuer);
        let management = format!("{}api/v2/", app.issuer);
        for (aud, active) in [
            (json!(MESSAGES), true),
            (json!([MESSAGES]), false),
            (json!([MESSAGES, userinfo_audience]), false),
            (json!(BILLING), false),
            (json!([BILLING, MESSAGES]), false),
            (json!(userinfo_audience), false),
            (json!(management), false),
            (json!("https://unknown.example"), false),
        ] {
            let mut claims = claims.clone();
            claims["aud"] = aud.clone();
            let token = signing::sign_with_secret(SECRET.as_bytes(), "JWT", &claims).unwrap();
            assert_eq!(is_active(&app, &client, &token).await, active, "{backend}: {aud}");
            assert_eq!(userinfo(&app, &token).await, 401, "{backend}: {aud}");
            let answer = app.management_as(&token, "GET", "/clients", None).await;
            assert_eq!(answer.status, 401, "{backend}: {aud}");
        }
        app.clock.advance_seconds(86_401);
        let token = signing::sign_with_secret(SECRET.as_bytes(), "JWT", &claims).unwrap();
        assert!(!is_active(&app, &client, &token).await, "{backend}: expired");
    }
}
