//! Passwords without end: each costs as much as the server can afford, so that few are computed at
//! once, some wait, and the others are told to come again.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use reqwest::RequestBuilder;
use serde_json::json;

use crate::support::{
    Answer, TestApp,
    browser::Browser,
    each_backend_with,
    faults::{is_unavailable, until, world},
    fixtures::*,
};

const SMALL: &str = "[passwords]\nparallel = 1\nqueue = 2\n";

/// Somebody tries passwords until told to stop.
struct Flood {
    stop: Arc<AtomicBool>,
    refused: Arc<AtomicU64>,
    clients: Vec<tokio::task::JoinHandle<()>>,
}

impl Flood {
    fn of(app: &TestApp, world: &World) -> Self {
        let (stop, refused) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let form = [
            ("grant_type", "password"),
            ("client_id", world.client_id.as_str()),
            ("username", "nobody@example.com"),
            ("password", "wrong"),
        ];
        let request = app.http.post(app.url("oauth/token")).form(&form).build().unwrap();
        let clients = (0..16).map(|_| {
            let (http, request) = (app.http.clone(), request.try_clone().unwrap());
            let (stop, refused) = (Arc::clone(&stop), Arc::clone(&refused));
            tokio::spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    let sent = http.execute(request.try_clone().unwrap()).await.unwrap();
                    let answer = Answer::read(sent).await;
                    match answer.status {
                        503 => {
                            is_unavailable(&answer, "the password grant");
                            assert_eq!(answer.error().1, "temporarily_unavailable");
                            refused.fetch_add(1, Ordering::SeqCst);
                        }
                        _ => assert_eq!(answer.error(), (400, "invalid_grant".to_owned())),
                    }
                }
            })
        });
        let clients = clients.collect();
        Self { stop, refused, clients }
    }

    /// Waits until more were turned away.
    async fn goes_on(&self) {
        let before = self.refused.load(Ordering::SeqCst);
        until("a refusal", async || self.refused.load(Ordering::SeqCst) > before + 16).await;
    }

    async fn end(self) {
        self.stop.store(true, Ordering::SeqCst);
        for client in self.clients {
            client.await.unwrap();
        }
    }
}

/// Sends it until it is turned away.
async fn turned_away(app: &TestApp, request: RequestBuilder) -> Answer {
    loop {
        let answer = app.send(request.try_clone().unwrap()).await;
        if answer.status == 503 {
            return answer;
        }
        assert!(answer.status < 500, "{}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_passwords_is_turned_away_and_nobody_else_waits_for_it() {
    for (backend, app) in each_backend_with(SMALL).await {
        let world = world(&app).await;
        // What counts wrong passwords would end this flood before it gets anywhere.
        for protection in ["brute-force-protection", "suspicious-ip-throttling"] {
            let path = format!("/attack-protection/{protection}");
            app.management("PATCH", &path, Some(json!({ "enabled": false }))).await.ok();
        }
        let mut token = app.with_password(&world, LOGIN_SCOPE).await.text_of("refresh_token");
        app.management_token().await;
        let mut browser = Browser::new(&app);
        let query = [("client_id", world.client_id.as_str()), ("response_type", "code")];
        let query = [&query[..], &[("redirect_uri", CALLBACK)]].concat();
        let (_, page) = browser.visit("authorize", &query).await.page();
        let state = crate::support::browser::hidden_state(&page.text);
        let flood = Flood::of(&app, &world);
        flood.goes_on().await;
        // More exchanges than hashes fit into the time: they do not stand in the same queue.
        for _ in 0..10 {
            token = app.refresh(&world, &token, &[]).await.text_of("refresh_token");
            assert_eq!(app.get(".well-known/jwks.json").await.status, 200, "{backend}");
            assert_eq!(app.get("health/ready").await.status, 200, "{backend}");
        }
        flood.goes_on().await;

        let form = [("state", state.as_str()), ("username", EMAIL), ("password", "wrong")];
        let login = app.http.post(app.url("u/login")).header("accept", "text/html").form(&form);
        let answer = loop {
            let answer = browser.send(login.try_clone().unwrap()).await;
            if answer.status == 503 {
                break answer;
            }
        };
        is_unavailable(&answer, "the login page");
        assert!(answer.text.contains("<!doctype html>"), "{backend}: {}", answer.text);

        let signup = json!({
            "client_id": world.client_id, "connection": "Username-Password-Authentication",
            "email": EMAIL, "password": "a fine and long password",
        });
        let request = app.http.post(app.url("dbconnections/signup")).json(&signup);
        let answer = turned_away(&app, request).await;
        is_unavailable(&answer, "signing up");
        assert_eq!(answer.json()["code"], "temporarily_unavailable", "{backend}");

        let user = format!("api/v2/users/{}", world.user_id.replace('|', "%7C"));
        let change = json!({ "password": PASSWORD });
        let request = app.http.patch(app.url(&user)).json(&change);
        let request = request.bearer_auth(app.management_token().await);
        let answer = turned_away(&app, request).await;
        is_unavailable(&answer, "changing a password");
        assert_eq!(answer.json()["statusCode"], 503, "{backend}");

        flood.goes_on().await;
        flood.end().await;
        app.with_password(&world, LOGIN_SCOPE).await.ok();
        app.refresh(&world, &token, &[]).await.ok();
    }
}
