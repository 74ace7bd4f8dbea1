//! `/organizations` and their members.

use axum::{Json, extract::State, http::StatusCode};
use serde_json::{Map, Value, json};

use super::{
    change::{self, Change},
    formats::ORGANIZATION_NAME,
    page::{self, Listing, Page},
    path_id::PathId,
    query::{Fields, Query},
    schema::{Field, NON_EMPTY, array_of, field, shaped, text},
    users,
    validation::{self, Writing},
};
use crate::domain::{OrganizationId, UserId, organization::Organization, user::User};
use crate::http::{
    App, error::management::ManagementError, extract::management_json::ManagementJson,
};
use crate::store::{self, Db, organizations};

type Answer = Result<Json<Value>, ManagementError>;

#[rustfmt::skip]
pub(super) const ORGANIZATION: &[Field] = &[
    field("name", shaped(1, 50, ORGANIZATION_NAME), "The name of this organization.").required(),
    field("display_name", text(1, 255), "Friendly name of this organization."),
];
#[rustfmt::skip]
pub(super) const MEMBERS: &[Field] = &[
    field("members", array_of(&NON_EMPTY, 1, 1000), "List of user IDs of members of the organization.").required(),
];

const MISSING: ManagementError =
    ManagementError::NotFound { code: None, message: "No organization found by that id or name" };

fn show(organization: &Organization) -> Value {
    let mut shown = json!({ "id": organization.id.as_str(), "name": organization.name });
    if let Some(display_name) = &organization.display_name {
        shown["display_name"] = display_name.as_str().into();
    }
    shown
}

/// A user as a member of something is shown.
pub(super) fn show_member(user: &User) -> Map<String, Value> {
    let mut shown = Map::new();
    shown.insert("user_id".to_owned(), user.user_id.as_str().into());
    if let Some(email) = &user.email {
        shown.insert("email".to_owned(), email.as_str().into());
    }
    for name in ["name", "picture"] {
        if let Some(value) = user.profile_text(name) {
            shown.insert(name.to_owned(), value.into());
        }
    }
    shown
}

/// The organization with this id. A name would find one too, but here it is no id.
async fn find(db: Db<'_>, id: &str) -> Result<Organization, ManagementError> {
    let found = organizations::find(db, id).await?;
    found.filter(|organization| organization.id.as_str() == id).ok_or(MISSING)
}

/// `GET /organizations`
pub async fn list(State(app): State<App>, query: Query) -> Answer {
    query.only(&[page::OFFSET, page::CHECKPOINT])?;
    let page = Page::read(&query)?;
    let mut conn = app.store.read().await?;
    let listing = match &page {
        Page::Offset { start, limit, .. } => {
            let items = organizations::list(conn.db(), *start, *limit).await?;
            let total = organizations::count(conn.db()).await?;
            Listing { items, total, next: None }
        }
        Page::Checkpoint { after, take } => {
            let items = organizations::list_after(conn.db(), after, take + 1).await?;
            Listing::checkpoint(items, *take, |organization| organization.id.as_str())
        }
    };
    Ok(page.answer("organizations", listing.map(|organization| show(&organization))))
}

/// `GET /organizations/{id}`
pub async fn read(State(app): State<App>, PathId(id): PathId, query: Query) -> Answer {
    query.only(&[])?;
    let mut conn = app.store.read().await?;
    Ok(Json(show(&find(conn.db(), &id).await?)))
}

/// `POST /organizations`
pub async fn create(
    State(app): State<App>,
    change: Change,
    ManagementJson(body): ManagementJson,
) -> Result<(StatusCode, Json<Value>), ManagementError> {
    validation::check(ORGANIZATION, &body, Writing::Create)?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let name = text("name").unwrap_or_default();
    // Where an id is expected a name is accepted too: none may pass for the other.
    if name.starts_with("org_") {
        return Err(ManagementError::invalid_body(
            "Payload validation error: 'The name cannot begin with org_, as ids do' on property name.",
        ));
    }
    let id = OrganizationId::new(format!("org_{}", app.entropy.alphanumeric(16)));
    let organization = Organization { id, name, display_name: text("display_name") };
    let mut tx = app.store.write().await?;
    match organizations::insert(&mut tx, &organization, app.clock.now()).await {
        Err(store::Error::Duplicate) => {
            return Err(ManagementError::Conflict {
                code: None,
                message: "An organization with this name already exists.".to_owned(),
            });
        }
        other => other?,
    }
    change.commit(tx, organization.id.as_str(), change::members(&body)).await?;
    Ok((StatusCode::CREATED, Json(show(&organization))))
}

/// `DELETE /organizations/{id}`
pub async fn remove(
    State(app): State<App>,
    change: Change,
    PathId(id): PathId,
) -> Result<StatusCode, ManagementError> {
    let mut tx = app.store.write().await?;
    let organization = find(tx.db(), &id).await?;
    organizations::delete(&mut tx, &organization.id).await?;
    change.commit(tx, organization.id.as_str(), Vec::new()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /organizations/{id}/members`
pub async fn members(State(app): State<App>, PathId(id): PathId, query: Query) -> Answer {
    query.only(&[Fields::PARAMETERS, page::OFFSET, page::CHECKPOINT])?;
    let (page, fields) = (Page::read(&query)?, Fields::read(&query)?);
    let mut conn = app.store.read().await?;
    let id = find(conn.db(), &id).await?.id;
    let listing = match &page {
        Page::Offset { start, limit, .. } => {
            let items = organizations::members(conn.db(), &id, *start, *limit).await?;
            let total = organizations::count_members(conn.db(), &id).await?;
            Listing { items, total, next: None }
        }
        Page::Checkpoint { after, take } => {
            let items = organizations::members_after(conn.db(), &id, after, take + 1).await?;
            Listing::checkpoint(items, *take, |user| user.user_id.as_str())
        }
    };
    Ok(page.answer("members", listing.map(|user| fields.select(show_member(&user)))))
}

fn named(body: &Map<String, Value>) -> impl Iterator<Item = UserId> {
    let ids = body.get("members").and_then(Value::as_array);
    ids.into_iter().flatten().filter_map(Value::as_str).map(UserId::new)
}

/// `POST /organizations/{id}/members`
pub async fn add_members(
    State(app): State<App>,
    change: Change,
    PathId(id): PathId,
    ManagementJson(body): ManagementJson,
) -> Result<StatusCode, ManagementError> {
    validation::check(MEMBERS, &body, Writing::Create)?;
    let mut tx = app.store.write().await?;
    let id = find(tx.db(), &id).await?.id;
    for user in named(&body) {
        store::users::find(tx.db(), &user).await?.ok_or(users::MISSING)?;
        organizations::add_member(&mut tx, &id, &user).await?;
    }
    change.commit(tx, id.as_str(), change::members(&body)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /organizations/{id}/members`
pub async fn remove_members(
    State(app): State<App>,
    change: Change,
    PathId(id): PathId,
    ManagementJson(body): ManagementJson,
) -> Result<StatusCode, ManagementError> {
    validation::check(MEMBERS, &body, Writing::Create)?;
    let mut tx = app.store.write().await?;
    let id = find(tx.db(), &id).await?.id;
    for user in named(&body) {
        organizations::remove_member(&mut tx, &id, &user).await?;
    }
    change.commit(tx, id.as_str(), change::members(&body)).await?;
    Ok(StatusCode::NO_CONTENT)
}
