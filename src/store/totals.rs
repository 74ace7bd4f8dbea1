//! How much there is of everything, without reading the large tables for each who asks.

use std::time::Duration;

use tokio::sync::Mutex;

use crate::domain::{
    time::Timestamp,
    user_search::{Condition, Key, Number, Search},
};
use crate::store::{
    Db, Error, Result, Store,
    budget::{self, Work},
    clients, resource_servers,
    users::search::{self, Window},
};

/// How many rows of a table are looked at to count some of them.
pub const MOST_EXAMINED: i64 = 100_000;
/// Below this number counting is so cheap that it is done for each who asks.
const FEW: i64 = 10_000;
/// Milliseconds for which larger numbers are taken to be the same.
const LASTS: i64 = 60_000;

/// A number of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    /// How many were counted.
    pub count: i64,
    /// Whether there may be more.
    pub at_least: bool,
}

/// How much there is of everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// Users.
    pub users: Total,
    /// Applications, without the global one.
    pub applications: Total,
    /// APIs.
    pub apis: Total,
    /// Refresh-token families that are not revoked and before their absolute end.
    pub families: Total,
    /// Sessions that are before both of their ends.
    pub sessions: Total,
    /// When they were counted.
    pub counted_at: Timestamp,
}

impl Totals {
    fn is_cheap(&self) -> bool {
        let all = [self.users, self.applications, self.apis, self.families, self.sessions];
        all.iter().all(|total| total.count < FEW && !total.at_least)
    }
}

/// The last totals that were not cheap to count. Who comes while they are counted waits for them.
pub type Last = Mutex<Option<Totals>>;

/// How much there is: exact as long as that is cheap, then a minute old at most, and of very much
/// that there is at least so much. Each count is stopped after `budget`.
///
/// # Errors
/// [`Error::TimedOut`], or when the database does.
pub async fn read(store: &Store, budget: Duration, now: Timestamp) -> Result<Totals> {
    let mut last = store.totals.lock().await;
    if let Some(totals) = *last
        && (0..LASTS).contains(&now.millis_since(totals.counted_at))
    {
        return Ok(totals);
    }
    let users = users(store, budget, now).await?;
    let (applications, apis) = {
        let mut conn = store.read().await?;
        let filter = clients::Filter { is_global: Some(false), ..clients::Filter::default() };
        (clients::count(conn.db(), &filter).await?, resource_servers::count(conn.db()).await?)
    };
    let exact = |count| Total { count, at_least: false };
    let (families, sessions) = budget::run(store, budget, true, move |db| live(db, now)).await?;
    let totals = Totals {
        users,
        applications: exact(applications),
        apis: exact(apis),
        families,
        sessions,
        counted_at: now,
    };
    *last = (!totals.is_cheap()).then_some(totals);
    Ok(totals)
}

async fn users(store: &Store, budget: Duration, now: Timestamp) -> Result<Total> {
    let everybody = Search {
        condition: Condition::All(Vec::new()),
        key: Key::Number(Number::CreatedAt),
        is_descending: false,
    };
    let window = Window { offset: 0, limit: 1, totals: true };
    match search::find(store, everybody, window, budget, now).await {
        Ok(found) => Ok(Total { count: found.total, at_least: false }),
        Err(Error::TimedOut) => Ok(Total { count: search::MOST_COUNTED, at_least: true }),
        Err(error) => Err(error),
    }
}

/// The families and the sessions that are alive. An index finds those whose absolute end is to come,
/// and no more than [`MOST_EXAMINED`] of them are looked at.
fn live(mut db: Db<'_>, now: Timestamp) -> Work<'_, (Total, Total)> {
    const ENDING_FAMILIES: &str = "SELECT COUNT(*),
        CAST(COALESCE(SUM(CASE WHEN revoked_at IS NULL THEN 1 ELSE 0 END), 0) AS BIGINT)
        FROM (SELECT revoked_at FROM refresh_token_family WHERE expires_at > $1 LIMIT $2)
        AS counted";
    const ENDLESS_FAMILIES: &str = "SELECT COUNT(*),
        CAST(COALESCE(SUM(CASE WHEN revoked_at IS NULL THEN 1 ELSE 0 END), 0) AS BIGINT)
        FROM (SELECT revoked_at FROM refresh_token_family WHERE expires_at IS NULL LIMIT $1)
        AS counted";
    const SESSIONS: &str = "SELECT COUNT(*),
        CAST(COALESCE(SUM(CASE WHEN idle_expires_at > $1 THEN 1 ELSE 0 END), 0) AS BIGINT)
        FROM (SELECT idle_expires_at FROM session WHERE expires_at > $1 LIMIT $2) AS counted";
    Box::pin(async move {
        let ending: (i64, i64) = on!(db.reborrow(), |c| sqlx::query_as(ENDING_FAMILIES)
            .bind(now.millis())
            .bind(MOST_EXAMINED)
            .fetch_one(c)
            .await?);
        let endless: (i64, i64) = on!(db.reborrow(), |c| sqlx::query_as(ENDLESS_FAMILIES)
            .bind(MOST_EXAMINED)
            .fetch_one(c)
            .await?);
        let sessions: (i64, i64) = on!(db, |c| sqlx::query_as(SESSIONS)
            .bind(now.millis())
            .bind(MOST_EXAMINED)
            .fetch_one(c)
            .await?);
        let total = |(examined, count)| Total { count, at_least: examined >= MOST_EXAMINED };
        let (one, other) = (total(ending), total(endless));
        let families =
            Total { count: one.count + other.count, at_least: one.at_least || other.at_least };
        Ok((families, total(sessions)))
    })
}
