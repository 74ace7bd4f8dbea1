//! Table `audit`.

use crate::domain::{ClientId, UserId, audit::AuditEvent, time::Timestamp};
use crate::store::{Db, Result, Tx};

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
    /// JSON; ids only.
    pub details: String,
}

/// Adds an event to the transaction of what it tells.
///
/// # Errors
/// When the database does.
pub async fn insert(tx: &mut Tx, event: &AuditEvent) -> Result<()> {
    const INSERT: &str = "INSERT INTO audit (id, date, type, client_id, user_id, details)
        VALUES ($1, $2, $3, $4, $5, $6)";
    on!(tx.db(), |c| sqlx::query(INSERT)
        .bind(event.id.as_str())
        .bind(event.date.millis())
        .bind(event.code)
        .bind(event.client_id.as_ref().map(ClientId::as_str))
        .bind(event.user_id.as_ref().map(UserId::as_str))
        .bind(event.details.to_string())
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}

/// The newest events, at most `limit`.
///
/// # Errors
/// When the database does.
pub async fn newest(db: Db<'_>, limit: i64) -> Result<Vec<AuditRow>> {
    const NEWEST: &str = "SELECT id, date, type, client_id, user_id, details
        FROM audit ORDER BY date DESC, id DESC LIMIT $1";
    type Row = (String, i64, String, Option<String>, Option<String>, String);
    let rows: Vec<Row> = on!(db, |c| sqlx::query_as(NEWEST).bind(limit).fetch_all(c).await?);
    let events = rows.into_iter().map(|(id, date, event, client, user, details)| AuditRow {
        id,
        date: Timestamp::from_millis(date),
        event,
        client_id: client.map(ClientId::new),
        user_id: user.map(UserId::new),
        details,
    });
    Ok(events.collect())
}
