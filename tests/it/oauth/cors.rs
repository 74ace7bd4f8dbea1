//! What scripts of other origins may call, and read.

use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::support::{Answer, TestApp, each_backend, fixtures::*};

const APP: &str = "https://app.example";

async fn preflight(app: &TestApp, path: &str, origin: &str) -> Answer {
    let request = app.http.request(Method::OPTIONS, app.url(path)).header("origin", origin);
    let request = request.header("access-control-request-method", "POST");
    app.send(request.header("access-control-request-headers", "auth0-client,content-type,dpop"))
        .await
}

#[track_caller]
fn assert_readable(answer: &Answer, what: &str) {
    assert_eq!(answer.header("access-control-allow-origin"), APP, "{what}");
    assert_eq!(answer.header("vary"), "Origin", "{what}");
    let exposed = answer.header("access-control-expose-headers");
    for name in [
        "DPoP-Nonce",
        "Retry-After",
        "WWW-Authenticate",
        "X-RateLimit-Limit",
        "X-RateLimit-Remaining",
        "X-RateLimit-Reset",
        "X-Request-Id",
    ] {
        assert!(exposed.split(", ").any(|exposed| exposed == name), "{what}: {name}");
    }
}

#[tokio::test]
async fn a_preflight_allows_what_sdks_send() {
    for (backend, app) in each_backend().await {
        app.world().await;
        let all = ["auth0-client", "content-type", "dpop", "authorization"];
        for (path, methods, headers) in [
            ("oauth/token", "POST", &all[..]),
            ("common/oauth2/token", "POST", &all[..]),
            ("oauth/revoke", "POST", &all[..]),
            ("userinfo", "GET, POST", &all[..]),
            (".well-known/webfinger", "GET", &all[..1]),
        ] {
            let answer = preflight(&app, path, APP).await;
            assert_eq!((answer.status, answer.text.as_str()), (204, ""), "{backend} {path}");
            assert_readable(&answer, path);
            assert_eq!(answer.header("access-control-allow-methods"), methods, "{path}");
            let allowed = answer.header("access-control-allow-headers");
            for name in headers {
                assert!(allowed.split(", ").any(|allowed| allowed == *name), "{path}: {name}");
            }
            assert_eq!(answer.header("access-control-allow-credentials"), "", "{path}");
        }
        for path in ["openid-configuration", "oauth-authorization-server", "jwks.json"] {
            let answer = preflight(&app, &format!(".well-known/{path}"), "https://x.example").await;
            assert_eq!(answer.header("access-control-allow-origin"), "*", "{backend} {path}");
            assert_eq!(answer.header("access-control-allow-methods"), "GET", "{backend} {path}");
        }
        for path in ["oauth/introspect", "api/v2/clients", "u/login", "authorize", "oidc/logout"] {
            let answer = preflight(&app, path, APP).await;
            assert_eq!(answer.header("access-control-allow-origin"), "", "{backend} {path}");
        }
    }
}

#[tokio::test]
async fn every_error_can_be_read_by_the_script_that_caused_it() {
    for (backend, app) in each_backend().await {
        app.world().await;
        let post = |path: &str| app.http.post(app.url(path));
        let get = |path: &str| app.http.get(app.url(path));
        let long = "x".repeat(70_000);
        let cases: Vec<(&str, RequestBuilder, u16)> = vec![
            ("unknown grant", post("oauth/token").form(&[("grant_type", "x")]), 400),
            (
                "unknown client",
                post("oauth/token").form(&[("grant_type", "refresh_token"), ("client_id", "x")]),
                401,
            ),
            ("no token", get("userinfo"), 401),
            ("too long", post("oauth/token").form(&[("grant_type", long.as_str())]), 413),
            ("wrong method", get("oauth/token"), 405),
            ("wrong method", app.http.delete(app.url("userinfo")), 405),
            ("wrong media type", post("oauth/revoke").body("x"), 400),
            ("unknown path", post("oauth/token/x"), 404),
            ("unknown path", get("userinfo/x"), 404),
            ("alias", post("common/oauth2/token").form(&[("grant_type", "x")]), 400),
            ("not federated", get(".well-known/webfinger?resource=acct:a@b.example"), 404),
        ];
        for (what, request, status) in cases {
            let answer = app.send(request.header("origin", APP)).await;
            assert_eq!(answer.status, status, "{backend} {what}");
            assert_readable(&answer, what);
        }
        // Without a database the origins known last still count.
        app.inner.store.close().await;
        let form = [("grant_type", "refresh_token"), ("client_id", "x"), ("refresh_token", "x")];
        let answer = app.send(post("oauth/token").form(&form).header("origin", APP)).await;
        assert_eq!(answer.status, 503, "{backend}");
        assert_readable(&answer, "no database");
    }
}

#[tokio::test]
async fn an_origin_is_registered_whole_or_by_subdomain() {
    for (backend, app) in each_backend().await {
        app.add_client(json!({
            "callbacks": ["https://*.cb.example/cb", "https://App.example:443/cb", "com.example:/x"],
            "allowed_origins": ["https://*.api.example", "http://localhost:3000"],
            "web_origins": ["https://web-*.example.com"],
        }))
        .await;
        for origin in [
            "https://app.example",
            "https://a.cb.example",
            "https://tenant-1.api.example",
            "http://localhost:3000",
            "https://web-pr1.example.com",
        ] {
            let answer = preflight(&app, "oauth/token", origin).await;
            assert_eq!(answer.header("access-control-allow-origin"), origin, "{backend}");
        }
        for origin in [
            "null",
            "https://evil.example",
            "https://fooXapi.example",
            "https://evilapi.example",
            "https://api.example",
            "https://a.b.api.example",
            "https://*.api.example",
            "https://a.api.example.evil.example",
            "http://a.api.example",
            "https://a.api.example:8443",
            "http://localhost.evil",
            "http://localhost",
            "https://app.example.",
            "HTTPS://app.example",
            "com.example:",
            "",
        ] {
            let answer = preflight(&app, "oauth/token", origin).await;
            assert_eq!(answer.header("access-control-allow-origin"), "", "{backend} {origin}");
            assert_eq!(answer.header("access-control-allow-methods"), "", "{backend} {origin}");
            assert_eq!(answer.header("vary"), "Origin", "{backend} {origin}");
            let call = app.http.post(app.url("oauth/token")).header("origin", origin);
            let answer = app.send(call.form(&[("grant_type", "x")])).await;
            assert_eq!(answer.header("access-control-allow-origin"), "", "{backend} {origin}");
        }
    }
}

#[tokio::test]
async fn a_placeholder_must_stand_for_one_subdomain_of_one_owner() {
    for (backend, app) in each_backend().await {
        for name in ["callbacks", "allowed_logout_urls", "allowed_origins", "web_origins"] {
            for bad in [
                "https://*.com",
                "https://*.co.uk",
                "https://*.github.io",
                "https://*",
                "https://a.*.example.com",
                "https://*.*.example.com",
                "https://*example.com",
                "com.example.app://*.example.com",
            ] {
                let body = json!({ "name": "x", name: [bad] });
                let answer = app.management("POST", "/clients", Some(body)).await;
                assert_eq!(answer.status, 400, "{backend} {name} {bad}");
            }
            app.add_client(json!({ name: ["https://*.example.com"] })).await;
        }
    }
}

#[tokio::test]
async fn a_callback_with_a_placeholder_takes_one_subdomain() {
    for (backend, app) in each_backend().await {
        let callbacks = json!({ "callbacks": ["https://*.cb.example/cb", CALLBACK] });
        let client = app.add_client(callbacks).await;
        let go = async |uri: &str| {
            let id = text(&client, "client_id");
            let uri: String = url::form_urlencoded::byte_serialize(uri.as_bytes()).collect();
            let challenge = doorward::crypto::digest::s256_challenge(VERIFIER);
            app.get(&format!(
                "authorize?client_id={id}&response_type=code&prompt=none&redirect_uri={uri}\
                 &code_challenge={challenge}&code_challenge_method=S256"
            ))
            .await
        };
        let answer = go("https://a.cb.example/cb").await;
        assert!(answer.header("location").starts_with("https://a.cb.example/cb?"), "{backend}");
        for bad in [
            "https://*.cb.example/cb",
            "https://a.b.cb.example/cb",
            "https://evilcb.example/cb",
            "https://fooXcb.example/cb",
            "https://evil.example/.cb.example/cb",
            "https://a.cb.example/cb/",
            "https://a.cb.example/cb?x=1",
            "https://a@b.cb.example/cb",
        ] {
            let answer = go(bad).await;
            assert_eq!((answer.status, answer.header("location")), (400, ""), "{backend} {bad}");
        }
    }
}
