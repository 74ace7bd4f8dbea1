//! The attack suite: the published attacks on comparable servers that `docs/attacks.md` lists, each
//! tried here as it was published, on both databases. The comment of a test names its cases; `table`
//! holds the list and the tests to each other.
//!
//! Whatever is refused is held to [`refused`] or [`refused_to`].

mod accounts;
mod administration;
mod codes;
mod floods;
mod grants;
mod introspection;
mod logins;
mod markup;
mod redirect_uri;
mod redirects;
mod refresh_tokens;
mod requests;
mod routes;
mod table;
mod tokens;

use serde_json::{Value, json};

use crate::support::{Answer, TestApp, browser::Browser, fixtures::*};

const SESSION: &str = "doorward_session";
const DATABASE: &str = "Username-Password-Authentication";
const REALM: &str = "http://auth0.com/oauth/grant-type/password-realm";
const OTP: &str = "http://auth0.com/oauth/grant-type/passwordless/otp";
const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// What no answer may tell of the inside: how it was made, what it asked the database, where it is.
const INTERNALS: &[&str] = &[
    "panicked",
    "backtrace",
    ".rs:",
    "sql",
    "select * ",
    "insert into",
    "no such table",
    "constraint",
    "/home/",
    "/usr/",
    "/var/",
    "/tmp/",
    "/src/",
];

/// Holds a refusal to what is promised of all: this status and error code (of a page: its heading),
/// no way to anywhere, nothing of the inside, and nothing that a cache may keep.
#[track_caller]
fn refused(answer: &Answer, (status, code): (u16, &str), what: &str) {
    assert_eq!(answer.status, status, "{what}: {}", answer.text);
    if answer.header("content-type").starts_with("text/html") {
        let heading = answer.text.split("<h1>").nth(1).and_then(|rest| rest.split("</h1>").next());
        assert_eq!(heading, Some(code), "{what}: {}", answer.text);
    } else {
        let body = answer.json();
        let named = ["errorCode", "code", "error"].iter().find_map(|name| body[name].as_str());
        assert_eq!(named, Some(code), "{what}: {body}");
    }
    assert_eq!(answer.header("location"), "", "{what}");
    assert!(answer.header("cache-control").contains("no-store"), "{what}");
    keeps_its_inside(answer, what);
}

/// The same of an error that travels to the application: to its own callback, with nothing else.
#[track_caller]
fn refused_to(answer: &Answer, callback: &str, error: &str, what: &str) {
    assert_eq!(answer.status, 302, "{what}: {}", answer.text);
    let location = answer.header("location");
    let told = location.strip_prefix(callback).and_then(|rest| rest.strip_prefix(['?', '#']));
    let told = told.unwrap_or_else(|| panic!("{what}: leads to {location}"));
    let told: Vec<_> = url::form_urlencoded::parse(told.as_bytes()).collect();
    let value = |name: &str| told.iter().find(|(known, _)| known == name).map(|(_, v)| v.as_ref());
    assert_eq!(value("error"), Some(error), "{what}: {location}");
    for secret in ["code", "access_token", "id_token", "refresh_token"] {
        assert_eq!(value(secret), None, "{what}: {location}");
    }
    assert!(answer.header("cache-control").contains("no-store"), "{what}");
    keeps_its_inside(answer, what);
}

#[track_caller]
fn keeps_its_inside(answer: &Answer, what: &str) {
    let body = answer.text.to_ascii_lowercase();
    for word in INTERNALS {
        assert!(!body.contains(word), "{what}: tells {word}: {}", answer.text);
    }
}

/// `GET` of a path with a query, by nobody in particular; redirects are not followed.
async fn ask(app: &TestApp, path: &str, query: &[(&str, &str)]) -> Answer {
    let mut url = url::Url::parse(&app.url(path)).unwrap();
    url.query_pairs_mut().extend_pairs(query);
    app.send(app.http.get(url)).await
}

/// A good authorize request, with some parameters replaced; an empty value removes one.
fn query_of<'a>(
    world: &'a World,
    challenge: &'a str,
    more: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let mut query = authorize_query(&world.client_id, challenge, &[("scope", "openid")]);
    query.retain(|(name, _)| more.iter().all(|(given, _)| given != name));
    query.extend(more.iter().filter(|(_, value)| !value.is_empty()));
    query
}

/// What makes the application of a world one with a secret.
fn confidential() -> Value {
    json!({ "app_type": "regular_web", "token_endpoint_auth_method": "client_secret_post" })
}

fn user_path(world: &World) -> String {
    format!("/users/{}", world.user_id.replace('|', "%7C"))
}

async fn block(app: &TestApp, world: &World, blocked: bool) {
    app.management("PATCH", &user_path(world), Some(json!({ "blocked": blocked }))).await.ok();
}

/// Whether the browser gets a code without a page.
async fn is_logged_in(browser: &mut Browser<'_>, world: &World) -> bool {
    let challenge = doorward::crypto::digest::s256_challenge(VERIFIER);
    let query = query_of(world, &challenge, &[("prompt", "none")]);
    browser.visit("authorize", &query).await.application().contains_key("code")
}

/// The page at which an authorize request ends.
async fn begin(
    browser: &mut Browser<'_>,
    world: &World,
    more: &[(&str, &str)],
) -> (String, Answer) {
    let challenge = doorward::crypto::digest::s256_challenge(VERIFIER);
    browser.visit("authorize", &query_of(world, &challenge, more)).await.page()
}

/// A pair of codes for a device.
async fn device_codes(app: &TestApp, world: &World, more: &[(&str, &str)]) -> Value {
    let mut form = vec![
        ("client_id", world.client_id.as_str()),
        ("scope", LOGIN_SCOPE),
        ("audience", MESSAGES),
    ];
    form.retain(|(name, _)| more.iter().all(|(given, _)| given != name));
    form.extend_from_slice(more);
    app.post_form("oauth/device/code", &form).await.ok()
}

/// A person types the code of a device, with this address if asked for one.
async fn type_code(browser: &mut Browser<'_>, code: &str, email: &str) -> (String, Answer) {
    let page = browser.post("activate", &[("user_code", code)]).await.page();
    if page.0 != "/u/login" {
        return page;
    }
    browser.submit(&page, &[("username", email), ("password", PASSWORD)]).await.page()
}

/// The usual user lets a device in.
async fn let_in(app: &TestApp, codes: &Value) {
    let mut browser = Browser::new(app);
    let page = type_code(&mut browser, text(codes, "user_code"), EMAIL).await;
    assert_eq!(page.0, "/activate/confirm", "{}", page.1.text);
    browser.submit(&page, &[("action", "confirm")]).await.page();
}

async fn poll(app: &TestApp, world: &World, codes: &Value, more: &[(&str, &str)]) -> Answer {
    let mut form = vec![
        ("grant_type", DEVICE),
        ("client_id", world.client_id.as_str()),
        ("device_code", text(codes, "device_code")),
    ];
    form.extend_from_slice(more);
    app.token(&form).await
}

/// A one-time code is mailed to an address; this is it.
async fn mailed_code(app: &TestApp, world: &World, email: &str) -> String {
    // Messages of one millisecond have no order.
    app.clock.advance_seconds(1);
    let form = [("client_id", world.client_id.as_str()), ("connection", "email"), ("email", email)];
    app.post_form("passwordless/start", &form).await.ok();
    let mails = app.mails_to(email).await;
    let text = &mails.last().unwrap().text;
    let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|b| b.is_ascii_digit());
    text.lines().find(is_code).unwrap_or_else(|| panic!("no code in {text}")).to_owned()
}

async fn log_in_with_code(app: &TestApp, world: &World, email: &str, otp: &str) -> Answer {
    app.token(&[
        ("grant_type", OTP),
        ("client_id", world.client_id.as_str()),
        ("username", email),
        ("otp", otp),
        ("realm", "email"),
        ("scope", LOGIN_SCOPE),
        ("audience", MESSAGES),
    ])
    .await
}

/// Another code than this.
fn wrong(code: &str) -> String {
    let first = if code.starts_with('0') { "1" } else { "0" };
    format!("{first}{}", &code[1..])
}
