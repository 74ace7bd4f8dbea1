//! The only file with SQL that differs between the databases.

use crate::store::{Db, Result};

/// Whether any migration has ever run.
pub(super) async fn has_migrations_table(db: Db<'_>) -> Result<bool> {
    let (found,): (bool,) = match db {
        Db::Sqlite(c) => {
            sqlx::query_as(
                "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = '_sqlx_migrations')",
            )
            .fetch_one(c)
            .await?
        }
        Db::Postgres(c) => {
            sqlx::query_as("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
                .fetch_one(c)
                .await?
        }
    };
    Ok(found)
}

/// Every column of our tables as `(table.column, nullable)`, sorted.
pub(super) async fn columns(db: Db<'_>) -> Result<Vec<(String, bool)>> {
    let rows: Vec<(String, String, bool)> = match db {
        Db::Sqlite(c) => {
            sqlx::query_as(
                r#"SELECT m.name, c.name, c."notnull" = 0 AND c.pk = 0
                   FROM sqlite_master m JOIN pragma_table_info(m.name) c
                   WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'
                     AND m.name <> '_sqlx_migrations'"#,
            )
            .fetch_all(c)
            .await?
        }
        Db::Postgres(c) => {
            sqlx::query_as(
                "SELECT table_name::text, column_name::text, is_nullable = 'YES'
                 FROM information_schema.columns
                 WHERE table_schema = current_schema() AND table_name <> '_sqlx_migrations'",
            )
            .fetch_all(c)
            .await?
        }
    };
    let mut columns: Vec<_> =
        rows.into_iter().map(|(table, column, null)| (format!("{table}.{column}"), null)).collect();
    columns.sort();
    Ok(columns)
}
