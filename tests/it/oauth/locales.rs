//! The language of pages and messages.

use doorward::crypto::digest;
use serde_json::json;

use crate::support::{
    Answer, TestApp, browser::Browser, each_backend, each_backend_with, fixtures::*,
};

/// The login page for these parameters and this `Accept-Language`.
async fn login(app: &TestApp, world: &World, more: &[(&str, &str)], accept: &str) -> Answer {
    let challenge = digest::s256_challenge(VERIFIER);
    let mut browser = Browser::new(app);
    let query = authorize_query(&world.client_id, &challenge, more);
    let mut url = url::Url::parse(&app.url("authorize")).unwrap();
    url.query_pairs_mut().extend_pairs(query);
    let request = app.http.get(url);
    let answer = browser.send(request.header("accept-language", accept)).await;
    let page = app.http.get(app.url(answer.header("location")));
    browser.send(page.header("accept-language", accept)).await
}

fn language(answer: &Answer) -> &str {
    answer.text.split("<html lang=\"").nth(1).unwrap().split('"').next().unwrap()
}

#[tokio::test]
async fn the_application_then_the_browser_then_the_server_chooses() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        for (ui_locales, accept, expected) in [
            (None, "", "en"),
            (None, "ja", "ja"),
            (None, "fr;q=0.9, ja;q=0.8, en;q=0.1", "ja"),
            (Some("ja"), "en", "ja"),
            (Some("fr ja-JP en"), "en", "ja"),
            (Some("en-GB"), "ja", "en"),
            (Some("xx"), "ja", "ja"),
            (Some("../../etc/passwd \u{1f600} ja"), "", "ja"),
        ] {
            let more: Vec<_> = ui_locales.iter().map(|value| ("ui_locales", *value)).collect();
            let page = login(&app, &world, &more, accept).await;
            assert_eq!((page.status, language(&page)), (200, expected), "{backend} {ui_locales:?}");
            let said = if expected == "ja" { "ログイン" } else { "Log in" };
            assert!(page.text.contains(said), "{backend}");
        }
        let long = "ja ".repeat(500);
        let more = [("ui_locales", long.as_str())];
        let challenge = digest::s256_challenge(VERIFIER);
        let query = authorize_query(&world.client_id, &challenge, &more);
        let landed = Browser::new(&app).visit("authorize", &query).await.application();
        assert_eq!(landed["error"], "invalid_request", "{backend}");
    }
}

#[tokio::test]
async fn an_operator_sets_the_default() {
    for (backend, app) in each_backend_with("[pages]\ndefault_locale = \"ja\"").await {
        let world = app.world().await;
        assert_eq!(language(&login(&app, &world, &[], "").await), "ja", "{backend}");
        assert_eq!(language(&login(&app, &world, &[], "en").await), "en", "{backend}");
    }
}

#[tokio::test]
async fn errors_and_other_pages_speak_it_too() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        for (path, said) in [
            ("authorize?ui_locales=ja", "client_id"),
            ("authorize?client_id=nobody&ui_locales=ja", "不明なアプリケーション"),
            ("nowhere?ui_locales=ja", "ページが見つかりません"),
            ("u/login?ui_locales=ja", "最初からやり直してください"),
            ("u/reset-password?ticket=x&ui_locales=ja", "このリンクは使用できません"),
            ("v2/logout?ui_locales=ja", "ログアウトしました"),
        ] {
            let page = app.get(path).await;
            assert_eq!(language(&page), "ja", "{backend} {path}");
            assert!(page.text.contains(said), "{backend} {path}: {}", page.text);
        }
        let challenge = digest::s256_challenge(VERIFIER);
        let query = authorize_query(&world.client_id, &challenge, &[("ui_locales", "ja")]);
        let mut browser = Browser::new(&app);
        let page = browser.visit("authorize", &query).await.page();
        let fields = [("username", EMAIL), ("password", "wrong")];
        let wrong = browser.submit(&page, &fields).await.page().1;
        assert!(wrong.text.contains("パスワードが正しくありません"), "{backend}");
    }
}

#[tokio::test]
async fn messages_and_where_they_lead_speak_it() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let body = json!({
            "client_id": world.client_id, "email": EMAIL,
            "connection": "Username-Password-Authentication",
        });
        let request = app.http.post(app.url("dbconnections/change_password")).json(&body);
        app.send(request.header("accept-language", "ja-JP,ja;q=0.9")).await;
        let mail = app.mails_to(EMAIL).await.remove(0);
        assert_eq!(mail.subject, "パスワードの再設定", "{backend}");
        assert!(mail.text.contains("60 分間有効"), "{backend}: {}", mail.text);
        assert!(mail.html.contains("<html lang=\"ja\">"), "{backend}");
        let page = app.get(&super::signup::path(&app, &mail)).await;
        assert_eq!(language(&page), "ja", "{backend}: read in another browser, too");
        let ticket = super::signup::ticket(&mail);
        let form = [("ticket", ticket.as_str()), ("ui_locales", "ja")];
        let again = app.post_form("u/reset-password", &form).await;
        assert!(again.text.contains("パスワードが短すぎます"), "{backend}");
    }
}
