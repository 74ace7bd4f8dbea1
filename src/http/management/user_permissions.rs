//! `/users/{id}/permissions`: which scopes of an API a user may have.

use axum::{Json, extract::State, http::StatusCode};
use serde_json::{Map, Value, json};

use super::{
    change::{self, Change},
    page::{self, Listing, Page},
    path_id::PathId,
    query::Query,
    schema::{Field, Kind, array_of, field, object, text},
    users::MISSING,
    validation::{self, Writing},
};
use crate::domain::{UserId, audience::Audience};
use crate::http::{
    App, error::management::ManagementError, extract::management_json::ManagementJson,
};
use crate::store::{
    Db,
    permissions::{self, Source},
    resource_servers, users,
};

/// As the contract words it for what a user may do in effect.
pub(super) const NO_SUCH_USER: ManagementError =
    ManagementError::NotFound { code: Some("inexistent_user"), message: "User does not exist." };

const NO_API: ManagementError = ManagementError::NotFound {
    code: Some("inexistent_resource_server"),
    message: "The resource server does not exist",
};

#[rustfmt::skip]
pub(super) const PERMISSIONS: &[Field] = &[
    field("permissions", array_of(&PERMISSION, 1, 1000), "List of permissions of this user.").required(),
];
#[rustfmt::skip]
pub(super) const PERMISSION: Kind = object(&[
    field("resource_server_identifier", text(1, Audience::MAX_LENGTH), "Resource server (API) identifier that this permission is for.").required(),
    field("permission_name", text(1, 280), "Name of this permission.").required(),
]);

/// `GET /users/{id}/permissions`
pub async fn list(
    State(app): State<App>,
    PathId(id): PathId,
    query: Query,
) -> Result<Json<Value>, ManagementError> {
    query.only(&[page::OFFSET])?;
    let page = Page::read(&query)?;
    let user = UserId::new(id);
    let (found, total) = {
        let mut conn = app.store.read().await?;
        users::find(conn.db(), &user).await?.ok_or(MISSING)?;
        let (start, limit) = page.window();
        let mut found = Vec::new();
        for (audience, name) in permissions::list(conn.db(), &user, start, limit).await? {
            let sources = permissions::sources(conn.db(), &user, &audience, &name).await?;
            found.push((audience, name, sources));
        }
        (found, permissions::count(conn.db(), &user).await?)
    };
    let mut items = Vec::with_capacity(found.len());
    for (audience, name, sources) in found {
        let mut shown = describe(&app, &audience, &name).await?;
        shown["sources"] = sources.iter().map(show_source).collect();
        items.push(shown);
    }
    Ok(page.answer("permissions", Listing { items, total, next: None }))
}

fn show_source(source: &Source) -> Value {
    let (id, name, kind) = match source {
        Source::Direct => ("", "", "DIRECT"),
        Source::Role { id, name } => (id.as_str(), name.as_str(), "ROLE"),
    };
    json!({ "source_id": id, "source_name": name, "source_type": kind })
}

/// `GET /users/{id}/effective-permissions`: what the user may do on one API.
pub async fn effective(
    State(app): State<App>,
    PathId(id): PathId,
    query: Query,
) -> Result<Json<Value>, ManagementError> {
    const API: &str = "resource_server_identifier";
    query.only(&[page::CHECKPOINT, &[API]])?;
    let (after, take) = Page::read_cursor(&query)?;
    let audience = Audience::new(query.required(API)?);
    let user = UserId::new(id);
    let mut found = Vec::new();
    {
        let mut conn = app.store.read().await?;
        users::find(conn.db(), &user).await?.ok_or(NO_SUCH_USER)?;
        for name in permissions::list_after(conn.db(), &user, &audience, &after, take + 1).await? {
            let sources = permissions::sources(conn.db(), &user, &audience, &name).await?;
            found.push((name, sources));
        }
    }
    let found = Listing::checkpoint(found, take, |(name, _)| name.as_str());
    let mut items = Vec::with_capacity(found.items.len());
    for (name, sources) in &found.items {
        let mut shown = describe(&app, &audience, name).await?;
        let is_direct = sources.contains(&Source::Direct);
        let is_of_role = sources.iter().any(|source| *source != Source::Direct);
        let kinds = [("direct", is_direct), ("roles", is_of_role)];
        shown["sources"] = kinds.into_iter().filter(|(_, is)| *is).map(|(kind, _)| kind).collect();
        items.push(shown);
    }
    let listing = Listing { items, total: 0, next: found.next };
    Ok(Page::checkpoint(&query, after, take).answer("permissions", listing))
}

/// A permission as it is answered, without where it comes from.
///
/// # Errors
/// When the database does.
pub(super) async fn describe(
    app: &App,
    audience: &Audience,
    name: &str,
) -> Result<Value, ManagementError> {
    let api = app.store.api(audience).await?;
    let api = api.as_ref().map(|record| &record.api);
    let scope = api.and_then(|api| api.scopes.iter().find(|s| s.value == name));
    Ok(json!({
        "permission_name": name,
        "description": scope.and_then(|s| s.description.as_deref()).unwrap_or(""),
        "resource_server_name": api.and_then(|api| api.name.as_deref()).unwrap_or(""),
        "resource_server_identifier": audience.as_str(),
    }))
}

/// Refuses a permission that no API defines.
///
/// # Errors
/// 404 without the API, 400 without the scope.
pub(super) async fn check_defined(
    db: Db<'_>,
    audience: &Audience,
    name: &str,
) -> Result<(), ManagementError> {
    let api = resource_servers::find_by_identifier(db, audience).await?.ok_or(NO_API)?;
    if api.api.scopes.iter().any(|scope| scope.value == name) {
        return Ok(());
    }
    Err(ManagementError::invalid_body(format!(
        "Payload validation error: 'The resource server {audience} does not define: {name}' \
         on property permissions."
    )))
}

/// The permissions that a checked body names.
pub(super) fn named(body: &Map<String, Value>) -> Vec<(Audience, &str)> {
    let items = body.get("permissions").and_then(Value::as_array);
    items
        .into_iter()
        .flatten()
        .filter_map(|item| {
            let audience = item.get("resource_server_identifier")?.as_str()?;
            Some((Audience::new(audience), item.get("permission_name")?.as_str()?))
        })
        .collect()
}

/// `POST /users/{id}/permissions`
pub async fn add(
    change: Change,
    PathId(id): PathId,
    ManagementJson(body): ManagementJson,
) -> Result<(StatusCode, Json<Value>), ManagementError> {
    validation::check(PERMISSIONS, &body, Writing::Create)?;
    let user = UserId::new(id);
    let mut tx = change.begin().await?;
    users::find(tx.db(), &user).await?.ok_or(MISSING)?;
    change.authority().may_give(&named(&body))?;
    for (audience, name) in named(&body) {
        check_defined(tx.db(), &audience, name).await?;
        permissions::insert(&mut tx, &user, &audience, name).await?;
    }
    change.commit(tx, user.as_str(), change::members(&body)).await?;
    Ok((StatusCode::CREATED, Json(json!({}))))
}

/// `DELETE /users/{id}/permissions`
pub async fn remove(
    change: Change,
    PathId(id): PathId,
    ManagementJson(body): ManagementJson,
) -> Result<StatusCode, ManagementError> {
    validation::check(PERMISSIONS, &body, Writing::Create)?;
    let user = UserId::new(id);
    let mut tx = change.begin().await?;
    users::find(tx.db(), &user).await?.ok_or(MISSING)?;
    change.authority().may_give(&named(&body))?;
    for (audience, name) in named(&body) {
        permissions::delete(&mut tx, &user, &audience, name).await?;
    }
    change.commit(tx, user.as_str(), change::members(&body)).await?;
    Ok(StatusCode::NO_CONTENT)
}
