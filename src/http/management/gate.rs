//! What every request to an operation passes: its token, the rate of its client, the scope, and the
//! trail of the writes that were refused.

use axum::{
    extract::{FromRequestParts, Request, State},
    http::Uri,
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{change, condition, description, query::Query};
use crate::domain::audit::{
    Happened,
    management::{Managed, ManagementRequest},
};
use crate::http::{
    App,
    error::management::{ErrorCode, ManagementError},
    extract::management_token::ManagementToken,
    limiter,
};
use crate::policy::{management::Operation, rate::Verdict};

/// The gate of one operation.
#[derive(Clone)]
pub struct Gate {
    /// The server.
    pub app: App,
    /// What is behind it.
    pub operation: Operation,
}

/// Lets a request through. Runs before the body is read: a stranger cannot make the server parse
/// anything, nor use up what a client may ask for.
pub async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let Gate { app, operation } = gate;
    let (mut parts, body) = request.into_parts();
    let token = match ManagementToken::from_request_parts(&mut parts, &app).await {
        Ok(token) => token,
        Err(error) => return turned_away(&operation, error),
    };
    let mut asked = change::request(&parts, &operation, &token);
    let verdict = app.limits.management.count(&token.0.subject, app.clock.now());
    if verdict.is_some_and(|verdict| !verdict.passes) {
        // Who asks far too often must not make a row for each path.
        asked = asked.at(&format!("/api/v2{}", operation.path));
    }
    let mut response = match check(&operation, &token, verdict, &parts.uri) {
        Ok(()) => {
            parts.extensions.insert(token);
            parts.extensions.insert(operation);
            condition::tagged(&app, &operation, parts, body, next).await
        }
        Err(error) => error.into_response(),
    };
    if let Some(verdict) = verdict {
        limiter::tell(&verdict, &mut response);
    }
    if operation.writes() {
        note_refusal(&app, &asked, &response);
    }
    response
}

fn check(
    operation: &Operation,
    token: &ManagementToken,
    verdict: Option<Verdict>,
    uri: &Uri,
) -> Result<(), ManagementError> {
    if let Some(Verdict { passes: false, retry_after, .. }) = verdict {
        return Err(ManagementError::TooManyRequests { retry_after });
    }
    if !token.has_any(operation.scopes) {
        return Err(ManagementError::InsufficientScope(operation.scopes));
    }
    // Handlers that read look at the query string themselves.
    match description::of(operation) {
        Some(known) if operation.method != "GET" => Query::of(uri)?.only(known.query),
        _ => Ok(()),
    }
}

/// Who has no token of ours is told of in the stream only: strangers must not make rows.
fn turned_away(operation: &Operation, error: ManagementError) -> Response {
    let response = error.into_response();
    if operation.writes() {
        let (method, path, status) = (operation.method, operation.path, response.status().as_u16());
        tracing::info!(target: "audit", event = "fapi", method, path, status, "audit fapi");
    }
    response
}

fn note_refusal(app: &App, asked: &ManagementRequest, response: &Response) {
    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        let code = response.extensions().get::<ErrorCode>().map(|ErrorCode(code)| *code);
        let what = Managed::Refused { status: status.as_u16(), code };
        let happened = Happened::Managed { request: asked, what };
        app.login.note(&happened, Some(asked.client()), asked.user());
    }
}
