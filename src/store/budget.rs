//! Reads that may take long: they get a time and no more, and are few at a time, so that they leave
//! connections to the others.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sqlx::SqliteConnection;

use crate::store::{Conn, Db, Error, Lent, Result, Store, dialect};

/// How many long reads run at a time.
pub(super) const AT_A_TIME: usize = 2;
/// Steps of SQLite's machine between two looks at the time.
const STEPS: i32 = 10_000;

/// What is to be done with a connection.
pub(super) type Work<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// Runs `work` with a connection. Each of its statements is stopped after `budget`; on SQLite, all
/// of them together. With `is_long` it waits for its turn first, no longer than that.
///
/// It runs to that end even when the caller goes away: only then is the connection as it was.
///
/// # Errors
/// [`Error::TimedOut`], or what `work` answers.
pub(super) async fn run<T: Send + 'static>(
    store: &Store,
    budget: Duration,
    is_long: bool,
    work: impl for<'a> FnOnce(Db<'a>) -> Work<'a, T> + Send + 'static,
) -> Result<T> {
    let store = store.clone();
    let task = tokio::spawn(async move {
        let turn = Arc::clone(&store.long_reads);
        let _turn = match is_long {
            false => None,
            true => match tokio::time::timeout(budget, turn.acquire_owned()).await {
                Ok(turn) => turn.ok(),
                Err(_) => return Err(Error::TimedOut),
            },
        };
        match store.read().await? {
            Conn::Sqlite(mut c) => on_sqlite(&mut c, budget, work).await,
            Conn::Postgres(mut c) => on_postgres(&mut c, budget, work).await,
        }
    });
    task.await.unwrap_or(Err(Error::Unavailable(sqlx::Error::WorkerCrashed)))
}

/// SQLite knows no time limit, but asks now and then whether to go on.
async fn on_sqlite<T>(
    c: &mut SqliteConnection,
    budget: Duration,
    work: impl for<'a> FnOnce(Db<'a>) -> Work<'a, T>,
) -> Result<T> {
    let is_over = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&is_over);
    c.lock_handle().await?.set_progress_handler(STEPS, move || !asked.load(Ordering::Relaxed));
    let result = {
        let mut working = work(Db::Sqlite(c));
        tokio::select! {
            result = &mut working => result,
            () = tokio::time::sleep(budget) => {
                is_over.store(true, Ordering::Relaxed);
                working.await
            }
        }
    };
    c.lock_handle().await?.remove_progress_handler();
    result
}

/// Postgres forgets the limit with the transaction.
async fn on_postgres<T>(
    c: &mut Lent,
    budget: Duration,
    work: impl for<'a> FnOnce(Db<'a>) -> Work<'a, T>,
) -> Result<T> {
    c.begin().await?;
    c.allow(budget);
    dialect::limit_statements(c, budget).await?;
    let result = work(Db::Postgres(c)).await?;
    c.commit().await?;
    Ok(result)
}
