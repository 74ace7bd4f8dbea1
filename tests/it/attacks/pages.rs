//! Attacks on the pages: skipped steps, planted sessions, markup in what is echoed, odd addresses.

use doorward::crypto::digest;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{
    Answer, TestApp,
    browser::{Browser, Landed, hidden_state},
    each_backend,
    fixtures::*,
};

const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const SESSION: &str = "doorward_session";

async fn begin(
    browser: &mut Browser<'_>,
    world: &World,
    more: &[(&str, &str)],
) -> (String, Answer) {
    let challenge = digest::s256_challenge(VERIFIER);
    let query = authorize_query(&world.client_id, &challenge, more);
    browser.visit("authorize", &query).await.page()
}

/// Where the link with this id leads.
fn href(answer: &Answer, id: &str) -> String {
    let tag = answer.text.split(&format!("<a id=\"{id}\" href=\"")).nth(1);
    tag.unwrap_or_else(|| panic!("no {id} in {}", answer.text)).split('"').next().unwrap().into()
}

/// CVE-2026-49443 and CVE-2026-54730, authentik: a form without its fields passed the step.
#[tokio::test]
async fn an_empty_form_passes_no_step() {
    for (backend, app) in each_backend().await {
        let grants = json!({ "grant_types": ["authorization_code", DEVICE] });
        let world = app.world_with(grants, json!({})).await;
        let blank = [
            ("username", ""),
            ("email", ""),
            ("password", ""),
            ("password_again", ""),
            ("user_code", ""),
            ("action", ""),
        ];
        let same = async |browser: &mut Browser<'_>, page: &(String, Answer)| {
            for fields in [&[][..], &blank, &[("action", "nonsense")]] {
                let (path, again) = browser.submit(page, fields).await.page();
                assert_eq!((path.as_str(), again.status), (page.0.as_str(), 200), "{backend}");
            }
        };
        // Before the login.
        let mut browser = Browser::new(&app);
        let login = begin(&mut browser, &world, &[]).await;
        let signup = browser.visit(&href(&login.1, "signup"), &[]).await.page();
        let reset = browser.visit(&href(&login.1, "forgot"), &[]).await.page();
        for page in [&login, &signup, &reset] {
            same(&mut browser, page).await;
        }
        let code = app.post_form("oauth/device/code", &[("client_id", &*world.client_id)]).await;
        let (path, page) = browser.post("activate", &blank).await.page();
        assert_eq!((path.as_str(), page.status), ("/activate", 200), "{backend}");
        assert!(!browser.cookies.contains_key(SESSION), "{backend}");
        // After it.
        let fields = [("username", EMAIL), ("password", PASSWORD)];
        browser.submit(&login, &fields).await.application();
        let account = begin(&mut browser, &world, &[("prompt", "select_account")]).await;
        let consent = begin(&mut browser, &world, &[("prompt", "consent")]).await;
        let typed = code.text_of("user_code");
        let device = browser.post("activate", &[("user_code", &typed)]).await.page();
        for (page, path) in
            [(&account, "/u/account"), (&consent, "/u/consent"), (&device, "/activate/confirm")]
        {
            assert_eq!(page.0, path, "{backend}");
            same(&mut browser, page).await;
        }
        // Not even its hidden fields.
        for path in [
            "u/login",
            "u/account",
            "u/signup",
            "u/reset-password/request",
            "u/reset-password",
            "u/email-verification",
            "u/consent",
            "u/logout",
            "activate/confirm",
        ] {
            let (_, page) = browser.post(path, &[]).await.page();
            assert_eq!(page.status, 400, "{backend} {path}");
            assert_eq!(page.header("location"), "", "{backend} {path}");
        }
        let still = is_logged_in(&mut browser, &world).await;
        assert!(still, "{backend}: nothing of that logged anybody out");
    }
}

async fn is_logged_in(browser: &mut Browser<'_>, world: &World) -> bool {
    let challenge = digest::s256_challenge(VERIFIER);
    let query = authorize_query(&world.client_id, &challenge, &[("prompt", "none")]);
    browser.visit("authorize", &query).await.application().contains_key("code")
}

/// CVE-2024-7341, Keycloak: a session planted before was the victim's after the login. Signing up
/// logs in too.
#[tokio::test]
async fn signing_up_gives_a_new_session_and_ends_a_planted_one() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let mut attacker = Browser::new(&app);
        let login = begin(&mut attacker, &world, &[]).await;
        let fields = [("username", EMAIL), ("password", PASSWORD)];
        attacker.submit(&login, &fields).await.application();
        let planted = attacker.cookies[SESSION].clone();

        let mut victim = Browser::new(&app);
        victim.cookies.insert(SESSION.into(), planted.clone());
        let more = [("prompt", "login"), ("screen_hint", "signup")];
        let page = begin(&mut victim, &world, &more).await;
        assert_eq!(page.0, "/u/signup", "{backend}");
        let fields = [("email", "grace@example.com"), ("password", PASSWORD)];
        victim.submit(&page, &fields).await.application();
        assert_ne!(victim.cookies[SESSION], planted, "{backend}");
        assert!(is_logged_in(&mut victim, &world).await, "{backend}");
        assert!(!is_logged_in(&mut attacker, &world).await, "{backend}: it is dead");
    }
}

/// CVE-2023-6787, Keycloak: who left the page of `prompt=login` had the old session in its place.
#[tokio::test]
async fn a_login_that_was_demanded_cannot_be_left_out() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let mut browser = Browser::new(&app);
        let login = begin(&mut browser, &world, &[]).await;
        let fields = [("username", EMAIL), ("password", PASSWORD)];
        browser.submit(&login, &fields).await.application();
        let session = browser.cookies[SESSION].clone();
        app.clock.advance_seconds(100);
        for more in [[("prompt", "login")], [("max_age", "10")]] {
            let page = begin(&mut browser, &world, &more).await;
            assert_eq!(page.0, "/u/login", "{backend} {more:?}");
            let state = hidden_state(&page.1.text);
            let resume = [("state", state.as_str())];
            for path in ["authorize/resume", "u/consent", "u/account"] {
                let (path, _) = browser.visit(path, &resume).await.page();
                assert_eq!(path, "/u/login", "{backend} {more:?}");
            }
            let wrong = [("username", EMAIL), ("password", "wrong")];
            assert_eq!(browser.submit(&page, &wrong).await.page().0, "/u/login", "{backend}");
            assert_eq!(browser.cookies[SESSION], session, "{backend}: nothing has changed");
        }
        assert!(is_logged_in(&mut browser, &world).await, "{backend}");
    }
}

const MARKUP: &str = "x\"'><svg onload=alert(1)><script>alert(1)</script>{{7*7}}";

/// Names of applications and APIs cannot have `<`.
const QUOTES: &str = "x\"' onload=alert(1) &lt;svg&gt;";

/// No markup of the request in a page, and no page that would run it.
#[track_caller]
fn is_harmless(answer: &Answer, what: &str) {
    assert!(answer.status < 500, "{what}: {}", answer.status);
    let content_type = answer.header("content-type");
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{what}");
    if content_type.starts_with("text/html") {
        for raw in ["<svg onload", "<script>", "\"'><", "x\"'"] {
            assert!(!answer.text.contains(raw), "{what}: {}", answer.text);
        }
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'"), "{what}: {policy}");
        assert!(!policy.contains("unsafe-"), "{what}: {policy}");
    } else if !answer.text.is_empty() {
        let plain = ["application/json", "text/plain"];
        assert!(plain.iter().any(|kind| content_type.starts_with(kind)), "{what}: {content_type}");
    }
    for raw in ["<", "\"", "'"] {
        assert!(!answer.header("location").contains(raw), "{what}: {}", answer.header("location"));
    }
}

/// GO-2026-4861 Hydra, CVE-2026-29191 ZITADEL, GO-2024-3086 Casdoor: a parameter came back as
/// markup.
#[tokio::test]
async fn no_parameter_comes_back_as_markup() {
    for (backend, app) in each_backend().await {
        let world = app
            .world_with(
                json!({ "grant_types": ["implicit", "authorization_code", DEVICE] }),
                json!({}),
            )
            .await;
        let client = world.client_id.as_str();
        let challenge = digest::s256_challenge(VERIFIER);
        let good = authorize_query(client, &challenge, &[]);
        let logout = vec![("client_id", client)];
        let nothing = vec![];
        let parameters = |text: &'static str| text.split(' ');
        for (path, query, names) in [
            (
                "authorize",
                &good,
                "client_id redirect_uri response_type response_mode state nonce scope audience \
                 resource prompt max_age login_hint screen_hint ui_locales claims id_token_hint \
                 organization invitation connection code_challenge code_challenge_method dpop_jkt \
                 request request_uri display acr_values error error_description error_hint",
            ),
            ("authorize/resume", &nothing, "state error error_description"),
            ("u/login", &nothing, "state username error"),
            ("u/signup", &nothing, "state email error"),
            ("u/account", &nothing, "state"),
            ("u/consent", &nothing, "state scope"),
            ("u/reset-password/request", &nothing, "state email"),
            ("u/reset-password", &nothing, "ticket email"),
            ("u/email-verification", &nothing, "ticket email"),
            ("activate", &nothing, "user_code error"),
            ("activate/confirm", &nothing, "state user_code"),
            ("v2/logout", &logout, "returnTo client_id federated"),
            (
                "oidc/logout",
                &logout,
                "post_logout_redirect_uri id_token_hint logout_hint state client_id ui_locales",
            ),
            ("x/oauth2/authorize", &good, "resource client_id state"),
            ("userinfo", &nothing, "access_token"),
            (".well-known/webfinger", &nothing, "resource rel"),
        ] {
            for name in parameters(names) {
                let mut query = query.clone();
                query.retain(|(known, _)| *known != name);
                query.push((name, MARKUP));
                let mut url = url::Url::parse(&app.url(path)).unwrap();
                url.query_pairs_mut().extend_pairs(&query);
                is_harmless(
                    &app.send(app.http.get(url)).await,
                    &format!("{backend} GET {path} {name}"),
                );
                let request = app.http.post(app.url(path)).form(&query);
                is_harmless(&app.send(request).await, &format!("{backend} POST {path} {name}"));
                let mut browser = Browser::new(&app);
                if let Landed::Page(_, page) = browser.visit(path, &query).await {
                    is_harmless(&page, &format!("{backend} {path} {name}"));
                }
            }
        }
        for (path, names) in [
            (
                "oauth/token",
                "grant_type client_id scope audience code refresh_token username realm",
            ),
            ("oauth/revoke", "client_id token"),
            ("oauth/device/code", "client_id scope audience"),
            ("passwordless/start", "client_id connection email send"),
            ("dbconnections/signup", "client_id connection email username password"),
            ("dbconnections/change_password", "client_id connection email"),
        ] {
            for name in parameters(names) {
                let mut form = vec![("client_id", client), ("grant_type", "refresh_token")];
                form.retain(|(known, _)| *known != name);
                form.push((name, MARKUP));
                is_harmless(&app.post_form(path, &form).await, &format!("{backend} {path} {name}"));
            }
        }
        let path = url::form_urlencoded::byte_serialize(MARKUP.as_bytes()).collect::<String>();
        is_harmless(&app.get(&path).await, backend);
    }
}

/// The same where it was stored first: names of applications, APIs and people, and what was typed.
#[tokio::test]
async fn nothing_stored_or_typed_comes_back_as_markup() {
    for (backend, app) in each_backend().await {
        let grants = ["authorization_code", DEVICE];
        let client = json!({ "name": QUOTES, "grant_types": grants, "is_first_party": false });
        let world = app.world_with(client, json!({})).await;
        let api = json!({
            "name": QUOTES, "scopes": [{ "value": "read:messages", "description": MARKUP }],
        });
        let path = format!("/resource-servers/{}", world.messages_id);
        app.management("PATCH", &path, Some(api)).await.ok();
        let path = format!("/users/{}", world.user_id.replace('|', "%7C"));
        app.management("PATCH", &path, Some(json!({ "name": MARKUP }))).await.ok();

        let mut browser = Browser::new(&app);
        let more = [("audience", MESSAGES), ("scope", "openid read:messages")];
        let login = begin(&mut browser, &world, &more).await;
        let signup = browser.visit(&href(&login.1, "signup"), &[]).await.page();
        let reset = browser.visit(&href(&login.1, "forgot"), &[]).await.page();
        for page in [&login, &signup, &reset] {
            is_harmless(&page.1, &format!("{backend} {}", page.0));
            let typed =
                [("username", MARKUP), ("email", MARKUP), ("password", MARKUP), ("action", MARKUP)];
            let (path, page) = browser.submit(page, &typed).await.page();
            is_harmless(&page, &format!("{backend} typed at {path}"));
        }
        let fields = [("username", EMAIL), ("password", PASSWORD)];
        let consent = browser.submit(&login, &fields).await.page();
        assert_eq!(consent.0, "/u/consent", "{backend}");
        is_harmless(&consent.1, backend);
        assert!(consent.1.text.contains("onload"), "{backend}: it is shown, as text");
        let account = begin(&mut browser, &world, &[("prompt", "select_account")]).await;
        assert_eq!(account.0, "/u/account", "{backend}");
        is_harmless(&account.1, backend);
        let form = [("client_id", world.client_id.as_str()), ("audience", MESSAGES)];
        let form = [&form[..], &[("scope", "openid read:messages")]].concat();
        let code = app.post_form("oauth/device/code", &form).await.text_of("user_code");
        let device = browser.post("activate", &[("user_code", &code)]).await.page();
        assert_eq!(device.0, "/activate/confirm", "{backend}: {}", device.1.text);
        is_harmless(&device.1, backend);
        let query = [("client_id", world.client_id.as_str()), ("state", MARKUP)];
        let asked = browser.visit("oidc/logout", &query).await.page();
        is_harmless(&asked.1, &format!("{backend} {}", asked.0));
    }
}

/// GO-2024-3087 Casdoor, CVE-2021-32637 Authelia, CVE-2026-4634 Keycloak: addresses that no browser
/// makes broke the server or slipped past a check.
#[tokio::test]
async fn a_malformed_address_is_refused_and_breaks_nothing() {
    for (backend, app) in each_backend().await {
        let long = format!("/{}", "x".repeat(100_000));
        for target in [
            "/%00",
            "/%ff%fe",
            "/u/%00login",
            "/u/..%2fapi/v2/clients",
            "/u/../api/v2/clients",
            "//evil.example/",
            "/%2e%2e/%2e%2e/etc/passwd",
            "/api/v2/clients/%00",
            "/api/v2/clients/%ff",
            "/%ff/oauth2/authorize",
            "/authorize?client_id=%ff",
            "/authorize?client_id=%00",
            &long,
        ] {
            let answer = raw(&app, target).await;
            let status: u16 = answer.split(' ').nth(1).unwrap().parse().unwrap();
            assert!((400..500).contains(&status), "{backend} {target:.40}: {answer}");
            assert!(!answer.to_ascii_lowercase().contains("\nlocation:"), "{backend} {target:.40}");
        }
        assert_eq!(app.get("health/ready").await.status, 200, "{backend}");
    }
}

/// An answer to a request line that is sent as it is.
async fn raw(app: &TestApp, target: &str) -> String {
    let host = app.issuer.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
    let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    // A server that has heard enough may hang up before the end.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}
