//! What the store knows of the state of the database, and the truth about it when somebody asks.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sqlx::{PgPool, Postgres, pool::PoolConnection};

use crate::store::{Error, Result, Store, cache, dialect};

/// How long is waited for a connection.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// As long while none can be had: a request asks for several one after the other, and its client
/// does not wait for the sum of it. [`Store::watch`] keeps its patience, and finds out when the
/// database is back however slow it is.
const LITTLE_PATIENCE: Duration = Duration::from_secs(1);

/// What is known.
#[derive(Default)]
pub(super) struct Health {
    /// Since somebody waited for a connection in vain, nobody got one.
    is_down: AtomicBool,
    /// Something that was to be written has not been, for whatever reason.
    may_refuse_writes: AtomicBool,
}

impl Health {
    /// A connection of a pool, in time.
    pub(super) async fn connection(&self, pool: &PgPool) -> Result<PoolConnection<Postgres>> {
        let is_down = self.is_down.load(Ordering::Relaxed);
        let patience = if is_down { LITTLE_PATIENCE } else { PATIENCE };
        self.connection_within(pool, patience).await
    }

    pub(super) async fn connection_within(
        &self,
        pool: &PgPool,
        patience: Duration,
    ) -> Result<PoolConnection<Postgres>> {
        let acquired = tokio::time::timeout(patience, pool.acquire()).await;
        let acquired = acquired.unwrap_or(Err(sqlx::Error::PoolTimedOut));
        self.is_down.store(acquired.is_err(), Ordering::Relaxed);
        Ok(acquired?)
    }

    pub(super) fn not_written(&self) {
        self.may_refuse_writes.store(true, Ordering::Relaxed);
    }

    fn written(&self) {
        self.may_refuse_writes.store(false, Ordering::Relaxed);
    }
}

/// A transaction that has not been committed. Most are refused for reasons of their own; whether the
/// database takes writes is found out by who asks for its health.
pub(super) struct Uncommitted(Option<Arc<Health>>);

impl Uncommitted {
    pub(super) fn new(health: &Arc<Health>) -> Self {
        Self(Some(Arc::clone(health)))
    }

    pub(super) fn end(mut self) {
        self.0 = None;
    }
}

impl Drop for Uncommitted {
    fn drop(&mut self) {
        if let Some(health) = &self.0 {
            health.not_written();
        }
    }
}

impl Store {
    /// Whether the database does what requests need: it answers, and takes writes.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<()> {
        let mut conn = self.read().await?;
        cache::version(conn.db()).await?;
        if dialect::is_read_only(conn.db()).await? {
            conn.discard();
            return Err(Error::Unavailable(sqlx::Error::WorkerCrashed));
        }
        drop(conn);
        if self.health.may_refuse_writes.load(Ordering::Relaxed) {
            self.try_to_write().await?;
            self.health.written();
        }
        Ok(())
    }

    /// Writes a row and takes it back: a full disk, for one, shows itself nowhere else. (A row that
    /// is written as it was is not written at all by SQLite.)
    async fn try_to_write(&self) -> Result<()> {
        const WRITE: &str = "INSERT INTO dpop_proof (proof_hash, expires_at) VALUES ($1, 0)
            ON CONFLICT (proof_hash) DO NOTHING";
        const TAKE_BACK: &str = "DELETE FROM dpop_proof WHERE proof_hash = $1";
        /// The hash of nothing that anybody can send.
        const NO_PROOF: &[u8] = &[0; 32];
        let mut tx = self.write().await?;
        for statement in [WRITE, TAKE_BACK] {
            on!(tx.db(), |c| sqlx::query(statement).bind(NO_PROOF).execute(c).await.map(|_| ())?);
        }
        tx.commit().await
    }
}
