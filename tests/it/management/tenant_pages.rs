//! What the settings of the tenant do to pages and messages.

use serde_json::{Value, json};

use super::{get, patch};
use crate::support::{Answer, TestApp, browser::Browser, each_backend, fixtures::*};

async fn set(app: &TestApp, body: Value) {
    patch(app, "/tenants/settings", body).await.ok();
}

/// A page that anybody can have.
async fn page(app: &TestApp) -> Answer {
    app.get("activate").await
}

async fn in_language(app: &TestApp, path: &str, accepted: &str) -> String {
    let request = app.http.get(app.url(path)).header("accept-language", accepted);
    let page = app.send(request.header("accept", "text/html")).await.text;
    let lang = page.split("<html lang=\"").nth(1).unwrap_or_else(|| panic!("{page}"));
    lang.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn pages_and_messages_show_the_name_of_the_tenant_on_every_node() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let other = app.another_node().await;
        let mut changes = other.inner.store.changes();
        assert!(page(&other).await.text.contains("Doorward"), "{backend}: configured");
        set(&app, json!({ "friendly_name": "Acme <& Sons>" })).await;
        while !page(&other).await.text.contains("Acme") {
            changes.changed().await.unwrap();
        }
        for node in [&app, &other] {
            for path in ["activate", "authorize", "v2/logout", "u/login"] {
                let page = node.get(path).await;
                assert!(page.text.contains("Acme &#60;&#38; Sons&#62;"), "{backend} {path}");
                assert!(!page.text.contains("Acme <"), "{backend} {path}");
            }
        }
        let asks = json!({
            "client_id": world.client_id, "email": EMAIL,
            "connection": "Username-Password-Authentication",
        });
        app.send(app.http.post(app.url("dbconnections/change_password")).json(&asks)).await;
        let mails = app.mails_to(EMAIL).await;
        assert!(mails[0].text.contains("Acme <& Sons>"), "{backend}: {}", mails[0].text);
        set(&app, json!({ "friendly_name": "" })).await;
        assert!(page(&app).await.text.contains("Doorward"), "{backend}: the configured one again");
    }
}

#[tokio::test]
async fn a_logo_is_loaded_from_its_origin_and_nothing_else_is() {
    for (backend, app) in each_backend().await {
        let policy = |page: &Answer| page.header("content-security-policy").to_owned();
        let plain = policy(&page(&app).await);
        assert!(plain.contains("img-src 'self' data:;"), "{backend}: {plain}");
        let logo = "https://cdn.example:8443/logo.png?a=\"><script>;script-src *";
        let answer = patch(&app, "/tenants/settings", json!({ "picture_url": logo })).await;
        assert_eq!(answer.status, 400, "{backend}: blanks");
        let logo = "https://cdn.example:8443/logo.png?a=\"><script>;script-src'";
        set(&app, json!({ "picture_url": logo })).await;
        let shown = page(&app).await;
        let expected = "img-src 'self' data: https://cdn.example:8443;";
        assert!(policy(&shown).contains(expected), "{backend}: {}", policy(&shown));
        assert_eq!(policy(&shown).replace(" https://cdn.example:8443", ""), plain, "{backend}");
        assert!(
            shown.text.contains("<img class=\"logo\" src=\"https://cdn.example:8443/logo.png?a=")
        );
        assert!(!shown.text.contains("<script"), "{backend}");
        assert_eq!(shown.header("referrer-policy"), "no-referrer", "{backend}");
        // Without TLS anybody on the way could change it.
        for bad in ["http://cdn.example/logo.png", "com.example:/logo", ""] {
            set(&app, json!({ "picture_url": bad })).await;
            let shown = page(&app).await;
            assert!(!shown.text.contains("<img"), "{backend} {bad}");
            assert_eq!(policy(&shown), plain, "{backend} {bad}");
        }
    }
}

#[tokio::test]
async fn pages_tell_where_to_get_help() {
    for (backend, app) in each_backend().await {
        assert!(!page(&app).await.text.contains("id=\"support\""), "{backend}");
        let help = json!({
            "support_email": "help+me@acme.example", "support_url": "https://acme.example/?a&b",
        });
        set(&app, help).await;
        for path in ["activate", "authorize"] {
            let page = app.get(path).await.text;
            assert!(page.contains("href=\"https://acme.example/?a&#38;b\""), "{backend} {path}");
            assert!(page.contains("href=\"mailto:help+me@acme.example\">help+me@acme.example</a>"));
        }
        let odd = json!({ "support_email": "a?cc=eve@acme.example", "support_url": "x.y:/z" });
        set(&app, odd).await;
        let page = page(&app).await.text;
        assert!(page.contains("href=\"mailto:a%3Fcc%3Deve@acme.example\""), "{backend}: {page}");
        assert!(!page.contains("x.y:/z"), "{backend}: no address of the web");
    }
}

#[tokio::test]
async fn the_tenant_says_which_languages_there_are() {
    for (backend, app) in each_backend().await {
        assert_eq!(in_language(&app, "activate", "ja").await, "ja", "{backend}");
        set(&app, json!({ "enabled_locales": ["en", "fr"] })).await;
        assert_eq!(in_language(&app, "activate", "ja").await, "en", "{backend}");
        assert_eq!(in_language(&app, "activate?ui_locales=ja", "ja").await, "en", "{backend}");
        assert_eq!(in_language(&app, "activate", "fr").await, "en", "{backend}: no texts");
        set(&app, json!({ "enabled_locales": ["ja", "en"] })).await;
        assert_eq!(in_language(&app, "activate", "fr").await, "ja", "{backend}: the first");
        assert_eq!(in_language(&app, "activate", "en").await, "en", "{backend}");
        let document = app.get(".well-known/openid-configuration").await.ok();
        assert_eq!(document["ui_locales_supported"], json!(["ja", "en"]), "{backend}");
    }
}

#[tokio::test]
async fn errors_are_shown_where_the_operator_says() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let bad = format!(
            "authorize?response_type=code&client_id={}&redirect_uri=https://evil.example",
            world.client_id
        );
        let page = app.get(&bad).await;
        assert!(page.status == 400 && !page.text.contains("request-id"), "{backend}");
        set(&app, json!({ "error_page": { "show_log_link": true } })).await;
        let page = app.get(&bad).await;
        let id = page.header("x-request-id").to_owned();
        assert!(page.status == 400 && page.text.contains(&id), "{backend}: it names the request");
        let url = "https://acme.example/error?lang=en";
        set(&app, json!({ "error_page": { "url": url } })).await;
        for (path, error) in [
            (bad.as_str(), "invalid_request"),
            ("authorize", "invalid_request"),
            ("authorize?response_type=code&client_id=nobody", "unauthorized_client"),
            ("u/login", "invalid_request"),
            ("v2/logout?returnTo=https://evil.example", "invalid_request"),
        ] {
            let answer = app.get(path).await;
            assert_eq!(answer.status, 302, "{backend} {path}: {}", answer.text);
            let location = url::Url::parse(answer.header("location")).unwrap();
            assert!(location.as_str().starts_with(&format!("{url}&error=")), "{location}");
            let of = |name: &str| location.query_pairs().find(|(n, _)| n == name).unwrap().1;
            assert_eq!(of("error"), error, "{backend} {path}");
            assert!(!of("error_description").is_empty(), "{backend} {path}");
            assert_eq!(of("tracking"), answer.header("x-request-id"), "{backend} {path}");
        }
        // What is no error of a request stays here.
        assert_eq!(app.get("nowhere").await.status, 404, "{backend}");
        let long = format!("{bad}{}", "x".repeat(5000));
        assert!(app.get(&long).await.header("location").len() < 1000, "{backend}");
    }
}

#[tokio::test]
async fn who_is_lost_is_shown_where_to_begin() {
    for (backend, app) in each_backend().await {
        let home = "https://acme.example/start?a&b";
        set(&app, json!({ "default_redirection_uri": home })).await;
        let lost = app.get("u/login").await;
        assert_eq!(lost.status, 400, "{backend}");
        assert!(lost.text.contains("href=\"https://acme.example/start?a&#38;b\""), "{backend}");
        assert!(!app.get("authorize").await.text.contains("acme.example"), "{backend}");
    }
}

#[tokio::test]
async fn user_codes_look_as_the_tenant_says() {
    for (backend, app) in each_backend().await {
        let grant = "urn:ietf:params:oauth:grant-type:device_code";
        let native = json!({ "app_type": "native", "grant_types": [grant] });
        let world = app.world_with(native, json!({})).await;
        let ask = async || {
            let form = [("client_id", world.client_id.as_str()), ("scope", "openid")];
            app.post_form("oauth/device/code", &form).await.ok()
        };
        let shape = |code: &str| -> String {
            code.chars()
                .map(|c| match c {
                    c if c.is_ascii_digit() => '0',
                    c if c.is_ascii_uppercase() => 'X',
                    c => c,
                })
                .collect()
        };
        assert_eq!(shape(text(&ask().await, "user_code")), "XXXX-XXXX", "{backend}");
        for (device_flow, expected) in [
            (json!({ "charset": "digits" }), "000-000-000"),
            (json!({ "charset": "base20", "mask": "***** *****" }), "XXXXX XXXXX"),
            (json!({ "charset": "digits", "mask": "***-***-***-***" }), "000-000-000-000"),
        ] {
            set(&app, json!({ "device_flow": device_flow })).await;
            let asked = ask().await;
            let code = text(&asked, "user_code");
            assert_eq!(shape(code), expected, "{backend}");
            let whole = url::Url::parse(text(&asked, "verification_uri_complete")).unwrap();
            assert_eq!(whole.query_pairs().next().unwrap().1, code, "{backend}");
            let form = page(&app).await.text;
            assert!(form.contains(&format!("placeholder=\"{expected}\"")), "{backend}");
            // The person types it, logs in and is shown the same code.
            let mut browser = Browser::new(&app);
            let typed = code.replace(['-', ' '], "");
            let login = browser.post("activate", &[("user_code", typed.as_str())]).await.page();
            let credentials = [("username", EMAIL), ("password", PASSWORD)];
            let question = browser.submit(&login, &credentials).await.page();
            assert!(question.1.text.contains(code), "{backend}: {}", question.1.text);
        }
    }
}

#[tokio::test]
async fn what_is_answered_is_accepted_back() {
    for (backend, app) in each_backend().await {
        let body = json!({
            "friendly_name": "Acme", "picture_url": "https://acme.example/logo.png",
            "support_email": "help@acme.example", "support_url": "https://acme.example/help",
            "default_redirection_uri": "https://acme.example/login",
            "enabled_locales": ["ja", "en"], "session_cookie": { "mode": "non-persistent" },
            "error_page": { "html": "", "url": "", "show_log_link": true },
            "flags": { "enable_client_connections": false, "remove_alg_from_jwks": true },
            "device_flow": { "charset": "base20", "mask": "****-****" },
            "session_lifetime": 3, "idle_session_lifetime": 2,
            "oidc_logout": { "rp_logout_end_session_endpoint_discovery": true },
            "sessions": { "oidc_logout_prompt_enabled": false },
            "acr_values_supported": [], "mtls": { "enable_endpoint_aliases": false },
            "security_headers": { "content_security_policy": { "enabled": false } },
            "country_codes": { "list": ["DE"], "mode": "allow" },
        });
        for body in [json!({ "flags": {} }), body] {
            set(&app, body).await;
            let mut shown = get(&app, "/tenants/settings").await.ok();
            let before = shown.clone();
            shown.as_object_mut().unwrap().remove("sandbox_versions_available");
            let answer = patch(&app, "/tenants/settings", shown).await;
            assert_eq!(answer.ok(), before, "{backend}");
        }
    }
}

#[tokio::test]
async fn the_keys_are_published_without_algorithms_on_request() {
    for (backend, app) in each_backend().await {
        let has_alg = async || {
            let jwks = app.get(".well-known/jwks.json").await.ok();
            jwks["keys"].as_array().unwrap().iter().all(|key| key.get("alg").is_some())
        };
        assert!(has_alg().await, "{backend}");
        set(&app, json!({ "flags": { "remove_alg_from_jwks": true } })).await;
        assert!(!has_alg().await, "{backend}");
    }
}

#[tokio::test]
async fn who_signs_up_twice_is_told_so_where_the_operator_says() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let body = json!({
            "client_id": world.client_id, "email": EMAIL, "password": "a wholly different phrase",
            "connection": "Username-Password-Authentication",
        });
        let code = async || {
            let request = app.http.post(app.url("dbconnections/signup")).json(&body);
            let answer = app.send(request).await;
            (answer.status, answer.text_of("code"))
        };
        assert_eq!(code().await, (400, "invalid_signup".to_owned()), "{backend}");
        set(&app, json!({ "flags": { "enable_public_signup_user_exists_error": true } })).await;
        assert_eq!(code().await, (400, "user_exists".to_owned()), "{backend}");
    }
}

#[tokio::test]
async fn revoking_a_refresh_token_takes_the_grant_back_where_the_operator_says() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        for takes_back in [false, true] {
            set(&app, json!({ "flags": { "revoke_refresh_token_grant": takes_back } })).await;
            let (one, other) = (app.log_in(&world).await, app.log_in(&world).await);
            let form =
                [("client_id", world.client_id.as_str()), ("token", text(&one, "refresh_token"))];
            assert_eq!(app.post_form("oauth/revoke", &form).await.status, 200, "{backend}");
            let answer = app.refresh(&world, text(&other, "refresh_token"), &[]).await;
            let status = if takes_back { 400 } else { 200 };
            assert_eq!(answer.status, status, "{backend}: {}", answer.text);
        }
    }
}
