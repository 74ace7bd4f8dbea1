//! `/device-credentials`: the refresh tokens again, as older tools look for them.

use axum::{Json, extract::State, http::StatusCode};
use serde_json::{Map, Value, json};

use super::{
    change::Change,
    page::{self, Page},
    path_id::PathId,
    query::{Fields, Query},
    refresh_tokens::revoke_one,
};
use crate::domain::{ClientId, FamilyId, UserId};
use crate::http::{App, error::management::ManagementError};
use crate::token::families::KnownFamily;

/// There are no public keys here, but asking for them is no error.
const TYPES: &[&str] = &["public_key", "refresh_token", "rotating_refresh_token"];

fn kind(live: &KnownFamily) -> &'static str {
    if live.is_rotating { "rotating_refresh_token" } else { "refresh_token" }
}

fn show(live: &KnownFamily) -> Map<String, Value> {
    let family = &live.record.family;
    [
        ("id", json!(family.id)),
        ("type", json!(kind(live))),
        ("user_id", json!(family.user_id)),
        ("client_id", json!(family.client_id)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into_iter()
    .collect()
}

/// `GET /device-credentials`
pub async fn list(State(app): State<App>, query: Query) -> Result<Json<Value>, ManagementError> {
    query.only(&[page::OFFSET, Fields::PARAMETERS, &["user_id", "client_id", "type"]])?;
    let (page, fields) = (Page::read(&query)?, Fields::read(&query)?);
    let asked = query.one_of("type", TYPES)?;
    // A user has few; those of everybody would have no end.
    let user =
        UserId::new(query.text("user_id")?.ok_or_else(|| {
            ManagementError::invalid_query("Missing required 'user_id' parameter.")
        })?);
    let client = query.text("client_id")?.map(ClientId::new);
    let mut all = app.tokens.live_families(&user, client.as_ref(), "", usize::MAX).await?;
    all.retain(|live| asked.is_none_or(|asked| asked == kind(live)));
    let listing = page.of(all, |live| live.record.family.id.as_str());
    Ok(page.answer("device_credentials", listing.map(|live| fields.select(show(&live)))))
}

/// `DELETE /device-credentials/{id}`
pub async fn remove(
    State(app): State<App>,
    change: Change,
    PathId(id): PathId,
) -> Result<StatusCode, ManagementError> {
    revoke_one(&app, change, &FamilyId::new(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
