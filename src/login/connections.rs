//! Which connections the users of an application come from, and the end of one.

use crate::domain::{UserId, logout::Initiator};
use crate::login::LoginService;
use crate::store::{self, connections, users};

/// Users that go in one transaction: others must be able to write in between.
const BATCH: i64 = 100;

impl LoginService {
    /// Removes users of deleted connections, at most so many batches, and what is left of a
    /// connection that has no more. `false` when there is more to do.
    ///
    /// # Errors
    /// When the database does; who was removed before stays removed.
    pub async fn remove_users_of_deleted_connections(
        &self,
        most: usize,
    ) -> Result<bool, store::Error> {
        let mut left = most;
        let deleted = connections::deleted(self.store.read().await?.db()).await?;
        for name in deleted {
            loop {
                let mut tx = self.store.write().await?;
                let found = users::of_connection(tx.db(), &name, BATCH).await?;
                if found.is_empty() {
                    connections::forget(&mut tx, &name).await?;
                    tx.commit().await?;
                    break;
                }
                if left == 0 {
                    return Ok(false);
                }
                for user in &found {
                    self.remove_user(&mut tx, user).await?;
                }
                tx.commit().await?;
                left -= 1;
            }
        }
        Ok(true)
    }

    /// The sessions would go with the user; their applications must hear of it.
    async fn remove_user(&self, tx: &mut store::Tx, user: &UserId) -> Result<(), store::Error> {
        self.end_all(tx, user, Initiator::AccountDeleted).await?;
        users::delete(tx, user).await?;
        Ok(())
    }
}
