//! Client authentication with signed assertions: `private_key_jwt` and `client_secret_jwt`.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use doorward::{domain::time::Clock, store::sweep};
use serde_json::{Value, json};

use crate::support::{Answer, TestApp, each_backend, fixtures::*, raw::Raw, signer::*};

fn refused() -> (u16, String) {
    (401, "invalid_client".to_owned())
}

async fn credentials(app: &TestApp, client_id: &str) -> Vec<Value> {
    let path = format!("/clients/{client_id}/credentials");
    app.management("GET", &path, None).await.ok().as_array().unwrap().clone()
}

async fn spent(app: &TestApp) -> i64 {
    Raw::connect(app).await.number("SELECT COUNT(*) FROM client_assertion").await
}

#[tokio::test]
async fn the_request_of_node_auth0_is_answered_at_every_endpoint() {
    for (backend, app) in each_backend().await {
        let id = app.signing_machine().await;
        // Recorded: client_id, audience, client_assertion, client_assertion_type, grant_type; a
        // header with nothing but `alg`; `aud` is the issuer with its slash.
        let assertion = signer().sign(&app.claims(&id, json!({})));
        let form = [vec![("client_id", id.as_str())], asserted(&assertion)].concat();
        let granted = app.token(&form).await.ok();
        assert_eq!(granted["scope"], "read:messages", "{backend}");

        // RFC 7521 §4.2: the assertion names the client.
        let assertion = signer().sign(&app.claims(&id, json!({})));
        app.token(&asserted(&assertion)).await.ok();
        let json = json!({
            "client_assertion": signer().sign(&app.claims(&id, json!({}))),
            "client_assertion_type": JWT_BEARER, "grant_type": "client_credentials",
            "audience": MESSAGES, "client_id": null,
        });
        app.send(app.http.post(app.url("oauth/token")).json(&json)).await.ok();

        let token = text(&granted, "access_token").to_owned();
        for (path, audience) in [
            ("oauth/revoke", "oauth/revoke"),
            ("oauth/revoke", "oauth/token"),
            ("oauth/introspect", "oauth/introspect"),
            ("oauth/introspect", ""),
        ] {
            let aud = json!([format!("{}{audience}", app.issuer)]);
            let assertion = signer().sign(&app.claims(&id, json!({ "aud": aud })));
            let form = [
                ("client_assertion", assertion.as_str()),
                ("client_assertion_type", JWT_BEARER),
                ("token", if path == "oauth/revoke" { "v1.unknown" } else { token.as_str() }),
            ];
            let answer = app.post_form(path, &form).await;
            assert_eq!(answer.status, 200, "{backend} {path} {audience}: {}", answer.text);
            let again = app.post_form(path, &form).await;
            assert_eq!(again.error(), refused(), "{backend} {path}: spent here, too");
        }
        let form = [("aud", "oauth/revoke")];
        let aud = format!("{}{}", app.issuer, form[0].1);
        let elsewhere = signer().sign(&app.claims(&id, json!({ "aud": aud })));
        let answer = app.token(&asserted(&elsewhere)).await;
        assert_eq!(answer.error(), refused(), "{backend}: meant for another endpoint");
    }
}

#[tokio::test]
async fn every_algorithm_is_taken_from_the_key_that_is_for_it_and_from_no_other() {
    for (backend, app) in each_backend().await {
        let ec = rcgen::KeyPair::generate().unwrap();
        let key = |alg: &str, kid: &str, pem: &str| json!({ "credential_type": "public_key", "pem": pem, "alg": alg, "kid": kid });
        let rsa = signer().pem.as_str();
        for alg in ["RS256", "RS384", "PS256", "ES256"] {
            let pem = if alg == "ES256" { ec.public_key_pem() } else { rsa.to_owned() };
            let methods =
                json!({ "private_key_jwt": { "credentials": [key(alg, "key-of-mine", &pem)] } });
            let (id, _) = app.machine(json!({ "client_authentication_methods": methods })).await;
            for used in ["RS256", "RS384", "PS256", "ES256"] {
                let (header, claims) = (json!({ "alg": used }), app.claims(&id, json!({})));
                let assertion = if used == "ES256" {
                    sign_es256(&ec, &unsigned(&header, &claims))
                } else {
                    signer().sign_with(&header, &claims)
                };
                let answer = app.token(&asserted(&assertion)).await;
                if used == alg {
                    answer.ok();
                } else {
                    assert_eq!(answer.error(), refused(), "{backend} {used} for {alg}");
                }
            }
        }
    }
}

fn sign_es256(pair: &rcgen::KeyPair, signed: &str) -> String {
    let pkcs8 = pair.serialize_der();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8).unwrap();
    let signature = pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[tokio::test]
async fn what_is_wrong_with_an_assertion_is_never_told_and_costs_nothing() {
    for (backend, app) in each_backend().await {
        let id = app.signing_machine().await;
        let now = app.clock.now().seconds();
        let good = app.claims(&id, json!({ "jti": "the-one" }));
        let changed = |change: Value| {
            let mut claims = good.clone();
            for (name, value) in change.as_object().unwrap() {
                claims[name] = value.clone();
            }
            signer().sign(&claims)
        };
        let (head, signature) = changed(json!({})).rsplit_once('.').map(own).unwrap();
        let none = unsigned(&json!({ "alg": "none" }), &good);
        let rs256 = json!({ "alg": "RS256" });
        let mut cases = vec![
            changed(json!({ "aud": "https://other.example/" })),
            changed(json!({ "aud": [app.issuer, "https://other.example/"] })),
            changed(json!({ "aud": app.issuer.trim_end_matches('/') })),
            changed(json!({ "aud": null })),
            changed(json!({ "iss": "other" })),
            changed(json!({ "iss": "nobody", "sub": "nobody" })),
            changed(json!({ "iss": "a\0", "sub": "a\0" })),
            changed(json!({ "sub": null })),
            changed(json!({ "exp": null })),
            changed(json!({ "exp": now - 1, "iat": now - 60 })),
            changed(json!({ "exp": now + 3600 })),
            changed(json!({ "iat": now + 60 })),
            changed(json!({ "nbf": now + 60 })),
            changed(json!({ "jti": null })),
            changed(json!({ "jti": "x".repeat(65) })),
            stranger().sign(&good),
            signer().sign_with(&json!({ "alg": "RS384" }), &good),
            signer().sign_with(&json!({ "alg": "RS256", "kid": "another-key" }), &good),
            signer().sign_with(&json!({ "alg": "RS256", "crit": ["exp"] }), &good),
            // The public key is public: it must never be taken for a secret.
            mac(&signer().pem, &good),
            format!("{none}."),
            format!("{none}.{signature}"),
            format!("{}.{signature}", unsigned(&rs256, &app.claims(&id, json!({})))),
            format!("{head}.{}", &signature[..signature.len() - 4]),
            head.clone(),
            "not.a.jwt".to_owned(),
            "x".to_owned(),
        ];
        let mut bodies = Vec::new();
        for assertion in cases.drain(..) {
            let answer = app.token(&asserted(&assertion)).await;
            assert_eq!(answer.error(), refused(), "{backend} {assertion}");
            bodies.push(answer.text);
        }
        let good = format!("{head}.{signature}");
        let other = [vec![("client_id", "other")], asserted(&good)].concat();
        bodies.push(app.token(&other).await.text);
        assert_eq!(spent(&app).await, 0, "{backend}: nobody who cannot sign makes rows");
        app.token(&asserted(&good)).await.ok();
        let replayed = app.token(&asserted(&good)).await;
        assert_eq!(replayed.error(), refused(), "{backend}");
        bodies.push(replayed.text);
        bodies.dedup();
        assert_eq!(bodies.len(), 1, "{backend}: {bodies:?}");
    }
}

fn own((a, b): (&str, &str)) -> (String, String) {
    (a.to_owned(), b.to_owned())
}

#[tokio::test]
async fn a_request_with_two_kinds_of_credentials_or_half_of_one_is_malformed() {
    for (backend, app) in each_backend().await {
        let id = app.signing_machine().await;
        let assertion = signer().sign(&app.claims(&id, json!({})));
        let good = asserted(&assertion);
        let without = |name: &str| -> Vec<(&str, &str)> {
            good.iter().copied().filter(|(known, _)| *known != name).collect()
        };
        let long = "x".repeat(2049);
        let saml = "urn:ietf:params:oauth:client-assertion-type:saml2-bearer";
        let kind = ("client_assertion_type", saml);
        for form in [
            without("client_assertion"),
            without("client_assertion_type"),
            [without("client_assertion_type"), vec![kind]].concat(),
            [without("client_assertion"), vec![("client_assertion", long.as_str())]].concat(),
            [good.clone(), vec![("client_secret", "x")]].concat(),
        ] {
            let answer = app.token(&form).await;
            assert_eq!(answer.error(), (400, "invalid_request".into()), "{backend} {form:?}");
        }
        let request = app.http.post(app.url("oauth/token")).form(&good).basic_auth(&id, Some("x"));
        assert_eq!(app.send(request).await.error(), (400, "invalid_request".into()), "{backend}");
        app.token(&good).await.ok();
    }
}

#[tokio::test]
async fn a_client_with_keys_has_no_other_way_in() {
    for (backend, app) in each_backend().await {
        let (id, secret) = app.machine(json!({})).await;
        let path = format!("/clients/{id}");
        let key = json!({ "credential_type": "public_key", "pem": signer().pem });
        let keys = format!("{path}/credentials");
        let key = TestApp::created(&app.management("POST", &keys, Some(key)).await);
        let with_secret = [
            ("grant_type", "client_credentials"),
            ("audience", MESSAGES),
            ("client_id", id.as_str()),
            ("client_secret", secret.as_str()),
        ];
        let by_key = async || {
            let assertion = signer().sign(&app.claims(&id, json!({})));
            app.token(&asserted(&assertion)).await
        };
        assert_eq!(by_key().await.error(), refused(), "{backend}: a key that is not listed");
        app.token(&with_secret).await.ok();
        let by_mac = async || {
            let assertion = mac(&secret, &app.claims(&id, json!({})));
            app.token(&asserted(&assertion)).await
        };
        by_mac().await.ok();

        let listed = json!({
            "client_authentication_methods": {
                "private_key_jwt": { "credentials": [{ "id": key["id"] }] },
            },
            "token_endpoint_auth_method": null,
        });
        app.management("PATCH", &path, Some(listed)).await.ok();
        by_key().await.ok();
        assert_eq!(app.token(&with_secret).await.error(), refused(), "{backend}: its secret");
        assert_eq!(by_mac().await.error(), refused(), "{backend}: a MAC with its secret");
        assert_eq!(app.token(&with_secret[..3]).await.error(), refused(), "{backend}: its name");
        let request = app.http.post(app.url("oauth/token")).form(&with_secret[..2]);
        let answer = app.send(request.basic_auth(&id, Some(&secret))).await;
        assert_eq!(answer.error(), refused(), "{backend}: its secret in the header");

        let back = json!({ "client_authentication_methods": null });
        app.management("PATCH", &path, Some(back)).await.ok();
        assert_eq!(by_key().await.error(), refused(), "{backend}: no longer its method");
        app.token(&with_secret).await.ok();
    }
}

#[tokio::test]
async fn a_confidential_client_may_sign_with_its_secret() {
    for (backend, app) in each_backend().await {
        for method in ["client_secret_post", "client_secret_basic", "none"] {
            let more = json!({ "token_endpoint_auth_method": method });
            let (id, secret) = app.machine(more).await;
            let ask = async |secret: &str| {
                let assertion = mac(secret, &app.claims(&id, json!({})));
                app.token(&asserted(&assertion)).await
            };
            if method == "none" {
                assert_eq!(ask(&secret).await.error(), refused(), "{backend} {method}");
                continue;
            }
            ask(&secret).await.ok();
            assert_eq!(ask("another-secret-that-is-long-enough-too").await.error(), refused());
            let signed = signer().sign(&app.claims(&id, json!({})));
            assert_eq!(app.token(&asserted(&signed)).await.error(), refused(), "{backend}: a key");
            // RFC 7518 §3.2: a secret that could be guessed from a MAC makes none.
            let short = json!({ "client_secret": "short" });
            app.management("PATCH", &format!("/clients/{id}"), Some(short)).await.ok();
            assert_eq!(ask("short").await.error(), refused(), "{backend} {method}: too short");
        }
    }
}

#[tokio::test]
async fn only_keys_that_count_are_tried() {
    for (backend, app) in each_backend().await {
        let id = app.signing_machine().await;
        let ask = async |header: Value| {
            let assertion = signer().sign_with(&header, &app.claims(&id, json!({})));
            app.token(&asserted(&assertion)).await
        };
        let key = credentials(&app, &id).await.remove(0);
        ask(json!({ "alg": "RS256", "kid": key["kid"] })).await.ok();
        let path = format!("/clients/{id}/credentials/{}", text(&key, "id"));
        let end = app.clock.now().plus_seconds(60).iso8601();
        let soon = json!({ "expires_at": end });
        app.management("PATCH", &path, Some(soon)).await.ok();
        ask(json!({ "alg": "RS256" })).await.ok();
        app.clock.advance_seconds(60);
        let answer = ask(json!({ "alg": "RS256" })).await;
        assert_eq!(answer.error(), refused(), "{backend}: expired");
        app.management("PATCH", &path, Some(json!({ "expires_at": null }))).await.ok();
        ask(json!({ "alg": "RS256" })).await.ok();
        assert_eq!(app.management("DELETE", &path, None).await.status, 204);
        let answer = ask(json!({ "alg": "RS256" })).await;
        assert_eq!(answer.error(), refused(), "{backend}: deleted");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_parallel_replays_on_two_nodes_exactly_one_wins() {
    for (backend, app) in each_backend().await {
        let other = app.another_node().await;
        let id = app.signing_machine().await;
        for round in 0..5 {
            let assertion = signer().sign(&app.claims(&id, json!({})));
            let form = asserted(&assertion);
            let mut requests = Vec::new();
            for n in 0..16 {
                let node = if n % 2 == 0 { &app } else { &other };
                let request = node.http.post(node.url("oauth/token")).form(&form);
                requests.push(tokio::spawn(request.send()));
            }
            let mut statuses = Vec::new();
            for request in requests {
                let answer = Answer::read(request.await.unwrap().unwrap()).await;
                statuses.push(answer.status);
            }
            statuses.sort_unstable();
            let mut expected = vec![401; 15];
            expected.insert(0, 200);
            assert_eq!(statuses, expected, "{backend} round {round}");
            let late = other.token(&asserted(&assertion)).await;
            assert_eq!(late.error(), refused(), "{backend} round {round}");
        }
        let told = "SELECT COUNT(*) FROM audit WHERE type = 'feccft'";
        let mut raw = Raw::connect(&app).await;
        for _ in 0..500 {
            if raw.number(told).await > 0 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        assert!(raw.number(told).await > 0, "{backend}: a replay is told");
    }
}

#[tokio::test]
async fn an_assertion_is_spent_by_the_client_it_authenticates_whatever_comes_of_the_grant() {
    for (backend, app) in each_backend().await {
        let (one, two) = (app.signing_machine().await, app.signing_machine().await);
        let assertion = signer().sign(&app.claims(&one, json!({ "jti": "same" })));
        let mut form = asserted(&assertion);
        form.push(("scope", "write:messages"));
        let answer = app.token(&form).await;
        assert_eq!(answer.error(), (403, "access_denied".into()), "{backend}: not granted");
        assert_eq!(app.token(&asserted(&assertion)).await.error(), refused(), "{backend}");
        // Names are unique per client: nobody uses up those of another.
        let assertion = signer().sign(&app.claims(&two, json!({ "jti": "same" })));
        app.token(&asserted(&assertion)).await.ok();
    }
}

#[tokio::test]
async fn spent_assertions_are_forgotten_when_no_node_would_take_them() {
    for (backend, app) in each_backend().await {
        let id = app.signing_machine().await;
        let assertion = signer().sign(&app.claims(&id, json!({})));
        app.token(&asserted(&assertion)).await.ok();
        for (seconds, left) in [(100, 1), (120, 1), (30, 0)] {
            app.clock.advance_seconds(seconds);
            sweep::run(&app.inner.store, app.clock.now(), 1_000_000).await.unwrap();
            assert_eq!(spent(&app).await, left, "{backend} {seconds}");
            let replayed = app.token(&asserted(&assertion)).await;
            assert_eq!(replayed.error(), refused(), "{backend} {seconds}");
        }
    }
}

#[tokio::test]
async fn discovery_names_the_methods_and_their_algorithms() {
    for (backend, app) in each_backend().await {
        let document = app.get(".well-known/openid-configuration").await.ok();
        let confidential =
            ["client_secret_basic", "client_secret_post", "private_key_jwt", "client_secret_jwt"];
        let all = [confidential.as_slice(), &["none"]].concat();
        for (endpoint, methods) in
            [("token", all.as_slice()), ("revocation", &all), ("introspection", &confidential)]
        {
            let named = &document[format!("{endpoint}_endpoint_auth_methods_supported")];
            assert_eq!(*named, json!(methods), "{backend} {endpoint}");
            let named = &document[format!("{endpoint}_endpoint_auth_signing_alg_values_supported")];
            let algorithms = json!(["RS256", "RS384", "PS256", "ES256", "HS256"]);
            assert_eq!(*named, algorithms, "{backend} {endpoint}");
        }
        let par = &document["pushed_authorization_request_endpoint"];
        assert_eq!(*par, format!("{}oauth/par", app.issuer), "{backend}");
        assert_eq!(document["request_uri_parameter_supported"], false, "{backend}");
    }
}
