//! `/grants`: consents and their withdrawal.

use doorward::crypto::digest;
use serde_json::{Value, json};

use super::{delete, get, refused, segment};
use crate::support::{TestApp, browser::Browser, each_backend, fixtures::*};

/// A login at a third party, with the consent it takes.
async fn consent(app: &TestApp, world: &World, more: &[(&str, &str)]) -> Value {
    let challenge = digest::s256_challenge(VERIFIER);
    let query = authorize_query(&world.client_id, &challenge, more);
    let mut browser = Browser::new(app);
    let page = browser.log_in(&query, EMAIL, PASSWORD).await.page();
    assert_eq!(page.0, "/u/consent");
    let landed = browser.submit(&page, &[("action", "accept")]).await.application();
    app.exchange_code(world, &landed["code"]).await.ok()
}

const MORE: &[(&str, &str)] =
    &[("audience", MESSAGES), ("scope", "openid offline_access read:messages")];

#[tokio::test]
async fn a_withdrawn_grant_ends_its_refresh_tokens_and_the_user_is_asked_again() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(json!({ "is_first_party": false }), json!({})).await;
        let login = consent(&app, &world, MORE).await;
        let plain = consent(&app, &world, &[("scope", "openid offline_access")]).await;
        let grants = get(&app, "/grants").await.ok();
        let grants = grants.as_array().unwrap();
        assert_eq!(grants.len(), 2, "{backend}: {grants:?}");
        let of = |audience: &str| grants.iter().find(|g| g["audience"] == audience).unwrap();
        let userinfo = format!("{}userinfo", app.issuer);
        let grant = of(MESSAGES);
        let members: Vec<_> = grant.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["audience", "clientID", "id", "scope", "user_id"], "{backend}");
        assert_eq!(grant["clientID"], world.client_id, "{backend}");
        assert_eq!(grant["user_id"], world.user_id, "{backend}");
        assert!(grant["scope"].as_array().unwrap().contains(&json!("read:messages")));

        for (filter, count) in [
            (format!("user_id={}", segment(&world.user_id)), 2),
            ("user_id=nobody".to_owned(), 0),
            (format!("client_id={}", world.client_id), 2),
            (format!("audience={}", segment(MESSAGES)), 1),
            (format!("audience={}", segment(&userinfo)), 1),
            ("per_page=1&page=1".to_owned(), 1),
        ] {
            let found = get(&app, &format!("/grants?{filter}")).await.ok();
            assert_eq!(found.as_array().unwrap().len(), count, "{backend} {filter}");
        }
        let totals = get(&app, "/grants?include_totals=true&per_page=1").await.ok();
        assert_eq!((&totals["total"], &totals["limit"]), (&json!(2), &json!(1)), "{backend}");
        assert_eq!(totals["grants"].as_array().unwrap().len(), 1, "{backend}");

        let id = text(grant, "id").to_owned();
        for id in [id.as_str(), id.as_str(), "nothing"] {
            let answer = delete(&app, &format!("/grants/{id}")).await;
            assert_eq!((answer.status, answer.text.as_str()), (204, ""), "{backend} {id}");
        }
        let dead = app.refresh(&world, text(&login, "refresh_token"), &[]).await;
        assert_eq!(dead.error(), (400, "invalid_grant".into()), "{backend}");
        // A new consent brings the old tokens back no more.
        consent(&app, &world, MORE).await;
        let dead = app.refresh(&world, text(&login, "refresh_token"), &[]).await;
        assert_eq!(dead.error(), (400, "invalid_grant".into()), "{backend}");
        app.refresh(&world, text(&plain, "refresh_token"), &[]).await.ok();
    }
}

#[tokio::test]
async fn every_grant_of_a_user_is_withdrawn_at_once_and_only_of_a_user() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(json!({ "is_first_party": false }), json!({})).await;
        let logins = [
            consent(&app, &world, MORE).await,
            consent(&app, &world, &[("scope", "openid offline_access")]).await,
        ];
        assert_eq!(refused(&delete(&app, "/grants").await).0, 400, "{backend}");
        assert_eq!(delete(&app, "/grants?user_id=nobody").await.status, 204, "{backend}");
        let user = segment(&world.user_id);
        assert_eq!(delete(&app, &format!("/grants?user_id={user}")).await.status, 204);
        assert_eq!(get(&app, "/grants").await.ok(), json!([]), "{backend}");
        for login in &logins {
            let dead = app.refresh(&world, text(login, "refresh_token"), &[]).await;
            assert_eq!(dead.error(), (400, "invalid_grant".into()), "{backend}");
        }
    }
}
