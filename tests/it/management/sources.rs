//! Where permissions and roles of a user come from, and what happens when a role goes away while it
//! is given.

use serde_json::{Value, json};

use super::{delete, get, post, refused, segment};
use crate::support::{TestApp, each_backend, fixtures::*};

const API: &str = "https://api";

async fn role(app: &TestApp, name: &str, permissions: &[&str]) -> String {
    let created = post(app, "/roles", json!({ "name": name })).await.ok();
    let id = created["id"].as_str().unwrap().to_owned();
    if !permissions.is_empty() {
        let path = format!("/roles/{id}/permissions");
        TestApp::created(&post(app, &path, of(permissions)).await);
    }
    id
}

fn of(permissions: &[&str]) -> Value {
    let one = |name: &&str| json!({ "resource_server_identifier": API, "permission_name": name });
    json!({ "permissions": permissions.iter().map(one).collect::<Vec<_>>() })
}

/// A user with `a` and `b` given, and `b` and `c` by a role; returns the path and both roles.
async fn world(app: &TestApp) -> (String, String, String) {
    app.add_api(API, &["a", "b", "c"], json!({ "name": "The API" })).await;
    let user = app.add_user(EMAIL, PASSWORD).await;
    let path = format!("/users/{}", segment(user["user_id"].as_str().unwrap()));
    TestApp::created(&post(app, &format!("{path}/permissions"), of(&["a", "b"])).await);
    let one = role(app, "One", &["b", "c"]).await;
    let two = role(app, "Two", &["c"]).await;
    let roles = json!({ "roles": [one, two] });
    assert_eq!(post(app, &format!("{path}/roles"), roles).await.status, 204);
    (path, one, two)
}

#[tokio::test]
async fn permissions_tell_where_they_come_from() {
    for (backend, app) in each_backend().await {
        let (path, one, two) = world(&app).await;
        let direct = json!({ "source_id": "", "source_name": "", "source_type": "DIRECT" });
        let by = |id: &str, name: &str| json!({ "source_id": id, "source_name": name, "source_type": "ROLE" });
        let mut of_c = [by(&one, "One"), by(&two, "Two")];
        of_c.sort_by_key(|source| source["source_id"].as_str().unwrap().to_owned());
        let list = format!("{path}/permissions?include_totals=true");
        let page = get(&app, &list).await.ok();
        assert_eq!(page["total"], 3, "{backend}");
        let found: Vec<_> = page["permissions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|p| (p["permission_name"].as_str().unwrap(), p["sources"].clone()))
            .collect();
        let expected =
            [("a", json!([direct])), ("b", json!([direct, by(&one, "One")])), ("c", json!(of_c))];
        assert_eq!(found, expected, "{backend}");
        let second = get(&app, &format!("{list}&per_page=2&page=1")).await.ok();
        assert_eq!(second["permissions"].as_array().unwrap().len(), 1, "{backend}");
        assert_eq!(second["permissions"][0]["permission_name"], "c", "{backend}");
        // Taking what was given leaves what the role gives.
        let taken =
            app.management("DELETE", &format!("{path}/permissions"), Some(of(&["b"]))).await;
        assert_eq!(taken.status, 204, "{backend}");
        let page = get(&app, &list).await.ok();
        assert_eq!(page["permissions"][1]["sources"], json!([by(&one, "One")]), "{backend}");
    }
}

#[tokio::test]
async fn effective_roles_and_permissions_are_listed_page_by_page() {
    for (backend, app) in each_backend().await {
        let (path, one, two) = world(&app).await;
        let shown = |id: &str, name: &str| json!({ "id": id, "name": name, "description": "", "sources": ["direct"] });
        let mut roles = vec![shown(&one, "One"), shown(&two, "Two")];
        roles.sort_by_key(|role| role["id"].as_str().unwrap().to_owned());
        let list = format!("{path}/effective-roles");
        assert_eq!(get(&app, &list).await.ok(), json!({ "roles": roles }), "{backend}");
        let first = get(&app, &format!("{list}?take=1")).await.ok();
        assert_eq!(first["roles"], json!(roles[..1]), "{backend}");
        let next = first["next"].as_str().unwrap();
        let second = get(&app, &format!("{list}?take=1&from={next}")).await.ok();
        assert_eq!(second, json!({ "roles": roles[1..] }), "{backend}");

        let list = format!("{path}/effective-permissions?resource_server_identifier={API}");
        let page = get(&app, &list).await.ok();
        let sources: Vec<_> = page["permissions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|p| (p["permission_name"].as_str().unwrap(), p["sources"].clone()))
            .collect();
        let expected =
            [("a", json!(["direct"])), ("b", json!(["direct", "roles"])), ("c", json!(["roles"]))];
        assert_eq!(sources, expected, "{backend}");
        assert_eq!(page["permissions"][0]["resource_server_name"], "The API", "{backend}");
        let first = get(&app, &format!("{list}&take=2")).await.ok();
        let next = first["next"].as_str().unwrap();
        let second = get(&app, &format!("{list}&take=2&from={next}")).await.ok();
        assert!(second.get("next").is_none(), "{backend}");
        assert_eq!(second["permissions"][0]["permission_name"], "c", "{backend}");
        let none = format!("{path}/effective-permissions?resource_server_identifier=https://none");
        assert_eq!(get(&app, &none).await.ok(), json!({ "permissions": [] }), "{backend}");

        let api = format!("resource_server_identifier={API}&permission_name");
        let behind = format!("{path}/effective-permissions/sources/effective-roles?{api}");
        let found = get(&app, &format!("{behind}=c")).await.ok();
        assert_eq!(found, json!({ "roles": roles }), "{backend}");
        let found = get(&app, &format!("{behind}=b")).await.ok();
        assert_eq!(found, json!({ "roles": [shown(&one, "One")] }), "{backend}");
        let first = get(&app, &format!("{behind}=c&take=1")).await.ok();
        let next = first["next"].as_str().unwrap();
        let second = get(&app, &format!("{behind}=c&take=1&from={next}")).await.ok();
        assert_eq!(second, json!({ "roles": roles[1..] }), "{backend}");
        assert_eq!(get(&app, &format!("{behind}=a")).await.ok(), json!({ "roles": [] }));
        assert_eq!(get(&app, &format!("{behind}=")).await.status, 400, "{backend}");
        let nobody = behind.replace(&path, "/users/nobody");
        let nobody = get(&app, &format!("{nobody}=a")).await;
        assert_eq!(refused(&nobody), (404, "inexistent_user".to_owned()), "{backend}");

        let bad = get(&app, &format!("{path}/effective-permissions")).await;
        assert_eq!(refused(&bad), (400, "invalid_query_string".to_owned()), "{backend}");
        for (list, scope) in [
            ("effective-roles", "read:users"),
            ("effective-permissions?resource_server_identifier=x", "read:users"),
            (
                "effective-permissions/sources/effective-roles?resource_server_identifier=x\
                 &permission_name=x",
                "read:users",
            ),
        ] {
            let answer = get(&app, &format!("/users/nobody/{list}")).await;
            assert_eq!(refused(&answer), (404, "inexistent_user".to_owned()), "{backend}");
            let token = app.management_token_with(Some(scope)).await;
            let answer = app.management_as(&token, "GET", &format!("{path}/{list}"), None).await;
            assert_eq!(refused(&answer), (403, "insufficient_scope".to_owned()), "{backend}");
        }
    }
}

#[tokio::test]
async fn a_role_that_goes_away_while_it_is_given_is_not_found() {
    for (backend, app) in each_backend().await {
        let user = app.add_user(EMAIL, PASSWORD).await;
        let user = user["user_id"].as_str().unwrap();
        let of_user = format!("/users/{}/roles", segment(user));
        for i in 0..20 {
            let id = role(&app, &format!("Role {i}"), &[]).await;
            let (path, of_role) = (format!("/roles/{id}"), format!("/roles/{id}/users"));
            let (given, taken, gone) = tokio::join!(
                post(&app, &of_user, json!({ "roles": [id] })),
                post(&app, &of_role, json!({ "users": [user] })),
                delete(&app, &path),
            );
            assert!([204, 400, 404].contains(&given.status), "{backend}: {}", given.text);
            assert!([200, 404].contains(&taken.status), "{backend}: {}", taken.text);
            assert_eq!(gone.status, 200, "{backend}: {}", gone.text);
            assert_eq!(get(&app, &of_user).await.ok(), json!([]), "{backend}");
        }
    }
}

#[tokio::test]
async fn what_refers_to_something_that_is_gone_is_no_failure_of_the_server() {
    use doorward::domain::{RoleId, UserId};
    use doorward::store::{self, user_roles};
    for (backend, app) in each_backend().await {
        let mut tx = app.inner.store.write().await.unwrap();
        let (user, role) = (UserId::new("auth0|none"), RoleId::new("rol_none"));
        let written = user_roles::insert(&mut tx, &user, &role).await;
        assert!(matches!(written, Err(store::Error::Gone)), "{backend}: {written:?}");
        let error = doorward::http::error::management::ManagementError::from(store::Error::Gone);
        use axum::response::IntoResponse;
        assert_eq!(error.into_response().status().as_u16(), 409, "{backend}");
    }
}
