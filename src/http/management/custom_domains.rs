//! `/custom-domains`: this server answers under one name, its issuer, and has no others.

use axum::Json;
use serde_json::Value;

use super::{
    page::{self, Listing, Page},
    query::{Fields, Query},
};
use crate::http::error::management::ManagementError;

/// `GET /custom-domains`: none, in the envelope that the query asks for. A search (`q`) asks for
/// the one with a cursor; paging by offset is unknown here and answered as if nobody had asked.
pub async fn list(query: Query) -> Result<Json<Value>, ManagementError> {
    query.only(&[page::CHECKPOINT, page::OFFSET, Fields::PARAMETERS, &["q", "sort"]])?;
    Fields::read(&query)?;
    let (after, take) = Page::read_cursor(&query)?;
    let asks = |name: &str| query.all(name).next().is_some();
    if !(asks("take") || asks("from") || asks("q")) {
        return Ok(Json(Value::Array(Vec::new())));
    }
    let none = Listing { items: Vec::new(), total: 0, next: None };
    Ok(Page::checkpoint(&query, after, take).answer("custom_domains", none))
}
