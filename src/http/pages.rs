//! The pages people see: log in, consent, errors, logged out. Plain HTML forms, no script.
//!
//! A page is a struct; [`render`] turns it into an answer with the headers that every page needs.

pub mod accounts;
pub mod branding;
pub mod delivery;
pub mod devices;
pub mod locales;
pub mod messages;

use std::sync::LazyLock;

use askama::Template;
use axum::{
    Router,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};

use crate::crypto::{digest, hex};
use crate::http::App;

const STYLESHEET: &str = include_str!("pages/doorward.css");
const ICON: &str = include_str!("pages/doorward.svg");

/// No `form-action`: Chromium applies it to the redirects that follow a form, so it would forbid
/// the way back to the application.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; \
                      base-uri 'none'; frame-ancestors 'none'";

/// Assets under names that change with their content, so that they can be cached for good.
static STYLESHEET_HREF: LazyLock<String> = LazyLock::new(|| href("doorward.css", STYLESHEET));
static FORM_POST_HREF: LazyLock<String> =
    LazyLock::new(|| href("form_post.js", delivery::FORM_POST_SCRIPT));
static WEB_MESSAGE_HREF: LazyLock<String> =
    LazyLock::new(|| href("web_message.js", delivery::WEB_MESSAGE_SCRIPT));

fn href(name: &str, content: &str) -> String {
    let hash = digest::sha256(content.as_bytes());
    format!("/assets/{name}?v={}", hex::encode(&hash[..6]))
}

/// Where the current stylesheet is.
pub fn stylesheet_href() -> &'static str {
    &STYLESHEET_HREF
}

/// Where the script of the form that posts itself is.
pub fn form_post_href() -> &'static str {
    &FORM_POST_HREF
}

/// Where the script of the web message is.
pub fn web_message_href() -> &'static str {
    &WEB_MESSAGE_HREF
}

// The templates are included by their path from the package root, where cargo runs the compiler:
// askama looks for a bare `path` in a folder `templates` at the top of the crate only.

/// Asks for a username and a password.
#[derive(Debug, Template)]
#[template(source = r#"{% include "src/http/pages/templates/login.html" %}"#, ext = "html")]
pub struct LoginPage<'a> {
    /// Who runs this server.
    pub tenant: &'a str,
    /// The application that wants the person to log in.
    pub client_name: &'a str,
    /// The sealed login transaction.
    pub state: &'a str,
    /// What was typed before, or a `login_hint`.
    pub username: &'a str,
    /// Why the last attempt failed.
    pub error: Option<&'a str>,
    /// Whether the way to a new password is shown.
    pub recovery: bool,
    /// Whether people may create accounts.
    pub signup: bool,
}

impl LoginPage<'_> {
    fn continue_to(&self) -> String {
        locales::current().rich("login.continue_to", &[("client", self.client_name)])
    }
}

/// Asks whether to go on with the account of the session.
#[derive(Debug, Template)]
#[template(source = r#"{% include "src/http/pages/templates/account.html" %}"#, ext = "html")]
pub struct AccountPage<'a> {
    /// Who runs this server.
    pub tenant: &'a str,
    /// The application that wants the person to log in.
    pub client_name: &'a str,
    /// Who is logged in, in words.
    pub user: &'a str,
    /// The sealed login transaction.
    pub state: &'a str,
}

impl AccountPage<'_> {
    fn continue_to(&self) -> String {
        locales::current().rich("login.continue_to", &[("client", self.client_name)])
    }
    fn continue_as(&self) -> String {
        locales::current().rich("account.continue_as", &[("user", self.user)])
    }
}

/// One line of a [`ConsentPage`].
#[derive(Debug, Clone)]
pub struct ScopeLine {
    /// The scope as the protocol writes it.
    pub value: String,
    /// What it allows, in words. May be empty.
    pub description: String,
}

/// Asks whether an application may have what it wants.
#[derive(Debug, Template)]
#[template(source = r#"{% include "src/http/pages/templates/consent.html" %}"#, ext = "html")]
pub struct ConsentPage<'a> {
    /// Who runs this server.
    pub tenant: &'a str,
    /// The application that asks.
    pub client_name: &'a str,
    /// Who is logged in, in words.
    pub user: &'a str,
    /// The API it asks for, if it asks for one.
    pub api_name: Option<&'a str>,
    /// What it asks for.
    pub scopes: &'a [ScopeLine],
    /// The sealed login transaction.
    pub state: &'a str,
}

impl ConsentPage<'_> {
    fn wants(&self) -> String {
        wants(self.client_name, self.api_name, ["consent.wants_api", "consent.wants_account"])
    }
}

/// What an application wants, as HTML: the first text if it is an API, the second if it is not.
fn wants(client_name: &str, api_name: Option<&str>, texts: [&'static str; 2]) -> String {
    let t = locales::current();
    let client = match client_name {
        "" => t.text("consent.an_application"),
        name => name,
    };
    let [of_api, of_account] = texts;
    match api_name {
        Some(api) => t.rich(of_api, &[("client", client), ("api", api)]),
        None => t.rich(of_account, &[("client", client)]),
    }
}

/// Says what went wrong when there is nowhere to redirect to.
#[derive(Debug, Template)]
#[template(source = r#"{% include "src/http/pages/templates/error.html" %}"#, ext = "html")]
pub struct ErrorPage<'a> {
    /// Who runs this server.
    pub tenant: &'a str,
    /// What went wrong, in a few words.
    pub title: &'a str,
    /// What it means for the reader.
    pub message: &'a str,
    /// Names the request in the log.
    pub request_id: Option<&'a str>,
    /// Where somebody who is lost can begin again, https.
    pub home: Option<&'a str>,
}

/// Confirms a logout that leads nowhere else.
#[derive(Debug, Template)]
#[template(source = r#"{% include "src/http/pages/templates/signed_out.html" %}"#, ext = "html")]
pub struct SignedOutPage<'a> {
    /// Who runs this server.
    pub tenant: &'a str,
}

/// Asks whether the person wants to log out.
#[derive(Debug, Template)]
#[template(source = r#"{% include "src/http/pages/templates/logout.html" %}"#, ext = "html")]
pub struct LogoutPage<'a> {
    /// Who runs this server.
    pub tenant: &'a str,
    /// The application that sent the person, if it is known.
    pub client_name: &'a str,
    /// The sealed logout.
    pub state: &'a str,
}

impl LogoutPage<'_> {
    fn sent_by(&self) -> String {
        let t = locales::current();
        match self.client_name {
            "" => t.rich("logout.sent", &[]),
            name => t.rich("logout.sent_by", &[("client", name)]),
        }
    }
}

/// Says that the person did not log out.
#[derive(Debug, Template)]
#[template(
    source = r#"{% include "src/http/pages/templates/still_signed_in.html" %}"#,
    ext = "html"
)]
pub struct StillSignedInPage<'a> {
    /// Who runs this server.
    pub tenant: &'a str,
}

/// A page as an answer. It is never cached, framed or named to another site.
pub fn render(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => {
            let mut response = (status, PAGE_HEADERS, Html(html)).into_response();
            allow_logo(&mut response);
            response
        }
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Lets the browser load the logo of the operator, from its origin and nowhere else.
fn allow_logo(response: &mut Response) {
    let Some(origin) = branding::current().logo_origin.clone() else { return };
    let policy = POLICY.replace("img-src 'self' data:", &format!("img-src 'self' data: {origin}"));
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
}

const PAGE_HEADERS: [(HeaderName, HeaderValue); 5] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
];

/// What the pages load: the stylesheet and the icon.
pub fn router() -> Router<App> {
    Router::new()
        .route(
            "/assets/doorward.css",
            get(|| asset("text/css; charset=utf-8", FOR_GOOD, STYLESHEET)),
        )
        .route("/assets/form_post.js", get(|| asset(SCRIPT, FOR_GOOD, delivery::FORM_POST_SCRIPT)))
        .route(
            "/assets/web_message.js",
            get(|| asset(SCRIPT, FOR_GOOD, delivery::WEB_MESSAGE_SCRIPT)),
        )
        .route("/assets/doorward.svg", get(|| asset("image/svg+xml", A_DAY, ICON)))
        // Asked for by browsers that show no page of ours, too.
        .route("/favicon.ico", get(|| asset("image/svg+xml", A_DAY, ICON)))
}

const SCRIPT: &str = "text/javascript; charset=utf-8";
const FOR_GOOD: &str = "public, max-age=31536000, immutable";
const A_DAY: &str = "public, max-age=86400";

async fn asset(kind: &'static str, cache: &'static str, body: &'static str) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, cache),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_and_applications_typed_is_escaped() {
        let evil = "\"><script>alert('x')</script>";
        let scopes = [ScopeLine { value: evil.into(), description: evil.into() }];
        let pages = [
            LoginPage {
                tenant: evil,
                client_name: evil,
                state: evil,
                username: evil,
                error: Some(evil),
                recovery: true,
                signup: true,
            }
            .render(),
            ConsentPage {
                tenant: evil,
                client_name: evil,
                user: evil,
                api_name: Some(evil),
                scopes: &scopes,
                state: evil,
            }
            .render(),
            ErrorPage {
                tenant: evil,
                title: evil,
                message: evil,
                request_id: Some(evil),
                home: Some(evil),
            }
            .render(),
            SignedOutPage { tenant: evil }.render(),
            AccountPage { tenant: evil, client_name: evil, user: evil, state: evil }.render(),
            LogoutPage { tenant: evil, client_name: evil, state: evil }.render(),
            StillSignedInPage { tenant: evil }.render(),
        ];
        for page in pages {
            let html = page.unwrap();
            assert!(!html.contains("<script") && !html.contains("\"><script"), "{html}");
            assert!(html.contains("&#60;script&#62;"), "{html}");
        }
    }

    #[test]
    fn the_cursor_waits_in_the_first_empty_field() {
        let page = LoginPage {
            tenant: "t",
            client_name: "c",
            state: "s",
            username: "",
            error: None,
            recovery: true,
            signup: true,
        };
        let focused = |page: &LoginPage<'_>| {
            let html = page.render().unwrap();
            let line = html.lines().find(|l| l.contains("autofocus")).unwrap().to_owned();
            line.contains(r#"id="username""#)
        };
        assert!(focused(&page));
        assert!(!focused(&LoginPage { username: "jo@example.com", ..page }));
    }

    #[test]
    fn a_page_is_neither_cached_nor_framed() {
        let answer = render(StatusCode::BAD_REQUEST, &SignedOutPage { tenant: "t" });
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        for (name, value) in [
            ("content-type", "text/html; charset=utf-8"),
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(answer.headers()[name], value);
        }
        let policy = answer.headers()["content-security-policy"].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'; style-src 'self'")
                && !policy.contains("form-action")
        );
    }
}
