//! Discovery, keys, health and CORS.

use std::sync::atomic::Ordering;

use reqwest::Method;
use serde_json::json;

use crate::support::each_backend;

#[tokio::test]
async fn the_document_names_endpoints_that_answer() {
    for (backend, app) in each_backend().await {
        let document = app.get(".well-known/openid-configuration").await.ok();
        assert_eq!(document["issuer"], app.issuer, "{backend}");
        let twin = app.get(".well-known/oauth-authorization-server").await.ok();
        assert_eq!(document, twin, "{backend}");
        for (name, value) in document.as_object().unwrap() {
            if name.ends_with("_endpoint") || name == "jwks_uri" {
                let url = value.as_str().unwrap();
                let status = app.http.get(url).send().await.unwrap().status().as_u16();
                assert_ne!(status, 404, "{backend}: {name} {url}");
            }
        }
        assert!(document.get("registration_endpoint").is_none(), "{backend}");
    }
}

#[tokio::test]
async fn the_key_set_has_public_members_only() {
    for (backend, app) in each_backend().await {
        let set = app.get(".well-known/jwks.json").await.ok();
        let keys = set["keys"].as_array().unwrap();
        assert_eq!(keys.len(), 2, "{backend}: current and next");
        for key in keys {
            let members: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
            let expected = ["alg", "e", "kid", "kty", "n", "use", "x5c", "x5t"];
            assert_eq!(members, expected, "{backend}");
            assert_eq!(
                (&key["kty"], &key["use"], &key["alg"]),
                (&json!("RSA"), &json!("sig"), &json!("RS256"))
            );
        }
    }
}

#[tokio::test]
async fn health_tells_live_from_ready() {
    for (backend, app) in each_backend().await {
        assert_eq!(app.get("health/live").await.status, 200, "{backend}");
        assert_eq!(app.get("health/ready").await.status, 200, "{backend}");
        app.inner.draining.store(true, Ordering::SeqCst);
        assert_eq!(app.get("health/ready").await.status, 503, "{backend}");
        assert_eq!(app.get("health/live").await.status, 200, "{backend}");
    }
}

#[tokio::test]
async fn without_a_database_the_server_says_so_and_nothing_else() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        app.inner.store.close().await;
        assert_eq!(app.get("health/ready").await.status, 503, "{backend}");
        for path in ["oauth/token", "oauth/revoke"] {
            let form = [
                ("grant_type", "refresh_token"),
                ("client_id", world.client_id.as_str()),
                ("refresh_token", "v1.x"),
                ("token", "v1.x"),
            ];
            let mut answer = app.post_form(path, &form).await;
            // The client may still be in memory; a garbage token then needs no database.
            if answer.status != 503 {
                let other = [("grant_type", "refresh_token"), ("client_id", "x"), ("token", "x")];
                answer = app.post_form(path, &other).await;
            }
            let expected = (503, "temporarily_unavailable".to_owned());
            assert_eq!(answer.error(), expected, "{backend} {path}");
            assert_eq!(answer.header("retry-after"), "1", "{backend}");
        }
        let answer = app.get("authorize?client_id=x").await;
        assert_eq!(answer.status, 503, "{backend}");
        assert!(!answer.text.to_lowercase().contains("sql"), "{backend}");
    }
}

#[tokio::test]
async fn only_registered_origins_may_call_from_scripts() {
    for (backend, app) in each_backend().await {
        app.world().await;
        let preflight = |path: &'static str, origin: &'static str| {
            let request = app.http.request(Method::OPTIONS, app.url(path));
            app.send(
                request
                    .header("origin", origin)
                    .header("access-control-request-method", "POST")
                    .header("access-control-request-headers", "auth0-client"),
            )
        };
        let allowed = preflight("oauth/token", "https://app.example").await;
        assert_eq!(allowed.status, 204, "{backend}");
        assert_eq!(allowed.header("access-control-allow-origin"), "https://app.example");
        assert!(allowed.header("access-control-allow-headers").contains("auth0-client"));
        for origin in ["https://evil.example", "null", "https://app.example.evil.example"] {
            let refused = preflight("oauth/token", origin).await;
            assert_eq!(refused.header("access-control-allow-origin"), "", "{backend} {origin}");
            assert_eq!(refused.header("vary"), "Origin", "{backend}");
        }
        // An error that the script may not read would look like a network failure.
        let request = app.http.post(app.url("oauth/token")).form(&[("grant_type", "x")]);
        let error = app.send(request.header("origin", "https://app.example")).await;
        assert_eq!(error.status, 400, "{backend}");
        assert_eq!(error.header("access-control-allow-origin"), "https://app.example");
        // Public documents are for everybody; the Management API is for no script.
        let request = app.http.get(app.url(".well-known/jwks.json"));
        let keys = app.send(request.header("origin", "https://x.example")).await;
        assert_eq!(keys.header("access-control-allow-origin"), "*", "{backend}");
        let request = app.http.get(app.url("api/v2/clients"));
        let management = app.send(request.header("origin", "https://app.example")).await;
        assert_eq!(management.header("access-control-allow-origin"), "", "{backend}");
        // A callback added later counts at once.
        app.add_client(json!({ "callbacks": ["http://localhost:5173/cb"] })).await;
        let added = preflight("userinfo", "http://localhost:5173").await;
        assert_eq!(added.header("access-control-allow-origin"), "http://localhost:5173");
    }
}

#[tokio::test]
async fn every_answer_has_a_request_id() {
    for (backend, app) in each_backend().await {
        for path in ["health/live", "nowhere", "api/v2/nowhere", "oauth/token"] {
            let answer = app.get(path).await;
            assert_eq!(answer.header("x-request-id").len(), 16, "{backend} {path}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{backend} {path}");
        }
    }
}
