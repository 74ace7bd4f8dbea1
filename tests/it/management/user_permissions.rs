//! `/users/{id}/permissions`

use serde_json::{Value, json};

use super::{get, post, refused, segment};
use crate::support::{TestApp, each_backend, fixtures::EMAIL, fixtures::PASSWORD};

fn permissions(names: &[&str]) -> Value {
    let of = |name: &&str| json!({ "resource_server_identifier": "https://api", "permission_name": name });
    json!({ "permissions": names.iter().map(of).collect::<Vec<_>>() })
}

async fn world(app: &TestApp) -> String {
    let scopes = json!({ "name": "The API", "scopes": [
        { "value": "a", "description": "Do a" }, { "value": "b" },
    ]});
    app.add_api("https://api", &[], scopes).await;
    let user = app.add_user(EMAIL, PASSWORD).await;
    format!("/users/{}/permissions", segment(user["user_id"].as_str().unwrap()))
}

#[tokio::test]
async fn permissions_are_given_listed_and_taken() {
    for (_, app) in each_backend().await {
        let path = world(&app).await;
        assert_eq!(get(&app, &path).await.ok(), json!([]));
        let answer = post(&app, &path, permissions(&["a", "b"])).await;
        assert_eq!(TestApp::created(&answer), json!({}));
        TestApp::created(&post(&app, &path, permissions(&["a"])).await);
        let sources = json!([{ "source_id": "", "source_name": "", "source_type": "DIRECT" }]);
        let entry = |name: &str, description: &str| {
            json!({
                "permission_name": name, "description": description,
                "resource_server_name": "The API", "resource_server_identifier": "https://api",
                "sources": sources,
            })
        };
        let page = get(&app, &format!("{path}?per_page=50&page=0&include_totals=true")).await.ok();
        let expected = json!({
            "start": 0, "limit": 50, "total": 2,
            "permissions": [entry("a", "Do a"), entry("b", "")],
        });
        assert_eq!(page, expected);
        let answer = app.management("DELETE", &path, Some(permissions(&["a", "unknown"]))).await;
        assert_eq!((answer.status, answer.text.as_str()), (204, ""));
        assert_eq!(get(&app, &path).await.ok(), json!([entry("b", "")]));
    }
}

#[tokio::test]
async fn permissions_need_a_user_an_api_and_a_scope() {
    for (_, app) in each_backend().await {
        let path = world(&app).await;
        let nobody = "/users/auth0%7Cnone/permissions";
        let missing = (404, "inexistent_user".to_owned());
        assert_eq!(refused(&get(&app, nobody).await), missing);
        assert_eq!(refused(&post(&app, nobody, permissions(&["a"])).await), missing);
        let answer = app.management("DELETE", nobody, Some(permissions(&["a"]))).await;
        assert_eq!(refused(&answer), missing);

        // Nothing of a refused list is given.
        let answer = post(&app, &path, permissions(&["a", "x"])).await;
        assert_eq!(refused(&answer), (400, "invalid_body".to_owned()));
        let mut body = permissions(&["a"]);
        body["permissions"][0]["resource_server_identifier"] = "https://none".into();
        let answer = post(&app, &path, body).await;
        assert_eq!(refused(&answer), (404, "inexistent_resource_server".to_owned()));
        for body in [json!({}), permissions(&[]), json!({ "permissions": [{}] })] {
            assert_eq!(refused(&post(&app, &path, body).await), (400, "invalid_body".to_owned()));
        }
        assert_eq!(get(&app, &path).await.ok(), json!([]));
    }
}
