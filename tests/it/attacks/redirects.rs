//! Where else a browser, or the reader of a message, could be sent: cases 13 and 14.

use doorward::crypto::digest;
use serde_json::{Value, json};

use super::{DATABASE, DEVICE, OTP, ask, begin, query_of, refused};
use crate::support::{
    browser::{Browser, hidden_state},
    each_backend,
    fixtures::*,
};

const EVIL: &str = "https://evil.example/";

/// **Case 13.** CVE-2026-54072, Authorizer: any address of the request was gone to, with tokens.
#[tokio::test]
async fn no_address_of_a_request_is_gone_to() {
    const NAMES: &[&str] = &[
        "redirect_uri",
        "returnTo",
        "return_to",
        "redirect",
        "next",
        "url",
        "continue",
        "result_url",
        "post_logout_redirect_uri",
        "RelayState",
    ];
    let everything: Vec<_> = NAMES.iter().map(|name| (*name, EVIL)).collect();
    for (backend, app) in each_backend().await {
        let grants = json!({ "grant_types": ["authorization_code", OTP] });
        let world = app.world_with(grants, json!({})).await;
        let client = ("client_id", world.client_id.as_str());
        let challenge = digest::s256_challenge(VERIFIER);

        let query = query_of(&world, &challenge, &[("redirect_uri", EVIL)]);
        refused(&ask(&app, "authorize", &query).await, (400, "Callback URL mismatch"), backend);
        let elsewhere = (400, "Logout URL mismatch");
        for (path, name) in [("v2/logout", "returnTo"), ("oidc/logout", "post_logout_redirect_uri")]
        {
            for query in [vec![(name, EVIL)], vec![client, (name, EVIL)]] {
                refused(&ask(&app, path, &query).await, elsewhere, path);
            }
        }
        let form = [("post_logout_redirect_uri", EVIL), client];
        let (_, page) = Browser::new(&app).post("oidc/logout", &form).await.page();
        refused(&page, elsewhere, "posted");

        // There are no links that log in; the address that SDKs would have in them is not kept.
        let link = json!({
            "client_id": world.client_id, "connection": "email", "email": EMAIL, "send": "link",
            "authParams": { "redirect_uri": EVIL },
        });
        let start = async |body: &Value| {
            app.send(app.http.post(app.url("passwordless/start")).json(body)).await
        };
        refused(&start(&link).await, (400, "invalid_request"), "a link");
        let mut code = link.clone();
        code["send"] = json!("code");
        start(&code).await.ok();
        let account = json!({
            "client_id": world.client_id, "email": "grace@example.com", "password": PASSWORD,
            "connection": DATABASE, "redirect_uri": EVIL, "result_url": EVIL,
        });
        for path in ["dbconnections/signup", "dbconnections/change_password"] {
            app.send(app.http.post(app.url(path)).json(&account)).await;
        }
        let mails = app.mails().await;
        assert_eq!(mails.len(), 3, "{backend}");
        for mail in &mails {
            assert!(!format!("{}{}", mail.text, mail.html).contains("evil"), "{backend}");
        }

        // Tickets lead where the operator said, and the steps of a login to its callback.
        for mail in mails.iter().filter(|mail| mail.text.contains("ticket=")) {
            let mut link = url::Url::parse(&mail.link()).unwrap();
            link.query_pairs_mut().extend_pairs(&everything);
            let page = app.send(app.http.get(link.clone())).await;
            assert_eq!((page.status, page.header("location")), (200, ""), "{backend}");
            assert!(!page.text.contains("evil"), "{backend}: {}", page.text);
            let ticket = link.query_pairs().find(|(name, _)| name == "ticket").unwrap().1;
            let fresh = "a wholly different phrase";
            let fields = [("ticket", &*ticket), ("password", fresh), ("password_again", fresh)];
            let path = link.path().trim_start_matches('/');
            let done = app.post_form(path, &[&fields, everything.as_slice()].concat()).await;
            assert_eq!((done.status, done.header("location")), (200, ""), "{backend} {path}");
            assert!(!done.text.contains("evil"), "{backend}: {}", done.text);
        }
        let mut browser = Browser::new(&app);
        let page = begin(&mut browser, &world, &[]).await;
        let state = hidden_state(&page.1.text);
        let resumed = [&[("state", state.as_str())], everything.as_slice()].concat();
        for path in ["u/login", "u/signup", "u/reset-password/request", "authorize/resume"] {
            let (_, page) = browser.visit(path, &resumed).await.page();
            assert_eq!(page.status, 200, "{backend} {path}");
            assert!(!page.text.contains("evil"), "{backend} {path}: {}", page.text);
        }
        refused(&ask(&app, "continue", &resumed).await, (400, "Please start again"), "continue");
        let fields = [("username", EMAIL), ("password", PASSWORD)];
        let form = [&[("state", state.as_str())], &fields[..], everything.as_slice()].concat();
        let answer = browser.send(app.http.post(app.url("u/login")).form(&form)).await;
        let location = answer.header("location").trim_start_matches('/').to_owned();
        assert!(location.starts_with("authorize/resume?state="), "{backend}: {location}");
        let answer = browser.send(app.http.get(app.url(&location))).await;
        let location = answer.header("location");
        assert!(location.starts_with(&format!("{CALLBACK}?code=")), "{backend}: {location}");
    }
}

/// **Case 14.** CVE-2023-49097 (GHSA-2wmj-46rj-qm2w) and CVE-2026-29067, ZITADEL: a header of the request became
/// the host of a link in a message, or of a redirect.
#[tokio::test]
async fn no_header_of_a_request_names_the_host_of_a_link() {
    for (backend, app) in each_backend().await {
        let grants = json!({ "grant_types": ["authorization_code", OTP, DEVICE] });
        let world = app.world_with(grants, json!({})).await;
        let challenge = digest::s256_challenge(VERIFIER);
        let authorize = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(query_of(&world, &challenge, &[]))
            .finish();
        for (number, (header, value)) in [
            ("host", "evil.example"),
            ("x-forwarded-host", "evil.example"),
            ("x-forwarded-server", "evil.example"),
            ("x-original-host", "evil.example"),
            ("x-forwarded-prefix", "//evil.example"),
            ("forwarded", "host=evil.example;proto=https"),
        ]
        .into_iter()
        .enumerate()
        {
            let email = format!("grace{number}@example.com");
            let client = world.client_id.as_str();
            let post = |path: &str, body: Value| {
                app.send(app.http.post(app.url(path)).header(header, value).json(&body))
            };
            let account = json!({
                "client_id": client, "email": email, "password": PASSWORD, "connection": DATABASE,
            });
            post("dbconnections/signup", account).await.ok();
            post(
                "dbconnections/change_password",
                json!({
                    "client_id": client, "email": email, "connection": DATABASE,
                }),
            )
            .await;
            let code = json!({ "client_id": client, "connection": "email", "email": email });
            post("passwordless/start", code).await.ok();
            let mails = app.mails_to(&email).await;
            assert_eq!(mails.len(), 3, "{backend} {header}");
            for mail in mails {
                let told = format!("{} {}", mail.text, mail.html);
                assert!(!told.contains("evil"), "{backend} {header}: {told}");
                for link in told.split("http").skip(1).filter(|link| link.contains("://")) {
                    let issuer = app.inner.settings.issuer.strip_prefix("http").unwrap();
                    assert!(link.starts_with(issuer), "{backend} {header}: {link}");
                }
            }
            let device = post("oauth/device/code", json!({ "client_id": client })).await;
            for name in ["verification_uri", "verification_uri_complete"] {
                assert!(device.text_of(name).starts_with(&app.issuer), "{backend} {header}");
            }
            for path in [format!("authorize?{authorize}"), "v2/logout".into(), "authorize".into()] {
                let answer = app.send(app.http.get(app.url(&path)).header(header, value)).await;
                let told = format!("{} {}", answer.header("location"), answer.text);
                assert!(!told.contains("evil"), "{backend} {header} {path}: {told}");
            }
            let document = ".well-known/openid-configuration";
            let answer = app.send(app.http.get(app.url(document)).header(header, value)).await;
            assert_eq!(answer.ok()["issuer"], app.issuer, "{backend} {header}");
        }
    }
}
