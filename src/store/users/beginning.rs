//! Finding users by the beginning of what identifies them, as somebody types it: by one index after
//! the other, each read no further than the page. So a single letter is found as fast as a whole
//! address, where a condition joined by `OR` would sort everybody whom it fits.

use std::time::Duration;

use super::{
    Row,
    search::{Found, Window, after_all_that_begin_with, text_column},
};
use crate::domain::user_search::Beginning;
use crate::store::{
    Db, Result, Store,
    budget::{self, Work},
    compose::Composed,
};

/// How many users whom one beginning fits are counted. Nobody can page that far.
const MOST_COUNTED: i64 = 1000;

/// The users whom any of `beginnings` fits: those of the first beginning first, each in its order;
/// nobody twice. In one connection or in all.
///
/// # Errors
/// [`crate::store::Error::TimedOut`], or when the database does.
pub async fn find(
    store: &Store,
    beginnings: Vec<Beginning>,
    connection: Option<String>,
    window: Window,
    budget: Duration,
) -> Result<Found> {
    // Who is in a connection that few are in is found by reading those who are not.
    let may_be_long = connection.is_some();
    budget::run(store, budget, may_be_long, move |db| page(db, beginnings, connection, window))
        .await
}

fn page(
    mut db: Db<'_>,
    beginnings: Vec<Beginning>,
    connection: Option<String>,
    window: Window,
) -> Work<'_, Found> {
    Box::pin(async move {
        let connection = connection.as_deref();
        let statement = page_of_beginnings(&db, &beginnings, connection, window);
        let rows: Vec<Row> =
            on!(db.reborrow(), |c| composed!(sqlx::query_as, statement).fetch_all(c).await?);
        let users = rows.into_iter().map(TryInto::try_into).collect::<Result<_>>()?;
        if !window.totals {
            return Ok(Found { users, total: 0 });
        }
        let statement = count_of_beginnings(&db, &beginnings, connection);
        let (total,): (i64,) =
            on!(db, |c| composed!(sqlx::query_as, statement).fetch_one(c).await?);
        Ok(Found { users, total })
    })
}

/// The statement of a page, so that its plan can be looked at.
pub fn page_of_beginnings(
    db: &Db<'_>,
    beginnings: &[Beginning],
    connection: Option<&str>,
    window: Window,
) -> Composed {
    let mut sql = Composed::new(
        db,
        "SELECT user_id, connection, email, email_verified, username, password_hash, blocked, profile,
        user_metadata, app_metadata, logins_count, last_login, last_ip, version, created_at,
        updated_at FROM (SELECT user_id AS found_id, MIN(",
    );
    sql.column("place").push(") AS first_place FROM (");
    // Those before the page, too: whom two beginnings fit stands at the first.
    write_found(&mut sql, beginnings, connection, window.offset + window.limit);
    sql.push(
        ") AS held GROUP BY user_id) AS held JOIN user_account ON user_id = found_id ORDER BY ",
    );
    sql.column("first_place").push(", user_id").page(window.offset, window.limit);
    sql
}

/// The statement that counts, so that its plan can be looked at.
pub fn count_of_beginnings(
    db: &Db<'_>,
    beginnings: &[Beginning],
    connection: Option<&str>,
) -> Composed {
    let mut sql = Composed::new(db, "SELECT COUNT(DISTINCT user_id) FROM (");
    write_found(&mut sql, beginnings, connection, MOST_COUNTED);
    sql.push(") AS held");
    sql
}

/// Up to `limit` users of each beginning, with the place in the answer: the number of the beginning
/// and the text that begins so.
fn write_found(sql: &mut Composed, beginnings: &[Beginning], connection: Option<&str>, limit: i64) {
    for (index, Beginning { text, begins }) in beginnings.iter().enumerate() {
        if index > 0 {
            sql.push(" UNION ALL ");
        }
        let column = text_column(*text);
        let rank = char::from(b'a'.saturating_add(u8::try_from(index).unwrap_or(u8::MAX)));
        sql.push("SELECT user_id, place FROM (SELECT user_id, ")
            .bind(rank.to_string().as_str())
            .push(" || ")
            .push(column)
            .push(" AS place FROM user_account WHERE ")
            .column(column)
            .push(" >= ")
            .bind(begins.as_str());
        if let Some(end) = after_all_that_begin_with(begins) {
            sql.push(" AND ").column(column).push(" < ").bind(end.as_str());
        }
        if let Some(connection) = connection {
            sql.push(" AND ").column("connection").push(" = ").bind(connection);
        }
        sql.push(" ORDER BY ").column(column);
        if column != "user_id" {
            sql.push(" ASC NULLS FIRST, user_id ASC");
        }
        sql.push(" LIMIT ").bind(limit).push(") AS held");
    }
}
