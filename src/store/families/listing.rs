//! Families as the Management API shows them.

use serde_json::{Map, Value};

use super::Row;
use crate::domain::{ClientId, FamilyId, UserId, audit::Caller, family::Family, time::Timestamp};
use crate::store::{Db, Error, Result, decode};

/// A family with what only the Management API reads.
#[derive(Debug, Clone)]
pub struct FamilyRecord {
    /// The family.
    pub family: Family,
    /// What operators noted about it.
    pub metadata: Option<Map<String, Value>>,
    /// Where the login came from.
    pub initial: Caller,
    /// Where the last exchange came from.
    pub last: Caller,
    /// Why it was revoked, as [`RevokedBy::as_str`] has it; `None` when it was not.
    pub revoked_by: Option<String>,
}

#[derive(sqlx::FromRow)]
struct RecordRow {
    #[sqlx(flatten)]
    family: Row,
    metadata: Option<String>,
    initial_ip: Option<String>,
    initial_user_agent: Option<String>,
    last_ip: Option<String>,
    last_user_agent: Option<String>,
    revoked_by: Option<String>,
}

impl TryFrom<RecordRow> for FamilyRecord {
    type Error = Error;

    fn try_from(row: RecordRow) -> Result<Self> {
        let metadata = row.metadata.map(|json| decode("refresh_token_family", &json));
        Ok(Self {
            family: row.family.try_into()?,
            metadata: metadata.transpose()?,
            initial: Caller { ip: row.initial_ip, user_agent: row.initial_user_agent },
            last: Caller { ip: row.last_ip, user_agent: row.last_user_agent },
            revoked_by: row.revoked_by,
        })
    }
}

/// The family with this id, revoked or not, with what operators noted.
///
/// # Errors
/// When the database does.
pub async fn find_record(db: Db<'_>, id: &FamilyId) -> Result<Option<FamilyRecord>> {
    const FIND: &str = "SELECT id, client_id, user_id, session_id, organization_id, audience,
        scope, login_grant, auth_time, amr, salt, generation, rotated_at, created_at,
        last_exchanged_at, expires_at, revoked_at, dpop_jkt, idle_expires_at,
        metadata, initial_ip, initial_user_agent, last_ip, last_user_agent, revoked_by
        FROM refresh_token_family WHERE id = $1";
    let row: Option<RecordRow> =
        on!(db, |c| sqlx::query_as(FIND).bind(id.as_str()).fetch_optional(c).await?);
    row.map(TryInto::try_into).transpose()
}

/// The families of a user, in one client or all, that are not revoked and before their absolute
/// end; by id, from the one after `after` on.
///
/// # Errors
/// When the database does.
pub async fn list_after(
    db: Db<'_>,
    user: &UserId,
    client: Option<&ClientId>,
    after: &str,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<FamilyRecord>> {
    const LIST: &str = "SELECT id, client_id, user_id, session_id, organization_id, audience,
        scope, login_grant, auth_time, amr, salt, generation, rotated_at, created_at,
        last_exchanged_at, expires_at, revoked_at, dpop_jkt, idle_expires_at,
        metadata, initial_ip, initial_user_agent, last_ip, last_user_agent, revoked_by
        FROM refresh_token_family
        WHERE user_id = $1 AND (CAST($2 AS TEXT) IS NULL OR client_id = $2) AND id > $3
          AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $5)
        ORDER BY id LIMIT $4";
    let rows: Vec<RecordRow> = on!(db, |c| sqlx::query_as(LIST)
        .bind(user.as_str())
        .bind(client.map(ClientId::as_str))
        .bind(after)
        .bind(limit)
        .bind(now.millis())
        .fetch_all(c)
        .await?);
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Where a page of [`list_recent`] begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    /// When the family before it was issued.
    pub created_at: Timestamp,
    /// Its id.
    pub id: String,
}

/// The families of a user, the latest first, from the one after `before` on: revoked and expired
/// ones too, unless `alive_at` leaves out those that were revoked or past their absolute end then.
///
/// # Errors
/// When the database does.
pub async fn list_recent(
    db: Db<'_>,
    user: &UserId,
    alive_at: Option<Timestamp>,
    before: Option<&Before>,
    limit: i64,
) -> Result<Vec<FamilyRecord>> {
    const RECENT: &str = "SELECT id, client_id, user_id, session_id, organization_id, audience,
        scope, login_grant, auth_time, amr, salt, generation, rotated_at, created_at,
        last_exchanged_at, expires_at, revoked_at, dpop_jkt, idle_expires_at,
        metadata, initial_ip, initial_user_agent, last_ip, last_user_agent, revoked_by
        FROM refresh_token_family
        WHERE user_id = $1 AND (created_at, id) < ($2, $3)
          AND (CAST($4 AS BIGINT) IS NULL
            OR (revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $4)))
        ORDER BY created_at DESC, id DESC LIMIT $5";
    let (created_at, id) =
        before.map_or((i64::MAX, ""), |before| (before.created_at.millis(), before.id.as_str()));
    let rows: Vec<RecordRow> = on!(db, |c| sqlx::query_as(RECENT)
        .bind(user.as_str())
        .bind(created_at)
        .bind(id)
        .bind(alive_at.map(Timestamp::millis))
        .bind(limit)
        .fetch_all(c)
        .await?);
    rows.into_iter().map(TryInto::try_into).collect()
}
