//! Table `device_guess`: how many codes a user has tried on the activation page.

use crate::domain::{UserId, time::Timestamp};
use crate::store::{Result, Tx};

/// Counts a try before its outcome is known, so that parallel ones cannot slip through. `false`
/// when the user has no try left in this window, which ends at `window_end` if it begins now.
///
/// # Errors
/// When the database does.
pub async fn take(
    tx: &mut Tx,
    user: &UserId,
    limit: i64,
    window_end: Timestamp,
    now: Timestamp,
) -> Result<bool> {
    const TAKE: &str = "INSERT INTO device_guess (user_id, guesses, window_ends_at)
        VALUES ($1, 1, $2)
        ON CONFLICT (user_id) DO UPDATE
        SET guesses = CASE WHEN device_guess.window_ends_at <= $3 THEN 1
                           ELSE device_guess.guesses + 1 END,
            window_ends_at = CASE WHEN device_guess.window_ends_at <= $3
                                  THEN EXCLUDED.window_ends_at
                                  ELSE device_guess.window_ends_at END
        WHERE device_guess.window_ends_at <= $3 OR device_guess.guesses < $4";
    let taken = on!(tx.db(), |c| sqlx::query(TAKE)
        .bind(user.as_str())
        .bind(window_end.millis())
        .bind(now.millis())
        .bind(limit)
        .execute(c)
        .await?
        .rows_affected());
    Ok(taken == 1)
}

/// Gives a try back: the code was a good one.
///
/// # Errors
/// When the database does.
pub async fn give_back(tx: &mut Tx, user: &UserId) -> Result<()> {
    const GIVE_BACK: &str =
        "UPDATE device_guess SET guesses = guesses - 1 WHERE user_id = $1 AND guesses > 0";
    on!(tx.db(), |c| sqlx::query(GIVE_BACK).bind(user.as_str()).execute(c).await.map(|_| ())?);
    Ok(())
}
