//! `/client-grants`

use serde_json::{Value, json};

use super::{delete, get, patch, post, refused};
use crate::support::{TestApp, each_backend};

async fn world(app: &TestApp) -> String {
    app.add_api("https://api", &["a", "b"], json!({})).await;
    app.add_client(json!({})).await["client_id"].as_str().unwrap().to_owned()
}

fn grant(client: &str, more: Value) -> Value {
    let mut body = json!({ "client_id": client, "audience": "https://api", "scope": ["b", "a"] });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

#[tokio::test]
async fn a_grant_answers_what_was_sent_and_nothing_else() {
    for (_, app) in each_backend().await {
        let client = world(&app).await;
        let answer = post(&app, "/client-grants", grant(&client, json!({}))).await;
        let created = TestApp::created(&answer);
        let id = created["id"].as_str().unwrap();
        assert!(id.starts_with("cgr_") && id.len() == 20, "{id}");
        let mut expected = grant(&client, json!({}));
        expected["id"] = id.into();
        assert_eq!(created, expected);
        assert_eq!(get(&app, &format!("/client-grants/{id}")).await.ok(), created);

        let more = json!({ "subject_type": "user", "allow_all_scopes": true });
        let all = TestApp::created(&post(&app, "/client-grants", grant(&client, more)).await);
        assert!(all.get("scope").is_none(), "{all}");
        assert_eq!(all["subject_type"], "user");

        let users = get(&app, "/client-grants?subject_type=user").await.ok();
        assert_eq!(users, json!([all]));
    }
}

#[tokio::test]
async fn a_patch_replaces_the_scope_or_opens_all_of_them() {
    for (_, app) in each_backend().await {
        let client = world(&app).await;
        let created =
            TestApp::created(&post(&app, "/client-grants", grant(&client, json!({}))).await);
        let path = format!("/client-grants/{}", created["id"].as_str().unwrap());
        let put = async |body| patch(&app, &path, body).await.ok();
        assert_eq!(put(json!({ "scope": ["a"] })).await["scope"], json!(["a"]));
        let all = put(json!({ "allow_all_scopes": true })).await;
        assert!(all.get("scope").is_none());
        let narrowed = put(json!({ "scope": ["b"] })).await;
        assert_eq!(narrowed["scope"], json!(["b"]));
        assert!(narrowed.get("allow_all_scopes").is_none());
        put(json!({ "allow_all_scopes": true })).await;
        let none = put(json!({ "allow_all_scopes": false, "scope": [] })).await;
        assert_eq!(none["scope"], json!([]));
        let organizations = put(json!({ "organization_usage": "allow", "scope": null })).await;
        assert_eq!(organizations["organization_usage"], "allow");
        assert_eq!(organizations["scope"], json!([]));
        assert!(
            put(json!({ "organization_usage": null })).await.get("organization_usage").is_none()
        );

        for (body, about) in [
            (json!({}), "Too few properties defined (0), minimum 1"),
            (json!({ "subject_type": "user" }), "Additional properties not allowed: subject_type"),
            (json!({ "audience": "x" }), "Additional properties not allowed: audience"),
            (json!({ "scope": ["a", "x", "y"] }), "does not define: x,y"),
        ] {
            let answer = patch(&app, &path, body).await;
            assert_eq!(refused(&answer), (400, "invalid_body".to_owned()));
            assert!(answer.text_of("message").contains(about), "{}", answer.text);
        }
    }
}

#[tokio::test]
async fn grants_need_a_client_an_api_and_scopes_that_exist() {
    for (_, app) in each_backend().await {
        let client = world(&app).await;
        let refuse = async |body: Value| post(&app, "/client-grants", body).await;
        let answer = refuse(grant("none", json!({}))).await;
        assert_eq!((answer.status, answer.text_of("message").as_str()), (404, "Client not found"));
        let answer = refuse(grant(&client, json!({ "audience": "https://none" }))).await;
        assert_eq!(
            (answer.status, answer.text_of("message").as_str()),
            (404, "Resource server not found")
        );
        for body in [
            json!({ "client_id": client, "scope": [] }),
            json!({ "audience": "https://api", "scope": [] }),
            grant(&client, json!({ "scope": ["x"] })),
            grant(&client, json!({ "subject_type": "x" })),
        ] {
            assert_eq!(refused(&refuse(body).await), (400, "invalid_body".to_owned()));
        }
        let default = json!({ "default_for": "third_party_clients", "audience": "https://api" });
        let code = "operation_not_supported".to_owned();
        assert_eq!(refused(&refuse(default).await), (400, code));

        TestApp::created(&refuse(grant(&client, json!({}))).await);
        assert_eq!(refused(&refuse(grant(&client, json!({}))).await).0, 409);
        let explicit = grant(&client, json!({ "subject_type": "client" }));
        assert_eq!(refused(&refuse(explicit).await).0, 409, "client is the default");
    }
}

#[tokio::test]
async fn a_missing_grant_is_not_found_and_a_malformed_id_is_refused() {
    for (_, app) in each_backend().await {
        let missing = (404, "inexistent_client_grant".to_owned());
        let path = "/client-grants/cgr_0000000000000000";
        assert_eq!(refused(&get(&app, path).await), missing);
        assert_eq!(refused(&patch(&app, path, json!({ "scope": [] })).await), missing);
        assert_eq!(delete(&app, path).await.status, 204);
        for method in ["GET", "DELETE"] {
            let answer = app.management(method, "/client-grants/non-existent", None).await;
            assert_eq!(refused(&answer), (400, "invalid_uri".to_owned()));
        }
        let client = world(&app).await;
        let created =
            TestApp::created(&post(&app, "/client-grants", grant(&client, json!({}))).await);
        let path = format!("/client-grants/{}", created["id"].as_str().unwrap());
        assert_eq!(delete(&app, &path).await.status, 204);
        assert_eq!(refused(&get(&app, &path).await), missing);
    }
}

#[tokio::test]
async fn grants_are_filtered() {
    for (_, app) in each_backend().await {
        let client = world(&app).await;
        app.add_api("https://other", &[], json!({})).await;
        let first = json!({ "allow_any_organization": true });
        let first = TestApp::created(&post(&app, "/client-grants", grant(&client, first)).await);
        let second = json!({ "audience": "https://other", "scope": [] });
        let second = TestApp::created(&post(&app, "/client-grants", grant(&client, second)).await);
        let list = async |query: &str| get(&app, &format!("/client-grants?{query}")).await.ok();
        assert_eq!(list(&format!("client_id={client}")).await, json!([first, second]));
        assert_eq!(list("audience=https%3A%2F%2Fother").await, json!([second]));
        assert_eq!(list("client_id=none").await, json!([]));
        assert_eq!(list("allow_any_organization=true").await, json!([first]));
        assert_eq!(list("default_for=third_party_clients").await, json!([]));
        let query =
            format!("audience=https://api&client_id={client}&include_totals=true&per_page=50");
        let envelope = json!({ "start": 0, "limit": 50, "total": 1, "client_grants": [first] });
        assert_eq!(list(&query).await, envelope);
    }
}
