//! The answer of operations that are known and not built.

use axum::routing::{MethodFilter, MethodRouter, on};

use crate::http::{
    App, error::management::ManagementError, extract::management_token::ManagementToken,
};
use crate::policy::management::Operation;

/// Refuses every token for want of a scope that no token has. The body is not read.
pub fn refusal(operation: &Operation) -> MethodRouter<App> {
    let method = match operation.method {
        "POST" => MethodFilter::POST,
        "PUT" => MethodFilter::PUT,
        "PATCH" => MethodFilter::PATCH,
        "DELETE" => MethodFilter::DELETE,
        _ => MethodFilter::GET,
    };
    let scopes = operation.scopes;
    on(method, move |_: ManagementToken| async move { ManagementError::InsufficientScope(scopes) })
}
