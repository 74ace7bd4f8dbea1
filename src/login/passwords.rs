//! Checking the password of a user of the database connection.

use crate::crypto::password::{Checked, Overloaded, Passwords};
use crate::domain::{ClientId, audit::Happened, secret::Password, user::DATABASE_CONNECTION};
use crate::login::LoginService;
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
    /// Too many password hashes are waiting.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl LoginService {
    /// The user with this e-mail address or user name, if the password is right. Unknown users cost
    /// the same time as wrong passwords (the decoy hash), and both are audited without the
    /// identifier, which may be a mistyped password. `client` is the application that wants the user
    /// to log in, if it is known already.
    ///
    /// # Errors
    /// Why not.
    pub async fn check_password(
        &self,
        identifier: &str,
        password: &Password,
        client: Option<&ClientId>,
    ) -> Result<UserRecord, LoginFault> {
        let identifier = identifier.trim().to_lowercase();
        let found = users::find_by_identifier(
            self.store.read().await?.db(),
            DATABASE_CONNECTION,
            &identifier,
        )
        .await?;
        let phc = found.as_ref().and_then(|user| user.password_hash.as_deref());
        // A password that could never have been set is checked against the decoy all the same.
        let too_long = password.expose().len() > Passwords::MAX_LENGTH;
        let checked = if too_long {
            self.passwords.check(&Password::new("too long"), None, &*self.entropy).await?
        } else {
            self.passwords.check(password, phc, &*self.entropy).await?
        };
        match (found, checked) {
            (Some(user), Checked::Wrong) => {
                self.record(&Happened::WrongPassword, client, Some(&user.user.user_id)).await?;
                Err(LoginFault::Wrong)
            }
            (Some(user), _) if user.user.is_blocked() => {
                self.record(&Happened::BlockedUser, client, Some(&user.user.user_id)).await?;
                Err(LoginFault::Blocked)
            }
            (Some(user), Checked::Right) => Ok(user),
            (Some(user), Checked::Rehashed(phc)) => self.replace_foreign_hash(user, phc).await,
            (None, _) => {
                self.record(&Happened::UnknownUser, client, None).await?;
                Err(LoginFault::Wrong)
            }
        }
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
