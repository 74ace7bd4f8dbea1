//! Who has which role: `/roles/{id}/users` and `/users/{id}/roles`.

use std::collections::BTreeSet;

use axum::{Json, extract::State, http::StatusCode};
use serde_json::{Map, Value, json};

use super::{
    change::{self, Change},
    organizations::show_member,
    page::{self, Listing, Page},
    path_id::PathId,
    query::Query,
    roles,
    schema::{Field, Kind, array_of, field, text},
    user_permissions::NO_SUCH_USER,
    users,
    validation::{self, Writing},
};
use crate::domain::{RoleId, UserId, audience::Audience, role::Role};
use crate::http::{
    App,
    error::management::ManagementError,
    extract::{management_json::ManagementJson, management_token::ManagementToken},
};
use crate::store::{self, Tx, user_roles};

type Answer = Result<Json<Value>, ManagementError>;

const ID: Kind = text(1, 300);
#[rustfmt::skip]
pub(super) const USERS: &[Field] = &[
    field("users", array_of(&ID, 0, 1000), "user_id's of the users to assign the role to.").required(),
];
#[rustfmt::skip]
pub(super) const ROLES: &[Field] = &[
    field("roles", array_of(&ID, 1, 1000), "List of roles IDs to associated with the user.").required(),
];

fn named<'a>(body: &'a Map<String, Value>, list: &str) -> impl Iterator<Item = &'a str> {
    body.get(list).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// Addresses of users are for who may read users: `read:roles` alone does not open them, although
/// it opens the route together with `read:users`.
fn may_read_users(token: &ManagementToken) -> Result<(), ManagementError> {
    const MEMBERS: &[&str] = &["read:role_members"];
    const USERS: &[&str] = &["read:users", "read:role_members"];
    const ROLES: &[&str] = &["read:roles", "read:role_members"];
    if token.has_any(MEMBERS) {
        return Ok(());
    }
    for needed in [USERS, ROLES] {
        if !token.has_any(needed) {
            return Err(ManagementError::InsufficientScope(needed));
        }
    }
    Ok(())
}

/// `GET /roles/{id}/users`
pub async fn users_of_role(
    State(app): State<App>,
    token: ManagementToken,
    PathId(id): PathId,
    query: Query,
) -> Answer {
    may_read_users(&token)?;
    query.only(&[page::OFFSET, page::CHECKPOINT])?;
    let page = Page::read(&query)?;
    let mut conn = app.store.read().await?;
    let role = roles::find(conn.db(), id).await?.id;
    let listing = match &page {
        Page::Offset { start, limit, .. } => {
            let items = user_roles::users(conn.db(), &role, *start, *limit).await?;
            let total = user_roles::count_users(conn.db(), &role).await?;
            Listing { items, total, next: None }
        }
        Page::Checkpoint { after, take, .. } => {
            let items = user_roles::users_after(conn.db(), &role, after, take + 1).await?;
            Listing::checkpoint(items, *take, |user| user.user_id.as_str())
        }
    };
    Ok(page.answer("users", listing.map(|user| Value::Object(show_member(&user)))))
}

/// `POST /roles/{id}/users`
pub async fn add_users_to_role(
    change: Change,
    PathId(id): PathId,
    ManagementJson(body): ManagementJson,
) -> Answer {
    const NOBODY: ManagementError = ManagementError::NotFound {
        code: Some("inexistent_user"),
        message: "One or more of the users do not exist.",
    };
    validation::check(USERS, &body, Writing::Create)?;
    let mut tx = change.begin().await?;
    let role = roles::find(tx.db(), id).await?.id;
    // In one order everywhere, users first: no two requests wait for each other.
    let users: BTreeSet<_> = named(&body, "users").map(UserId::new).collect();
    for user in &users {
        must_exist(store::users::lock(&mut tx, user).await?, NOBODY)?;
    }
    must_exist(store::roles::lock(&mut tx, &role).await?, roles::MISSING)?;
    change.authority().may_give_role(tx.db(), &role).await?;
    for user in &users {
        user_roles::insert(&mut tx, user, &role).await?;
    }
    change.commit(tx, role.as_str(), change::members(&body)).await?;
    Ok(Json(json!({})))
}

fn must_exist(does: bool, missing: ManagementError) -> Result<(), ManagementError> {
    if does { Ok(()) } else { Err(missing) }
}

/// `GET /users/{id}/effective-roles`. There are no groups: each was given to the user.
pub async fn effective_roles(State(app): State<App>, PathId(id): PathId, query: Query) -> Answer {
    query.only(&[page::CHECKPOINT])?;
    let (after, take) = Page::read_cursor(&query)?;
    let user = UserId::new(id);
    let mut conn = app.store.read().await?;
    store::users::find(conn.db(), &user).await?.ok_or(users::MISSING)?;
    let found = user_roles::roles_after(conn.db(), &user, &after, take + 1).await?;
    Ok(show_effective(found, Page::checkpoint(&query, after, take), take))
}

fn show_effective(found: Vec<Role>, page: Page, take: i64) -> Json<Value> {
    let found = Listing::checkpoint(found, take, |role| role.id.as_str());
    let listing = found.map(|role| {
        let mut shown = show_role(&role);
        shown["sources"] = json!(["direct"]);
        shown
    });
    page.answer("roles", listing)
}

/// `GET /users/{id}/effective-permissions/sources/effective-roles`: which roles give a permission.
pub async fn roles_behind_permission(
    State(app): State<App>,
    PathId(id): PathId,
    query: Query,
) -> Answer {
    const API: &str = "resource_server_identifier";
    const PERMISSION: &str = "permission_name";
    query.only(&[page::CHECKPOINT, &[API, PERMISSION]])?;
    let (after, take) = Page::read_cursor(&query)?;
    let audience = Audience::new(query.required(API)?);
    let permission = query.required(PERMISSION)?;
    let user = UserId::new(id);
    let mut conn = app.store.read().await?;
    store::users::find(conn.db(), &user).await?.ok_or(NO_SUCH_USER)?;
    let wanted = (&audience, permission);
    let found = user_roles::roles_with_after(conn.db(), &user, wanted, &after, take + 1).await?;
    Ok(show_effective(found, Page::checkpoint(&query, after, take), take))
}

fn show_role(role: &Role) -> Value {
    json!({ "id": role.id.as_str(), "name": role.name, "description": role.description })
}

/// `GET /users/{id}/roles`
pub async fn roles_of_user(State(app): State<App>, PathId(id): PathId, query: Query) -> Answer {
    const MISSING: ManagementError =
        ManagementError::NotFound { code: Some("inexistent_user"), message: "User not found." };
    query.only(&[page::OFFSET])?;
    let page = Page::read(&query)?;
    let user = UserId::new(id);
    let mut conn = app.store.read().await?;
    store::users::find(conn.db(), &user).await?.ok_or(MISSING)?;
    let (start, limit) = page.window();
    let items = user_roles::roles(conn.db(), &user, start, limit).await?;
    let total = user_roles::count_roles(conn.db(), &user).await?;
    Ok(page.answer("roles", Listing { items, total, next: None }.map(|role| show_role(&role))))
}

/// Every role that a checked body names.
///
/// # Errors
/// 400 naming those that do not exist.
async fn existing(tx: &mut Tx, body: &Map<String, Value>) -> Result<Vec<RoleId>, ManagementError> {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for id in named(body, "roles") {
        match store::roles::find(tx.db(), &RoleId::new(id)).await? {
            Some(role) => found.push(role.id),
            None => missing.push(id),
        }
    }
    if missing.is_empty() {
        return Ok(found);
    }
    let missing = missing.join(", ");
    Err(ManagementError::invalid_body(format!(
        "One or more of the specified roles do not exist: {missing}"
    )))
}

/// `POST /users/{id}/roles`
pub async fn add_roles_to_user(
    change: Change,
    PathId(id): PathId,
    ManagementJson(body): ManagementJson,
) -> Result<StatusCode, ManagementError> {
    validation::check(ROLES, &body, Writing::Create)?;
    let user = UserId::new(id);
    let mut tx = change.begin().await?;
    must_exist(store::users::lock(&mut tx, &user).await?, users::MISSING)?;
    let mut wanted = existing(&mut tx, &body).await?;
    wanted.sort_unstable();
    for role in &wanted {
        // One that is being removed is gone by now.
        must_exist(store::roles::lock(&mut tx, role).await?, roles::MISSING)?;
        change.authority().may_give_role(tx.db(), role).await?;
        user_roles::insert(&mut tx, &user, role).await?;
    }
    change.commit(tx, user.as_str(), change::members(&body)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /users/{id}/roles`
pub async fn remove_roles_from_user(
    change: Change,
    PathId(id): PathId,
    ManagementJson(body): ManagementJson,
) -> Result<StatusCode, ManagementError> {
    validation::check(ROLES, &body, Writing::Create)?;
    let user = UserId::new(id);
    let mut tx = change.begin().await?;
    store::users::find(tx.db(), &user).await?.ok_or(users::MISSING)?;
    for role in named(&body, "roles").map(RoleId::new) {
        change.authority().may_give_role(tx.db(), &role).await?;
        user_roles::delete(&mut tx, &user, &role).await?;
    }
    change.commit(tx, user.as_str(), change::members(&body)).await?;
    Ok(StatusCode::NO_CONTENT)
}
