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
