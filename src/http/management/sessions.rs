//! `/sessions`: browser sessions, the `sid` of ID tokens.

use axum::{Json, extract::State, http::StatusCode};
use serde_json::{Value, json};

use super::{
    change::Change,
    page::{self, Listing, Page},
    path_id::PathId,
    query::Query,
    users::MISSING as NO_USER,
};
use crate::domain::{
    ClientId, SessionId, UserId, audit::Happened, family::RevokedBy, logout::Initiator,
    session::Session, settings::Settings,
};
use crate::http::{App, error::management::ManagementError};
use crate::store::{families, session_clients, sessions, users};

type Answer = Result<Json<Value>, ManagementError>;
type Accepted = Result<StatusCode, ManagementError>;

const MISSING: ManagementError =
    ManagementError::NotFound { code: None, message: "The session does not exist." };

fn show(session: &Session, clients: &[ClientId], settings: &Settings) -> Value {
    // The idle end is moved at each use.
    let used = session.idle_expires_at.plus_seconds(-settings.session_idle_lifetime);
    let used = used.max(session.created_at).iso8601();
    let authenticated_at = session.authenticated_at.iso8601();
    let clients: Vec<_> = clients.iter().map(|id| json!({ "client_id": id })).collect();
    let methods: Vec<_> = session
        .amr
        .iter()
        .map(|name| json!({ "name": name, "timestamp": authenticated_at }))
        .collect();
    json!({
        "id": session.id,
        "user_id": session.user_id,
        "created_at": session.created_at.iso8601(),
        "updated_at": used,
        "authenticated_at": authenticated_at,
        "idle_expires_at": session.idle_expires_at.iso8601(),
        "expires_at": session.expires_at.iso8601(),
        "last_interacted_at": used,
        "clients": clients,
        "authentication": { "methods": methods },
    })
}

/// `GET /sessions/{id}`
pub async fn read(State(app): State<App>, PathId(id): PathId, query: Query) -> Answer {
    query.only(&[])?;
    let id = SessionId::new(id);
    let mut conn = app.store.read().await?;
    let found = sessions::find(conn.db(), &id).await?;
    let session = found.filter(|s| s.is_alive(app.clock.now())).ok_or(MISSING)?;
    let clients = session_clients::ids(conn.db(), &id).await?;
    Ok(Json(show(&session, &clients, &app.settings)))
}

/// `GET /users/{id}/sessions`
pub async fn list_of_user(State(app): State<App>, PathId(id): PathId, query: Query) -> Answer {
    query.only(&[page::CHECKPOINT, &["include_totals"]])?;
    let (after, take) = Page::read_cursor(&query)?;
    let (user, now) = (UserId::new(id), app.clock.now());
    let mut conn = app.store.read().await?;
    users::find(conn.db(), &user).await?.ok_or(NO_USER)?;
    let found = sessions::list_after(conn.db(), &user, &after, take + 1, now).await?;
    let found = Listing::checkpoint(found, take, |session| session.id.as_str());
    let mut items = Vec::with_capacity(found.items.len());
    for session in &found.items {
        let clients = session_clients::ids(conn.db(), &session.id).await?;
        items.push(show(session, &clients, &app.settings));
    }
    let listing = Listing { items, total: 0, next: found.next };
    Ok(Page::Checkpoint { after, take }.answer("sessions", listing))
}

/// `DELETE /sessions/{id}`: the browser must log in again; refresh tokens live on.
pub async fn remove(State(app): State<App>, change: Change, PathId(id): PathId) -> Accepted {
    let id = SessionId::new(id);
    let mut tx = app.store.write().await?;
    if let Some(session) = sessions::find(tx.db(), &id).await? {
        app.login.end_one(&mut tx, &id, &session.user_id, Initiator::SessionRevoked).await?;
        change.commit(tx, id.as_str(), Vec::new()).await?;
    }
    Ok(StatusCode::ACCEPTED)
}

/// `POST /sessions/{id}/revoke`: ends the session and the refresh tokens that came from it.
pub async fn revoke(State(app): State<App>, mut change: Change, PathId(id): PathId) -> Accepted {
    let (id, now) = (SessionId::new(id), app.clock.now());
    let mut tx = app.store.write().await?;
    let user = sessions::find(tx.db(), &id).await?.ok_or(MISSING)?.user_id;
    app.login.end_one(&mut tx, &id, &user, Initiator::SessionRevoked).await?;
    let by = RevokedBy::Management;
    let revoked = families::revoke_of_session(&mut tx, &id, by, now).await?;
    let happened = Happened::RefreshTokensRevoked { family: None, revoked, by };
    change.also(&happened, None, Some(&user));
    change.commit(tx, id.as_str(), Vec::new()).await?;
    Ok(StatusCode::ACCEPTED)
}

/// `DELETE /users/{id}/sessions`
pub async fn remove_of_user(
    State(app): State<App>,
    change: Change,
    PathId(id): PathId,
) -> Accepted {
    let user = UserId::new(id);
    let mut tx = app.store.write().await?;
    users::find(tx.db(), &user).await?.ok_or(NO_USER)?;
    app.login.end_all(&mut tx, &user, Initiator::SessionRevoked).await?;
    change.commit(tx, user.as_str(), Vec::new()).await?;
    Ok(StatusCode::ACCEPTED)
}
