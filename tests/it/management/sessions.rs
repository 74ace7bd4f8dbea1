//! `/sessions` and `/users/{id}/sessions`.

use doorward::crypto::digest;
use serde_json::json;

use super::{delete, get, patch, post, refused, segment};
use crate::support::{browser::Browser, each_backend, fixtures::*, payload};

#[tokio::test]
async fn a_session_shows_its_user_its_ends_and_the_clients_with_refresh_tokens() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let login = app.log_in(&world).await;
        let sid = payload(text(&login, "id_token"))["sid"].as_str().unwrap().to_owned();
        let shown = get(&app, &format!("/sessions/{sid}")).await.ok();
        assert_eq!(shown["id"], sid, "{backend}");
        assert_eq!(shown["user_id"], world.user_id, "{backend}");
        assert_eq!(shown["clients"], json!([{ "client_id": world.client_id }]), "{backend}");
        let at = &shown["authenticated_at"];
        let methods = json!([{ "name": "pwd", "timestamp": at }]);
        assert_eq!(shown["authentication"]["methods"], methods, "{backend}");
        for time in
            ["created_at", "updated_at", "last_interacted_at", "idle_expires_at", "expires_at"]
        {
            assert!(shown[time].is_string(), "{backend}: {time}");
        }
        assert_eq!(shown["last_interacted_at"], shown["created_at"], "{backend}");
        let user = segment(&world.user_id);
        let listed = get(&app, &format!("/users/{user}/sessions?include_totals=true")).await;
        assert_eq!(listed.ok(), json!({ "sessions": [shown] }), "{backend}");

        // Four weeks later it has ended by itself, and so has the token for these calls.
        app.clock.advance_seconds(28 * 86_400);
        let token = app.management_token_with(None).await;
        let path = format!("/sessions/{sid}");
        let ended = app.management_as(&token, "GET", &path, None).await;
        assert_eq!(refused(&ended).0, 404, "{backend}");
        assert_eq!(ended.text_of("message"), "The session does not exist.");
        let path = format!("/users/{user}/sessions");
        let listed = app.management_as(&token, "GET", &path, None).await;
        assert_eq!(listed.ok(), json!({ "sessions": [] }), "{backend}");
    }
}

#[tokio::test]
async fn sessions_are_listed_page_by_page() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        for _ in 0..3 {
            app.log_in(&world).await;
        }
        let path = format!("/users/{}/sessions", segment(&world.user_id));
        let mut seen = std::collections::BTreeSet::new();
        let first = get(&app, &format!("{path}?take=2")).await.ok();
        let next = text(&first, "next");
        let second = get(&app, &format!("{path}?take=2&from={next}")).await.ok();
        assert!(second.get("next").is_none(), "{backend}: {second}");
        for page in [&first, &second] {
            let page = page["sessions"].as_array().unwrap().iter();
            seen.extend(page.map(|session| text(session, "id").to_owned()));
        }
        assert_eq!(seen.len(), 3, "{backend}");
        assert_eq!(get(&app, "/users/nobody/sessions").await.status, 404, "{backend}");
    }
}

#[tokio::test]
async fn deleting_a_session_asks_for_the_password_again_and_leaves_refresh_tokens_alone() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let challenge = digest::s256_challenge(VERIFIER);
        let more = [("audience", MESSAGES), ("scope", LOGIN_SCOPE)];
        let query = authorize_query(&world.client_id, &challenge, &more);
        let user = segment(&world.user_id);
        for all in [false, true] {
            let mut browser = Browser::new(&app);
            let code = app.code_for(&mut browser, &world, &more).await;
            let login = app.exchange_code(&world, &code).await.ok();
            let sid = payload(text(&login, "id_token"))["sid"].as_str().unwrap().to_owned();
            let silent = browser.visit("authorize", &query).await.application();
            assert!(silent.contains_key("code"), "{backend}");
            let one = format!("/sessions/{sid}");
            let path = if all { format!("/users/{user}/sessions") } else { one.clone() };
            for _ in 0..2 {
                let answer = delete(&app, &path).await;
                assert_eq!((answer.status, answer.text.as_str()), (202, ""), "{backend}");
            }
            let page = browser.visit("authorize", &query).await.page();
            assert_eq!(page.0, "/u/login", "{backend}");
            assert_eq!(get(&app, &one).await.status, 404, "{backend}");
            app.refresh(&world, text(&login, "refresh_token"), &[]).await.ok();
        }
        assert_eq!(delete(&app, "/users/nobody/sessions").await.status, 404, "{backend}");
    }
}

#[tokio::test]
async fn revoking_a_session_ends_its_refresh_tokens_and_no_others() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let (login, other) = (app.log_in(&world).await, app.log_in(&world).await);
        let sid = payload(text(&login, "id_token"))["sid"].as_str().unwrap().to_owned();
        let path = format!("/sessions/{sid}/revoke");
        assert_eq!(post(&app, &path, json!({})).await.status, 202, "{backend}");
        let dead = app.refresh(&world, text(&login, "refresh_token"), &[]).await;
        assert_eq!(dead.error(), (400, "invalid_grant".into()), "{backend}");
        app.refresh(&world, text(&other, "refresh_token"), &[]).await.ok();
        assert_eq!(get(&app, &format!("/sessions/{sid}")).await.status, 404, "{backend}");
        let again = app.management("POST", &path, None).await;
        assert_eq!(refused(&again).0, 404, "{backend}: it is gone");
    }
}

#[tokio::test]
async fn a_session_shows_the_device_of_the_login_and_of_the_last_use() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let challenge = digest::s256_challenge(VERIFIER);
        let more = [("audience", MESSAGES), ("scope", LOGIN_SCOPE)];
        let query = authorize_query(&world.client_id, &challenge, &more);
        let mut browser = Browser::new(&app);
        app.code_for(&mut browser, &world, &more).await;
        let path = format!("/users/{}/sessions", segment(&world.user_id));
        let first = get(&app, &path).await.ok()["sessions"][0].clone();
        let device = json!({ "initial_ip": "127.0.0.1", "last_ip": "127.0.0.1" });
        assert_eq!(first["device"], device, "{backend}");
        assert_eq!(first["last_interacted_at"], first["created_at"], "{backend}");

        app.clock.advance_seconds(7200);
        let mut silent = url::Url::parse(&app.url("authorize")).unwrap();
        silent.query_pairs_mut().extend_pairs(&query);
        let silent = app.http.get(silent);
        let answer = browser.send(silent.header("user-agent", "Phone/2")).await;
        assert!(answer.header("location").contains("code="), "{backend}: {}", answer.text);
        let later = get(&app, &path).await.ok()["sessions"][0].clone();
        let device = json!({
            "initial_ip": "127.0.0.1", "last_ip": "127.0.0.1", "last_user_agent": "Phone/2",
        });
        assert_eq!(later["device"], device, "{backend}");
        // Whatever idle lifetime the tenant has.
        let idle = json!({ "idle_session_lifetime": 100 });
        patch(&app, "/tenants/settings", idle).await.ok();
        app.clock.advance_seconds(61);
        assert!(browser.visit("authorize", &query).await.application().contains_key("code"));
        let last = get(&app, &path).await.ok()["sessions"][0].clone();
        assert!(last["last_interacted_at"].as_str() > later["last_interacted_at"].as_str());
        assert!(later["last_interacted_at"].as_str() > first["last_interacted_at"].as_str());
        assert!(last["last_interacted_at"].as_str() < last["idle_expires_at"].as_str());
    }
}
