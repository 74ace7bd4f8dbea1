//! Table `rate_bucket`: token buckets that all nodes take from. Their arithmetic is that of
//! `policy::rate`, in one guarded statement: nobody takes what somebody else has just taken.

use crate::domain::time::Timestamp;
use crate::store::{Db, Result, Store, Tx, dialect};

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Wrong passwords from an address.
    Login,
    /// New accounts from an address.
    Signup,
    /// Logins of one user from one address.
    SameUser,
    /// Calls of the Management API; counted in memory and shared.
    Management,
    /// Other requests from an address; counted in memory and shared.
    Request,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Signup => "signup",
            Self::SameUser => "same_user",
            Self::Management => "management",
            Self::Request => "request",
        }
    }
}

/// A bucket.
#[derive(Debug, Clone, Copy)]
pub struct Bucket<'a> {
    /// What is limited.
    pub kind: Kind,
    /// For whom.
    pub subject: &'a str,
}

/// What one costs and a bucket holds, and the time, all in microseconds.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// What one costs.
    pub one: i64,
    /// What a bucket holds.
    pub most: i64,
    /// Now.
    pub now: i64,
}

/// When it will be full again, in microseconds of the epoch. `None` for one that is full.
///
/// # Errors
/// When the database does.
pub async fn find(db: Db<'_>, bucket: Bucket<'_>) -> Result<Option<i64>> {
    const FIND: &str = "SELECT full_at FROM rate_bucket WHERE kind = $1 AND subject = $2";
    let found: Option<(i64,)> = on!(db, |c| sqlx::query_as(FIND)
        .bind(bucket.kind.as_str())
        .bind(bucket.subject)
        .fetch_optional(c)
        .await?);
    Ok(found.map(|(full_at,)| full_at))
}

/// Takes one. `false` when there is none.
///
/// # Errors
/// When the database does.
pub async fn take(tx: &mut Tx, bucket: Bucket<'_>, cost: Cost) -> Result<bool> {
    // More than it holds cannot be owed, unless the clock was set back or the rate was changed:
    // then it is empty.
    const TAKE: &str = "INSERT INTO rate_bucket (kind, subject, full_at)
        VALUES ($1, $2, CAST($3 AS BIGINT) + CAST($4 AS BIGINT))
        ON CONFLICT (kind, subject) DO UPDATE
        SET full_at = CASE
                WHEN rate_bucket.full_at > $3 + $5 THEN $3 + $5
                WHEN rate_bucket.full_at < $3 THEN $3 + $4
                ELSE rate_bucket.full_at + $4 END
        WHERE rate_bucket.full_at + $4 <= $3 + $5 OR rate_bucket.full_at > $3 + $5";
    let taken = on!(tx.db(), |c| sqlx::query(TAKE)
        .bind(bucket.kind.as_str())
        .bind(bucket.subject)
        .bind(cost.now)
        .bind(cost.one)
        .bind(cost.most)
        .execute(c)
        .await?
        .rows_affected());
    Ok(taken == 1)
}

/// Marks it as told to be empty, unless that was done after `before`: `false`.
///
/// # Errors
/// When the database does.
pub async fn tell(
    tx: &mut Tx,
    bucket: Bucket<'_>,
    before: Timestamp,
    now: Timestamp,
) -> Result<bool> {
    const TELL: &str = "UPDATE rate_bucket SET told_at = $3
        WHERE kind = $1 AND subject = $2 AND (told_at IS NULL OR told_at <= $4)";
    let marked = on!(tx.db(), |c| sqlx::query(TELL)
        .bind(bucket.kind.as_str())
        .bind(bucket.subject)
        .bind(now.millis())
        .bind(before.millis())
        .execute(c)
        .await?
        .rows_affected());
    Ok(marked == 1)
}

/// Fills it.
///
/// # Errors
/// When the database does.
pub async fn fill(tx: &mut Tx, bucket: Bucket<'_>) -> Result<()> {
    const FILL: &str = "DELETE FROM rate_bucket WHERE kind = $1 AND subject = $2";
    on!(tx.db(), |c| sqlx::query(FILL)
        .bind(bucket.kind.as_str())
        .bind(bucket.subject)
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}

/// Adds what was taken from buckets elsewhere, in microseconds, and returns when each is full.
/// `most` is what a bucket holds. Give the subjects in order: two replicas must lock them in one.
///
/// # Errors
/// When the database does.
pub async fn share(
    store: &Store,
    kind: Kind,
    taken: &[(String, i64)],
    (now, most): (i64, i64),
) -> Result<Vec<(String, i64)>> {
    let mut tx = store.write().await?;
    let shared = dialect::share_buckets(tx.db(), kind.as_str(), taken, (now, most)).await?;
    tx.commit().await?;
    Ok(shared)
}
