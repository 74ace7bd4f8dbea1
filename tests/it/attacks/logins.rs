//! The pages of a login, and the cookies it leaves: cases 52 to 54, 58 and 60.

use doorward::crypto::digest;
use serde_json::json;

use super::{DEVICE, SESSION, ask, begin, is_logged_in, query_of, refused, refused_to};
use crate::support::{
    Answer, TestApp,
    browser::{Browser, hidden_state},
    each_backend,
    fixtures::*,
    payload,
};

const BINDING: &str = "doorward_browser";

/// Where the link with this id leads.
fn href(answer: &Answer, id: &str) -> String {
    let tag = answer.text.split(&format!("<a id=\"{id}\" href=\"")).nth(1);
    tag.unwrap_or_else(|| panic!("no {id} in {}", answer.text)).split('"').next().unwrap().into()
}

/// Logs in; returns the browser and the tokens.
async fn logged_in<'a>(app: &'a TestApp, world: &World) -> (Browser<'a>, serde_json::Value) {
    let mut browser = Browser::new(app);
    let code = app.code_for(&mut browser, world, &[("scope", LOGIN_SCOPE)]).await;
    let tokens = app.exchange_code(world, &code).await.ok();
    (browser, tokens)
}

/// The SHA-256 of a text in hexadecimal digits.
fn hex(text: &str) -> String {
    digest::sha256(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What somebody who knows a user might make of what they know.
fn guesses(known: &[&str]) -> Vec<String> {
    let mut guesses = Vec::new();
    for known in known {
        guesses.push((*known).replace('|', "%7C"));
        guesses.push(digest::s256_challenge(known));
        guesses.push(hex(known));
        let (name, id) = known.split_once('|').unwrap_or(("", known));
        guesses.extend([format!("{name}-{id}"), id.to_owned(), format!("{id}.{id}")]);
    }
    guesses
}

/// **Case 52.** CVE-2026-119128, ZITADEL: a cookie that proved a step was computed from the id of the
/// user, which anybody could do.
#[tokio::test]
async fn no_cookie_can_be_computed_from_what_is_known() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let (_, tokens) = logged_in(&app, &world).await;
        let sid = payload(text(&tokens, "id_token"))["sid"].as_str().unwrap().to_owned();
        let mut victim = Browser::new(&app);
        let page = begin(&mut victim, &world, &[]).await;
        let state = hidden_state(&page.1.text);
        for guess in guesses(&[&world.user_id, EMAIL, &sid, &world.client_id, "true", "1"]) {
            let mut forger = Browser::new(&app);
            forger.cookies.insert(SESSION.into(), guess.clone());
            assert!(!is_logged_in(&mut forger, &world).await, "{backend} {guess}");
            // The binding of a browser neither: without it the login of the victim goes nowhere.
            forger.cookies.insert(BINDING.into(), guess.clone());
            let fields = [("username", EMAIL), ("password", PASSWORD)];
            let (_, answer) = forger.submit(&page, &fields).await.page();
            refused(&answer, (400, "Please start again"), &format!("{backend} {guess}"));
        }
        // What the pages carry is sealed: no altered byte of it is taken.
        for at in (0..state.len()).step_by(7) {
            let mut altered = state.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).unwrap();
            let form = [("state", &*altered), ("username", EMAIL), ("password", PASSWORD)];
            let request = app.http.post(app.url("u/login")).form(&form);
            let answer = victim.send(request).await;
            refused(&answer, (400, "Please start again"), &format!("{backend} {at}"));
        }
        let fields = [("username", EMAIL), ("password", PASSWORD)];
        victim.submit(&page, &fields).await.application();
    }
}

/// **Case 53.** CVE-2026-109373, ZITADEL: the cookie was the id of the session, which others are told.
#[tokio::test]
async fn the_id_of_a_session_is_not_its_cookie() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let (browser, tokens) = logged_in(&app, &world).await;
        let sid = payload(text(&tokens, "id_token"))["sid"].as_str().unwrap().to_owned();
        let cookie = browser.cookies[SESSION].clone();
        assert!(!cookie.contains(&sid), "{backend}");
        let altered = format!("{}{}", &cookie[..42], if cookie.ends_with('A') { 'B' } else { 'A' });
        let hash = hex(&cookie);
        for guess in
            [&*sid, &*altered, &cookie[..42], &hash, &digest::s256_challenge(&cookie), "*", "%25"]
        {
            let mut thief = Browser::new(&app);
            thief.cookies.insert(SESSION.into(), guess.to_owned());
            let challenge = digest::s256_challenge(VERIFIER);
            let query = query_of(&world, &challenge, &[("prompt", "none")]);
            let mut url = url::Url::parse(&app.url("authorize")).unwrap();
            url.query_pairs_mut().extend_pairs(&query);
            let answer = thief.send(app.http.get(url)).await;
            refused_to(&answer, CALLBACK, "login_required", &format!("{backend} {guess}"));
        }
        // Nor is the id a way in through the Management API's door for users.
        let request = app.http.get(app.url("api/v2/users")).bearer_auth(&sid);
        refused(&app.send(request).await, (400, "Bearer"), backend);
    }
}

/// **Case 54.** CVE-2024-7341, Keycloak: a session planted before was the victim's after the login.
#[tokio::test]
async fn every_login_and_logout_changes_the_session() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let (attacker, _) = logged_in(&app, &world).await;
        let planted = attacker.cookies[SESSION].clone();
        let fields = [("username", EMAIL), ("password", PASSWORD)];
        let new = [("email", "grace@example.com"), ("password", PASSWORD)];
        // A login, a login that is demanded again, and a new account.
        for (more, fields) in [
            (vec![("prompt", "login")], fields),
            (vec![("max_age", "0")], fields),
            (vec![("prompt", "login"), ("screen_hint", "signup")], new),
        ] {
            let (attacker, _) = logged_in(&app, &world).await;
            let mut attacker = attacker;
            let planted = attacker.cookies[SESSION].clone();
            app.clock.advance_seconds(1);
            let mut victim = Browser::new(&app);
            victim.cookies.insert(SESSION.into(), planted.clone());
            let page = begin(&mut victim, &world, &more).await;
            victim.submit(&page, &fields).await.application();
            assert_ne!(victim.cookies[SESSION], planted, "{backend} {more:?}");
            assert!(is_logged_in(&mut victim, &world).await, "{backend} {more:?}");
            assert!(!is_logged_in(&mut attacker, &world).await, "{backend} {more:?}: it is dead");
        }
        // A cookie that nobody has given out is none.
        for made_up in ["planted", &"A".repeat(43)] {
            let mut victim = Browser::new(&app);
            victim.cookies.insert(SESSION.into(), made_up.to_owned());
            let page = begin(&mut victim, &world, &[]).await;
            victim.submit(&page, &fields).await.application();
            assert_ne!(victim.cookies[SESSION], made_up, "{backend}");
        }
        // Both ways out end it everywhere.
        for path in ["v2/logout", "oidc/logout"] {
            let (mut browser, tokens) = logged_in(&app, &world).await;
            let mut thief = Browser::new(&app);
            thief.cookies = browser.cookies.clone();
            browser.visit(path, &[("id_token_hint", text(&tokens, "id_token"))]).await;
            assert!(!browser.cookies.contains_key(SESSION), "{backend} {path}");
            assert!(!is_logged_in(&mut thief, &world).await, "{backend} {path}: stolen");
        }
        let mut first = attacker;
        first.cookies.insert(SESSION.into(), planted);
        assert!(is_logged_in(&mut first, &world).await, "{backend}: other sessions live");
    }
}

/// **Case 58.** CVE-2026-49443, CVE-2026-54730, authentik: a form without its fields passed the step.
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
            let heading = match path {
                "u/reset-password" | "u/email-verification" => "This link no longer works",
                _ => "Please start again",
            };
            refused(&page, (400, heading), &format!("{backend} {path}"));
        }
        let still = is_logged_in(&mut browser, &world).await;
        assert!(still, "{backend}: nothing of that logged anybody out");
    }
}

/// **Case 60.** CVE-2023-6787, Keycloak: who left the page of `prompt=login` had the old session in its
/// place.
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
        // The application that may show no page is told, and the session is as it was.
        let challenge = digest::s256_challenge(VERIFIER);
        let query = query_of(&world, &challenge, &[("prompt", "none"), ("max_age", "10")]);
        let answer = ask(&app, "authorize", &query).await;
        refused_to(&answer, CALLBACK, "login_required", backend);
        assert!(is_logged_in(&mut browser, &world).await, "{backend}");
    }
}
