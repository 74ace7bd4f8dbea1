//! Table `hourly_count`: how often what happened, by hour (UTC). It stays true when the audit trail
//! is swept. What a node has counted and not yet written when it dies is lost.

use std::collections::BTreeMap;

use crate::domain::{audit::types::Kind, time::Timestamp};
use crate::store::{Db, Result, Tx};

/// Milliseconds of an hour.
pub const HOUR: i64 = 3_600_000;

/// How often what happened, by the number of the hour and the name of the kind.
pub type Counts = BTreeMap<(i64, &'static str), i64>;

/// The number of the hour of `at`.
pub const fn hour_of(at: Timestamp) -> i64 {
    at.millis().div_euclid(HOUR)
}

/// Adds counts. Their order is the same on all nodes, so that no two wait for each other; call it
/// last in a transaction, so that no other waits long.
///
/// # Errors
/// When the database does.
pub async fn add(tx: &mut Tx, counts: &Counts) -> Result<()> {
    const ADD: &str = "INSERT INTO hourly_count (hour, kind, n) VALUES ($1, $2, $3)
        ON CONFLICT (hour, kind) DO UPDATE SET n = hourly_count.n + excluded.n";
    for ((hour, kind), n) in counts {
        on!(tx.db(), |c| sqlx::query(ADD)
            .bind(*hour)
            .bind(*kind)
            .bind(*n)
            .execute(c)
            .await
            .map(|_| ())?);
    }
    Ok(())
}

/// How often what happened from the hour numbered `from` until before the one numbered `until`, in
/// buckets of `hours` each, of which the number is that of the hour divided by `hours`.
///
/// # Errors
/// When the database does.
pub async fn list(
    db: Db<'_>,
    from: i64,
    until: i64,
    hours: i64,
) -> Result<BTreeMap<(i64, Kind), i64>> {
    const LIST: &str = "SELECT bucket, kind, CAST(SUM(n) AS BIGINT) FROM
        (SELECT hour / CAST($3 AS BIGINT) AS bucket, kind, n FROM hourly_count
         WHERE hour >= $1 AND hour < $2) AS counted
        GROUP BY bucket, kind";
    let rows: Vec<(i64, String, i64)> =
        on!(db, |c| sqlx::query_as(LIST).bind(from).bind(until).bind(hours).fetch_all(c).await?);
    // A newer release may count what this one does not know.
    let known = |(bucket, kind, n): (i64, String, i64)| Some(((bucket, Kind::parse(&kind)?), n));
    Ok(rows.into_iter().filter_map(known).collect())
}

/// How often something of this kind happened from the hour numbered `from` until before the one
/// numbered `until`.
///
/// # Errors
/// When the database does.
pub async fn sum(db: Db<'_>, kind: Kind, from: i64, until: i64) -> Result<i64> {
    const SUM: &str = "SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM hourly_count
        WHERE hour >= $1 AND hour < $2 AND kind = $3";
    let (sum,): (i64,) = on!(db, |c| sqlx::query_as(SUM)
        .bind(from)
        .bind(until)
        .bind(kind.as_str())
        .fetch_one(c)
        .await?);
    Ok(sum)
}
