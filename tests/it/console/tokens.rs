//! What a token of a user opens, from one moment to the next.

use doorward::{app::administrators::Post, domain::role};
use serde_json::json;

use super::{CONSOLE, administrator, appoint, entrust, permissions, refusal, token_of};
use crate::support::{
    TestApp, each_backend, each_backend_with,
    fixtures::{EMAIL, text},
    payload,
};

#[tokio::test]
async fn a_viewer_reads_and_changes_nothing() {
    for (backend, app) in each_backend().await {
        let client = app.add_client(json!({})).await;
        let path = format!("/clients/{}", text(&client, "client_id"));
        appoint(&app, "vera@example.com", Post::Viewer).await;
        let token = token_of(&app, "vera@example.com").await;
        for path in ["/clients", "/users", "/roles", "/logs", "/keys/signing", "/tenants/settings"]
        {
            assert_eq!(app.management_as(&token, "GET", path, None).await.status, 200, "{path}");
        }
        let shown = app.management_as(&token, "GET", &path, None).await.ok();
        assert!(shown.get("client_secret").is_none(), "{backend}: {shown}");
        let edited = app.management_as(&token, "PATCH", &path, Some(json!({ "name": "x" }))).await;
        let (status, code, _) = refusal(&edited);
        assert_eq!((status, code.as_str()), (403, "insufficient_scope"), "{backend}");
        let path = format!("{path}/rotate-secret");
        let rotated = app.management_as(&token, "POST", &path, None).await;
        assert_eq!(rotated.status, 403, "{backend}");
    }
}

#[tokio::test]
async fn an_administrator_writes_and_the_trail_names_the_user() {
    for (backend, app) in each_backend().await {
        let (user, token) = administrator(&app).await;
        let body = json!({ "name": "Made at the console", "app_type": "spa" });
        let made = app.management_as(&token, "POST", "/clients", Some(body)).await;
        let client = TestApp::created(&made);
        app.inner.login.audit.flush().await;
        let logs = app.management("GET", "/logs?q=type:sapi", None).await.ok();
        let logs = logs.as_array().unwrap();
        let about = |log: &&serde_json::Value| log["details"]["id"] == client["client_id"];
        let log = logs.iter().find(about).unwrap_or_else(|| panic!("{backend}: {logs:?}"));
        assert_eq!((&log["user_id"], &log["client_id"]), (&json!(user), &json!(CONSOLE)));
        let appointed = logs.iter().find(|log| {
            log["user_id"] == user.as_str()
                && log["details"]["operation"] == "administrator_appointed"
        });
        let details = &appointed.unwrap_or_else(|| panic!("{backend}: {logs:?}"))["details"];
        assert_eq!(details["role"], role::ADMINISTRATOR, "{backend}");
        assert_eq!((&details["created"], &details["password_set"]), (&json!(true), &json!(true)));

        // And what was refused.
        let body = json!({ "name": 7 });
        let refused = app.management_as(&token, "POST", "/clients", Some(body)).await;
        assert_eq!(refused.status, 400, "{backend}");
        app.inner.login.audit.flush().await;
        let logs = app.management("GET", "/logs?q=type:fapi", None).await.ok();
        assert_eq!(logs[0]["user_id"], user.as_str(), "{backend}: {logs}");
    }
}

#[tokio::test]
async fn a_role_that_is_taken_away_opens_nothing_from_then_on() {
    for (backend, app) in each_backend().await {
        let (user, token) = administrator(&app).await;
        assert_eq!(app.management_as(&token, "GET", "/clients", None).await.status, 200);
        let body = json!({ "roles": [role::ADMINISTRATOR] });
        let path = format!("/users/{user}/roles");
        assert_eq!(app.management("DELETE", &path, Some(body)).await.status, 204, "{backend}");
        let (status, code, message) =
            refusal(&app.management_as(&token, "GET", "/roles", None).await);
        assert_eq!((status, code.as_str()), (403, "insufficient_scope"), "{backend}");
        assert_eq!(message, "Insufficient scope, expected any of: read:roles", "{backend}");
        // What is given back counts again, as far as the token was for it.
        let body = permissions(&app, &["read:roles"]);
        let path = format!("/users/{user}/permissions");
        TestApp::created(&app.management("POST", &path, Some(body)).await);
        assert_eq!(app.management_as(&token, "GET", "/roles", None).await.status, 200);
        assert_eq!(app.management_as(&token, "GET", "/users", None).await.status, 403);
    }
}

#[tokio::test]
async fn who_is_blocked_or_removed_is_out_at_once() {
    for (backend, app) in each_backend().await {
        let gone = (401, String::new(), "The user of this token was removed or blocked".to_owned());
        let (user, token) = administrator(&app).await;
        let path = format!("/users/{user}");
        app.management("PATCH", &path, Some(json!({ "blocked": true }))).await.ok();
        assert_eq!(refusal(&app.management_as(&token, "GET", "/clients", None).await), gone);
        app.management("PATCH", &path, Some(json!({ "blocked": false }))).await.ok();
        assert_eq!(app.management_as(&token, "GET", "/clients", None).await.status, 200);
        assert_eq!(app.management("DELETE", &path, None).await.status, 204, "{backend}");
        let answer = app.management_as(&token, "GET", "/clients", None).await;
        assert_eq!(refusal(&answer), gone, "{backend}");
        assert!(!answer.header("www-authenticate").is_empty(), "{backend}");
    }
}

#[tokio::test]
async fn a_token_expires_after_ten_minutes() {
    for (backend, app) in each_backend().await {
        let (_, token) = administrator(&app).await;
        app.clock.advance_seconds(590);
        assert_eq!(app.management_as(&token, "GET", "/clients", None).await.status, 200);
        app.clock.advance_seconds(11);
        let (status, _, message) =
            refusal(&app.management_as(&token, "GET", "/clients", None).await);
        assert_eq!(status, 401, "{backend}: {message}");
    }
}

#[tokio::test]
async fn a_token_of_a_user_from_anywhere_else_opens_nothing() {
    for (backend, app) in each_backend().await {
        let (user, token) = administrator(&app).await;
        // Signed by this server for another application, as if one had slipped through.
        let api = app.inner.store.api(&app.inner.settings.management_audience()).await.unwrap();
        let client = doorward::domain::ClientId::new("another");
        let scope = doorward::domain::scope::ScopeSet::parse("read:clients");
        let forged = doorward::token::mint::AccessToken {
            subject: &user,
            client_id: &client,
            api: Some(&api.unwrap().api),
            scope: &scope,
            permissions: None,
            gty: None,
            organization_id: None,
            for_web: false,
            confirmation: None,
            custom: None,
        };
        let (forged, _) = app.inner.tokens.mint_access_token(&forged).unwrap();
        assert_eq!(payload(&forged)["sub"], payload(&token)["sub"]);
        let answer = app.management_as(&forged, "GET", "/clients", None).await;
        assert_eq!(refusal(&answer), (401, String::new(), "Invalid token".to_owned()), "{backend}");
    }
}

#[tokio::test]
async fn people_do_not_starve_each_other() {
    let file = "[management]\nrequests_per_second = 1\nburst = 3";
    for (backend, app) in each_backend_with(file).await {
        appoint(&app, EMAIL, Post::Viewer).await;
        appoint(&app, "vera@example.com", Post::Viewer).await;
        let (ada, vera) = (token_of(&app, EMAIL).await, token_of(&app, "vera@example.com").await);
        let mut last = 200;
        for _ in 0..60 {
            last = app.management_as(&ada, "GET", "/roles", None).await.status;
            if last == 429 {
                break;
            }
        }
        assert_eq!(last, 429, "{backend}");
        assert_eq!(app.management_as(&vera, "GET", "/roles", None).await.status, 200, "{backend}");
    }
}

#[tokio::test]
async fn an_operator_makes_finer_roles() {
    for (backend, app) in each_backend().await {
        let (_, token) = administrator(&app).await;
        let body = json!({ "name": "Support" });
        let role = app.management_as(&token, "POST", "/roles", Some(body)).await.ok();
        let path = format!("/roles/{}/permissions", text(&role, "id"));
        let body = permissions(&app, &["read:users", "update:users"]);
        TestApp::created(&app.management_as(&token, "POST", &path, Some(body)).await);
        let user = entrust(&app, "sam@example.com", &["read:logs"]).await;
        let body = json!({ "roles": [role["id"]] });
        let path = format!("/users/{user}/roles");
        let given = app.management_as(&token, "POST", &path, Some(body)).await;
        assert_eq!(given.status, 204, "{backend}");
        let sam = token_of(&app, "sam@example.com").await;
        let scope = payload(&sam)["scope"].as_str().unwrap().to_owned();
        for scope_of in ["read:users", "update:users", "read:logs"] {
            assert!(scope.contains(scope_of), "{backend}: {scope}");
        }
        assert_eq!(app.management_as(&sam, "GET", "/users", None).await.status, 200, "{backend}");
        assert_eq!(app.management_as(&sam, "GET", "/clients", None).await.status, 403);
    }
}
