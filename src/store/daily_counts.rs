//! Table `daily_count`: how often people logged in and signed up, by day (UTC). It stays true when
//! the audit trail is swept.

use crate::domain::{UserId, time::Timestamp};
use crate::store::{Db, Result, Tx};

/// Milliseconds of a day.
pub const DAY: i64 = 86_400_000;
/// Rows of a day, so that logins at once do not wait for one.
const PARTS: i64 = 16;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// A completed login.
    Login,
    /// An account that somebody created for themselves.
    Signup,
}

/// Counts what `user` did. One transaction counts for one user, so that no two wait for each other.
///
/// # Errors
/// When the database does.
pub async fn count(tx: &mut Tx, counted: Counted, user: &UserId, now: Timestamp) -> Result<()> {
    const COUNT: &str = "INSERT INTO daily_count
        (day, part, logins, signups, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $5)
        ON CONFLICT (day, part) DO UPDATE
        SET logins = daily_count.logins + excluded.logins,
            signups = daily_count.signups + excluded.signups,
            updated_at = excluded.updated_at";
    let part = user.as_str().bytes().map(i64::from).sum::<i64>() % PARTS;
    on!(tx.db(), |c| sqlx::query(COUNT)
        .bind(now.millis().div_euclid(DAY))
        .bind(part)
        .bind(i64::from(counted == Counted::Login))
        .bind(i64::from(counted == Counted::Signup))
        .bind(now.millis())
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}

/// A day on which something was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DailyCount {
    /// Its midnight.
    pub date: Timestamp,
    /// Logins.
    pub logins: i64,
    /// Accounts that people created.
    pub signups: i64,
    /// When it was first counted.
    pub created_at: Timestamp,
    /// When it was last counted.
    pub updated_at: Timestamp,
}

/// The days from that of `from` to that of `to` on which something was counted.
///
/// # Errors
/// When the database does.
pub async fn list(db: Db<'_>, from: Timestamp, to: Timestamp) -> Result<Vec<DailyCount>> {
    const LIST: &str = "SELECT day, CAST(SUM(logins) AS BIGINT), CAST(SUM(signups) AS BIGINT),
        MIN(created_at), MAX(updated_at) FROM daily_count
        WHERE day >= $1 AND day <= $2 GROUP BY day ORDER BY day";
    let rows: Vec<(i64, i64, i64, i64, i64)> = on!(db, |c| sqlx::query_as(LIST)
        .bind(from.millis().div_euclid(DAY))
        .bind(to.millis().div_euclid(DAY))
        .fetch_all(c)
        .await?);
    let read =
        |(day, logins, signups, created_at, updated_at): (i64, i64, i64, i64, i64)| DailyCount {
            date: Timestamp::from_millis(day.saturating_mul(DAY)),
            logins,
            signups,
            created_at: Timestamp::from_millis(created_at),
            updated_at: Timestamp::from_millis(updated_at),
        };
    Ok(rows.into_iter().map(read).collect())
}
