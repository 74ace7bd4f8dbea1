//! Too many wrong passwords for one account.

use serde_json::json;

use super::*;
use crate::support::{
    browser::{Browser, Landed},
    each_backend_with,
};

const OTHER: &str = "grace@example.com";

#[tokio::test]
async fn the_tenth_wrong_password_in_a_row_blocks_the_account_for_that_address() {
    for (backend, app) in each_backend_with(PROXIED).await {
        let world = world(&app).await;
        app.add_user(OTHER, PASSWORD).await;
        for nth in 1..10 {
            let answer = guess(&app, &world, HERE, EMAIL, "wrong").await;
            assert_eq!(answer.error(), wrong(), "{backend} {nth}");
        }
        let answer = guess(&app, &world, HERE, EMAIL, "wrong").await;
        assert_eq!(answer.error(), blocked(), "{backend}");
        assert!(answer.text_of("error_description").starts_with("Your account has been blocked"));
        assert_eq!(answer.header("cache-control"), "no-store");
        // The right password, in whatever way it is written, gets the same answer.
        for who in [EMAIL, "  ADA@Example.COM "] {
            let answer = guess(&app, &world, HERE, who, PASSWORD).await;
            assert_eq!(answer.error(), blocked(), "{backend}");
        }
        // Nobody is locked out who is somewhere else, and nobody else is.
        assert_eq!(guess(&app, &world, THERE, EMAIL, PASSWORD).await.status, 200, "{backend}");
        assert_eq!(guess(&app, &world, HERE, OTHER, PASSWORD).await.status, 200, "{backend}");
        assert_eq!(
            guess(&app, &world, HERE, EMAIL, PASSWORD).await.error(),
            blocked(),
            "{backend}"
        );
        assert_eq!(events(&app, "limit_wc").await.len(), 1, "{backend}: one row an hour");
        assert_eq!(events(&app, "fp").await.len(), 10, "{backend}");

        app.clock.advance_seconds(30 * 86_400 + 1);
        assert_eq!(guess(&app, &world, HERE, EMAIL, PASSWORD).await.status, 200, "{backend}");
    }
}

#[tokio::test]
async fn a_right_password_begins_the_count_anew() {
    for (backend, app) in each_backend_with(PROXIED).await {
        let world = world(&app).await;
        set(&app, BRUTE_FORCE, json!({ "max_attempts": 3 })).await;
        for _ in 0..4 {
            for _ in 0..2 {
                let answer = guess(&app, &world, HERE, EMAIL, "wrong").await;
                assert_eq!(answer.error(), wrong(), "{backend}");
            }
            assert_eq!(guess(&app, &world, HERE, EMAIL, PASSWORD).await.status, 200, "{backend}");
        }
    }
}

#[tokio::test]
async fn whether_there_is_an_account_shows_nowhere() {
    for (backend, app) in each_backend_with(PROXIED).await {
        let world = world(&app).await;
        set(&app, BRUTE_FORCE, json!({ "max_attempts": 3 })).await;
        for _ in 0..5 {
            let known = guess(&app, &world, HERE, EMAIL, "wrong").await;
            let unknown = guess(&app, &world, HERE, "nobody@example.com", "wrong").await;
            assert_eq!((known.status, &known.text), (unknown.status, &unknown.text), "{backend}");
        }
    }
}

#[tokio::test]
async fn of_parallel_guesses_on_two_nodes_no_more_are_answered_than_are_allowed() {
    for (backend, app) in each_backend_with(PROXIED).await {
        let world = world(&app).await;
        set(&app, BRUTE_FORCE, json!({ "max_attempts": 5 })).await;
        let nodes = match backend {
            "postgres" => vec![app.another_node().await],
            _ => Vec::new(),
        };
        let nodes: Vec<&TestApp> = nodes.iter().chain([&app]).collect();
        let guesses = (0..40).map(|nth| {
            let (node, world) = (nodes[nth % nodes.len()], &world);
            async move { guess(node, world, HERE, EMAIL, &format!("wrong {nth}")).await.error() }
        });
        let answers = futures_util::future::join_all(guesses).await;
        let told = answers.iter().filter(|answer| **answer == wrong()).count();
        // The fifth is told that it was the last.
        assert_eq!(told, 4, "{backend}: {answers:?}");
        assert!(answers.iter().all(|answer| [wrong(), blocked()].contains(answer)), "{backend}");
        for node in &nodes {
            let right = guess(node, &world, HERE, EMAIL, PASSWORD).await;
            assert_eq!(right.error(), blocked(), "{backend}: on every node");
        }
    }
}

#[tokio::test]
async fn account_lockout_counts_wherever_guesses_come_from() {
    for (backend, app) in each_backend_with(PROXIED).await {
        let world = world(&app).await;
        let mode = json!({ "mode": "count_per_identifier", "max_attempts": 4 });
        set(&app, BRUTE_FORCE, mode).await;
        for nth in 1..4 {
            let answer = guess(&app, &world, &format!("203.0.113.{nth}"), EMAIL, "wrong").await;
            assert_eq!(answer.error(), wrong(), "{backend}");
        }
        let answer = guess(&app, &world, "203.0.113.4", EMAIL, "wrong").await;
        assert_eq!(answer.error(), blocked(), "{backend}");
        assert_eq!(guess(&app, &world, THERE, EMAIL, PASSWORD).await.error(), blocked());
        let blocks = app.management("GET", &format!("/user-blocks?identifier={EMAIL}"), None).await;
        assert_eq!(blocks.ok(), json!({ "blocked_for": [{ "identifier": EMAIL }] }), "{backend}");
    }
}

#[tokio::test]
async fn a_network_of_ipv6_is_one_address() {
    for (backend, app) in each_backend_with(PROXIED).await {
        let world = world(&app).await;
        set(&app, BRUTE_FORCE, json!({ "max_attempts": 2 })).await;
        assert_eq!(guess(&app, &world, "2001:db8::1", EMAIL, "wrong").await.error(), wrong());
        let answer = guess(&app, &world, "2001:db8::2:3:4:5", EMAIL, "wrong").await;
        assert_eq!(answer.error(), blocked(), "{backend}");
        let elsewhere = guess(&app, &world, "2001:db8:0:1::1", EMAIL, PASSWORD).await;
        assert_eq!(elsewhere.status, 200, "{backend}");
    }
}

#[tokio::test]
async fn what_is_switched_off_or_allowed_is_not_counted() {
    for (backend, app) in each_backend_with(PROXIED).await {
        let world = world(&app).await;
        set(&app, SUSPICIOUS_IP, json!({ "enabled": false })).await;
        for settings in [
            json!({ "enabled": false, "max_attempts": 1 }),
            json!({ "enabled": true, "allowlist": ["192.0.2.0/24"] }),
            json!({ "allowlist": [], "shields": [] }),
        ] {
            set(&app, BRUTE_FORCE, settings.clone()).await;
            for _ in 0..3 {
                let answer = guess(&app, &world, HERE, EMAIL, "wrong").await;
                assert_eq!(answer.error(), wrong(), "{backend} {settings}");
            }
            let right = guess(&app, &world, HERE, EMAIL, PASSWORD).await;
            assert_eq!(right.status, 200, "{backend} {settings}");
        }
        // A connection may be without it.
        set(&app, BRUTE_FORCE, json!({ "shields": ["block"] })).await;
        let path = format!("/connections/{}", app.connection_id().await);
        let options = json!({ "options": { "brute_force_protection": false } });
        app.management("PATCH", &path, Some(options)).await.ok();
        for _ in 0..3 {
            assert_eq!(guess(&app, &world, HERE, EMAIL, "wrong").await.error(), wrong());
        }
        assert_eq!(guess(&app, &world, HERE, EMAIL, PASSWORD).await.status, 200, "{backend}");
    }
}

#[tokio::test]
async fn operators_see_blocks_and_end_them() {
    for (backend, app) in each_backend_with(PROXIED).await {
        let world = world(&app).await;
        set(&app, BRUTE_FORCE, json!({ "max_attempts": 2 })).await;
        let by_name = format!("/user-blocks?identifier={EMAIL}");
        let by_id = format!("/user-blocks/{}", world.user_id.replace('|', "%7C"));
        let shout = "/user-blocks?identifier=ADA%40EXAMPLE.COM";
        for path in [by_name.as_str(), &by_id, shout] {
            for _ in 0..2 {
                guess(&app, &world, HERE, EMAIL, "wrong").await;
            }
            let shown = app.management("GET", path, None).await.ok();
            assert_eq!(shown["blocked_for"][0]["ip"], HERE, "{backend} {path}");
            assert_eq!(guess(&app, &world, HERE, EMAIL, PASSWORD).await.error(), blocked());
            assert_eq!(app.management("DELETE", path, None).await.status, 204);
            let shown = app.management("GET", path, None).await.ok();
            assert_eq!(shown, json!({ "blocked_for": [] }), "{backend} {path}");
            let right = guess(&app, &world, HERE, EMAIL, PASSWORD).await;
            assert_eq!(right.status, 200, "{backend} {path}");
        }
        // A new password, and a higher threshold.
        for _ in 0..2 {
            guess(&app, &world, HERE, EMAIL, "wrong").await;
        }
        let path = format!("/users/{}", world.user_id.replace('|', "%7C"));
        let fresh = "a wholly different phrase";
        app.management("PATCH", &path, Some(json!({ "password": fresh }))).await.ok();
        assert_eq!(guess(&app, &world, HERE, EMAIL, fresh).await.status, 200, "{backend}");
        for _ in 0..2 {
            guess(&app, &world, HERE, EMAIL, "wrong").await;
        }
        let asked = format!("{by_name}&consider_brute_force_enablement=true");
        assert_eq!(
            app.management("GET", &asked, None).await.ok()["blocked_for"],
            json!([{ "identifier": EMAIL, "ip": HERE }])
        );
        set(&app, BRUTE_FORCE, json!({ "max_attempts": 3 })).await;
        assert_eq!(guess(&app, &world, HERE, EMAIL, fresh).await.status, 200, "{backend}");
        for _ in 0..3 {
            guess(&app, &world, HERE, EMAIL, "wrong").await;
        }
        set(&app, BRUTE_FORCE, json!({ "enabled": false })).await;
        assert_eq!(
            app.management("GET", &asked, None).await.ok(),
            json!({ "blocked_for": [] }),
            "{backend}"
        );
        assert_eq!(guess(&app, &world, HERE, EMAIL, fresh).await.status, 200, "{backend}");
    }
}

#[tokio::test]
async fn one_user_logs_in_twenty_times_at_once_and_then_ten_times_a_minute() {
    for (backend, app) in each_backend_with(HURRIED).await {
        let world = world(&app).await;
        for nth in 1..=20 {
            let answer = guess(&app, &world, HERE, EMAIL, PASSWORD).await;
            assert_eq!(answer.status, 200, "{backend} {nth}");
        }
        let answer = guess(&app, &world, HERE, EMAIL, PASSWORD).await;
        assert_eq!(answer.error(), (429, "too_many_logins".to_owned()), "{backend}");
        assert!(waits(&answer, 6), "{backend}");
        assert_eq!(guess(&app, &world, THERE, EMAIL, PASSWORD).await.status, 200, "{backend}");
        assert_eq!(events(&app, "limit_sul").await.len(), 1, "{backend}");
        app.clock.advance_seconds(6);
        assert_eq!(guess(&app, &world, HERE, EMAIL, PASSWORD).await.status, 200, "{backend}");
        assert_eq!(guess(&app, &world, HERE, EMAIL, PASSWORD).await.status, 429, "{backend}");
        // Tools on the machine itself are not hurried.
        for _ in 0..22 {
            let answer = guess(&app, &world, "127.0.0.1", EMAIL, PASSWORD).await;
            assert_eq!(answer.status, 200, "{backend}");
        }
        // A clock that is set back locks nobody out for longer than the bucket takes to fill.
        app.clock.advance_seconds(-3600);
        assert_eq!(guess(&app, &world, HERE, EMAIL, PASSWORD).await.status, 200, "{backend}");
        assert_eq!(guess(&app, &world, HERE, EMAIL, PASSWORD).await.status, 429, "{backend}");
        app.clock.advance_seconds(6);
        assert_eq!(guess(&app, &world, HERE, EMAIL, PASSWORD).await.status, 200, "{backend}");
    }
}

#[tokio::test]
async fn the_login_page_says_so_and_stays() {
    for (backend, app) in each_backend_with(PROXIED).await {
        let world = app.world().await;
        set(&app, BRUTE_FORCE, json!({ "max_attempts": 2 })).await;
        let challenge = doorward::crypto::digest::s256_challenge(VERIFIER);
        let query = authorize_query(&world.client_id, &challenge, &[("scope", "openid")]);
        for status in [200, 429, 429] {
            let landed = Browser::new(&app).log_in(&query, EMAIL, "wrong").await;
            let Landed::Page(path, page) = landed else { panic!("{backend}: logged in") };
            assert_eq!((path.as_str(), page.status), ("/u/login", status), "{backend}");
            let says = page.text.contains("blocked after too many wrong passwords");
            assert_eq!(says, status == 429, "{backend}");
            assert!(page.text.contains("name=\"password\""), "{backend}: the form is there");
        }
        let landed = Browser::new(&app).log_in(&query, EMAIL, PASSWORD).await;
        assert!(matches!(landed, Landed::Page(_, page) if page.status == 429), "{backend}");
    }
}
