//! Azure AD v1 clients: `/{tenant}/oauth2/authorize` and `/{tenant}/oauth2/token`, one refresh
//! token for several resources.

use doorward::crypto::digest;
use serde_json::json;

use crate::support::{browser::Browser, each_backend, fixtures::*, payload};

const TOKEN: &str = "contoso.onmicrosoft.com/oauth2/token";

#[tokio::test]
async fn one_login_serves_the_second_resource_without_a_prompt() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(json!({ "app_type": "native" }), json!({})).await;
        let challenge = digest::s256_challenge(VERIFIER);
        let mut query = authorize_query(&world.client_id, &challenge, &[("resource", MESSAGES)]);
        query.extend([("scope", "openid"), ("x-client-SKU", "PCL.Desktop"), ("client_info", "1")]);
        let mut browser = Browser::new(&app);
        let page = browser.visit("contoso.onmicrosoft.com/oauth2/authorize", &query).await.page();
        let fields = [("username", EMAIL), ("password", PASSWORD)];
        let landed = browser.submit(&page, &fields).await.application();

        let code = [
            ("grant_type", "authorization_code"),
            ("client_id", &world.client_id),
            ("resource", MESSAGES),
            ("redirect_uri", CALLBACK),
            ("code", &landed["code"]),
            ("code_verifier", VERIFIER),
            ("scope", "openid"),
        ];
        let answer = app.post_form(TOKEN, &code).await;
        assert_eq!(answer.header("cache-control"), "no-store", "{backend}");
        let first = answer.ok();
        assert_eq!(first["resource"], MESSAGES, "{backend}");
        assert_eq!(first["expires_in"], "86400", "{backend}: a string");
        let claims = payload(text(&first, "access_token"));
        assert_eq!(text(&first, "expires_on"), claims["exp"].to_string(), "{backend}");
        assert_eq!(
            claims["scope"],
            "openid profile email offline_access read:messages write:messages delete:messages",
            "{backend}: what the configuration allows"
        );

        let second = [
            ("resource", BILLING),
            ("client_id", &world.client_id),
            ("grant_type", "refresh_token"),
            ("refresh_token", text(&first, "refresh_token")),
            ("scope", "openid"),
            ("client_info", "1"),
        ];
        let second = app.post_form(TOKEN, &second).await.ok();
        assert_eq!(second["resource"], BILLING, "{backend}");
        let claims = payload(text(&second, "access_token"));
        assert_eq!(claims["aud"][0], BILLING, "{backend}");
        assert!(text(&second, "scope").contains("read:billing"), "{backend}");
        assert_ne!(second["refresh_token"], first["refresh_token"], "{backend}");

        let unknown = [
            ("resource", "https://nobody.example"),
            ("client_id", &world.client_id),
            ("grant_type", "refresh_token"),
            ("refresh_token", text(&second, "refresh_token")),
        ];
        let refused = app.post_form(TOKEN, &unknown).await;
        assert_eq!(refused.error(), (400, "invalid_target".to_owned()), "{backend}");
    }
}

#[tokio::test]
async fn an_unknown_resource_is_refused_at_authorize() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let challenge = digest::s256_challenge(VERIFIER);
        let more = [("resource", "https://nobody.example")];
        let query = authorize_query(&world.client_id, &challenge, &more);
        let landed =
            Browser::new(&app).visit("common/oauth2/authorize", &query).await.application();
        assert_eq!(landed["error"], "access_denied", "{backend}");
    }
}
