//! `/refresh-token-families` and `/users/{id}/refresh-token-families`: an extension of this server.

use serde_json::{Value, json};

use super::{delete, get, patch, post, refused, segment};
use crate::support::{TestApp, each_backend, fixtures::*};

async fn families(app: &TestApp, world: &World, query: &str) -> Vec<Value> {
    let path = format!("/users/{}/refresh-token-families{query}", segment(&world.user_id));
    let listed = get(app, &path).await.ok();
    listed["refresh_token_families"].as_array().unwrap().clone()
}

/// The latest family of the user.
async fn latest(app: &TestApp, world: &World) -> Value {
    families(app, world, "").await.remove(0)
}

#[tokio::test]
async fn a_family_shows_its_login_its_generation_and_what_it_is_good_for() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let login = app.log_in(&world).await;
        let family = latest(&app, &world).await;
        let session = get(&app, &format!("/sessions/{}", text(&family, "session_id"))).await.ok();
        assert_eq!(family["state"], "live", "{backend}");
        for absent in ["ended_at", "ended_by", "organization_id", "last_exchanged_at"] {
            assert!(family.get(absent).is_none(), "{backend}: {absent}");
        }
        assert_eq!(family["client_id"], world.client_id, "{backend}");
        let client = get(&app, &format!("/clients/{}", world.client_id)).await.ok();
        assert_eq!(family["client_name"], client["name"], "{backend}");
        assert_eq!(family["audience"], MESSAGES, "{backend}");
        assert_eq!(family["grant"], "authorization_code", "{backend}");
        assert_eq!(family["amr"], json!(["pwd"]), "{backend}");
        assert_eq!(family["authenticated_at"], session["authenticated_at"], "{backend}");
        assert_eq!(family["sender_constrained"], false, "{backend}");
        let scope: Vec<_> = text(&family, "scope").split(' ').collect();
        for asked in LOGIN_SCOPE.split(' ') {
            assert!(scope.contains(&asked), "{backend}: {asked} in {scope:?}");
        }
        assert_eq!(family["resource_servers"].as_array().unwrap().len(), 2, "{backend}");
        let before = family["generation"].as_u64().unwrap();

        app.clock.advance_seconds(60);
        app.refresh(&world, text(&login, "refresh_token"), &[]).await.ok();
        let later = latest(&app, &world).await;
        assert_eq!(later["generation"], before + 1, "{backend}");
        assert_eq!(later["rotated_at"], later["last_exchanged_at"], "{backend}");
        assert_eq!(later["expires_at"], family["expires_at"], "{backend}");
        let one = format!("/refresh-token-families/{}", text(&family, "id"));
        assert_eq!(get(&app, &one).await.ok(), later, "{backend}");
    }
}

#[tokio::test]
async fn a_dead_family_tells_what_ended_it_and_when() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let user = format!("/users/{}", segment(&world.user_id));
        let dies = async |by: &str| {
            let family = latest(&app, &world).await;
            assert_eq!((&family["state"], &family["ended_by"]), (&json!("dead"), &json!(by)));
            assert!(family["ended_at"].as_str() >= family["created_at"].as_str(), "{backend} {by}");
            assert_eq!(family["resource_servers"], json!([]), "{backend} {by}");
            app.clock.advance_seconds(1);
        };
        let login = async || text(&app.log_in(&world).await, "refresh_token").to_owned();

        let stolen = login().await;
        app.refresh(&world, &stolen, &[]).await.ok();
        app.clock.advance_seconds(600);
        assert_eq!(app.refresh(&world, &stolen, &[]).await.status, 400, "{backend}");
        dies("reuse").await;

        let token = login().await;
        let form = [("client_id", world.client_id.as_str()), ("token", token.as_str())];
        let request = app.http.post(app.url("oauth/revoke")).form(&form);
        app.send(request).await;
        dies("client").await;

        login().await;
        let id = latest(&app, &world).await;
        delete(&app, &format!("/refresh-tokens/{}", text(&id, "id"))).await;
        dies("management").await;

        login().await;
        let changed = json!({ "password": "another-Passw0rd" });
        patch(&app, &user, changed).await.ok();
        dies("password_change").await;
        patch(&app, &user, json!({ "password": PASSWORD })).await.ok();

        login().await;
        patch(&app, &user, json!({ "blocked": true })).await.ok();
        dies("user_blocked").await;
        patch(&app, &user, json!({ "blocked": false })).await.ok();

        login().await;
        let short = json!({ "refresh_token": refresh_settings(json!({
            "idle_token_lifetime": 100, "token_lifetime": 150,
        })) });
        app.patch_client(&world.client_id, short).await;
        app.clock.advance_seconds(100);
        let idle = latest(&app, &world).await;
        assert_eq!(idle["ended_at"], idle["idle_expires_at"], "{backend}");
        dies("expired_idle").await;

        let token = login().await;
        app.clock.advance_seconds(90);
        app.refresh(&world, &token, &[]).await.ok();
        app.clock.advance_seconds(60);
        let absolute = latest(&app, &world).await;
        assert_eq!(absolute["ended_at"], absolute["expires_at"], "{backend}");
        dies("expired_absolute").await;
        // What is dead does not die again.
        post(&app, "/refresh-tokens/revoke", json!({ "user_id": world.user_id })).await;
        assert_eq!(latest(&app, &world).await, absolute, "{backend}");
    }
}

#[tokio::test]
async fn families_are_listed_by_state_page_by_page_with_the_latest_first() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        for i in 0..5 {
            app.log_in(&world).await;
            if i % 2 == 0 {
                let id = text(&latest(&app, &world).await, "id").to_owned();
                delete(&app, &format!("/refresh-tokens/{id}")).await;
            }
            // Two of them in the same millisecond.
            app.clock.advance_seconds(i64::from(i != 2));
        }
        let path = format!("/users/{}/refresh-token-families", segment(&world.user_id));
        for (state, expected) in
            [("", 5), ("state=any&", 5), ("state=live&", 2), ("state=dead&", 3)]
        {
            let (mut seen, mut from) = (Vec::new(), String::new());
            loop {
                let page = get(&app, &format!("{path}?{state}take=2{from}")).await.ok();
                let items = page["refresh_token_families"].as_array().unwrap();
                assert!(items.len() <= 2, "{backend} {state}");
                seen.extend(items.iter().map(|item| {
                    (text(item, "created_at").to_owned(), text(item, "id").to_owned())
                }));
                let Some(next) = page["next"].as_str() else { break };
                from = format!("&from={next}");
            }
            assert_eq!(seen.len(), expected, "{backend} {state}: {seen:?}");
            assert!(seen.is_sorted_by(|a, b| a > b), "{backend} {state}: {seen:?}");
        }
        for bad in [
            "state=asleep",
            "from=nonsense",
            "from=x.y",
            "take=0",
            "page=0",
            "state=live&state=dead",
        ] {
            let answer = get(&app, &format!("{path}?{bad}")).await;
            assert_eq!(refused(&answer), (400, "invalid_query_string".into()), "{backend} {bad}");
        }
        for unknown in ["/users/nobody/refresh-token-families", "/refresh-token-families/nothing"] {
            assert_eq!(refused(&get(&app, unknown).await).0, 404, "{backend} {unknown}");
        }
    }
}

#[tokio::test]
async fn a_page_of_few_wanted_families_among_many_ends_and_goes_on() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        app.log_in(&world).await;
        let live = text(&latest(&app, &world).await, "id").to_owned();
        let mut raw = crate::support::raw::Raw::connect(&app).await;
        // Later than the live one, more than a page reads, and all dead: their last exchange is old.
        let many = raw.execute(
            "WITH RECURSIVE n (i) AS (SELECT 1001 UNION ALL SELECT i + 1 FROM n WHERE i < 2100)
             INSERT INTO refresh_token_family (id, client_id, user_id, scope, login_grant, auth_time,
                amr, salt, generation, rotated_at, created_at, last_exchanged_at)
             SELECT 'dead' || i, client_id, user_id, scope, login_grant, 1, amr, salt, 1, 1,
                created_at + i, 1 FROM refresh_token_family, n",
        );
        assert_eq!(many.await, 1100, "{backend}");
        let path = format!("/users/{}/refresh-token-families?state=live", segment(&world.user_id));
        let first = get(&app, &path).await.ok();
        assert_eq!(first["refresh_token_families"], json!([]), "{backend}");
        let next = text(&first, "next");
        let second = get(&app, &format!("{path}&from={next}")).await.ok();
        assert_eq!(second["refresh_token_families"][0]["id"], live, "{backend}");
        assert!(second.get("next").is_none(), "{backend}");
    }
}
