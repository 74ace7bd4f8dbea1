//! `/roles`: permissions under one name.

use axum::{Json, extract::State};
use serde_json::{Map, Value, json};

use super::{
    change::{self, Change},
    page::{self, Listing, Page},
    path_id::PathId,
    query::Query,
    schema::{Field, field, one_of, text},
    validation::{self, Writing},
};
use crate::domain::{RoleId, role::Role};
use crate::http::{
    App, error::management::ManagementError, extract::management_json::ManagementJson,
};
use crate::store::{self, Db, roles};

type Answer = Result<Json<Value>, ManagementError>;

/// Most characters of a name.
pub(super) const NAME_LENGTH: usize = 255;

/// `type` is answered, so it is accepted back; there is only the one.
#[rustfmt::skip]
pub(super) const ROLE: &[Field] = &[
    field("name", text(1, NAME_LENGTH), "Name of the role.").required(),
    field("description", text(0, 1000), "Description of the role."),
    field("type", TYPE, "The type of the role."),
];
const TYPE: super::schema::Kind = one_of(TYPES);
const TYPES: &[&str] = &["tenant"];

pub(super) const MISSING: ManagementError =
    ManagementError::NotFound { code: None, message: "Role not found." };

pub(super) fn show(role: &Role) -> Map<String, Value> {
    let members = [
        ("id", role.id.as_str()),
        ("name", role.name.as_str()),
        ("description", role.description.as_str()),
        ("type", "tenant"),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()
}

/// The role with the id of a path.
///
/// # Errors
/// 404, or when the database fails.
pub(super) async fn find(db: Db<'_>, id: String) -> Result<Role, ManagementError> {
    roles::find(db, &RoleId::new(id)).await?.ok_or(MISSING)
}

/// `GET /roles`
pub async fn list(State(app): State<App>, query: Query) -> Answer {
    query.only(&[page::OFFSET, &["name_filter", "type"]])?;
    let page = Page::read(&query)?;
    let part = query.text("name_filter")?;
    query.one_of("type", TYPES)?;
    // A longer pattern than any name finds nothing, and databases refuse the longest.
    if let Some(length) = part.map(|part| part.chars().count()).filter(|l| *l > NAME_LENGTH) {
        return Err(ManagementError::invalid_query(format!(
            "Query validation error: 'String is too long ({length} chars), maximum {NAME_LENGTH}' \
             on property name_filter."
        )));
    }
    let (start, limit) = page.window();
    let mut conn = app.store.read().await?;
    let items = roles::list(conn.db(), part, start, limit).await?;
    let total = roles::count(conn.db(), part).await?;
    Ok(page.answer("roles", Listing { items, total, next: None }.map(|role| show(&role).into())))
}

/// `GET /roles/{id}`
pub async fn read(State(app): State<App>, PathId(id): PathId, query: Query) -> Answer {
    query.only(&[])?;
    let mut conn = app.store.read().await?;
    Ok(Json(show(&find(conn.db(), id).await?).into()))
}

fn text_of<'a>(body: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str)
}

/// `POST /roles`. Answers 200, and a description only if one was sent.
pub async fn create(
    State(app): State<App>,
    change: Change,
    ManagementJson(body): ManagementJson,
) -> Answer {
    validation::check(ROLE, &body, Writing::Create)?;
    let description = text_of(&body, "description");
    let role = Role {
        id: RoleId::new(format!("rol_{}", app.entropy.alphanumeric(16))),
        name: text_of(&body, "name").unwrap_or_default().to_owned(),
        description: description.unwrap_or_default().to_owned(),
    };
    let mut tx = change.begin().await?;
    unless_taken(roles::insert(&mut tx, &role, app.clock.now()).await)?;
    change.commit(tx, role.id.as_str(), change::members(&body)).await?;
    let mut shown = show(&role);
    if description.is_none() {
        shown.remove("description");
    }
    Ok(Json(shown.into()))
}

fn unless_taken<T>(written: Result<T, store::Error>) -> Result<T, ManagementError> {
    match written {
        Err(store::Error::Duplicate) => Err(ManagementError::Conflict {
            code: None,
            message: "The role already exists.".to_owned(),
        }),
        other => Ok(other?),
    }
}

/// `PATCH /roles/{id}`
pub async fn update(
    change: Change,
    PathId(id): PathId,
    ManagementJson(body): ManagementJson,
) -> Answer {
    validation::check(ROLE, &body, Writing::Update)?;
    let (name, description) = (text_of(&body, "name"), text_of(&body, "description"));
    let mut tx = change.begin().await?;
    let before = find(tx.db(), id).await?;
    if !unless_taken(roles::update(&mut tx, &before.id, name, description).await)? {
        return Err(MISSING);
    }
    let role = roles::find(tx.db(), &before.id).await?.ok_or(MISSING)?;
    let changed = change::differences(&show(&before), &show(&role));
    change.commit(tx, role.id.as_str(), changed).await?;
    Ok(Json(show(&role).into()))
}

/// `DELETE /roles/{id}`. Answers 200; what the role gave is gone at the next exchange.
pub async fn remove(change: Change, PathId(id): PathId) -> Answer {
    let mut tx = change.begin().await?;
    let id = RoleId::new(id);
    change.authority().may_give_role(tx.db(), &id).await?;
    if !roles::delete(&mut tx, &id).await? {
        return Err(MISSING);
    }
    change.commit(tx, id.as_str(), Vec::new()).await?;
    Ok(Json(json!({})))
}
