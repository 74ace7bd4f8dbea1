//! `/userinfo` (OIDC Core §5.3).

use serde_json::json;

use crate::support::{TestApp, each_backend, fixtures::*};

#[tokio::test]
async fn it_answers_what_the_scope_releases() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let path = format!("/users/{}", world.user_id.replace('|', "%7C"));
        let profile = json!({
            "family_name": "Lovelace", "phone_number": "+4412345",
            "user_metadata": { "address": { "country": "UK" } },
        });
        app.management("PATCH", &path, Some(profile)).await.ok();
        let scope = "openid name email family_name address phone_number";
        let login = app.log_in_for(&world, &[("scope", scope)]).await;
        assert_eq!(login["scope"], scope, "{backend}");
        let token = text(&login, "access_token");
        let expected = json!({
            "sub": world.user_id, "name": EMAIL, "email": EMAIL, "email_verified": false,
            "family_name": "Lovelace", "address": { "country": "UK" },
            "phone_number": "+4412345", "phone_number_verified": false,
        });
        for method in [reqwest::Method::GET, reqwest::Method::POST] {
            let request = app.http.request(method, app.url("userinfo")).bearer_auth(token);
            assert_eq!(app.send(request).await.ok(), expected, "{backend}");
        }
        let body = app.post_form("userinfo", &[("access_token", token)]).await;
        assert_eq!(body.ok(), expected, "{backend}: RFC 6750 §2.2");
    }
}

#[tokio::test]
async fn its_errors() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let ask = |token: String| app.send(app.http.get(app.url("userinfo")).bearer_auth(token));
        let none = app.get("userinfo").await;
        assert_eq!((none.status, none.header("www-authenticate")), (401, "Bearer"), "{backend}");
        let login = app.log_in(&world).await;
        let narrow = [("scope", "read:messages")];
        let narrow = app.refresh(&world, text(&login, "refresh_token"), &narrow).await;
        let good = text(&login, "access_token").to_owned();
        let (head, signature) = good.rsplit_once('.').unwrap();
        let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", good.split('.').nth(1).unwrap());
        for (what, token) in [
            ("no JWT", "x".to_owned()),
            ("no openid", narrow.text_of("access_token")),
            ("an ID token", text(&login, "id_token").to_owned()),
            ("a Management API token", app.management_token().await.to_owned()),
            (
                "another signature",
                format!("{head}.{}", signature.chars().rev().collect::<String>()),
            ),
            ("alg none", unsigned),
        ] {
            let answer = ask(token).await;
            assert_eq!(answer.error(), (401, "invalid_token".into()), "{backend}: {what}");
            assert!(answer.header("www-authenticate").contains("invalid_token"), "{backend}");
        }
        ask(good.clone()).await.ok();
        app.clock.advance_seconds(86_401);
        assert_eq!(ask(good).await.status, 401, "{backend}: expired");
    }
}

#[tokio::test]
async fn a_blocked_or_deleted_user_has_no_claims() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let login = app.log_in(&world).await;
        let path = format!("/users/{}", world.user_id.replace('|', "%7C"));
        app.management("PATCH", &path, Some(json!({ "blocked": true }))).await.ok();
        let ask = |app: &TestApp| {
            app.http.get(app.url("userinfo")).bearer_auth(text(&login, "access_token"))
        };
        assert_eq!(app.send(ask(&app)).await.status, 401, "{backend}");
        app.management("DELETE", &path, None).await;
        assert_eq!(app.send(ask(&app)).await.status, 401, "{backend}");
    }
}
