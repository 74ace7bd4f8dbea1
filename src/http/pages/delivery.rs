//! The two pages that carry an authorization response to the application: a form that posts itself
//! (OAuth 2.0 Form Post Response Mode) and a message to the window that asked (`web_message`).
//!
//! Their scripts are files of ours, never inline, and read what they carry from the page.

use askama::Template;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value};

use crate::http::pages::render;

pub(super) const FORM_POST_SCRIPT: &str = include_str!("form_post.js");
pub(super) const WEB_MESSAGE_SCRIPT: &str = include_str!("web_message.js");

#[derive(Debug, Template)]
#[template(source = r#"{% include "src/http/pages/templates/form_post.html" %}"#, ext = "html")]
struct FormPostPage<'a> {
    action: &'a str,
    parameters: &'a [(&'static str, String)],
}

#[derive(Debug, Template)]
#[template(source = r#"{% include "src/http/pages/templates/web_message.html" %}"#, ext = "html")]
struct WebMessagePage<'a> {
    origin: &'a str,
    response: &'a str,
}

/// Posts `parameters` to `action`; without JavaScript the person presses the button.
pub fn form_post(action: &str, parameters: &[(&'static str, String)]) -> Response {
    let page = FormPostPage { action, parameters };
    // No `form-action`: browsers apply it to redirects of the application too.
    let policy = "default-src 'none'; script-src 'self'; base-uri 'none'; frame-ancestors 'none'";
    with_policy(render(StatusCode::OK, &page), policy)
}

/// Tells `parameters` to the window that opened or framed the page, if it is of `origin`. Only that
/// origin may frame it.
pub fn web_message(origin: &str, parameters: &[(&'static str, String)]) -> Response {
    let members: Map<String, Value> = parameters
        .iter()
        .map(|(name, value)| {
            let number = value.parse::<i64>().ok().filter(|_| *name == "expires_in");
            ((*name).to_owned(), number.map_or_else(|| value.as_str().into(), Value::from))
        })
        .collect();
    let page = WebMessagePage { origin, response: &Value::Object(members).to_string() };
    let policy =
        format!("default-src 'none'; script-src 'self'; base-uri 'none'; frame-ancestors {origin}");
    let mut response = with_policy(render(StatusCode::OK, &page), &policy);
    // It would forbid the frame that `frame-ancestors` allows.
    response.headers_mut().remove(header::X_FRAME_OPTIONS);
    response
}

fn with_policy(mut response: Response, policy: &str) -> Response {
    let Ok(policy) = HeaderValue::from_str(policy) else {
        // Origins are ASCII.
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}
