//! Table `audit`.

use crate::domain::{ClientId, UserId, audit::AuditEvent, time::Timestamp};
use crate::store::{Db, Error, Result, Tx, decode};

/// An event as it is kept.
#[derive(Debug, Clone)]
pub struct AuditRow {
    /// Unique, and sorted by time.
    pub id: String,
    /// When.
    pub date: Timestamp,
    /// The event's code, e.g. `ferrt`.
    pub event: String,
    /// The application, if one is known.
    pub client_id: Option<ClientId>,
    /// The user, if one is known.
    pub user_id: Option<UserId>,
    /// The audience of the token that was issued.
    pub audience: Option<String>,
    /// The scope of the token that was issued.
    pub scope: Option<String>,
    /// The address of the caller.
    pub ip: Option<String>,
    /// What the caller's program calls itself.
    pub user_agent: Option<String>,
    /// JSON; ids only.
    pub details: serde_json::Value,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    date: i64,
    #[sqlx(rename = "type")]
    event: String,
    client_id: Option<String>,
    user_id: Option<String>,
    audience: Option<String>,
    scope: Option<String>,
    ip: Option<String>,
    user_agent: Option<String>,
    details: String,
}

impl TryFrom<Row> for AuditRow {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.id,
            date: Timestamp::from_millis(row.date),
            event: row.event,
            client_id: row.client_id.map(ClientId::new),
            user_id: row.user_id.map(UserId::new),
            audience: row.audience,
            scope: row.scope,
            ip: row.ip,
            user_agent: row.user_agent,
            details: decode("audit", &row.details)?,
        })
    }
}

/// Which events. What is `None` does not narrow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// With this id.
    pub id: Option<String>,
    /// With this code.
    pub event: Option<String>,
    /// Of this application.
    pub client_id: Option<String>,
    /// Of this user.
    pub user_id: Option<String>,
    /// At this time or later.
    pub since: Timestamp,
    /// Before this time.
    pub before: Timestamp,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            id: None,
            event: None,
            client_id: None,
            user_id: None,
            since: Timestamp::from_millis(0),
            before: Timestamp::from_millis(i64::MAX),
        }
    }
}

/// Adds an event to the transaction of what it tells.
///
/// # Errors
/// When the database does.
pub async fn insert(tx: &mut Tx, event: &AuditEvent) -> Result<()> {
    const INSERT: &str = "INSERT INTO audit
        (id, date, type, client_id, user_id, audience, scope, ip, user_agent, details)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    on!(tx.db(), |c| sqlx::query(INSERT)
        .bind(event.id.as_str())
        .bind(event.date.millis())
        .bind(event.code)
        .bind(event.client_id.as_ref().map(ClientId::as_str))
        .bind(event.user_id.as_ref().map(UserId::as_str))
        .bind(event.audience.as_deref())
        .bind(event.scope.as_deref())
        .bind(event.caller.ip.as_deref())
        .bind(event.caller.user_agent.as_deref())
        .bind(event.kept_details().to_string())
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}

/// Binds a filter as `$1` to `$6`.
macro_rules! bound {
    ($query:expr, $filter:expr) => {
        $query
            .bind($filter.id.as_deref())
            .bind($filter.event.as_deref())
            .bind($filter.client_id.as_deref())
            .bind($filter.user_id.as_deref())
            .bind($filter.since.millis())
            .bind($filter.before.millis())
    };
}

/// A page of the events of a filter, newest first.
///
/// # Errors
/// When the database does.
pub async fn newest(db: Db<'_>, filter: &Filter, start: i64, limit: i64) -> Result<Vec<AuditRow>> {
    const NEWEST: &str = "SELECT id, date, type, client_id, user_id, audience, scope, ip,
        user_agent, details FROM audit
        WHERE (CAST($1 AS TEXT) IS NULL OR id = $1)
          AND (CAST($2 AS TEXT) IS NULL OR type = $2)
          AND (CAST($3 AS TEXT) IS NULL OR client_id = $3)
          AND (CAST($4 AS TEXT) IS NULL OR user_id = $4)
          AND date >= $5 AND date < $6
        ORDER BY date DESC, id DESC LIMIT $7 OFFSET $8";
    let rows: Vec<Row> = on!(db, |c| bound!(sqlx::query_as(NEWEST), filter)
        .bind(limit)
        .bind(start)
        .fetch_all(c)
        .await?);
    rows.into_iter().map(TryInto::try_into).collect()
}

/// A page of the events of a filter, oldest first.
///
/// # Errors
/// When the database does.
pub async fn oldest(db: Db<'_>, filter: &Filter, start: i64, limit: i64) -> Result<Vec<AuditRow>> {
    const OLDEST: &str = "SELECT id, date, type, client_id, user_id, audience, scope, ip,
        user_agent, details FROM audit
        WHERE (CAST($1 AS TEXT) IS NULL OR id = $1)
          AND (CAST($2 AS TEXT) IS NULL OR type = $2)
          AND (CAST($3 AS TEXT) IS NULL OR client_id = $3)
          AND (CAST($4 AS TEXT) IS NULL OR user_id = $4)
          AND date >= $5 AND date < $6
        ORDER BY date, id LIMIT $7 OFFSET $8";
    let rows: Vec<Row> = on!(db, |c| bound!(sqlx::query_as(OLDEST), filter)
        .bind(limit)
        .bind(start)
        .fetch_all(c)
        .await?);
    rows.into_iter().map(TryInto::try_into).collect()
}

/// How many events a filter has.
///
/// # Errors
/// When the database does.
pub async fn count(db: Db<'_>, filter: &Filter) -> Result<i64> {
    const COUNT: &str = "SELECT COUNT(*) FROM audit
        WHERE (CAST($1 AS TEXT) IS NULL OR id = $1)
          AND (CAST($2 AS TEXT) IS NULL OR type = $2)
          AND (CAST($3 AS TEXT) IS NULL OR client_id = $3)
          AND (CAST($4 AS TEXT) IS NULL OR user_id = $4)
          AND date >= $5 AND date < $6";
    let (total,): (i64,) = on!(db, |c| bound!(sqlx::query_as(COUNT), filter).fetch_one(c).await?);
    Ok(total)
}

/// The events whose ids come after `after` and that happened before `before`, oldest first.
///
/// # Errors
/// When the database does.
pub async fn after(
    db: Db<'_>,
    after: &str,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<AuditRow>> {
    const AFTER: &str = "SELECT id, date, type, client_id, user_id, audience, scope, ip,
        user_agent, details FROM audit
        WHERE id > $1 AND date < $2 ORDER BY id LIMIT $3";
    let rows: Vec<Row> = on!(db, |c| sqlx::query_as(AFTER)
        .bind(after)
        .bind(before.millis())
        .bind(limit)
        .fetch_all(c)
        .await?);
    rows.into_iter().map(TryInto::try_into).collect()
}
