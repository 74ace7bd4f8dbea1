//! The consent page: for third parties, and where an API demands it.

use doorward::crypto::digest;
use serde_json::json;

use crate::support::{browser::Browser, each_backend, fixtures::*};

#[tokio::test]
async fn a_third_party_asks_once_and_again_for_more() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(json!({ "is_first_party": false }), json!({})).await;
        let challenge = digest::s256_challenge(VERIFIER);
        let query = |scope| {
            let more = [("audience", MESSAGES), ("scope", scope)];
            authorize_query(&world.client_id, &challenge, &more)
        };
        let mut browser = Browser::new(&app);
        let page = browser.log_in(&query("openid read:messages"), EMAIL, PASSWORD).await.page();
        assert_eq!(page.0, "/u/consent", "{backend}");
        for shown in ["read:messages", "openid", "App", EMAIL] {
            assert!(page.1.text.contains(shown), "{backend}: {shown} is not on the page");
        }
        // Neither button: the same step again, and nothing is granted.
        let page = browser.submit(&page, &[]).await.page();
        assert_eq!(page.0, "/u/consent", "{backend}");
        let landed = browser.submit(&page, &[("action", "accept")]).await.application();
        assert!(landed.contains_key("code"), "{backend}");

        let again = browser.visit("authorize", &query("openid")).await.application();
        assert!(again.contains_key("code"), "{backend}: given before");
        let more = query("openid write:messages");
        assert_eq!(browser.visit("authorize", &more).await.page().0, "/u/consent", "{backend}");
        let silent = [more.clone(), vec![("prompt", "none")]].concat();
        let landed = browser.visit("authorize", &silent).await.application();
        assert_eq!(landed["error"], "consent_required", "{backend}");
    }
}

#[tokio::test]
async fn declining_tells_the_application_and_grants_nothing() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(json!({ "is_first_party": false }), json!({})).await;
        let challenge = digest::s256_challenge(VERIFIER);
        let query = authorize_query(&world.client_id, &challenge, &[("scope", "openid")]);
        let mut browser = Browser::new(&app);
        let page = browser.log_in(&query, EMAIL, PASSWORD).await.page();
        let landed = browser.submit(&page, &[("action", "decline")]).await.application();
        assert_eq!(landed["error"], "access_denied", "{backend}");
        assert_eq!(landed["state"], "a+b/c=", "{backend}");
        assert_eq!(browser.visit("authorize", &query).await.page().0, "/u/consent", "{backend}");
    }
}

#[tokio::test]
async fn an_api_can_demand_consent_of_first_party_applications() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let demand = json!({ "skip_consent_for_verifiable_first_party_clients": false });
        let path = format!("/resource-servers/{}", world.billing_id);
        app.management("PATCH", &path, Some(demand)).await.ok();
        let challenge = digest::s256_challenge(VERIFIER);
        let more = [("audience", BILLING), ("scope", "openid offline_access read:billing")];
        let query = authorize_query(&world.client_id, &challenge, &more);
        let mut browser = Browser::new(&app);
        let page = browser.log_in(&query, EMAIL, PASSWORD).await.page();
        assert_eq!(page.0, "/u/consent", "{backend}");
        browser.submit(&page, &[("action", "accept")]).await.application();
        // With the consent on record, another login may exchange for it.
        let login = app.log_in(&world).await;
        let token = text(&login, "refresh_token");
        let answer = app.refresh(&world, token, &[("audience", BILLING)]).await.ok();
        assert_eq!(answer["scope"], "openid profile offline_access read:billing", "{backend}");
    }
}

#[tokio::test]
async fn prompt_consent_asks_even_a_first_party_once() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let challenge = digest::s256_challenge(VERIFIER);
        let more = [("scope", "openid"), ("prompt", "consent")];
        let query = authorize_query(&world.client_id, &challenge, &more);
        let mut browser = Browser::new(&app);
        let page = browser.log_in(&query, EMAIL, PASSWORD).await.page();
        assert_eq!(page.0, "/u/consent", "{backend}");
        let landed = browser.submit(&page, &[("action", "accept")]).await.application();
        assert!(landed.contains_key("code"), "{backend}");
    }
}

#[tokio::test]
async fn a_consent_page_cannot_be_answered_by_somebody_else() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(json!({ "is_first_party": false }), json!({})).await;
        app.add_user("eve@example.com", PASSWORD).await;
        let challenge = digest::s256_challenge(VERIFIER);
        let query = authorize_query(&world.client_id, &challenge, &[("scope", "openid")]);
        let mut ada = Browser::new(&app);
        let page = ada.log_in(&query, EMAIL, PASSWORD).await.page();
        // Another browser, even logged in, lacks the binding of the one that began it.
        let mut eve = Browser::new(&app);
        eve.log_in(&query, "eve@example.com", PASSWORD).await.page();
        let refused = eve.submit(&page, &[("action", "accept")]).await.page();
        assert_eq!(refused.1.status, 400, "{backend}");
        // Without a session the binding alone consents to nothing.
        ada.cookies.remove("doorward_session");
        let page = ada.submit(&page, &[("action", "accept")]).await.page();
        assert_eq!(page.0, "/u/login", "{backend}");
    }
}
