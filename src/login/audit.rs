//! Auditing. What records a security decision commits with it; everything else goes through the
//! [`AuditWriter`], which writes many rows in one transaction.

use crate::domain::{
    ClientId, UserId,
    audit::{AuditEvent, Happened},
};
use crate::login::{
    LoginService,
    batch_writer::{BatchWriter, Batched},
};
use crate::store::{self, Tx, audit};
use crate::telemetry;

/// Writes events that need not be there before the answer.
pub type AuditWriter = BatchWriter<AuditEvent>;

impl Batched for AuditEvent {
    const NAME: &'static str = "audit events";
    const WAITING: usize = 8192;
    const BATCH: usize = 256;

    /// Unless the batch tells the same refusal already: then that one counts it. Who sends one dead
    /// token again and again must not fill the trail.
    fn join(self, batch: &mut Vec<Self>) {
        match batch.iter_mut().find(|told| told.is_repeated_by(&self)) {
            Some(told) => told.times += 1,
            None => batch.push(self),
        }
    }

    async fn insert(&self, tx: &mut Tx) -> Result<(), store::Error> {
        audit::insert(tx, self).await
    }
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
            execution: None,
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
            AuditEvent::new(&happened, None, None, caller, now, &SystemEntropy).join(&mut batch);
        }
        let times: Vec<_> = batch.iter().map(|event| event.times).collect();
        assert_eq!(times, [3, 1, 1, 1, 1], "successes are never counted together");
        assert_eq!(batch[0].kept_details()["times"], 3);
    }
}
