//! Writes rows in batches, a moment after what they tell of. Nobody waits for it: when it is
//! overrun, rows are lost and counted.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, timeout_at},
};

use crate::store::{self, Store, Tx};

/// How long the first row of a batch waits for others.
const DELAY: Duration = Duration::from_millis(200);
/// How long a flush may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is written in batches.
pub trait Batched: Sized + Send + Sync + 'static {
    /// What it is called in the log, in the plural.
    const NAME: &'static str;
    /// How many may wait to be written.
    const WAITING: usize;
    /// How many are written in one transaction: SQLite has one writer, and exchanges wait for it.
    const BATCH: usize;

    /// Adds it to those of the next transaction.
    fn join(self, batch: &mut Vec<Self>) {
        batch.push(self);
    }

    /// Writes them.
    fn write(batch: &[Self], tx: &mut Tx) -> impl Future<Output = Result<(), store::Error>> + Send;
}

/// Writes what it is sent.
pub struct BatchWriter<T> {
    sender: mpsc::Sender<Message<T>>,
    lost: Arc<AtomicU64>,
}

impl<T> Clone for BatchWriter<T> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone(), lost: Arc::clone(&self.lost) }
    }
}

enum Message<T> {
    Row(Box<T>),
    Flush(oneshot::Sender<()>),
}

impl<T: Batched> BatchWriter<T> {
    /// Starts the task that writes. It ends when the last clone is dropped.
    pub fn start(store: Store) -> Self {
        let (sender, receiver) = mpsc::channel(T::WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        tokio::spawn(write(store, receiver, Arc::clone(&lost)));
        Self { sender, lost }
    }

    /// Hands a row over.
    pub fn send(&self, row: T) {
        if self.sender.try_send(Message::Row(Box::new(row))).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until everything handed over before is written, or has failed to be.
    pub async fn flush(&self) {
        let flushed = async {
            let (done, is_done) = oneshot::channel();
            if self.sender.send(Message::Flush(done)).await.is_ok() {
                let _ = is_done.await;
            }
        };
        if tokio::time::timeout(PATIENCE, flushed).await.is_err() {
            tracing::warn!("{} were still being written when the server had to stop", T::NAME);
        }
    }
}

async fn write<T: Batched>(
    store: Store,
    mut receiver: mpsc::Receiver<Message<T>>,
    lost: Arc<AtomicU64>,
) {
    while let Some(first) = receiver.recv().await {
        let deadline = Instant::now() + DELAY;
        let (mut batch, mut flushed) = (Vec::new(), None);
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Row(row) => row.join(&mut batch),
                Message::Flush(done) => {
                    flushed = Some(done);
                    break;
                }
            }
            if batch.len() >= T::BATCH {
                break;
            }
            next = timeout_at(deadline, receiver.recv()).await.unwrap_or(None);
        }
        if let Err(error) = write_batch(&store, &batch).await {
            let rows = u64::try_from(batch.len()).unwrap_or(0);
            lost.fetch_add(rows, Ordering::Relaxed);
            tracing::warn!(%error, "{} could not be written", T::NAME);
        }
        let lost = lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            tracing::warn!(lost, "{lost} {} were not written", T::NAME);
        }
        if let Some(flushed) = flushed {
            let _ = flushed.send(());
        }
    }
}

async fn write_batch<T: Batched>(store: &Store, batch: &[T]) -> Result<(), store::Error> {
    if batch.is_empty() {
        return Ok(());
    }
    let mut tx = store.write().await?;
    T::write(batch, &mut tx).await?;
    tx.commit().await
}
