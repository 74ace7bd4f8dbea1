//! `/refresh-tokens`, `/users/{id}/refresh-tokens` and `/device-credentials`.

use serde_json::{Value, json};

use super::{delete, get, invalid_body, patch, post, refused, segment};
use crate::support::{TestApp, each_backend, fixtures::*};

/// The ids of the live refresh tokens of the user.
async fn ids(app: &TestApp, world: &World) -> Vec<String> {
    let path = format!("/users/{}/refresh-tokens", segment(&world.user_id));
    let listed = get(app, &path).await.ok();
    let ids = listed["tokens"].as_array().unwrap().iter();
    ids.map(|token| text(token, "id").to_owned()).collect()
}

async fn is_alive(app: &TestApp, world: &World, login: &Value) -> bool {
    app.refresh(world, text(login, "refresh_token"), &[]).await.status == 200
}

#[tokio::test]
async fn a_refresh_token_shows_every_api_it_reaches_and_when_it_ends() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let login = app.log_in(&world).await;
        let id = ids(&app, &world).await.remove(0);
        let path = format!("/refresh-tokens/{id}");
        let shown = get(&app, &path).await.ok();
        let members: Vec<_> = shown.as_object().unwrap().keys().map(String::as_str).collect();
        let expected = [
            "client_id",
            "created_at",
            "device",
            "expires_at",
            "id",
            "idle_expires_at",
            "last_exchanged_at",
            "refresh_token_metadata",
            "resource_servers",
            "rotating",
            "session_id",
            "user_id",
        ];
        assert_eq!(members, expected, "{backend}");
        assert_eq!(shown["client_id"], world.client_id, "{backend}");
        assert_eq!(shown["user_id"], world.user_id, "{backend}");
        assert_eq!(shown["rotating"], true, "{backend}");
        let device = json!({
            "initial_ip": "127.0.0.1", "initial_user_agent": null,
            "last_ip": "127.0.0.1", "last_user_agent": null,
        });
        assert_eq!(shown["device"], device, "{backend}");
        assert_eq!(shown["last_exchanged_at"], Value::Null, "{backend}");
        assert!(shown["session_id"].is_string(), "{backend}");
        let apis = shown["resource_servers"].as_array().unwrap();
        assert_eq!(apis.len(), 2, "{backend}: {apis:?}");
        assert_eq!(apis[0]["audience"], MESSAGES, "{backend}");
        let scopes = text(&apis[0], "scopes");
        for scope in LOGIN_SCOPE.split(' ').chain(["write:messages"]) {
            assert!(scopes.split(' ').any(|s| s == scope), "{backend}: {scope} in {scopes}");
        }
        // The policy names write:billing too, which the API does not define.
        assert_eq!(apis[1], json!({ "audience": BILLING, "scopes": "read:billing" }));

        app.clock.advance_seconds(100);
        let exchanged = app.refresh(&world, text(&login, "refresh_token"), &[]).await.ok();
        let later = get(&app, &path).await.ok();
        assert_eq!(later["id"], shown["id"], "{backend}: a rotation keeps the id");
        assert_eq!(later["expires_at"], shown["expires_at"], "{backend}: the end is fixed");
        assert_ne!(later["idle_expires_at"], shown["idle_expires_at"], "{backend}");
        assert!(later["last_exchanged_at"].is_string(), "{backend}");
        // The idle end is that of the settings now, and a token past it is gone.
        let short =
            json!({ "refresh_token": refresh_settings(json!({ "idle_token_lifetime": 50 })) });
        app.patch_client(&world.client_id, short).await;
        app.clock.advance_seconds(51);
        let missing = get(&app, &path).await;
        assert_eq!(refused(&missing).0, 404, "{backend}");
        assert_eq!(missing.text_of("message"), "The refresh token does not exist.");
        assert!(ids(&app, &world).await.is_empty(), "{backend}");
        assert!(!is_alive(&app, &world, &exchanged).await, "{backend}");
    }
}

#[tokio::test]
async fn refresh_tokens_are_listed_by_user_and_client_page_by_page() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        for _ in 0..3 {
            app.log_in(&world).await;
        }
        let all = ids(&app, &world).await;
        assert_eq!(all.len(), 3, "{backend}");
        assert!(all.is_sorted(), "{backend}");
        let user = segment(&world.user_id);
        let list = format!("/refresh-tokens?user_id={user}&client_id={}", world.client_id);
        let first = get(&app, &format!("{list}&take=2&fields=id")).await.ok();
        let id = |i: usize| json!({ "id": all[i] });
        let next = text(&first, "next");
        assert_eq!(first, json!({ "refresh_tokens": [id(0), id(1)], "next": next }));
        let next = format!("{list}&take=2&fields=id&from={next}");
        let second = get(&app, &next).await.ok();
        assert_eq!(second, json!({ "refresh_tokens": [id(2)] }), "{backend}");

        let missing = get(&app, "/refresh-tokens").await;
        assert_eq!(refused(&missing), (400, "invalid_query_string".into()), "{backend}");
        assert_eq!(missing.text_of("message"), "Missing required 'user_id' parameter.");
        for unknown in [
            "/refresh-tokens?user_id=nobody".to_owned(),
            format!("/refresh-tokens?user_id={user}&client_id=nothing"),
            "/users/nobody/refresh-tokens".to_owned(),
            "/refresh-tokens/nothing".to_owned(),
        ] {
            assert_eq!(refused(&get(&app, &unknown).await).0, 404, "{backend} {unknown}");
        }
        let other = app.add_client(json!({ "name": "Other" })).await;
        let other = text(&other, "client_id");
        let none = get(&app, &format!("/refresh-tokens?user_id={user}&client_id={other}")).await;
        assert_eq!(none.ok(), json!({ "refresh_tokens": [] }), "{backend}");
    }
}

#[tokio::test]
async fn metadata_is_replaced_kept_over_rotations_and_limited() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let login = app.log_in(&world).await;
        let path = format!("/refresh-tokens/{}", ids(&app, &world).await[0]);
        let set = async |metadata: Value| {
            patch(&app, &path, json!({ "refresh_token_metadata": metadata })).await
        };
        let longest = json!({ "device": "é".repeat(255) });
        assert_eq!(set(longest.clone()).await.ok()["refresh_token_metadata"], longest);
        app.refresh(&world, text(&login, "refresh_token"), &[]).await.ok();
        assert_eq!(get(&app, &path).await.ok()["refresh_token_metadata"], longest, "{backend}");
        let other = json!({ "other": "x" });
        assert_eq!(set(other.clone()).await.ok()["refresh_token_metadata"], other, "{backend}");

        let many: serde_json::Map<_, _> = (0..26).map(|i| (i.to_string(), json!("x"))).collect();
        let limit = "Metadata must not exceed 25 entries. Each key and value must be ≤ 255 \
                     characters.";
        let long = "x".repeat(256);
        for bad in [
            Value::Object(many),
            json!({ "k": long }),
            json!({ long.as_str(): "v" }),
            json!({ "k": 1 }),
        ] {
            invalid_body(&set(bad).await, limit);
        }
        for bad in [json!({}), json!({ "user_id": "x" }), json!({ "refresh_token_metadata": "x" })]
        {
            assert_eq!(refused(&patch(&app, &path, bad).await).0, 400, "{backend}");
        }
        assert_eq!(get(&app, &path).await.ok()["refresh_token_metadata"], other, "{backend}");
        assert_eq!(set(Value::Null).await.ok()["refresh_token_metadata"], Value::Null);
        delete(&app, &path).await;
        assert_eq!(refused(&set(Value::Null).await).0, 404, "{backend}: revoked");
    }
}

#[tokio::test]
async fn deleting_revokes_at_once_and_may_be_repeated() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let login = app.log_in(&world).await;
        let path = format!("/refresh-tokens/{}", ids(&app, &world).await[0]);
        for _ in 0..2 {
            let answer = delete(&app, &path).await;
            assert_eq!((answer.status, answer.text.as_str()), (202, ""), "{backend}");
        }
        assert!(!is_alive(&app, &world, &login).await, "{backend}");
        assert_eq!(get(&app, &path).await.status, 404, "{backend}");

        let logins = [app.log_in(&world).await, app.log_in(&world).await];
        let all = format!("/users/{}/refresh-tokens", segment(&world.user_id));
        assert_eq!(delete(&app, &all).await.status, 202, "{backend}");
        for login in &logins {
            assert!(!is_alive(&app, &world, login).await, "{backend}");
        }
        assert!(ids(&app, &world).await.is_empty(), "{backend}");
        assert_eq!(delete(&app, "/users/nobody/refresh-tokens").await.status, 404, "{backend}");
    }
}

#[tokio::test]
async fn bulk_revocation_takes_ids_a_user_a_client_or_an_api_and_nothing_else() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let revoke = async |body: Value| post(&app, "/refresh-tokens/revoke", body).await;
        let (user, client) = (world.user_id.as_str(), world.client_id.as_str());
        let works = async |body: Value, login: &Value, dies: bool| {
            let answer = revoke(body.clone()).await;
            assert_eq!((answer.status, answer.text.as_str()), (202, ""), "{backend} {body}");
            assert_eq!(!is_alive(&app, &world, login).await, dies, "{backend} {body}");
        };
        let (one, two) = (app.log_in(&world).await, app.log_in(&world).await);
        let all = ids(&app, &world).await;
        works(json!({ "ids": [all[0], all[1], "unknown"] }), &one, true).await;
        assert!(!is_alive(&app, &world, &two).await, "{backend}");
        works(json!({ "user_id": user }), &app.log_in(&world).await, true).await;
        let login = app.log_in(&world).await;
        let other = app.add_client(json!({ "name": "Other" })).await;
        works(json!({ "user_id": user, "client_id": other["client_id"] }), &login, false).await;
        works(json!({ "user_id": user, "client_id": client }), &login, true).await;

        // An API that a policy opens is within reach of every login of the client.
        let of = |audience| json!({ "user_id": user, "client_id": client, "audience": audience });
        works(of(BILLING), &app.log_in(&world).await, true).await;
        let none = json!({ "refresh_token": refresh_settings(json!({ "policies": null })) });
        app.patch_client(client, none).await;
        let login = app.log_in(&world).await;
        let token = app.refresh(&world, text(&login, "refresh_token"), &[]).await.ok();
        works(of(BILLING), &token, false).await;
        works(of(MESSAGES), &app.log_in(&world).await, true).await;

        for bad in [
            json!({}),
            json!({ "client_id": client }),
            json!({ "audience": MESSAGES }),
            json!({ "user_id": user, "audience": MESSAGES }),
            json!({ "ids": ["a"], "user_id": user }),
        ] {
            invalid_body(&revoke(bad).await, "Invalid combination of parameters.");
        }
        for (bad, message) in [
            (json!({ "user_id": "nobody" }), "User not found."),
            (json!({ "user_id": user, "client_id": "nothing" }), "Client not found."),
            (of("https://nothing.example"), "Resource server not found."),
        ] {
            invalid_body(&revoke(bad).await, message);
        }
        let many: Vec<_> = (0..101).map(|i| i.to_string()).collect();
        for bad in [json!({ "ids": [] }), json!({ "ids": many }), json!({ "ids": "a" })] {
            assert_eq!(refused(&revoke(bad).await).0, 400, "{backend}");
        }
    }
}

#[tokio::test]
async fn device_credentials_are_the_refresh_tokens_under_another_name() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let login = app.log_in(&world).await;
        let id = ids(&app, &world).await.remove(0);
        let list = format!("/device-credentials?user_id={}", segment(&world.user_id));
        let expected = json!([{
            "id": id, "type": "rotating_refresh_token",
            "user_id": world.user_id, "client_id": world.client_id,
        }]);
        assert_eq!(get(&app, &list).await.ok(), expected, "{backend}");
        for (kind, found) in [
            ("rotating_refresh_token", expected.clone()),
            ("refresh_token", json!([])),
            ("public_key", json!([])),
        ] {
            let listed = get(&app, &format!("{list}&type={kind}")).await.ok();
            assert_eq!(listed, found, "{backend} {kind}");
        }
        let totals = get(&app, &format!("{list}&include_totals=true&client_id=nothing")).await;
        let empty = json!({ "start": 0, "limit": 50, "total": 0, "device_credentials": [] });
        assert_eq!(totals.ok(), empty, "{backend}");
        for bad in ["/device-credentials".to_owned(), format!("{list}&type=other")] {
            assert_eq!(refused(&get(&app, &bad).await).0, 400, "{backend} {bad}");
        }
        for _ in 0..2 {
            let answer = delete(&app, &format!("/device-credentials/{id}")).await;
            assert_eq!(answer.status, 204, "{backend}");
        }
        assert!(!is_alive(&app, &world, &login).await, "{backend}");
        assert_eq!(get(&app, &list).await.ok(), json!([]), "{backend}");
    }
}

#[tokio::test]
async fn the_device_of_the_last_exchange_is_shown() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let token = text(&app.log_in(&world).await, "refresh_token").to_owned();
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", world.client_id.as_str()),
            ("refresh_token", token.as_str()),
        ];
        let long = "Phone/2 ".repeat(100);
        let request = app.http.post(app.url("oauth/token")).form(&form);
        app.send(request.header("user-agent", &long)).await.ok();
        let user = world.user_id.replace('|', "%7C");
        let path = format!("/users/{user}/refresh-tokens");
        let listed = app.management("GET", &path, None).await.ok();
        let device = &listed["tokens"][0]["device"];
        assert_eq!(device["last_user_agent"], long[..300], "{backend}: cut");
        assert!(device["initial_user_agent"].is_null(), "{backend}");
    }
}
