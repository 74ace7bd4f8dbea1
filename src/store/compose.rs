//! Statements whose shape depends on what is asked for: filters and searches.
//!
//! Everything else in this room is a constant. Writing one constant for every combination of
//! filters is not possible, and `$1 IS NULL OR column = $1` keeps SQLite from every index. So these
//! few are put together, in a way that no input can become SQL: text is taken as `&'static str`
//! only, and values are bound.

use crate::store::Db;

/// A value of a composed statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bound {
    /// A string.
    Text(String),
    /// A number, or a time in epoch milliseconds.
    Number(i64),
    /// `true` or `false`.
    Flag(bool),
}

impl From<&str> for Bound {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}
impl From<i64> for Bound {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}
impl From<bool> for Bound {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

/// A statement and its values.
#[derive(Debug, Clone)]
pub struct Composed {
    text: String,
    values: Vec<Bound>,
    by_bytes: &'static str,
    has_condition: bool,
}

impl Composed {
    /// Begins with `start`, for the database of `db`.
    pub fn new(db: &Db<'_>, start: &'static str) -> Self {
        // SQLite always compares byte by byte, Postgres as its locale says.
        let by_bytes = match db {
            Db::Sqlite(_) => " COLLATE BINARY",
            Db::Postgres(_) => " COLLATE \"C\"",
        };
        Self { text: start.to_owned(), values: Vec::new(), by_bytes, has_condition: false }
    }

    /// Goes on with `sql`.
    pub fn push(&mut self, sql: &'static str) -> &mut Self {
        self.text.push_str(sql);
        self
    }

    /// Goes on with a column, compared and ordered byte by byte.
    pub fn column(&mut self, name: &'static str) -> &mut Self {
        let by_bytes = self.by_bytes;
        self.push(name).push(by_bytes)
    }

    /// Goes on with a placeholder of `value`.
    pub fn bind(&mut self, value: impl Into<Bound>) -> &mut Self {
        self.values.push(value.into());
        self.text.push('$');
        self.text.push_str(&self.values.len().to_string());
        self
    }

    /// Goes on with `WHERE`, or with `AND` after the first time.
    pub fn condition(&mut self) -> &mut Self {
        let word = if self.has_condition { " AND " } else { " WHERE " };
        self.has_condition = true;
        self.push(word)
    }

    /// Narrows to the rows where `test`, which ends before its value, holds of `value`; not at all
    /// for `None`.
    pub fn only<T: Into<Bound>>(&mut self, test: &'static str, value: Option<T>) -> &mut Self {
        if let Some(value) = value {
            self.condition().push(test).bind(value);
        }
        self
    }

    /// Ends with a page.
    pub fn page(&mut self, offset: i64, limit: i64) -> &mut Self {
        self.push(" LIMIT ").bind(limit).push(" OFFSET ").bind(offset)
    }

    /// The text, with placeholders.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The values, in the order of their placeholders.
    pub fn values(&self) -> &[Bound] {
        &self.values
    }
}

/// A query of a composed statement, all values bound, for either database.
macro_rules! composed {
    ($make:path, $statement:expr) => {{
        let mut query = $make(sqlx::AssertSqlSafe($statement.text().to_owned()));
        for value in $statement.values() {
            query = match value {
                $crate::store::compose::Bound::Text(text) => query.bind(text.clone()),
                $crate::store::compose::Bound::Number(number) => query.bind(*number),
                $crate::store::compose::Bound::Flag(flag) => query.bind(*flag),
            };
        }
        // Searches come in too many shapes to keep one prepared for each.
        query.persistent(false)
    }};
}
