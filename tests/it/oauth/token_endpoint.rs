//! `/oauth/token`: bodies, client authentication and bad input, whatever the grant.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

use crate::support::{BOOTSTRAP_ID, BOOTSTRAP_SECRET, TestApp, each_backend, fixtures::*};

fn audience(app: &TestApp) -> String {
    format!("{}api/v2/", app.issuer)
}

#[tokio::test]
async fn a_form_and_json_and_both_kinds_of_secret_are_taken() {
    for (backend, app) in each_backend().await {
        let audience = audience(&app);
        let json = json!({
            "grant_type": "client_credentials", "audience": audience,
            "client_id": BOOTSTRAP_ID, "client_secret": BOOTSTRAP_SECRET,
            "scope": ["read:clients"], "unknown": { "x": 1 },
        });
        let answer = app.send(app.http.post(app.url("oauth/token")).json(&json)).await;
        assert_eq!(answer.ok()["scope"], "read:clients", "{backend}");
        let form = [("grant_type", "client_credentials"), ("audience", audience.as_str())];
        let request = app.http.post(app.url("oauth/token")).form(&form);
        let request = request.basic_auth(BOOTSTRAP_ID, Some(BOOTSTRAP_SECRET));
        app.send(request).await.ok();
    }
}

#[tokio::test]
async fn who_the_client_is_must_be_proven_in_one_way() {
    for (backend, app) in each_backend().await {
        let audience = audience(&app);
        let grant = [("grant_type", "client_credentials"), ("audience", audience.as_str())];
        let id = ("client_id", BOOTSTRAP_ID);
        let cases = [
            (vec![], None, 401, "invalid_client"),
            (vec![id], None, 401, "invalid_client"),
            (vec![id, ("client_secret", "wrong")], None, 401, "invalid_client"),
            (vec![("client_id", "nobody"), ("client_secret", "x")], None, 401, "invalid_client"),
            (vec![], Some("wrong"), 401, "invalid_client"),
            (
                vec![("client_secret", BOOTSTRAP_SECRET)],
                Some(BOOTSTRAP_SECRET),
                400,
                "invalid_request",
            ),
            (vec![("client_id", "other")], Some(BOOTSTRAP_SECRET), 400, "invalid_request"),
        ];
        for (more, basic, status, error) in cases {
            let form = [grant.to_vec(), more.clone()].concat();
            let mut request = app.http.post(app.url("oauth/token")).form(&form);
            if let Some(secret) = basic {
                request = request.basic_auth(BOOTSTRAP_ID, Some(secret));
            }
            let answer = app.send(request).await;
            assert_eq!(answer.error(), (status, error.into()), "{backend} {more:?} {basic:?}");
            let challenged = !answer.header("www-authenticate").is_empty();
            assert_eq!(challenged, basic.is_some() && status == 401, "{backend} {more:?}");
        }
        for header in ["Basic !!!", "Basic", "Bearer x", &format!("Basic {}", STANDARD.encode("x"))]
        {
            let request = app.http.post(app.url("oauth/token")).form(&grant);
            let answer = app.send(request.header("authorization", header)).await;
            assert_eq!(answer.error(), (401, "invalid_client".into()), "{backend} {header}");
        }
    }
}

#[tokio::test]
async fn malformed_requests_get_the_error_of_this_surface() {
    const FORM: &str = "application/x-www-form-urlencoded";
    for (backend, app) in each_backend().await {
        let huge = "grant_type=".to_owned() + &"x".repeat(100 * 1024);
        let long_scope = format!(
            "grant_type=password&client_id=c&username=u&password=p&scope={}",
            "x ".repeat(10_000)
        );
        let cases = [
            ("text/plain", "grant_type=password", 400, "invalid_request"),
            ("", "grant_type=password", 400, "invalid_request"),
            ("application/json", "{", 400, "invalid_request"),
            ("application/json", "[]", 400, "invalid_request"),
            ("application/json", "{\"scope\":5}", 400, "invalid_request"),
            ("application/json", "{\"grant_type\":\"a\\u0000\"}", 400, "invalid_request"),
            (FORM, "", 400, "invalid_request"),
            (FORM, "grant_type=%ff", 400, "invalid_request"),
            (FORM, "grant_type=%00", 400, "invalid_request"),
            (FORM, "grant_type=a&grant_type=b", 400, "invalid_request"),
            (FORM, "grant_type=implicit", 400, "unsupported_grant_type"),
            (FORM, "grant_type=<svg onload=x>", 400, "unsupported_grant_type"),
            (FORM, huge.as_str(), 413, "invalid_request"),
            (FORM, "grant_type=password", 401, "invalid_client"),
            (FORM, long_scope.as_str(), 401, "invalid_client"),
        ];
        for (kind, body, status, error) in cases {
            let mut request = app.http.post(app.url("oauth/token")).body(body.to_owned());
            if !kind.is_empty() {
                request = request.header("content-type", kind);
            }
            let answer = app.send(request).await;
            assert_eq!(answer.error(), (status, error.into()), "{backend} {kind} {body:.60}");
            assert_eq!(answer.header("cache-control"), "no-store", "{backend} {body:.60}");
            assert!(!answer.text.contains("<svg"), "{backend}");
        }
        for method in ["GET", "PUT", "DELETE"] {
            let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
            let answer = app.send(app.http.request(method, app.url("oauth/token"))).await;
            assert_eq!(answer.error(), (405, "invalid_request".into()), "{backend}");
        }
    }
}

#[tokio::test]
async fn an_oversized_scope_is_refused_before_anything_happens() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let token = text(&app.log_in(&world).await, "refresh_token").to_owned();
        let scope = "x".repeat(20_000);
        let answer = app.refresh(&world, &token, &[("scope", &scope)]).await;
        assert_eq!(answer.error(), (400, "invalid_scope".into()), "{backend}");
        let audience = "x".repeat(601);
        let answer = app.refresh(&world, &token, &[("audience", &audience)]).await;
        assert_eq!(answer.error(), (400, "invalid_request".into()), "{backend}");
        app.refresh(&world, &token, &[]).await.ok();
    }
}

#[tokio::test]
async fn azure_ad_clients_find_the_same_endpoints() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let token = text(&app.log_in(&world).await, "refresh_token").to_owned();
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", world.client_id.as_str()),
            ("refresh_token", token.as_str()),
            ("resource", BILLING),
        ];
        let answer = app.post_form("tenant1/oauth2/token", &form).await.ok();
        assert_eq!(answer["resource"], BILLING, "{backend}: the marker ADAL looks for");
        let page = app.get("tenant1/oauth2/authorize").await;
        assert_eq!(page.status, 400, "{backend}: the authorization endpoint, without client_id");
        assert!(page.text.contains("client_id"), "{backend}");
    }
}
