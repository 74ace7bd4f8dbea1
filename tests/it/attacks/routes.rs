//! Every door of the server: case 62. The routes are read from the sources, so that one without a
//! row here fails the test.

use std::{collections::BTreeSet, fs, path::Path};

use doorward::policy::management::{OPERATIONS, unbuilt::UNBUILT};
use reqwest::Method;
use serde_json::json;

use super::{begin, refused};
use crate::support::{
    Answer, TestApp,
    browser::{Browser, hidden_state},
    each_backend,
    fixtures::*,
};

/// What a request without anything is answered.
#[derive(Debug, Clone, Copy)]
enum Answered {
    /// A document or page for everybody, of this type.
    Open(&'static str),
    /// A refusal with this status and error code (of a page: its heading).
    Refused(u16, &'static str),
    /// A refusal without words.
    Bare(u16),
    /// A redirect to this place of the server.
    To(&'static str),
}

/// What a request has to bring for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    Nothing,
    /// The credentials of a client.
    Client,
    /// An access token.
    Token,
    /// A ticket of a message, or of a link.
    Ticket,
    /// A login on its way, in the browser that began it.
    Login,
}

use Answered::{Bare, Open, Refused, To};

const AGAIN: Answered = Refused(400, "Please start again");
const DEAD: Answered = Refused(400, "This link no longer works");
const NO_DEMO: Answered = Refused(404, "Not found");
const UNKNOWN_CLIENT: Answered = Refused(401, "invalid_client");
const MALFORMED: Answered = Refused(400, "invalid_request");
const NO_REQUEST: Answered = Refused(400, "Invalid request");
const PAGE: Answered = Open("text/html");
const JSON: Answered = Open("application/json");
const SVG: Answered = Open("image/svg+xml");
const CSS: Answered = Open("text/css");
const JS: Answered = Open("text/javascript");

/// Every route but those of the Management API, which has a table of its own.
#[rustfmt::skip]
const ROUTES: &[(&str, &str, Answered, Takes)] = &[
    ("GET",  "/authorize",                   NO_REQUEST, Takes::Nothing),
    ("POST", "/authorize",                   NO_REQUEST, Takes::Nothing),
    ("GET",  "/{tenant}/oauth2/authorize",   NO_REQUEST, Takes::Nothing),
    ("POST", "/{tenant}/oauth2/authorize",   NO_REQUEST, Takes::Nothing),
    ("GET",  "/authorize/resume",            AGAIN, Takes::Login),
    ("GET",  "/continue",                    AGAIN, Takes::Login),
    ("POST", "/continue",                    AGAIN, Takes::Login),
    ("GET",  "/u/login",                     AGAIN, Takes::Login),
    ("POST", "/u/login",                     AGAIN, Takes::Login),
    ("GET",  "/u/account",                   AGAIN, Takes::Login),
    ("POST", "/u/account",                   AGAIN, Takes::Login),
    ("GET",  "/u/signup",                    AGAIN, Takes::Login),
    ("POST", "/u/signup",                    AGAIN, Takes::Login),
    ("GET",  "/u/consent",                   AGAIN, Takes::Login),
    ("POST", "/u/consent",                   AGAIN, Takes::Login),
    ("GET",  "/u/reset-password/request",    AGAIN, Takes::Login),
    ("POST", "/u/reset-password/request",    AGAIN, Takes::Login),
    ("GET",  "/u/reset-password",            DEAD, Takes::Ticket),
    ("POST", "/u/reset-password",            DEAD, Takes::Ticket),
    ("GET",  "/u/email-verification",        DEAD, Takes::Ticket),
    ("POST", "/u/email-verification",        DEAD, Takes::Ticket),
    ("GET",  "/u/unblock",                   DEAD, Takes::Ticket),
    ("POST", "/u/unblock",                   DEAD, Takes::Ticket),
    ("GET",  "/downloads/users",             Refused(404, "Not found"), Takes::Ticket),
    ("GET",  "/activate",                    PAGE, Takes::Nothing),
    ("POST", "/activate",                    PAGE, Takes::Nothing),
    ("GET",  "/activate/confirm",            AGAIN, Takes::Login),
    ("POST", "/activate/confirm",            AGAIN, Takes::Login),
    ("GET",  "/v2/logout",                   PAGE, Takes::Nothing),
    ("GET",  "/oidc/logout",                 PAGE, Takes::Nothing),
    ("POST", "/oidc/logout",                 To("/oidc/logout"), Takes::Nothing),
    ("POST", "/u/logout",                    AGAIN, Takes::Login),
    ("POST", "/oauth/token",                 MALFORMED, Takes::Client),
    ("POST", "/{tenant}/oauth2/token",       MALFORMED, Takes::Client),
    ("POST", "/oauth/device/code",           UNKNOWN_CLIENT, Takes::Client),
    ("POST", "/passwordless/start",          UNKNOWN_CLIENT, Takes::Client),
    ("POST", "/oauth/revoke",                UNKNOWN_CLIENT, Takes::Client),
    ("POST", "/oauth/introspect",            UNKNOWN_CLIENT, Takes::Client),
    ("POST", "/oauth/par",                   UNKNOWN_CLIENT, Takes::Client),
    ("POST", "/dbconnections/signup",        MALFORMED, Takes::Nothing),
    ("POST", "/dbconnections/change_password", MALFORMED, Takes::Nothing),
    ("GET",  "/userinfo",                    Refused(401, "invalid_request"), Takes::Token),
    ("POST", "/userinfo",                    Refused(401, "invalid_request"), Takes::Token),
    ("GET",  "/.well-known/webfinger",       Bare(404), Takes::Nothing),
    ("GET",  "/.well-known/openid-configuration", JSON, Takes::Nothing),
    ("GET",  "/.well-known/oauth-authorization-server", JSON, Takes::Nothing),
    ("GET",  "/.well-known/jwks.json",       JSON, Takes::Nothing),
    ("GET",  "/health/live",                 JSON, Takes::Nothing),
    ("GET",  "/health/ready",                JSON, Takes::Nothing),
    ("GET",  "/api/v2/openapi.json",         JSON, Takes::Nothing),
    ("ANY",  "/api/v2/",                     Refused(404, "Not Found"), Takes::Nothing),
    ("GET",  "/admin",                       To("/admin/"), Takes::Nothing),
    ("GET",  "/admin/",                      PAGE, Takes::Nothing),
    ("GET",  "/admin/{*path}",               PAGE, Takes::Nothing),
    ("GET",  "/admin/config.json",           JSON, Takes::Nothing),
    ("GET",  "/admin/assets/{version}/{*file}", Refused(404, "Not found"), Takes::Nothing),
    ("GET",  "/demo",                        NO_DEMO, Takes::Nothing),
    ("GET",  "/demo/",                       NO_DEMO, Takes::Nothing),
    ("GET",  "/demo/demo.js",                NO_DEMO, Takes::Nothing),
    ("GET",  "/demo/demo.css",               NO_DEMO, Takes::Nothing),
    ("GET",  "/demo/config.json",            NO_DEMO, Takes::Nothing),
    ("GET",  "/assets/doorward.css",         CSS, Takes::Nothing),
    ("GET",  "/assets/form_post.js",         JS, Takes::Nothing),
    ("GET",  "/assets/web_message.js",       JS, Takes::Nothing),
    ("GET",  "/assets/doorward.svg",         SVG, Takes::Nothing),
    ("GET",  "/favicon.ico",                 SVG, Takes::Nothing),
];

/// The routes that the sources register: the method, and the path or the name of its constant.
fn registered() -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                for call in text.split(".route(").skip(1) {
                    found.extend(routes_of(&path.display().to_string(), &text, inside(call)));
                }
            }
        }
    }
    found
}

/// The text up to the parenthesis that closes one that was opened before it.
fn inside(text: &str) -> &str {
    let mut depth = 1;
    let end = text.find(|c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth == 0
    });
    &text[..end.unwrap()]
}

fn routes_of(file: &str, text: &str, call: &str) -> Vec<(String, String)> {
    let (first, handlers) = call.split_once(',').unwrap();
    let mut path = first.trim();
    if path == "operation.path" {
        assert!(file.ends_with("src/http/management.rs"), "{file}: {call}");
        return Vec::new();
    }
    if !path.contains('"') {
        let constant = format!("const {}: &str = ", path.trim_start_matches('&'));
        let declared = text.split(&constant).nth(1);
        path = declared
            .unwrap_or_else(|| panic!("{file}: what is {path}?"))
            .split(';')
            .next()
            .unwrap();
    }
    let mut path = path.split('"').nth(1).unwrap().to_owned();
    if file.ends_with("src/http/management/openapi.rs") {
        path = format!("/api/v2{path}");
    }
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let methods = ["get", "post", "put", "patch", "delete", "any"];
    let called = |method: &&&str| {
        handlers.match_indices(&format!("{method}(")).any(|(at, _)| {
            let before = handlers[..at].chars().next_back().unwrap_or(' ');
            // As a function of the router or a method of a route; not as a part of another name.
            !is_part(before)
        })
    };
    let called = methods.iter().filter(called).map(|method| method.to_uppercase());
    let routes: Vec<_> = called.map(|method| (method, path.clone())).collect();
    assert!(!routes.is_empty(), "{file}: no method in {call}");
    routes
}

/// A path with something for each placeholder.
fn filled(path: &str) -> String {
    let mut filled = path.to_owned();
    while let (Some(start), Some(end)) = (filled.find('{'), filled.find('}')) {
        filled.replace_range(start..=end, "common");
    }
    filled
}

async fn send(app: &TestApp, method: &str, path: &str, form: &[(&str, &str)]) -> Answer {
    let method = if method == "ANY" { "GET" } else { method };
    let url = app.url(&filled(path));
    if method == "POST" {
        return app.send(app.http.post(url).form(form)).await;
    }
    super::ask(app, &filled(path), form).await
}

/// **Case 62.** CVE-2025-4210, CVE-2025-61524, Casdoor, and CVE-2026-55106, authentik: a route that
/// nobody had put behind the door.
#[tokio::test]
async fn every_route_of_the_server_asks_who_is_there() {
    let listed: BTreeSet<_> = ROUTES
        .iter()
        .map(|(method, path, ..)| ((*method).to_owned(), (*path).to_owned()))
        .collect();
    let found = registered();
    let differ: Vec<_> = found.symmetric_difference(&listed).collect();
    assert!(differ.is_empty(), "routes without a row, or rows without a route: {differ:?}");
    for (backend, app) in each_backend().await {
        for (method, path, told, _) in ROUTES {
            let answer = send(&app, method, path, &[]).await;
            let what = format!("{backend} {method} {path}");
            match told {
                Refused(status, code) => refused(&answer, (*status, code), &what),
                Bare(status) => {
                    assert_eq!((answer.status, &*answer.text), (*status, ""), "{what}");
                    assert_eq!(answer.header("location"), "", "{what}");
                }
                To(place) => {
                    assert!((300..400).contains(&answer.status), "{what}: {}", answer.status);
                    assert!(answer.header("location").starts_with(*place), "{what}");
                }
                Open(kind) => {
                    assert_eq!(answer.status, 200, "{what}: {}", answer.text);
                    assert!(answer.header("content-type").starts_with(*kind), "{what}");
                    super::keeps_its_inside(&answer, &what);
                }
            }
        }
        // Nor is there a door that others have forgotten.
        for path in [
            "scim/v2/Users",
            "api/v2/scim/v2/Users",
            "api/get-users",
            "api/v2/debug",
            "debug/pprof/",
            "metrics",
            "saml-post",
            "samlp/metadata",
            "api/v2/users/edit",
            ".env",
            "console/",
            "actuator/env",
            "u/admin",
            "oidc/register",
            "me/v1/factors",
        ] {
            let answer = app.get(path).await;
            assert!(matches!(answer.status, 401 | 404), "{backend} {path}: {}", answer.status);
            assert_eq!(answer.header("location"), "", "{backend} {path}");
            super::keeps_its_inside(&answer, path);
        }
        // The Management API, by its own table; and again with a token that opens something else.
        let readers = ["read:clients", "read:users"];
        let tokens = [
            app.management_token_with(Some(readers[0])).await,
            app.management_token_with(Some(readers[1])).await,
        ];
        for operation in OPERATIONS.iter().chain(UNBUILT) {
            let what = format!("{backend} {operation:?}");
            let method = Method::from_bytes(operation.method.as_bytes()).unwrap();
            let url = app.url(&format!("api/v2{}", filled(operation.path)));
            let request = || app.http.request(method.clone(), &url).json(&json!({}));
            refused(&app.send(request()).await, (401, "Unauthorized"), &what);
            let other = usize::from(operation.scopes.contains(&readers[0]));
            if operation.scopes.contains(&readers[other]) {
                continue;
            }
            let answer = app.send(request().bearer_auth(&tokens[other])).await;
            refused(&answer, (403, "insufficient_scope"), &what);
        }
    }
}

/// What a form brings that is too little: credentials, but not those that the route wants.
async fn too_little(
    app: &TestApp,
    world: &World,
    (method, path, takes): (&str, &str, Takes),
) -> (Answer, (u16, &'static str)) {
    let id = ("client_id", world.client_id.as_str());
    let secret = ("client_secret", world.client_secret.as_str());
    match takes {
        // A public client, or one that lacks the grant.
        Takes::Client => {
            let refresh = [("grant_type", "refresh_token"), ("refresh_token", "v1.AAAA")];
            let (mut form, told) = match path {
                "/oauth/introspect" => (vec![("token", "x")], (401, "invalid_client")),
                "/oauth/par" => (vec![("response_type", "code")], (401, "invalid_client")),
                "/oauth/revoke" => (vec![("token", "a.b")], (401, "invalid_client")),
                "/oauth/token" | "/{tenant}/oauth2/token" => {
                    (refresh.to_vec(), (400, "unauthorized_client"))
                }
                _ => {
                    let mail = [("connection", "email"), ("email", EMAIL)];
                    (mail.to_vec(), (400, "unauthorized_client"))
                }
            };
            form.extend([
                id,
                if path == "/oauth/revoke" { ("client_secret", "x") } else { secret },
            ]);
            (send(app, method, path, &form).await, told)
        }
        // A token, of a machine and for another API.
        Takes::Token => {
            let token = app.management_token().await;
            let request = app.http.request(method.parse().unwrap(), app.url(path));
            (app.send(request.bearer_auth(token)).await, (401, "invalid_token"))
        }
        // A ticket of the other kind.
        Takes::Ticket => {
            let kind = if path == "/u/email-verification" {
                "password-change"
            } else {
                "email-verification"
            };
            let body = json!({ "user_id": world.user_id });
            let made = app.management("POST", &format!("/tickets/{kind}"), Some(body)).await;
            let link = url::Url::parse(&made.text_of("ticket")).unwrap();
            let ticket = link.query_pairs().find(|(name, _)| name == "ticket").unwrap().1;
            let fresh = "a wholly different phrase";
            let form = [
                ("ticket", &*ticket),
                ("token", &*ticket),
                ("password", fresh),
                ("password_again", fresh),
            ];
            let told = match path {
                "/downloads/users" => (404, "Not found"),
                _ => (400, "This link no longer works"),
            };
            (send(app, method, path, &form).await, told)
        }
        // The login of somebody else's browser, with one's own session.
        Takes::Login => {
            let mut victim = Browser::new(app);
            let page = begin(&mut victim, world, &[]).await;
            let state = hidden_state(&page.1.text);
            let mut other = Browser::new(app);
            app.code_for(&mut other, world, &[]).await;
            let mut url = url::Url::parse(&app.url(path)).unwrap();
            let form = [("state", &*state), ("username", EMAIL), ("password", PASSWORD)];
            let answer = if method == "POST" {
                other.send(app.http.post(url).form(&form)).await
            } else {
                url.query_pairs_mut().append_pair("state", &state);
                other.send(app.http.get(url)).await
            };
            (answer, (400, "Please start again"))
        }
        Takes::Nothing => unreachable!("nothing is less"),
    }
}

/// Credentials of too little power open no route: with [`every_route_of_the_server_asks_who_is_there`],
/// which has the Management API, every route has a case.
#[tokio::test]
async fn every_route_that_takes_credentials_refuses_those_of_too_little_power() {
    for (backend, app) in each_backend().await {
        let world =
            app.world_with(json!({ "grant_types": ["authorization_code"] }), json!({})).await;
        for (method, path, _, takes) in ROUTES {
            if *takes == Takes::Nothing {
                continue;
            }
            let (answer, told) = too_little(&app, &world, (method, path, *takes)).await;
            refused(&answer, told, &format!("{backend} {method} {path}"));
        }
    }
}
