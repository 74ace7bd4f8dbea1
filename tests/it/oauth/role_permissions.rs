//! What a role gives is in the tokens of its users, and only as long as they have it.

use serde_json::{Value, json};

use crate::support::{TestApp, each_backend, fixtures::*, payload};

/// Scopes of the API and `permissions` in the access token of an answer.
fn granted(answer: &Value) -> (Vec<String>, Value) {
    let token = payload(text(answer, "access_token"));
    let scope = text(answer, "scope").split(' ').filter(|s| s.contains(':')).map(str::to_owned);
    (scope.collect(), token["permissions"].clone())
}

/// A role with one scope of each API.
async fn reader(app: &TestApp) -> String {
    let role = app.management("POST", "/roles", Some(json!({ "name": "Reader" }))).await.ok();
    let id = text(&role, "id").to_owned();
    let body = json!({ "permissions": [
        { "resource_server_identifier": MESSAGES, "permission_name": "read:messages" },
        { "resource_server_identifier": BILLING, "permission_name": "read:billing" },
    ] });
    let path = format!("/roles/{id}/permissions");
    TestApp::created(&app.management("POST", &path, Some(body)).await);
    id
}

#[tokio::test]
async fn a_role_counts_in_every_exchange_and_no_longer_once_it_is_taken() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let rbac = json!({ "enforce_policies": true, "token_dialect": "access_token_authz" });
        for id in [&world.messages_id, &world.billing_id] {
            let path = format!("/resource-servers/{id}");
            app.management("PATCH", &path, Some(rbac.clone())).await.ok();
        }
        let user = world.user_id.replace('|', "%7C");
        let body = json!({ "permissions": [
            { "resource_server_identifier": MESSAGES, "permission_name": "read:messages" },
            { "resource_server_identifier": MESSAGES, "permission_name": "write:messages" },
        ] });
        let direct = format!("/users/{user}/permissions");
        TestApp::created(&app.management("POST", &direct, Some(body.clone())).await);
        let role = reader(&app).await;
        let roles = format!("/users/{user}/roles");
        let body_of_role = json!({ "roles": [role] });
        assert_eq!(app.management("POST", &roles, Some(body_of_role.clone())).await.status, 204);

        // What both the role and the user have stands once.
        let login = app.log_in(&world).await;
        let (_, permissions) = granted(&login);
        assert_eq!(permissions, json!(["read:messages", "write:messages"]), "{backend}");
        let mut token = text(&login, "refresh_token").to_owned();
        let mut exchange = async |audience: &str| {
            let answer = app.refresh(&world, &token, &[("audience", audience)]).await.ok();
            token = text(&answer, "refresh_token").to_owned();
            granted(&answer)
        };
        let read = |name: &str| (vec![name.to_owned()], json!([name]));
        let nothing = (Vec::new(), json!([]));
        app.management("DELETE", &direct, Some(body)).await;
        assert_eq!(exchange(MESSAGES).await, read("read:messages"), "{backend}");
        assert_eq!(exchange(BILLING).await, read("read:billing"), "{backend}");

        assert_eq!(app.management("DELETE", &roles, Some(body_of_role.clone())).await.status, 204);
        for audience in [BILLING, MESSAGES] {
            assert_eq!(exchange(audience).await, nothing, "{backend} {audience}");
        }
        assert_eq!(app.management("POST", &roles, Some(body_of_role)).await.status, 204);
        assert_eq!(exchange(BILLING).await, read("read:billing"), "{backend}");
        app.management("DELETE", &format!("/roles/{role}"), None).await.ok();
        assert_eq!(exchange(BILLING).await, nothing, "{backend}");
    }
}
