//! `GET /stats/activity`: how often what happened, over time.

use axum::{Json, extract::State};
use serde_json::{Map, Value, json};

use crate::domain::{
    audit::types::Kind,
    time::{Timestamp, Written},
};
use crate::http::{App, error::management::ManagementError, management::query::Query};
use crate::store::hourly_counts::{self, HOUR};

/// The parameters.
pub const PARAMETERS: &[&str] = &["from", "to", "interval"];
/// What a bucket can be.
pub const INTERVALS: &[&str] = &["hour", "day"];
/// The most buckets that are answered.
const MOST_BUCKETS: i64 = 1000;

/// Equal parts of time, each beginning at a full hour or day (UTC).
struct Buckets {
    interval: &'static str,
    hours: i64,
    first: i64,
    last: i64,
}

impl Buckets {
    /// Those from that of `from` to that of `to`: unless asked, the last day by hours or the last
    /// thirty by days.
    fn read(query: &Query, now: Timestamp) -> Result<Self, ManagementError> {
        let is_by_day = query.one_of("interval", INTERVALS)? == Some("day");
        let (interval, hours, usual) = if is_by_day { ("day", 24, 30) } else { ("hour", 1, 24) };
        let number = |at: Timestamp| at.millis().div_euclid(HOUR * hours);
        let last = moment(query, "to")?.map_or(number(now), number);
        let first = moment(query, "from")?.map_or(last - usual + 1, number);
        if first > last || last - first >= MOST_BUCKETS {
            return Err(ManagementError::invalid_query(format!(
                "Query validation error: 'from' must be before 'to', and at most {MOST_BUCKETS} \
                 {interval}s."
            )));
        }
        Ok(Self { interval, hours, first, last })
    }

    fn start(&self, number: i64) -> Value {
        json!(Timestamp::from_millis(number * self.hours * HOUR).iso8601())
    }
}

fn moment(query: &Query, name: &str) -> Result<Option<Timestamp>, ManagementError> {
    let Some(text) = query.text(name)? else { return Ok(None) };
    Written::parse(text).map(|written| Some(written.start)).ok_or_else(|| {
        ManagementError::invalid_query(format!(
            "Query validation error: 'Object didn't pass validation for format date-time: {text}' \
             on property {name} (2026-01-31 or 2026-01-31T12:30:59Z)."
        ))
    })
}

/// `GET /stats/activity`
pub async fn activity(
    State(app): State<App>,
    query: Query,
) -> Result<Json<Value>, ManagementError> {
    query.only(&[PARAMETERS])?;
    let buckets = Buckets::read(&query, app.clock.now())?;
    let (from, until) = (buckets.first * buckets.hours, (buckets.last + 1) * buckets.hours);
    let mut conn = app.store.read().await?;
    let counts = hourly_counts::list(conn.db(), from, until, buckets.hours).await?;
    let bucket = |number: i64| {
        let mut members = Map::from_iter([("date".to_owned(), buckets.start(number))]);
        for kind in Kind::ALL {
            let n = counts.get(&(number, *kind)).copied().unwrap_or(0);
            members.insert(kind.as_str().to_owned(), n.into());
        }
        Value::Object(members)
    };
    Ok(Json(json!({
        "interval": buckets.interval,
        "from": buckets.start(buckets.first),
        "to": buckets.start(buckets.last + 1),
        "buckets": (buckets.first..=buckets.last).map(bucket).collect::<Vec<_>>(),
    })))
}
