//! The page at `/demo/` of `doorward quickstart`: an ordinary browser application that logs in and
//! gets a token for every API from one refresh token. It uses public endpoints only.

use std::sync::{Arc, LazyLock};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{Html, IntoResponse, Redirect, Response},
    routing::get,
};
use serde::Serialize;

use crate::http::{App, error::page::PageError, pages};

/// What the page needs to know about the seeded application.
#[derive(Debug, Clone, Serialize)]
pub struct Demo {
    /// The application the page is.
    pub client_id: String,
    /// The APIs it gets tokens for. The login asks for the first.
    pub apis: Vec<DemoApi>,
}

/// An API of the demo.
#[derive(Debug, Clone, Serialize)]
pub struct DemoApi {
    /// Its name for people.
    pub name: String,
    /// Its identifier.
    pub audience: String,
    /// What the page asks for, separated by spaces.
    pub scope: String,
}

const SCRIPT: &str = include_str!("demo/demo.js");
const STYLE: &str = include_str!("demo/demo.css");

/// The page links the stylesheet of all pages, whose name changes with its content.
static PAGE: LazyLock<String> = LazyLock::new(|| {
    include_str!("demo/index.html").replace("{stylesheet}", pages::stylesheet_href())
});

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' https: data:; base-uri 'none'; frame-ancestors 'none'";

/// The demo, or 404 on a server that has none.
pub fn router() -> Router<App> {
    Router::new()
        .route(
            "/demo",
            get(|app: State<App>| when_there(app, |_, _| Redirect::to("/demo/").into_response())),
        )
        .route(
            "/demo/",
            get(|app: State<App>| when_there(app, |_, _| Html(PAGE.as_str()).into_response())),
        )
        .route(
            "/demo/demo.js",
            get(|app: State<App>| {
                when_there(app, |_, _| typed("text/javascript; charset=utf-8", SCRIPT))
            }),
        )
        .route(
            "/demo/demo.css",
            get(|app: State<App>| when_there(app, |_, _| typed("text/css; charset=utf-8", STYLE))),
        )
        .route("/demo/config.json", get(|app: State<App>| when_there(app, config)))
}

async fn when_there(
    State(app): State<App>,
    answer: impl FnOnce(&App, &Arc<Demo>) -> Response,
) -> Response {
    let Some(demo) = &app.demo else {
        return PageError::not_found(&app).into_response();
    };
    let mut response = answer(&app, demo);
    response.headers_mut().extend(headers());
    response
}

fn headers() -> HeaderMap {
    // The callback carries a code in its URL: it must reach neither a cache nor another site.
    HeaderMap::from_iter([
        fixed(header::CACHE_CONTROL, "no-store"),
        fixed(header::CONTENT_SECURITY_POLICY, POLICY),
        fixed(header::REFERRER_POLICY, "no-referrer"),
        fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        fixed(header::X_FRAME_OPTIONS, "DENY"),
    ])
}

fn fixed(name: HeaderName, value: &'static str) -> (HeaderName, HeaderValue) {
    (name, HeaderValue::from_static(value))
}

fn typed(kind: &'static str, body: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind)], body).into_response()
}

fn config(app: &App, demo: &Arc<Demo>) -> Response {
    #[derive(Serialize)]
    struct Config<'a> {
        issuer: &'a str,
        #[serde(flatten)]
        demo: &'a Demo,
    }
    Json(Config { issuer: &app.settings.issuer, demo }).into_response()
}
