//! The code of Actions and rules, before it is kept.

use crate::actions::{CheckError, Kind, SyntaxError};
use crate::http::{App, error::management::ManagementError};

/// Refuses code that cannot be compiled, with the place.
///
/// # Errors
/// Of the member of the body that holds it; or nobody could look at it.
pub async fn must_compile(
    app: &App,
    kind: Kind,
    code: &str,
    member: &str,
) -> Result<(), ManagementError> {
    match compile(app, kind, code).await? {
        None => Ok(()),
        Some(error) => Err(ManagementError::invalid_property(
            &format!("{} (line {}, column {})", error.message, error.line, error.column),
            member,
        )),
    }
}

/// Why code cannot be compiled, if so, and where.
///
/// # Errors
/// Nobody could look at it.
pub async fn compile(
    app: &App,
    kind: Kind,
    code: &str,
) -> Result<Option<SyntaxError>, ManagementError> {
    match app.login.actions.check(kind, code).await {
        Ok(()) => Ok(None),
        Err(CheckError::Syntax(error)) => Ok(Some(error)),
        Err(CheckError::Unchecked(error)) => {
            tracing::warn!(%error, "management: code could not be checked");
            Err(ManagementError::Unavailable)
        }
    }
}
