//! The file of an export, behind a link that `GET /jobs/{id}` hands out.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{RawQuery, State},
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};
use futures_util::stream;

use crate::domain::{job::Job, secret::DownloadToken};
use crate::http::{App, error::page::PageError};

const PATH: &str = "/downloads/users";

/// `GET /downloads/users`. The token stands in the query, which no log holds.
pub fn router() -> Router<App> {
    Router::new().route(PATH, get(file))
}

/// The address of a file.
pub fn address(app: &App, token: &DownloadToken) -> String {
    let base = app.settings.issuer.trim_end_matches('/');
    format!("{base}{PATH}?token={}", token.expose())
}

async fn file(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Response, PageError> {
    let query = query.unwrap_or_default();
    let token = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "token");
    let token = DownloadToken::new(token.map(|(_, value)| value).unwrap_or_default());
    let found = app.login.file_of(&token).await.map_err(|error| PageError::store(&app, &error))?;
    let (job, size) = found.ok_or_else(|| PageError::not_found(&app))?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/gzip")),
        (header::CONTENT_LENGTH, HeaderValue::from(size)),
        (header::CONTENT_DISPOSITION, disposition(&app, &job)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (
            HeaderName::from_static("content-security-policy"),
            HeaderValue::from_static("default-src 'none'; sandbox"),
        ),
    ];
    Ok((headers, body(app, job)).into_response())
}

/// The pieces of the file, read as they are sent. An error ends the connection, so that nobody
/// takes a part for the whole.
fn body(app: App, job: Job) -> Body {
    let pieces = stream::try_unfold((app, job, 0), |(app, job, number)| async move {
        let piece = app.login.piece_of_file(&job, number).await?;
        Ok::<_, crate::store::Error>(
            piece.map(|(data, next)| (Bytes::from(data), (app, job, next))),
        )
    });
    Body::from_stream(pieces)
}

/// The file is named after the tenant, as far as a name can stand in a header.
fn disposition(app: &App, job: &Job) -> HeaderValue {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let name: String = app.settings.tenant_name.chars().map(plain).take(100).collect();
    let format = job.parameters.get("format").and_then(|format| format.as_str());
    let format = if format == Some("csv") { "csv" } else { "json" };
    HeaderValue::from_str(&format!("attachment; filename=\"{name}.{format}.gz\""))
        .unwrap_or(HeaderValue::from_static("attachment"))
}
