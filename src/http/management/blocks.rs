//! `/user-blocks` and `/anomaly/blocks/ips`: who is kept from logging in for too many attempts. (An
//! operator blocks a user with `blocked`, which is something else.)

use std::net::IpAddr;

use axum::{Json, extract::State, http::StatusCode};
use serde_json::{Value, json};

use super::{
    change::Change,
    path_id::{self, PathId},
    query::Query,
};
use crate::domain::{UserId, user::User};
use crate::http::{App, error::management::ManagementError};
use crate::store::users;

type Answer = Result<Json<Value>, ManagementError>;
type Removed = Result<StatusCode, ManagementError>;

/// The longest name that somebody logs in with.
const LONGEST: usize = 320;
const NOBODY: ManagementError =
    ManagementError::NotFound { code: Some("inexistent_user"), message: "User not found." };
const NOT_BLOCKED: ManagementError = ManagementError::NotFound {
    code: None,
    message: "IP address specified is not currently blocked.",
};

/// An address that an identifier is blocked for.
struct Block {
    identifier: String,
    ip: IpAddr,
}

/// The blocks of these identifiers. Attempts are not counted, so nothing ever blocks anybody; what
/// counts them has its blocks listed here.
fn blocks_of(_identifiers: &[&str]) -> Vec<Block> {
    Vec::new()
}

fn show(blocks: &[Block]) -> Value {
    let shown =
        |block: &Block| json!({ "identifier": block.identifier, "ip": block.ip.to_string() });
    json!({ "blocked_for": blocks.iter().map(shown).collect::<Vec<_>>() })
}

fn identifier(query: &Query) -> Result<&str, ManagementError> {
    let found = query.required("identifier")?;
    match found.chars().count() {
        length if length > LONGEST => Err(ManagementError::invalid_query(format!(
            "Query validation error: 'String is too long ({length} chars), maximum {LONGEST}' on \
             property identifier."
        ))),
        _ => Ok(found),
    }
}

/// `GET /user-blocks`
pub async fn list_by_identifier(query: Query) -> Answer {
    query.only(&[&["identifier", "consider_brute_force_enablement"]])?;
    query.boolean("consider_brute_force_enablement")?;
    Ok(Json(show(&blocks_of(&[identifier(&query)?]))))
}

/// `DELETE /user-blocks`
pub async fn remove_by_identifier(change: Change, query: Query) -> Removed {
    query.only(&[&["identifier"]])?;
    identifier(&query)?;
    // The trail holds no addresses, so not the identifier either.
    let tx = change.begin().await?;
    change.commit(tx, "", Vec::new()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn find(app: &App, id: String) -> Result<User, ManagementError> {
    let mut conn = app.store.read().await?;
    Ok(users::find(conn.db(), &UserId::new(id)).await?.ok_or(NOBODY)?.user)
}

/// `GET /user-blocks/{id}`
pub async fn list(State(app): State<App>, PathId(id): PathId, query: Query) -> Answer {
    query.only(&[&["consider_brute_force_enablement"]])?;
    query.boolean("consider_brute_force_enablement")?;
    let user = find(&app, id).await?;
    let identifiers = [user.email.as_deref(), user.username.as_deref()];
    let identifiers: Vec<_> = identifiers.into_iter().flatten().collect();
    Ok(Json(show(&blocks_of(&identifiers))))
}

/// `DELETE /user-blocks/{id}`
pub async fn remove(State(app): State<App>, change: Change, PathId(id): PathId) -> Removed {
    let user = find(&app, id).await?;
    let tx = change.begin().await?;
    change.commit(tx, user.user_id.as_str(), Vec::new()).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn address(id: &str) -> Result<IpAddr, ManagementError> {
    id.parse().map_err(|_| path_id::invalid("ipv4 or ipv6", id))
}

/// `GET /anomaly/blocks/ips/{id}`
pub async fn check_ip(PathId(id): PathId, query: Query) -> Removed {
    query.only(&[])?;
    address(&id)?;
    Err(NOT_BLOCKED)
}

/// `DELETE /anomaly/blocks/ips/{id}`
pub async fn unblock_ip(change: Change, PathId(id): PathId) -> Removed {
    let address = address(&id)?.to_string();
    let tx = change.begin().await?;
    change.commit(tx, &address, Vec::new()).await?;
    Ok(StatusCode::NO_CONTENT)
}
