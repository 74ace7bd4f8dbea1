//! What is told about tokens, and to whom: cases 36 to 38. What is said of case 34 in the list is
//! tried here too.

use serde_json::{Value, json};

use super::{block, refused};
use crate::support::{Answer, BOOTSTRAP_ID, BOOTSTRAP_SECRET, TestApp, each_backend, fixtures::*};

async fn introspect(app: &TestApp, (id, secret): (&str, &str), token: &str) -> Answer {
    let form = [("client_id", id), ("client_secret", secret), ("token", token)];
    app.post_form("oauth/introspect", &form).await
}

/// That and nothing more, whatever form of answer is asked for.
#[track_caller]
fn is_inactive(answer: &Answer, what: &str) {
    assert_eq!((answer.status, &*answer.text), (200, r#"{"active":false}"#), "{what}");
    assert_eq!(answer.header("content-type"), "application/json", "{what}");
    assert_eq!(answer.header("cache-control"), "no-store", "{what}");
}

/// An API that asks about the tokens it is given.
async fn server(app: &TestApp, audience: &str) -> Value {
    app.add_client(json!({
        "name": "API", "app_type": "resource_server", "callbacks": [], "grant_types": [],
        "allowed_logout_urls": [], "resource_server_identifier": audience,
    }))
    .await
}

fn secret_of(client: &Value) -> (&str, &str) {
    (text(client, "client_id"), text(client, "client_secret"))
}

/// Of case 34: access tokens end by themselves and cannot be revoked. Who tries is told so, instead
/// of being told that it was done.
#[tokio::test]
async fn an_access_token_is_not_said_to_be_revoked() {
    for (backend, app) in each_backend().await {
        let token = app.management_token_with(Some("read:clients")).await;
        let own = (BOOTSTRAP_ID, BOOTSTRAP_SECRET);
        let form = [("client_id", own.0), ("client_secret", own.1), ("token", &token)];
        let answer = app.post_form("oauth/revoke", &form).await;
        refused(&answer, (400, "unsupported_token_type"), backend);
        assert_eq!(introspect(&app, own, &token).await.ok()["active"], true, "{backend}");
        app.clock.advance_seconds(86_401);
        is_inactive(&introspect(&app, own, &token).await, backend);
    }
}

/// **Case 36.** CVE-2026-37979, Keycloak: every API was told about the tokens of every other.
#[tokio::test]
async fn an_api_is_told_about_its_own_tokens_only() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let (messages, billing) = (server(&app, MESSAGES).await, server(&app, BILLING).await);
        let login = app.log_in(&world).await;
        let token = text(&login, "refresh_token");
        let for_billing = app.refresh(&world, token, &[("audience", BILLING)]).await.ok();
        let of_messages = text(&login, "access_token");
        let of_billing = text(&for_billing, "access_token");
        for (server, own, foreign) in
            [(&messages, of_messages, of_billing), (&billing, of_billing, of_messages)]
        {
            let told = introspect(&app, secret_of(server), own).await.ok();
            assert_eq!(told["active"], true, "{backend}");
            is_inactive(&introspect(&app, secret_of(server), foreign).await, backend);
            is_inactive(&introspect(&app, secret_of(server), token).await, "a refresh token");
            let management = app.management_token().await;
            is_inactive(&introspect(&app, secret_of(server), management).await, "the console's");
        }
        let stranger = ("nobody", "secret");
        refused(&introspect(&app, stranger, of_messages).await, (401, "invalid_client"), backend);
    }
}

/// **Case 37.** CVE-2026-18208, Keycloak: the answer about a dead token had the whole of it, signed,
/// for who asked for a JWT.
#[tokio::test]
async fn of_a_dead_token_nothing_is_told() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let messages = server(&app, MESSAGES).await;
        let login = app.log_in(&world).await;
        app.patch_client(&world.client_id, super::confidential()).await;
        let own = (world.client_id.as_str(), world.client_secret.as_str());
        let ask = async |token: &str, accept: &str| {
            let form = [("client_id", own.0), ("client_secret", own.1), ("token", token)];
            let request = app.http.post(app.url("oauth/introspect")).form(&form);
            app.send(request.header("accept", accept)).await
        };
        let access = text(&login, "access_token");
        let refresh = text(&login, "refresh_token");
        assert_eq!(ask(access, "*/*").await.ok()["active"], true, "{backend}");
        let forms = [
            "application/token-introspection+jwt",
            "application/jwt",
            "application/json",
            "text/html",
            "*/*",
        ];
        block(&app, &world, true).await;
        for accept in forms {
            let garbage =
                [text(&login, "id_token"), "garbage", "a.b.c", "v1.AAAA", access, refresh];
            for token in garbage {
                is_inactive(&ask(token, accept).await, &format!("{backend} {accept} {token:.20}"));
            }
        }
        block(&app, &world, false).await;
        app.clock.advance_seconds(86_401);
        for accept in forms {
            is_inactive(&ask(access, accept).await, &format!("{backend} {accept}: expired"));
        }
        is_inactive(&introspect(&app, secret_of(&messages), access).await, backend);
    }
}

/// **Case 38.** CVE-2021-32701, Ory Oathkeeper: what a token may do was remembered without what had
/// been asked.
#[tokio::test]
async fn each_demand_on_a_token_is_judged_by_itself() {
    for (backend, app) in each_backend().await {
        let node = app.another_node().await;
        let token = app.management_token_with(Some("read:clients")).await;
        let lacks = (403, "insufficient_scope");
        for _ in 0..3 {
            for server in [&app, &node] {
                let get = async |path: &str| server.management_as(&token, "GET", path, None).await;
                get("/clients").await.ok();
                refused(&get("/users").await, lacks, backend);
                refused(&get("/roles").await, lacks, backend);
                let body = Some(json!({ "name": "x" }));
                let answer = server.management_as(&token, "POST", "/clients", body).await;
                refused(&answer, lacks, backend);
                let request = server.http.get(server.url("userinfo")).bearer_auth(&token);
                refused(&server.send(request).await, (401, "invalid_token"), backend);
            }
        }
    }
}
