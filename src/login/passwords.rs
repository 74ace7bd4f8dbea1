//! Checking the password of a user of a database.

use std::sync::Arc;

use crate::crypto::password::{Checked, Overloaded, Passwords};
use crate::domain::{
    ClientId, UserId, attack_protection::Hindrance, audit::Happened, connection::Connection,
    secret::Password,
};
use crate::login::{LoginService, connections::ConnectionFault};
use crate::policy::connection::NoConnection;
use crate::store::{
    self,
    users::{self, UserRecord},
};

/// Why a password login is refused.
#[derive(Debug, thiserror::Error)]
pub enum LoginFault {
    /// Unknown user or wrong password: nobody may tell which.
    #[error("wrong user name or password")]
    Wrong,
    /// Right password of a blocked user.
    #[error("the user is blocked")]
    Blocked,
    /// There were too many attempts.
    #[error("too many attempts")]
    Hindered(Hindrance),
    /// There is no connection to log in with.
    #[error("no connection to log in with")]
    Connection(NoConnection),
    /// Too many password hashes are waiting.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl From<ConnectionFault> for LoginFault {
    fn from(fault: ConnectionFault) -> Self {
        match fault {
            ConnectionFault::Missing(why) => Self::Connection(why),
            ConnectionFault::Store(error) => Self::Store(error),
        }
    }
}

/// Whether somebody has an identifier and a password.
enum Match {
    /// Somebody does. With the hash to keep instead of one that another program made.
    Right(Box<UserRecord>, Option<String>),
    /// Nobody does, or whoever has the identifier has another password.
    Wrong(Option<UserId>),
}

impl LoginService {
    /// The user with this e-mail address or user name, if the password is right. Unknown users cost
    /// the same time as wrong passwords (the decoy hash, once for each database), and both are
    /// audited without the identifier, which may be a mistyped password. `client` is the application
    /// that wants the user to log in, if it is known already, and `named` the connection that it
    /// insists on.
    ///
    /// The same identifier may be in several databases, and everybody gets in with the right
    /// password: whoever signs up in one under the address of somebody else keeps nobody out.
    ///
    /// # Errors
    /// Why not.
    pub async fn check_password(
        self: &Arc<Self>,
        identifier: &str,
        password: &Password,
        client: Option<&ClientId>,
        named: Option<&str>,
    ) -> Result<UserRecord, LoginFault> {
        let identifier = identifier.trim().to_lowercase();
        let databases = self.databases(client, named).await?;
        let attempt = self.attempt(&identifier, &databases).await?;
        if let Some(hindrance) = self.hindrance(&attempt, client).await? {
            return Err(LoginFault::Hindered(hindrance));
        }
        let (record, rehashed) =
            match self.find_by_password(&identifier, password, &databases).await? {
                Match::Right(record, rehashed) => (record, rehashed),
                Match::Wrong(known) => {
                    let hindrance = self.count_wrong(&attempt, known.as_ref(), client).await?;
                    return Err(hindrance.map_or(LoginFault::Wrong, LoginFault::Hindered));
                }
            };
        if let Some(hindrance) = self.confirm_right(&attempt, client).await? {
            return Err(LoginFault::Hindered(hindrance));
        }
        if record.user.is_blocked() {
            self.record(&Happened::BlockedUser, client, Some(&record.user.user_id)).await?;
            return Err(LoginFault::Blocked);
        }
        match rehashed {
            Some(phc) => self.replace_foreign_hash(*record, phc).await,
            None => Ok(*record),
        }
    }

    /// Looks in one database after the other for the user who has this password.
    async fn find_by_password(
        &self,
        identifier: &str,
        password: &Password,
        databases: &[Connection],
    ) -> Result<Match, LoginFault> {
        let mut known = None;
        for database in databases {
            let mut conn = self.store.read().await?;
            let found = users::find_by_identifier(conn.db(), &database.name, identifier).await?;
            drop(conn);
            let phc = found.as_ref().and_then(|user| user.password_hash.as_deref());
            // A password that could never have been set is checked against the decoy all the same.
            let too_long = password.expose().len() > Passwords::MAX_LENGTH;
            let checked = if too_long {
                self.passwords.check(&Password::new("too long"), None, &*self.entropy).await?
            } else {
                self.passwords.check(password, phc, &*self.entropy).await?
            };
            match (found, checked) {
                (None, _) => {}
                (Some(record), Checked::Wrong) => {
                    known.get_or_insert(record.user.user_id);
                }
                (Some(record), Checked::Right) => return Ok(Match::Right(record.into(), None)),
                (Some(record), Checked::Rehashed(phc)) => {
                    return Ok(Match::Right(record.into(), Some(phc)));
                }
            }
        }
        Ok(Match::Wrong(known))
    }

    /// Keeps a hash of this server in place of one that another program made, unless the password
    /// was changed meanwhile: the new one must not be undone.
    async fn replace_foreign_hash(
        &self,
        mut record: UserRecord,
        phc: String,
    ) -> Result<UserRecord, LoginFault> {
        let Some(foreign) = record.password_hash.clone() else { return Ok(record) };
        let mut tx = self.store.write().await?;
        let id = &record.user.user_id;
        if users::replace_password_hash(&mut tx, id, &foreign, &phc).await? {
            tx.commit().await?;
            record.password_hash = Some(phc);
            record.version += 1;
        }
        Ok(record)
    }
}
