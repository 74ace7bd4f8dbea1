//! Table `audit`.

use std::time::Duration;

use crate::domain::{ClientId, UserId, audit::AuditEvent, time::Timestamp};
use crate::store::{
    Db, Error, Result, Store, Tx,
    budget::{self, Work},
    compose::Composed,
    decode, dialect,
};

/// An event as it is kept.
#[derive(Debug, Clone)]
pub struct AuditRow {
    /// Unique, and sorted by time.
    pub id: String,
    /// When.
    pub date: Timestamp,
    /// The event's code, e.g. `ferrt`.
    pub event: String,
    /// The application, if one is known.
    pub client_id: Option<ClientId>,
    /// The user, if one is known.
    pub user_id: Option<UserId>,
    /// The audience of the token that was issued.
    pub audience: Option<String>,
    /// The scope of the token that was issued.
    pub scope: Option<String>,
    /// The address of the caller.
    pub ip: Option<String>,
    /// What the caller's program calls itself.
    pub user_agent: Option<String>,
    /// JSON; ids only.
    pub details: serde_json::Value,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    date: i64,
    #[sqlx(rename = "type")]
    event: String,
    client_id: Option<String>,
    user_id: Option<String>,
    audience: Option<String>,
    scope: Option<String>,
    ip: Option<String>,
    user_agent: Option<String>,
    details: String,
}

impl TryFrom<Row> for AuditRow {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.id,
            date: Timestamp::from_millis(row.date),
            event: row.event,
            client_id: row.client_id.map(ClientId::new),
            user_id: row.user_id.map(UserId::new),
            audience: row.audience,
            scope: row.scope,
            ip: row.ip,
            user_agent: row.user_agent,
            details: decode("audit", &row.details)?,
        })
    }
}

/// Which events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Those of all of these; of none: every event.
    All(Vec<Condition>),
    /// Those of any of these; of none: no event.
    Any(Vec<Condition>),
    /// The others, also those without such a member.
    Not(Box<Condition>),
    /// The one with this id.
    Id(String),
    /// Of this code.
    Event(String),
    /// Of this application.
    Client(String),
    /// Of this user.
    User(String),
    /// From this address.
    Ip(String),
    /// At the first time or later, and before the second one.
    Date(Timestamp, Timestamp),
}

impl Condition {
    fn write(&self, sql: &mut Composed) {
        let equal = |sql: &mut Composed, test, value: &str| {
            sql.push("(").push(test).bind(value).push(")");
        };
        match self {
            Self::All(all) => Self::write_joined(sql, all, " AND ", "1 = 1"),
            Self::Any(any) => Self::write_joined(sql, any, " OR ", "1 = 0"),
            Self::Not(condition) => {
                sql.push("(");
                condition.write(sql);
                sql.push(" IS NOT TRUE)");
            }
            Self::Id(id) => equal(sql, "id = ", id),
            Self::Event(code) => equal(sql, "type = ", code),
            Self::Client(id) => equal(sql, "client_id = ", id),
            Self::User(id) => equal(sql, "user_id = ", id),
            Self::Ip(address) => equal(sql, "ip = ", address),
            Self::Date(since, before) => {
                sql.push("(date >= ").bind(since.millis());
                sql.push(" AND date < ").bind(before.millis()).push(")");
            }
        }
    }

    fn write_joined(
        sql: &mut Composed,
        conditions: &[Self],
        word: &'static str,
        of_none: &'static str,
    ) {
        sql.push("(");
        for (index, condition) in conditions.iter().enumerate() {
            if index > 0 {
                sql.push(word);
            }
            condition.write(sql);
        }
        if conditions.is_empty() {
            sql.push(of_none);
        }
        sql.push(")");
    }

    fn narrow(&self, sql: &mut Composed) {
        if *self != Self::All(Vec::new()) {
            self.write(sql.condition());
        }
    }
}

/// Adds an event to the transaction of what it tells.
///
/// # Errors
/// When the database does.
pub async fn insert(tx: &mut Tx, event: &AuditEvent) -> Result<()> {
    insert_all(tx, &[event]).await
}

/// Adds events, in one statement.
///
/// # Errors
/// When the database does.
pub async fn insert_all(tx: &mut Tx, events: &[&AuditEvent]) -> Result<()> {
    match events {
        [] => Ok(()),
        events => dialect::insert_events(tx.db(), events).await,
    }
}

/// How many events of a search are counted. Nobody can page that far.
pub const MOST_COUNTED: i64 = 10_000;

/// A page of a search.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Events before it.
    pub offset: i64,
    /// Events on it.
    pub limit: i64,
    /// Whether the oldest come first.
    pub is_ascending: bool,
    /// Whether to count.
    pub totals: bool,
}

/// A page of the events of a condition, and how many there are on all pages, [`MOST_COUNTED`] for
/// more, if that was asked. Each statement is stopped after `budget`.
///
/// # Errors
/// [`Error::TimedOut`], or when the database does.
pub async fn search(
    store: &Store,
    condition: Condition,
    window: Window,
    budget: Duration,
) -> Result<(Vec<AuditRow>, i64)> {
    let is_long = condition != Condition::All(Vec::new());
    budget::run(store, budget, is_long, move |db| page(db, condition, window)).await
}

fn page(mut db: Db<'_>, condition: Condition, window: Window) -> Work<'_, (Vec<AuditRow>, i64)> {
    Box::pin(async move {
        let sql = page_statement(&db, &condition, window);
        let rows: Vec<Row> =
            on!(db.reborrow(), |c| composed!(sqlx::query_as, sql).fetch_all(c).await?);
        let rows = rows.into_iter().map(TryInto::try_into).collect::<Result<_>>()?;
        if !window.totals {
            return Ok((rows, 0));
        }
        let sql = count_statement(&db, &condition);
        let (total,): (i64,) = on!(db, |c| composed!(sqlx::query_as, sql).fetch_one(c).await?);
        Ok((rows, total))
    })
}

/// The statement of a page of [`search`], so that its plan can be looked at.
pub fn page_statement(db: &Db<'_>, condition: &Condition, window: Window) -> Composed {
    let mut sql = Composed::new(
        db,
        "SELECT id, date, type, client_id, user_id, audience, scope, ip, user_agent, details
        FROM audit",
    );
    condition.narrow(&mut sql);
    let ascending = " ORDER BY date, id";
    sql.push(if window.is_ascending { ascending } else { " ORDER BY date DESC, id DESC" });
    sql.page(window.offset, window.limit);
    sql
}

/// The statement that counts, so that its plan can be looked at.
pub fn count_statement(db: &Db<'_>, condition: &Condition) -> Composed {
    let mut sql = Composed::new(db, "SELECT COUNT(*) FROM (SELECT id FROM audit");
    condition.narrow(&mut sql);
    sql.push(" LIMIT ").bind(MOST_COUNTED).push(") AS counted");
    sql
}

/// The event with this id.
///
/// # Errors
/// When the database does.
pub async fn find(db: Db<'_>, id: &str) -> Result<Option<AuditRow>> {
    const FIND: &str = "SELECT id, date, type, client_id, user_id, audience, scope, ip,
        user_agent, details FROM audit WHERE id = $1";
    let row: Option<Row> = on!(db, |c| sqlx::query_as(FIND).bind(id).fetch_optional(c).await?);
    row.map(TryInto::try_into).transpose()
}

/// The events whose ids come after `after` and that happened before `before`, oldest first.
///
/// # Errors
/// When the database does.
pub async fn after(
    db: Db<'_>,
    after: &str,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<AuditRow>> {
    const AFTER: &str = "SELECT id, date, type, client_id, user_id, audience, scope, ip,
        user_agent, details FROM audit
        WHERE id > $1 AND date < $2 ORDER BY id LIMIT $3";
    let rows: Vec<Row> = on!(db, |c| sqlx::query_as(AFTER)
        .bind(after)
        .bind(before.millis())
        .bind(limit)
        .fetch_all(c)
        .await?);
    rows.into_iter().map(TryInto::try_into).collect()
}
