//! `/sessions`: browser sessions, the `sid` of ID tokens.

use axum::{Json, extract::State, http::StatusCode};
use serde_json::{Map, Value, json};

use super::{
    change::{self, Change},
    page::{self, Listing, Page},
    path_id::PathId,
    query::Query,
    refresh_tokens::check_metadata,
    schema::{ANY_OBJECT, BOOLEAN, Field, field, text},
    users::MISSING as NO_USER,
    validation::{self, Writing},
};
use crate::domain::{
    ClientId, SessionId, UserId, audit::Happened, family::RevokedBy, logout::Initiator,
    session::Session, settings::Settings,
};
use crate::http::{
    App, error::management::ManagementError, extract::management_json::ManagementJson,
};
use crate::store::{
    families, session_clients,
    sessions::{self, Details},
    users,
};

type Answer = Result<Json<Value>, ManagementError>;
type Accepted = Result<StatusCode, ManagementError>;

const MISSING: ManagementError =
    ManagementError::NotFound { code: None, message: "The session does not exist." };

fn show(session: &Session, clients: &[ClientId], details: Details, settings: &Settings) -> Value {
    // The idle end is moved at each use.
    let moved = || session.idle_expires_at.plus_seconds(-settings.session_idle_lifetime);
    let used = details.last_used_at.unwrap_or_else(moved).max(session.created_at).iso8601();
    let authenticated_at = session.authenticated_at.iso8601();
    let clients: Vec<_> = clients.iter().map(|id| json!({ "client_id": id })).collect();
    let methods: Vec<_> = session
        .amr
        .iter()
        .map(|name| json!({ "name": name, "timestamp": authenticated_at }))
        .collect();
    let mut shown = json!({
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
    });
    let device: Map<String, Value> = [
        ("initial_ip", details.initial.ip),
        ("initial_user_agent", details.initial.user_agent),
        ("last_ip", details.last.ip),
        ("last_user_agent", details.last.user_agent),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?.into())))
    .collect();
    if !device.is_empty() {
        shown["device"] = device.into();
    }
    if let Some(metadata) = details.metadata {
        shown["session_metadata"] = metadata.into();
    }
    shown
}

/// `GET /sessions/{id}`
pub async fn read(State(app): State<App>, PathId(id): PathId, query: Query) -> Answer {
    query.only(&[])?;
    let id = SessionId::new(id);
    let mut conn = app.store.read().await?;
    let found = sessions::find(conn.db(), &id).await?;
    let session = found.filter(|s| s.is_alive(app.clock.now())).ok_or(MISSING)?;
    let clients = session_clients::ids(conn.db(), &id).await?;
    let details = sessions::details(conn.db(), &id).await?;
    Ok(Json(show(&session, &clients, details, &app.settings)))
}

#[rustfmt::skip]
pub(super) const CHANGE: &[Field] = &[
    field("session_metadata", ANY_OBJECT, "Metadata associated with the session, in the form of an object with string values (max 255 chars). Maximum of 25 metadata properties allowed.").nullable(),
];

/// `PATCH /sessions/{id}`
pub async fn update(
    State(app): State<App>,
    change: Change,
    PathId(id): PathId,
    ManagementJson(body): ManagementJson,
) -> Answer {
    validation::check_change(CHANGE, &body)?;
    let metadata = body.get("session_metadata").and_then(Value::as_object);
    metadata.map_or(Ok(()), check_metadata)?;
    let id = SessionId::new(id);
    let mut tx = change.begin().await?;
    let found = sessions::find(tx.db(), &id).await?;
    let session = found.filter(|s| s.is_alive(app.clock.now())).ok_or(MISSING)?;
    if !sessions::set_metadata(&mut tx, &id, metadata).await? {
        return Err(MISSING);
    }
    let clients = session_clients::ids(tx.db(), &id).await?;
    let details = sessions::details(tx.db(), &id).await?;
    change.commit(tx, id.as_str(), change::members(&body)).await?;
    Ok(Json(show(&session, &clients, details, &app.settings)))
}

#[rustfmt::skip]
pub(super) const REVOCATION: &[Field] = &[
    field("session_id", text(1, 50), "ID of the session to revoke."),
    field("preserve_refresh_tokens", BOOLEAN, "Whether to preserve the refresh tokens associated with the session."),
];

/// `POST /users/{id}/revoke-access`: ends one session of the user or every one, with the refresh
/// tokens unless they are to live on.
pub async fn revoke_access(
    State(app): State<App>,
    mut change: Change,
    PathId(id): PathId,
    ManagementJson(body): ManagementJson,
) -> Accepted {
    validation::check(REVOCATION, &body, Writing::Create)?;
    let preserves = body.get("preserve_refresh_tokens") == Some(&Value::Bool(true));
    let (user, now, by) = (UserId::new(id), app.clock.now(), RevokedBy::Management);
    let session = body.get("session_id").and_then(Value::as_str).map(SessionId::new);
    let mut tx = change.begin().await?;
    users::find(tx.db(), &user).await?.ok_or(NO_USER)?;
    let revoked = match &session {
        Some(session) => {
            let found = sessions::find(tx.db(), session).await?;
            found.filter(|found| found.user_id == user).ok_or(MISSING)?;
            app.login.end_one(&mut tx, session, &user, Initiator::SessionRevoked).await?;
            if preserves {
                0
            } else {
                families::revoke_of_session(&mut tx, session, by, now).await?
            }
        }
        None => {
            app.login.end_all(&mut tx, &user, Initiator::SessionRevoked).await?;
            if preserves { 0 } else { families::revoke_of_user(&mut tx, &user, by, now).await? }
        }
    };
    let happened = Happened::RefreshTokensRevoked { family: None, revoked, by };
    change.also(&happened, None, Some(&user));
    change.commit(tx, user.as_str(), change::members(&body)).await?;
    Ok(StatusCode::ACCEPTED)
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
        let details = sessions::details(conn.db(), &session.id).await?;
        items.push(show(session, &clients, details, &app.settings));
    }
    let listing = Listing { items, total: 0, next: found.next };
    Ok(Page::checkpoint(&query, after, take).answer("sessions", listing))
}

/// `DELETE /sessions/{id}`: the browser must log in again; refresh tokens live on.
pub async fn remove(State(app): State<App>, change: Change, PathId(id): PathId) -> Accepted {
    let id = SessionId::new(id);
    let mut tx = change.begin().await?;
    if let Some(session) = sessions::find(tx.db(), &id).await? {
        app.login.end_one(&mut tx, &id, &session.user_id, Initiator::SessionRevoked).await?;
        change.commit(tx, id.as_str(), Vec::new()).await?;
    }
    Ok(StatusCode::ACCEPTED)
}

/// `POST /sessions/{id}/revoke`: ends the session and the refresh tokens that came from it.
pub async fn revoke(State(app): State<App>, mut change: Change, PathId(id): PathId) -> Accepted {
    let (id, now) = (SessionId::new(id), app.clock.now());
    let mut tx = change.begin().await?;
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
    let mut tx = change.begin().await?;
    users::find(tx.db(), &user).await?.ok_or(NO_USER)?;
    app.login.end_all(&mut tx, &user, Initiator::SessionRevoked).await?;
    change.commit(tx, user.as_str(), Vec::new()).await?;
    Ok(StatusCode::ACCEPTED)
}
