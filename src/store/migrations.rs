//! The schema, one file per change in `migrations/sqlite` and `migrations/postgres`. A name that is
//! missing in one of them does not compile.

use sqlx::{
    SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

use crate::store::{Db, Result, dialect};

type Entry = (i64, &'static str, &'static str, &'static str);

/// One file in each of the two folders.
macro_rules! migration {
    ($version:literal, $name:literal, $file:literal) => {
        (
            $version,
            $name,
            include_str!(concat!("../../migrations/sqlite/", $file)),
            include_str!(concat!("../../migrations/postgres/", $file)),
        )
    };
}

/// `(version, description, sqlite, postgres)`, oldest first. An applied file is never edited;
/// expand in one release, contract in a later one.
const MIGRATIONS: &[Entry] = &[
    migration!(1, "init", "0001_init.sql"),
    migration!(2, "family details", "0002_family_details.sql"),
    migration!(3, "audit columns", "0003_audit_columns.sql"),
    migration!(4, "device code", "0004_device_code.sql"),
    migration!(5, "passwordless code", "0005_passwordless_code.sql"),
    migration!(6, "client credentials", "0006_client_credentials.sql"),
    migration!(7, "pushed request", "0007_pushed_request.sql"),
    migration!(8, "dpop", "0008_dpop.sql"),
    migration!(9, "logout", "0009_logout.sql"),
    migration!(10, "signing algorithms", "0010_signing_algorithms.sql"),
    migration!(11, "tickets", "0011_tickets.sql"),
    migration!(12, "tenant settings", "0012_tenant_settings.sql"),
    migration!(13, "roles", "0013_roles.sql"),
    migration!(14, "signing key rotation", "0014_signing_key_rotation.sql"),
    migration!(15, "connections", "0015_connections.sql"),
    migration!(16, "jobs", "0016_jobs.sql"),
    migration!(17, "accounts", "0017_accounts.sql"),
    migration!(18, "search", "0018_search.sql"),
    migration!(19, "global client", "0019_global_client.sql"),
    migration!(20, "attack protection", "0020_attack_protection.sql"),
    migration!(21, "actions", "0021_actions.sql"),
    migration!(22, "rules", "0022_rules.sql"),
    migration!(23, "post login", "0023_post_login.sql"),
    migration!(24, "shortened refresh tokens", "0024_shortened_refresh_tokens.sql"),
    migration!(26, "find by name", "0026_find_by_name.sql"),
    migration!(28, "hourly count", "0028_hourly_count.sql"),
    migration!(29, "families and devices", "0029_families_and_devices.sql"),
    migration!(31, "login failures", "0031_login_failures.sql"),
];

pub(super) fn sqlite() -> Migrator {
    migrator(|(version, name, sql, _)| (*version, *name, *sql))
}

pub(super) fn postgres() -> Migrator {
    migrator(|(version, name, _, sql)| (*version, *name, *sql))
}

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

/// Whether this release has migrations that a database does not. Never of a new one.
pub(super) async fn are_pending(mut db: Db<'_>) -> Result<bool> {
    const APPLIED: &str = "SELECT version FROM _sqlx_migrations WHERE success";
    if !dialect::has_migrations_table(db.reborrow()).await? {
        return Ok(false);
    }
    let applied: Vec<(i64,)> = on!(db, |c| sqlx::query_as(APPLIED).fetch_all(c).await?);
    let is_missing = |entry: &Entry| !applied.contains(&(entry.0,));
    Ok(!applied.is_empty() && MIGRATIONS.iter().any(is_missing))
}
