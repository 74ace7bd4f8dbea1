//! SQL for SQLite and Postgres, transactions and migrations. One file per table; no rules beyond a
//! `WHERE` guard.
//!
//! Each statement is written once, with `$1` placeholders, as a `const`; [`on!`] expands its
//! execution for both databases. Reads take a [`Db`]; writes take a [`Tx`], which only
//! [`Store::write`] makes.

use std::{str::FromStr, sync::Arc, time::Duration};

use sqlx::{
    Connection, Executor, PgConnection, PgPool, Postgres, Sqlite, SqliteConnection, SqlitePool,
    Transaction,
    pool::PoolConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::domain::secret::DatabaseUrl;

/// Runs one statement on whichever database the connection belongs to. The body is compiled once
/// per database, so the SQL text and the binds are shared and only the row types differ.
macro_rules! on {
    ($db:expr, |$c:ident| $body:expr) => {
        match $db {
            $crate::store::Db::Sqlite($c) => $body,
            $crate::store::Db::Postgres($c) => $body,
        }
    };
}

#[macro_use]
pub mod compose;

pub mod action_bindings;
pub mod action_executions;
pub mod action_versions;
pub mod actions;
pub mod api_usage;
pub mod attack_protection;
pub mod audit;
pub mod backchannel_logouts;
mod budget;
pub mod cache;
pub mod client_assertions;
pub mod client_credentials;
pub mod client_grants;
pub mod clients;
pub mod codes;
pub mod connections;
pub mod consents;
mod copy;
pub mod daily_counts;
pub mod device_codes;
pub mod device_guesses;
mod dialect;
pub mod dpop_proofs;
pub mod families;
mod gather;
pub mod hourly_counts;
pub mod job_chunks;
pub mod job_downloads;
pub mod job_errors;
pub mod job_keys;
pub mod jobs;
pub mod login_failures;
mod migrations;
pub mod organizations;
pub mod passwordless_codes;
mod pattern;
pub mod permissions;
pub mod pushed_requests;
pub mod rate_buckets;
pub mod resource_servers;
pub mod role_permissions;
pub mod roles;
pub mod rules;
pub mod rules_configs;
pub mod sealed_values;
pub mod session_clients;
pub mod sessions;
pub mod signing_keys;
pub mod suspended_logins;
pub mod sweep;
pub mod tenant_settings;
pub mod tickets;
pub mod totals;
pub mod user_roles;
pub mod users;

/// What can go wrong in the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database cannot be reached or has no connection free. Worth a retry.
    #[error("the database is unavailable")]
    Unavailable(#[source] sqlx::Error),
    /// A read took longer than it may.
    #[error("the statement took too long")]
    TimedOut,
    /// Any other refusal of the database.
    #[error("the database refused a statement")]
    Database(#[source] sqlx::Error),
    /// A unique column already has this value.
    #[error("the value exists already")]
    Duplicate,
    /// What a row names is gone: somebody else removed it in the meantime.
    #[error("what the value refers to is gone")]
    Gone,
    /// A row breaks an invariant of this program.
    #[error("table {table} has a broken row: {why}")]
    Inconsistent {
        /// Where.
        table: &'static str,
        /// What is wrong, without the row's content.
        why: String,
    },
    /// The schema could not be brought up to date.
    #[error("the schema could not be migrated")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The embedded database could not be copied before its schema would have changed, so it did
    /// not change.
    #[error(
        "nothing was migrated, because the database could not be copied to {} first", path.display()
    )]
    Copy {
        /// Where the copy would have been.
        path: std::path::PathBuf,
        /// Why there is none.
        #[source]
        source: std::io::Error,
    },
    /// The database was migrated by a newer release, or not at all.
    #[error(
        "the database schema is at version {found}, this release needs {needed}: run `doorward \
         migrate`, or start with `--migrate`"
    )]
    SchemaVersion {
        /// The newest applied migration, 0 for none.
        found: i64,
        /// What this release has.
        needed: i64,
    },
    /// The database URL is neither `sqlite:PATH` nor `postgres://…`.
    #[error("the database URL must be sqlite:PATH or postgres://…")]
    Url,
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::WorkerCrashed => Self::Unavailable(error),
            sqlx::Error::Database(e) if e.is_unique_violation() => Self::Duplicate,
            // Postgres: query_canceled; SQLite: SQLITE_INTERRUPT.
            sqlx::Error::Database(e) if matches!(e.code().as_deref(), Some("57014" | "9")) => {
                Self::TimedOut
            }
            sqlx::Error::Database(e) if e.is_foreign_key_violation() => Self::Gone,
            _ => Self::Database(error),
        }
    }
}

/// Shorthand of this room.
pub type Result<T> = std::result::Result<T, Error>;

/// One of the two databases, with the configuration rows in memory. Cheap to clone.
#[derive(Clone)]
pub struct Store(Arc<Parts>);

impl std::ops::Deref for Store {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// What a [`Store`] consists of.
pub struct Parts {
    pools: Pools,
    cache: Arc<cache::Cache>,
    long_reads: Arc<tokio::sync::Semaphore>,
    user_count: Arc<users::search::LastCount>,
    totals: Arc<totals::Last>,
    exchanges: families::exchange::Exchanges,
}

enum Pools {
    /// SQLite has one writer at a time; a pool of one turns contention into a fair queue instead
    /// of `database is locked`.
    Sqlite { readers: SqlitePool, writer: SqlitePool },
    Postgres {
        pool: PgPool,
        /// For the few statements of exchanges, so that nothing else can keep them waiting.
        exchanges: PgPool,
    },
}

/// A borrowed connection to either database.
pub enum Db<'a> {
    /// SQLite.
    Sqlite(&'a mut SqliteConnection),
    /// Postgres.
    Postgres(&'a mut PgConnection),
}

impl Db<'_> {
    /// The same connection, for one statement of several.
    pub fn reborrow(&mut self) -> Db<'_> {
        match self {
            Self::Sqlite(c) => Db::Sqlite(c),
            Self::Postgres(c) => Db::Postgres(c),
        }
    }
}

/// A connection for reading, outside a transaction.
pub enum Conn {
    /// SQLite.
    Sqlite(PoolConnection<Sqlite>),
    /// Postgres.
    Postgres(PoolConnection<Postgres>),
}

impl Conn {
    /// The connection, for one statement.
    pub fn db(&mut self) -> Db<'_> {
        match self {
            Self::Sqlite(c) => Db::Sqlite(c),
            Self::Postgres(c) => Db::Postgres(c),
        }
    }

    /// Whether the database answers on it.
    async fn is_alive(&mut self) -> bool {
        on!(self.db(), |c| c.ping().await.is_ok())
    }
}

/// A write transaction. Dropped without [`Tx::commit`], it never happened.
pub struct Tx {
    inner: TxInner,
    cache: Arc<cache::Cache>,
    changes_configuration: bool,
}

enum TxInner {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Tx {
    /// The connection, for one statement.
    pub fn db(&mut self) -> Db<'_> {
        match &mut self.inner {
            TxInner::Sqlite(tx) => Db::Sqlite(&mut *tx),
            TxInner::Postgres(tx) => Db::Postgres(&mut *tx),
        }
    }

    /// Counts a change of configuration rows, so that every node forgets its copy: this one at
    /// commit, the others when they next look.
    ///
    /// # Errors
    /// When the database does.
    pub async fn configuration_changes(&mut self) -> Result<()> {
        cache::bump_version(self.db()).await?;
        self.changes_configuration = true;
        Ok(())
    }

    /// Waits until no other transaction that asked for this name goes on. On SQLite none does. Ask
    /// first of all: what was read before may have changed while this one waited.
    ///
    /// # Errors
    /// When the database does.
    pub async fn one_at_a_time(&mut self, name: &str) -> Result<()> {
        dialect::one_at_a_time(self.db(), name).await
    }

    /// Makes the transaction durable.
    ///
    /// # Errors
    /// When the database cannot; then nothing was written, or (connection lost) nobody knows.
    pub async fn commit(self) -> Result<()> {
        match self.inner {
            TxInner::Sqlite(tx) => tx.commit().await?,
            TxInner::Postgres(tx) => tx.commit().await?,
        }
        if self.changes_configuration {
            self.cache.forget();
        }
        Ok(())
    }
}

impl Store {
    /// Opens the database. Does not touch the schema.
    ///
    /// # Errors
    /// [`Error::Url`], or when the database cannot be reached.
    pub async fn connect(url: &DatabaseUrl, max_connections: u32) -> Result<Self> {
        let pools = if let Some(path) = url.expose().strip_prefix("sqlite:") {
            Self::open_sqlite(path.trim_start_matches("//")).await?
        } else if url.expose().starts_with("postgres://")
            || url.expose().starts_with("postgresql://")
        {
            Self::open_postgres(url.expose(), max_connections).await?
        } else {
            return Err(Error::Url);
        };
        let long_reads = Arc::new(tokio::sync::Semaphore::new(budget::AT_A_TIME));
        Ok(Self(Arc::new(Parts {
            pools,
            cache: Arc::default(),
            long_reads,
            user_count: Arc::default(),
            totals: Arc::default(),
            exchanges: families::exchange::Exchanges::default(),
        })))
    }

    async fn open_postgres(url: &str, max_connections: u32) -> Result<Pools> {
        let pool = |connections: u32| {
            sqlx::postgres::PgPoolOptions::new()
                .max_connections(connections.max(1))
                .acquire_timeout(Duration::from_secs(5))
                .test_before_acquire(false)
                .before_acquire(|connection, used| {
                    Box::pin(test_if_idle(connection, used.idle_for))
                })
        };
        let others = max_connections.saturating_sub(families::exchange::CONNECTIONS);
        let exchanges = pool(families::exchange::CONNECTIONS).after_connect(|connection, _| {
            Box::pin(async move {
                // Planning takes longer than these statements do; each finds its rows by their keys.
                connection.execute(dialect::PLAN_ONCE_BY_KEYS).await.map(|_| ())
            })
        });
        Ok(Pools::Postgres {
            pool: pool(others).connect(url).await?,
            exchanges: exchanges.connect_lazy(url)?,
        })
    }

    async fn open_sqlite(path: &str) -> Result<Pools> {
        let options = SqliteConnectOptions::from_str("sqlite:")?
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // FULL: a commit is on disk before the answer leaves.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5))
            .pragma("cache_size", "-1024");
        let pool = |connections| {
            SqlitePoolOptions::new()
                .max_connections(connections)
                .min_connections(0)
                .acquire_timeout(Duration::from_secs(5))
        };
        let writer = pool(1).connect_with(options.clone()).await?;
        let readers = pool(4).connect_with(options).await?;
        Ok(Pools::Sqlite { readers, writer })
    }

    /// A connection for reading.
    ///
    /// # Errors
    /// When none can be had in time.
    pub async fn read(&self) -> Result<Conn> {
        Ok(match &self.pools {
            Pools::Sqlite { readers, .. } => Conn::Sqlite(readers.acquire().await?),
            Pools::Postgres { pool, .. } => Conn::Postgres(pool.acquire().await?),
        })
    }

    /// A connection for the statements of exchanges; each that writes is a transaction by itself.
    async fn connection_of_exchanges(&self, writes: bool) -> Result<Conn> {
        Ok(match &self.pools {
            Pools::Sqlite { writer, .. } if writes => Conn::Sqlite(writer.acquire().await?),
            Pools::Sqlite { readers, .. } => Conn::Sqlite(readers.acquire().await?),
            Pools::Postgres { exchanges, .. } => Conn::Postgres(exchanges.acquire().await?),
        })
    }

    /// Begins a write transaction. Keep it short; hash no password inside.
    ///
    /// # Errors
    /// When none can be had in time.
    pub async fn write(&self) -> Result<Tx> {
        let inner = match &self.pools {
            // A deferred BEGIN fails with `database is locked` when it turns into a write.
            Pools::Sqlite { writer, .. } => {
                TxInner::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?)
            }
            Pools::Postgres { pool, .. } => TxInner::Postgres(pool.begin().await?),
        };
        Ok(Tx { inner, cache: Arc::clone(&self.cache), changes_configuration: false })
    }

    /// Brings the schema up to date. Several nodes may do so at once. The embedded database is
    /// copied before; see [`copy`].
    ///
    /// # Errors
    /// When a migration fails, an applied one was edited, or the copy cannot be written.
    pub async fn migrate(&self) -> Result<()> {
        match &self.pools {
            Pools::Sqlite { writer, .. } => {
                copy::before_migrating(&mut *writer.acquire().await?).await?;
                migrations::sqlite().run(writer).await?;
            }
            Pools::Postgres { pool, .. } => migrations::postgres().run(pool).await?,
        }
        self.index_users().await
    }

    /// Makes the users searchable who were written by a release that did not.
    ///
    /// # Errors
    /// When the database does.
    pub async fn index_users(&self) -> Result<()> {
        while users::searchable::index_batch(self).await? {
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Checks that the schema is at least the one this release was written for. A newer one is
    /// fine: a release runs against the schema of the next.
    ///
    /// # Errors
    /// [`Error::SchemaVersion`].
    pub async fn check_schema(&self) -> Result<()> {
        let needed = migrations::newest();
        let mut conn = self.read().await?;
        let found = migrations::applied(conn.db()).await?;
        if found < needed { Err(Error::SchemaVersion { found, needed }) } else { Ok(()) }
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<()> {
        let mut conn = self.read().await?;
        cache::version(conn.db()).await.map(|_| ())
    }

    /// Whether the database is the embedded one.
    pub fn is_embedded(&self) -> bool {
        matches!(self.pools, Pools::Sqlite { .. })
    }

    /// Waits for running statements and closes every connection.
    pub async fn close(&self) {
        self.exchanges.release().await;
        match &self.pools {
            Pools::Sqlite { readers, writer } => {
                readers.close().await;
                writer.close().await;
            }
            Pools::Postgres { pool, exchanges } => {
                exchanges.close().await;
                pool.close().await;
            }
        }
    }
}

/// A connection that was in use a moment ago is not asked whether it still is one: that would cost
/// every statement another round trip.
async fn test_if_idle(connection: &mut PgConnection, idle_for: Duration) -> sqlx::Result<bool> {
    if idle_for >= gather::TRUSTED {
        connection.ping().await?;
    }
    Ok(true)
}

/// Reads a JSON column into the type the program works with.
fn decode<T: serde::de::DeserializeOwned>(table: &'static str, json: &str) -> Result<T> {
    serde_json::from_str(json)
        .map_err(|e| Error::Inconsistent { table, why: format!("JSON column: {e}") })
}

/// Words joined by single spaces, as `amr` is kept.
fn join_words(words: &[String]) -> String {
    words.join(" ")
}

fn split_words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}
