//! The answer of operations that are known and not built.

use axum::routing::{MethodFilter, MethodRouter, on};

use crate::http::{App, error::management::ManagementError};
use crate::policy::management::Operation;

/// Refuses every token that comes through the gate for want of a scope, which no token has. The body
/// is not read.
pub fn refusal(operation: &Operation) -> MethodRouter<App> {
    let method = match operation.method {
        "POST" => MethodFilter::POST,
        "PUT" => MethodFilter::PUT,
        "PATCH" => MethodFilter::PATCH,
        "DELETE" => MethodFilter::DELETE,
        _ => MethodFilter::GET,
    };
    let scopes = operation.scopes;
    on(method, move || async move { ManagementError::InsufficientScope(scopes) })
}
