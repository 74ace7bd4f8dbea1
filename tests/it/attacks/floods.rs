//! What is too long, malformed, from somewhere else, or leads to where only the server can go: case
//! 66.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Router, http::StatusCode, http::header, routing::any};
use doorward::{
    domain::{ClientId, SessionId, UserId, action::Trigger, logout::Announcement, time::Clock},
    store::backchannel_logouts,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{DEVICE, OTP, ask, confidential, query_of, refused};
use crate::support::{TestApp, each_backend, each_backend_with, fixtures::*};

/// **Case 66**, what is too long. CVE-2026-4634, Keycloak: a long `scope` kept the server busy.
#[tokio::test]
async fn a_scope_of_a_mebibyte_is_refused_unread() {
    let (long, huge) = ("x ".repeat(9 * 1024), "x ".repeat(512 * 1024));
    for (backend, app) in each_backend().await {
        let mut client = confidential();
        client["grant_types"] =
            json!(["authorization_code", "refresh_token", "password", OTP, DEVICE]);
        let world = app.world_with(client, json!({})).await;
        let credentials =
            [("client_id", &*world.client_id), ("client_secret", &*world.client_secret)];
        let challenge = doorward::crypto::digest::s256_challenge(VERIFIER);
        let authorize = query_of(&world, &challenge, &[("scope", "")]);
        for (path, more, code) in [
            (
                "oauth/token",
                vec![("grant_type", "refresh_token"), ("refresh_token", "x")],
                "invalid_scope",
            ),
            ("oauth/token", vec![("grant_type", "client_credentials")], "invalid_scope"),
            (
                "oauth/token",
                vec![("grant_type", "password"), ("username", EMAIL), ("password", "x")],
                "invalid_scope",
            ),
            ("oauth/device/code", vec![], "invalid_scope"),
            ("oauth/par", authorize.clone(), "invalid_request"),
        ] {
            let mut form = credentials.to_vec();
            form.extend(more.into_iter().filter(|(name, _)| *name != "client_id"));
            for (scope, told) in [(&long, (400, code)), (&huge, (413, "invalid_request"))] {
                // What is pushed has to fit into a cookie, and has a shorter limit.
                let told = if path == "oauth/par" { (413, code) } else { told };
                let form = [form.as_slice(), &[("scope", scope)]].concat();
                refused(&app.post_form(path, &form).await, told, &format!("{backend} {path}"));
            }
        }
        let form = [authorize.as_slice(), &[("scope", &huge)]].concat();
        refused(&app.post_form("authorize", &form).await, (413, "Invalid request"), backend);
        assert_eq!(app.get("health/ready").await.status, 200, "{backend}");
    }
}

/// A service that nobody may call, and how often it was.
async fn trap(location: String) -> (String, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let called = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&called);
    let answer = async move || {
        counter.fetch_add(1, Ordering::SeqCst);
        (StatusCode::FOUND, [(header::LOCATION, location)])
    };
    let router = Router::new().route("/", any(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, called)
}

/// Tells a URL of a logout, and returns why that failed.
async fn announced(app: &TestApp, world: &World, id: &str, url: &str) -> Value {
    let now = app.clock.now();
    let row = Announcement {
        id: id.to_owned(),
        client_id: ClientId::new(&world.client_id),
        user_id: UserId::new(&world.user_id),
        session_id: SessionId::new(id),
        url: url.to_owned(),
        attempts: 4,
        next_attempt_at: now,
    };
    let mut tx = app.inner.store.write().await.unwrap();
    backchannel_logouts::insert(&mut tx, &row, now).await.unwrap();
    tx.commit().await.unwrap();
    for _ in 0..1000 {
        app.inner.tokens.deliver_backchannel_logouts().await.unwrap();
        let found =
            app.management("GET", "/logs?q=type:oidc_backchannel_logout_failed", None).await;
        let events = found.ok();
        let mut events = events.as_array().unwrap().iter();
        if let Some(event) = events.find(|event| event["details"]["session_id"] == id) {
            return event["details"]["reason"].clone();
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("no end of {url}");
}

/// **Case 66**, calls to where only the server can go. CVE-2026-1180, Keycloak, CVE-2026-56739,
/// Logto: whoever registers an application had the server call its neighbours.
#[tokio::test]
async fn no_address_of_an_application_leads_into_the_private_network() {
    const PRIVATE: &[&str] = &[
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://10.1.2.3/",
        "https://172.16.0.1/",
        "https://192.168.1.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[fd00::1]/",
        "https://[fe80::1]/",
        "https://localhost/",
        "https://a.localhost/",
        "http://app.example/",
        "https://user:pass@app.example/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
    ];
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let (url, called) = trap(String::new()).await;
        let path = format!("/clients/{}", world.client_id);
        for url in PRIVATE.iter().chain([&url.as_str()]) {
            for name in ["oidc_logout", "oidc_backchannel_logout"] {
                let body = json!({ name: { "backchannel_logout_urls": [url] } });
                let answer = app.management("PATCH", &path, Some(body)).await;
                refused(&answer, (400, "invalid_body"), &format!("{backend} {url}"));
            }
            // Keys are registered, never fetched; nor is a client described by an address.
            for name in ["jwks_uri", "request_uris", "sector_identifier_uri"] {
                let answer = app.management("PATCH", &path, Some(json!({ name: url }))).await;
                refused(&answer, (400, "invalid_body"), &format!("{backend} {name}"));
            }
            let query = [("client_id", *url), ("redirect_uri", *url), ("response_type", "code")];
            let answer = ask(&app, "authorize", &query).await;
            refused(&answer, (400, "Unknown application"), &format!("{backend} {url}"));
        }
        // A name that has come to mean something else since it was registered.
        let port = url.trim_end_matches('/').rsplit(':').next().unwrap();
        for (id, url) in [
            ("literal", format!("https://127.0.0.1:{port}/")),
            ("name", format!("https://localhost:{port}/")),
        ] {
            assert_eq!(announced(&app, &world, id, &url).await, "private_address", "{backend}");
        }
        assert_eq!(announced(&app, &world, "plain", &url).await, "url", "{backend}");
        // A script of the operator's, though the host is on its list.
        let code = format!(
            "exports.onExecutePostLogin = async (event, api) => {{
               for (const url of ['{url}', 'https://127.0.0.1:{port}/', 'https://localhost:{port}/']) {{
                 let told;
                 try {{ told = 'got ' + (await fetch(url)).status; }} catch (e) {{ told = e.message; }}
                 if (!/not https|not a public address|not a host/.test(told)) api.access.deny(told);
               }}
             }};"
        );
        let hosts = Some(&["127.0.0.1", "localhost"][..]);
        app.bind_action_with(Trigger::PostLogin, "Fetch", &code, &[], hosts).await;
        app.log_in(&world).await;
        assert_eq!(called.load(Ordering::SeqCst), 0, "{backend}: somebody called");
    }
    // Where private addresses are allowed, a redirect still is no way on.
    for (backend, app) in each_backend_with("[outbound]\nallow_private = true\n").await {
        let world = app.world().await;
        let (target, reached) = trap(String::new()).await;
        let (first, called) = trap(target).await;
        assert_eq!(announced(&app, &world, "redirect", &first).await, "redirect", "{backend}");
        assert_eq!(called.load(Ordering::SeqCst), 1, "{backend}");
        assert_eq!(reached.load(Ordering::SeqCst), 0, "{backend}: the redirect was followed");
    }
}

/// **Case 66**, scripts of other sites. CVE-2026-4874, Keycloak: `Origin: null` was everybody's.
#[tokio::test]
async fn no_script_of_another_site_reads_an_answer() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let origins = json!({ "web_origins": ["https://app.example"] });
        app.patch_client(&world.client_id, origins).await;
        let token = text(&app.log_in(&world).await, "access_token").to_owned();
        let management = app.management_token().await;
        for path in [
            "oauth/token",
            "oauth/revoke",
            "oauth/device/code",
            "oauth/introspect",
            "oauth/par",
            "common/oauth2/token",
            "passwordless/start",
            "dbconnections/signup",
            "dbconnections/change_password",
            "userinfo",
            "authorize",
            "u/login",
            "api/v2/users",
            "api/v2/clients",
            "admin/config.json",
            "nowhere",
        ] {
            for origin in ["null", "https://evil.example", "https://app.example.evil.example", "*"]
            {
                let preflight = app.http.request(reqwest::Method::OPTIONS, app.url(path));
                let preflight = preflight.header("access-control-request-method", "POST");
                let bearer = if path.starts_with("api") { management } else { &token };
                let requests = [
                    preflight,
                    app.http.post(app.url(path)).form(&[("client_id", &world.client_id)]),
                    app.http.get(app.url(path)).bearer_auth(bearer),
                ];
                for request in requests {
                    let answer = app.send(request.header("origin", origin)).await;
                    for name in [
                        "access-control-allow-origin",
                        "access-control-allow-methods",
                        "access-control-allow-credentials",
                    ] {
                        assert_eq!(answer.header(name), "", "{backend} {path} {origin}");
                    }
                }
            }
        }
    }
}

/// **Case 66**, malformed addresses. GO-2024-3087, Casdoor, CVE-2021-32637, Authelia: what no browser
/// sends broke the server, or slipped past a check.
#[tokio::test]
async fn a_malformed_address_is_refused_and_breaks_nothing() {
    for (backend, app) in each_backend().await {
        let long = format!("/{}", "x".repeat(100_000));
        for target in [
            "/%00",
            "/%ff%fe",
            "/u/%00login",
            "/u/..%2fapi/v2/clients",
            "/u/../api/v2/clients",
            "//evil.example/",
            "/%2e%2e/%2e%2e/etc/passwd",
            "/api/v2/clients/%00",
            "/api/v2/clients/%ff",
            "/%ff/oauth2/authorize",
            "/authorize?client_id=%ff",
            "/authorize?client_id=%00",
            &long,
        ] {
            let answer = raw(&app, target).await;
            let status: u16 = answer.split(' ').nth(1).unwrap().parse().unwrap();
            assert!((400..500).contains(&status), "{backend} {target:.40}: {answer}");
            let answer = answer.to_ascii_lowercase();
            assert!(!answer.contains("\nlocation:"), "{backend} {target:.40}");
            for word in super::INTERNALS {
                assert!(!answer.contains(word), "{backend} {target:.40}: {answer}");
            }
        }
        assert_eq!(app.get("health/ready").await.status, 200, "{backend}");
    }
}

/// An answer to a request line that is sent as it is.
async fn raw(app: &TestApp, target: &str) -> String {
    let host = app.issuer.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
    let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    // A server that has heard enough may hang up before the end.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}
