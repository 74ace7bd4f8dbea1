//! A connection to Postgres on loan from a pool. No statement waits for ever, and a connection that
//! has fallen silent or belongs to the wrong server is thrown away.
//!
//! A network that swallows packets tells nobody: without a limit a statement waits until the system
//! gives the connection up, a quarter of an hour or never, and the pool runs empty meanwhile. The pool
//! sets no limit for what it does when a connection comes back either, so that is done here.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{Stream, future::BoxFuture, stream::BoxStream};
use sqlx::{
    Connection, Database, Either, Execute, Executor, PgConnection, Postgres, SqlStr,
    pool::PoolConnection,
};
use tokio::time::{Sleep, sleep, timeout};

use crate::store::{Result, error::Code};

/// How long Postgres may be silent while it is read from.
const READ_LIMIT: Duration = Duration::from_secs(10);

/// As long for a statement of a transaction: some change many rows. Less than a request may take.
const WRITE_LIMIT: Duration = Duration::from_secs(25);

/// How long the answer to a question that costs nothing may take.
const PING_LIMIT: Duration = Duration::from_secs(2);

/// How long a connection may take to come to rest before it is thrown away.
const RETURN_LIMIT: Duration = Duration::from_secs(5);

/// A connection to Postgres.
#[derive(Debug)]
pub struct Lent {
    /// `None` once it is on its way back.
    connection: Option<PoolConnection<Postgres>>,
    limit: Duration,
    is_in_transaction: bool,
    is_broken: bool,
}

impl Lent {
    pub(super) fn new(connection: PoolConnection<Postgres>) -> Self {
        Self {
            connection: Some(connection),
            limit: READ_LIMIT,
            is_in_transaction: false,
            is_broken: false,
        }
    }

    /// Lets each statement take so long, besides what Postgres itself allows.
    pub(super) fn allow(&mut self, limit: Duration) {
        self.limit = limit.saturating_add(PING_LIMIT).max(self.limit);
    }

    /// Keeps it from being used again.
    pub(super) fn discard(&mut self) {
        self.is_broken = true;
    }

    /// Whether the database answers on it.
    pub(super) async fn is_alive(&mut self) -> bool {
        let Some(connection) = &mut self.connection else { return false };
        let answered = timeout(PING_LIMIT, connection.ping()).await;
        self.is_broken |= !matches!(answered, Ok(Ok(())));
        !self.is_broken
    }

    /// Begins a transaction; dropped without [`Lent::commit`], it never happened.
    pub(super) async fn begin(&mut self) -> Result<()> {
        // Nothing is waited for yet: the answer comes at once, or not at all.
        self.limit = RETURN_LIMIT;
        self.is_in_transaction = true;
        (&mut *self).execute("BEGIN").await?;
        self.limit = WRITE_LIMIT;
        Ok(())
    }

    pub(super) async fn commit(&mut self) -> Result<()> {
        (&mut *self).execute("COMMIT").await?;
        self.is_in_transaction = false;
        self.limit = READ_LIMIT;
        Ok(())
    }

    fn raw(&mut self) -> sqlx::Result<&mut PgConnection> {
        self.connection.as_deref_mut().ok_or(sqlx::Error::PoolClosed)
    }
}

/// Asks whether the server at the other end is there.
pub(super) async fn ping(connection: &mut PgConnection) -> sqlx::Result<()> {
    timeout(PING_LIMIT, connection.ping()).await.unwrap_or_else(|_| Err(silence()))
}

/// Gives it back, in time or not at all.
impl Drop for Lent {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        let runtime = tokio::runtime::Handle::try_current();
        let (Ok(runtime), false) = (runtime, self.is_broken) else {
            // What is not waited for does not come back: it is closed, and its place is free.
            return drop(connection.return_to_pool());
        };
        let is_in_transaction = self.is_in_transaction;
        runtime.spawn(async move {
            let is_at_rest = !is_in_transaction || {
                let rolled_back = timeout(RETURN_LIMIT, connection.execute("ROLLBACK")).await;
                matches!(rolled_back, Ok(Ok(_)))
            };
            let returning = connection.return_to_pool();
            if is_at_rest {
                let _ = timeout(RETURN_LIMIT, returning).await;
            }
        });
    }
}

fn silence() -> sqlx::Error {
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, "Postgres does not answer"))
}

/// Whether the connection is of no use after this.
fn breaks(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => true,
        sqlx::Error::Database(e) => {
            e.code().is_some_and(|code| Code::of(&code) == Code::OfThisConnection)
        }
        _ => false,
    }
}

type Row = Either<<Postgres as Database>::QueryResult, <Postgres as Database>::Row>;

/// What a statement answers. The time runs only while there is nothing to read.
struct Answers<'e> {
    rows: BoxStream<'e, sqlx::Result<Row>>,
    limit: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
    is_broken: &'e mut bool,
}

impl Stream for Answers<'_> {
    type Item = sqlx::Result<Row>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Poll::Ready(next) = this.rows.as_mut().poll_next(cx) {
            this.waiting = None;
            if let Some(Err(error)) = &next {
                *this.is_broken |= breaks(error);
            }
            return Poll::Ready(next);
        }
        let limit = this.limit;
        let waiting = this.waiting.get_or_insert_with(|| Box::pin(sleep(limit)));
        match waiting.as_mut().poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => {
                *this.is_broken = true;
                Poll::Ready(Some(Err(silence())))
            }
        }
    }
}

impl<'c> Executor<'c> for &'c mut Lent {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, sqlx::Result<Row>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let limit = self.limit;
        let Some(connection) = self.connection.as_deref_mut() else {
            let closed = std::future::ready(Err(sqlx::Error::PoolClosed));
            return Box::pin(futures_util::stream::once(closed));
        };
        let rows = connection.fetch_many(query);
        Box::pin(Answers { rows, limit, waiting: None, is_broken: &mut self.is_broken })
    }

    fn fetch_optional<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxFuture<'e, sqlx::Result<Option<<Postgres as Database>::Row>>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        Box::pin(async move {
            let limit = self.limit;
            let answered = timeout(limit, self.raw()?.fetch_optional(query)).await;
            let answered = answered.unwrap_or_else(|_| Err(silence()));
            if let Err(error) = &answered {
                self.is_broken |= breaks(error);
            }
            answered
        })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [<Postgres as Database>::TypeInfo],
    ) -> BoxFuture<'e, sqlx::Result<<Postgres as Database>::Statement>>
    where
        'c: 'e,
    {
        Box::pin(async move {
            let limit = self.limit;
            let prepared = timeout(limit, self.raw()?.prepare_with(sql, parameters)).await;
            prepared.unwrap_or_else(|_| {
                self.is_broken = true;
                Err(silence())
            })
        })
    }
}
