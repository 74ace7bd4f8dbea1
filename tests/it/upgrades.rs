//! Upgrades: every schema that was ever released migrates to the one of today with everything that
//! is in it, the embedded database is copied before, and a release runs on the schema of the next.

mod copies;
mod fixtures;
mod next_release;
mod write;

use std::{fs, path::PathBuf};

use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

/// The databases, as the folders of migrations and fixtures are called.
const SQLITE: &str = "sqlite";
const POSTGRES: &str = "postgres";

/// A connection to a database that no server has open.
enum Direct {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Direct {
    async fn open(url: &str) -> Self {
        if url.starts_with("sqlite:") {
            let mut c = SqliteConnection::connect(url).await.unwrap();
            // A dump is in the order of its tables, not of what refers to what.
            sqlx::query("PRAGMA foreign_keys = OFF").execute(&mut c).await.unwrap();
            Self::Sqlite(c)
        } else {
            Self::Postgres(PgConnection::connect(url).await.unwrap())
        }
    }

    /// Runs several statements.
    async fn run(&mut self, sql: &str) {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        match self {
            Self::Sqlite(c) => sql.execute(c).await.map(|_| ()),
            Self::Postgres(c) => sql.execute(c).await.map(|_| ()),
        }
        .unwrap();
    }

    /// The one column that a query returns, as texts.
    async fn texts(&mut self, sql: &str) -> Vec<String> {
        let sql = AssertSqlSafe(sql.to_owned());
        let rows: Vec<(String,)> = match self {
            Self::Sqlite(c) => sqlx::query_as(sql).fetch_all(c).await,
            Self::Postgres(c) => sqlx::query_as(sql).fetch_all(c).await,
        }
        .unwrap();
        rows.into_iter().map(|(text,)| text).collect()
    }

    async fn close(self) {
        match self {
            Self::Sqlite(c) => c.close().await,
            Self::Postgres(c) => c.close().await,
        }
        .unwrap();
    }

    /// Everything that a schema consists of, a line each. What a migration made and what was made
    /// anew must be the same lines.
    async fn schema(&mut self) -> Vec<String> {
        let mut lines = match self {
            Self::Sqlite(_) => {
                self.texts(
                    "SELECT type || ' ' || name || ' ' || COALESCE(sql, '') FROM sqlite_master
                     WHERE name NOT LIKE 'sqlite_%'",
                )
                .await
            }
            Self::Postgres(_) => {
                let mut lines = self
                    .texts(
                        "SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable,
                                          column_default)
                         FROM information_schema.columns WHERE table_schema = current_schema()",
                    )
                    .await;
                let indexes = "SELECT replace(indexdef, current_schema() || '.', '')
                               FROM pg_indexes WHERE schemaname = current_schema()";
                lines.extend(self.texts(indexes).await);
                let constraints = "SELECT concat_ws(' ', r.relname, c.conname,
                                          replace(pg_get_constraintdef(c.oid), current_schema() || '.', ''))
                                   FROM pg_constraint c JOIN pg_class r ON r.oid = c.conrelid
                                   WHERE c.connamespace = current_schema()::regnamespace";
                lines.extend(self.texts(constraints).await);
                lines
            }
        };
        lines.sort();
        lines
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The migrations of a database as `(version, name, text)`, oldest first.
fn migrations(database: &str) -> Vec<(i64, String, String)> {
    let files = fs::read_dir(root().join("migrations").join(database)).unwrap();
    let mut found: Vec<_> = files
        .map(|file| {
            let path = file.unwrap().path();
            let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let (version, name) = stem.split_once('_').unwrap();
            let text = fs::read_to_string(&path).unwrap();
            (version.parse().unwrap(), name.replace('_', " "), text)
        })
        .collect();
    found.sort();
    found
}

/// The number of the newest migration.
fn newest() -> i64 {
    migrations(SQLITE).last().unwrap().0
}
