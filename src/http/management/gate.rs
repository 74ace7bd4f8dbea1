//! What every request to an operation passes: its token, the scope, and the trail of the writes
//! that were refused.

use axum::{
    extract::{FromRequestParts, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::change;
use crate::domain::audit::{
    Happened,
    management::{Managed, ManagementRequest},
};
use crate::http::{
    App,
    error::management::{ErrorCode, ManagementError},
    extract::management_token::ManagementToken,
};
use crate::policy::management::Operation;

/// Lets a request through to `operation`. Runs before the body is read: a stranger cannot make the
/// server parse anything.
pub async fn gate(
    State((app, operation)): State<(App, Operation)>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let token = match ManagementToken::from_request_parts(&mut parts, &app).await {
        Ok(token) => token,
        Err(error) => return turned_away(&operation, error),
    };
    let asked = change::request(&parts, &operation, &token);
    let response = if token.has_any(operation.scopes) {
        parts.extensions.insert(token);
        parts.extensions.insert(operation);
        next.run(Request::from_parts(parts, body)).await
    } else {
        ManagementError::InsufficientScope(operation.scopes).into_response()
    };
    if operation.writes() {
        note_refusal(&app, &asked, &response);
    }
    response
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
