//! Keeps the records of executions, behind the back of the logins that caused them.

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

use crate::domain::action::execution::TriggerExecution;
use crate::store::{self, Store, action_executions};

/// Records that may wait to be written.
const WAITING: usize = 2048;
/// Records written in one transaction: SQLite has one writer, and exchanges wait for it.
const BATCH: usize = 64;
/// How long the first record of a batch waits for others.
const DELAY: Duration = Duration::from_millis(200);
/// How long a flush may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Writes records in batches, a moment after the execution. Nobody waits for it: when it is
/// overrun, records are lost and counted. What was decided is in the audit trail all the same.
#[derive(Clone)]
pub struct ExecutionWriter {
    sender: mpsc::Sender<Message>,
    lost: Arc<AtomicU64>,
}

enum Message {
    Record(Box<TriggerExecution>),
    Flush(oneshot::Sender<()>),
}

impl ExecutionWriter {
    /// Starts the task that writes. It ends when the last clone is dropped.
    pub fn start(store: Store) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        tokio::spawn(write(store, receiver, Arc::clone(&lost)));
        Self { sender, lost }
    }

    /// Hands a record over.
    pub fn send(&self, execution: TriggerExecution) {
        if self.sender.try_send(Message::Record(Box::new(execution))).is_err() {
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
            tracing::warn!("executions were still being written when the server had to stop");
        }
    }
}

async fn write(store: Store, mut receiver: mpsc::Receiver<Message>, lost: Arc<AtomicU64>) {
    while let Some(first) = receiver.recv().await {
        let deadline = Instant::now() + DELAY;
        let (mut batch, mut flushed) = (Vec::new(), None);
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Record(execution) => batch.push(*execution),
                Message::Flush(done) => {
                    flushed = Some(done);
                    break;
                }
            }
            if batch.len() >= BATCH {
                break;
            }
            next = timeout_at(deadline, receiver.recv()).await.unwrap_or(None);
        }
        if let Err(error) = write_batch(&store, &batch).await {
            let records = u64::try_from(batch.len()).unwrap_or(0);
            lost.fetch_add(records, Ordering::Relaxed);
            tracing::warn!(%error, "records of executions could not be written");
        }
        let lost = lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            tracing::warn!(lost, "{lost} records of executions were not written");
        }
        if let Some(flushed) = flushed {
            let _ = flushed.send(());
        }
    }
}

async fn write_batch(store: &Store, batch: &[TriggerExecution]) -> Result<(), store::Error> {
    if batch.is_empty() {
        return Ok(());
    }
    let mut tx = store.write().await?;
    for execution in batch {
        action_executions::insert(&mut tx, execution).await?;
    }
    tx.commit().await
}
