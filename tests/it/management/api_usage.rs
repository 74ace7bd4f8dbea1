//! `GET /resource-servers/{id}/usage`: what names an API.

use serde_json::json;

use super::{get, post, refused};
use crate::support::{each_backend, fixtures::*};

#[tokio::test]
async fn everything_that_names_a_scope_is_counted() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let path = format!("/resource-servers/{}/usage", world.billing_id);
        let used = get(&app, &path).await.ok();
        let none = json!({ "policies": 1, "roles": 0, "users": 0, "client_grants": 0 });
        assert_eq!(used["totals"], none, "{backend}");
        assert_eq!(used["identifier"], BILLING, "{backend}");

        let permissions = json!({ "permissions": [
            { "resource_server_identifier": BILLING, "permission_name": "read:billing" },
        ] });
        let role = post(&app, "/roles", json!({ "name": "Billing" })).await.ok();
        let of_role = format!("/roles/{}/permissions", text(&role, "id"));
        assert_eq!(post(&app, &of_role, permissions.clone()).await.status, 201, "{backend}");
        let of_user = format!("/users/{}/permissions", world.user_id);
        assert_eq!(post(&app, &of_user, permissions).await.status, 201, "{backend}");
        let client = app.add_client(json!({ "app_type": "non_interactive" })).await;
        let grant = json!({
            "client_id": client["client_id"], "audience": BILLING, "scope": ["read:billing"],
        });
        assert_eq!(post(&app, "/client-grants", grant).await.status, 201, "{backend}");
        // Another API whose name is nearly the same, and one that only looks so to a pattern.
        for near in ["https://billing.example.com/", "https://billing_example.com"] {
            let policies = json!([{ "audience": near, "scope": ["read:billing"] }]);
            let token = refresh_settings(json!({ "policies": policies }));
            app.add_client(json!({ "refresh_token": token })).await;
        }

        let used = get(&app, &path).await.ok();
        let all = json!({ "policies": 1, "roles": 1, "users": 1, "client_grants": 1 });
        assert_eq!(used["totals"], all, "{backend}");
        let read = json!({
            "value": "read:billing", "policies": 1, "roles": 1, "users": 1, "client_grants": 1,
        });
        let gone = json!({
            "value": "write:billing", "policies": 1, "roles": 0, "users": 0, "client_grants": 0,
        });
        assert_eq!(used["scopes"], json!([read, gone]), "{backend}");
    }
}

#[tokio::test]
async fn names_that_sql_or_json_would_read_otherwise_are_found() {
    for (backend, app) in each_backend().await {
        for name in
            ["urn:100%", "urn:a_b", "urn:!", "urn:\"quoted\"", "urn:back\\slash", "urn:\u{e9}"]
        {
            let api = app.add_api(name, &["x"], json!({})).await;
            let path = format!("/resource-servers/{}/usage", text(&api, "id"));
            assert_eq!(get(&app, &path).await.ok()["totals"]["policies"], 0, "{backend} {name}");
            let policies = json!([{ "audience": name, "scope": ["x"] }]);
            let token = refresh_settings(json!({ "policies": policies }));
            app.add_client(json!({ "refresh_token": token })).await;
            assert_eq!(get(&app, &path).await.ok()["totals"]["policies"], 1, "{backend} {name}");
        }
    }
}

#[tokio::test]
async fn an_api_that_does_not_exist_is_not_found() {
    for (backend, app) in each_backend().await {
        let answer = get(&app, "/resource-servers/nothing/usage").await;
        assert_eq!(refused(&answer), (404, "inexistent_resource_server".to_owned()), "{backend}");
        let world = app.world().await;
        let path = format!("/resource-servers/{}/usage?x=1", world.billing_id);
        assert_eq!(get(&app, &path).await.status, 400, "{backend}");
    }
}
