//! The only file with SQL that differs between the databases.

use std::{collections::HashSet, time::Duration};

use sqlx::SqliteConnection;

use crate::domain::{UserId, audit::AuditEvent, family::RevokedBy, time::Timestamp, user::User};
use crate::store::{
    Db, Lent, Result,
    families::exchange::{self, Advance, facts_of},
    job_errors::JobErrorRow,
    permissions::Held,
    users::{json, searchable::Columns},
};

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

/// The file that the embedded database is in; `None` for one in memory.
pub(super) async fn database_file(c: &mut SqliteConnection) -> Result<Option<String>> {
    let file = sqlx::query_as("SELECT file FROM pragma_database_list WHERE name = 'main'");
    let (file,): (Option<String>,) = file.fetch_one(c).await?;
    Ok(file.filter(|file| !file.is_empty()))
}

/// Writes a copy of the embedded database, of one moment, while it is in use.
pub(super) async fn copy_database(c: &mut SqliteConnection, path: &str) -> sqlx::Result<()> {
    sqlx::query("VACUUM INTO $1").bind(path).execute(c).await.map(|_| ())
}

/// Adds to buckets what was taken from them, and returns when each is full. The embedded database has
/// no replicas to share with.
pub(super) async fn share_buckets(
    db: Db<'_>,
    kind: &str,
    taken: &[(String, i64)],
    (now, most): (i64, i64),
) -> Result<Vec<(String, i64)>> {
    let Db::Postgres(c) = db else { return Ok(Vec::new()) };
    let (subjects, costs): (Vec<&str>, Vec<i64>) =
        taken.iter().map(|(subject, cost)| (subject.as_str(), *cost)).unzip();
    // One that is full later than can be is of a clock that was set back.
    let rows = sqlx::query_as(
        "INSERT INTO rate_bucket (kind, subject, full_at)
         SELECT $1, subject, $2 + cost FROM UNNEST($3::TEXT[], $4::BIGINT[]) AS t (subject, cost)
         ON CONFLICT (kind, subject) DO UPDATE
         SET full_at = GREATEST(LEAST(rate_bucket.full_at, $2 + $5), $2) + EXCLUDED.full_at - $2
         RETURNING subject, full_at",
    )
    .bind(kind)
    .bind(now)
    .bind(subjects)
    .bind(costs)
    .bind(most)
    .fetch_all(c)
    .await?;
    Ok(rows)
}

/// Adds the hashes of identifiers; returns those that were not there. One statement on Postgres,
/// where each costs a round trip.
pub(super) async fn insert_job_keys(
    db: Db<'_>,
    job: &str,
    keys: &[Vec<u8>],
) -> Result<HashSet<Vec<u8>>> {
    match db {
        Db::Sqlite(c) => {
            let mut new = HashSet::new();
            for key in keys {
                let inserted = sqlx::query(
                    "INSERT INTO job_key (job_id, key_hash) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                )
                .bind(job)
                .bind(key)
                .execute(&mut *c)
                .await?
                .rows_affected();
                if inserted == 1 {
                    new.insert(key.clone());
                }
            }
            Ok(new)
        }
        Db::Postgres(c) => {
            let new: Vec<(Vec<u8>,)> = sqlx::query_as(
                "INSERT INTO job_key (job_id, key_hash) SELECT $1, * FROM UNNEST($2::BYTEA[])
                 ON CONFLICT DO NOTHING RETURNING key_hash",
            )
            .bind(job)
            .bind(keys)
            .fetch_all(c)
            .await?;
            Ok(new.into_iter().map(|(key,)| key).collect())
        }
    }
}

/// Adds errors of a job. One statement on Postgres.
pub(super) async fn insert_job_errors(db: Db<'_>, job: &str, errors: &[JobErrorRow]) -> Result<()> {
    match db {
        Db::Sqlite(c) => {
            for error in errors {
                sqlx::query(
                    "INSERT INTO job_error (job_id, item, subject, errors) VALUES ($1, $2, $3, $4)",
                )
                .bind(job)
                .bind(error.item)
                .bind(&error.subject)
                .bind(&error.errors)
                .execute(&mut *c)
                .await?;
            }
        }
        Db::Postgres(c) => {
            let items: Vec<_> = errors.iter().map(|e| e.item).collect();
            let subjects: Vec<_> = errors.iter().map(|e| e.subject.as_str()).collect();
            let texts: Vec<_> = errors.iter().map(|e| e.errors.as_str()).collect();
            sqlx::query(
                "INSERT INTO job_error (job_id, item, subject, errors)
                 SELECT $1, * FROM UNNEST($2::BIGINT[], $3::TEXT[], $4::TEXT[])",
            )
            .bind(job)
            .bind(items)
            .bind(subjects)
            .bind(texts)
            .execute(c)
            .await?;
        }
    }
    Ok(())
}

/// What is said on each new connection. Postgres too must not wait for ever: who is on the other
/// side of a partition keeps no row locked, and a statement that nobody waits for any more ends.
pub(super) const LIMITS: &str = "SET lock_timeout = '5s'; SET statement_timeout = '30s';
    SET idle_in_transaction_session_timeout = '15s'; SET tcp_user_timeout = '15s';
    SET tcp_keepalives_idle = 15; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3";

/// For connections that run few statements, each of which finds its rows by their keys: they are
/// planned once, and never for a table from end to end, whatever was last known of its size.
pub(super) const PLAN_ONCE_BY_KEYS: &str = "SET plan_cache_mode = force_generic_plan;
    SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off";

/// What [`permissions_held`] asks, given the pairs of user and API that it asks about.
macro_rules! permissions_held {
    ($pairs:literal) => {
        concat!(
            "WITH asked AS (",
            $pairs,
            ")
            SELECT asked.n, held.permission FROM asked JOIN user_permission AS held
                ON held.user_id = asked.user_id AND held.audience = asked.audience
            UNION
            SELECT asked.n, held.permission FROM asked
                JOIN user_role ON user_role.user_id = asked.user_id
                JOIN role_permission AS held
                ON held.role_id = user_role.role_id AND held.audience = asked.audience
            ORDER BY 1, 2"
        )
    };
}

const SQLITE_FACTS: &str = facts_of!("IN (SELECT value FROM json_each($1))");
const POSTGRES_FACTS: &str = facts_of!("= ANY($1)");

const SQLITE_ADVANCE: &str = "UPDATE refresh_token_family
    SET rotated_at = CASE WHEN generation = asked.next THEN rotated_at ELSE asked.at END,
        generation = asked.next, last_exchanged_at = asked.at, last_ip = asked.ip,
        last_user_agent = asked.agent, idle_expires_at = NULL
    FROM (SELECT value ->> 0 AS id, value ->> 1 AS read, value ->> 2 AS next,
            value ->> 3 AS at, value ->> 4 AS ip, value ->> 5 AS agent FROM json_each($1))
        AS asked
    WHERE refresh_token_family.id = asked.id AND generation = asked.read
        AND revoked_at IS NULL
    RETURNING id";

const POSTGRES_ADVANCE: &str = "WITH free AS MATERIALIZED (
        SELECT id FROM refresh_token_family WHERE id = ANY($1) FOR UPDATE SKIP LOCKED)
    UPDATE refresh_token_family AS family
    SET rotated_at = CASE WHEN generation = asked.next THEN rotated_at ELSE asked.at END,
        generation = asked.next, last_exchanged_at = asked.at, last_ip = asked.ip,
        last_user_agent = asked.agent, idle_expires_at = NULL
    FROM UNNEST($1::TEXT[], $2::BIGINT[], $3::BIGINT[], $4::BIGINT[], $5::TEXT[], $6::TEXT[])
        AS asked (id, read, next, at, ip, agent) JOIN free ON free.id = asked.id
    WHERE family.id = asked.id AND generation = asked.read AND revoked_at IS NULL
    RETURNING family.id";

const SQLITE_PERMISSIONS: &str = permissions_held!(
    "SELECT key AS n, value ->> 0 AS user_id, value ->> 1 AS audience FROM json_each($1)"
);
const POSTGRES_PERMISSIONS: &str = permissions_held!(
    "SELECT n - 1 AS n, user_id, audience FROM UNNEST($1::TEXT[], $2::TEXT[])
     WITH ORDINALITY AS pairs (user_id, audience, n)"
);

/// The statements of the hot path: what is read, and what is written.
pub(super) fn exchange_statements(is_embedded: bool) -> [&'static str; 3] {
    match is_embedded {
        true => [SQLITE_FACTS, SQLITE_ADVANCE, SQLITE_PERMISSIONS],
        false => [POSTGRES_FACTS, POSTGRES_ADVANCE, POSTGRES_PERMISSIONS],
    }
}

/// What the exchanges of these families depend on.
pub(super) async fn exchange_facts(db: Db<'_>, families: &[&str]) -> Result<Vec<exchange::Row>> {
    Ok(match db {
        Db::Sqlite(c) => {
            let families = serde_json::json!(families).to_string();
            sqlx::query_as(SQLITE_FACTS).bind(families).fetch_all(c).await?
        }
        Db::Postgres(c) => sqlx::query_as(POSTGRES_FACTS).bind(families).fetch_all(c).await?,
    })
}

/// Writes exchanges of different families; returns the ids of those that had not moved. Rows that
/// another transaction has locked are left alone: nobody may wait for it but who wants that row.
pub(super) async fn advance_families(db: Db<'_>, advances: &[Advance]) -> Result<Vec<String>> {
    let written: Vec<(String,)> = match db {
        Db::Sqlite(c) => {
            let row = |a: &Advance| {
                let (ip, agent) = (&a.caller.ip, &a.caller.user_agent);
                serde_json::json!([a.family.as_str(), a.read, a.next, a.now.millis(), ip, agent])
            };
            let rows = serde_json::Value::Array(advances.iter().map(row).collect());
            sqlx::query_as(SQLITE_ADVANCE).bind(rows.to_string()).fetch_all(c).await?
        }
        Db::Postgres(c) => {
            sqlx::query_as(POSTGRES_ADVANCE)
                .bind(column(advances, |a| a.family.as_str()))
                .bind(column(advances, |a| i64::from(a.read)))
                .bind(column(advances, |a| i64::from(a.next)))
                .bind(column(advances, |a| a.now.millis()))
                .bind(column(advances, |a| a.caller.ip.as_deref()))
                .bind(column(advances, |a| a.caller.user_agent.as_deref()))
                .fetch_all(c)
                .await?
        }
    };
    Ok(written.into_iter().map(|(id,)| id).collect())
}

/// Revokes those of these families that no other transaction has locked. Returns how many.
pub(super) async fn revoke_unlocked(
    db: Db<'_>,
    families: &[&str],
    by: RevokedBy,
    now: Timestamp,
) -> Result<u64> {
    Ok(match db {
        // A write transaction is the only one already.
        Db::Sqlite(c) => sqlx::query(
            "UPDATE refresh_token_family SET revoked_at = $2, revoked_by = $3
             WHERE id IN (SELECT value FROM json_each($1)) AND revoked_at IS NULL",
        )
        .bind(serde_json::json!(families).to_string())
        .bind(now.millis())
        .bind(by.as_str())
        .execute(c)
        .await?
        .rows_affected(),
        Db::Postgres(c) => sqlx::query(
            "WITH free AS MATERIALIZED (
                SELECT id FROM refresh_token_family WHERE id = ANY($1) AND revoked_at IS NULL
                FOR UPDATE SKIP LOCKED)
             UPDATE refresh_token_family SET revoked_at = $2, revoked_by = $3
             WHERE id IN (SELECT id FROM free)",
        )
        .bind(families)
        .bind(now.millis())
        .bind(by.as_str())
        .execute(c)
        .await?
        .rows_affected(),
    })
}

/// The permissions that users hold on APIs, each with the place of who asked for it.
pub(super) async fn permissions_held(db: Db<'_>, asked: &[Held]) -> Result<Vec<(i64, String)>> {
    Ok(match db {
        Db::Sqlite(c) => {
            let pair = |held: &Held| serde_json::json!([held.user, held.audience]);
            let pairs = serde_json::Value::Array(asked.iter().map(pair).collect());
            sqlx::query_as(SQLITE_PERMISSIONS).bind(pairs.to_string()).fetch_all(c).await?
        }
        Db::Postgres(c) => {
            sqlx::query_as(POSTGRES_PERMISSIONS)
                .bind(column(asked, |held| held.user.as_str()))
                .bind(column(asked, |held| held.audience.as_str()))
                .fetch_all(c)
                .await?
        }
    })
}

/// Adds events to the audit trail.
pub(super) async fn insert_events(db: Db<'_>, events: &[&AuditEvent]) -> Result<()> {
    const SQLITE: &str = "INSERT INTO audit
        (id, date, type, client_id, user_id, audience, scope, ip, user_agent, details)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
            value ->> 6, value ->> 7, value ->> 8, value ->> 9 FROM json_each($1)";
    const POSTGRES: &str = "INSERT INTO audit
        (id, date, type, client_id, user_id, audience, scope, ip, user_agent, details)
        SELECT * FROM UNNEST($1::TEXT[], $2::BIGINT[], $3::TEXT[], $4::TEXT[], $5::TEXT[],
            $6::TEXT[], $7::TEXT[], $8::TEXT[], $9::TEXT[], $10::TEXT[])";
    let client = |e: &&AuditEvent| e.client_id.as_ref().map(|id| id.as_str().to_owned());
    let user = |e: &&AuditEvent| e.user_id.as_ref().map(|id| id.as_str().to_owned());
    let details = |e: &&AuditEvent| e.kept_details().to_string();
    match db {
        Db::Sqlite(c) => {
            let row = |e: &&AuditEvent| {
                let (ip, agent) = (&e.caller.ip, &e.caller.user_agent);
                serde_json::json!([
                    e.id,
                    e.date.millis(),
                    e.code,
                    client(e),
                    user(e),
                    e.audience,
                    e.scope,
                    ip,
                    agent,
                    details(e)
                ])
            };
            let rows = serde_json::Value::Array(events.iter().map(row).collect());
            sqlx::query(SQLITE).bind(rows.to_string()).execute(c).await?;
        }
        Db::Postgres(c) => {
            sqlx::query(POSTGRES)
                .bind(column(events, |e| e.id.as_str()))
                .bind(column(events, |e| e.date.millis()))
                .bind(column(events, |e| e.code))
                .bind(column(events, client))
                .bind(column(events, user))
                .bind(column(events, |e| e.audience.as_deref()))
                .bind(column(events, |e| e.scope.as_deref()))
                .bind(column(events, |e| e.caller.ip.as_deref()))
                .bind(column(events, |e| e.caller.user_agent.as_deref()))
                .bind(column(events, details))
                .execute(c)
                .await?;
        }
    }
    Ok(())
}

/// Adds the users that are new; returns their ids. One statement on Postgres.
pub(super) async fn insert_new_users(
    db: Db<'_>,
    users: &[(User, Option<String>)],
) -> Result<HashSet<UserId>> {
    match db {
        Db::Sqlite(c) => {
            let mut new = HashSet::new();
            for (user, password_hash) in users {
                let columns = Columns::of(user);
                let inserted = sqlx::query(
                    "INSERT INTO user_account
                     (user_id, connection, email, email_verified, username, password_hash, blocked,
                      profile, user_metadata, app_metadata, logins_count, version, created_at,
                      updated_at)
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, 1, $11, $12)
                     ON CONFLICT DO NOTHING",
                )
                .bind(user.user_id.as_str())
                .bind(&user.connection)
                .bind(&user.email)
                .bind(user.email_verified)
                .bind(&user.username)
                .bind(password_hash)
                .bind(user.blocked)
                .bind(json(&user.profile))
                .bind(json(&user.user_metadata))
                .bind(json(&user.app_metadata))
                .bind(user.created_at.millis())
                .bind(user.updated_at.millis())
                .bind(columns.email_domain)
                .bind(columns.name)
                .bind(columns.nickname)
                .bind(columns.given_name)
                .bind(columns.family_name)
                .bind(columns.phone_number)
                .bind(columns.phone_verified)
                .execute(&mut *c)
                .await?
                .rows_affected();
                if inserted == 1 {
                    new.insert(user.user_id.clone());
                }
            }
            Ok(new)
        }
        Db::Postgres(c) => {
            let new: Vec<(String,)> = sqlx::query_as(
                "INSERT INTO user_account
                 (user_id, connection, email, email_verified, username, password_hash, blocked,
                  profile, user_metadata, app_metadata, created_at, updated_at, logins_count,
                  version)
                 SELECT *, 0, 1 FROM UNNEST($1::TEXT[], $2::TEXT[], $3::TEXT[], $4::BOOLEAN[],
                     $5::TEXT[], $6::TEXT[], $7::BOOLEAN[], $8::TEXT[], $9::TEXT[], $10::TEXT[],
                     $11::BIGINT[], $12::BIGINT[])
                 ON CONFLICT DO NOTHING RETURNING user_id",
            )
            .bind(column(users, |(user, _)| user.user_id.as_str()))
            .bind(column(users, |(user, _)| user.connection.as_str()))
            .bind(column(users, |(user, _)| user.email.as_deref()))
            .bind(column(users, |(user, _)| user.email_verified))
            .bind(column(users, |(user, _)| user.username.as_deref()))
            .bind(users.iter().map(|(_, hash)| hash.as_deref()).collect::<Vec<_>>())
            .bind(column(users, |(user, _)| user.blocked))
            .bind(column(users, |(user, _)| json(&user.profile)))
            .bind(column(users, |(user, _)| json(&user.user_metadata)))
            .bind(column(users, |(user, _)| json(&user.app_metadata)))
            .bind(column(users, |(user, _)| user.created_at.millis()))
            .bind(column(users, |(user, _)| user.updated_at.millis()))
            .bind(column(users, |(user, _)| Columns::of(user).email_domain))
            .bind(column(users, |(user, _)| Columns::of(user).name))
            .bind(column(users, |(user, _)| Columns::of(user).nickname))
            .bind(column(users, |(user, _)| Columns::of(user).given_name))
            .bind(column(users, |(user, _)| Columns::of(user).family_name))
            .bind(column(users, |(user, _)| Columns::of(user).phone_number))
            .bind(column(users, |(user, _)| Columns::of(user).phone_verified))
            .fetch_all(c)
            .await?;
            Ok(new.into_iter().map(|(id,)| UserId::new(id)).collect())
        }
    }
}

/// One column of many rows.
fn column<'a, R, T>(rows: &'a [R], pick: impl Fn(&'a R) -> T) -> Vec<T> {
    rows.iter().map(pick).collect()
}

/// Stops each statement of the transaction after `limit`.
pub(super) async fn limit_statements(c: &mut Lent, limit: Duration) -> Result<()> {
    // 0 would be no limit.
    let millis = limit.as_millis().max(1).to_string();
    sqlx::query("SELECT set_config('statement_timeout', $1, true)").bind(millis).execute(c).await?;
    Ok(())
}

/// Whether the server takes no writes: it was the primary once, or is about to be.
pub(super) async fn is_read_only(db: Db<'_>) -> Result<bool> {
    match db {
        Db::Sqlite(_) => Ok(false),
        Db::Postgres(c) => {
            const IS_READ_ONLY: &str = "SELECT current_setting('transaction_read_only') = 'on'";
            let (is_read_only,): (bool,) = sqlx::query_as(IS_READ_ONLY).fetch_one(c).await?;
            Ok(is_read_only)
        }
    }
}

/// Lets in one transaction of this name after the other.
pub(super) async fn one_at_a_time(db: Db<'_>, name: &str) -> Result<()> {
    match db {
        // A write transaction is the only one already.
        Db::Sqlite(_) => {}
        Db::Postgres(c) => {
            sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
                .bind(name)
                .execute(c)
                .await?;
        }
    }
    Ok(())
}
