//! Web auth: the browser of the phone, the callback, the first tokens and the logout.

use serde_json::json;

use super::*;
use crate::support::{each_backend, payload};

/// The address and the query of a redirect, as written.
fn location(answer: &Answer) -> (String, String) {
    assert_eq!(answer.status, 302, "{}", answer.text);
    let (address, query) = answer.header("location").split_once('?').unwrap();
    (address.to_owned(), query.to_owned())
}

#[tokio::test]
async fn web_auth_comes_back_to_the_address_of_the_app_with_its_state() {
    for (backend, app) in each_backend().await {
        let (world, keys) = (native_world(&app).await, keys(&app).await);
        for sdk in SDKS {
            let name = sdk.redirect_uri;
            let mut browser = Browser::new(&app);
            let path = format!("authorize?{}", sdk.authorize(&world, &[("max_age", "3600")]));
            let page = browser.visit(&path, &[]).await.page();
            let fields = [("username", EMAIL), ("password", PASSWORD), ("action", "default")];
            browser.submit(&page, &fields).await.application();
            // The second time there is a session: one redirect, read as written.
            let answer = browser.send(app.http.get(app.url(&path))).await;
            let (address, query) = location(&answer);
            assert_eq!(address, name, "{backend}: upper case and scheme as registered");
            assert!(!query.contains('+'), "{backend}: URLComponents keeps a +: {query}");
            assert!(query.contains("state=s%2Bt%2Fa%3Dte%26x"), "{backend} {name}: {query}");
            let landed: std::collections::BTreeMap<_, _> =
                url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
            assert_eq!(landed["iss"], app.issuer, "{backend} {name}");
            let answer = sdk.exchange(&app, &world, &landed["code"]).await;
            let claims = demand(&answer, &keys, &world);
            assert_eq!(claims["iss"], app.issuer, "{backend} {name}: with the slash");
            assert_eq!(claims["nonce"], "bm9uY2U", "{backend} {name}");
            assert!(claims["auth_time"].is_i64(), "{backend} {name}: max_age was sent");
            assert_eq!(answer.json()["scope"], LOGIN_SCOPE, "{backend} {name}");
            assert_eq!(answer.json()["token_type"], "Bearer", "{backend} {name}");
        }
    }
}

#[tokio::test]
async fn a_login_that_is_refused_comes_back_with_an_error_they_know() {
    for (backend, app) in each_backend().await {
        let world = native_world(&app).await;
        for sdk in SDKS {
            let name = sdk.redirect_uri;
            let go = async |more: &[(&str, &str)]| {
                let path = format!("authorize?{}", sdk.authorize(&world, more));
                Browser::new(&app).visit(&path, &[]).await.application()
            };
            let landed = go(&[("prompt", "none")]).await;
            assert_eq!(landed["error"], "login_required", "{backend} {name}");
            assert_eq!(landed["error_description"], "Login required", "{backend} {name}");
            assert_eq!(landed["state"], "s+t/a=te&x", "{backend} {name}");
        }
        // An API that does not exist.
        let query = SWIFT.authorize(&world, &[]).replace("api.example.com", "nobody.example");
        let mut browser = Browser::new(&app);
        let landed = browser.visit(&format!("authorize?{query}"), &[]).await.application();
        assert_eq!(landed["error"], "access_denied", "{backend}");
        // Consent that is declined.
        let third = json!({ "is_first_party": false });
        app.patch_client(&world.client_id, third).await;
        let path = format!("authorize?{}", ANDROID.authorize(&world, &[]));
        let page = browser.visit(&path, &[]).await.page();
        let fields = [("username", EMAIL), ("password", PASSWORD)];
        let page = browser.submit(&page, &fields).await.page();
        assert_eq!(page.0, "/u/consent", "{backend}");
        let landed = browser.submit(&page, &[("action", "decline")]).await.application();
        assert_eq!(landed["error"], "access_denied", "{backend}");
    }
}

#[tokio::test]
async fn logging_out_returns_to_the_app() {
    for (backend, app) in each_backend().await {
        let world = native_world(&app).await;
        for sdk in SDKS {
            for federated in ["", sdk.federated] {
                let mut query = url::form_urlencoded::Serializer::new(String::new());
                let pairs = [("returnTo", sdk.redirect_uri), ("client_id", &world.client_id)];
                let query = query.extend_pairs(pairs).finish();
                let query = match (sdk.name, federated) {
                    (_, "") => query,
                    ("swift", _) => format!("{federated}&{query}"),
                    _ => format!("{query}&auth0Client=e30&{federated}"),
                };
                let answer = app.get(&format!("v2/logout?{query}")).await;
                assert_eq!(answer.status, 302, "{backend} {query}: {}", answer.text);
                assert_eq!(answer.header("location"), sdk.redirect_uri, "{backend} {query}");
            }
        }
    }
}

#[tokio::test]
async fn a_request_that_was_pushed_by_the_backend_is_opened_by_the_app() {
    for (backend, app) in each_backend().await {
        let world = native_world(&app).await;
        let method = json!({ "token_endpoint_auth_method": "client_secret_post" });
        app.patch_client(&world.client_id, method).await;
        for sdk in [SWIFT, ANDROID] {
            let mut pushed: Vec<(String, String)> =
                url::form_urlencoded::parse(sdk.authorize(&world, &[]).as_bytes())
                    .into_owned()
                    .collect();
            pushed.push(("client_secret".into(), world.client_secret.clone()));
            let pushed = app.send(app.http.post(app.url("oauth/par")).form(&pushed)).await;
            assert_eq!(pushed.status, 201, "{backend}: {}", pushed.text);
            let uri = pushed.text_of("request_uri");
            assert!(uri.starts_with("urn:ietf:params:oauth:request_uri:"), "{backend}: {uri}");
            let query = [("client_id", world.client_id.as_str()), ("request_uri", &uri)];
            let landed = Browser::new(&app).log_in(&query, EMAIL, PASSWORD).await.application();
            assert_eq!(landed["state"], "s+t/a=te&x", "{backend}");
            let redeemed = app
                .token(&[
                    ("grant_type", "authorization_code"),
                    ("client_id", &world.client_id),
                    ("client_secret", &world.client_secret),
                    ("code", &landed["code"]),
                    ("redirect_uri", sdk.redirect_uri),
                    ("code_verifier", VERIFIER),
                ])
                .await;
            demand(&redeemed, &keys(&app).await, &world);
        }
    }
}

#[tokio::test]
async fn an_organization_is_named_in_the_id_token() {
    for (backend, app) in each_backend().await {
        let world = native_world(&app).await;
        let body = json!({ "name": "acme", "display_name": "Acme" });
        let made = app.management("POST", "/organizations", Some(body)).await;
        let id = TestApp::created(&made)["id"].as_str().unwrap().to_owned();
        let members = json!({ "members": [world.user_id] });
        let path = format!("/organizations/{id}/members");
        assert_eq!(app.management("POST", &path, Some(members)).await.status, 204, "{backend}");
        app.patch_client(&world.client_id, json!({ "organization_usage": "allow" })).await;
        let path = format!("authorize?{}", SWIFT.authorize(&world, &[("organization", &id)]));
        let mut browser = Browser::new(&app);
        let page = browser.visit(&path, &[]).await.page();
        let fields = [("username", EMAIL), ("password", PASSWORD)];
        let landed = browser.submit(&page, &fields).await.application();
        let answer = SWIFT.exchange(&app, &world, &landed["code"]).await;
        let claims = payload(&answer.text_of("id_token"));
        assert_eq!(claims["org_id"], id.as_str(), "{backend}");
    }
}
