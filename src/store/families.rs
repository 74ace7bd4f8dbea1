//! Table `refresh_token_family`.

pub mod exchange;
pub mod listing;

use serde_json::{Map, Value};

use crate::domain::{
    ClientId, FamilyId, OrganizationId, SessionId, UserId,
    audience::Audience,
    audit::Caller,
    dpop::Thumbprint,
    family::{Family, LoginGrant, RevokedBy},
    scope::ScopeSet,
    time::Timestamp,
};
use crate::store::{Db, Error, Result, Tx, decode, dialect, join_words, split_words};

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    client_id: String,
    user_id: String,
    session_id: Option<String>,
    organization_id: Option<String>,
    audience: Option<String>,
    scope: String,
    login_grant: String,
    auth_time: i64,
    amr: String,
    salt: Vec<u8>,
    generation: i64,
    rotated_at: i64,
    created_at: i64,
    last_exchanged_at: i64,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
    dpop_jkt: Option<String>,
    idle_expires_at: Option<i64>,
}

impl TryFrom<Row> for Family {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let broken =
            |why: &str| Error::Inconsistent { table: "refresh_token_family", why: why.to_owned() };
        Ok(Self {
            id: FamilyId::new(row.id),
            client_id: ClientId::new(row.client_id),
            user_id: UserId::new(row.user_id),
            session_id: row.session_id.map(SessionId::new),
            organization_id: row.organization_id.map(OrganizationId::new),
            audience: row.audience.map(Audience::new),
            scope: ScopeSet::parse(&row.scope),
            grant: LoginGrant::parse(&row.login_grant)
                .ok_or_else(|| broken("unknown login_grant"))?,
            auth_time: Timestamp::from_millis(row.auth_time),
            amr: split_words(&row.amr),
            salt: row.salt,
            generation: u32::try_from(row.generation)
                .map_err(|_| broken("generation out of range"))?,
            rotated_at: Timestamp::from_millis(row.rotated_at),
            created_at: Timestamp::from_millis(row.created_at),
            last_exchanged_at: Timestamp::from_millis(row.last_exchanged_at),
            expires_at: row.expires_at.map(Timestamp::from_millis),
            revoked_at: row.revoked_at.map(Timestamp::from_millis),
            dpop_jkt: row.dpop_jkt.map(Thumbprint::trusted),
            idle_expires_at: row.idle_expires_at.map(Timestamp::from_millis),
        })
    }
}

/// The family with this id, revoked or not.
///
/// # Errors
/// When the database does.
pub async fn find(db: Db<'_>, id: &FamilyId) -> Result<Option<Family>> {
    const FIND: &str = "SELECT id, client_id, user_id, session_id, organization_id, audience,
        scope, login_grant, auth_time, amr, salt, generation, rotated_at, created_at,
        last_exchanged_at, expires_at, revoked_at, dpop_jkt, idle_expires_at
        FROM refresh_token_family WHERE id = $1";
    let row: Option<Row> =
        on!(db, |c| sqlx::query_as(FIND).bind(id.as_str()).fetch_optional(c).await?);
    row.map(TryInto::try_into).transpose()
}

/// The last family of a user in a client, revoked or not.
///
/// # Errors
/// When the database does.
pub async fn latest(db: Db<'_>, user: &UserId, client: &ClientId) -> Result<Option<Family>> {
    const LATEST: &str = "SELECT id, client_id, user_id, session_id, organization_id, audience,
        scope, login_grant, auth_time, amr, salt, generation, rotated_at, created_at,
        last_exchanged_at, expires_at, revoked_at, dpop_jkt, idle_expires_at
        FROM refresh_token_family WHERE user_id = $1 AND client_id = $2
        ORDER BY created_at DESC, id LIMIT 1";
    let row: Option<Row> = on!(db, |c| sqlx::query_as(LATEST)
        .bind(user.as_str())
        .bind(client.as_str())
        .fetch_optional(c)
        .await?);
    row.map(TryInto::try_into).transpose()
}

/// Begins a family.
///
/// # Errors
/// When the database does.
pub async fn insert(tx: &mut Tx, family: &Family, caller: &Caller) -> Result<()> {
    const INSERT: &str = "INSERT INTO refresh_token_family
        (id, client_id, user_id, session_id, organization_id, audience, scope, login_grant,
         auth_time, amr, salt, generation, rotated_at, created_at, last_exchanged_at, expires_at,
         initial_ip, initial_user_agent, last_ip, last_user_agent, dpop_jkt, idle_expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
                $17, $18, $19, $20)";
    on!(tx.db(), |c| sqlx::query(INSERT)
        .bind(family.id.as_str())
        .bind(family.client_id.as_str())
        .bind(family.user_id.as_str())
        .bind(family.session_id.as_ref().map(SessionId::as_str))
        .bind(family.organization_id.as_ref().map(OrganizationId::as_str))
        .bind(family.audience.as_ref().map(Audience::as_str))
        .bind(family.scope.to_string())
        .bind(family.grant.as_str())
        .bind(family.auth_time.millis())
        .bind(join_words(&family.amr))
        .bind(family.salt.as_slice())
        .bind(i64::from(family.generation))
        .bind(family.rotated_at.millis())
        .bind(family.created_at.millis())
        .bind(family.last_exchanged_at.millis())
        .bind(family.expires_at.map(Timestamp::millis))
        .bind(caller.ip.as_deref())
        .bind(caller.user_agent.as_deref())
        .bind(family.dpop_jkt.as_ref().map(Thumbprint::as_str))
        .bind(family.idle_expires_at.map(Timestamp::millis))
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}

/// Brings the ends of a family forward; an end is never put off, and `None` leaves one as it is.
/// `false` when the family is revoked or there is none. The row stays locked until the transaction
/// ends.
///
/// # Errors
/// When the database does.
pub async fn shorten(
    tx: &mut Tx,
    id: &FamilyId,
    expires_at: Option<Timestamp>,
    idle_expires_at: Option<Timestamp>,
) -> Result<bool> {
    const SHORTEN: &str = "UPDATE refresh_token_family
        SET expires_at = CASE WHEN CAST($2 AS BIGINT) IS NULL OR expires_at <= $2
                THEN expires_at ELSE $2 END,
            idle_expires_at = CASE WHEN CAST($3 AS BIGINT) IS NULL OR idle_expires_at <= $3
                THEN idle_expires_at ELSE $3 END
        WHERE id = $1 AND revoked_at IS NULL";
    let shortened = on!(tx.db(), |c| sqlx::query(SHORTEN)
        .bind(id.as_str())
        .bind(expires_at.map(Timestamp::millis))
        .bind(idle_expires_at.map(Timestamp::millis))
        .execute(c)
        .await?
        .rows_affected());
    Ok(shortened == 1)
}

/// What was noted about a family.
///
/// # Errors
/// When the database does.
pub async fn metadata(db: Db<'_>, id: &FamilyId) -> Result<Option<Map<String, Value>>> {
    const METADATA: &str = "SELECT metadata FROM refresh_token_family WHERE id = $1";
    let row: Option<(Option<String>,)> =
        on!(db, |c| sqlx::query_as(METADATA).bind(id.as_str()).fetch_optional(c).await?);
    let json = row.and_then(|(json,)| json);
    json.map(|json| decode("refresh_token_family", &json)).transpose()
}

/// Revokes a family. `false` when it was revoked already.
///
/// # Errors
/// When the database does.
pub async fn revoke(tx: &mut Tx, id: &FamilyId, by: RevokedBy, now: Timestamp) -> Result<bool> {
    const REVOKE: &str = "UPDATE refresh_token_family SET revoked_at = $2, revoked_by = $3
        WHERE id = $1 AND revoked_at IS NULL";
    let revoked = on!(tx.db(), |c| sqlx::query(REVOKE)
        .bind(id.as_str())
        .bind(now.millis())
        .bind(by.as_str())
        .execute(c)
        .await?
        .rows_affected());
    Ok(revoked == 1)
}

/// Revokes every live family of a user. Returns how many.
///
/// # Errors
/// When the database does.
pub async fn revoke_of_user(
    tx: &mut Tx,
    user: &UserId,
    by: RevokedBy,
    now: Timestamp,
) -> Result<u64> {
    const REVOKE: &str = "UPDATE refresh_token_family SET revoked_at = $2, revoked_by = $3
        WHERE user_id = $1 AND revoked_at IS NULL";
    Ok(on!(tx.db(), |c| sqlx::query(REVOKE)
        .bind(user.as_str())
        .bind(now.millis())
        .bind(by.as_str())
        .execute(c)
        .await?
        .rows_affected()))
}

/// Revokes every live family of a browser session. Returns how many.
///
/// # Errors
/// When the database does.
pub async fn revoke_of_session(
    tx: &mut Tx,
    session: &SessionId,
    by: RevokedBy,
    now: Timestamp,
) -> Result<u64> {
    const REVOKE: &str = "UPDATE refresh_token_family SET revoked_at = $2, revoked_by = $3
        WHERE session_id = $1 AND revoked_at IS NULL";
    Ok(on!(tx.db(), |c| sqlx::query(REVOKE)
        .bind(session.as_str())
        .bind(now.millis())
        .bind(by.as_str())
        .execute(c)
        .await?
        .rows_affected()))
}

/// Revokes the least recently used live families of a user in a client beyond the `keep` most
/// recent ones. Returns how many. One that another transaction is just changing is left for the next
/// login: two that log in at once would each wait for what the other has locked.
///
/// # Errors
/// When the database does.
pub async fn revoke_beyond(
    tx: &mut Tx,
    user: &UserId,
    client: &ClientId,
    keep: i64,
    now: Timestamp,
) -> Result<u64> {
    const BEYOND: &str = "SELECT id FROM refresh_token_family
        WHERE user_id = $1 AND client_id = $2 AND revoked_at IS NULL
          AND (expires_at IS NULL OR expires_at > $4)
        ORDER BY last_exchanged_at DESC, id LIMIT $5 OFFSET $3";
    let beyond: Vec<(String,)> = on!(tx.db(), |c| sqlx::query_as(BEYOND)
        .bind(user.as_str())
        .bind(client.as_str())
        .bind(keep)
        .bind(now.millis())
        .bind(1000_i64)
        .fetch_all(c)
        .await?);
    if beyond.is_empty() {
        return Ok(0);
    }
    let beyond: Vec<_> = beyond.iter().map(|(id,)| id.as_str()).collect();
    dialect::revoke_unlocked(tx.db(), &beyond, RevokedBy::Limit, now).await
}

/// Why a family was revoked, as it is kept; `None` when it was not.
///
/// # Errors
/// When the database does.
pub async fn revoked_by(db: Db<'_>, id: &FamilyId) -> Result<Option<String>> {
    const REVOKED_BY: &str = "SELECT revoked_by FROM refresh_token_family WHERE id = $1";
    let row: Option<(Option<String>,)> =
        on!(db, |c| sqlx::query_as(REVOKED_BY).bind(id.as_str()).fetch_optional(c).await?);
    Ok(row.and_then(|(by,)| by))
}

/// Keeps a family as it is until the transaction ends.
///
/// # Errors
/// When the database does.
pub async fn lock(tx: &mut Tx, id: &FamilyId) -> Result<()> {
    const LOCK: &str = "UPDATE refresh_token_family SET metadata = metadata WHERE id = $1";
    on!(tx.db(), |c| sqlx::query(LOCK).bind(id.as_str()).execute(c).await.map(|_| ())?);
    Ok(())
}

/// Replaces what operators noted about a family. `false` when it is revoked or there is none.
///
/// # Errors
/// When the database does.
pub async fn set_metadata(
    tx: &mut Tx,
    id: &FamilyId,
    metadata: Option<&Map<String, Value>>,
) -> Result<bool> {
    const SET: &str = "UPDATE refresh_token_family SET metadata = $2
        WHERE id = $1 AND revoked_at IS NULL";
    let updated = on!(tx.db(), |c| sqlx::query(SET)
        .bind(id.as_str())
        .bind(metadata.map(|map| Value::Object(map.clone()).to_string()))
        .execute(c)
        .await?
        .rows_affected());
    Ok(updated == 1)
}

/// Which original audience a family to be revoked has.
#[derive(Debug, Clone, Copy)]
pub enum Issued<'a> {
    /// Whatever it is.
    ForAny,
    /// This one, `None` for those whose login named no API.
    For(Option<&'a Audience>),
}

/// Revokes the live families of a user in a client. Returns how many.
///
/// # Errors
/// When the database does.
pub async fn revoke_of_client(
    tx: &mut Tx,
    user: &UserId,
    client: &ClientId,
    issued: Issued<'_>,
    by: RevokedBy,
    now: Timestamp,
) -> Result<u64> {
    const REVOKE: &str = "UPDATE refresh_token_family SET revoked_at = $4, revoked_by = $5
        WHERE user_id = $1 AND client_id = $2
          AND (CAST($3 AS TEXT) IS NULL OR COALESCE(audience, '') = $3) AND revoked_at IS NULL";
    let audience = match issued {
        Issued::ForAny => None,
        Issued::For(audience) => Some(audience.map_or("", Audience::as_str)),
    };
    Ok(on!(tx.db(), |c| sqlx::query(REVOKE)
        .bind(user.as_str())
        .bind(client.as_str())
        .bind(audience)
        .bind(now.millis())
        .bind(by.as_str())
        .execute(c)
        .await?
        .rows_affected()))
}
