//! The only file with SQL that differs between the databases.

use std::time::Duration;

use sqlx::PgConnection;

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

/// Stops each statement of the transaction after `limit`.
pub(super) async fn limit_statements(c: &mut PgConnection, limit: Duration) -> Result<()> {
    // 0 would be no limit.
    let millis = limit.as_millis().max(1).to_string();
    sqlx::query("SELECT set_config('statement_timeout', $1, true)").bind(millis).execute(c).await?;
    Ok(())
}
