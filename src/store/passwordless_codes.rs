//! Table `passwordless_code`: one row per address that a one-time code was sent to.

use crate::domain::{
    ClientId,
    passwordless::{LIFETIME, STARTS, STARTS_WINDOW, TRIES, WRONG, WRONG_WINDOW},
    time::Timestamp,
};
use crate::store::{Db, Result, Tx};

/// Puts a new code in place of the one before. `false` when the address has been sent too many.
///
/// # Errors
/// When the database does.
pub async fn start(
    tx: &mut Tx,
    address_mac: &[u8],
    client: &ClientId,
    code_mac: &[u8],
    now: Timestamp,
) -> Result<bool> {
    const START: &str = "INSERT INTO passwordless_code
        (address_mac, client_id, code_mac, code_expires_at, tries, wrong, wrong_end_at, starts,
         starts_end_at, expires_at)
        VALUES ($1, $2, $3, $4, 0, 0, $5, 1, $6, $7)
        ON CONFLICT (address_mac) DO UPDATE
        SET client_id = EXCLUDED.client_id, code_mac = EXCLUDED.code_mac,
            code_expires_at = EXCLUDED.code_expires_at, tries = 0,
            starts = CASE WHEN passwordless_code.starts_end_at <= $5 THEN 1
                          ELSE passwordless_code.starts + 1 END,
            starts_end_at = CASE WHEN passwordless_code.starts_end_at <= $5
                                 THEN EXCLUDED.starts_end_at
                                 ELSE passwordless_code.starts_end_at END,
            expires_at = EXCLUDED.expires_at
        WHERE passwordless_code.starts_end_at <= $5 OR passwordless_code.starts < $8";
    // The last try is within the lifetime, and counts for its window after that.
    let kept = LIFETIME + WRONG_WINDOW.max(STARTS_WINDOW);
    let started = on!(tx.db(), |c| sqlx::query(START)
        .bind(address_mac)
        .bind(client.as_str())
        .bind(code_mac)
        .bind(now.plus_seconds(LIFETIME).millis())
        .bind(now.millis())
        .bind(now.plus_seconds(STARTS_WINDOW).millis())
        .bind(now.plus_seconds(kept).millis())
        .bind(STARTS)
        .execute(c)
        .await?
        .rows_affected());
    Ok(started == 1)
}

/// Counts a try before its outcome is known, so that parallel ones cannot slip through. `false`
/// when there is no live code for this application, or no try left.
///
/// # Errors
/// When the database does.
pub async fn take_try(
    tx: &mut Tx,
    address_mac: &[u8],
    client: &ClientId,
    now: Timestamp,
) -> Result<bool> {
    const TAKE: &str = "UPDATE passwordless_code
        SET tries = tries + 1,
            wrong = CASE WHEN wrong_end_at <= $3 THEN 1 ELSE wrong + 1 END,
            wrong_end_at = CASE WHEN wrong_end_at <= $3 THEN $4 ELSE wrong_end_at END
        WHERE address_mac = $1 AND client_id = $2 AND code_mac IS NOT NULL
          AND code_expires_at > $3 AND tries < $5 AND (wrong_end_at <= $3 OR wrong < $6)";
    let taken = on!(tx.db(), |c| sqlx::query(TAKE)
        .bind(address_mac)
        .bind(client.as_str())
        .bind(now.millis())
        .bind(now.plus_seconds(WRONG_WINDOW).millis())
        .bind(TRIES)
        .bind(WRONG)
        .execute(c)
        .await?
        .rows_affected());
    Ok(taken == 1)
}

/// The MAC of the code that is alive for this address, if one is.
///
/// # Errors
/// When the database does.
pub async fn code_mac(db: Db<'_>, address_mac: &[u8], now: Timestamp) -> Result<Option<Vec<u8>>> {
    const CODE: &str = "SELECT code_mac FROM passwordless_code
        WHERE address_mac = $1 AND code_expires_at > $2 AND code_mac IS NOT NULL";
    let row: Option<(Vec<u8>,)> = on!(db, |c| sqlx::query_as(CODE)
        .bind(address_mac)
        .bind(now.millis())
        .fetch_optional(c)
        .await?);
    Ok(row.map(|(mac,)| mac))
}

/// Gives the try of a right code back, which something else stood in the way of.
///
/// # Errors
/// When the database does.
pub async fn give_back(tx: &mut Tx, address_mac: &[u8], code_mac: &[u8]) -> Result<()> {
    const GIVE_BACK: &str = "UPDATE passwordless_code SET tries = tries - 1, wrong = wrong - 1
        WHERE address_mac = $1 AND code_mac = $2 AND tries > 0 AND wrong > 0";
    on!(tx.db(), |c| sqlx::query(GIVE_BACK)
        .bind(address_mac)
        .bind(code_mac)
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}

/// Spends a code whose try was taken, and gives the try back. `false` when it was spent, replaced
/// or has expired: of two exchanges the database lets exactly one through.
///
/// # Errors
/// When the database does.
pub async fn consume(
    tx: &mut Tx,
    address_mac: &[u8],
    code_mac: &[u8],
    now: Timestamp,
) -> Result<bool> {
    const CONSUME: &str = "UPDATE passwordless_code
        SET code_mac = NULL, wrong = CASE WHEN wrong > 0 THEN wrong - 1 ELSE 0 END
        WHERE address_mac = $1 AND code_mac = $2 AND code_expires_at > $3";
    let consumed = on!(tx.db(), |c| sqlx::query(CONSUME)
        .bind(address_mac)
        .bind(code_mac)
        .bind(now.millis())
        .execute(c)
        .await?
        .rows_affected());
    Ok(consumed == 1)
}
