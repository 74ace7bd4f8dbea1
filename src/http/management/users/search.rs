//! `GET /users`: which users, in which order.

use super::super::query::Query;
use crate::domain::user_search::{Beginning, Condition, Key, Match, Number, Search, Text};
use crate::http::error::management::ManagementError;
use crate::policy::user_search;

/// The parameters that it reads.
pub const PARAMETERS: &[&str] =
    &["q", "sort", "search_engine", "connection", "primary_order", "search"];

/// What was typed into a search box, and the connection it is limited to.
type Typed = (Vec<Beginning>, Option<String>);

/// Reads what was typed into a search box; `None` without `search`.
/// An extension of this server.
///
/// # Errors
/// `invalid_query_string`.
pub fn typed(query: &Query) -> Result<Option<Typed>, ManagementError> {
    let Some(typed) = query.text("search")?.map(str::trim).filter(|typed| !typed.is_empty()) else {
        return Ok(None);
    };
    if query.text("q")?.is_some() || query.text("sort")?.is_some() {
        return Err(refused(
            "Query validation error: 'search' cannot be combined with 'q' and 'sort'.",
        ));
    }
    if typed.chars().count() > user_search::LONGEST_TYPED {
        return Err(refused(format!(
            "Query validation error: 'search' is longer than {} characters.",
            user_search::LONGEST_TYPED,
        )));
    }
    let connection = query.text("connection")?.map(str::to_owned);
    Ok(Some((user_search::beginnings(typed), connection)))
}

/// Reads the parameters.
///
/// # Errors
/// `invalid_query_string`, saying what cannot be searched for.
pub fn read(query: &Query) -> Result<Search, ManagementError> {
    match query.one_of("search_engine", &["v1", "v2", "v3"])? {
        Some("v1") => return Err(refused("You are not allowed to use search_engine=v1.")),
        Some("v2") => {
            return Err(refused(
                "You are not allowed to use search_engine=v2. Use search_engine=v3 instead.",
            ));
        }
        _ => {}
    }
    // The order is always the same.
    query.boolean("primary_order")?;
    let mut conditions = Vec::new();
    if let Some(name) = query.text("connection")? {
        conditions.push(Condition::Text(Text::Connection, Match::Is(name.to_owned())));
    }
    if let Some(q) = query.text("q")? {
        let condition = user_search::condition(q).map_err(|fault| {
            refused(format!("Query validation error: 'q' cannot be searched for: {fault}."))
        })?;
        conditions.push(condition);
    }
    let (key, is_descending) = match query.text("sort")? {
        None => (Key::Number(Number::CreatedAt), false),
        Some(sort) => user_search::sort(sort).ok_or_else(|| {
            refused(
                "Query validation error: 'sort' must be FIELD:1 or FIELD:-1 with one of the fields \
                 user_id, email, username, name, nickname, given_name, family_name, phone_number, \
                 last_ip, created_at, updated_at, last_login and logins_count.",
            )
        })?,
    };
    let condition =
        if conditions.len() == 1 { conditions.remove(0) } else { Condition::All(conditions) };
    Ok(Search { condition, key, is_descending })
}

fn refused(message: impl Into<String>) -> ManagementError {
    ManagementError::invalid_query(message)
}
