//! The `{id}` of a path.

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};

use crate::http::{App, error::management::ManagementError};

/// Most characters of an id: those of users and of grants hold what the caller chose.
pub const LENGTH: usize = 4096;

/// The id in the path, decoded: `%2F` stands for a slash inside it.
pub struct PathId(pub String);

impl FromRequestParts<App> for PathId {
    type Rejection = ManagementError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        match Path::<String>::from_request_parts(parts, app).await {
            Ok(Path(id)) => Ok(Self(checked(id)?)),
            Err(_) => Err(unreadable()),
        }
    }
}

/// The two ids of a path to a part of something, decoded.
pub struct PathIds(pub String, pub String);

impl FromRequestParts<App> for PathIds {
    type Rejection = ManagementError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        match Path::<(String, String)>::from_request_parts(parts, app).await {
            Ok(Path((whole, part))) => Ok(Self(checked(whole)?, checked(part)?)),
            Err(_) => Err(unreadable()),
        }
    }
}

/// An id of a path.
///
/// # Errors
/// `invalid_uri`, when it cannot be one.
pub fn checked(id: String) -> Result<String, ManagementError> {
    // Postgres cannot compare U+0000.
    if id.contains('\0') {
        return Err(unreadable());
    }
    let length = id.chars().count();
    if length > LENGTH {
        return Err(refused(&format!("String is too long ({length} chars), maximum {LENGTH}")));
    }
    Ok(id)
}

fn unreadable() -> ManagementError {
    invalid("id", "not a valid identifier")
}

/// `invalid_uri`: the id in the path cannot be one.
pub fn invalid(format: &str, id: &str) -> ManagementError {
    refused(&format!("Object didn't pass validation for format {format}: {id}"))
}

fn refused(what: &str) -> ManagementError {
    ManagementError::BadRequest {
        code: "invalid_uri",
        message: format!("Path validation error: '{what}' on property id."),
    }
}
