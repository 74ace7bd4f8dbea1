//! Demonstrating proof of possession (RFC 9449): which tokens are bound, and what a bound one is
//! good for at the resources of this server.

use serde_json::{Value, json};

use crate::support::{
    Answer, TestApp, browser::Browser, dpop::Key, each_backend, each_backend_with, fixtures::*,
    payload,
};

/// The answer to the exchange of a new code for this scope, with a proof or without.
async fn log_in(app: &TestApp, world: &World, key: Option<&Key>, audience: Option<&str>) -> Answer {
    let mut query = vec![("scope", LOGIN_SCOPE)];
    query.extend(audience.map(|audience| ("audience", audience)));
    let code = app.code_for(&mut Browser::new(app), world, &query).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", world.client_id.as_str()),
        ("code", &code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    let answer = match key {
        Some(key) => app.token_by(key, &form).await,
        None => app.token(&form).await,
    };
    if answer.status != 200 && key.is_none() {
        // A refusal has consumed nothing: with a proof the same code does.
        let retry = app.token_by(&Key::new(), &form).await;
        assert!(retry.status == 200 || retry.error().1 == "invalid_dpop_proof", "{}", retry.text);
    }
    answer
}

async fn patch_api(app: &TestApp, id: &str, settings: Value) {
    let body = json!({ "proof_of_possession": settings });
    app.management("PATCH", &format!("/resource-servers/{id}"), Some(body)).await.ok();
}

fn kind(answer: &Answer) -> String {
    match answer.status {
        200 => answer.text_of("token_type"),
        _ => answer.text_of("error"),
    }
}

const REFUSED: &str = "invalid_dpop_proof";

#[tokio::test]
async fn client_and_api_decide_which_tokens_are_bound() {
    let allowed = || json!({ "mechanism": "dpop", "required": false });
    let required = || json!({ "mechanism": "dpop", "required": true });
    for (backend, app) in each_backend().await {
        let (world, key) = (app.world().await, Key::new());
        let api = Some(MESSAGES);
        // The client requires it; the API; the settings; without a proof; with one.
        for (requires, audience, settings, without, with) in [
            (false, None, json!(null), "Bearer", "DPoP"),
            (true, None, json!(null), REFUSED, "DPoP"),
            (false, api, json!(null), "Bearer", "DPoP"),
            (true, api, json!(null), REFUSED, "DPoP"),
            (false, api, allowed(), "Bearer", "DPoP"),
            (true, api, allowed(), REFUSED, "DPoP"),
            (false, api, required(), REFUSED, "DPoP"),
            (true, api, required(), REFUSED, "DPoP"),
        ] {
            let row = format!("{backend} {requires} {audience:?} {settings}");
            let client = json!({ "require_proof_of_possession": requires });
            app.patch_client(&world.client_id, client).await;
            patch_api(&app, &world.messages_id, settings).await;
            assert_eq!(kind(&log_in(&app, &world, None, audience).await), without, "{row}");
            assert_eq!(kind(&log_in(&app, &world, Some(&key), audience).await), with, "{row}");
        }
    }
}

#[tokio::test]
async fn apis_that_know_bearer_tokens_only_can_be_left_alone() {
    for (backend, app) in each_backend_with("[oauth]\ndpop_unconfigured_api = \"bearer\"").await {
        let (world, key) = (app.world().await, Key::new());
        let login = log_in(&app, &world, Some(&key), Some(MESSAGES)).await.ok();
        assert_eq!(login["token_type"], "Bearer", "{backend}");
        assert!(payload(text(&login, "access_token")).get("cnf").is_none(), "{backend}");
        // The refresh token is bound all the same, and the other API is asked by itself.
        patch_api(&app, &world.billing_id, json!({ "mechanism": "dpop", "required": true })).await;
        let token = text(&login, "refresh_token").to_owned();
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", world.client_id.as_str()),
            ("refresh_token", token.as_str()),
            ("audience", BILLING),
        ];
        assert_eq!(app.token(&form).await.error(), (400, "invalid_grant".into()), "{backend}");
        let billing = app.token_by(&key, &form).await.ok();
        assert_eq!(billing["token_type"], "DPoP", "{backend}");

        let client = json!({ "require_proof_of_possession": true });
        app.patch_client(&world.client_id, client).await;
        for key in [None, Some(&key)] {
            let answer = log_in(&app, &world, key, Some(MESSAGES)).await;
            assert_eq!(answer.error(), (400, REFUSED.into()), "{backend}");
        }
        let body = json!({
            "client_id": world.client_id, "user_id": world.user_id, "audience": MESSAGES,
        });
        let explained = app.management("POST", "/refresh-tokens/explain", Some(body)).await.ok();
        assert_eq!(explained["error"], REFUSED, "{backend}");
        assert_eq!(explained["result"]["proof_of_possession"], "impossible", "{backend}");
    }
}

#[tokio::test]
async fn an_exchange_for_another_api_asks_that_api() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        patch_api(&app, &world.billing_id, json!({ "mechanism": "dpop", "required": true })).await;
        let login = app.log_in(&world).await;
        let token = text(&login, "refresh_token").to_owned();
        let refused = app.refresh(&world, &token, &[("audience", BILLING)]).await;
        assert_eq!(refused.error(), (400, REFUSED.into()), "{backend}");
        // Nothing was consumed.
        let same = app.refresh(&world, &token, &[]).await.ok();
        assert_eq!(same["token_type"], "Bearer", "{backend}");
    }
}

#[tokio::test]
async fn a_requirement_for_public_clients_spares_those_with_a_secret() {
    for (backend, app) in each_backend().await {
        let for_public =
            json!({ "mechanism": "dpop", "required": true, "required_for": "public_clients" });
        let more = json!({ "proof_of_possession": for_public });
        app.add_api(MESSAGES, &["read:messages"], more).await;
        let kinds = ["client_credentials", "password"];
        let machine = json!({ "app_type": "regular_web", "grant_types": kinds });
        let client = app.add_client(machine).await;
        let device = app.add_client(json!({ "app_type": "native", "grant_types": kinds })).await;
        app.add_user(EMAIL, PASSWORD).await;
        let grant = json!({
            "client_id": client["client_id"], "audience": MESSAGES, "scope": ["read:messages"],
        });
        TestApp::created(&app.management("POST", "/client-grants", Some(grant)).await);
        let key = Key::new();
        let credentials = vec![
            ("grant_type", "client_credentials"),
            ("client_id", text(&client, "client_id")),
            ("client_secret", text(&client, "client_secret")),
            ("audience", MESSAGES),
        ];
        assert_eq!(kind(&app.token(&credentials).await), "Bearer", "{backend}");
        assert_eq!(kind(&app.token_by(&key, &credentials).await), "DPoP", "{backend}");
        let password = vec![
            ("grant_type", "password"),
            ("client_id", text(&device, "client_id")),
            ("username", EMAIL),
            ("password", PASSWORD),
            ("audience", MESSAGES),
        ];
        assert_eq!(kind(&app.token(&password).await), REFUSED, "{backend}");
        assert_eq!(kind(&app.token_by(&key, &password).await), "DPoP", "{backend}");
    }
}

#[tokio::test]
async fn userinfo_takes_a_bound_token_with_its_proof_only() {
    for (backend, app) in each_backend().await {
        let (world, key, other) = (app.world().await, Key::new(), Key::new());
        let login = log_in(&app, &world, Some(&key), Some(MESSAGES)).await.ok();
        let token = text(&login, "access_token");
        let (as_dpop, as_bearer) = (format!("DPoP {token}"), format!("Bearer {token}"));
        for method in ["GET", "POST"] {
            let proof = key.proof_beside(&app, method, "userinfo", token);
            let answer = app.resource(method, "userinfo", &as_dpop, &[&proof]).await;
            assert_eq!(answer.ok()["sub"], world.user_id, "{backend}");
            assert!(!answer.header("dpop-nonce").is_empty(), "{backend}");
            let replay = app.resource(method, "userinfo", &as_dpop, &[&proof]).await;
            assert_eq!(replay.error(), (401, REFUSED.into()), "{backend}");
        }
        let unbound = log_in(&app, &world, None, Some(MESSAGES)).await.ok();
        let unbound = format!("DPoP {}", text(&unbound, "access_token"));
        let (good, own) = (key.proof_beside(&app, "GET", "userinfo", token), || {
            key.proof_beside(&app, "GET", "userinfo", token)
        });
        let nonce = app.inner.tokens.dpop_nonce();
        let without_hash = key.proof(&app, "GET", "userinfo", json!({ "nonce": nonce }));
        let of_other_token = key.proof_beside(&app, "GET", "userinfo", "x");
        let for_post = key.proof_beside(&app, "POST", "userinfo", token);
        let for_other_path = key.proof_beside(&app, "GET", "oauth/token", token);
        let of_other_key = other.proof_beside(&app, "GET", "userinfo", token);
        let ath = doorward::crypto::digest::s256_challenge(token);
        let without_nonce = key.proof(&app, "GET", "userinfo", json!({ "ath": ath }));
        for (what, authorization, proofs, error) in [
            ("as a bearer token", &as_bearer, vec![], "invalid_token"),
            ("as a bearer token with a proof", &as_bearer, vec![good.as_str()], "invalid_token"),
            ("a bearer token as a bound one", &unbound, vec![good.as_str()], "invalid_token"),
            ("no token of ours", &"DPoP x".to_owned(), vec![good.as_str()], "invalid_token"),
            ("no proof", &as_dpop, vec![], REFUSED),
            ("two proofs", &as_dpop, vec![good.as_str(), good.as_str()], REFUSED),
            ("no proof at all", &as_dpop, vec!["x"], REFUSED),
            ("without ath", &as_dpop, vec![without_hash.as_str()], REFUSED),
            ("of another token", &as_dpop, vec![of_other_token.as_str()], REFUSED),
            ("for another method", &as_dpop, vec![for_post.as_str()], REFUSED),
            ("for another path", &as_dpop, vec![for_other_path.as_str()], REFUSED),
            ("of another key", &as_dpop, vec![of_other_key.as_str()], REFUSED),
            ("without a nonce", &as_dpop, vec![without_nonce.as_str()], "use_dpop_nonce"),
        ] {
            let answer = app.resource("GET", "userinfo", authorization, &proofs).await;
            assert_eq!(answer.error(), (401, error.into()), "{backend}: {what}");
            let challenge = answer.header("www-authenticate");
            let begins = format!("DPoP error=\"{error}\", error_description=\"");
            assert!(challenge.starts_with(&begins), "{backend}: {what}: {challenge}");
            assert_eq!(answer.header("dpop-nonce").is_empty(), proofs.is_empty(), "{what}");
        }
        let body = app.post_form("userinfo", &[("access_token", token)]).await;
        assert_eq!(body.error(), (401, "invalid_token".into()), "{backend}: in a form");
        let answer = app.resource("GET", "userinfo", &as_dpop, &[&own()]).await;
        assert_eq!(answer.status, 200, "{backend}: nothing of that did harm");

        let none = app.get("userinfo").await;
        let offered: Vec<_> = none.headers.get_all("www-authenticate").iter().collect();
        assert_eq!(offered.len(), 2, "{backend}: both schemes");
    }
}

#[tokio::test]
async fn the_management_api_takes_a_bound_token_with_its_proof_only() {
    for (backend, app) in each_backend().await {
        let key = Key::new();
        let audience = app.inner.settings.management_audience();
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", crate::support::BOOTSTRAP_ID),
            ("client_secret", crate::support::BOOTSTRAP_SECRET),
            ("audience", audience.as_str()),
        ];
        let token = app.token_by(&key, &form).await.text_of("access_token");
        let (as_dpop, as_bearer) = (format!("DPoP {token}"), format!("Bearer {token}"));
        let path = "api/v2/clients";
        let proof = key.proof_beside(&app, "GET", path, &token);
        let answer = app.resource("GET", path, &as_dpop, &[&proof]).await;
        assert_eq!(answer.status, 200, "{backend}: {}", answer.text);
        assert!(!answer.header("dpop-nonce").is_empty(), "{backend}");
        let other_path = key.proof_beside(&app, "GET", "clients", &token);
        for (authorization, proofs, code) in [
            (&as_dpop, vec![proof.as_str()], REFUSED),
            (&as_dpop, vec![other_path.as_str()], REFUSED),
            (&as_dpop, vec![], REFUSED),
            (&as_bearer, vec![], "invalid_token"),
        ] {
            let answer = app.resource("GET", path, authorization, &proofs).await;
            assert_eq!(answer.status, 401, "{backend} {proofs:?}");
            assert_eq!(answer.json()["errorCode"], code, "{backend} {proofs:?}");
            let challenge = answer.header("www-authenticate");
            assert!(challenge.starts_with(&format!("DPoP error=\"{code}\", ")), "{backend}");
        }
    }
}

#[tokio::test]
async fn a_token_that_must_be_bound_never_comes_through_the_browser() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let grant_types = json!({ "grant_types": ["authorization_code", "implicit"] });
        app.patch_client(&world.client_id, grant_types).await;
        patch_api(&app, &world.billing_id, json!({ "mechanism": "dpop", "required": true })).await;
        for (audience, refused) in [(MESSAGES, false), (BILLING, true)] {
            let query = [
                ("client_id", world.client_id.as_str()),
                ("response_type", "token"),
                ("redirect_uri", CALLBACK),
                ("scope", "openid"),
                ("nonce", "n"),
                ("audience", audience),
            ];
            let mut url = url::Url::parse(&app.url("authorize")).unwrap();
            url.query_pairs_mut().extend_pairs(query);
            let location = app.send(app.http.get(url)).await.header("location").to_owned();
            let is_refused =
                location.starts_with(CALLBACK) && location.contains("error=invalid_request");
            assert_eq!(is_refused, refused, "{backend} {audience}: {location}");
        }
    }
}

#[tokio::test]
async fn the_token_endpoint_has_an_address_for_each_dialect() {
    for (backend, app) in each_backend().await {
        let (world, key) = (app.world().await, Key::new());
        let mut browser = Browser::new(&app);
        let code = app.code_for(&mut browser, &world, &[("audience", MESSAGES)]).await;
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", world.client_id.as_str()),
            ("code", &code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        let ask = async |htu: &str| {
            let nonce = app.inner.tokens.dpop_nonce();
            let proof = key.proof(&app, "POST", htu, json!({ "nonce": nonce }));
            let request = app.http.post(app.url("common/oauth2/token")).form(&form);
            app.send(request.header("dpop", proof)).await
        };
        assert_eq!(ask("oauth/token").await.error(), (400, REFUSED.into()), "{backend}");
        assert_eq!(ask("common/oauth2/token").await.ok()["token_type"], "DPoP", "{backend}");
    }
}

#[tokio::test]
async fn a_proof_beside_a_pushed_request_binds_the_code() {
    for (backend, app) in each_backend().await {
        let confidential = json!({ "app_type": "regular_web", "token_endpoint_auth_method": "client_secret_post" });
        let world = app.world_with(confidential, json!({})).await;
        let (key, other) = (Key::new(), Key::new());
        let challenge = doorward::crypto::digest::s256_challenge(VERIFIER);
        let secret = ("client_secret", world.client_secret.as_str());
        let push = async |proof: &str, more: &[(&str, &str)]| {
            let mut form = authorize_query(&world.client_id, &challenge, more);
            form.extend([secret, ("scope", "openid")]);
            let request = app.http.post(app.url("oauth/par")).form(&form);
            app.send(request.header("dpop", proof)).await
        };
        let proof = || key.proof(&app, "POST", "oauth/par", json!({}));
        for (proof, jkt) in [
            (key.proof(&app, "POST", "oauth/token", json!({})), key.thumbprint()),
            (proof(), other.thumbprint()),
        ] {
            let answer = push(&proof, &[("dpop_jkt", &jkt)]).await;
            assert_eq!(answer.error(), (400, REFUSED.into()), "{backend}");
            assert!(!answer.header("dpop-nonce").is_empty(), "{backend}");
        }
        let pushed = push(&proof(), &[]).await;
        assert_eq!(pushed.status, 201, "{backend}: {}", pushed.text);
        let request_uri = pushed.text_of("request_uri");
        let query = [("client_id", world.client_id.as_str()), ("request_uri", &request_uri)];
        let landed = Browser::new(&app).log_in(&query, EMAIL, PASSWORD).await.application();
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", world.client_id.as_str()),
            secret,
            ("code", &landed["code"]),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        for answer in [app.token(&form).await, app.token_by(&other, &form).await] {
            assert_eq!(answer.error(), (400, "invalid_grant".into()), "{backend}");
        }
        assert_eq!(app.token_by(&key, &form).await.ok()["token_type"], "DPoP", "{backend}");
    }
}
