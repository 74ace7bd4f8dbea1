//! The only file with SQL that differs between the databases.

use std::{collections::HashSet, time::Duration};

use sqlx::PgConnection;

use crate::domain::{UserId, user::User};
use crate::store::{
    Db, Result,
    job_errors::JobErrorRow,
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
            .bind(column(users, |user| user.user_id.as_str()))
            .bind(column(users, |user| user.connection.as_str()))
            .bind(column(users, |user| user.email.as_deref()))
            .bind(column(users, |user| user.email_verified))
            .bind(column(users, |user| user.username.as_deref()))
            .bind(users.iter().map(|(_, hash)| hash.as_deref()).collect::<Vec<_>>())
            .bind(column(users, |user| user.blocked))
            .bind(column(users, |user| json(&user.profile)))
            .bind(column(users, |user| json(&user.user_metadata)))
            .bind(column(users, |user| json(&user.app_metadata)))
            .bind(column(users, |user| user.created_at.millis()))
            .bind(column(users, |user| user.updated_at.millis()))
            .bind(column(users, |user| Columns::of(user).email_domain))
            .bind(column(users, |user| Columns::of(user).name))
            .bind(column(users, |user| Columns::of(user).nickname))
            .bind(column(users, |user| Columns::of(user).given_name))
            .bind(column(users, |user| Columns::of(user).family_name))
            .bind(column(users, |user| Columns::of(user).phone_number))
            .bind(column(users, |user| Columns::of(user).phone_verified))
            .fetch_all(c)
            .await?;
            Ok(new.into_iter().map(|(id,)| UserId::new(id)).collect())
        }
    }
}

/// One column of many rows.
fn column<'a, T>(users: &'a [(User, Option<String>)], pick: impl Fn(&'a User) -> T) -> Vec<T> {
    users.iter().map(|(user, _)| pick(user)).collect()
}

/// Stops each statement of the transaction after `limit`.
pub(super) async fn limit_statements(c: &mut PgConnection, limit: Duration) -> Result<()> {
    // 0 would be no limit.
    let millis = limit.as_millis().max(1).to_string();
    sqlx::query("SELECT set_config('statement_timeout', $1, true)").bind(millis).execute(c).await?;
    Ok(())
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
