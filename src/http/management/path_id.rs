//! The `{id}` of a path.

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};

use crate::http::{App, error::management::ManagementError};

/// The id in the path, decoded: `%2F` stands for a slash inside it.
pub struct PathId(pub String);

impl FromRequestParts<App> for PathId {
    type Rejection = ManagementError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let path = Path::<String>::from_request_parts(parts, app).await;
        match path {
            // Postgres cannot compare U+0000.
            Ok(Path(id)) if !id.contains('\0') => Ok(Self(id)),
            _ => Err(invalid("id", "not a valid identifier")),
        }
    }
}

/// The two ids of a path to a part of something, decoded.
pub struct PathIds(pub String, pub String);

impl FromRequestParts<App> for PathIds {
    type Rejection = ManagementError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let path = Path::<(String, String)>::from_request_parts(parts, app).await;
        match path {
            Ok(Path((whole, part))) if !whole.contains('\0') && !part.contains('\0') => {
                Ok(Self(whole, part))
            }
            _ => Err(invalid("id", "not a valid identifier")),
        }
    }
}

/// `invalid_uri`: the id in the path cannot be one.
pub fn invalid(format: &str, id: &str) -> ManagementError {
    ManagementError::BadRequest {
        code: "invalid_uri",
        message: format!(
            "Path validation error: 'Object didn't pass validation for format {format}: {id}' on property id."
        ),
    }
}
