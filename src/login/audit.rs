//! Auditing what is not part of another write.

use crate::domain::{
    ClientId, UserId,
    audit::{AuditEvent, Happened},
};
use crate::login::LoginService;
use crate::store::{self, audit};
use crate::telemetry;

impl LoginService {
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
        let event = AuditEvent::new(happened, client, user, self.clock.now(), &*self.entropy);
        let mut tx = self.store.write().await?;
        audit::insert(&mut tx, &event).await?;
        tx.commit().await?;
        telemetry::audit::emit(&event);
        Ok(())
    }
}
