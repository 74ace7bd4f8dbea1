//! The main job: one login, one refresh token, an access token for each API.

use serde_json::json;

use crate::support::{each_backend, fixtures::*, payload};

#[tokio::test]
async fn one_login_gives_tokens_for_two_apis_and_a_replay_ends_it() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let login = app.log_in(&world).await;
        let first = text(&login, "refresh_token").to_owned();
        let access = payload(text(&login, "access_token"));
        assert_eq!(
            access["aud"],
            json!([MESSAGES, format!("{}userinfo", app.issuer)]),
            "{backend}"
        );
        assert_eq!(access["azp"], world.client_id, "{backend}");
        assert_eq!(login["scope"], LOGIN_SCOPE, "{backend}");
        assert_eq!(login["resource"], MESSAGES, "{backend}");

        let other = app.refresh(&world, &first, &[("audience", BILLING)]).await.ok();
        let second = text(&other, "refresh_token").to_owned();
        let access = payload(text(&other, "access_token"));
        assert_eq!(access["aud"][0], BILLING, "{backend}");
        assert_eq!(access["scope"], "openid profile offline_access read:billing", "{backend}");
        assert_ne!(first, second, "{backend}: the token rotates");

        let retried = app.refresh(&world, &first, &[]).await.ok();
        assert_eq!(text(&retried, "refresh_token"), second, "{backend}: the same successor");
        assert_eq!(payload(text(&retried, "access_token"))["aud"][0], MESSAGES, "{backend}");

        app.clock.advance_seconds(11);
        for token in [&first, &second, &first] {
            let refused = app.refresh(&world, token, &[]).await;
            assert_eq!(refused.error(), (400, "invalid_grant".to_owned()), "{backend}");
        }
    }
}
