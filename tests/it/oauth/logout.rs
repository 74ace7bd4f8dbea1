//! `/v2/logout`.

use doorward::crypto::digest;

use crate::support::{
    browser::{Browser, Landed},
    each_backend, each_backend_with,
    fixtures::*,
};

#[tokio::test]
async fn logging_out_ends_the_session_and_goes_where_it_may() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let challenge = digest::s256_challenge(VERIFIER);
        let login = authorize_query(&world.client_id, &challenge, &[("scope", "openid")]);
        let silent = [login.clone(), vec![("prompt", "none")]].concat();
        let mut browser = Browser::new(&app);
        browser.log_in(&login, EMAIL, PASSWORD).await.application();

        let client = ("client_id", world.client_id.as_str());
        for bad in [
            vec![client, ("returnTo", "https://evil.example/")],
            vec![client, ("returnTo", "https://app.example")],
            vec![("returnTo", "https://app.example/")],
            vec![("client_id", "nobody")],
        ] {
            let page = browser.visit("v2/logout", &bad).await.page();
            assert_eq!(page.1.status, 400, "{backend} {bad:?}");
        }
        let landed = browser.visit("authorize", &silent).await.application();
        assert!(landed.contains_key("code"), "{backend}: a broken link logs nobody out");

        let good = [client, ("returnTo", "https://app.example/")];
        assert!(matches!(browser.visit("v2/logout", &good).await, Landed::Application(_)));
        assert!(!browser.cookies.contains_key("doorward_session"), "{backend}");
        let landed = browser.visit("authorize", &silent).await.application();
        assert_eq!(landed["error"], "login_required", "{backend}");

        let (_, page) = browser.visit("v2/logout", &[]).await.page();
        assert_eq!(page.status, 200, "{backend}: a page where there is nowhere to go");
        let first = browser.visit("v2/logout", &[client]).await;
        assert!(matches!(first, Landed::Application(_)), "{backend}: the first of the list");
    }
}

#[tokio::test]
async fn a_stolen_cookie_is_dead_after_the_logout() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let challenge = digest::s256_challenge(VERIFIER);
        let login = authorize_query(&world.client_id, &challenge, &[]);
        let mut browser = Browser::new(&app);
        browser.log_in(&login, EMAIL, PASSWORD).await.application();
        let mut thief = Browser::new(&app);
        thief.cookies = browser.cookies.clone();
        browser.visit("v2/logout", &[]).await;
        assert_eq!(thief.visit("authorize", &login).await.page().0, "/u/login", "{backend}");
    }
}

#[tokio::test]
async fn refresh_tokens_survive_a_logout_unless_the_setting_says_no() {
    for (revoke, file) in [(false, ""), (true, "[refresh_tokens]\nrevoke_on_logout = true\n")] {
        for (backend, app) in each_backend_with(file).await {
            let world = app.world().await;
            let mut browser = Browser::new(&app);
            let more = [("audience", MESSAGES), ("scope", LOGIN_SCOPE)];
            let code = app.code_for(&mut browser, &world, &more).await;
            let login = app.exchange_code(&world, &code).await.ok();
            browser.visit("v2/logout", &[]).await;
            let token = text(&login, "refresh_token");
            let answer = app.refresh(&world, token, &[]).await;
            assert_eq!(answer.status, if revoke { 400 } else { 200 }, "{backend} {revoke}");
            if !revoke {
                let id = crate::support::payload(&answer.text_of("id_token"));
                assert!(id.get("sid").is_none(), "{backend}: the session is over");
            }
        }
    }
}

#[tokio::test]
async fn the_server_has_a_list_of_its_own() {
    let file = "[logout]\nallowed_urls = [\"https://www.example/bye\"]\n";
    for (backend, app) in each_backend_with(file).await {
        let mut browser = Browser::new(&app);
        let there = browser.visit("v2/logout", &[("returnTo", "https://www.example/bye")]).await;
        assert!(matches!(there, Landed::Application(_)), "{backend}");
    }
}

#[tokio::test]
async fn wildcards_federated_and_what_sdks_add_are_understood() {
    for (backend, app) in each_backend().await {
        let urls = ["https://*.example.com/bye", "https://app.example/"];
        let client = app.add_client(serde_json::json!({ "allowed_logout_urls": urls })).await;
        let id = text(&client, "client_id");
        let go = async |query: &str| app.get(&format!("v2/logout?client_id={id}&{query}")).await;
        for (query, location) in [
            ("returnTo=https://a.example.com/bye", "https://a.example.com/bye"),
            ("returnTo=https://app.example/?a=b%26c%23d", "https://app.example/?a=b&c#d"),
            ("federated&returnTo=https://app.example/", "https://app.example/"),
            ("federated=1&auth0Client=e30&logoutParams=x", "https://app.example/"),
            ("", "https://app.example/"),
        ] {
            let answer = go(query).await;
            assert_eq!(answer.status, 302, "{backend} {query}");
            assert_eq!(answer.header("location"), location, "{backend} {query}");
            assert!(answer.header("set-cookie").contains("Max-Age=0"), "{backend} {query}");
        }
        for query in [
            "returnTo=https://a.b.example.com/bye",
            "returnTo=https://evilexample.com/bye",
            "returnTo=https://*.example.com/bye",
            "returnTo=https://app.example.evil.example/",
            "returnTo=https://app.example/%0d%0aset-cookie:x=y",
            "returnTo=javascript:alert(1)",
            "returnTo=//app.example/",
        ] {
            let answer = go(query).await;
            assert_eq!(answer.status, 400, "{backend} {query}");
            assert_eq!(answer.header("location"), "", "{backend} {query}");
        }
        assert_eq!(app.post_form("v2/logout", &[]).await.status, 405, "{backend}");
    }
}
