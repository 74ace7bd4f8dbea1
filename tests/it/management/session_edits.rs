//! `PATCH /sessions/{id}` and `POST /users/{id}/revoke-access`.

use serde_json::{Value, json};

use super::{get, patch, post, refused, segment};
use crate::support::{TestApp, each_backend, fixtures::*, payload};

fn sid(login: &Value) -> String {
    payload(text(login, "id_token"))["sid"].as_str().unwrap().to_owned()
}

async fn refreshes(app: &TestApp, world: &World, login: &Value) -> bool {
    app.refresh(world, text(login, "refresh_token"), &[]).await.status == 200
}

#[tokio::test]
async fn operators_note_what_they_like_about_a_session() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let login = app.log_in(&world).await;
        let path = format!("/sessions/{}", sid(&login));
        let before = get(&app, &path).await.ok();
        assert!(before.get("session_metadata").is_none(), "{backend}");
        let note = json!({ "device": "kiosk", "emoji": "\u{1f600}" });
        let body = json!({ "session_metadata": note });
        let patched = patch(&app, &path, body).await.ok();
        assert_eq!(patched["session_metadata"], note, "{backend}");
        assert_eq!(patched["id"], before["id"], "{backend}");
        assert_eq!(get(&app, &path).await.ok(), patched, "{backend}");
        let list = format!("/users/{}/sessions", segment(&world.user_id));
        assert_eq!(get(&app, &list).await.ok(), json!({ "sessions": [patched] }), "{backend}");
        let replaced = json!({ "session_metadata": { "x": "" } });
        let replaced = patch(&app, &path, replaced).await.ok();
        assert_eq!(replaced["session_metadata"], json!({ "x": "" }), "{backend}: as a whole");

        let many: serde_json::Map<_, _> = (0..26).map(|i| (format!("k{i}"), json!("v"))).collect();
        for body in [
            json!({}),
            json!({ "id": "x" }),
            json!({ "session_metadata": "x" }),
            json!({ "session_metadata": { "a": 1 } }),
            json!({ "session_metadata": { "a": "x".repeat(256) } }),
            json!({ "session_metadata": { "x".repeat(256): "a" } }),
            json!({ "session_metadata": many }),
        ] {
            let answer = patch(&app, &path, body.clone()).await;
            assert_eq!(refused(&answer), (400, "invalid_body".to_owned()), "{backend} {body}");
        }
        assert_eq!(get(&app, &path).await.ok(), replaced, "{backend}: nothing changed");
        let removed = patch(&app, &path, json!({ "session_metadata": null })).await.ok();
        assert!(removed.get("session_metadata").is_none(), "{backend}");

        let body = json!({ "session_metadata": { "a": "b" } });
        let nowhere = patch(&app, "/sessions/none", body.clone()).await;
        assert_eq!(refused(&nowhere), (404, String::new()), "{backend}");
        let token = app.management_token_with(Some("read:sessions")).await;
        let answer = app.management_as(&token, "PATCH", &path, Some(body.clone())).await;
        assert_eq!(refused(&answer), (403, "insufficient_scope".to_owned()), "{backend}");
        app.clock.advance_seconds(28 * 86_400);
        let token = app.management_token_with(None).await;
        let ended = app.management_as(&token, "PATCH", &path, Some(body)).await;
        assert_eq!(refused(&ended), (404, String::new()), "{backend}: it has ended");
    }
}

#[tokio::test]
async fn access_is_revoked_by_session_or_as_a_whole_with_refresh_tokens_or_without() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let path = format!("/users/{}/revoke-access", segment(&world.user_id));
        let alive = async |login: &Value| {
            get(&app, &format!("/sessions/{}", sid(login))).await.status == 200
        };
        for (one_only, preserves) in [(true, true), (true, false), (false, true), (false, false)] {
            let (one, other) = (app.log_in(&world).await, app.log_in(&world).await);
            let mut body = json!({});
            if one_only {
                body["session_id"] = json!(sid(&one));
            }
            if preserves {
                body["preserve_refresh_tokens"] = json!(true);
            }
            let answer = post(&app, &path, body.clone()).await;
            assert_eq!((answer.status, answer.text.as_str()), (202, ""), "{backend} {body}");
            assert!(!alive(&one).await, "{backend} {body}");
            assert_eq!(alive(&other).await, one_only, "{backend} {body}");
            assert_eq!(refreshes(&app, &world, &one).await, preserves, "{backend} {body}");
            let spared = one_only || preserves;
            assert_eq!(refreshes(&app, &world, &other).await, spared, "{backend} {body}");
        }
        let login = app.log_in(&world).await;
        let stranger = app.add_user("grace@example.com", PASSWORD).await;
        let stranger = segment(stranger["user_id"].as_str().unwrap());
        let body = json!({ "session_id": sid(&login) });
        let answer = post(&app, &format!("/users/{stranger}/revoke-access"), body).await;
        assert_eq!(refused(&answer), (404, String::new()), "{backend}: not their session");
        for (body, status) in [
            (json!({ "session_id": "none" }), 404),
            (json!({ "session_id": "" }), 400),
            (json!({ "session_id": "x".repeat(51) }), 400),
            (json!({ "preserve_refresh_tokens": "yes" }), 400),
            (json!({ "all": true }), 400),
        ] {
            assert_eq!(
                refused(&post(&app, &path, body.clone()).await).0,
                status,
                "{backend} {body}"
            );
        }
        let answer = post(&app, "/users/nobody/revoke-access", json!({})).await;
        assert_eq!(refused(&answer), (404, "inexistent_user".to_owned()), "{backend}");
        assert!(alive(&login).await && refreshes(&app, &world, &login).await, "{backend}");
        let token = app.management_token_with(Some("update:users")).await;
        let answer = app.management_as(&token, "POST", &path, Some(json!({}))).await;
        assert_eq!(refused(&answer), (403, "insufficient_scope".to_owned()), "{backend}");
    }
}
