//! Its files: what anybody is served, and under which policy.

use serde_json::Value;

use crate::support::{Answer, TestApp, each_backend};

const PAGES: &[&str] =
    &["admin/", "admin/users", "admin/applications/a%2Fb?tab=x", "admin/callback?code=c&state=s"];

fn policy_of(answer: &Answer) -> Vec<&str> {
    answer.header("content-security-policy").split(';').map(str::trim).collect()
}

/// The address of a file that the page names.
fn named(page: &str, end: &str) -> String {
    let end = page.find(end).map(|at| at + end.len()).unwrap();
    let begin = page[..end].rfind("/admin/assets/").unwrap();
    page[begin + 1..end].to_owned()
}

#[tokio::test]
async fn every_address_below_it_is_the_same_page_under_a_strict_policy() {
    for (backend, app) in each_backend().await {
        let mut texts = Vec::new();
        for path in PAGES {
            let answer = app.get(path).await;
            assert_eq!(answer.status, 200, "{backend} {path}");
            let policy = policy_of(&answer);
            for part in [
                "default-src 'none'",
                "script-src 'self'",
                "style-src 'self'",
                "connect-src 'self'",
                "base-uri 'none'",
                "frame-ancestors 'none'",
                "require-trusted-types-for 'script'",
            ] {
                assert!(policy.contains(&part), "{backend} {path}: {policy:?}");
            }
            assert!(!answer.header("content-security-policy").contains("unsafe"), "{backend}");
            for (name, value) in [
                ("cache-control", "no-store"),
                ("referrer-policy", "no-referrer"),
                ("x-content-type-options", "nosniff"),
                ("x-frame-options", "DENY"),
                ("cross-origin-opener-policy", "same-origin-allow-popups"),
            ] {
                assert_eq!(answer.header(name), value, "{backend} {path} {name}");
            }
            texts.push(answer.text);
        }
        texts.dedup();
        assert_eq!(texts.len(), 1, "{backend}: nothing of an address is echoed");
    }
}

#[tokio::test]
async fn files_have_addresses_that_change_with_them_and_are_kept_for_good() {
    let app = TestApp::start(None, "").await;
    let page = app.get("admin/").await.text;
    for (end, kind) in
        [("main.js", "text/javascript; charset=utf-8"), ("console.css", "text/css; charset=utf-8")]
    {
        let path = named(&page, end);
        let answer = app.get(&path).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, kind));
        assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        // A page of another release gets our file, and must not keep it under its name.
        let version = path.split('/').nth(2).unwrap();
        let other = app.get(&path.replace(version, "000000000000")).await;
        assert_eq!((other.status, other.header("cache-control")), (200, "no-store"));
        assert_eq!(other.text, answer.text);
    }
    for path in [
        "nothing.js",
        "index.html",
        "../console.rs",
        "%2e%2e/console.rs",
        "core/../../console.rs",
        "core",
        "",
    ] {
        let answer = app.get(&named(&page, "main.js").replace("main.js", path)).await;
        assert!(
            answer.status == 404 || answer.text.contains("<noscript>"),
            "{path}: {}",
            answer.status
        );
        assert!(!answer.text.contains("use axum"), "{path}");
    }
}

#[tokio::test]
async fn what_it_learns_before_anybody_signed_in_is_no_secret() {
    for (backend, app) in each_backend().await {
        let answer = app.get("admin/config.json").await;
        assert_eq!(answer.header("cache-control"), "no-store", "{backend}");
        let Value::Object(config) = answer.ok() else { panic!("{backend}: {}", answer.text) };
        let names: Vec<_> = config.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            ["audience", "client_id", "issuer", "scope", "tenant", "version"],
            "{backend}"
        );
        assert_eq!(config["issuer"], app.issuer.as_str(), "{backend}");
        assert_eq!(config["audience"], app.url("api/v2/").as_str(), "{backend}");
    }
}

#[tokio::test]
async fn it_takes_nothing_but_requests_to_read() {
    let app = TestApp::start(None, "").await;
    for path in ["admin/", "admin/users", "admin/config.json"] {
        let answer = app.post_form(path, &[("a", "b")]).await;
        assert_eq!(answer.status, 405, "{path}");
    }
    let moved = app.send(app.http.get(app.url("admin"))).await;
    assert_eq!((moved.status, moved.header("location")), (303, "/admin/"));
}
