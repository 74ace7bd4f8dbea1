//! Demonstrating proof of possession (RFC 9449) at the token endpoint: proofs, nonces, and codes and
//! refresh tokens that are bound to a key.

use doorward::domain::time::Clock;
use serde_json::{Value, json};

use crate::support::{
    Answer, TestApp, browser::Browser, dpop::Key, each_backend, fixtures::*, payload,
};

type Form<'a> = Vec<(&'a str, &'a str)>;

/// A code, asked for with these parameters beside the usual ones.
async fn code(app: &TestApp, world: &World, more: &[(&str, &str)]) -> String {
    let mut query = vec![("audience", MESSAGES), ("scope", LOGIN_SCOPE)];
    query.extend_from_slice(more);
    app.code_for(&mut Browser::new(app), world, &query).await
}

fn exchange<'a>(world: &'a World, code: &'a str) -> Form<'a> {
    vec![
        ("grant_type", "authorization_code"),
        ("client_id", &world.client_id),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]
}

fn refresh<'a>(world: &'a World, token: &'a str, more: &[(&'a str, &'a str)]) -> Form<'a> {
    let mut form = vec![
        ("grant_type", "refresh_token"),
        ("client_id", world.client_id.as_str()),
        ("refresh_token", token),
    ];
    form.extend_from_slice(more);
    form
}

/// A login whose tokens are bound to a key.
async fn bound_login(app: &TestApp, world: &World, key: &Key) -> Value {
    let code = code(app, world, &[("dpop_jkt", &key.thumbprint())]).await;
    app.token_by(key, &exchange(world, &code)).await.ok()
}

/// A machine with a grant for the API of messages, and its request.
async fn machine(app: &TestApp) -> Value {
    app.add_api(MESSAGES, &["read:messages"], json!({})).await;
    let machine = json!({ "app_type": "non_interactive", "grant_types": ["client_credentials"] });
    let client = app.add_client(machine).await;
    let grant = json!({
        "client_id": client["client_id"], "audience": MESSAGES, "scope": ["read:messages"],
    });
    TestApp::created(&app.management("POST", "/client-grants", Some(grant)).await);
    client
}

fn credentials(client: &Value) -> Form<'_> {
    vec![
        ("grant_type", "client_credentials"),
        ("client_id", text(client, "client_id")),
        ("client_secret", text(client, "client_secret")),
        ("audience", MESSAGES),
    ]
}

#[track_caller]
fn assert_bound(answer: &Value, key: &Key) {
    assert_eq!(answer["token_type"], "DPoP");
    assert_eq!(payload(text(answer, "access_token"))["cnf"], json!({ "jkt": key.thumbprint() }));
}

#[track_caller]
fn assert_unbound(answer: &Value) {
    assert_eq!(answer["token_type"], "Bearer");
    assert!(payload(text(answer, "access_token")).get("cnf").is_none());
}

#[tokio::test]
async fn a_public_client_is_told_a_nonce_once_and_its_code_survives() {
    for (backend, app) in each_backend().await {
        let (world, key) = (app.world().await, Key::new());
        let code = code(&app, &world, &[("dpop_jkt", &key.thumbprint())]).await;
        let form = exchange(&world, &code);

        let first = key.proof(&app, "POST", "oauth/token", json!({}));
        let challenged = app.token_with(&[&first], &form).await;
        assert_eq!(challenged.error(), (400, "use_dpop_nonce".into()), "{backend}");
        let description = challenged.text_of("error_description");
        assert_eq!(description, "Authorization server requires nonce in DPoP proof", "{backend}");
        let nonce = challenged.header("dpop-nonce");
        assert!(!nonce.is_empty() && challenged.header("cache-control") == "no-store", "{backend}");

        let second = key.proof(&app, "POST", "oauth/token", json!({ "nonce": nonce }));
        let answer = app.token_with(&[&second], &form).await;
        assert!(!answer.header("dpop-nonce").is_empty(), "{backend}: on success too");
        assert_bound(&answer.ok(), &key);

        // The nonce is for the next requests too; the proof is not.
        let token = answer.text_of("refresh_token");
        let replay = app.token_with(&[&second], &refresh(&world, &token, &[])).await;
        assert_eq!(replay.error(), (400, "invalid_dpop_proof".into()), "{backend}");
        let third = key.proof(&app, "POST", "oauth/token", json!({ "nonce": nonce }));
        app.token_with(&[&third], &refresh(&world, &token, &[])).await.ok();
    }
}

#[tokio::test]
async fn a_nonce_ends_and_cannot_be_made_up() {
    for (backend, app) in each_backend().await {
        let (world, key) = (app.world().await, Key::new());
        let token = text(&bound_login(&app, &world, &key).await, "refresh_token").to_owned();
        let form = refresh(&world, &token, &[]);
        let nonce = app.inner.tokens.dpop_nonce();
        let ask = async |nonce: &str| {
            let proof = key.proof(&app, "POST", "oauth/token", json!({ "nonce": nonce }));
            app.token_with(&[&proof], &form).await
        };
        for foreign in ["", "n1", &nonce[1..], &"A".repeat(32), &"x".repeat(5000)] {
            let answer = ask(foreign).await;
            assert_eq!(answer.error(), (400, "use_dpop_nonce".into()), "{backend}");
        }
        app.clock.advance_seconds(240);
        ask(&nonce).await.ok();
        app.clock.advance_seconds(121);
        let answer = ask(&nonce).await;
        assert_eq!(answer.error(), (400, "use_dpop_nonce".into()), "{backend}");
        assert_ne!(answer.header("dpop-nonce"), nonce, "{backend}");
    }
}

#[tokio::test]
async fn a_clock_that_is_wrong_does_no_harm_with_a_nonce() {
    for (backend, app) in each_backend().await {
        let (client, key) = (machine(&app).await, Key::new());
        let now = app.clock.now().seconds();
        let ask = async |claims: Value| {
            let proof = key.proof(&app, "POST", "oauth/token", claims);
            app.token_with(&[&proof], &credentials(&client)).await
        };
        // A client with a secret needs no nonce, but then its clock counts.
        assert_bound(&ask(json!({})).await.ok(), &key);
        for off in [-90, 90] {
            let answer = ask(json!({ "iat": now + off })).await;
            assert_eq!(answer.error(), (400, "invalid_dpop_proof".into()), "{backend} {off}");
            assert!(!answer.header("dpop-nonce").is_empty(), "{backend}: the way out");
            let nonce = answer.header("dpop-nonce");
            ask(json!({ "iat": now + off * 40, "nonce": nonce })).await.ok();
        }
        let answer = ask(json!({ "nonce": "stale" })).await;
        assert_eq!(answer.error(), (400, "use_dpop_nonce".into()), "{backend}");
    }
}

#[tokio::test]
async fn a_proof_for_something_else_is_refused_and_consumes_nothing() {
    for (backend, app) in each_backend().await {
        let (world, key) = (app.world().await, Key::new());
        let code = code(&app, &world, &[]).await;
        let form = exchange(&world, &code);
        let nonce = app.inner.tokens.dpop_nonce();
        let with = |changes: Value| {
            let mut claims = json!({ "nonce": nonce });
            for (name, value) in changes.as_object().unwrap() {
                claims[name] = value.clone();
            }
            key.proof(&app, "POST", "oauth/token", claims)
        };
        let good = with(json!({}));
        let (unsigned, _) = good.rsplit_once('.').unwrap();
        let host = format!("{}oauth/token", app.issuer.replace("127.0.0.1", "localhost"));
        for (what, proof) in [
            ("another method", with(json!({ "htm": "GET" }))),
            ("no method", with(json!({ "htm": null }))),
            ("another path", with(json!({ "htu": format!("{}userinfo", app.issuer) }))),
            ("another host", with(json!({ "htu": host }))),
            ("another server", with(json!({ "htu": "https://evil.example/oauth/token" }))),
            ("no id", with(json!({ "jti": null }))),
            ("an empty id", with(json!({ "jti": "" }))),
            ("a long id", with(json!({ "jti": "x".repeat(257) }))),
            ("no time", with(json!({ "iat": null }))),
            ("a time that is none", with(json!({ "iat": "now" }))),
            ("no signature", format!("{unsigned}.")),
            ("no JWT", "x".to_owned()),
            ("nothing", String::new()),
            ("two in one", format!("{good}, {good}")),
            ("too long", with(json!({ "more": "x".repeat(9000) }))),
        ] {
            // With the right Host header, which counts for nothing.
            let request = app.http.post(app.url("oauth/token")).form(&form).header("dpop", proof);
            let answer = app.send(request.header("host", "evil.example")).await;
            assert_eq!(answer.error(), (400, "invalid_dpop_proof".into()), "{backend}: {what}");
            assert!(!answer.header("dpop-nonce").is_empty(), "{backend}: {what}");
        }
        let other = with(json!({}));
        let answer = app.token_with(&[&good, &other], &form).await;
        assert_eq!(answer.error(), (400, "invalid_dpop_proof".into()), "{backend}: two headers");
        let answer = app.token_with(&[&good], &form).await;
        assert_bound(&answer.ok(), &key);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_parallel_uses_of_one_proof_one_succeeds() {
    for (backend, app) in each_backend().await {
        let (client, key) = (machine(&app).await, Key::new());
        let node = app.another_node().await;
        let proof = key.token_proof(&app);
        let calls: Vec<_> = (0..20)
            .map(|i| if i % 2 == 0 { &app } else { &node })
            .map(|node| node.http.post(node.url("oauth/token")).form(&credentials(&client)))
            .map(|request| request.header("dpop", &proof))
            .map(|request| {
                tokio::spawn(async { Answer::read(request.send().await.unwrap()).await })
            })
            .collect();
        let mut successes = 0;
        for call in calls {
            let answer = call.await.unwrap();
            match answer.status {
                200 => successes += 1,
                _ => assert_eq!(answer.error(), (400, "invalid_dpop_proof".into()), "{backend}"),
            }
        }
        assert_eq!(successes, 1, "{backend}");
    }
}

#[tokio::test]
async fn a_code_that_is_bound_to_a_key_needs_that_key() {
    for (backend, app) in each_backend().await {
        let (world, key, other) = (app.world().await, Key::new(), Key::new());
        let bound = code(&app, &world, &[("dpop_jkt", &key.thumbprint())]).await;
        let form = exchange(&world, &bound);
        for answer in [app.token(&form).await, app.token_by(&other, &form).await] {
            assert_eq!(answer.error(), (400, "invalid_grant".into()), "{backend}");
        }
        assert_bound(&app.token_by(&key, &form).await.ok(), &key);

        let challenge = doorward::crypto::digest::s256_challenge(VERIFIER);
        for bad in ["short", &"x".repeat(44), &format!("{}=", &key.thumbprint()[1..])] {
            let more = [("scope", "openid"), ("dpop_jkt", bad)];
            let query = authorize_query(&world.client_id, &challenge, &more);
            let landed = Browser::new(&app).visit("authorize", &query).await.application();
            assert_eq!(landed["error"], "invalid_request", "{backend} {bad}");
        }
    }
}

#[tokio::test]
async fn a_refresh_token_of_a_public_client_is_bound_to_its_key() {
    for (backend, app) in each_backend().await {
        let (world, key, other) = (app.world().await, Key::new(), Key::new());
        let login = bound_login(&app, &world, &key).await;
        let first = text(&login, "refresh_token").to_owned();
        let form = refresh(&world, &first, &[]);
        for answer in [app.token(&form).await, app.token_by(&other, &form).await] {
            assert_eq!(answer.error(), (400, "invalid_grant".into()), "{backend}");
            // What SDKs look for, to log in anew with the key they have now.
            let text = answer.text_of("error_description");
            assert_eq!(text, "Unknown or invalid refresh token.", "{backend}");
        }
        let second = app.token_by(&key, &form).await.ok();
        assert_bound(&second, &key);
        // The retry of a lost answer, with a proof of its own.
        let retry = app.token_by(&key, &form).await.ok();
        assert_eq!(retry["refresh_token"], second["refresh_token"], "{backend}");

        // For another API, with the token that the rotation returned.
        let next = text(&second, "refresh_token").to_owned();
        let billing = refresh(&world, &next, &[("audience", BILLING)]);
        let third = app.token_by(&key, &billing).await.ok();
        assert_bound(&third, &key);
        assert_eq!(payload(text(&third, "access_token"))["aud"][0], BILLING, "{backend}");

        // Who stole a spent token has no key, and cannot end the login with it.
        app.clock.advance_seconds(11);
        for answer in [app.token(&form).await, app.token_by(&other, &form).await] {
            assert_eq!(answer.error(), (400, "invalid_grant".into()), "{backend}");
        }
        let last = text(&third, "refresh_token").to_owned();
        let last = app.token_by(&key, &refresh(&world, &last, &[])).await.ok();
        // Who has the key and presents it again has been cloned.
        let reused = app.token_by(&key, &form).await;
        assert_eq!(reused.error(), (400, "invalid_grant".into()), "{backend}");
        let last = text(&last, "refresh_token").to_owned();
        let dead = app.token_by(&key, &refresh(&world, &last, &[])).await;
        assert_eq!(dead.error(), (400, "invalid_grant".into()), "{backend}: reuse ends it");
    }
}

#[tokio::test]
async fn a_login_without_a_key_stays_without_and_one_with_a_secret_too() {
    for (backend, app) in each_backend().await {
        let (world, key, other) = (app.world().await, Key::new(), Key::new());
        // Otherwise a thief could bind the stolen token to a key, and lock its owner out.
        let login = app.log_in(&world).await;
        assert_unbound(&login);
        let token = text(&login, "refresh_token").to_owned();
        let by_key = app.token_by(&key, &refresh(&world, &token, &[])).await.ok();
        assert_bound(&by_key, &key);
        let token = text(&by_key, "refresh_token").to_owned();
        assert_unbound(&app.token(&refresh(&world, &token, &[])).await.ok());

        let confidential = json!({ "app_type": "regular_web", "token_endpoint_auth_method": "client_secret_post" });
        app.patch_client(&world.client_id, confidential).await;
        let secret = ("client_secret", world.client_secret.as_str());
        let code = code(&app, &world, &[]).await;
        let mut form = exchange(&world, &code);
        form.push(secret);
        let login = app.token_by(&key, &form).await.ok();
        assert_bound(&login, &key);
        let token = text(&login, "refresh_token").to_owned();
        let by_other = app.token_by(&other, &refresh(&world, &token, &[secret])).await.ok();
        assert_bound(&by_other, &other);
        let token = text(&by_other, "refresh_token").to_owned();
        let answer = app.token(&refresh(&world, &token, &[secret])).await;
        assert_unbound(&answer.ok());
        assert_eq!(answer.header("dpop-nonce"), "", "{backend}: nobody asked");
    }
}

#[tokio::test]
async fn what_was_refused_is_in_the_audit_trail_and_the_binding_can_be_looked_up() {
    for (backend, app) in each_backend().await {
        let (world, key, other) = (app.world().await, Key::new(), Key::new());
        let login = bound_login(&app, &world, &key).await;
        let token = text(&login, "refresh_token").to_owned();
        let form = refresh(&world, &token, &[]);
        app.token_by(&other, &form).await;
        app.token_with(&["x"], &form).await;
        app.inner.login.audit.flush().await;
        let logs = app.management("GET", "/logs?q=type:fertft", None).await.ok();
        let reasons: Vec<_> = logs.as_array().unwrap().iter().collect();
        for reason in ["dpop_key", "invalid_dpop_proof"] {
            let is_there = reasons.iter().any(|log| log.to_string().contains(reason));
            assert!(is_there, "{backend} {reason}: {logs}");
        }

        let body = json!({ "client_id": world.client_id, "user_id": world.user_id });
        let explained = app.management("POST", "/refresh-tokens/explain", Some(body)).await.ok();
        assert_eq!(explained["refresh_token"]["dpop_jkt"], key.thumbprint(), "{backend}");
        assert_eq!(explained["result"]["proof_of_possession"], "optional", "{backend}");

        let machine = json!({
            "app_type": "resource_server", "resource_server_identifier": MESSAGES,
            "token_endpoint_auth_method": "client_secret_post",
        });
        let api = app.add_client(machine).await;
        let ask = async |client: &str, secret: &str, token: &str| {
            let form = [("client_id", client), ("client_secret", secret), ("token", token)];
            app.post_form("oauth/introspect", &form).await
        };
        let (id, secret) = (text(&api, "client_id"), text(&api, "client_secret"));
        let told = ask(id, secret, text(&login, "access_token")).await.ok();
        assert_eq!(told["token_type"], "DPoP", "{backend}");
        assert_eq!(told["cnf"]["jkt"], key.thumbprint(), "{backend}");
    }
}

#[tokio::test]
async fn scripts_may_send_a_proof_and_read_the_nonce_of_a_refusal() {
    for (backend, app) in each_backend().await {
        let (world, key) = (app.world().await, Key::new());
        let origin = "https://app.example";
        let preflight = app.http.request(reqwest::Method::OPTIONS, app.url("oauth/token"));
        let preflight = preflight
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "auth0-client,dpop");
        let answer = app.send(preflight).await;
        assert!(answer.header("access-control-allow-headers").contains("dpop"), "{backend}");

        let proof = key.proof(&app, "POST", "oauth/token", json!({}));
        let form = refresh(&world, "x", &[]);
        let request = app.http.post(app.url("oauth/token")).form(&form);
        let answer = app.send(request.header("origin", origin).header("dpop", proof)).await;
        assert_eq!(answer.error(), (400, "use_dpop_nonce".into()), "{backend}");
        assert_eq!(answer.header("access-control-allow-origin"), origin, "{backend}");
        assert!(answer.header("access-control-expose-headers").contains("DPoP-Nonce"), "{backend}");
        assert!(!answer.header("dpop-nonce").is_empty(), "{backend}");

        let discovered = app.get(".well-known/openid-configuration").await.ok();
        let algorithms = &discovered["dpop_signing_alg_values_supported"];
        assert_eq!(algorithms[0], "ES256", "{backend}");
    }
}
