//! `/organizations`

use serde_json::{Value, json};

use super::{delete, get, post, refused};
use crate::support::{TestApp, each_backend, fixtures::PASSWORD};

async fn organization(app: &TestApp, name: &str) -> Value {
    let body = json!({ "name": name, "display_name": "Acme" });
    TestApp::created(&post(app, "/organizations", body).await)
}

#[tokio::test]
async fn organizations_are_created_read_and_deleted() {
    for (_, app) in each_backend().await {
        let created = organization(&app, "acme").await;
        let id = created["id"].as_str().unwrap();
        assert!(id.starts_with("org_") && id.len() == 20, "{id}");
        assert_eq!(created, json!({ "id": id, "name": "acme", "display_name": "Acme" }));
        let path = format!("/organizations/{id}");
        assert_eq!(get(&app, &path).await.ok(), created);
        assert_eq!(get(&app, "/organizations").await.ok(), json!([created]));
        assert_eq!(delete(&app, &path).await.status, 204);
        for answer in [get(&app, &path).await, delete(&app, &path).await] {
            assert_eq!(refused(&answer), (404, String::new()));
        }
        assert_eq!(refused(&get(&app, "/organizations/acme").await).0, 404);
    }
}

#[tokio::test]
async fn organizations_that_cannot_be_are_refused() {
    for (_, app) in each_backend().await {
        for name in ["", "Acme", "-acme", "a c", "org_x", &"x".repeat(51)] {
            let answer = post(&app, "/organizations", json!({ "name": name })).await;
            assert_eq!(refused(&answer), (400, "invalid_body".to_owned()), "{name}");
        }
        let answer =
            post(&app, "/organizations", json!({ "name": "a", "branding": { "color": "red" } }))
                .await;
        assert_eq!(refused(&answer).0, 400);
        organization(&app, "acme").await;
        let answer = post(&app, "/organizations", json!({ "name": "acme" })).await;
        assert_eq!(refused(&answer).0, 409);
        assert_eq!(answer.text_of("message"), "An organization with this name already exists.");
    }
}

#[tokio::test]
async fn members_come_and_go() {
    for (_, app) in each_backend().await {
        let created = organization(&app, "acme").await;
        let path = format!("/organizations/{}/members", created["id"].as_str().unwrap());
        let mut ids = Vec::new();
        for name in ["a", "b", "c"] {
            let user = app.add_user(&format!("{name}@x.example"), PASSWORD).await;
            ids.push(user["user_id"].as_str().unwrap().to_owned());
        }
        let body = json!({ "members": ids });
        let answer = post(&app, &path, body.clone()).await;
        assert_eq!((answer.status, answer.text.as_str()), (204, ""));
        assert_eq!(post(&app, &path, body).await.status, 204);

        ids.sort();
        let member = |id: &String| json!({ "user_id": id });
        let expected: Vec<_> = ids.iter().map(member).collect();
        let list =
            async |query: &str| get(&app, &format!("{path}?fields=user_id&{query}")).await.ok();
        assert_eq!(list("").await, json!(expected));
        let first = list("take=2").await;
        assert_eq!(first["members"], json!(expected[..2]));
        let next = first["next"].as_str().unwrap();
        let second = list(&format!("take=2&from={}", super::segment(next))).await;
        assert_eq!(second, json!({ "members": expected[2..] }));
        let whole = get(&app, &path).await.ok();
        assert_eq!(
            whole[0].as_object().unwrap().keys().collect::<Vec<_>>(),
            ["email", "name", "picture", "user_id"]
        );

        let answer = app.management("DELETE", &path, Some(json!({ "members": [ids[0]] }))).await;
        assert_eq!(answer.status, 204);
        let envelope = list("include_totals=true").await;
        assert_eq!(envelope["total"], 2);

        let answer = post(&app, &path, json!({ "members": ["auth0|none"] })).await;
        assert_eq!(refused(&answer), (404, "inexistent_user".to_owned()));
        assert_eq!(refused(&post(&app, &path, json!({ "members": [] })).await).0, 400);
        let nowhere = "/organizations/org_none/members";
        assert_eq!(refused(&get(&app, nowhere).await).0, 404);
        assert_eq!(refused(&post(&app, nowhere, json!({ "members": [ids[0]] })).await).0, 404);
    }
}
