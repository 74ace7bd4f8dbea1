//! `/users` and `/users-by-email`

use serde_json::{Value, json};

use super::{delete, get, patch, post, refused, segment};
use crate::support::{
    TestApp, each_backend, each_backend_with,
    fixtures::{EMAIL, PASSWORD},
    raw::Raw,
};

const CONNECTION: &str = "Username-Password-Authentication";

fn user(more: Value) -> Value {
    let mut body = json!({ "connection": CONNECTION, "email": EMAIL, "password": PASSWORD });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

fn path_of(user: &Value) -> String {
    format!("/users/{}", segment(user["user_id"].as_str().unwrap()))
}

#[tokio::test]
async fn a_user_is_created_as_recorded_and_never_shows_a_password() {
    for (_, app) in each_backend().await {
        let body = user(json!({ "email": "Ada@Example.COM" }));
        let answer = post(&app, "/users", body).await;
        let created = TestApp::created(&answer);
        let id = created["user_id"].as_str().unwrap();
        let local = id.strip_prefix("auth0|").unwrap();
        assert!(local.len() == 24 && local.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
        let at = created["created_at"].as_str().unwrap();
        assert!(at.len() == 24 && at.ends_with('Z'), "{at}");
        assert_eq!(
            created,
            json!({
                "user_id": id, "email": EMAIL, "email_verified": false, "name": EMAIL,
                "nickname": "ada", "picture": created["picture"],
                "created_at": at, "updated_at": at,
                "identities": [{
                    "connection": CONNECTION, "user_id": local, "provider": "auth0",
                    "isSocial": false,
                }],
            })
        );
        assert!(created["picture"].as_str().unwrap().starts_with("https://s.gravatar.com/avatar/"));
        let read = get(&app, &path_of(&created)).await;
        assert_eq!(read.ok(), created);
        let list = get(&app, "/users").await;
        for text in [&answer.text, &read.text, &list.text] {
            assert!(!text.contains("password") && !text.contains("argon2"), "{text}");
        }
    }
}

#[tokio::test]
async fn a_user_keeps_the_given_id_and_profile() {
    for (_, app) in each_backend().await {
        let body = user(json!({
            "user_id": "a/b|c", "username": "ADA", "given_name": "Ada", "family_name": "Lovelace",
            "name": "Ada L", "nickname": "al", "picture": "https://p.example/a.png",
            "phone_number": "+4412345", "email_verified": true, "blocked": false,
            "user_metadata": { "a": { "b": 1 } }, "app_metadata": { "plan": "gold" },
            "verify_email": false,
        }));
        let created = TestApp::created(&post(&app, "/users", body.clone()).await);
        assert_eq!(created["user_id"], "auth0|a/b|c");
        assert_eq!(created["username"], "ada");
        for (name, value) in body.as_object().unwrap() {
            if !["user_id", "username", "password", "connection", "verify_email"]
                .contains(&name.as_str())
            {
                assert_eq!(&created[name], value, "{name}");
            }
        }
        assert_eq!(get(&app, "/users/auth0%7Ca%2Fb%7Cc").await.ok(), created);
    }
}

#[tokio::test]
async fn users_that_cannot_be_are_refused() {
    for (_, app) in each_backend().await {
        for (body, about) in [
            (json!({ "email": EMAIL }), "Missing required property: connection"),
            (user(json!({ "connection": "google-oauth2" })), "The connection does not exist."),
            (json!({ "connection": CONNECTION, "password": "x" }), "needs an email or a username"),
            (
                user(json!({ "email": "ada" })),
                "Object didn't pass validation for format email: ada' on property email (The user's email.).",
            ),
            (user(json!({ "email": null })), "Expected type string but found type null"),
            (user(json!({ "user_id": "a b" })), "String does not match pattern ^\\S*$"),
            (
                user(json!({ "user_id": "x".repeat(256) })),
                "String is too long (256 chars), maximum 255",
            ),
            (user(json!({ "username": "bob@example.com" })), "cannot be an email address"),
            (
                user(json!({ "phone_number": "12345" })),
                "String does not match pattern ^\\+[0-9]{1,15}$",
            ),
            (user(json!({ "picture": "javascript:alert(1)" })), "format strict-uri"),
            (user(json!({ "password": "" })), "String is too short (0 chars), minimum 1"),
            (user(json!({ "password": "x".repeat(1025) })), "maximum 1024"),
            (user(json!({ "given_name": "" })), "String is too short"),
            (
                user(json!({ "logins_count": 5, "created_at": "x" })),
                "Additional properties not allowed: created_at,logins_count",
            ),
            (user(json!({ "user_metadata": [] })), "Expected type object but found type array"),
        ] {
            let answer = post(&app, "/users", body.clone()).await;
            assert_eq!(refused(&answer), (400, "invalid_body".to_owned()), "{body}");
            assert!(answer.text_of("message").contains(about), "{}", answer.text);
        }
        TestApp::created(
            &post(&app, "/users", user(json!({ "username": "ada", "user_id": "1" }))).await,
        );
        for body in [
            user(json!({})),
            user(json!({ "email": "other@example.com", "username": "ADA" })),
            user(json!({ "email": "other@example.com", "user_id": "1" })),
        ] {
            let answer = post(&app, "/users", body).await;
            assert_eq!(refused(&answer), (409, "user_exists".to_owned()));
            assert_eq!(answer.text_of("message"), "The user already exists.");
        }
    }
}

#[tokio::test]
async fn a_patch_of_a_user_merges_metadata_one_level_deep() {
    for (_, app) in each_backend().await {
        let body = user(json!({
            "user_metadata": { "keep": 1, "deep": { "a": 1, "b": 2 } },
            "app_metadata": { "gone": 1 }, "given_name": "Ada", "email_verified": true,
        }));
        let created = TestApp::created(&post(&app, "/users", body).await);
        let path = path_of(&created);
        app.clock.advance_seconds(5);
        let patched = patch(
            &app,
            &path,
            json!({
                "user_metadata": { "deep": { "c": null } }, "app_metadata": {},
                "given_name": null, "name": "Countess",
            }),
        )
        .await
        .ok();
        assert_eq!(patched["user_metadata"], json!({ "keep": 1, "deep": { "c": null } }));
        assert!(patched.get("app_metadata").is_none() && patched.get("given_name").is_none());
        assert_eq!(patched["name"], "Countess");
        assert_eq!(patched["email_verified"], true);
        assert_ne!(patched["updated_at"], created["updated_at"]);
        assert_eq!(patched["created_at"], created["created_at"]);
        let removed = patch(&app, &path, json!({ "user_metadata": { "keep": null } })).await.ok();
        assert_eq!(removed["user_metadata"], json!({ "deep": { "c": null } }));

        let moved = patch(&app, &path, json!({ "email": "New@example.com" })).await.ok();
        assert_eq!(
            (moved["email"].as_str(), moved["email_verified"].as_bool()),
            (Some("new@example.com"), Some(false))
        );
        let answer = patch(&app, &path, json!({ "email": null })).await;
        assert_eq!(refused(&answer).0, 400, "nothing would be left to log in with");
        assert_eq!(refused(&patch(&app, &path, json!({ "user_id": "x" })).await).0, 400);
        app.add_user("bob@example.com", PASSWORD).await;
        let answer = patch(&app, &path, json!({ "email": "bob@example.com" })).await;
        assert_eq!(refused(&answer), (409, "user_exists".to_owned()));
        assert_eq!(get(&app, &path).await.ok(), moved);
    }
}

#[tokio::test]
async fn blocking_a_user_ends_sessions_and_refresh_tokens() {
    for (_, app) in each_backend().await {
        let world = app.world().await;
        let login = app.log_in(&world).await;
        let token = login["refresh_token"].as_str().unwrap();
        app.log_in(&world).await;
        let path = format!("/users/{}", segment(&world.user_id));
        let blocked = patch(&app, &path, json!({ "blocked": true })).await.ok();
        assert_eq!(blocked["blocked"], true);
        let mut raw = Raw::connect(&app).await;
        assert_eq!(raw.number("SELECT COUNT(*) FROM session").await, 0);
        // Two logins, two families.
        let revoked = "SELECT COUNT(*) FROM refresh_token_family WHERE revoked_by = 'user_blocked'";
        assert_eq!(raw.number(revoked).await, 2);
        // Unblocked, the user must log in anew.
        patch(&app, &path, json!({ "blocked": false })).await.ok();
        assert_eq!(app.refresh(&world, token, &[]).await.error().1, "invalid_grant");
    }
}

#[tokio::test]
async fn a_new_password_ends_sessions_and_refresh_tokens() {
    for (_, app) in each_backend().await {
        let world = app.world().await;
        let login = app.log_in(&world).await;
        let token = login["refresh_token"].as_str().unwrap();
        let path = format!("/users/{}", segment(&world.user_id));
        patch(&app, &path, json!({ "name": "Ada" })).await.ok();
        let mut raw = Raw::connect(&app).await;
        assert_eq!(raw.number("SELECT COUNT(*) FROM session").await, 1, "a name ends nothing");
        patch(&app, &path, json!({ "password": "something new" })).await.ok();
        assert_eq!(raw.number("SELECT COUNT(*) FROM session").await, 0);
        assert_eq!(app.refresh(&world, token, &[]).await.error().1, "invalid_grant");
        let hashes = "SELECT COUNT(*) FROM user_account WHERE password_hash LIKE '$argon2id$%'";
        assert_eq!(raw.number(hashes).await, 1);
    }
}

#[tokio::test]
async fn refresh_tokens_survive_a_new_password_where_the_operator_says_so() {
    for (_, app) in each_backend_with("[refresh_tokens]\nrevoke_on_password_change = false\n").await
    {
        let world = app.world().await;
        let login = app.log_in(&world).await;
        let token = login["refresh_token"].as_str().unwrap();
        let path = format!("/users/{}", segment(&world.user_id));
        patch(&app, &path, json!({ "password": "something new" })).await.ok();
        let mut raw = Raw::connect(&app).await;
        assert_eq!(raw.number("SELECT COUNT(*) FROM session").await, 0);
        assert_eq!(app.refresh(&world, token, &[]).await.status, 200);
    }
}

#[tokio::test]
async fn a_missing_user_is_not_found_and_deleting_one_is_harmless() {
    for (_, app) in each_backend().await {
        let missing = (404, "inexistent_user".to_owned());
        assert_eq!(refused(&get(&app, "/users/auth0%7Cnone").await), missing);
        let answer = patch(&app, "/users/auth0%7Cnone", json!({ "password": "x" })).await;
        assert_eq!(refused(&answer), missing);
        assert_eq!(delete(&app, "/users/auth0%7Cnone").await.status, 204);
        let path = path_of(&app.add_user(EMAIL, PASSWORD).await);
        assert_eq!(delete(&app, &path).await.status, 204);
        assert_eq!(refused(&get(&app, &path).await), missing);
        app.add_user(EMAIL, PASSWORD).await;
    }
}

#[tokio::test]
async fn users_are_searched_sorted_and_paged() {
    for (_, app) in each_backend().await {
        let mut ids = Vec::new();
        for name in ["a", "b", "c"] {
            let body = user(json!({ "email": format!("{name}@x.example"), "username": name }));
            let created = TestApp::created(&post(&app, "/users", body).await);
            ids.push(created["user_id"].as_str().unwrap().to_owned());
            app.clock.advance_seconds(1);
        }
        let found = async |query: &str| -> Vec<String> {
            let users = get(&app, &format!("/users?{query}&fields=user_id")).await.ok();
            let ids = users.as_array().unwrap().iter();
            ids.map(|u| u["user_id"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(found("search_engine=v3").await, ids);
        let reversed: Vec<_> = ids.iter().rev().cloned().collect();
        assert_eq!(found("sort=created_at:-1").await, reversed);
        assert_eq!(found("sort=created_at:-1&per_page=2&page=0").await, reversed[..2]);
        assert_eq!(found("sort=created_at:-1&per_page=2&page=1").await, reversed[2..]);
        assert!(found("sort=created_at:-1&per_page=2&page=2").await.is_empty());
        assert_eq!(found("q=email:%22B@X.example%22").await, ids[1..2]);
        assert_eq!(found("q=username:c").await, ids[2..]);
        let quoted = format!("q=user_id:%22{}%22", segment(&ids[0]));
        assert_eq!(found(&quoted).await, ids[..1]);
        assert_eq!(found(&format!("connection={CONNECTION}")).await, ids);
        assert!(found("connection=other").await.is_empty());
        for query in ["q=nmae:a", "q=email:(a", "sort=blocked:1", "search_engine=v1"] {
            let answer = get(&app, &format!("/users?{query}")).await;
            let code = "invalid_query_string".to_owned();
            assert_eq!(refused(&answer), (400, code), "{query}");
        }
        let page =
            get(&app, "/users?page=1&per_page=2&include_totals=true&fields=email").await.ok();
        let expected = json!({
            "start": 2, "limit": 2, "length": 1, "total": 3, "users": [{ "email": "c@x.example" }],
        });
        assert_eq!(page, expected);
        assert_eq!(get(&app, "/users?page=9&per_page=100").await.ok(), json!([]));
        let answer = get(&app, "/users?page=10&per_page=100").await;
        assert!(answer.text_of("message").contains("first 1000 records"));
    }
}

#[tokio::test]
async fn users_are_found_by_their_address() {
    for (_, app) in each_backend().await {
        let created = app.add_user(EMAIL, PASSWORD).await;
        let path = format!("/users-by-email?email={}", segment(EMAIL));
        assert_eq!(get(&app, &path).await.ok(), json!([created]));
        let path = format!("{path}&fields=email");
        assert_eq!(get(&app, &path).await.ok(), json!([{ "email": EMAIL }]));
        assert_eq!(get(&app, "/users-by-email?email=none%40x").await.ok(), json!([]));
    }
}
