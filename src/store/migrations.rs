//! The schema, one file per change in `migrations/sqlite` and `migrations/postgres`. A name that is
//! missing in one of them does not compile.

use sqlx::{
    SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

use crate::store::{Db, Result, dialect};

/// `(version, description, sqlite, postgres)`, oldest first. An applied file is never edited;
/// expand in one release, contract in a later one.
const MIGRATIONS: &[(i64, &str, &str, &str)] = &[
    (
        1,
        "init",
        include_str!("../../migrations/sqlite/0001_init.sql"),
        include_str!("../../migrations/postgres/0001_init.sql"),
    ),
    (
        2,
        "family details",
        include_str!("../../migrations/sqlite/0002_family_details.sql"),
        include_str!("../../migrations/postgres/0002_family_details.sql"),
    ),
    (
        3,
        "audit columns",
        include_str!("../../migrations/sqlite/0003_audit_columns.sql"),
        include_str!("../../migrations/postgres/0003_audit_columns.sql"),
    ),
    (
        9,
        "logout",
        include_str!("../../migrations/sqlite/0009_logout.sql"),
        include_str!("../../migrations/postgres/0009_logout.sql"),
    ),
];

pub(super) fn sqlite() -> Migrator {
    migrator(|(version, name, sql, _)| (*version, *name, *sql))
}

pub(super) fn postgres() -> Migrator {
    migrator(|(version, name, _, sql)| (*version, *name, *sql))
}

type Entry = (i64, &'static str, &'static str, &'static str);

fn migrator(pick: impl Fn(&Entry) -> (i64, &'static str, &'static str)) -> Migrator {
    let migrations = MIGRATIONS.iter().map(|entry| {
        let (version, name, sql) = pick(entry);
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    // A newer release may have migrated already; its expansions do not concern this one.
    migrator.set_ignore_missing(true);
    migrator
}

/// The version this release needs.
pub(super) fn newest() -> i64 {
    MIGRATIONS.iter().map(|m| m.0).max().unwrap_or(0)
}

/// The newest applied version, 0 on an empty database.
pub(super) async fn applied(mut db: Db<'_>) -> Result<i64> {
    const NEWEST: &str =
        "SELECT CAST(COALESCE(MAX(version), 0) AS BIGINT) FROM _sqlx_migrations WHERE success";
    if !dialect::has_migrations_table(db.reborrow()).await? {
        return Ok(0);
    }
    let (version,): (i64,) = on!(db, |c| sqlx::query_as(NEWEST).fetch_one(c).await?);
    Ok(version)
}
