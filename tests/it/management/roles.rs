//! `/roles`, their permissions and their users.

use serde_json::{Value, json};

use super::{delete, get, invalid_body, patch, post, refused, segment};
use crate::support::{Answer, TestApp, each_backend, fixtures::PASSWORD};

const NOWHERE: &str = "/roles/rol_0000000000000000";

async fn role(app: &TestApp, name: &str) -> String {
    app.clock.advance_seconds(1);
    let created = post(app, "/roles", json!({ "name": name })).await.ok();
    created["id"].as_str().unwrap().to_owned()
}

async fn user(app: &TestApp, name: &str) -> String {
    let user = app.add_user(&format!("{name}@x.example"), PASSWORD).await;
    user["user_id"].as_str().unwrap().to_owned()
}

async fn api(app: &TestApp) -> String {
    let scopes = json!({ "name": "The API", "scopes": [
        { "value": "a", "description": "Do a" }, { "value": "b" },
    ]});
    app.add_api("https://api", &[], scopes).await["id"].as_str().unwrap().to_owned()
}

fn permissions(names: &[&str]) -> Value {
    let of = |name: &&str| json!({ "resource_server_identifier": "https://api", "permission_name": name });
    json!({ "permissions": names.iter().map(of).collect::<Vec<_>>() })
}

async fn take(app: &TestApp, path: &str, body: Value) -> Answer {
    app.management("DELETE", path, Some(body)).await
}

/// The members called `name` of a listing.
fn all(list: &Value, name: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|item| item[name].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn roles_are_created_read_changed_and_deleted() {
    for (_, app) in each_backend().await {
        let created = post(&app, "/roles", json!({ "name": "Admin" })).await.ok();
        let id = created["id"].as_str().unwrap();
        assert!(id.starts_with("rol_") && id.len() == 20, "{id}");
        assert!(id[4..].bytes().all(|b| b.is_ascii_alphanumeric()), "{id}");
        assert_eq!(created, json!({ "id": id, "name": "Admin", "type": "tenant" }));
        let path = format!("/roles/{id}");
        let shown = |name: &str, description: &str| json!({ "id": id, "name": name, "description": description, "type": "tenant" });
        assert_eq!(get(&app, &path).await.ok(), shown("Admin", ""));
        let changed = patch(&app, &path, json!({ "description": "All" })).await.ok();
        assert_eq!(changed, shown("Admin", "All"));
        // What was read may be written back, but for the id.
        let body = json!({ "name": "Boss", "description": "All", "type": "tenant" });
        assert_eq!(patch(&app, &path, body).await.ok(), shown("Boss", "All"));
        assert_eq!(patch(&app, &path, json!({})).await.ok(), shown("Boss", "All"));
        assert_eq!(get(&app, &path).await.ok(), shown("Boss", "All"));

        // Some SDKs send a body here.
        assert_eq!(take(&app, &path, json!({})).await.ok(), json!({}));
        let patched = patch(&app, &path, json!({ "name": "x" })).await;
        for answer in [get(&app, &path).await, delete(&app, &path).await, patched] {
            assert_eq!(refused(&answer), (404, String::new()));
            assert_eq!(answer.text_of("message"), "Role not found.");
        }
    }
}

#[tokio::test]
async fn roles_that_cannot_be_are_refused() {
    for (_, app) in each_backend().await {
        let id = role(&app, "Admin").await;
        let other = role(&app, "Other").await;
        let again = [
            post(&app, "/roles", json!({ "name": "Admin" })).await,
            patch(&app, &format!("/roles/{other}"), json!({ "name": "Admin" })).await,
        ];
        for answer in again {
            assert_eq!(refused(&answer).0, 409);
            assert_eq!(answer.text_of("message"), "The role already exists.");
        }
        let same = patch(&app, &format!("/roles/{id}"), json!({ "name": "Admin" })).await;
        assert_eq!(same.status, 200, "a role may keep its name");

        let answer = post(&app, "/roles", json!({})).await;
        invalid_body(&answer, "Payload validation error: 'Missing required property: name'.");
        let answer = post(&app, "/roles", json!({ "name": 1 })).await;
        invalid_body(
            &answer,
            "Payload validation error: 'Expected type string but found type integer' \
             on property name (Name of the role.).",
        );
        for body in [
            json!({ "name": "" }),
            json!({ "name": "x".repeat(256) }),
            json!({ "name": "x", "description": null }),
            json!({ "name": "x", "description": "x".repeat(1001) }),
            json!({ "name": "x", "type": "other" }),
            json!({ "name": "x", "id": id }),
        ] {
            assert_eq!(refused(&post(&app, "/roles", body.clone()).await).0, 400, "{body}");
            let answer = patch(&app, &format!("/roles/{id}"), body.clone()).await;
            assert_eq!(refused(&answer).0, 400, "{body}");
        }
        assert_eq!(get(&app, "/roles").await.ok().as_array().unwrap().len(), 2);
        let wrong = app.management("PUT", &format!("/roles/{id}"), Some(json!({}))).await;
        assert_eq!(refused(&wrong).0, 405);
    }
}

#[tokio::test]
async fn roles_are_listed_in_pages_and_by_a_part_of_their_name() {
    for (_, app) in each_backend().await {
        for name in ["Admin", "Ädmin 100%", "Reader", "read_only"] {
            role(&app, name).await;
        }
        let list = async |query: &str| get(&app, &format!("/roles?{query}")).await.ok();
        let names = ["Admin", "Ädmin 100%", "Reader", "read_only"];
        assert_eq!(all(&list("").await, "name"), names);
        let page = list("per_page=3&page=1&include_totals=true&type=tenant").await;
        assert_eq!(
            (&page["start"], &page["limit"], &page["total"]),
            (&json!(3), &json!(3), &json!(4))
        );
        assert_eq!(all(&page["roles"], "name"), ["read_only"]);
        assert_eq!(list("per_page=3&page=9&include_totals=true").await["roles"], json!([]));
        for (part, found) in [
            ("READ", &["Reader", "read_only"][..]),
            ("%C3%84DMIN", &["Ädmin 100%"]),
            ("0%25", &["Ädmin 100%"]),
            ("d_o", &["read_only"]),
            ("!", &[]),
        ] {
            let page = list(&format!("name_filter={part}&include_totals=true")).await;
            assert_eq!(all(&page["roles"], "name"), found, "{part}");
            assert_eq!(page["total"], found.len(), "{part}");
        }
        let long = format!("name_filter={}", "x".repeat(256));
        for query in ["take=1", "from=x", "type=other", "per_page=101", "page=-1", "q=x", &long] {
            let answer = get(&app, &format!("/roles?{query}")).await;
            assert_eq!(refused(&answer), (400, "invalid_query_string".to_owned()), "{query}");
        }
    }
}

#[tokio::test]
async fn permissions_of_a_role_are_given_listed_and_taken() {
    for (_, app) in each_backend().await {
        api(&app).await;
        let path = format!("/roles/{}/permissions", role(&app, "Admin").await);
        assert_eq!(get(&app, &path).await.ok(), json!([]));
        assert_eq!(TestApp::created(&post(&app, &path, permissions(&["b", "a"])).await), json!({}));
        TestApp::created(&post(&app, &path, permissions(&["a", "a"])).await);
        let entry = |name: &str, description: &str| {
            json!({
                "permission_name": name, "description": description,
                "resource_server_name": "The API", "resource_server_identifier": "https://api",
            })
        };
        let page = get(&app, &format!("{path}?per_page=100&page=0&include_totals=true")).await.ok();
        let expected = json!({
            "start": 0, "limit": 100, "total": 2,
            "permissions": [entry("a", "Do a"), entry("b", "")],
        });
        assert_eq!(page, expected);
        let answer = take(&app, &path, permissions(&["a", "unknown"])).await;
        assert_eq!((answer.status, answer.text.as_str()), (204, ""));
        assert_eq!(get(&app, &path).await.ok(), json!([entry("b", "")]));
        assert_eq!(refused(&get(&app, &format!("{path}?take=1")).await).0, 400);
    }
}

#[tokio::test]
async fn permissions_of_a_role_need_the_role_an_api_and_a_scope() {
    for (_, app) in each_backend().await {
        api(&app).await;
        let path = format!("/roles/{}/permissions", role(&app, "Admin").await);
        let nowhere = format!("{NOWHERE}/permissions");
        let answer = post(&app, &nowhere, permissions(&["a"])).await;
        assert_eq!(refused(&answer).0, 404);
        assert_eq!(answer.text_of("message"), "The role does not exist.");
        let taken = take(&app, &nowhere, permissions(&["a"])).await;
        for answer in [get(&app, &nowhere).await, taken] {
            assert_eq!(refused(&answer).0, 404);
            assert_eq!(answer.text_of("message"), "Role not found.");
        }

        // Nothing of a refused list is given.
        let answer = post(&app, &path, permissions(&["a", "x"])).await;
        assert_eq!(refused(&answer), (400, "invalid_body".to_owned()));
        let mut body = permissions(&["a", "a"]);
        body["permissions"][1]["resource_server_identifier"] = "https://none".into();
        let answer = post(&app, &path, body).await;
        assert_eq!(refused(&answer), (404, "inexistent_resource_server".to_owned()));
        for body in [json!({}), permissions(&[]), json!({ "permissions": [{}] })] {
            for answer in [post(&app, &path, body.clone()).await, take(&app, &path, body).await] {
                assert_eq!(refused(&answer), (400, "invalid_body".to_owned()));
            }
        }
        assert_eq!(get(&app, &path).await.ok(), json!([]));
    }
}

#[tokio::test]
async fn users_of_a_role_are_given_and_listed_in_both_styles() {
    for (_, app) in each_backend().await {
        let id = role(&app, "Admin").await;
        let path = format!("/roles/{id}/users");
        let mut ids = Vec::new();
        for name in ["a", "b", "c"] {
            ids.push(user(&app, name).await);
        }
        for _ in 0..2 {
            assert_eq!(post(&app, &path, json!({ "users": ids })).await.ok(), json!({}));
        }
        ids.sort();
        let list = async |query: &str| get(&app, &format!("{path}?{query}")).await.ok();
        let whole = list("").await;
        assert_eq!(all(&whole, "user_id"), ids);
        let keys: Vec<_> = whole[0].as_object().unwrap().keys().collect();
        assert_eq!(keys, ["email", "name", "picture", "user_id"]);
        let page = list("per_page=2&page=1&include_totals=true").await;
        assert_eq!((&page["start"], &page["total"]), (&json!(2), &json!(3)));
        assert_eq!(all(&page["users"], "user_id"), ids[2..]);
        let first = list("take=2&include_totals=true").await;
        assert_eq!(all(&first["users"], "user_id"), ids[..2]);
        assert!(first.get("total").is_none(), "{first}");
        let next = segment(first["next"].as_str().unwrap());
        let second = list(&format!("take=2&from={next}")).await;
        assert_eq!(all(&second["users"], "user_id"), ids[2..]);
        assert!(second.get("next").is_none(), "{second}");

        let role = role(&app, "Other").await;
        let other = format!("/roles/{role}/users");
        let answer = post(&app, &other, json!({ "users": [ids[0], "auth0|none"] })).await;
        assert_eq!(refused(&answer), (404, "inexistent_user".to_owned()));
        assert_eq!(answer.text_of("message"), "One or more of the users do not exist.");
        assert_eq!(get(&app, &other).await.ok(), json!([]), "nothing of a refused list");
        assert_eq!(post(&app, &other, json!({ "users": [] })).await.status, 200);
        for body in [json!({}), json!({ "users": [""] }), json!({ "users": "x" })] {
            assert_eq!(refused(&post(&app, &other, body).await).0, 400);
        }
        let nowhere = format!("{NOWHERE}/users");
        assert_eq!(refused(&get(&app, &nowhere).await).0, 404);
        assert_eq!(refused(&post(&app, &nowhere, json!({ "users": [ids[0]] })).await).0, 404);
    }
}

#[tokio::test]
async fn who_may_read_roles_only_sees_no_addresses_of_users() {
    for (_, app) in each_backend().await {
        let path = format!("/roles/{}/users", role(&app, "Admin").await);
        for (scope, status) in [
            ("read:roles", 403),
            ("read:users", 403),
            ("read:users read:roles", 200),
            ("read:role_members", 200),
        ] {
            let token = app.management_token_with(Some(scope)).await;
            let answer = app.management_as(&token, "GET", &path, None).await;
            assert_eq!(answer.status, status, "{scope}");
        }
    }
}

#[tokio::test]
async fn roles_of_a_user_are_given_listed_and_taken() {
    for (_, app) in each_backend().await {
        let (one, two) = (role(&app, "One").await, role(&app, "Two").await);
        let path = format!("/users/{}/roles", segment(&user(&app, "a").await));
        assert_eq!(get(&app, &path).await.ok(), json!([]));
        for _ in 0..2 {
            let answer = post(&app, &path, json!({ "roles": [two, one, one] })).await;
            assert_eq!((answer.status, answer.text.as_str()), (204, ""));
        }
        let entry = |id: &str, name: &str| json!({ "id": id, "name": name, "description": "" });
        let page = get(&app, &format!("{path}?per_page=100&page=0&include_totals=true")).await.ok();
        let expected = json!({
            "start": 0, "limit": 100, "total": 2, "roles": [entry(&one, "One"), entry(&two, "Two")],
        });
        assert_eq!(page, expected);
        let answer = take(&app, &path, json!({ "roles": [one, "rol_none"] })).await;
        assert_eq!((answer.status, answer.text.as_str()), (204, ""));
        assert_eq!(get(&app, &path).await.ok(), json!([entry(&two, "Two")]));

        let answer = post(&app, &path, json!({ "roles": [one, "rol_none"] })).await;
        invalid_body(&answer, "One or more of the specified roles do not exist: rol_none");
        for body in [json!({}), json!({ "roles": [] }), json!({ "roles": [1] })] {
            for answer in [post(&app, &path, body.clone()).await, take(&app, &path, body).await] {
                assert_eq!(refused(&answer), (400, "invalid_body".to_owned()));
            }
        }
        assert_eq!(get(&app, &path).await.ok(), json!([entry(&two, "Two")]));

        let nobody = "/users/auth0%7Cnone/roles";
        let given = post(&app, nobody, json!({ "roles": [one] })).await;
        let taken = take(&app, nobody, json!({ "roles": [one] })).await;
        let read = get(&app, nobody).await;
        assert_eq!(read.text_of("message"), "User not found.");
        for answer in [read, given, taken] {
            assert_eq!(refused(&answer), (404, "inexistent_user".to_owned()));
        }
    }
}

#[tokio::test]
async fn what_is_deleted_leaves_roles_behind_in_order() {
    for (_, app) in each_backend().await {
        let api = format!("/resource-servers/{}", api(&app).await);
        let (keep, gone) = (role(&app, "Keep").await, role(&app, "Gone").await);
        let (ada, bob) = (user(&app, "ada").await, user(&app, "bob").await);
        for id in [&keep, &gone] {
            let body = json!({ "users": [ada, bob] });
            post(&app, &format!("/roles/{id}/users"), body).await.ok();
            let body = permissions(&["a", "b"]);
            TestApp::created(&post(&app, &format!("/roles/{id}/permissions"), body).await);
        }
        let direct = format!("/users/{}/permissions", segment(&ada));
        TestApp::created(&post(&app, &direct, permissions(&["a", "b"])).await);

        // A role, with users and permissions.
        delete(&app, &format!("/roles/{gone}")).await.ok();
        let of_ada = get(&app, &format!("/users/{}/roles", segment(&ada))).await.ok();
        assert_eq!(all(&of_ada, "id"), std::slice::from_ref(&keep));
        // A user.
        assert_eq!(delete(&app, &format!("/users/{}", segment(&bob))).await.status, 204);
        let users = get(&app, &format!("/roles/{keep}/users")).await.ok();
        assert_eq!(all(&users, "user_id"), [ada]);
        // A scope: should it come back, nobody has it.
        let scopes = |names: &[&str]| {
            let of = |name: &&str| json!({ "value": name });
            json!({ "scopes": names.iter().map(of).collect::<Vec<_>>() })
        };
        let path = format!("/roles/{keep}/permissions");
        for defined in [&["b"][..], &["a", "b"]] {
            patch(&app, &api, scopes(defined)).await.ok();
            for path in [&path, &direct] {
                assert_eq!(all(&get(&app, path).await.ok(), "permission_name"), ["b"]);
            }
        }
        // An API.
        assert_eq!(delete(&app, &api).await.status, 204);
        for path in [&path, &direct] {
            assert_eq!(get(&app, path).await.ok(), json!([]));
        }
    }
}
