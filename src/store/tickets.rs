//! Table `ticket`.

use crate::domain::{
    UserId,
    ticket::{DeadTicket, TicketHolder, TicketKind, TicketTerms},
    time::Timestamp,
};
use crate::store::{Db, Result, Tx, decode};

/// Adds a ticket that a person asked for, unless the user has `most` working ones of its kind that
/// were. `false` when so.
///
/// # Errors
/// When the database does.
pub async fn insert(
    tx: &mut Tx,
    ticket_hash: &[u8],
    kind: TicketKind,
    holder: &TicketHolder,
    most: i64,
    (now, expires_at): (Timestamp, Timestamp),
) -> Result<bool> {
    // Of two requests at once, the second counts what the first one adds.
    const LOCK: &str = "UPDATE user_account SET version = version WHERE user_id = $1";
    const INSERT: &str = "INSERT INTO ticket
        (ticket_hash, kind, user_id, email, created_at, expires_at)
        SELECT $1, $2, $3, $4, CAST($5 AS BIGINT), CAST($6 AS BIGINT)
        WHERE (SELECT COUNT(*) FROM ticket
               WHERE user_id = $3 AND kind = $2 AND expires_at > $5
                 AND terms IS NULL AND spent_at IS NULL) < $7";
    let user = holder.user_id.as_str();
    on!(tx.db(), |c| sqlx::query(LOCK).bind(user).execute(c).await.map(|_| ())?);
    let inserted = on!(tx.db(), |c| sqlx::query(INSERT)
        .bind(ticket_hash)
        .bind(kind.as_str())
        .bind(user)
        .bind(&holder.email)
        .bind(now.millis())
        .bind(expires_at.millis())
        .bind(most)
        .execute(c)
        .await?
        .rows_affected());
    Ok(inserted == 1)
}

/// Adds a ticket that an operator asked for, in place of those that operators asked for before: of
/// several, the newest works. Those that the person asked for stay.
///
/// # Errors
/// When the database does.
pub async fn replace(
    tx: &mut Tx,
    ticket_hash: &[u8],
    kind: TicketKind,
    holder: &TicketHolder,
    (now, expires_at): (Timestamp, Timestamp),
) -> Result<()> {
    const DELETE: &str = "DELETE FROM ticket
        WHERE user_id = $1 AND kind = $2 AND terms IS NOT NULL AND spent_at IS NULL";
    const INSERT: &str = "INSERT INTO ticket
        (ticket_hash, kind, user_id, email, terms, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let user = holder.user_id.as_str();
    let terms = serde_json::json!(holder.terms.clone().unwrap_or_default()).to_string();
    on!(tx.db(), |c| sqlx::query(DELETE)
        .bind(user)
        .bind(kind.as_str())
        .execute(c)
        .await
        .map(|_| ())?);
    on!(tx.db(), |c| sqlx::query(INSERT)
        .bind(ticket_hash)
        .bind(kind.as_str())
        .bind(user)
        .bind(&holder.email)
        .bind(terms)
        .bind(now.millis())
        .bind(expires_at.millis())
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}

/// Whose ticket this is, if it still works.
///
/// # Errors
/// When the database does.
pub async fn find(
    db: Db<'_>,
    ticket_hash: &[u8],
    kind: TicketKind,
    now: Timestamp,
) -> Result<Option<TicketHolder>> {
    const FIND: &str = "SELECT user_id, email, terms FROM ticket
        WHERE ticket_hash = $1 AND kind = $2 AND expires_at > $3 AND spent_at IS NULL";
    let found: Option<(String, String, Option<String>)> = on!(db, |c| sqlx::query_as(FIND)
        .bind(ticket_hash)
        .bind(kind.as_str())
        .bind(now.millis())
        .fetch_optional(c)
        .await?);
    let Some((user_id, email, terms)) = found else { return Ok(None) };
    let terms = terms.map(|json| decode("ticket", &json)).transpose()?;
    Ok(Some(TicketHolder { user_id: UserId::new(user_id), email, terms }))
}

/// Where a ticket was to lead that works no more, as long as it is kept.
///
/// # Errors
/// When the database does.
pub async fn find_dead(
    db: Db<'_>,
    ticket_hash: &[u8],
    kind: TicketKind,
    now: Timestamp,
) -> Result<Option<DeadTicket>> {
    const DEAD: &str = "SELECT terms, spent_at FROM ticket
        WHERE ticket_hash = $1 AND kind = $2 AND terms IS NOT NULL
          AND (spent_at IS NOT NULL OR expires_at <= $3)";
    let found: Option<(String, Option<i64>)> = on!(db, |c| sqlx::query_as(DEAD)
        .bind(ticket_hash)
        .bind(kind.as_str())
        .bind(now.millis())
        .fetch_optional(c)
        .await?);
    let Some((terms, spent_at)) = found else { return Ok(None) };
    let terms: TicketTerms = decode("ticket", &terms)?;
    let dead = |result_url| DeadTicket { result_url, was_used: spent_at.is_some() };
    Ok(terms.result_url.map(dead))
}

/// Spends a ticket. `false` for who comes second.
///
/// # Errors
/// When the database does.
pub async fn spend(
    tx: &mut Tx,
    ticket_hash: &[u8],
    kind: TicketKind,
    now: Timestamp,
) -> Result<bool> {
    const SPEND: &str = "UPDATE ticket SET spent_at = $3
        WHERE ticket_hash = $1 AND kind = $2 AND expires_at > $3 AND spent_at IS NULL";
    let spent = on!(tx.db(), |c| sqlx::query(SPEND)
        .bind(ticket_hash)
        .bind(kind.as_str())
        .bind(now.millis())
        .execute(c)
        .await?
        .rows_affected());
    Ok(spent == 1)
}

/// Removes every ticket of this kind that still works: what it was for is done.
///
/// # Errors
/// When the database does.
pub async fn delete_of_user(tx: &mut Tx, user: &UserId, kind: TicketKind) -> Result<()> {
    const DELETE: &str = "DELETE FROM ticket
        WHERE user_id = $1 AND kind = $2 AND spent_at IS NULL";
    on!(tx.db(), |c| sqlx::query(DELETE)
        .bind(user.as_str())
        .bind(kind.as_str())
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}
