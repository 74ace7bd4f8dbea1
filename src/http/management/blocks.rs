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
use crate::domain::{UserId, attack_protection::Shield, user::User};
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

/// Where these identifiers may not log in from, for too many wrong passwords.
async fn blocks_of(
    app: &App,
    identifiers: &[&str],
    if_enabled: bool,
) -> Result<Value, ManagementError> {
    let protection = app.store.attack_protection().await?;
    let brute_force = &protection.brute_force;
    let mut blocks = Vec::new();
    // Who asks for it is told what counts now: nothing while the protection is off.
    if !if_enabled || brute_force.enabled && brute_force.does(Shield::Block) {
        let mut conn = app.store.read().await?;
        for identifier in identifiers {
            let origins = app.login.blocked_origins(conn.db(), identifier).await?;
            blocks.extend(origins.into_iter().map(|origin| {
                let mut block = json!({ "identifier": identifier });
                // Without one where the account is locked wherever somebody comes from.
                if !origin.is_empty() {
                    block["ip"] = origin.into();
                }
                block
            }));
        }
    }
    Ok(json!({ "blocked_for": blocks }))
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
pub async fn list_by_identifier(State(app): State<App>, query: Query) -> Answer {
    query.only(&[&["identifier", "consider_brute_force_enablement"]])?;
    let if_enabled = query.boolean("consider_brute_force_enablement")?.unwrap_or(false);
    Ok(Json(blocks_of(&app, &[identifier(&query)?], if_enabled).await?))
}

/// `DELETE /user-blocks`
pub async fn remove_by_identifier(State(app): State<App>, change: Change, query: Query) -> Removed {
    query.only(&[&["identifier"]])?;
    let identifier = identifier(&query)?;
    let mut tx = change.begin().await?;
    app.login.unblock_identifier(&mut tx, identifier).await?;
    // The trail holds no addresses, so not the identifier either.
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
    let if_enabled = query.boolean("consider_brute_force_enablement")?.unwrap_or(false);
    let user = find(&app, id).await?;
    let identifiers = [user.email.as_deref(), user.username.as_deref()];
    let identifiers: Vec<_> = identifiers.into_iter().flatten().collect();
    Ok(Json(blocks_of(&app, &identifiers, if_enabled).await?))
}

/// `DELETE /user-blocks/{id}`
pub async fn remove(State(app): State<App>, change: Change, PathId(id): PathId) -> Removed {
    let user = find(&app, id).await?;
    let mut tx = change.begin().await?;
    app.login.unblock(&mut tx, &user).await?;
    change.commit(tx, user.user_id.as_str(), Vec::new()).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn address(id: &str) -> Result<IpAddr, ManagementError> {
    id.parse().map_err(|_| path_id::invalid("ipv4 or ipv6", id))
}

/// `GET /anomaly/blocks/ips/{id}`
pub async fn check_ip(State(app): State<App>, PathId(id): PathId, query: Query) -> Removed {
    query.only(&[])?;
    match app.login.is_throttled(address(&id)?).await? {
        true => Ok(StatusCode::OK),
        false => Err(NOT_BLOCKED),
    }
}

/// `DELETE /anomaly/blocks/ips/{id}`
pub async fn unblock_ip(State(app): State<App>, change: Change, PathId(id): PathId) -> Removed {
    let address = address(&id)?;
    let mut tx = change.begin().await?;
    app.login.let_in_again(&mut tx, address).await?;
    change.commit(tx, &address.to_string(), Vec::new()).await?;
    Ok(StatusCode::NO_CONTENT)
}
