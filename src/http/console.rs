//! The console at `/admin/`: a browser application of ours. It signs people in like any other and
//! does everything through the Management API, so it has no rule and no state here: this file
//! serves its files. Nothing builds them; they are modules and stylesheets as browsers read them.

use std::sync::LazyLock;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
    routing::get,
};
use rust_embed::Embed;
use serde::Serialize;

use crate::crypto::{digest, hex};
use crate::domain::ClientId;
use crate::http::{App, error::page::PageError, pages};
use crate::policy::management;

/// What the console asks for besides the scopes of the Management API.
const OIDC: &str = "openid profile email";

/// Its files, embedded. (The folder is read when this file is compiled.)
#[derive(Embed)]
#[folder = "src/http/console/assets"]
struct Files;

const SHELL: &str = "index.html";

/// Changes with any file: their addresses do too, so browsers keep them for good and never mix two
/// releases.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut names: Vec<_> = Files::iter().collect();
    names.sort_unstable();
    let hashes = names.iter().filter_map(|name| Some((name, Files::get(name)?.metadata)));
    let all: Vec<u8> = hashes
        .flat_map(|(name, metadata)| [name.as_bytes(), &metadata.sha256_hash()[..]].concat())
        .collect();
    hex::encode(&digest::sha256(&all)[..6])
});

/// The page that every address of the console shows.
static PAGE: LazyLock<String> = LazyLock::new(|| {
    let shell = Files::get(SHELL).map(|file| file.data.into_owned()).unwrap_or_default();
    let mut names: Vec<_> = Files::iter().collect();
    names.sort_unstable();
    let links: Vec<_> = names.iter().filter_map(|name| link(name)).collect();
    String::from_utf8_lossy(&shell)
        .replace("{files}", &links.join("\n"))
        .replace("{version}", &VERSION)
});

/// Names a file in the page. Modules are named ahead: a browser would find out one import after the
/// other otherwise.
fn link(name: &str) -> Option<String> {
    let relation = match name.rsplit_once('.')?.1 {
        "css" => "stylesheet",
        "js" => "modulepreload",
        _ => return None,
    };
    Some(format!("<link rel=\"{relation}\" href=\"/admin/assets/{}/{name}\">", *VERSION))
}

/// No inline script or style, no `eval`, no other site. Frames show our own `/authorize` only, to
/// renew a login. Text never becomes markup: `require-trusted-types-for`.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                      connect-src 'self'; img-src 'self' data:; font-src 'self'; \
                      frame-src 'self'; base-uri 'none'; form-action 'self'; \
                      frame-ancestors 'none'; require-trusted-types-for 'script'; \
                      trusted-types 'none'";

/// The console.
pub fn router() -> Router<App> {
    Router::new()
        .route("/admin", get(|| async { Redirect::to("/admin/") }))
        .route("/admin/", get(page))
        .route("/admin/{*path}", get(page))
        .route("/admin/config.json", get(config))
        .route("/admin/assets/{version}/{*file}", get(asset))
}

async fn page() -> Response {
    (HEADERS, [(header::CACHE_CONTROL, NEVER)], Html(PAGE.as_str())).into_response()
}

/// What the console must know before anybody has signed in: nothing of it is secret.
async fn config(State(app): State<App>) -> Response {
    #[derive(Serialize)]
    struct Config<'a> {
        issuer: &'a str,
        client_id: ClientId,
        audience: String,
        scope: String,
        tenant: String,
        version: &'static str,
    }
    let scopes = management::scopes().join(" ");
    let config = Config {
        issuer: &app.settings.issuer,
        client_id: ClientId::console(),
        audience: app.settings.management_audience().as_str().to_owned(),
        scope: format!("{OIDC} {scopes}"),
        tenant: pages::branding::name(&app.settings),
        version: env!("CARGO_PKG_VERSION"),
    };
    (HEADERS, [(header::CACHE_CONTROL, NEVER)], Json(config)).into_response()
}

async fn asset(State(app): State<App>, Path((version, file)): Path<(String, String)>) -> Response {
    let Some(found) = Files::get(&file).filter(|_| file != SHELL) else {
        return PageError::not_found(&app).into_response();
    };
    // Another node may still run another release: its page gets our file, once.
    let cache = if version == *VERSION { FOR_GOOD } else { NEVER };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type(&file))),
        (header::CACHE_CONTROL, cache),
    ];
    (StatusCode::OK, HEADERS, headers, found.data).into_response()
}

fn media_type(file: &str) -> &'static str {
    match file.rsplit_once('.') {
        Some((_, "js")) => "text/javascript; charset=utf-8",
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "svg")) => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    }
}

const NEVER: HeaderValue = HeaderValue::from_static("no-store");
const FOR_GOOD: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

const HEADERS: [(HeaderName, HeaderValue); 5] = [
    // The callback carries a code in its address: it must not reach another site.
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    // The window in which somebody signs in again must be able to answer.
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin-allow-popups"),
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_holds_no_script_or_style_of_its_own() {
        assert!(PAGE.contains(&format!("src=\"/admin/assets/{}/main.js\"", *VERSION)));
        assert!(!PAGE.contains('{') && !PAGE.contains("<style") && !PAGE.contains("style="));
        assert!(PAGE.matches("<script").count() == 1 && PAGE.contains("<noscript>"));
    }

    #[test]
    fn every_module_that_is_imported_exists() {
        let mut imports = 0;
        for name in Files::iter().filter(|name| name.ends_with(".js")) {
            let file = Files::get(&name).unwrap();
            let text = String::from_utf8_lossy(&file.data).into_owned();
            let base = url::Url::parse(&format!("http://x/{name}")).unwrap();
            for line in text.lines() {
                // Snippets for applications import packages; what is ours is named by its place.
                let Some((_, path)) = line.split_once("from '.") else { continue };
                let target = base.join(&format!(".{}", path.trim_end_matches("';"))).unwrap();
                assert!(Files::get(&target.path()[1..]).is_some(), "{name}: {line}");
                imports += 1;
            }
        }
        assert!(imports > 50, "{imports}");
    }
}
