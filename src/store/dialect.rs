//! The only file with SQL that differs between the databases.

use std::{collections::HashSet, time::Duration};

use sqlx::PgConnection;

use crate::store::{Db, Result, job_errors::JobErrorRow};

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

/// Stops each statement of the transaction after `limit`.
pub(super) async fn limit_statements(c: &mut PgConnection, limit: Duration) -> Result<()> {
    // 0 would be no limit.
    let millis = limit.as_millis().max(1).to_string();
    sqlx::query("SELECT set_config('statement_timeout', $1, true)").bind(millis).execute(c).await?;
    Ok(())
}
