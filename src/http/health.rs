//! Health checks: is the process alive, and should it get traffic.

use std::sync::atomic::Ordering;

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;

use crate::http::App;

/// `/health/live` and `/health/ready`.
pub fn router() -> Router<App> {
    Router::new().route("/health/live", get(live)).route("/health/ready", get(ready))
}

async fn live() -> Response {
    status(StatusCode::OK, "ok")
}

/// Ready means: a request sent now would be answered. Not while draining, nor without a database.
async fn ready(State(app): State<App>) -> Response {
    if app.draining.load(Ordering::SeqCst) {
        return status(StatusCode::SERVICE_UNAVAILABLE, "draining");
    }
    match app.store.ping().await {
        Ok(()) => status(StatusCode::OK, "ok"),
        Err(_) => status(StatusCode::SERVICE_UNAVAILABLE, "no database"),
    }
}

fn status(code: StatusCode, text: &'static str) -> Response {
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (code, no_store, Json(json!({ "status": text }))).into_response()
}
