//! A connection of the tests' own, beside the store.

use sqlx::{Connection, PgConnection, SqliteConnection};

use crate::support::TestApp;

/// A connection to the database of a test.
pub enum Raw {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Raw {
    pub async fn connect(app: &TestApp) -> Self {
        if app.database_url.starts_with("sqlite:") {
            Self::Sqlite(SqliteConnection::connect(&app.database_url).await.unwrap())
        } else {
            Self::Postgres(PgConnection::connect(&app.database_url).await.unwrap())
        }
    }

    /// Every column as `(table.column, nullable)`, sorted.
    pub async fn columns(&mut self) -> Vec<(String, bool)> {
        let rows: Vec<(String, String, bool)> = match self {
            Self::Sqlite(c) => sqlx::query_as(
                r#"SELECT m.name, c.name, c."notnull" = 0 AND c.pk = 0
                   FROM sqlite_master m JOIN pragma_table_info(m.name) c
                   WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'
                     AND m.name <> '_sqlx_migrations'"#,
            )
            .fetch_all(c)
            .await
            .unwrap(),
            Self::Postgres(c) => sqlx::query_as(
                "SELECT table_name::text, column_name::text, is_nullable = 'YES'
                 FROM information_schema.columns
                 WHERE table_schema = current_schema() AND table_name <> '_sqlx_migrations'",
            )
            .fetch_all(c)
            .await
            .unwrap(),
        };
        let mut columns: Vec<_> = rows
            .into_iter()
            .map(|(table, column, nullable)| (format!("{table}.{column}"), nullable))
            .collect();
        columns.sort();
        columns
    }

    /// Runs a statement; returns the rows it changed.
    pub async fn execute(&mut self, sql: &'static str) -> u64 {
        match self {
            Self::Sqlite(c) => sqlx::query(sql).execute(c).await.unwrap().rows_affected(),
            Self::Postgres(c) => sqlx::query(sql).execute(c).await.unwrap().rows_affected(),
        }
    }

    /// The one number a statement returns.
    pub async fn number(&mut self, sql: &'static str) -> i64 {
        let (number,): (i64,) = match self {
            Self::Sqlite(c) => sqlx::query_as(sql).fetch_one(c).await.unwrap(),
            Self::Postgres(c) => sqlx::query_as(sql).fetch_one(c).await.unwrap(),
        };
        number
    }
}
