//! Tables `organization` and `organization_member`.

use serde_json::{Map, Value};

use crate::domain::{
    OrganizationId, UserId, organization::Organization, time::Timestamp, user::User,
};
use crate::store::{Db, Error, Result, Tx, decode, users};

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    name: String,
    display_name: Option<String>,
    branding: Option<String>,
    metadata: Option<String>,
}

impl TryFrom<Row> for Organization {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let read = |json: Option<String>| match json {
            Some(json) => decode("organization", &json),
            None => Ok(Map::new()),
        };
        Ok(Self {
            id: OrganizationId::new(row.id),
            name: row.name,
            display_name: row.display_name,
            branding: read(row.branding)?,
            metadata: read(row.metadata)?,
        })
    }
}

/// What a PATCH of an organization writes; what is absent stays as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Edit<'a> {
    /// `name`
    pub name: Option<&'a str>,
    /// `display_name`
    pub display_name: Option<&'a str>,
    /// `branding`, as a whole.
    pub branding: Option<&'a Map<String, Value>>,
    /// `metadata`, as a whole.
    pub metadata: Option<&'a Map<String, Value>>,
}

/// Changes an organization. `false` when there is none.
///
/// # Errors
/// [`Error::Duplicate`] when the name is taken.
pub async fn update(tx: &mut Tx, id: &OrganizationId, edit: Edit<'_>) -> Result<bool> {
    const UPDATE: &str = "UPDATE organization
        SET name = COALESCE($2, name), display_name = COALESCE($3, display_name),
            branding = COALESCE($4, branding), metadata = COALESCE($5, metadata)
        WHERE id = $1";
    let updated = on!(tx.db(), |c| sqlx::query(UPDATE)
        .bind(id.as_str())
        .bind(edit.name)
        .bind(edit.display_name)
        .bind(edit.branding.map(json))
        .bind(edit.metadata.map(json))
        .execute(c)
        .await?
        .rows_affected());
    Ok(updated == 1)
}

fn json(map: &Map<String, Value>) -> String {
    Value::Object(map.clone()).to_string()
}

/// The organization with this id or this name; in a name the case of letters does not count.
///
/// # Errors
/// When the database does.
pub async fn find(db: Db<'_>, id_or_name: &str) -> Result<Option<Organization>> {
    const FIND: &str = "SELECT id, name, display_name, branding, metadata FROM organization
        WHERE id = $1 OR name = $2";
    let row: Option<Row> = on!(db, |c| sqlx::query_as(FIND)
        .bind(id_or_name)
        .bind(id_or_name.to_ascii_lowercase())
        .fetch_optional(c)
        .await?);
    row.map(TryInto::try_into).transpose()
}

/// The name of an organization, `None` when it is gone.
///
/// # Errors
/// When the database does.
pub async fn name(db: Db<'_>, id: &OrganizationId) -> Result<Option<String>> {
    const NAME: &str = "SELECT name FROM organization WHERE id = $1";
    let row: Option<(String,)> =
        on!(db, |c| sqlx::query_as(NAME).bind(id.as_str()).fetch_optional(c).await?);
    Ok(row.map(|(name,)| name))
}

/// Every organization, oldest first, from `offset` on.
///
/// # Errors
/// When the database does.
pub async fn list(db: Db<'_>, offset: i64, limit: i64) -> Result<Vec<Organization>> {
    const LIST: &str = "SELECT id, name, display_name, branding, metadata FROM organization
        ORDER BY created_at, id LIMIT $1 OFFSET $2";
    let rows: Vec<Row> =
        on!(db, |c| sqlx::query_as(LIST).bind(limit).bind(offset).fetch_all(c).await?);
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Every organization that comes after `after` in the order of ids, for checkpoint paging.
///
/// # Errors
/// When the database does.
pub async fn list_after(db: Db<'_>, after: &str, limit: i64) -> Result<Vec<Organization>> {
    const LIST: &str = "SELECT id, name, display_name, branding, metadata FROM organization
        WHERE id > $1 ORDER BY id LIMIT $2";
    let rows: Vec<Row> =
        on!(db, |c| sqlx::query_as(LIST).bind(after).bind(limit).fetch_all(c).await?);
    rows.into_iter().map(TryInto::try_into).collect()
}

/// How many organizations there are.
///
/// # Errors
/// When the database does.
pub async fn count(db: Db<'_>) -> Result<i64> {
    const COUNT: &str = "SELECT COUNT(*) FROM organization";
    let (count,): (i64,) = on!(db, |c| sqlx::query_as(COUNT).fetch_one(c).await?);
    Ok(count)
}

/// Adds an organization.
///
/// # Errors
/// [`crate::store::Error::Duplicate`] when the name is taken.
pub async fn insert(tx: &mut Tx, organization: &Organization, now: Timestamp) -> Result<()> {
    const INSERT: &str = "INSERT INTO organization
        (id, name, display_name, created_at, branding, metadata)
        VALUES ($1, $2, $3, $4, $5, $6)";
    on!(tx.db(), |c| sqlx::query(INSERT)
        .bind(organization.id.as_str())
        .bind(organization.name.as_str())
        .bind(organization.display_name.as_deref())
        .bind(now.millis())
        .bind(json(&organization.branding))
        .bind(json(&organization.metadata))
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}

/// Removes an organization with its memberships. `false` when there was none.
///
/// # Errors
/// When the database does.
pub async fn delete(tx: &mut Tx, id: &OrganizationId) -> Result<bool> {
    const DELETE: &str = "DELETE FROM organization WHERE id = $1";
    let deleted =
        on!(tx.db(), |c| sqlx::query(DELETE).bind(id.as_str()).execute(c).await?.rows_affected());
    Ok(deleted == 1)
}

/// Whether the user is a member.
///
/// # Errors
/// When the database does.
pub async fn is_member(db: Db<'_>, id: &OrganizationId, user: &UserId) -> Result<bool> {
    const MEMBER: &str = "SELECT EXISTS (SELECT 1 FROM organization_member
        WHERE organization_id = $1 AND user_id = $2)";
    let (member,): (bool,) = on!(db, |c| sqlx::query_as(MEMBER)
        .bind(id.as_str())
        .bind(user.as_str())
        .fetch_one(c)
        .await?);
    Ok(member)
}

/// The members, from `offset` on.
///
/// # Errors
/// When the database does.
pub async fn members(
    mut db: Db<'_>,
    id: &OrganizationId,
    offset: i64,
    limit: i64,
) -> Result<Vec<User>> {
    const MEMBERS: &str = "SELECT user_id FROM organization_member
        WHERE organization_id = $1 ORDER BY user_id LIMIT $2 OFFSET $3";
    let rows: Vec<(String,)> = on!(db.reborrow(), |c| sqlx::query_as(MEMBERS)
        .bind(id.as_str())
        .bind(limit)
        .bind(offset)
        .fetch_all(c)
        .await?);
    read_users(db, rows).await
}

/// The members who come after `after` in the order of ids, for checkpoint paging.
///
/// # Errors
/// When the database does.
pub async fn members_after(
    mut db: Db<'_>,
    id: &OrganizationId,
    after: &str,
    limit: i64,
) -> Result<Vec<User>> {
    const MEMBERS: &str = "SELECT user_id FROM organization_member
        WHERE organization_id = $1 AND user_id > $2 ORDER BY user_id LIMIT $3";
    let rows: Vec<(String,)> = on!(db.reborrow(), |c| sqlx::query_as(MEMBERS)
        .bind(id.as_str())
        .bind(after)
        .bind(limit)
        .fetch_all(c)
        .await?);
    read_users(db, rows).await
}

pub(super) async fn read_users(mut db: Db<'_>, ids: Vec<(String,)>) -> Result<Vec<User>> {
    let mut found = Vec::with_capacity(ids.len());
    for (user,) in ids {
        found.extend(users::find(db.reborrow(), &UserId::new(user)).await?.map(|r| r.user));
    }
    Ok(found)
}

/// How many members there are.
///
/// # Errors
/// When the database does.
pub async fn count_members(db: Db<'_>, id: &OrganizationId) -> Result<i64> {
    const COUNT: &str = "SELECT COUNT(*) FROM organization_member WHERE organization_id = $1";
    let (count,): (i64,) =
        on!(db, |c| sqlx::query_as(COUNT).bind(id.as_str()).fetch_one(c).await?);
    Ok(count)
}

/// The organizations of a user, oldest first, from `offset` on.
///
/// # Errors
/// When the database does.
pub async fn of_user(
    db: Db<'_>,
    user: &UserId,
    offset: i64,
    limit: i64,
) -> Result<Vec<Organization>> {
    const LIST: &str = "SELECT id, name, display_name, branding, metadata FROM organization
        JOIN organization_member ON organization_member.organization_id = organization.id
        WHERE organization_member.user_id = $1
        ORDER BY created_at, id LIMIT $2 OFFSET $3";
    let rows: Vec<Row> = on!(db, |c| sqlx::query_as(LIST)
        .bind(user.as_str())
        .bind(limit)
        .bind(offset)
        .fetch_all(c)
        .await?);
    rows.into_iter().map(TryInto::try_into).collect()
}

/// How many organizations a user is a member of.
///
/// # Errors
/// When the database does.
pub async fn count_of_user(db: Db<'_>, user: &UserId) -> Result<i64> {
    const COUNT: &str = "SELECT COUNT(*) FROM organization_member WHERE user_id = $1";
    let (count,): (i64,) =
        on!(db, |c| sqlx::query_as(COUNT).bind(user.as_str()).fetch_one(c).await?);
    Ok(count)
}

/// Adds a member. Adding one twice is harmless. Organization and user must exist.
///
/// # Errors
/// When the database does.
pub async fn add_member(tx: &mut Tx, id: &OrganizationId, user: &UserId) -> Result<()> {
    const ADD: &str = "INSERT INTO organization_member (organization_id, user_id) VALUES ($1, $2)
        ON CONFLICT (organization_id, user_id) DO NOTHING";
    on!(tx.db(), |c| sqlx::query(ADD)
        .bind(id.as_str())
        .bind(user.as_str())
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}

/// Removes a member. Removing one that is none is harmless.
///
/// # Errors
/// When the database does.
pub async fn remove_member(tx: &mut Tx, id: &OrganizationId, user: &UserId) -> Result<()> {
    const REMOVE: &str =
        "DELETE FROM organization_member WHERE organization_id = $1 AND user_id = $2";
    on!(tx.db(), |c| sqlx::query(REMOVE)
        .bind(id.as_str())
        .bind(user.as_str())
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}
