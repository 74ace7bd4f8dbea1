//! `/tenants/settings`, and what the settings do.

use doorward::crypto::digest;
use serde_json::{Value, json};

use crate::support::{Answer, TestApp, browser::Browser, each_backend, fixtures::*, payload};

async fn patch(app: &TestApp, body: Value) -> Answer {
    app.management("PATCH", "/tenants/settings", Some(body)).await
}

#[tokio::test]
async fn a_fresh_tenant_shows_what_is_in_force() {
    for (backend, app) in each_backend().await {
        let settings = app.management("GET", "/tenants/settings", None).await.ok();
        assert_eq!(settings["session_lifetime"], 168, "{backend}");
        assert_eq!(settings["idle_session_lifetime"], 72, "{backend}");
        assert_eq!(settings["enabled_locales"], json!(["en", "ja"]), "{backend}");
        assert_eq!(settings["flags"]["enable_sso"], true, "{backend}");
        assert!(settings.get("support_email").is_none(), "{backend}: unset is absent");
        let fields = "/tenants/settings?fields=session_lifetime&include_fields=true";
        let one = app.management("GET", fields, None).await.ok();
        assert_eq!(one, json!({ "session_lifetime": 168 }), "{backend}");
    }
}

#[tokio::test]
async fn a_change_merges_flags_and_replaces_the_rest() {
    for (backend, app) in each_backend().await {
        let flags =
            json!({ "flags": { "enable_apis_section": true }, "support_email": "a@b.example" });
        patch(&app, flags).await.ok();
        let more = json!({
            "flags": { "universal_login": true, "disable_impersonation": false },
            "error_page": { "html": "x", "url": "", "show_log_link": false },
            "session_lifetime_in_minutes": 6030,
        });
        patch(&app, more).await.ok();
        let settings = app.management("GET", "/tenants/settings", None).await.ok();
        assert_eq!(settings["flags"]["enable_apis_section"], true, "{backend}: merged");
        assert_eq!(settings["flags"]["disable_impersonation"], true, "{backend}: read-only");
        assert_eq!(settings["support_email"], "a@b.example", "{backend}");
        assert_eq!(settings["session_lifetime"], 100.5, "{backend}");
        assert!(settings.get("session_lifetime_in_minutes").is_none(), "{backend}");
        let removed = patch(&app, json!({ "error_page": null, "session_lifetime": 2 })).await.ok();
        assert!(removed.get("error_page").is_none(), "{backend}");
        assert_eq!(removed["session_lifetime"], 2, "{backend}");
    }
}

#[tokio::test]
async fn a_whole_number_may_be_written_with_a_fraction_of_nothing() {
    for (backend, app) in each_backend().await {
        let body = json!({ "session_lifetime": 100.0, "idle_session_lifetime": 5e1 });
        let settings = patch(&app, body).await.ok();
        assert_eq!(settings["session_lifetime"], json!(100), "{backend}");
        assert_eq!(settings["idle_session_lifetime"], json!(50), "{backend}");
        for bad in [json!(72.5), json!(1e300), json!(-1.0)] {
            let answer = patch(&app, json!({ "idle_session_lifetime": bad })).await;
            assert_eq!(answer.status, 400, "{backend} {bad}");
        }
    }
}

#[tokio::test]
async fn what_makes_no_sense_changes_nothing() {
    for (backend, app) in each_backend().await {
        for body in [
            json!({}),
            json!({ "unknown": 1 }),
            json!({ "session_lifetime": 0 }),
            json!({ "session_lifetime": 1, "session_lifetime_in_minutes": 60 }),
            json!({ "session_cookie": { "mode": "forever" } }),
            json!({ "allowed_logout_urls": ["javascript:alert(1)"] }),
            json!({ "default_redirection_uri": "http://a.example" }),
            json!({ "support_email": "nobody" }),
            json!({ "flags": { "x": "y" } }),
            json!({ "enabled_locales": [] }),
            json!({ "mtls": { "enable_endpoint_aliases": true } }),
            json!({ "sandbox_versions_available": ["22"] }),
            json!({ "device_flow": { "charset": "hex" } }),
            json!({ "device_flow": { "mask": "****" } }),
            json!({ "device_flow": { "mask": "XXXX-XXXX" } }),
            json!({ "device_flow": { "charset": "digits", "mask": "****-****" } }),
            json!({ "enabled_locales": ["tlh"] }),
            json!({ "acr_values_supported": ["urn:example:strong"] }),
            json!({ "client_id_metadata_document_supported": true }),
            json!({ "default_token_quota": { "clients": { "client_credentials": { "per_day": 1 } } } }),
            json!({ "security_headers": { "content_security_policy": { "enabled": true } } }),
            json!({ "security_headers": { "x_xss_protection": { "enabled": true } } }),
            json!({ "error_page": { "url": format!("{}authorize", app.issuer) } }),
            json!({ "error_page": { "url": "com.example:/error" } }),
        ] {
            let answer = patch(&app, body.clone()).await;
            assert_eq!(answer.status, 400, "{backend} {body}: {}", answer.text);
            assert_eq!(answer.json()["errorCode"], "invalid_body", "{backend} {body}");
        }
        let settings = app.management("GET", "/tenants/settings", None).await.ok();
        assert_eq!(settings["session_lifetime"], 168, "{backend}");
    }
}

#[tokio::test]
async fn sessions_last_as_long_as_the_tenant_says_on_every_node() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let lifetimes = json!({ "session_lifetime": 2, "idle_session_lifetime_in_minutes": 45 });
        patch(&app, lifetimes).await.ok();
        let challenge = digest::s256_challenge(VERIFIER);
        let login = authorize_query(&world.client_id, &challenge, &[]);
        let silent = authorize_query(&world.client_id, &challenge, &[("prompt", "none")]);
        let mut browser = Browser::new(&app);
        browser.log_in(&login, EMAIL, PASSWORD).await.application();
        for _ in 0..2 {
            app.clock.advance_seconds(44 * 60);
            let landed = browser.visit("authorize", &silent).await.application();
            assert!(landed.contains_key("code"), "{backend}: {landed:?}");
        }
        app.clock.advance_seconds(40 * 60);
        let landed = browser.visit("authorize", &silent).await.application();
        assert_eq!(landed["error"], "login_required", "{backend}: absolute");
        browser.log_in(&login, EMAIL, PASSWORD).await.application();
        app.clock.advance_seconds(46 * 60);
        let landed = browser.visit("authorize", &silent).await.application();
        assert_eq!(landed["error"], "login_required", "{backend}: idle");
    }
}

#[tokio::test]
async fn a_session_may_end_with_the_browser() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let cookie = async |browser: &mut Browser<'_>| {
            let challenge = digest::s256_challenge(VERIFIER);
            let query = authorize_query(&world.client_id, &challenge, &[]);
            let page = browser.visit("authorize", &query).await.page();
            let state = crate::support::browser::hidden_state(&page.1.text);
            let form = [("state", state.as_str()), ("username", EMAIL), ("password", PASSWORD)];
            let answer = browser.send(app.http.post(app.url("u/login")).form(&form)).await;
            let mut cookies = answer.headers.get_all("set-cookie").iter();
            let session = cookies.find(|c| c.to_str().unwrap().starts_with("doorward_session="));
            session.unwrap().to_str().unwrap().to_owned()
        };
        assert!(cookie(&mut Browser::new(&app)).await.contains("Max-Age=604800"), "{backend}");
        patch(&app, json!({ "session_cookie": { "mode": "non-persistent" } })).await.ok();
        assert!(!cookie(&mut Browser::new(&app)).await.contains("Max-Age"), "{backend}");
    }
}

#[tokio::test]
async fn a_login_that_names_no_api_gets_the_default_one() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        patch(&app, json!({ "default_audience": MESSAGES })).await.ok();
        let tokens = app.log_in_for(&world, &[("scope", LOGIN_SCOPE)]).await;
        assert_eq!(payload(text(&tokens, "access_token"))["aud"][0], MESSAGES, "{backend}");
        let tokens = app.log_in_for(&world, &[("scope", "openid"), ("audience", BILLING)]).await;
        assert_eq!(payload(text(&tokens, "access_token"))["aud"][0], BILLING, "{backend}");
    }
}

#[tokio::test]
async fn logout_urls_of_the_tenant_count_without_a_client() {
    for (backend, app) in each_backend().await {
        let url = "https://tenant.example/bye";
        let path = format!("v2/logout?returnTo={url}");
        assert_eq!(app.get(&path).await.status, 400, "{backend}");
        patch(&app, json!({ "allowed_logout_urls": [url] })).await.ok();
        assert_eq!(app.get(&path).await.header("location"), url, "{backend}");
    }
}
