//! `/refresh-token-families`: the families of refresh tokens with all that is known of them, dead ones
//! and why they died included. An extension of this server: `/refresh-tokens`, as Auth0 has it, only
//! knows those that live.

use axum::{Json, extract::State};
use serde_json::{Map, Value, json};

use super::{
    page::{self, Listing, Page},
    path_id::PathId,
    query::Query,
    refresh_tokens,
    users::MISSING as NO_USER,
};
use crate::domain::{FamilyId, UserId, time::Timestamp};
use crate::http::{App, error::management::ManagementError};
use crate::policy::lifetime::{Ended, Expired};
use crate::store::{families::listing::Before, users};
use crate::token::families::{KnownFamily, Wanted};

type Answer = Result<Json<Value>, ManagementError>;

/// The words that `state` may be.
const STATES: &[&str] = &["live", "dead", "any"];

/// The members of a refresh token, as it is shown everywhere, and the others.
fn show(known: &KnownFamily) -> Map<String, Value> {
    let family = &known.record.family;
    let mut shown = refresh_tokens::show(known);
    let more = json!({
        "client_name": known.client_name,
        "organization_id": family.organization_id,
        "audience": family.audience,
        "scope": family.scope.to_string(),
        "grant": family.grant.as_str(),
        "authenticated_at": family.auth_time.iso8601(),
        "amr": family.amr,
        "generation": family.generation,
        "rotated_at": family.rotated_at.iso8601(),
        "sender_constrained": family.dpop_jkt.is_some(),
        "state": if known.ended.is_some() { "dead" } else { "live" },
        "ended_at": known.ended.map(|(at, _)| at.iso8601()),
        "ended_by": ended_by(known),
    });
    if let Value::Object(more) = more {
        shown.extend(more);
    }
    shown.retain(|_, value| !value.is_null());
    shown
}

fn ended_by(known: &KnownFamily) -> Option<&str> {
    Some(match known.ended?.1 {
        Ended::Revoked => known.record.revoked_by.as_deref().unwrap_or("unknown"),
        Ended::Expired(Expired::Absolute) => "expired_absolute",
        Ended::Expired(Expired::Idle) => "expired_idle",
    })
}

/// Where the next page begins: the id and, as other rows may have gone meanwhile, the time of the
/// last family on this one.
fn cursor(before: &Before) -> String {
    format!("{}.{}", before.created_at.millis(), before.id)
}

fn read_cursor(text: &str) -> Option<Before> {
    let (millis, id) = text.split_once('.')?;
    let created_at = Timestamp::from_millis(millis.parse().ok()?);
    Some(Before { created_at, id: id.to_owned() })
}

/// `GET /users/{id}/refresh-token-families`
pub async fn list_of_user(State(app): State<App>, PathId(id): PathId, query: Query) -> Answer {
    query.only(&[page::CHECKPOINT, &["state"]])?;
    let wanted = match query.one_of("state", STATES)? {
        Some("live") => Wanted::Live,
        Some("dead") => Wanted::Dead,
        _ => Wanted::Any,
    };
    let (after, take) = Page::read_cursor(&query)?;
    let before = read_cursor(&after);
    let user = UserId::new(id);
    users::find(app.store.read().await?.db(), &user).await?.ok_or(NO_USER)?;
    let limit = usize::try_from(take).unwrap_or(0);
    let (items, next) = app.tokens.recent_families(&user, wanted, before, limit).await?;
    let next = next.as_ref().map(cursor);
    let listing = Listing { items, total: 0, next }.map(|known| Value::Object(show(&known)));
    Ok(Page::checkpoint(&query, after, take).answer("refresh_token_families", listing))
}

/// `GET /refresh-token-families/{id}`
pub async fn read(State(app): State<App>, PathId(id): PathId, query: Query) -> Answer {
    query.only(&[])?;
    let known = app.tokens.family(&FamilyId::new(id)).await?.ok_or(refresh_tokens::MISSING)?;
    Ok(Json(Value::Object(show(&known))))
}
