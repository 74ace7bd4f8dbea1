//! `PATCH /organizations/{id}`, and the organizations of a user.

use serde_json::{Value, json};

use super::{delete, get, patch, post, refused, segment};
use crate::support::{TestApp, each_backend, fixtures::*};

async fn organization(app: &TestApp, body: Value) -> Value {
    TestApp::created(&post(app, "/organizations", body).await)
}

#[tokio::test]
async fn an_organization_changes_where_it_is_told_to() {
    for (backend, app) in each_backend().await {
        let branding = json!({
            "logo_url": "https://acme.example/logo.png",
            "colors": { "primary": "#57ddff", "page_background": "#fff" },
        });
        let created = organization(
            &app,
            json!({
                "name": "acme", "display_name": "Acme", "branding": branding,
                "metadata": { "a": "1", "b": "2" }, "token_quota": null,
            }),
        )
        .await;
        let id = created["id"].as_str().unwrap();
        let expected = json!({
            "id": id, "name": "acme", "display_name": "Acme", "branding": branding,
            "metadata": { "a": "1", "b": "2" },
        });
        assert_eq!(created, expected, "{backend}");
        let path = format!("/organizations/{id}");
        assert_eq!(patch(&app, &path, json!({})).await.ok(), expected, "{backend}: nothing");
        let body = json!({ "name": "acme-2", "metadata": { "b": null, "c": "3" } });
        let changed = patch(&app, &path, body).await.ok();
        assert_eq!(changed["metadata"], json!({ "c": "3" }), "{backend}: replaced");
        assert_eq!(changed["name"], "acme-2", "{backend}");
        assert_eq!(changed["branding"], branding, "{backend}: untouched");
        assert_eq!(get(&app, &path).await.ok(), changed, "{backend}");
        assert_eq!(get(&app, "/organizations/name/acme-2").await.ok(), changed, "{backend}");
        assert_eq!(get(&app, "/organizations").await.ok(), json!([changed]), "{backend}");
        let emptied = patch(&app, &path, json!({ "metadata": {}, "branding": {} })).await.ok();
        assert!(emptied.get("metadata").is_none() && emptied.get("branding").is_none());
        for name in ["acme", id, "Acme-2"] {
            let answer = get(&app, &format!("/organizations/name/{name}")).await;
            assert_eq!(refused(&answer), (404, String::new()), "{backend} {name}");
        }
        let logs = get(&app, "/logs?per_page=100").await.ok();
        let told = logs.as_array().unwrap().iter().any(|log| {
            log["type"] == "sapi"
                && log["details"]["changed"]
                    == json!(["metadata.a", "metadata.b", "metadata.c", "name"])
        });
        assert!(told, "{backend}: {logs}");
    }
}

#[tokio::test]
async fn edits_that_cannot_be_are_refused() {
    for (backend, app) in each_backend().await {
        let created = organization(&app, json!({ "name": "acme" })).await;
        organization(&app, json!({ "name": "other" })).await;
        let path = format!("/organizations/{}", created["id"].as_str().unwrap());
        let many: serde_json::Map<_, _> = (0..26).map(|i| (format!("k{i}"), json!("v"))).collect();
        for body in [
            json!({ "id": "org_x" }),
            json!({ "name": "" }),
            json!({ "name": "Acme" }),
            json!({ "name": "org_x" }),
            json!({ "name": "x".repeat(51) }),
            json!({ "display_name": "" }),
            json!({ "display_name": "x".repeat(256) }),
            json!({ "metadata": null }),
            json!({ "metadata": { "a": 1 } }),
            json!({ "metadata": { "a": "x".repeat(256) } }),
            json!({ "metadata": many }),
            json!({ "branding": { "logo_url": "http://acme.example/logo.png" } }),
            json!({ "branding": { "logo_url": "javascript:alert(1)" } }),
            json!({ "branding": { "colors": { "primary": "#fff" } } }),
            json!({ "branding": { "colors": { "primary": "red", "page_background": "#fff" } } }),
            json!({ "token_quota": { "client_credentials": { "enforce": true } } }),
        ] {
            let answer = patch(&app, &path, body.clone()).await;
            assert_eq!(refused(&answer), (400, "invalid_body".to_owned()), "{backend} {body}");
        }
        let answer = patch(&app, &path, json!({ "name": "other" })).await;
        assert_eq!(refused(&answer), (409, String::new()), "{backend}");
        for id in ["org_none", "acme"] {
            let answer = patch(&app, &format!("/organizations/{id}"), json!({})).await;
            assert_eq!(refused(&answer), (404, String::new()), "{backend} {id}");
        }
        assert_eq!(get(&app, &path).await.ok(), created, "{backend}: unchanged");
        let token = app.management_token_with(Some("read:organizations")).await;
        let answer = app.management_as(&token, "PATCH", &path, Some(json!({}))).await;
        assert_eq!(refused(&answer), (403, "insufficient_scope".to_owned()), "{backend}");
    }
}

#[tokio::test]
async fn the_organizations_of_a_user_are_listed_in_pages() {
    for (backend, app) in each_backend().await {
        let user = app.add_user(EMAIL, PASSWORD).await;
        let user = user["user_id"].as_str().unwrap();
        let path = format!("/users/{}/organizations", segment(user));
        assert_eq!(get(&app, &path).await.ok(), json!([]), "{backend}");
        organization(&app, json!({ "name": "not-mine" })).await;
        let mut mine = Vec::new();
        for name in ["a", "b", "c"] {
            app.clock.advance_seconds(1);
            let created = organization(&app, json!({ "name": name })).await;
            let members = format!("/organizations/{}/members", created["id"].as_str().unwrap());
            post(&app, &members, json!({ "members": [user] })).await;
            mine.push(created);
        }
        assert_eq!(get(&app, &path).await.ok(), json!(mine), "{backend}");
        let page = get(&app, &format!("{path}?per_page=2&page=1&include_totals=true")).await.ok();
        let expected = json!({ "start": 2, "limit": 2, "total": 3, "organizations": [mine[2]] });
        assert_eq!(page, expected, "{backend}");
        let first = mine[0]["id"].as_str().unwrap();
        delete(&app, &format!("/organizations/{first}")).await;
        assert_eq!(get(&app, &path).await.ok(), json!(mine[1..]), "{backend}");
        let nobody = get(&app, "/users/nobody/organizations").await;
        assert_eq!(refused(&nobody), (404, "inexistent_user".to_owned()), "{backend}");
        let odd = get(&app, &format!("{path}?take=1")).await;
        assert_eq!(refused(&odd), (400, "invalid_query_string".to_owned()), "{backend}");
    }
}

#[tokio::test]
async fn an_organization_has_no_connections_and_grants_of_its_own() {
    for (_, app) in each_backend().await {
        let acme = organization(&app, json!({ "name": "acme" })).await;
        let id = acme["id"].as_str().unwrap();
        for (part, name) in [
            ("connections", "connections"),
            ("enabled_connections", "enabled_connections"),
            ("client-grants", "client_grants"),
        ] {
            let list = async |id: &str, query: &str| {
                get(&app, &format!("/organizations/{id}/{part}{query}")).await
            };
            assert_eq!(list(id, "").await.ok(), json!([]));
            let page = list(id, "?page=0&per_page=7&include_totals=true").await.ok();
            assert_eq!(page, json!({ name: [], "start": 0, "limit": 7, "total": 0 }));
            // A name is no id, and nobody's organization has no parts.
            for id in ["acme", "org_0000000000000000"] {
                assert_eq!(refused(&list(id, "").await), (404, String::new()));
            }
            let answer = list(id, "?x=1").await;
            assert_eq!(refused(&answer), (400, "invalid_query_string".to_owned()));
        }
    }
}
