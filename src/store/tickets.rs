//! Table `ticket`.

use crate::domain::{
    UserId,
    ticket::{TicketHolder, TicketKind},
    time::Timestamp,
};
use crate::store::{Db, Result, Tx};

/// Adds a ticket, unless the user has `most` working ones of its kind. `false` when so.
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
               WHERE user_id = $3 AND kind = $2 AND expires_at > $5) < $7";
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
    const FIND: &str = "SELECT user_id, email FROM ticket
        WHERE ticket_hash = $1 AND kind = $2 AND expires_at > $3";
    let found: Option<(String, String)> = on!(db, |c| sqlx::query_as(FIND)
        .bind(ticket_hash)
        .bind(kind.as_str())
        .bind(now.millis())
        .fetch_optional(c)
        .await?);
    Ok(found.map(|(user_id, email)| TicketHolder { user_id: UserId::new(user_id), email }))
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
    const SPEND: &str = "DELETE FROM ticket
        WHERE ticket_hash = $1 AND kind = $2 AND expires_at > $3";
    let spent = on!(tx.db(), |c| sqlx::query(SPEND)
        .bind(ticket_hash)
        .bind(kind.as_str())
        .bind(now.millis())
        .execute(c)
        .await?
        .rows_affected());
    Ok(spent == 1)
}

/// Removes every other ticket of this kind: what it was for is done.
///
/// # Errors
/// When the database does.
pub async fn delete_of_user(tx: &mut Tx, user: &UserId, kind: TicketKind) -> Result<()> {
    const DELETE: &str = "DELETE FROM ticket WHERE user_id = $1 AND kind = $2";
    on!(tx.db(), |c| sqlx::query(DELETE)
        .bind(user.as_str())
        .bind(kind.as_str())
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}
