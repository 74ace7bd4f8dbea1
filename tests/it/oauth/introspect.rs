//! `/oauth/introspect` (RFC 7662).

use serde_json::{Value, json};

use crate::support::{Answer, TestApp, each_backend, fixtures::*, payload};

/// The application, which from now on keeps a secret.
async fn confidential(app: &TestApp, world: &World) {
    let change =
        json!({ "app_type": "regular_web", "token_endpoint_auth_method": "client_secret_post" });
    app.patch_client(&world.client_id, change).await;
}

async fn introspect(app: &TestApp, world: &World, token: &str) -> Answer {
    introspect_as(app, (&world.client_id, &world.client_secret), token).await
}

async fn introspect_as(app: &TestApp, (id, secret): (&str, &str), token: &str) -> Answer {
    let form = [("client_id", id), ("client_secret", secret), ("token", token)];
    app.post_form("oauth/introspect", &form).await
}

#[track_caller]
fn is_inactive(answer: &Answer, why: &str) {
    assert_eq!((answer.status, answer.text.as_str()), (200, r#"{"active":false}"#), "{why}");
    assert_eq!(answer.header("cache-control"), "no-store", "{why}");
}

fn secret_of(client: &Value) -> (&str, &str) {
    (text(client, "client_id"), text(client, "client_secret"))
}

#[tokio::test]
async fn a_refresh_token_is_active_for_its_own_client_until_it_is_spent() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let login = app.log_in(&world).await;
        confidential(&app, &world).await;
        let first = text(&login, "refresh_token").to_owned();
        let answer = introspect(&app, &world, &first).await;
        let shown = answer.ok();
        assert_eq!(answer.header("cache-control"), "no-store", "{backend}");
        let (iat, exp) = (shown["iat"].as_i64().unwrap(), shown["exp"].as_i64().unwrap());
        assert_eq!(exp - iat, 500, "{backend}: the idle end is the first");
        let scope = text(&shown, "scope").to_owned();
        assert!(scope.contains("read:messages"), "{backend}: {scope}");
        let expected = json!({
            "active": true, "token_type": "refresh_token", "client_id": world.client_id,
            "sub": world.user_id, "aud": MESSAGES, "scope": scope, "iat": iat, "exp": exp,
        });
        assert_eq!(shown, expected, "{backend}");

        let secret = ("client_secret", world.client_secret.as_str());
        let rotated = app.refresh(&world, &first, &[secret]).await;
        let second = rotated.text_of("refresh_token");
        app.clock.advance_seconds(60);
        is_inactive(&introspect(&app, &world, &first).await, backend);
        // Asking about the spent one was no reuse.
        assert_eq!(introspect(&app, &world, &second).await.ok()["active"], true, "{backend}");
        let third = app.refresh(&world, &second, &[secret]).await.text_of("refresh_token");
        // It does not keep a token alive either.
        app.clock.advance_seconds(499);
        assert_eq!(introspect(&app, &world, &third).await.ok()["active"], true, "{backend}");
        app.clock.advance_seconds(2);
        is_inactive(&introspect(&app, &world, &third).await, "idle");
    }
}

#[tokio::test]
async fn a_refresh_token_is_nobody_elses_business_and_asking_ends_nothing() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let login = app.log_in(&world).await;
        confidential(&app, &world).await;
        let token = text(&login, "refresh_token");
        let other = app.add_client(json!({ "app_type": "regular_web" })).await;
        is_inactive(&introspect_as(&app, secret_of(&other), token).await, backend);
        let last = token.len() - 1;
        let forged = format!("{}{}", &token[..last], if token.ends_with('A') { 'Q' } else { 'A' });
        for garbage in ["garbage", "v1.AAAA", "a.b.c", forged.as_str(), text(&login, "id_token")] {
            is_inactive(&introspect(&app, &world, garbage).await, garbage);
        }
        assert_eq!(introspect(&app, &world, token).await.ok()["active"], true, "{backend}");

        let user = format!("/users/{}", world.user_id.replace('|', "%7C"));
        let revoke = [
            ("client_id", world.client_id.as_str()),
            ("client_secret", &world.client_secret),
            ("token", token),
        ];
        assert_eq!(app.post_form("oauth/revoke", &revoke).await.status, 200, "{backend}");
        is_inactive(&introspect(&app, &world, token).await, "revoked");
        app.management("PATCH", &user, Some(json!({ "blocked": true }))).await.ok();
        is_inactive(&introspect(&app, &world, token).await, "blocked");
        let access = text(&login, "access_token");
        is_inactive(&introspect(&app, &world, access).await, "blocked");
        app.management("PATCH", &user, Some(json!({ "blocked": false }))).await.ok();
        assert_eq!(introspect(&app, &world, access).await.ok()["active"], true, "{backend}");
        app.management("DELETE", &user, None).await;
        is_inactive(&introspect(&app, &world, access).await, "deleted");
    }
}

#[tokio::test]
async fn an_access_token_is_active_for_its_client_and_its_api() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let login = app.log_in(&world).await;
        confidential(&app, &world).await;
        let access = text(&login, "access_token");
        let claims = payload(access);
        let server = |audience: &str| {
            json!({ "name": "API", "app_type": "resource_server", "callbacks": [],
                "grant_types": [], "allowed_logout_urls": [],
                "resource_server_identifier": audience })
        };
        let messages = app.add_client(server(MESSAGES)).await;
        let billing = app.add_client(server(BILLING)).await;
        let expected = json!({
            "active": true, "token_type": "Bearer", "client_id": world.client_id,
            "sub": world.user_id, "iss": app.issuer, "aud": claims["aud"],
            "scope": claims["scope"], "iat": claims["iat"], "exp": claims["exp"],
        });
        assert_eq!(introspect(&app, &world, access).await.ok(), expected, "{backend}");
        let asked = introspect_as(&app, secret_of(&messages), access).await.ok();
        assert_eq!(asked, expected, "{backend}");
        is_inactive(&introspect_as(&app, secret_of(&billing), access).await, "another API");
        // The identifier alone makes no resource server.
        let mut app_of_api = server(MESSAGES);
        app_of_api["app_type"] = "regular_web".into();
        let answer = app.management("POST", "/clients", Some(app_of_api)).await;
        if answer.status == 201 {
            let client = answer.json();
            is_inactive(&introspect_as(&app, secret_of(&client), access).await, backend);
        }
        let of_a_machine = app.management_token().await.to_owned();
        let bootstrap = (crate::support::BOOTSTRAP_ID, crate::support::BOOTSTRAP_SECRET);
        let own = introspect_as(&app, bootstrap, &of_a_machine).await.ok();
        assert_eq!(own["sub"], format!("{}@clients", bootstrap.0), "{backend}");
        is_inactive(&introspect(&app, &world, &of_a_machine).await, "another client");
        let last = access.rfind('.').unwrap() + 1;
        let forged = format!("{}{}", &access[..last], "A".repeat(access.len() - last));
        is_inactive(&introspect(&app, &world, &forged).await, "forged");
        app.clock.advance_seconds(86_401);
        is_inactive(&introspect(&app, &world, access).await, "expired");
    }
}

#[tokio::test]
async fn introspection_takes_a_secret_that_is_one() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let login = app.log_in(&world).await;
        let token = text(&login, "refresh_token");
        let (id, secret) = (world.client_id.as_str(), world.client_secret.as_str());
        // A public client: with the secret that everybody has, and without.
        let answer = introspect(&app, &world, token).await;
        assert_eq!(answer.error(), (401, "invalid_client".into()), "{backend}");
        let form = [("client_id", id), ("token", token)];
        let answer = app.post_form("oauth/introspect", &form).await;
        assert_eq!(answer.error(), (401, "invalid_client".into()), "{backend}");

        confidential(&app, &world).await;
        let answer = app.post_form("oauth/introspect", &form).await;
        assert_eq!(answer.error(), (401, "invalid_client".into()), "{backend}: no secret");
        let answer = introspect_as(&app, (id, "wrong"), token).await;
        assert_eq!(answer.error(), (401, "invalid_client".into()), "{backend}");
        let answer = introspect_as(&app, ("nobody", "wrong"), token).await;
        assert_eq!(answer.error(), (401, "invalid_client".into()), "{backend}");
        let answer = app.post_form("oauth/introspect", &[("token", token)]).await;
        assert_eq!(answer.error(), (401, "invalid_client".into()), "{backend}");
        let form = [("client_id", id), ("client_secret", secret)];
        let answer = app.post_form("oauth/introspect", &form).await;
        assert_eq!(answer.error(), (400, "invalid_request".into()), "{backend}: no token");
        assert_eq!(app.get("oauth/introspect").await.status, 405, "{backend}");

        let body = json!({ "token": token, "token_type_hint": "access_token" });
        let request = app.http.post(app.url("oauth/introspect")).basic_auth(id, Some(secret));
        let answer = app.send(request.json(&body)).await;
        assert_eq!(answer.ok()["active"], true, "{backend}: Basic, JSON and a wrong hint");
    }
}
