//! Refresh tokens: rotation, leeway, reuse, races, theft and everything that ends them.

use std::collections::BTreeSet;

use serde_json::json;

use crate::support::{TestApp, each_backend, each_backend_with, fixtures::*, payload, raw::Raw};

const INVALID_GRANT: (u16, &str) = (400, "invalid_grant");

#[track_caller]
fn is_invalid_grant(answer: &crate::support::Answer, why: &str) {
    let (status, error) = answer.error();
    assert_eq!((status, error.as_str()), INVALID_GRANT, "{why}: {}", answer.text);
    let description = answer.text_of("error_description");
    assert_eq!(description, "Unknown or invalid refresh token.", "SDKs look for it: {why}");
}

async fn parallel(
    app: &TestApp,
    world: &World,
    token: &str,
    audiences: &[&str],
) -> Vec<crate::support::Answer> {
    let calls = (0..50).map(|i| {
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", &world.client_id),
            ("refresh_token", token),
            ("audience", audiences[i % audiences.len()]),
        ];
        let request = app.http.post(app.url("oauth/token")).form(&form);
        tokio::spawn(
            async move { crate::support::Answer::read(request.send().await.unwrap()).await },
        )
    });
    let mut answers = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        answers.push(call.await.unwrap());
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_parallel_exchanges_within_the_leeway_share_one_successor() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let login = app.log_in(&world).await;
        let token = text(&login, "refresh_token");
        let answers = parallel(&app, &world, token, &[MESSAGES, BILLING]).await;
        let mut successors = BTreeSet::new();
        for (i, answer) in answers.iter().enumerate() {
            let answer = answer.ok();
            successors.insert(text(&answer, "refresh_token").to_owned());
            let aud = &payload(text(&answer, "access_token"))["aud"][0];
            assert_eq!(aud, [MESSAGES, BILLING][i % 2], "{backend}");
        }
        assert_eq!(successors.len(), 1, "{backend}");
        let successor = successors.first().unwrap();
        app.refresh(&world, successor, &[]).await.ok();
    }
}

#[tokio::test]
async fn a_client_that_never_set_a_leeway_has_the_one_of_the_server() {
    for (backend, app) in each_backend_with("[refresh_tokens]\ndefault_leeway = 7\n").await {
        let world = app.world().await;
        let settings = json!({ "refresh_token": {
            "rotation_type": "rotating", "expiration_type": "expiring",
        } });
        let client = app.add_client(settings).await;
        assert!(client["refresh_token"].get("leeway").is_none(), "{backend}: {client}");
        let world = World { client_id: text(&client, "client_id").to_owned(), ..world };
        for (wait, ok) in [(6, true), (8, false)] {
            let login = app.log_in(&world).await;
            let first = text(&login, "refresh_token");
            app.refresh(&world, first, &[]).await.ok();
            app.clock.advance_seconds(wait);
            let again = app.refresh(&world, first, &[]).await;
            assert_eq!(again.status == 200, ok, "{backend} after {wait} s");
        }
    }
}

#[tokio::test]
async fn forged_and_foreign_strings_change_nothing() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let login = app.log_in(&world).await;
        let token = text(&login, "refresh_token").to_owned();
        let mut flipped = token.clone().into_bytes();
        let last = flipped.len() - 5;
        flipped[last] = if flipped[last] == b'A' { b'B' } else { b'A' };
        let flipped = String::from_utf8(flipped).unwrap();
        let long = "x".repeat(10_000);
        for forged in
            [&flipped, "v1.AAAA", "garbage", &token[..token.len() - 1], &long, "v1.\u{e9}"]
        {
            is_invalid_grant(&app.refresh(&world, forged, &[]).await, backend);
        }
        app.refresh(&world, &token, &[]).await.ok();
    }
}

#[tokio::test]
async fn a_non_rotating_client_gets_its_token_echoed() {
    for (backend, app) in each_backend().await {
        let settings = json!({ "rotation_type": "non-rotating" });
        let world = app.world_with(json!({}), settings).await;
        let login = app.log_in(&world).await;
        let token = text(&login, "refresh_token").to_owned();
        for audience in [MESSAGES, BILLING, MESSAGES] {
            app.clock.advance_seconds(100);
            let answer = app.refresh(&world, &token, &[("audience", audience)]).await.ok();
            assert_eq!(text(&answer, "refresh_token"), token, "{backend}");
        }
    }
}

#[tokio::test]
async fn a_token_newer_than_the_store_is_taken_as_current() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let login = app.log_in(&world).await;
        let first = text(&login, "refresh_token").to_owned();
        let second = app.refresh(&world, &first, &[]).await.text_of("refresh_token");
        let third = app.refresh(&world, &second, &[]).await.text_of("refresh_token");
        // As a restore from a backup would.
        let restore = "UPDATE refresh_token_family SET generation = 0";
        assert_eq!(Raw::connect(&app).await.execute(restore).await, 1);
        let answer = app.refresh(&world, &third, &[]).await.ok();
        assert_ne!(text(&answer, "refresh_token"), third, "{backend}");
        app.clock.advance_seconds(11);
        is_invalid_grant(&app.refresh(&world, &second, &[]).await, "older than that: reuse");
    }
}

#[tokio::test]
async fn deletion_of_user_client_or_api_and_a_new_password_end_the_family() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let user = format!("/users/{}", world.user_id.replace('|', "%7C"));

        let token = text(&app.log_in(&world).await, "refresh_token").to_owned();
        app.management("PATCH", &user, Some(json!({ "password": PASSWORD }))).await.ok();
        is_invalid_grant(&app.refresh(&world, &token, &[]).await, "new password");

        let token = text(&app.log_in(&world).await, "refresh_token").to_owned();
        let api = format!("/resource-servers/{}", world.messages_id);
        assert_eq!(app.management("DELETE", &api, None).await.status, 204);
        let answer = app.refresh(&world, &token, &[]).await;
        assert_eq!(answer.error(), (400, "invalid_target".into()), "{backend}: the API is gone");
        app.refresh(&world, &token, &[("audience", BILLING)]).await.ok();

        assert_eq!(app.management("DELETE", &user, None).await.status, 204);
        is_invalid_grant(&app.refresh(&world, &token, &[]).await, "no such user");
        let client = format!("/clients/{}", world.client_id);
        assert_eq!(app.management("DELETE", &client, None).await.status, 204);
        let answer = app.refresh(&world, &token, &[]).await;
        assert_eq!(answer.error(), (401, "invalid_client".into()), "{backend}: no such client");
    }
}

#[tokio::test]
async fn a_refresh_needs_the_grant_and_leaves_the_token_without_it() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let token = text(&app.log_in(&world).await, "refresh_token").to_owned();
        let without = json!({ "grant_types": ["authorization_code"] });
        app.patch_client(&world.client_id, without).await;
        let answer = app.refresh(&world, &token, &[]).await;
        assert_eq!(answer.error(), (400, "unauthorized_client".into()), "{backend}");
        let with = json!({ "grant_types": ["authorization_code", "refresh_token"] });
        app.patch_client(&world.client_id, with).await;
        app.refresh(&world, &token, &[]).await.ok();
    }
}

#[tokio::test]
async fn the_two_hundred_and_first_login_costs_the_least_recently_used_one() {
    let file = "[refresh_tokens]\nper_user_and_client = 2\n";
    for (backend, app) in each_backend_with(file).await {
        let world = app.world().await;
        let first = text(&app.log_in(&world).await, "refresh_token").to_owned();
        app.clock.advance_seconds(1);
        let second = text(&app.log_in(&world).await, "refresh_token").to_owned();
        app.clock.advance_seconds(1);
        let first = app.refresh(&world, &first, &[]).await.text_of("refresh_token");
        app.clock.advance_seconds(1);
        app.log_in(&world).await;
        is_invalid_grant(&app.refresh(&world, &second, &[]).await, backend);
        app.refresh(&world, &first, &[]).await.ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_race_across_two_nodes_ends_as_on_one() {
    for (backend, app) in each_backend().await {
        let other = app.another_node().await;
        let world = app.world().await;
        for (leeway, winners) in [(10, 100), (0, 1)] {
            let settings = refresh_settings(json!({ "leeway": leeway }));
            app.patch_client(&world.client_id, json!({ "refresh_token": settings })).await;
            let id = doorward::domain::ClientId::new(&world.client_id);
            for _ in 0..500 {
                let seen = other.inner.store.client(&id).await.unwrap().unwrap();
                if seen.client.refresh_token_settings().leeway == Some(leeway) {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            let login = app.log_in(&world).await;
            let token = text(&login, "refresh_token");
            let (here, there) = tokio::join!(
                parallel(&app, &world, token, &[MESSAGES, BILLING]),
                parallel(&other, &world, token, &[BILLING, MESSAGES]),
            );
            let answers: Vec<_> = here.iter().chain(&there).collect();
            let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
            let successors: BTreeSet<_> =
                won.iter().map(|answer| answer.text_of("refresh_token")).collect();
            assert_eq!(successors.len(), 1, "{backend} leeway {leeway}");
            assert_eq!(won.len(), winners, "{backend} leeway {leeway}");
            for loser in answers.iter().filter(|answer| answer.status != 200) {
                is_invalid_grant(loser, backend);
            }
        }
    }
}

#[tokio::test]
async fn two_nodes_share_one_database() {
    for (backend, app) in each_backend().await {
        let other = app.another_node().await;
        let world = app.world().await;
        let mut token = text(&app.log_in(&world).await, "refresh_token").to_owned();
        for (i, node) in [&app, &other, &app, &other].into_iter().enumerate() {
            let answer = node.refresh(&world, &token, &[("audience", BILLING)]).await.ok();
            assert_ne!(text(&answer, "refresh_token"), token, "{backend} exchange {i}");
            token = text(&answer, "refresh_token").to_owned();
        }
        // A policy that is removed on one node is gone on the other within a second.
        let none = json!({ "refresh_token": refresh_settings(json!({ "policies": null })) });
        app.patch_client(&world.client_id, none).await;
        let here = app.refresh(&world, &token, &[("audience", BILLING)]).await;
        assert_eq!(here.error(), (400, "invalid_target".into()), "{backend}: at once here");
        let mut there = 200;
        for _ in 0..40 {
            let answer = other.refresh(&world, &token, &[("audience", BILLING)]).await;
            there = answer.status;
            if there != 200 {
                break;
            }
            token = answer.text_of("refresh_token");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert_eq!(there, 400, "{backend}: on the other node");
    }
}
