//! `/oauth/revoke` (RFC 7009).

use serde_json::json;

use crate::support::{each_backend, fixtures::*};

#[tokio::test]
async fn revoking_any_token_of_a_family_revokes_the_family() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let login = app.log_in(&world).await;
        let first = text(&login, "refresh_token").to_owned();
        let second = app.refresh(&world, &first, &[]).await.text_of("refresh_token");
        let form = [("client_id", world.client_id.as_str()), ("token", first.as_str())];
        let answer = app.post_form("oauth/revoke", &form).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, ""), "{backend}");
        let dead = app.refresh(&world, &second, &[]).await;
        assert_eq!(dead.error(), (400, "invalid_grant".into()), "{backend}");
        assert_eq!(app.post_form("oauth/revoke", &form).await.status, 200, "{backend}: again");
    }
}

#[tokio::test]
async fn its_errors_and_what_is_not_one() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let login = app.log_in(&world).await;
        let token = text(&login, "refresh_token");
        let client = ("client_id", world.client_id.as_str());
        for garbage in ["garbage", "v1.AAAA"] {
            let answer = app.post_form("oauth/revoke", &[client, ("token", garbage)]).await;
            assert_eq!(answer.status, 200, "{backend}: never alive is as good as dead");
        }
        let access = text(&login, "access_token");
        let answer = app.post_form("oauth/revoke", &[client, ("token", access)]).await;
        assert_eq!(answer.error(), (400, "unsupported_token_type".into()), "{backend}");
        let answer = app.post_form("oauth/revoke", &[client]).await;
        assert_eq!(answer.error(), (400, "invalid_request".into()), "{backend}");
        let answer = app.post_form("oauth/revoke", &[("token", token)]).await;
        assert_eq!(answer.error(), (401, "invalid_client".into()), "{backend}");
        let other = app.add_client(json!({ "name": "Other" })).await;
        let other = ("client_id", text(&other, "client_id"));
        let answer = app.post_form("oauth/revoke", &[other, ("token", token)]).await;
        assert_eq!(answer.error(), (400, "invalid_grant".into()), "{backend}");
        assert_eq!(app.get("oauth/revoke").await.status, 405, "{backend}");
        app.refresh(&world, token, &[]).await.ok();
    }
}
