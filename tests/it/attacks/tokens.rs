//! What ends tokens, and what they may be exchanged for: cases 33, 35 and 40.

use serde_json::json;

use super::{refused, user_path};
use crate::support::{TestApp, each_backend, each_backend_with, fixtures::*, payload};

const INVALID_GRANT: (u16, &str) = (400, "invalid_grant");

async fn refresh_token(app: &TestApp, world: &World) -> String {
    text(&app.log_in(world).await, "refresh_token").to_owned()
}

/// **Case 33.** GHSA-7mqr-2v3q-v2wm, fosite: a revocation that the database did not take was
/// answered as done.
#[tokio::test]
async fn a_revocation_that_is_not_written_is_not_answered_as_done() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let token = refresh_token(&app, &world).await;
        let form = [("client_id", world.client_id.as_str()), ("token", token.as_str())];
        let node = app.another_node().await;
        // The client is known in memory: it is the token that cannot be looked for.
        app.post_form("oauth/revoke", &[form[0], ("token", "v1.AAAA")]).await;
        app.inner.store.close().await;
        for _ in 0..3 {
            let answer = app.post_form("oauth/revoke", &form).await;
            refused(&answer, (503, "temporarily_unavailable"), backend);
            assert_eq!(answer.header("retry-after"), "1", "{backend}");
        }
        // It lives, as was said; and once the answer is 200 it does not.
        let token = node.refresh(&world, &token, &[]).await.text_of("refresh_token");
        let form = [form[0], ("token", token.as_str())];
        assert_eq!(node.post_form("oauth/revoke", &form).await.status, 200, "{backend}");
        refused(&node.refresh(&world, &token, &[]).await, INVALID_GRANT, backend);
    }
}

/// **Case 35.** CVE-2026-8922, Keycloak: a cut-off of the client made the one of the realm void.
#[tokio::test]
async fn no_cut_off_hides_another() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let other = app.add_client(json!({ "refresh_token": refresh_settings(json!({})) })).await;
        let other = World {
            client_id: text(&other, "client_id").to_owned(),
            client_secret: String::new(),
            user_id: world.user_id.clone(),
            messages_id: String::new(),
            billing_id: String::new(),
        };
        let of_user = ("POST", format!("{}/revoke-access", user_path(&world)), json!({}));
        let of_client = (
            "POST",
            "/refresh-tokens/revoke".to_owned(),
            json!({ "user_id": world.user_id, "client_id": world.client_id }),
        );
        for cut_offs in [[&of_client, &of_user], [&of_user, &of_client]] {
            let before = [refresh_token(&app, &world).await, refresh_token(&app, &other).await];
            for (method, path, body) in cut_offs {
                let answer = app.management(method, path, Some(body.clone())).await;
                assert!((200..300).contains(&answer.status), "{backend} {path}: {}", answer.text);
                app.clock.advance_seconds(1);
            }
            let after = [refresh_token(&app, &world).await, refresh_token(&app, &other).await];
            for (world, (before, after)) in
                [&world, &other].into_iter().zip(before.iter().zip(&after))
            {
                refused(&app.refresh(world, before, &[]).await, INVALID_GRANT, backend);
                app.refresh(world, after, &[]).await.ok();
            }
        }
        // Two ends of one token: the first that comes is its end.
        for (absolute, idle) in [(100, 50), (100, 100)] {
            let ends = json!({ "token_lifetime": absolute, "idle_token_lifetime": idle });
            let settings = json!({ "refresh_token": refresh_settings(ends) });
            app.patch_client(&world.client_id, settings).await;
            let unused = refresh_token(&app, &world).await;
            let mut used = refresh_token(&app, &world).await;
            app.clock.advance_seconds(49);
            used = app.refresh(&world, &used, &[]).await.text_of("refresh_token");
            app.clock.advance_seconds(2);
            let is_over = app.refresh(&world, &unused, &[]).await.status == 400;
            assert_eq!(is_over, idle == 50, "{backend} {idle}");
            app.clock.advance_seconds(40);
            used = app.refresh(&world, &used, &[]).await.text_of("refresh_token");
            app.clock.advance_seconds(10);
            refused(&app.refresh(&world, &used, &[]).await, INVALID_GRANT, backend);
        }
    }
}

/// **Case 40.** Auth0, multi-resource refresh tokens: who asks for another API than the policy
/// allows gets a token for the first one, unsaid. This server refuses; as Auth0 does it only where
/// the operator says so, and then the answer tells which API the token is for.
#[tokio::test]
async fn another_api_than_the_policy_allows_is_refused_or_said() {
    const ELSEWHERE: &str = "https://elsewhere.example";
    let compatible = "[refresh_tokens]\nmrrt_unknown_audience = \"fallback\"\n";
    for (strict, file) in [(true, ""), (false, compatible)] {
        for (backend, app) in each_backend_with(file).await {
            let world = app.world().await;
            app.add_api(ELSEWHERE, &["read:all"], json!({})).await;
            let management = app.inner.settings.management_audience();
            let token = refresh_token(&app, &world).await;
            let asked = [ELSEWHERE, "https://nobody.example", management.as_str()];
            for audience in asked {
                let answer = app.refresh(&world, &token, &[("audience", audience)]).await;
                if strict {
                    refused(&answer, (400, "invalid_target"), &format!("{backend} {audience}"));
                    continue;
                }
                let answer = answer.ok();
                assert_eq!(answer["resource"], MESSAGES, "{backend} {audience}: it says so");
                let aud = &payload(text(&answer, "access_token"))["aud"];
                assert_eq!(aud[0], MESSAGES, "{backend} {audience}");
            }
            app.refresh(&world, &token, &[("audience", BILLING)]).await.ok();
            app.inner.login.audit.flush().await;
            let told = app.management("GET", "/logs?per_page=100", None).await.ok();
            let is_told = |audience: &str| {
                told.as_array().unwrap().iter().any(|event| {
                    let event = event.to_string();
                    event.contains("not_in_policy") || event.contains(audience)
                })
            };
            for audience in asked {
                assert!(is_told(audience), "{backend} {audience}: {told}");
            }
        }
    }
}
