//! Back-channel logout (OIDC Back-Channel Logout 1.0): what applications are told, and when.

use std::{
    sync::{Arc, atomic::AtomicU16, atomic::Ordering},
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    routing::post,
};
use doorward::{
    domain::{
        ClientId, SessionId, UserId,
        logout::Announcement,
        time::{Clock, Timestamp},
    },
    store::{backchannel_logouts, sweep},
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::support::{
    TestApp, browser::Browser, each_backend, each_backend_with, fixtures::*, payload,
};

const PRIVATE: &str = "[outbound]\nallow_private = true\n";

/// An application that receives logout tokens.
struct Receiver {
    url: String,
    answers: Arc<AtomicU16>,
    received: mpsc::UnboundedReceiver<(HeaderMap, Vec<(String, String)>)>,
}

impl Receiver {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/logout?app=1", listener.local_addr().unwrap());
        let (sender, received) = mpsc::unbounded_channel();
        let answers = Arc::new(AtomicU16::new(200));
        type Shared = (mpsc::UnboundedSender<(HeaderMap, Vec<(String, String)>)>, Arc<AtomicU16>);
        let answer =
            async |State((sender, status)): State<Shared>, headers: HeaderMap, body: String| {
                let form = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
                // Before the test hears of it: it may change its mind then.
                let status = StatusCode::from_u16(status.load(Ordering::SeqCst)).unwrap();
                sender.send((headers, form)).unwrap();
                (status, [(header::LOCATION, "/logout?again")])
            };
        let shared: Shared = (sender, Arc::clone(&answers));
        let router = Router::new().route("/logout", post(answer)).with_state(shared);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, answers, received }
    }

    /// The next logout token.
    async fn token(&mut self) -> String {
        let next = tokio::time::timeout(Duration::from_secs(20), self.received.recv()).await;
        let (headers, form) = next.expect("no logout token came").unwrap();
        assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
        assert!(headers.get("cookie").is_none() && headers.get("authorization").is_none());
        assert_eq!(form.len(), 1);
        assert_eq!(form[0].0, "logout_token");
        form[0].1.clone()
    }

    fn is_quiet(&mut self) -> bool {
        self.received.try_recv().is_err()
    }

    fn settings(&self, selected: &[&str]) -> Value {
        json!({
            "backchannel_logout_urls": [self.url],
            "backchannel_logout_initiators": { "mode": "custom", "selected_initiators": selected },
        })
    }
}

/// Logs in; returns the browser and the `sid`.
async fn log_in<'a>(app: &'a TestApp, world: &World) -> (Browser<'a>, String) {
    let mut browser = Browser::new(app);
    let code = app.code_for(&mut browser, world, &[("scope", "openid")]).await;
    let answer = app.exchange_code(world, &code).await.ok();
    let sid = payload(text(&answer, "id_token"))["sid"].as_str().unwrap().to_owned();
    (browser, sid)
}

/// Delivers until nothing is due. The server does so by itself too, a moment later.
async fn deliver(app: &TestApp) {
    while app.inner.tokens.deliver_backchannel_logouts().await.unwrap() > 0 {}
}

/// The row of the audit trail, once it is there.
async fn event(app: &TestApp, kind: &str) -> Value {
    for _ in 0..1000 {
        let path = format!("/logs?q=type:{kind}");
        let found = app.management("GET", &path, None).await.ok();
        if let Some(event) = found.as_array().and_then(|events| events.first()) {
            return event.clone();
        }
        deliver(app).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no event {kind}");
}

#[tokio::test]
async fn every_application_of_the_session_gets_a_logout_token() {
    for (backend, app) in each_backend_with(PRIVATE).await {
        let (mut one, mut two) = (Receiver::start().await, Receiver::start().await);
        let settings = json!({ "oidc_logout": { "backchannel_logout_urls": [one.url] } });
        let world = app.world_with(settings, json!({})).await;
        // The deprecated name means the same.
        let settings =
            json!({ "oidc_backchannel_logout": { "backchannel_logout_urls": [two.url] } });
        let other = app.add_client(settings).await;
        let other = text(&other, "client_id").to_owned();
        let (mut browser, sid) = log_in(&app, &world).await;
        let second = World { client_id: other.clone(), ..app_world(&world) };
        app.code_for(&mut browser, &second, &[("scope", "openid"), ("prompt", "none")]).await;

        browser.visit("v2/logout", &[]).await;
        let keys: jsonwebtoken::jwk::JwkSet =
            serde_json::from_value(app.get(".well-known/jwks.json").await.ok()).unwrap();
        for (receiver, client) in [(&mut one, &world.client_id), (&mut two, &other)] {
            let token = receiver.token().await;
            let head = jsonwebtoken::decode_header(&token).unwrap();
            assert_eq!(head.typ.as_deref(), Some("logout+jwt"), "{backend}");
            let key = keys.find(head.kid.as_deref().unwrap()).unwrap();
            let mut rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
            rules.set_audience(&[client]);
            rules.set_issuer(&[&app.issuer]);
            let key = jsonwebtoken::DecodingKey::from_jwk(key).unwrap();
            let claims = jsonwebtoken::decode::<Value>(&token, &key, &rules).unwrap().claims;
            let names: Vec<_> = claims.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(names, ["aud", "events", "exp", "iat", "iss", "jti", "sid", "sub"]);
            assert_eq!(claims["sid"], sid, "{backend}");
            assert_eq!(claims["sub"], world.user_id, "{backend}");
            let event = "http://schemas.openid.net/event/backchannel-logout";
            assert_eq!(claims["events"], json!({ event: {} }), "{backend}");
            let lifetime = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
            assert_eq!(lifetime, 120, "{backend}");
            // It passes for nothing else.
            let hint = app.get(&format!("oidc/logout?id_token_hint={token}")).await;
            assert_eq!(hint.status, 400, "{backend}");
            let info = app.send(app.http.get(app.url("userinfo")).bearer_auth(&token)).await;
            assert_eq!(info.status, 401, "{backend}");
        }
        let told = event(&app, "oidc_backchannel_logout_succeeded").await;
        assert_eq!(told["details"]["session_id"], sid, "{backend}");
        deliver(&app).await;
        assert!(one.is_quiet() && two.is_quiet(), "{backend}: told once");
    }
}

/// The same world once more.
fn app_world(world: &World) -> World {
    World {
        client_id: world.client_id.clone(),
        client_secret: world.client_secret.clone(),
        user_id: world.user_id.clone(),
        messages_id: world.messages_id.clone(),
        billing_id: world.billing_id.clone(),
    }
}

#[tokio::test]
async fn applications_hear_of_the_ends_they_selected() {
    for (backend, app) in each_backend_with(PRIVATE).await {
        let mut receiver = Receiver::start().await;
        let world = app.world().await;
        let user = world.user_id.replace('|', "%7C");
        for initiator in
            ["session-revoked", "password-changed", "account-deactivated", "account-deleted"]
        {
            for listens in [false, true] {
                let selected = if listens { vec![initiator] } else { vec!["idp-logout"] };
                let settings = json!({ "oidc_logout": receiver.settings(&selected) });
                app.patch_client(&world.client_id, settings).await;
                if initiator == "account-deleted" && listens {
                    app.add_user(EMAIL, PASSWORD).await;
                }
                let (_, sid) = log_in(&app, &world).await;
                let users = format!("/users/{user}");
                let patch = |body| app.management("PATCH", &users, body);
                match initiator {
                    "password-changed" => {
                        patch(Some(json!({ "password": PASSWORD }))).await.ok();
                    }
                    "account-deactivated" => {
                        patch(Some(json!({ "blocked": true }))).await.ok();
                        patch(Some(json!({ "blocked": false }))).await.ok();
                    }
                    "account-deleted" => {
                        let found = format!("/users-by-email?email={EMAIL}");
                        let found = app.management("GET", &found, None).await.ok();
                        let id = text(&found[0], "user_id").replace('|', "%7C");
                        app.management("DELETE", &format!("/users/{id}"), None).await;
                    }
                    _ => {
                        let path = format!("/sessions/{sid}");
                        assert_eq!(app.management("DELETE", &path, None).await.status, 202);
                    }
                }
                if listens {
                    let token = receiver.token().await;
                    assert_eq!(payload(&token)["sid"], sid, "{backend} {initiator}");
                }
                deliver(&app).await;
                assert!(receiver.is_quiet(), "{backend} {initiator} {listens}");
            }
        }
    }
}

#[tokio::test]
async fn every_way_to_end_a_session_tells_of_it_and_a_second_login_does_not() {
    for (backend, app) in each_backend_with(PRIVATE).await {
        let mut receiver = Receiver::start().await;
        let all = json!({
            "backchannel_logout_urls": [receiver.url],
            "backchannel_logout_initiators": { "mode": "all" },
        });
        let world = app.world_with(json!({ "oidc_logout": all }), json!({})).await;
        let user = world.user_id.replace('|', "%7C");
        for end in ["oidc/logout", "revoke", "sessions"] {
            let (mut browser, sid) = log_in(&app, &world).await;
            // The same user again: not an end of anything.
            let again = [("scope", "openid"), ("prompt", "login")];
            let code = app.code_for(&mut browser, &world, &again).await;
            let answer = app.exchange_code(&world, &code).await.ok();
            let successor = payload(text(&answer, "id_token"))["sid"].as_str().unwrap().to_owned();
            assert_ne!(sid, successor, "{backend}");
            deliver(&app).await;
            assert!(receiver.is_quiet(), "{backend}");
            match end {
                "oidc/logout" => {
                    browser.visit(end, &[("logout_hint", &successor)]).await;
                }
                "revoke" => {
                    let path = format!("/sessions/{successor}/revoke");
                    assert_eq!(app.management("POST", &path, None).await.status, 202);
                }
                _ => {
                    let path = format!("/users/{user}/sessions");
                    assert_eq!(app.management("DELETE", &path, None).await.status, 202);
                }
            }
            assert_eq!(payload(&receiver.token().await)["sid"], successor, "{backend} {end}");
        }
        // Somebody else logs in with the same browser: the session before is over.
        app.add_user("bob@example.com", PASSWORD).await;
        let (mut browser, sid) = log_in(&app, &world).await;
        let challenge = doorward::crypto::digest::s256_challenge(VERIFIER);
        let query = authorize_query(&world.client_id, &challenge, &[("prompt", "login")]);
        browser.log_in(&query, "bob@example.com", PASSWORD).await.application();
        let claims = payload(&receiver.token().await);
        assert_eq!((&claims["sid"], &claims["sub"]), (&json!(sid), &json!(world.user_id)));
        deliver(&app).await;
        assert!(receiver.is_quiet(), "{backend}");
    }
}

#[tokio::test]
async fn a_session_that_two_logouts_end_at_once_is_told_of_once() {
    for (backend, app) in each_backend_with(PRIVATE).await {
        let mut receiver = Receiver::start().await;
        let settings = json!({ "oidc_logout": receiver.settings(&[]) });
        let world = app.world_with(settings, json!({})).await;
        let other_node = app.another_node().await;
        let (browser, _) = log_in(&app, &world).await;
        let cookie = format!("doorward_session={}", browser.cookies["doorward_session"]);
        let go = |node: &TestApp| {
            node.http.get(node.url("v2/logout")).header("cookie", cookie.clone()).send()
        };
        let (one, two, three) = tokio::join!(go(&app), go(&other_node), go(&app));
        for answer in [one, two, three] {
            assert_eq!(answer.unwrap().status(), 200, "{backend}");
        }
        receiver.token().await;
        // Both nodes look for what is due, at once and again.
        let (one, two) = (&app.inner.tokens, &app.inner.tokens);
        for _ in 0..3 {
            let (one, two) =
                tokio::join!(one.deliver_backchannel_logouts(), two.deliver_backchannel_logouts());
            assert!(one.is_ok() && two.is_ok(), "{backend}");
        }
        event(&app, "oidc_backchannel_logout_succeeded").await;
        assert!(receiver.is_quiet(), "{backend}");
    }
}

#[tokio::test]
async fn a_delivery_is_tried_again_and_given_up_with_an_event() {
    for (backend, app) in each_backend_with(PRIVATE).await {
        let mut receiver = Receiver::start().await;
        let settings = json!({ "oidc_logout": receiver.settings(&[]) });
        let world = app.world_with(settings, json!({})).await;
        // A redirect is no success, and is not followed.
        receiver.answers.store(302, Ordering::SeqCst);
        let (mut browser, sid) = log_in(&app, &world).await;
        browser.visit("v2/logout", &[]).await;
        let mut seen = std::collections::BTreeSet::new();
        for (attempt, pause) in [30, 120, 600, 3600, 0].into_iter().enumerate() {
            let token = receiver.token().await;
            let claims = payload(&token);
            assert!(seen.insert(claims["jti"].to_string()), "{backend}: a fresh token each time");
            let now = app.clock.now().seconds();
            assert!(claims["exp"].as_i64().unwrap() > now, "{backend} {attempt}");
            deliver(&app).await;
            assert!(receiver.is_quiet(), "{backend} {attempt}: not before its time");
            app.clock.advance_seconds(pause);
        }
        let failed = event(&app, "oidc_backchannel_logout_failed").await;
        assert_eq!(failed["client_id"], world.client_id, "{backend}");
        assert_eq!(failed["user_id"], world.user_id, "{backend}");
        let details = json!({ "session_id": sid, "attempts": 5, "reason": "redirect" });
        assert_eq!(failed["details"], details, "{backend}");
        app.clock.advance_seconds(40_000);
        deliver(&app).await;
        assert!(receiver.is_quiet(), "{backend}: given up");

        // An application that recovers is told.
        receiver.answers.store(503, Ordering::SeqCst);
        let (mut browser, _) = log_in(&app, &world).await;
        browser.visit("v2/logout", &[]).await;
        receiver.token().await;
        receiver.answers.store(204, Ordering::SeqCst);
        app.clock.advance_seconds(31);
        receiver.token().await;
        event(&app, "oidc_backchannel_logout_succeeded").await;
    }
}

fn announcement(world: &World, id: &str, url: &str, now: Timestamp) -> Announcement {
    Announcement {
        id: id.to_owned(),
        client_id: ClientId::new(&world.client_id),
        user_id: UserId::new(&world.user_id),
        session_id: SessionId::new("s"),
        url: url.to_owned(),
        attempts: 4,
        next_attempt_at: now,
    }
}

#[tokio::test]
async fn what_was_never_delivered_is_swept_after_a_day() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let (store, now) = (&app.inner.store, app.clock.now());
        let later = now.plus_seconds(1_000_000);
        let mut tx = store.write().await.unwrap();
        for (id, age) in [("old", 86_401), ("young", 86_000)] {
            let row = announcement(&world, id, "https://a.example/", later);
            let created = now.plus_seconds(-age);
            backchannel_logouts::insert(&mut tx, &row, created).await.unwrap();
        }
        tx.commit().await.unwrap();
        let retention = app.inner.settings.audit_retention;
        assert_eq!(sweep::run(store, now, retention).await.unwrap(), 1, "{backend}");
        let mut conn = store.read().await.unwrap();
        let left = backchannel_logouts::due(conn.db(), later, 10).await.unwrap();
        let left: Vec<_> = left.iter().map(|row| row.id.as_str()).collect();
        assert_eq!(left, ["young"], "{backend}");
    }
}

#[tokio::test]
async fn a_password_that_is_reset_by_mail_ends_sessions_aloud() {
    for (backend, app) in each_backend_with(PRIVATE).await {
        let mut receiver = Receiver::start().await;
        let settings = json!({ "oidc_logout": receiver.settings(&["password-changed"]) });
        let world = app.world_with(settings, json!({})).await;
        let (_, sid) = log_in(&app, &world).await;
        let body = json!({
            "client_id": world.client_id, "email": EMAIL,
            "connection": "Username-Password-Authentication",
        });
        app.send(app.http.post(app.url("dbconnections/change_password")).json(&body)).await;
        let mails = app.mails_to(EMAIL).await;
        let link = url::Url::parse(&mails.last().unwrap().link()).unwrap();
        let (_, ticket) = link.query_pairs().find(|(name, _)| name == "ticket").unwrap();
        let fresh = "a wholly different phrase";
        let form = [("ticket", ticket.as_ref()), ("password", fresh), ("password_again", fresh)];
        assert_eq!(app.post_form("u/reset-password", &form).await.status, 200, "{backend}");
        let token = receiver.token().await;
        assert_eq!(payload(&token)["sid"], sid, "{backend}");
    }
}
