//! Searching users: table `user_account` by any of its fields, `user_search_value` by metadata.
//!
//! The only statements of this room, beside a few filters, that are put together at run time: see
//! [`crate::store::compose`]. What is equal to, begins with or lies between is found by an index.
//! Other wildcards, and what excludes, may read every user; the time they may take is bounded.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{Row, UserRecord};
use crate::domain::{
    time::Timestamp,
    user_search::{Condition, Flag, Key, Match, Number, Range, Search, Text},
};
use crate::store::{
    Db, Result, Store,
    budget::{self, Work},
    compose::Composed,
};

/// How many users who match a search are counted. Nobody can page that far.
pub const MOST_COUNTED: i64 = 10_000;
/// Milliseconds for which the number of all users, once there are more than [`MOST_COUNTED`], is
/// taken to be the same.
const COUNT_LASTS: i64 = 60_000;
/// A page of a search.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Users before it.
    pub offset: i64,
    /// Users on it.
    pub limit: i64,
    /// Whether to count.
    pub totals: bool,
}

/// What a search found.
#[derive(Debug)]
pub struct Found {
    /// The users of the page.
    pub users: Vec<UserRecord>,
    /// How many there are on all pages: [`MOST_COUNTED`] stands for more, except when everybody was
    /// asked for, who are counted once a minute then. 0 when nobody asked.
    pub total: i64,
}

/// Runs a search for at most `budget` per statement. It runs to that end even if the caller goes
/// away, and no more than a few do so at a time.
///
/// # Errors
/// [`crate::store::Error::TimedOut`], or when the database does.
pub async fn find(
    store: &Store,
    search: Search,
    window: Window,
    budget: Duration,
    now: Timestamp,
) -> Result<Found> {
    let is_everybody = search.condition == Condition::All(Vec::new());
    let everybody = is_everybody.then(|| (Arc::clone(&store.user_count), now));
    budget::run(store, budget, !is_everybody, move |db| page(db, search, window, everybody)).await
}

/// Everybody is counted with the help of the last count.
fn page(
    mut db: Db<'_>,
    search: Search,
    window: Window,
    everybody: Option<(Arc<LastCount>, Timestamp)>,
) -> Work<'_, Found> {
    Box::pin(async move {
        let users = list(db.reborrow(), &search, window.offset, window.limit).await?;
        let total = match everybody {
            _ if !window.totals => 0,
            None => count(db, &search.condition).await?,
            Some((last, now)) => count_everybody(db, &last, now).await?,
        };
        Ok(Found { users, total })
    })
}

async fn list(db: Db<'_>, search: &Search, offset: i64, limit: i64) -> Result<Vec<UserRecord>> {
    let statement = list_statement(&db, search, offset, limit);
    let rows: Vec<Row> = on!(db, |c| composed!(sqlx::query_as, statement).fetch_all(c).await?);
    rows.into_iter().map(TryInto::try_into).collect()
}

async fn count(db: Db<'_>, condition: &Condition) -> Result<i64> {
    let statement = count_statement(&db, condition);
    let (count,): (i64,) = on!(db, |c| composed!(sqlx::query_as, statement).fetch_one(c).await?);
    Ok(count)
}

/// How many users there were, and when.
pub type LastCount = Mutex<Option<(Timestamp, i64)>>;

/// Exact as long as that is cheap, then a minute old at most.
async fn count_everybody(mut db: Db<'_>, last: &LastCount, now: Timestamp) -> Result<i64> {
    const COUNT: &str = "SELECT COUNT(*) FROM user_account";
    let few = count(db.reborrow(), &Condition::All(Vec::new())).await?;
    if few < MOST_COUNTED {
        return Ok(few);
    }
    let known = *last.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((at, count)) = known
        && (0..COUNT_LASTS).contains(&now.millis_since(at))
    {
        return Ok(count);
    }
    let (count,): (i64,) = on!(db, |c| sqlx::query_as(COUNT).fetch_one(c).await?);
    *last.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, count));
    Ok(count)
}

/// The statement of a page of a search, so that its plan can be looked at.
pub fn list_statement(db: &Db<'_>, search: &Search, offset: i64, limit: i64) -> Composed {
    let mut sql = Composed::new(
        db,
        "SELECT user_id, connection, email, email_verified, username, password_hash, blocked, profile,
        user_metadata, app_metadata, logins_count, last_login, last_ip, version, created_at,
        updated_at FROM user_account",
    );
    narrow(&mut sql, &search.condition);
    order(&mut sql, search.key, search.is_descending);
    sql.page(offset, limit);
    sql
}

/// The statement that counts, so that its plan can be looked at.
pub fn count_statement(db: &Db<'_>, condition: &Condition) -> Composed {
    let mut sql = Composed::new(db, "SELECT COUNT(*) FROM (SELECT user_id FROM user_account");
    narrow(&mut sql, condition);
    sql.push(" LIMIT ").bind(MOST_COUNTED).push(") AS counted");
    sql
}

fn narrow(sql: &mut Composed, condition: &Condition) {
    if *condition != Condition::All(Vec::new()) {
        sql.condition();
        write_condition(sql, condition);
    }
}

fn order(sql: &mut Composed, key: Key, is_descending: bool) {
    sql.push(" ORDER BY ");
    let may_be_null = match key {
        Key::Text(Text::UserId) => {
            sql.push(if is_descending { "user_id DESC" } else { "user_id" });
            return;
        }
        Key::Text(text) => {
            sql.column(text_column(text));
            text != Text::Connection
        }
        Key::Number(number) => {
            sql.push(number_column(number));
            number == Number::LastLogin
        }
    };
    sql.push(match (is_descending, may_be_null) {
        (false, false) => " ASC, user_id ASC",
        (true, false) => " DESC, user_id DESC",
        (false, true) => " ASC NULLS FIRST, user_id ASC",
        (true, true) => " DESC NULLS LAST, user_id DESC",
    });
}

pub(super) fn text_column(text: Text) -> &'static str {
    match text {
        Text::UserId => "user_id",
        Text::Connection => "connection",
        Text::Email => "email",
        Text::EmailDomain => "email_domain",
        Text::Username => "username",
        Text::Name => "name_folded",
        Text::Nickname => "nickname_folded",
        Text::GivenName => "given_name_folded",
        Text::FamilyName => "family_name_folded",
        Text::PhoneNumber => "phone_number",
        Text::LastIp => "last_ip",
    }
}

fn flag_column(flag: Flag) -> &'static str {
    match flag {
        Flag::EmailVerified => "email_verified",
        Flag::PhoneVerified => "phone_verified",
        Flag::Blocked => "blocked",
    }
}

fn number_column(number: Number) -> &'static str {
    match number {
        Number::CreatedAt => "created_at",
        Number::UpdatedAt => "updated_at",
        Number::LastLogin => "last_login",
        Number::LoginsCount => "logins_count",
    }
}

/// Writes a condition in parentheses.
fn write_condition(sql: &mut Composed, condition: &Condition) {
    match condition {
        Condition::All(all) => write_joined(sql, all, " AND ", "1 = 1"),
        Condition::Any(any) => write_joined(sql, any, " OR ", "1 = 0"),
        Condition::Not(condition) => {
            sql.push("(");
            write_condition(sql, condition);
            // Unlike NOT, also for those without a value.
            sql.push(" IS NOT TRUE)");
        }
        Condition::Text(text, matches) => write_match(sql, text_column(*text), matches),
        Condition::Flag(flag, value) => {
            sql.push("(").push(flag_column(*flag)).push(" = ").bind(*value).push(")");
        }
        Condition::Number(number, range) => write_range(sql, number_column(*number), *range),
        Condition::HasText(text) => write_present(sql, text_column(*text)),
        Condition::HasFlag(flag) => write_present(sql, flag_column(*flag)),
        Condition::HasNumber(number) => write_present(sql, number_column(*number)),
        Condition::Metadata { path, value } => {
            sql.push("(user_id IN (SELECT user_id FROM user_search_value WHERE path = ")
                .bind(path.as_str())
                .push(" AND value = ")
                .bind(value.as_str())
                .push("))");
        }
        Condition::HasMetadata(path) => {
            // What comes after a dot lies before what comes after a slash.
            sql.push("(user_id IN (SELECT user_id FROM user_search_value WHERE path = ")
                .bind(path.as_str())
                .push(" OR (path >= ")
                .bind(format!("{path}.").as_str())
                .push(" AND path < ")
                .bind(format!("{path}/").as_str())
                .push(")))");
        }
        Condition::MemberOf(organization) => {
            sql.push(
                "(user_id IN (SELECT user_id FROM organization_member WHERE organization_id = ",
            )
            .bind(organization.as_str())
            .push("))");
        }
    }
}

fn write_joined(
    sql: &mut Composed,
    conditions: &[Condition],
    word: &'static str,
    of_none: &'static str,
) {
    sql.push("(");
    for (index, condition) in conditions.iter().enumerate() {
        if index > 0 {
            sql.push(word);
        }
        write_condition(sql, condition);
    }
    if conditions.is_empty() {
        sql.push(of_none);
    }
    sql.push(")");
}

fn write_present(sql: &mut Composed, column: &'static str) {
    sql.push("(").push(column).push(" IS NOT NULL)");
}

/// Tests joined by `AND`; of none, that there is a value. `IS NOT NULL` beside a comparison would
/// be true anyway, and SQLite would take it for the other end of a range.
struct Tests<'a> {
    sql: &'a mut Composed,
    column: &'static str,
    are_any: bool,
}

impl<'a> Tests<'a> {
    fn of(sql: &'a mut Composed, column: &'static str) -> Self {
        sql.push("(");
        Self { sql, column, are_any: false }
    }
    fn next(&mut self) -> &mut Composed {
        if self.are_any {
            self.sql.push(" AND ");
        }
        self.are_any = true;
        self.sql
    }
    fn by_bytes(&mut self, test: &'static str, value: &str) {
        let column = self.column;
        self.next().column(column).push(test).bind(value);
    }
    fn end(self) {
        if !self.are_any {
            self.sql.push(self.column).push(" IS NOT NULL");
        }
        self.sql.push(")");
    }
}

fn write_range(sql: &mut Composed, column: &'static str, range: Range) {
    let mut tests = Tests::of(sql, column);
    for (test, end) in [(" >= ", range.from), (" < ", range.before)] {
        if let Some(end) = end {
            tests.next().push(column).push(test).bind(end);
        }
    }
    tests.end();
}

fn write_match(sql: &mut Composed, column: &'static str, matches: &Match) {
    let mut tests = Tests::of(sql, column);
    match matches {
        Match::Is(text) => tests.by_bytes(" = ", text),
        Match::Between(from, to) => {
            for (edge, within, beyond) in [(from, " >= ", " > "), (to, " <= ", " < ")] {
                if let Some(edge) = edge {
                    tests.by_bytes(if edge.inclusive { within } else { beyond }, &edge.text);
                }
            }
        }
        Match::Pieces(pieces) => {
            let begins = pieces.first().map_or("", String::as_str);
            if !begins.is_empty() {
                tests.by_bytes(" >= ", begins);
                if let Some(end) = after_all_that_begin_with(begins) {
                    tests.by_bytes(" < ", &end);
                }
            }
            if pieces.iter().skip(1).any(|piece| !piece.is_empty()) || pieces.len() > 2 {
                let pattern = pattern(pieces);
                tests.next().push(column).push(" LIKE ").bind(pattern.as_str());
                tests.sql.push(" ESCAPE '!'");
            }
        }
    }
    tests.end();
}

/// A pattern for `LIKE … ESCAPE '!'`.
fn pattern(pieces: &[String]) -> String {
    let escaped = pieces.iter().map(|piece| {
        let mut text = String::new();
        for c in piece.chars() {
            if matches!(c, '%' | '_' | '!') {
                text.push('!');
            }
            text.push(c);
        }
        text
    });
    escaped.collect::<Vec<_>>().join("%")
}

/// The least text, in the order of bytes, that is greater than all that begin with `text`.
pub(super) fn after_all_that_begin_with(text: &str) -> Option<String> {
    let mut characters: Vec<char> = text.chars().collect();
    while let Some(last) = characters.pop() {
        let next = u32::from(last) + 1;
        // Between these lie no characters.
        let next = if next == 0xd800 { 0xe000 } else { next };
        if let Some(next) = char::from_u32(next) {
            characters.push(next);
            return Some(characters.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_has_an_end_in_the_order_of_bytes() {
        for (text, end) in [
            ("a", Some("b")),
            ("jo", Some("jp")),
            ("\u{d7ff}", Some("\u{e000}")),
            ("a\u{10ffff}", Some("b")),
            ("\u{10ffff}", None),
        ] {
            assert_eq!(after_all_that_begin_with(text).as_deref(), end, "{text}");
        }
        let pieces = ["a%".to_owned(), "_!".to_owned(), String::new()];
        assert_eq!(pattern(&pieces), "a!%%!_!!%");
    }
}
