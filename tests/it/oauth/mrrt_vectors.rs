//! The twenty vectors of multi-resource refresh tokens. The login is for `MESSAGES` with
//! `openid profile offline_access read:messages`; the policies are
//! `MESSAGES → [write:messages]` and `BILLING → [read:billing, write:billing]`, of which the
//! billing API defines only `read:billing` at first.

use serde_json::{Value, json};

use crate::support::{
    TestApp,
    browser::Browser,
    each_backend, each_backend_with,
    fixtures::{self, *},
    payload,
};

const EVERYTHING: &str = "openid profile offline_access read:messages write:messages";
const BILLING_EVERYTHING: &str = "openid profile offline_access read:billing";

/// A login whose refresh token is carried from exchange to exchange.
struct Held<'a> {
    app: &'a TestApp,
    world: &'a World,
    token: String,
}

impl<'a> Held<'a> {
    async fn new(app: &'a TestApp, world: &'a World) -> Self {
        let login = app.log_in(world).await;
        Self { app, world, token: text(&login, "refresh_token").to_owned() }
    }
    /// An exchange that succeeds.
    async fn exchange(&mut self, more: &[(&str, &str)]) -> Value {
        let answer = self.app.refresh(self.world, &self.token, more).await.ok();
        let next = text(&answer, "refresh_token");
        assert_ne!(next, self.token, "a rotating client gets a successor");
        self.token = next.to_owned();
        answer
    }
    /// An exchange that is refused, and leaves the token usable.
    async fn refused(&mut self, more: &[(&str, &str)], error: &str) {
        let answer = self.app.refresh(self.world, &self.token, more).await;
        assert_eq!(answer.error(), (400, error.to_owned()), "{}", answer.text);
        assert_eq!(answer.header("cache-control"), "no-store");
        self.exchange(&[]).await;
    }
}

/// Audience (the first, without `/userinfo`) and scope of an answer, which must agree with its
/// access token.
fn granted(answer: &Value) -> (String, String) {
    let token = payload(text(answer, "access_token"));
    let aud = match &token["aud"] {
        Value::Array(list) => list[0].as_str().unwrap().to_owned(),
        one => one.as_str().unwrap().to_owned(),
    };
    assert_eq!(token["scope"], answer["scope"]);
    assert_eq!(answer["resource"], aud, "the response names the audience");
    (aud, text(answer, "scope").to_owned())
}

fn is(answer: &Value, audience: &str, scope: &str) {
    assert_eq!(granted(answer), (audience.to_owned(), scope.to_owned()));
    let openid = scope.split(' ').any(|s| s == "openid");
    assert_eq!(answer.get("id_token").is_some(), openid, "{answer}");
}

#[tokio::test]
async fn vectors_1_to_4_the_original_audience() {
    for (_, app) in each_backend().await {
        let world = app.world().await;
        let mut held = Held::new(&app, &world).await;
        is(&held.exchange(&[]).await, MESSAGES, EVERYTHING);
        is(&held.exchange(&[("audience", MESSAGES)]).await, MESSAGES, EVERYTHING);
        is(&held.exchange(&[("scope", "read:messages")]).await, MESSAGES, "read:messages");
        is(&held.exchange(&[]).await, MESSAGES, EVERYTHING);
        let wide = "openid read:messages write:messages delete:messages";
        let granted = "openid read:messages write:messages";
        is(&held.exchange(&[("scope", wide)]).await, MESSAGES, granted);
    }
}

#[tokio::test]
async fn vectors_5_to_7_another_audience() {
    for (_, app) in each_backend().await {
        let world = app.world().await;
        let mut held = Held::new(&app, &world).await;
        is(&held.exchange(&[("audience", BILLING)]).await, BILLING, BILLING_EVERYTHING);
        let both = "read:billing write:billing";
        let asked = [("audience", BILLING), ("scope", both)];
        is(&held.exchange(&asked).await, BILLING, "read:billing");
        // Once the API defines it, the next exchange gives it.
        let scopes =
            json!({ "scopes": [{ "value": "read:billing" }, { "value": "write:billing" }] });
        let path = format!("/resource-servers/{}", world.billing_id);
        app.management("PATCH", &path, Some(scopes)).await.ok();
        let wider = format!("{BILLING_EVERYTHING} write:billing");
        is(&held.exchange(&[("audience", BILLING)]).await, BILLING, &wider);
        // Nothing is left of the scope: an empty scope, never a wider one.
        let asked = [("audience", BILLING), ("scope", "read:messages")];
        is(&held.exchange(&asked).await, BILLING, "");
        // The audience does not stick.
        is(&held.exchange(&[]).await, MESSAGES, EVERYTHING);
    }
}

#[tokio::test]
async fn vectors_8_to_11_audiences_that_are_refused() {
    for (_, app) in each_backend().await {
        let world = app.world().await;
        let mut held = Held::new(&app, &world).await;
        let management = format!("{}api/v2/", app.issuer);
        for audience in ["https://unknown.example", &management, "https://billing.example.com/"] {
            held.refused(&[("audience", audience)], "invalid_target").await;
        }
        let settings = refresh_settings(json!({
            "policies": [{ "audience": management, "scope": ["read:clients"] }],
        }));
        let path = format!("/clients/{}", world.client_id);
        let body = json!({ "refresh_token": settings });
        assert_eq!(app.management("PATCH", &path, Some(body)).await.status, 400);

        // An API that demands a consent which the user has not given.
        let api = format!("/resource-servers/{}", world.billing_id);
        let skip = |skip: bool| json!({ "skip_consent_for_verifiable_first_party_clients": skip });
        app.management("PATCH", &api, Some(skip(false))).await.ok();
        held.refused(&[("audience", BILLING)], "invalid_target").await;
        app.management("PATCH", &api, Some(skip(true))).await.ok();
        held.exchange(&[("audience", BILLING)]).await;

        // A policy that is removed is gone at once.
        let only = json!({ "policies": [{ "audience": MESSAGES, "scope": [] }] });
        let body = json!({ "refresh_token": refresh_settings(only) });
        app.patch_client(&world.client_id, body).await;
        held.refused(&[("audience", BILLING)], "invalid_target").await;
    }
}

#[tokio::test]
async fn vector_8_falls_back_where_the_server_is_set_to() {
    let file = "[refresh_tokens]\nmrrt_unknown_audience = \"fallback\"\n";
    for (_, app) in each_backend_with(file).await {
        let world = app.world().await;
        let mut held = Held::new(&app, &world).await;
        let answer = held.exchange(&[("audience", "https://unknown.example")]).await;
        is(&answer, MESSAGES, EVERYTHING);
    }
}

#[tokio::test]
async fn vector_12_permissions_restrict_the_other_audience() {
    for (_, app) in each_backend().await {
        let world = app.world().await;
        let path = format!("/resource-servers/{}", world.billing_id);
        let rbac = json!({ "enforce_policies": true, "token_dialect": "access_token_authz" });
        app.management("PATCH", &path, Some(rbac)).await.ok();
        let mut held = Held::new(&app, &world).await;
        let answer = held.exchange(&[("audience", BILLING)]).await;
        is(&answer, BILLING, "openid profile offline_access");
        assert_eq!(payload(text(&answer, "access_token"))["permissions"], json!([]));

        let path = format!("/users/{}/permissions", world.user_id.replace('|', "%7C"));
        let body = json!({ "permissions": [{
            "resource_server_identifier": BILLING, "permission_name": "read:billing",
        }] });
        assert_eq!(app.management("POST", &path, Some(body)).await.status, 201);
        let answer = held.exchange(&[("audience", BILLING)]).await;
        is(&answer, BILLING, BILLING_EVERYTHING);
        let token = payload(text(&answer, "access_token"));
        assert_eq!(token["permissions"], json!(["read:billing"]));
    }
}

#[tokio::test]
async fn vector_13_one_token_for_two_audiences_at_once() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let login = app.log_in(&world).await;
        let token = text(&login, "refresh_token");
        let (a, b) = tokio::join!(
            app.refresh(&world, token, &[]),
            app.refresh(&world, token, &[("audience", BILLING)]),
        );
        let (a, b) = (a.ok(), b.ok());
        assert_eq!(text(&a, "refresh_token"), text(&b, "refresh_token"), "{backend}");
        is(&a, MESSAGES, EVERYTHING);
        is(&b, BILLING, BILLING_EVERYTHING);
    }
}

#[tokio::test]
async fn vector_13_without_leeway_the_second_use_ends_both_audiences() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(json!({}), json!({ "leeway": 0 })).await;
        let login = app.log_in(&world).await;
        let first = text(&login, "refresh_token");
        let second = app.refresh(&world, first, &[]).await.ok();
        let replay = app.refresh(&world, first, &[("audience", BILLING)]).await;
        assert_eq!(replay.error(), (400, "invalid_grant".into()), "{backend}");
        for audience in [MESSAGES, BILLING] {
            let second = text(&second, "refresh_token");
            let dead = app.refresh(&world, second, &[("audience", audience)]).await;
            assert_eq!(dead.error(), (400, "invalid_grant".into()), "{backend} {audience}");
        }
    }
}

#[tokio::test]
async fn vector_14_a_revoked_token_is_dead_for_every_audience() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let login = app.log_in(&world).await;
        let token = text(&login, "refresh_token");
        let form = [("client_id", world.client_id.as_str()), ("token", token)];
        assert_eq!(app.post_form("oauth/revoke", &form).await.status, 200);
        for audience in [MESSAGES, BILLING] {
            let dead = app.refresh(&world, token, &[("audience", audience)]).await;
            assert_eq!(dead.error(), (400, "invalid_grant".into()), "{backend} {audience}");
        }
    }
}

#[tokio::test]
async fn vector_15_exchanges_move_the_idle_end_and_never_the_absolute_one() {
    // token_lifetime 1000, idle_token_lifetime 500.
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let mut held = Held::new(&app, &world).await;
        app.clock.advance_seconds(499);
        held.exchange(&[("audience", BILLING)]).await;
        app.clock.advance_seconds(499);
        held.exchange(&[]).await;
        app.clock.advance_seconds(3);
        let dead = app.refresh(&world, &held.token, &[]).await;
        assert_eq!(dead.error(), (400, "invalid_grant".into()), "{backend}: absolute");

        let held = Held::new(&app, &world).await;
        app.clock.advance_seconds(501);
        let dead = app.refresh(&world, &held.token, &[]).await;
        assert_eq!(dead.error(), (400, "invalid_grant".into()), "{backend}: idle");
    }
}

#[tokio::test]
async fn vector_16_a_password_login_reaches_other_audiences() {
    for (backend, app) in each_backend().await {
        let grants = json!({
            "grant_types": ["password", "refresh_token"],
            "token_endpoint_auth_method": "none",
        });
        let world = app.world_with(grants, json!({})).await;
        let login = app.with_password(&world, LOGIN_SCOPE).await.ok();
        assert_eq!(payload(text(&login, "access_token"))["gty"], "password", "{backend}");
        let token = text(&login, "refresh_token").to_owned();
        let mut held = Held { app: &app, world: &world, token };
        let answer = held.exchange(&[("audience", BILLING)]).await;
        is(&answer, BILLING, BILLING_EVERYTHING);
        let gty = &payload(text(&answer, "access_token"))["gty"];
        assert_eq!(*gty, json!(["refresh_token", "password"]), "{backend}");
    }
}

#[tokio::test]
async fn vector_17_a_third_party_client_has_its_own_audience_only() {
    for (_, app) in each_backend().await {
        let world = app.world_with(json!({ "is_first_party": false }), json!({})).await;
        let mut browser = Browser::new(&app);
        let challenge = doorward::crypto::digest::s256_challenge(VERIFIER);
        let more = [("audience", MESSAGES), ("scope", LOGIN_SCOPE)];
        let query = fixtures::authorize_query(&world.client_id, &challenge, &more);
        let page = browser.log_in(&query, EMAIL, PASSWORD).await.page();
        assert_eq!(page.0, "/u/consent");
        let landed = browser.submit(&page, &[("action", "accept")]).await.application();
        let login = app.exchange_code(&world, &landed["code"]).await.ok();
        let token = text(&login, "refresh_token").to_owned();
        let mut held = Held { app: &app, world: &world, token };
        held.refused(&[("audience", BILLING)], "invalid_target").await;
    }
}

#[tokio::test]
async fn vector_18_repeated_is_refused_and_empty_is_omitted() {
    for (_, app) in each_backend().await {
        let world = app.world().await;
        let mut held = Held::new(&app, &world).await;
        held.refused(&[("audience", BILLING), ("audience", BILLING)], "invalid_request").await;
        held.refused(&[("scope", "openid"), ("scope", "openid")], "invalid_request").await;
        let differ = [("audience", BILLING), ("resource", MESSAGES)];
        held.refused(&differ, "invalid_request").await;
        is(&held.exchange(&[("audience", ""), ("scope", "")]).await, MESSAGES, EVERYTHING);
        is(&held.exchange(&[("resource", BILLING)]).await, BILLING, BILLING_EVERYTHING);
        let same = [("audience", BILLING), ("resource", BILLING)];
        is(&held.exchange(&same).await, BILLING, BILLING_EVERYTHING);
    }
}

#[tokio::test]
async fn vector_19_the_organization_travels_and_leaving_it_ends_the_exchange() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(json!({ "organization_usage": "allow" }), json!({})).await;
        let acme = json!({ "name": "acme", "display_name": "Acme" });
        let acme = TestApp::created(&app.management("POST", "/organizations", Some(acme)).await);
        let org = text(&acme, "id");
        let members = format!("/organizations/{org}/members");
        let member = json!({ "members": [world.user_id] });

        // Not a member yet: the application is told.
        let mut browser = Browser::new(&app);
        let challenge = doorward::crypto::digest::s256_challenge(VERIFIER);
        let more = [("audience", MESSAGES), ("scope", LOGIN_SCOPE), ("organization", org)];
        let query = fixtures::authorize_query(&world.client_id, &challenge, &more);
        let landed = browser.log_in(&query, EMAIL, PASSWORD).await.application();
        assert_eq!(landed["error"], "access_denied", "{backend}");

        assert_eq!(app.management("POST", &members, Some(member.clone())).await.status, 204);
        // In a name the case of letters does not count. SDKs look for the name itself too.
        let more = [("audience", MESSAGES), ("scope", LOGIN_SCOPE), ("organization", "ACME")];
        let login = app.log_in_for(&world, &more).await;
        let claims = payload(text(&login, "id_token"));
        assert_eq!((&claims["org_id"], &claims["org_name"]), (&json!(org), &json!("acme")));
        let token = text(&login, "refresh_token").to_owned();
        let mut held = Held { app: &app, world: &world, token };
        let answer = held.exchange(&[("audience", BILLING)]).await;
        assert_eq!(payload(text(&answer, "access_token"))["org_id"], org, "{backend}");
        assert_eq!(payload(text(&answer, "id_token"))["org_name"], "acme", "{backend}");

        assert_eq!(app.management("DELETE", &members, Some(member)).await.status, 204);
        let refused = app.refresh(&world, &held.token, &[("audience", BILLING)]).await;
        assert_eq!(refused.error(), (400, "invalid_grant".into()), "{backend}");
    }
}

/// The part of vector 20 that needs no browser: the request as auth0-spa-js sends it, foreign
/// scopes and unknown parameters included. The SDK itself runs in `tests/clients`.
#[tokio::test]
async fn vector_20_the_request_of_the_spa_sdk() {
    for (_, app) in each_backend().await {
        let world = app.world().await;
        let mut held = Held::new(&app, &world).await;
        let answer = held
            .exchange(&[
                ("redirect_uri", CALLBACK),
                ("audience", BILLING),
                ("scope", "openid profile offline_access read:messages read:billing"),
            ])
            .await;
        is(&answer, BILLING, BILLING_EVERYTHING);
        assert!(payload(text(&answer, "id_token")).get("nonce").is_none());
    }
}
