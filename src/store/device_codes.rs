//! Table `device_code`.

use crate::domain::{
    ClientId, UserId,
    audience::Audience,
    device::{Answer, Approval, DeviceAuthorization},
    scope::ScopeSet,
    time::Timestamp,
};
use crate::store::{Db, Error, Result, Tx, join_words, split_words};

#[derive(sqlx::FromRow)]
struct Row {
    client_id: String,
    audience: Option<String>,
    scope: String,
    code_challenge: Option<String>,
    state: String,
    user_id: Option<String>,
    granted_scope: Option<String>,
    auth_time: Option<i64>,
    amr: Option<String>,
    polled_at: Option<i64>,
    consumed_at: Option<i64>,
    expires_at: i64,
}

impl TryFrom<Row> for DeviceAuthorization {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let approval = (row.user_id, row.granted_scope, row.auth_time, row.amr);
        let answer = match (row.state.as_str(), approval) {
            ("pending", _) => Answer::Pending,
            ("declined", _) => Answer::Declined,
            ("approved", (Some(user), Some(scope), Some(auth_time), Some(amr))) => {
                Answer::Approved(Approval {
                    user_id: UserId::new(user),
                    scope: ScopeSet::parse(&scope),
                    auth_time: Timestamp::from_millis(auth_time),
                    amr: split_words(&amr),
                })
            }
            _ => {
                let why = "state and answer do not fit".to_owned();
                return Err(Error::Inconsistent { table: "device_code", why });
            }
        };
        Ok(Self {
            client_id: ClientId::new(row.client_id),
            audience: row.audience.map(Audience::new),
            scope: ScopeSet::parse(&row.scope),
            code_challenge: row.code_challenge,
            answer,
            polled_at: row.polled_at.map(Timestamp::from_millis),
            consumed_at: row.consumed_at.map(Timestamp::from_millis),
            expires_at: Timestamp::from_millis(row.expires_at),
        })
    }
}

/// The authorization whose device code has this SHA-256, whatever became of it.
///
/// # Errors
/// When the database does.
pub async fn find(db: Db<'_>, device_code_hash: &[u8]) -> Result<Option<DeviceAuthorization>> {
    const FIND: &str = "SELECT client_id, audience, scope, code_challenge, state, user_id,
        granted_scope, auth_time, amr, polled_at, consumed_at, expires_at
        FROM device_code WHERE device_code_hash = $1";
    let row: Option<Row> =
        on!(db, |c| sqlx::query_as(FIND).bind(device_code_hash).fetch_optional(c).await?);
    row.map(TryInto::try_into).transpose()
}

/// The authorization whose user code has this MAC, if it still waits for an answer at `now`.
///
/// # Errors
/// When the database does.
pub async fn find_pending(
    db: Db<'_>,
    user_code_mac: &[u8],
    now: Timestamp,
) -> Result<Option<DeviceAuthorization>> {
    const FIND: &str = "SELECT client_id, audience, scope, code_challenge, state, user_id,
        granted_scope, auth_time, amr, polled_at, consumed_at, expires_at
        FROM device_code WHERE user_code_mac = $1 AND state = 'pending' AND expires_at > $2";
    let row: Option<Row> = on!(db, |c| sqlx::query_as(FIND)
        .bind(user_code_mac)
        .bind(now.millis())
        .fetch_optional(c)
        .await?);
    row.map(TryInto::try_into).transpose()
}

/// Adds an authorization that waits for its answer.
///
/// # Errors
/// [`Error::Duplicate`] when another one has the same user code.
pub async fn insert(
    tx: &mut Tx,
    device_code_hash: &[u8],
    user_code_mac: &[u8],
    asked: &DeviceAuthorization,
    now: Timestamp,
) -> Result<()> {
    const INSERT: &str = "INSERT INTO device_code
        (device_code_hash, user_code_mac, client_id, audience, scope, code_challenge, state,
         created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, 'pending', $7, $8)";
    on!(tx.db(), |c| sqlx::query(INSERT)
        .bind(device_code_hash)
        .bind(user_code_mac)
        .bind(asked.client_id.as_str())
        .bind(asked.audience.as_ref().map(Audience::as_str))
        .bind(asked.scope.to_string())
        .bind(asked.code_challenge.as_deref())
        .bind(now.millis())
        .bind(asked.expires_at.millis())
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}

/// Writes a user's yes. `false` when somebody has answered already, or the code has expired.
///
/// # Errors
/// When the database does.
pub async fn approve(
    tx: &mut Tx,
    user_code_mac: &[u8],
    approval: &Approval,
    now: Timestamp,
) -> Result<bool> {
    const APPROVE: &str = "UPDATE device_code
        SET state = 'approved', user_id = $2, granted_scope = $3, auth_time = $4, amr = $5
        WHERE user_code_mac = $1 AND state = 'pending' AND expires_at > $6";
    let approved = on!(tx.db(), |c| sqlx::query(APPROVE)
        .bind(user_code_mac)
        .bind(approval.user_id.as_str())
        .bind(approval.scope.to_string())
        .bind(approval.auth_time.millis())
        .bind(join_words(&approval.amr))
        .bind(now.millis())
        .execute(c)
        .await?
        .rows_affected());
    Ok(approved == 1)
}

/// Writes a user's no. `false` when somebody has answered already, or the code has expired.
///
/// # Errors
/// When the database does.
pub async fn decline(
    tx: &mut Tx,
    user_code_mac: &[u8],
    user: &UserId,
    now: Timestamp,
) -> Result<bool> {
    const DECLINE: &str = "UPDATE device_code SET state = 'declined', user_id = $2
        WHERE user_code_mac = $1 AND state = 'pending' AND expires_at > $3";
    let declined = on!(tx.db(), |c| sqlx::query(DECLINE)
        .bind(user_code_mac)
        .bind(user.as_str())
        .bind(now.millis())
        .execute(c)
        .await?
        .rows_affected());
    Ok(declined == 1)
}

/// Notes a poll, unless one came between the two times of `not_in`. `false` when one did: of two
/// polls at once the database lets exactly one through.
///
/// # Errors
/// When the database does.
pub async fn note_poll(
    tx: &mut Tx,
    device_code_hash: &[u8],
    not_in: (Timestamp, Timestamp),
    now: Timestamp,
) -> Result<bool> {
    const NOTE: &str = "UPDATE device_code SET polled_at = $2
        WHERE device_code_hash = $1
          AND (polled_at IS NULL OR polled_at <= $3 OR polled_at > $4)";
    let noted = on!(tx.db(), |c| sqlx::query(NOTE)
        .bind(device_code_hash)
        .bind(now.millis())
        .bind(not_in.0.millis())
        .bind(not_in.1.millis())
        .execute(c)
        .await?
        .rows_affected());
    Ok(noted == 1)
}

/// Spends an approved device code. `false` when it was spent already: of two exchanges the database
/// lets exactly one through.
///
/// # Errors
/// When the database does.
pub async fn consume(tx: &mut Tx, device_code_hash: &[u8], now: Timestamp) -> Result<bool> {
    const CONSUME: &str = "UPDATE device_code SET consumed_at = $2
        WHERE device_code_hash = $1 AND state = 'approved' AND consumed_at IS NULL
          AND expires_at > $2";
    let consumed = on!(tx.db(), |c| sqlx::query(CONSUME)
        .bind(device_code_hash)
        .bind(now.millis())
        .execute(c)
        .await?
        .rows_affected());
    Ok(consumed == 1)
}
