//! The two cookies of this server: the session, and the binding of login transactions.

use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    http::{HeaderValue, header, request::Parts},
};

use crate::domain::{secret::SessionCookie, tenant::SessionLifetime};
use crate::http::App;
use crate::login::transaction::BrowserBinding;

const SESSION: &str = "doorward_session";
const BINDING: &str = "doorward_browser";

/// The cookies of a request.
#[derive(Debug, Default)]
pub struct Cookies {
    /// The session.
    pub session: Option<SessionCookie>,
    /// The binding of login transactions.
    pub binding: Option<BrowserBinding>,
}

impl FromRequestParts<App> for Cookies {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let (session, binding) = (name(app, SESSION), name(app, BINDING));
        let mut cookies = Self::default();
        for header in parts.headers.get_all(header::COOKIE) {
            for pair in header.to_str().unwrap_or("").split(';') {
                let Some((name, value)) = pair.trim().split_once('=') else { continue };
                if value.is_empty() || value.len() > 128 {
                    continue;
                }
                if name == session {
                    cookies.session.get_or_insert_with(|| SessionCookie::new(value));
                } else if name == binding {
                    cookies.binding.get_or_insert_with(|| BrowserBinding(value.to_owned()));
                }
            }
        }
        Ok(cookies)
    }
}

/// `__Host-` makes the browser refuse the cookie from a sibling domain or without TLS.
fn name(app: &App, name: &str) -> String {
    if is_https(app) { format!("__Host-{name}") } else { name.to_owned() }
}

fn is_https(app: &App) -> bool {
    app.settings.issuer.starts_with("https://")
}

fn set(app: &App, name_: &str, value: &str, max_age: Option<i64>) -> HeaderValue {
    // An application of another site frames `/authorize` for a silent login, or posts to it: that
    // needs `None`, which browsers take with `Secure` only. What keeps other sites out of our forms
    // is the sealed transaction, and no page of ours can be framed.
    let site = if is_https(app) { "None; Secure" } else { "Lax" };
    let name = name(app, name_);
    let max_age = max_age.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite={site}{max_age}");
    // Values are our own base64url, so this cannot fail; an absent cookie would only mean another
    // login.
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
}

/// `Set-Cookie` for a session that began.
pub fn set_session(app: &App, cookie: &SessionCookie, lifetime: SessionLifetime) -> HeaderValue {
    let max_age = lifetime.persistent.then_some(lifetime.absolute);
    set(app, SESSION, cookie.expose(), max_age)
}

/// `Set-Cookie` for a session that ended.
pub fn clear_session(app: &App) -> HeaderValue {
    set(app, SESSION, "", Some(0))
}

/// `Set-Cookie` for a binding.
pub fn set_binding(app: &App, binding: &BrowserBinding) -> HeaderValue {
    set_binding_for(app, binding, app.settings.login_transaction_lifetime)
}

/// `Set-Cookie` for a binding that is needed for so many seconds.
pub fn set_binding_for(app: &App, binding: &BrowserBinding, seconds: i64) -> HeaderValue {
    set(app, BINDING, &binding.0, Some(seconds))
}
