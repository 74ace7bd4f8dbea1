//! The two roles: made once, then the operator's; only what a release adds is added to them.

use doorward::{
    app::{
        administrators::{self, Appointment, Post},
        bootstrap,
    },
    domain::{
        role::{ADMINISTRATOR, VIEWER},
        scope::ScopeSet,
    },
    policy::management,
    store::{resource_servers, role_permissions},
};
use serde_json::{Value, json};

use super::{appoint, permissions};
use crate::support::{TestApp, each_backend, fixtures::EMAIL};

async fn held(app: &TestApp, role: &str) -> ScopeSet {
    let audience = app.inner.settings.management_audience();
    let mut conn = app.inner.store.read().await.unwrap();
    let role = doorward::domain::RoleId::new(role);
    role_permissions::of_role_for(conn.db(), &role, &audience).await.unwrap()
}

/// Makes the Management API that of an older release, which did not define these scopes.
async fn forget(app: &TestApp, scopes: &[&str]) {
    let audience = app.inner.settings.management_audience();
    let mut tx = app.inner.store.write().await.unwrap();
    let found = resource_servers::find_by_identifier(tx.db(), &audience).await.unwrap().unwrap();
    let mut document = found.document.clone();
    let defined = document["scopes"].as_array_mut().unwrap();
    defined.retain(|scope| !scopes.contains(&scope["value"].as_str().unwrap()));
    let (now, version) = (app.inner.clock.now(), found.version);
    let id = &found.api.id;
    resource_servers::update(&mut tx, id, &document, version, now).await.unwrap();
    for role in [ADMINISTRATOR, VIEWER] {
        for scope in scopes {
            let role = doorward::domain::RoleId::new(role);
            role_permissions::delete(&mut tx, &role, &audience, scope).await.unwrap();
        }
    }
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_new_release_adds_its_scopes_and_gives_nothing_back() {
    for (backend, app) in each_backend().await {
        appoint(&app, EMAIL, Post::Administrator).await;
        // The operator took one, and the release before did not know two others.
        let path = format!("/roles/{ADMINISTRATOR}/permissions");
        let taken = permissions(&app, &["delete:users"]);
        assert_eq!(app.management("DELETE", &path, Some(taken)).await.status, 204, "{backend}");
        forget(&app, &["read:logs", "update:actions"]).await;
        bootstrap::management_api(&app.inner).await.unwrap();
        let (administrator, viewer) = (held(&app, ADMINISTRATOR).await, held(&app, VIEWER).await);
        assert!(administrator.contains("read:logs") && administrator.contains("update:actions"));
        assert!(!administrator.contains("delete:users"), "{backend}: the operator's decision");
        assert!(viewer.contains("read:logs") && !viewer.contains("update:actions"), "{backend}");

        // Whoever deleted a role gets it back by asking only.
        app.management("DELETE", &format!("/roles/{VIEWER}"), None).await.ok();
        forget(&app, &["read:logs"]).await;
        bootstrap::management_api(&app.inner).await.unwrap();
        assert!(held(&app, VIEWER).await.is_empty(), "{backend}");
        appoint(&app, EMAIL, Post::Viewer).await;
        let all: ScopeSet = management::reading_scopes().into_iter().collect();
        assert_eq!(held(&app, VIEWER).await.iter().count(), all.iter().count(), "{backend}");
    }
}

#[tokio::test]
async fn they_are_roles_like_others() {
    for (backend, app) in each_backend().await {
        let before = app.management("GET", "/roles", None).await.ok();
        assert_eq!(before, json!([]), "{backend}: a server has none until somebody is let in");
        appoint(&app, EMAIL, Post::Viewer).await;
        let roles = app.management("GET", "/roles", None).await.ok();
        let ids: Vec<&Value> = roles.as_array().unwrap().iter().map(|role| &role["id"]).collect();
        assert_eq!(ids.len(), 2, "{backend}: {roles}");
        assert!(ids.contains(&&json!(ADMINISTRATOR)) && ids.contains(&&json!(VIEWER)));
        let path = format!("/roles/{VIEWER}");
        let body = json!({ "name": "Auditors" });
        app.management("PATCH", &path, Some(body)).await.ok();
        // Renamed, it is still the same.
        appoint(&app, "vera@example.com", Post::Viewer).await;
        assert_eq!(app.management("GET", &path, None).await.ok()["name"], "Auditors", "{backend}");
    }
}

#[tokio::test]
async fn a_role_of_somebody_else_keeps_its_name() {
    for (backend, app) in each_backend().await {
        let body = json!({ "name": "Doorward Administrator" });
        app.management("POST", "/roles", Some(body)).await.ok();
        let appointment = Appointment {
            email: EMAIL.to_owned(),
            name: None,
            post: Post::Administrator,
            password: None,
            reset_password: false,
        };
        let refused = administrators::appoint(&app.inner, &appointment).await.unwrap_err();
        let expected = "there is another role with the name \"Doorward Administrator\"; rename it";
        assert_eq!(refused.to_string(), expected, "{backend}");
        let users = app.management("GET", "/users", None).await.ok();
        assert_eq!(users, json!([]), "{backend}: nobody was made");
    }
}
