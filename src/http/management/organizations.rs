//! `/organizations` and their members.

use axum::{Json, extract::State, http::StatusCode};
use serde_json::{Map, Value, json};

use super::{
    change::{self, Change},
    formats::{HTML_COLOR, ORGANIZATION_NAME, STRICT_HTTPS_URI},
    page::{self, Listing, Page},
    path_id::PathId,
    query::{Fields, Query},
    schema::{ANY_OBJECT, Field, NON_EMPTY, array_of, field, map, object, shaped, text},
    unsupported, users,
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
    field("branding", object(BRANDING), "Theme defines how to style the login pages."),
    field("metadata", map(&text(0, 255), 25), "Metadata associated with the organization, in the form of an object with string values (max 255 chars). Maximum of 25 metadata properties allowed."),
    field("token_quota", ANY_OBJECT, "Token Quota configuration.").nullable(),
];
#[rustfmt::skip]
const BRANDING: &[Field] = &[
    field("logo_url", shaped(0, 2048, STRICT_HTTPS_URI), "URL of logo to display on login page.").nullable(),
    field("colors", object(COLORS), "Color scheme used to customize the login pages."),
];
#[rustfmt::skip]
const COLORS: &[Field] = &[
    field("primary", shaped(0, 9, HTML_COLOR), "HEX Color for primary elements.").required(),
    field("page_background", shaped(0, 9, HTML_COLOR), "HEX Color for background.").required(),
];
#[rustfmt::skip]
pub(super) const MEMBERS: &[Field] = &[
    field("members", array_of(&NON_EMPTY, 1, 1000), "List of user IDs of members of the organization.").required(),
];

const MISSING: ManagementError =
    ManagementError::NotFound { code: None, message: "No organization found by that id or name" };

pub(super) fn show(organization: &Organization) -> Value {
    let mut shown = json!({ "id": organization.id.as_str(), "name": organization.name });
    if let Some(display_name) = &organization.display_name {
        shown["display_name"] = display_name.as_str().into();
    }
    for (name, bag) in [("branding", &organization.branding), ("metadata", &organization.metadata)]
    {
        if !bag.is_empty() {
            shown[name] = Value::Object(bag.clone());
        }
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
///
/// # Errors
/// 404, or when the database fails.
pub(super) async fn find(db: Db<'_>, id: &str) -> Result<Organization, ManagementError> {
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
        Page::Checkpoint { after, take, .. } => {
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
    check(&body)?;
    let id = OrganizationId::new(format!("org_{}", app.entropy.alphanumeric(16)));
    let (branding, metadata) = (bag(&body, "branding"), bag(&body, "metadata"));
    let organization = Organization {
        id,
        name,
        display_name: text("display_name"),
        branding: branding.unwrap_or_default(),
        metadata: metadata.unwrap_or_default(),
    };
    let mut tx = change.begin().await?;
    match organizations::insert(&mut tx, &organization, app.clock.now()).await {
        Err(store::Error::Duplicate) => return Err(taken()),
        other => other?,
    }
    change.commit(tx, organization.id.as_str(), change::members(&body)).await?;
    Ok((StatusCode::CREATED, Json(show(&organization))))
}

/// What the shape of a body does not tell.
fn check(body: &Map<String, Value>) -> Result<(), ManagementError> {
    unsupported::refuse(body, unsupported::ORGANIZATION)?;
    // Where an id is expected a name is accepted too: none may pass for the other.
    if body.get("name").and_then(Value::as_str).is_some_and(|name| name.starts_with("org_")) {
        return Err(ManagementError::invalid_body(
            "Payload validation error: 'The name cannot begin with org_, as ids do' on property name.",
        ));
    }
    Ok(())
}

/// An object of a checked body, without the members that are to be removed.
fn bag(body: &Map<String, Value>, name: &str) -> Option<Map<String, Value>> {
    let mut bag = body.get(name).and_then(Value::as_object).cloned()?;
    bag.retain(|_, value| !value.is_null());
    Some(bag)
}

fn taken() -> ManagementError {
    ManagementError::Conflict {
        code: None,
        message: "An organization with this name already exists.".to_owned(),
    }
}

/// `GET /organizations/name/{name}`
pub async fn read_by_name(State(app): State<App>, PathId(name): PathId, query: Query) -> Answer {
    query.only(&[])?;
    let mut conn = app.store.read().await?;
    let found = organizations::find(conn.db(), &name).await?;
    // An id would find one too, but here it is no name.
    let found = found.filter(|organization| organization.name == name).ok_or(MISSING)?;
    Ok(Json(show(&found)))
}

/// `GET /users/{id}/organizations`
pub async fn list_of_user(State(app): State<App>, PathId(id): PathId, query: Query) -> Answer {
    query.only(&[page::OFFSET])?;
    let page = Page::read(&query)?;
    let user = UserId::new(id);
    let mut conn = app.store.read().await?;
    store::users::find(conn.db(), &user).await?.ok_or(users::MISSING)?;
    let (start, limit) = page.window();
    let items = organizations::of_user(conn.db(), &user, start, limit).await?;
    let total = organizations::count_of_user(conn.db(), &user).await?;
    let listing = Listing { items, total, next: None };
    Ok(page.answer("organizations", listing.map(|organization| show(&organization))))
}

/// `PATCH /organizations/{id}`
pub async fn update(
    change: Change,
    PathId(id): PathId,
    ManagementJson(body): ManagementJson,
) -> Answer {
    validation::check(ORGANIZATION, &body, Writing::Update)?;
    check(&body)?;
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let (branding, metadata) = (bag(&body, "branding"), bag(&body, "metadata"));
    let edit = organizations::Edit {
        name: text("name"),
        display_name: text("display_name"),
        branding: branding.as_ref(),
        metadata: metadata.as_ref(),
    };
    let mut tx = change.begin().await?;
    let before = find(tx.db(), &id).await?;
    match organizations::update(&mut tx, &before.id, edit).await {
        Err(store::Error::Duplicate) => return Err(taken()),
        Ok(false) => return Err(MISSING),
        other => other?,
    };
    let after = show(&find(tx.db(), &id).await?);
    let members = |shown: &Value| shown.as_object().cloned().unwrap_or_default();
    let changed = change::differences(&members(&show(&before)), &members(&after));
    change.commit(tx, &id, changed).await?;
    Ok(Json(after))
}

/// `DELETE /organizations/{id}`
pub async fn remove(change: Change, PathId(id): PathId) -> Result<StatusCode, ManagementError> {
    let mut tx = change.begin().await?;
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
        Page::Checkpoint { after, take, .. } => {
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
    change: Change,
    PathId(id): PathId,
    ManagementJson(body): ManagementJson,
) -> Result<StatusCode, ManagementError> {
    validation::check(MEMBERS, &body, Writing::Create)?;
    let mut tx = change.begin().await?;
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
    change: Change,
    PathId(id): PathId,
    ManagementJson(body): ManagementJson,
) -> Result<StatusCode, ManagementError> {
    validation::check(MEMBERS, &body, Writing::Create)?;
    let mut tx = change.begin().await?;
    let id = find(tx.db(), &id).await?.id;
    for user in named(&body) {
        organizations::remove_member(&mut tx, &id, &user).await?;
    }
    change.commit(tx, id.as_str(), change::members(&body)).await?;
    Ok(StatusCode::NO_CONTENT)
}
