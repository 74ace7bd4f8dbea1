//! Recording a user's consent.

use crate::domain::{UserId, scope::ScopeSet};
use crate::login::{LoginService, transaction::Transaction};
use crate::store::{self, consents};

impl LoginService {
    /// Adds `scope` to what the user allows the client of this transaction.
    ///
    /// # Errors
    /// When the database does.
    pub async fn record_consent(
        &self,
        transaction: &Transaction,
        user: &UserId,
        scope: &ScopeSet,
    ) -> Result<(), store::Error> {
        let request = &transaction.request;
        let audience = request.audience.as_ref();
        let mut tx = self.store.write().await?;
        let before = consents::find(tx.db(), user, &request.client_id, audience).await?;
        let scope = before.unwrap_or_default().union(scope);
        let now = self.clock.now();
        consents::put(&mut tx, user, &request.client_id, audience, &scope, now).await?;
        tx.commit().await
    }
}
