//! Which connections the users of an application come from, and the end of one.

use crate::domain::{
    ClientId, UserId,
    connection::{Connection, Options},
    logout::Initiator,
    user::User,
};
use crate::login::LoginService;
use crate::policy::connection::{self, NoConnection};
use crate::store::{
    self,
    connections::{self, Filter},
    users,
};

/// Users that go in one transaction: others must be able to write in between.
const BATCH: i64 = 100;

/// Why there is no connection to log in with.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionFault {
    /// The application has no such connection.
    #[error("the application has no such connection")]
    Missing(NoConnection),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl LoginService {
    /// The databases that a login with a password is tried against, in this order: see
    /// [`connection::databases`]. A device's application is not known before the login; whether its
    /// users may come from there is asked afterwards.
    ///
    /// # Errors
    /// [`ConnectionFault`]
    pub async fn databases(
        &self,
        client: Option<&ClientId>,
        named: Option<&str>,
    ) -> Result<Vec<Connection>, ConnectionFault> {
        let tenant = self.store.tenant().await?;
        let default = tenant.default_directory.as_deref();
        // The administrators may be in another one.
        let default = default.filter(|_| client.is_none_or(|client| !client.is_console()));
        let found = match client {
            Some(client) => {
                let enabled = self.store.connections(client).await?;
                connection::databases(&enabled, named, default)
                    .map(|found| found.into_iter().cloned().collect())
            }
            None => {
                let mut conn = self.store.read().await?;
                let all = connections::list(conn.db(), Filter::default(), 0, i64::MAX).await?;
                let all = all.into_iter().map(|record| record.connection);
                let all: Vec<_> = all.filter(|connection| connection.authenticates).collect();
                connection::databases(&all, named, None)
                    .map(|found| found.into_iter().cloned().collect())
            }
        };
        found.map_err(ConnectionFault::Missing)
    }

    /// As [`Self::databases`] of an application, where having none is no fault.
    ///
    /// # Errors
    /// When the database does.
    pub(super) async fn databases_if_any(
        &self,
        client: &ClientId,
        named: Option<&str>,
    ) -> Result<Vec<Connection>, store::Error> {
        match self.databases(Some(client), named).await {
            Ok(found) => Ok(found),
            Err(ConnectionFault::Missing(_)) => Ok(Vec::new()),
            Err(ConnectionFault::Store(error)) => Err(error),
        }
    }

    /// The database that somebody who comes from an application signs up in, `None` when nobody
    /// may. Nobody may at the console: an account alone opens nothing there.
    ///
    /// # Errors
    /// When the database does.
    pub async fn signup_database(
        &self,
        client: &ClientId,
        named: Option<&str>,
    ) -> Result<Option<Connection>, store::Error> {
        if !self.settings.signup_enabled || client.is_console() {
            return Ok(None);
        }
        let databases = self.databases_if_any(client, named).await?;
        Ok(databases.into_iter().find(Connection::takes_signups))
    }

    /// Whether users who come from an application may set new passwords themselves.
    ///
    /// # Errors
    /// When the database does.
    pub async fn offers_reset(
        &self,
        client: &ClientId,
        named: Option<&str>,
    ) -> Result<bool, store::Error> {
        let databases = self.databases_if_any(client, named).await?;
        Ok(databases.iter().any(Connection::offers_reset))
    }

    /// Whether this user may log in to an application: its connections are the only ones whose
    /// users it trusts, whichever way they come, and a session that was begun for another
    /// application is one of the ways.
    ///
    /// # Errors
    /// When the database does.
    pub async fn may_use(
        &self,
        user: &User,
        client: &ClientId,
        named: Option<&str>,
    ) -> Result<bool, store::Error> {
        let enabled = self.store.connections(client).await?;
        let mut of_user = enabled.iter().filter(|connection| connection.name == user.connection);
        Ok(of_user.any(|connection| named.is_none_or(|named| connection.is_called(named))))
    }

    /// The options of the connection of a user.
    ///
    /// # Errors
    /// When the database does.
    pub async fn options_of(&self, user: &User) -> Result<Options, store::Error> {
        let mut conn = self.store.read().await?;
        let found = connections::find_by_name(conn.db(), &user.connection).await?;
        Ok(found.map(|record| record.connection.options).unwrap_or_default())
    }

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
