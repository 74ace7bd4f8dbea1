//! SQL for SQLite and Postgres, transactions and migrations. One file per table; no rules beyond a
//! `WHERE` guard.
//!
//! Each statement is written once, with `$1` placeholders, as a `const`; [`on!`] expands its
//! execution for both databases. Reads take a [`Db`]; writes take a [`Tx`], which only
//! [`Store::write`] makes.

use std::{str::FromStr, sync::Arc, time::Duration};

use sqlx::{
    Connection, Executor, PgConnection, PgPool, Sqlite, SqliteConnection, SqlitePool, Transaction,
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
mod error;
pub mod families;
mod gather;
mod health;
pub mod hourly_counts;
pub mod job_chunks;
pub mod job_downloads;
pub mod job_errors;
pub mod job_keys;
pub mod jobs;
mod lent;
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

pub use error::{Error, Result};
pub use lent::Lent;

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
    health: Arc<health::Health>,
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
    Postgres(&'a mut Lent),
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
    Postgres(Lent),
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
        match self {
            Self::Sqlite(c) => c.ping().await.is_ok(),
            Self::Postgres(c) => c.is_alive().await,
        }
    }

    /// Keeps it from being used again.
    fn discard(&mut self) {
        if let Self::Postgres(c) = self {
            c.discard();
        }
    }
}

/// A write transaction. Dropped without [`Tx::commit`], it never happened.
pub struct Tx {
    inner: TxInner,
    cache: Arc<cache::Cache>,
    changes_configuration: bool,
    uncommitted: health::Uncommitted,
}

enum TxInner {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Lent),
}

impl Tx {
    /// The connection, for one statement.
    pub fn db(&mut self) -> Db<'_> {
        match &mut self.inner {
            TxInner::Sqlite(tx) => Db::Sqlite(&mut *tx),
            TxInner::Postgres(tx) => Db::Postgres(tx),
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
            TxInner::Postgres(mut tx) => tx.commit().await?,
        }
        self.uncommitted.end();
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
            health: Arc::default(),
        })))
    }

    async fn open_postgres(url: &str, max_connections: u32) -> Result<Pools> {
        let pool = |connections: u32| {
            sqlx::postgres::PgPoolOptions::new()
                .max_connections(connections.max(1))
                .acquire_timeout(health::PATIENCE)
                .test_before_acquire(false)
                .before_acquire(|connection, used| {
                    Box::pin(test_if_idle(connection, used.idle_for))
                })
        };
        let others = |connections| {
            pool(connections).after_connect(|connection, _| {
                Box::pin(async move { connection.execute(dialect::LIMITS).await.map(|_| ()) })
            })
        };
        let number = max_connections.saturating_sub(families::exchange::CONNECTIONS);
        let exchanges = pool(families::exchange::CONNECTIONS).after_connect(|connection, _| {
            Box::pin(async move {
                connection.execute(dialect::LIMITS).await?;
                // Planning takes longer than these statements do; each finds its rows by their keys.
                connection.execute(dialect::PLAN_ONCE_BY_KEYS).await.map(|_| ())
            })
        });
        Ok(Pools::Postgres {
            pool: others(number).connect(url).await?,
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
        // A commit that fails (a full disk) ends the transaction, and the driver still counts it: every
        // later one would be refused on that connection, for ever.
        let writer = pool(1).before_acquire(|connection, _| {
            let is_clean = !connection.is_in_transaction();
            Box::pin(async move { Ok(is_clean) })
        });
        let writer = writer.connect_with(options.clone()).await?;
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
            Pools::Postgres { pool, .. } => {
                Conn::Postgres(Lent::new(self.health.connection(pool).await?))
            }
        })
    }

    /// As [`Store::read`], however long others have waited in vain.
    async fn read_patiently(&self) -> Result<Conn> {
        match &self.pools {
            Pools::Sqlite { .. } => self.read().await,
            Pools::Postgres { pool, .. } => {
                let connection = self.health.connection_within(pool, health::PATIENCE).await?;
                Ok(Conn::Postgres(Lent::new(connection)))
            }
        }
    }

    /// A connection for the statements of exchanges; each that writes is a transaction by itself.
    async fn connection_of_exchanges(&self, writes: bool) -> Result<Conn> {
        Ok(match &self.pools {
            Pools::Sqlite { writer, .. } if writes => Conn::Sqlite(writer.acquire().await?),
            Pools::Sqlite { readers, .. } => Conn::Sqlite(readers.acquire().await?),
            Pools::Postgres { exchanges, .. } => {
                Conn::Postgres(Lent::new(self.health.connection(exchanges).await?))
            }
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
            Pools::Postgres { pool, .. } => {
                let mut lent = Lent::new(self.health.connection(pool).await?);
                lent.begin().await?;
                TxInner::Postgres(lent)
            }
        };
        Ok(Tx {
            inner,
            cache: Arc::clone(&self.cache),
            changes_configuration: false,
            uncommitted: health::Uncommitted::new(&self.health),
        })
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
            // On a connection without limits: a change of the schema takes as long as it takes, and
            // nodes that start at once wait for each other.
            Pools::Postgres { pool, .. } => {
                let mut connection = PgConnection::connect_with(&pool.connect_options()).await?;
                migrations::postgres().run(&mut connection).await?;
                connection.close().await?;
            }
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

    /// Whether the database is the embedded one.
    pub fn is_embedded(&self) -> bool {
        matches!(self.pools, Pools::Sqlite { .. })
    }

    /// Waits for running statements and closes every connection.
    pub async fn close(&self) {
        // From the call on nobody gets a connection; those of the exchanges are given back then.
        match &self.pools {
            Pools::Sqlite { readers, writer } => {
                let (readers, writer) = (readers.close(), writer.close());
                self.exchanges.release().await;
                readers.await;
                writer.await;
            }
            Pools::Postgres { pool, exchanges } => {
                let (exchanges, pool) = (exchanges.close(), pool.close());
                self.exchanges.release().await;
                exchanges.await;
                pool.await;
            }
        }
    }

    fn is_closed(&self) -> bool {
        match &self.pools {
            Pools::Sqlite { readers, .. } => readers.is_closed(),
            Pools::Postgres { exchanges, .. } => exchanges.is_closed(),
        }
    }
}

/// A connection that was in use a moment ago is not asked whether it still is one: that would cost
/// every statement another round trip.
async fn test_if_idle(connection: &mut PgConnection, idle_for: Duration) -> sqlx::Result<bool> {
    if idle_for >= gather::TRUSTED {
        lent::ping(connection).await?;
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
