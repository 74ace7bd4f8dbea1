//! Auditing. What records a security decision commits with it; everything else goes through the
//! [`AuditWriter`], which writes many rows in one transaction.

use crate::domain::{
    ClientId, UserId,
    audit::{
        AuditEvent, Happened,
        types::{Kind, event_type},
    },
};
use crate::login::{
    LoginService,
    batch_writer::{BatchWriter, Batched},
};
use crate::store::{
    self, Tx, audit,
    hourly_counts::{self, Counts},
};
use crate::telemetry;

/// Writes events that need not be there before the answer, and counts all of them.
pub type AuditWriter = BatchWriter<Told>;

/// What the writer is told.
#[derive(Debug)]
pub enum Told {
    /// An event that is not written yet.
    Event(Box<AuditEvent>),
    /// Something was written with what it tells of: it is to be counted, and nothing else.
    Counted {
        /// What happened.
        kind: Kind,
        /// The number of the hour in which it did.
        hour: i64,
        /// How often.
        times: i64,
    },
}

impl Batched for Told {
    const NAME: &'static str = "audit events";
    const WAITING: usize = 8192;
    const BATCH: usize = 256;

    /// Unless the batch tells the same refusal already: then that one counts it. Who sends one dead
    /// token again and again must not fill the trail.
    fn join(self, batch: &mut Vec<Self>) {
        for told in batch.iter_mut() {
            match (told, &self) {
                (Self::Event(told), Self::Event(event)) if told.is_repeated_by(event) => {
                    told.times += 1;
                    return;
                }
                (
                    Self::Counted { kind, hour, times },
                    Self::Counted { kind: also, hour: at, times: more },
                ) if (&*kind, &*hour) == (also, at) => {
                    *times += more;
                    return;
                }
                _ => {}
            }
        }
        batch.push(self);
    }

    async fn write(batch: &[Self], tx: &mut Tx) -> Result<(), store::Error> {
        let mut events = Vec::new();
        let mut counts = Counts::new();
        for told in batch {
            let (kind, hour, times) = match told {
                Self::Counted { kind, hour, times } => (*kind, *hour, *times),
                Self::Event(event) => {
                    events.push(&**event);
                    let Some(kind) = kind(event) else { continue };
                    let times = i64::try_from(event.times).unwrap_or(i64::MAX);
                    (kind, hourly_counts::hour_of(event.date), times)
                }
            };
            *counts.entry((hour, kind.as_str())).or_default() += times;
        }
        audit::insert_all(tx, &events).await?;
        hourly_counts::add(tx, &counts).await
    }
}

/// As what an event is counted.
fn kind(event: &AuditEvent) -> Option<Kind> {
    event_type(event.code)?.kind
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
        self.audit.send(Told::Event(Box::new(event)));
    }

    /// Tells the stream of an event that is committed, and has it counted soon.
    pub fn tell(&self, event: &AuditEvent) {
        telemetry::audit::emit(event);
        if let Some(kind) = kind(event) {
            let hour = hourly_counts::hour_of(event.date);
            self.audit.send(Told::Counted { kind, hour, times: 1 });
        }
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
        self.commit_events(tx, &[self.event(happened, client, user)]).await
    }

    /// Commits a transaction with the events that tell of it, then tells the stream.
    ///
    /// # Errors
    /// When the database does.
    pub async fn commit_events(
        &self,
        mut tx: Tx,
        events: &[AuditEvent],
    ) -> Result<(), store::Error> {
        for event in events {
            audit::insert(&mut tx, event).await?;
        }
        tx.commit().await?;
        events.iter().for_each(|event| self.tell(event));
        Ok(())
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
        self.commit_events(tx, &[self.event(happened, client, user)]).await
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
        self.commit_events(self.store.write().await?, &[self.event(happened, client, user)]).await
    }
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
            let event = AuditEvent::new(&happened, None, None, caller, now, &SystemEntropy);
            Told::Event(Box::new(event)).join(&mut batch);
        }
        let events: Vec<_> = batch.iter().filter_map(event).collect();
        let times: Vec<_> = events.iter().map(|event| event.times).collect();
        assert_eq!(times, [3, 1, 1, 1, 1], "successes are never counted together");
        assert_eq!(events[0].kept_details()["times"], 3);
    }

    fn event(told: &Told) -> Option<&AuditEvent> {
        match told {
            Told::Event(event) => Some(event),
            Told::Counted { .. } => None,
        }
    }

    #[test]
    fn what_is_only_counted_is_one_entry_for_each_kind_and_hour() {
        let mut batch = Vec::new();
        for (kind, hour) in
            [(Kind::Login, 1), (Kind::Login, 2), (Kind::Logout, 1), (Kind::Login, 1)]
        {
            Told::Counted { kind, hour, times: 1 }.join(&mut batch);
        }
        let counted: Vec<_> = batch
            .iter()
            .map(|told| match told {
                Told::Counted { kind, hour, times } => (*kind, *hour, *times),
                Told::Event(event) => panic!("{event:?}"),
            })
            .collect();
        assert_eq!(counted, [(Kind::Login, 1, 2), (Kind::Login, 2, 1), (Kind::Logout, 1, 1)]);
    }
}
