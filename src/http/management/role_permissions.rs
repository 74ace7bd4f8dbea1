//! `/roles/{id}/permissions`: which scopes of an API the users of a role may have.

use axum::{Json, extract::State, http::StatusCode};
use serde_json::{Value, json};

use super::{
    change::{self, Change},
    page::{self, Listing, Page},
    path_id::PathId,
    query::Query,
    roles,
    schema::{Field, array_of, field},
    user_permissions::{PERMISSION, check_defined, describe, named},
    validation::{self, Writing},
};
use crate::domain::RoleId;
use crate::http::{
    App, error::management::ManagementError, extract::management_json::ManagementJson,
};
use crate::store::{self, role_permissions};

#[rustfmt::skip]
pub(super) const PERMISSIONS: &[Field] = &[
    field("permissions", array_of(&PERMISSION, 1, 1000), "array of resource_server_identifier, permission_name pairs.").required(),
];

/// `GET /roles/{id}/permissions`
pub async fn list(
    State(app): State<App>,
    PathId(id): PathId,
    query: Query,
) -> Result<Json<Value>, ManagementError> {
    query.only(&[page::OFFSET])?;
    let page = Page::read(&query)?;
    let (found, total) = {
        let mut conn = app.store.read().await?;
        let role = roles::find(conn.db(), id).await?.id;
        let (start, limit) = page.window();
        let found = role_permissions::list(conn.db(), &role, start, limit).await?;
        (found, role_permissions::count(conn.db(), &role).await?)
    };
    let mut items = Vec::with_capacity(found.len());
    for (audience, name) in found {
        items.push(describe(&app, &audience, &name).await?);
    }
    Ok(page.answer("permissions", Listing { items, total, next: None }))
}

/// `POST /roles/{id}/permissions`
pub async fn add(
    change: Change,
    PathId(id): PathId,
    ManagementJson(body): ManagementJson,
) -> Result<(StatusCode, Json<Value>), ManagementError> {
    const MISSING: ManagementError =
        ManagementError::NotFound { code: None, message: "The role does not exist." };
    validation::check(PERMISSIONS, &body, Writing::Create)?;
    let role = RoleId::new(id);
    let mut tx = change.begin().await?;
    store::roles::find(tx.db(), &role).await?.ok_or(MISSING)?;
    change.authority().may_give(&named(&body))?;
    for (audience, name) in named(&body) {
        check_defined(tx.db(), &audience, name).await?;
        role_permissions::insert(&mut tx, &role, &audience, name).await?;
    }
    change.commit(tx, role.as_str(), change::members(&body)).await?;
    Ok((StatusCode::CREATED, Json(json!({}))))
}

/// `DELETE /roles/{id}/permissions`
pub async fn remove(
    change: Change,
    PathId(id): PathId,
    ManagementJson(body): ManagementJson,
) -> Result<StatusCode, ManagementError> {
    validation::check(PERMISSIONS, &body, Writing::Create)?;
    let mut tx = change.begin().await?;
    let role = roles::find(tx.db(), id).await?.id;
    change.authority().may_give(&named(&body))?;
    for (audience, name) in named(&body) {
        role_permissions::delete(&mut tx, &role, &audience, name).await?;
    }
    change.commit(tx, role.as_str(), change::members(&body)).await?;
    Ok(StatusCode::NO_CONTENT)
}
