//! Auditing. What records a security decision commits with it; everything else goes through the
//! [`AuditWriter`], which writes many rows in one transaction.

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

use crate::domain::{
    ClientId, UserId,
    audit::{AuditEvent, Happened},
};
use crate::login::LoginService;
use crate::store::{self, Store, Tx, audit};
use crate::telemetry;

/// Events that may wait to be written.
const WAITING: usize = 8192;
/// Events written in one transaction: SQLite has one writer, and exchanges wait for it.
const BATCH: usize = 256;
/// How long the first event of a batch waits for others.
const DELAY: Duration = Duration::from_millis(200);
/// How long a flush may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Writes events in batches, a moment after they happened. Nobody waits for it: when it is
/// overrun, rows are lost and counted.
#[derive(Clone)]
pub struct AuditWriter {
    sender: mpsc::Sender<Message>,
    lost: Arc<AtomicU64>,
}

enum Message {
    Event(Box<AuditEvent>),
    Flush(oneshot::Sender<()>),
}

impl AuditWriter {
    /// Starts the task that writes. It ends when the last clone is dropped.
    pub fn start(store: Store) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        tokio::spawn(write(store, receiver, Arc::clone(&lost)));
        Self { sender, lost }
    }

    /// Hands an event over.
    fn send(&self, event: AuditEvent) {
        if self.sender.try_send(Message::Event(Box::new(event))).is_err() {
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
            tracing::warn!("audit events were still being written when the server had to stop");
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
                Message::Event(event) => add(&mut batch, *event),
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
            let rows = u64::try_from(batch.len()).unwrap_or(0);
            lost.fetch_add(rows, Ordering::Relaxed);
            tracing::warn!(%error, "audit events could not be written");
        }
        let lost = lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            tracing::warn!(lost, "{lost} audit events were not written");
        }
        if let Some(flushed) = flushed {
            let _ = flushed.send(());
        }
    }
}

/// Adds an event, unless the batch tells the same refusal already: then that one counts it. Who
/// sends one dead token again and again must not fill the trail.
fn add(batch: &mut Vec<AuditEvent>, event: AuditEvent) {
    match batch.iter_mut().find(|told| told.is_repeated_by(&event)) {
        Some(told) => told.times += 1,
        None => batch.push(event),
    }
}

async fn write_batch(store: &Store, batch: &[AuditEvent]) -> Result<(), store::Error> {
    if batch.is_empty() {
        return Ok(());
    }
    let mut tx = store.write().await?;
    for event in batch {
        audit::insert(&mut tx, event).await?;
    }
    tx.commit().await
}

impl LoginService {
    /// The event of what happens now.
    pub fn event(
        &self,
        happened: &Happened<'_>,
        client: Option<&ClientId>,
        user: Option<&UserId>,
    ) -> AuditEvent {
        let (caller, now) = (telemetry::caller::current(), self.clock.now());
        AuditEvent::new(happened, client, user, caller, now, &*self.entropy)
    }

    /// Tells the stream of an event at once, and has its row written soon.
    pub fn note(&self, happened: &Happened<'_>, client: Option<&ClientId>, user: Option<&UserId>) {
        let event = self.event(happened, client, user);
        telemetry::audit::emit(&event);
        self.audit.send(event);
    }

    /// Commits a transaction that revoked refresh tokens on purpose, with the event that says so;
    /// there is none when there was nothing left to revoke.
    ///
    /// # Errors
    /// When the database does.
    pub async fn commit_revocation(
        &self,
        tx: Tx,
        happened: &Happened<'_>,
        client: Option<&ClientId>,
        user: Option<&UserId>,
    ) -> Result<(), store::Error> {
        if matches!(happened, Happened::RefreshTokensRevoked { revoked: 0, .. }) {
            return tx.commit().await;
        }
        commit_with(tx, &[self.event(happened, client, user)]).await
    }

    /// Commits a transaction with the events that tell of it, then tells the stream.
    ///
    /// # Errors
    /// When the database does.
    pub async fn commit_events(&self, tx: Tx, events: &[AuditEvent]) -> Result<(), store::Error> {
        commit_with(tx, events).await
    }

    /// Commits a transaction with the event that tells of it, then tells the stream.
    ///
    /// # Errors
    /// When the database does.
    pub async fn commit_event(
        &self,
        tx: Tx,
        happened: &Happened<'_>,
        client: Option<&ClientId>,
        user: Option<&UserId>,
    ) -> Result<(), store::Error> {
        commit_with(tx, &[self.event(happened, client, user)]).await
    }

    /// Writes an event in a transaction of its own, then tells the stream.
    ///
    /// # Errors
    /// When the database does.
    pub async fn record(
        &self,
        happened: &Happened<'_>,
        client: Option<&ClientId>,
        user: Option<&UserId>,
    ) -> Result<(), store::Error> {
        commit_with(self.store.write().await?, &[self.event(happened, client, user)]).await
    }
}

/// Commits a transaction together with its events, and only then tells the stream.
async fn commit_with(mut tx: Tx, events: &[AuditEvent]) -> Result<(), store::Error> {
    for event in events {
        audit::insert(&mut tx, event).await?;
    }
    tx.commit().await?;
    events.iter().for_each(telemetry::audit::emit);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::random::SystemEntropy;
    use crate::domain::{FamilyId, audit::Caller, audit::Exchanged, time::Timestamp};

    #[test]
    fn the_same_refusal_again_and_again_is_one_row_that_counts() {
        let (one, two) = (FamilyId::new("1"), FamilyId::new("2"));
        let refused = |family, reason| Happened::Refused {
            exchanged: Exchanged::RefreshToken,
            family: Some(family),
            reason,
            description: None,
        };
        let mut batch = Vec::new();
        for happened in [
            refused(&one, "idle"),
            refused(&two, "idle"),
            refused(&one, "idle"),
            refused(&one, "absolute"),
            refused(&one, "idle"),
            Happened::LoggedIn,
            Happened::LoggedIn,
        ] {
            let (now, caller) = (Timestamp::from_millis(0), Caller::default());
            add(&mut batch, AuditEvent::new(&happened, None, None, caller, now, &SystemEntropy));
        }
        let times: Vec<_> = batch.iter().map(|event| event.times).collect();
        assert_eq!(times, [3, 1, 1, 1, 1], "successes are never counted together");
        assert_eq!(batch[0].kept_details()["times"], 3);
    }
}
