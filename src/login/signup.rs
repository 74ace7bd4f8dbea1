//! Accounts that people create themselves.
//!
//! 1. Is the address one, and may the password be chosen?
//! 2. What do the Actions of the operator say?
//! 3. Hash the password, also when the address is taken: the time tells nothing before the answer.
//! 4. Write the user and a ticket to verify the address, in one transaction.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::crypto::{Failed, password::Overloaded};
use crate::domain::{
    ClientId,
    attack_protection::Hindrance,
    audit::Happened,
    connection::{Connection, Options},
    secret::Password,
    ticket::{IssuedTicket, TicketKind},
    user::User,
};
use crate::login::{LoginService, authorize::Failure, profile};
use crate::mail;
use crate::policy::new_password::{self, Problem};
use crate::store::{
    self, audit, connections,
    daily_counts::{self, Counted},
    users,
};

/// What somebody gives to create an account.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// The address, as typed.
    pub email: String,
    /// The user name, as typed.
    pub username: Option<String>,
    /// The password.
    pub password: Password,
    /// `name`, `nickname`, `picture`, `given_name`, `family_name`.
    pub profile: Map<String, Value>,
    /// What applications may let users edit.
    pub user_metadata: Map<String, Value>,
}

/// Why an account is not created.
#[derive(Debug, thiserror::Error)]
pub enum SignupFault {
    /// The address is none.
    #[error("the address is none")]
    Email,
    /// The user name is none.
    #[error("the user name is none")]
    Username,
    /// The password may not be chosen.
    #[error("the password may not be chosen")]
    Password(Problem),
    /// The address or the user name is taken.
    #[error("the user exists")]
    Taken,
    /// An Action of the operator refuses, or failed. What the person and the application are told.
    #[error("an Action refuses")]
    Action {
        /// A code of the operator's own.
        code: Option<String>,
        /// What the person is told.
        message: Option<String>,
    },
    /// There were too many attempts.
    #[error("too many attempts")]
    Hindered(Hindrance),
    /// Too many password hashes are waiting.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The crypto library failed.
    #[error(transparent)]
    Crypto(#[from] Failed),
}

impl From<Failure> for SignupFault {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Store(error) => error.into(),
            Failure::Crypto(error) => error.into(),
        }
    }
}

impl LoginService {
    /// Creates an account in a connection that takes them, and the ticket with which its address is
    /// to be verified.
    ///
    /// # Errors
    /// Why not.
    pub async fn sign_up(
        self: &Arc<Self>,
        account: &NewAccount,
        client: &ClientId,
        connection: &Connection,
    ) -> Result<(User, Option<IssuedTicket>), SignupFault> {
        if let Some(hindrance) = self.count_signup(client).await? {
            return Err(SignupFault::Hindered(hindrance));
        }
        match self.try_to_sign_up(account, client, connection).await {
            Err(SignupFault::Taken) => {
                self.note(&Happened::SignupRefused { reason: "taken" }, Some(client), None);
                Err(SignupFault::Taken)
            }
            Err(SignupFault::Password(problem)) => {
                let reason = problem.as_str();
                self.note(&Happened::SignupRefused { reason }, Some(client), None);
                Err(SignupFault::Password(problem))
            }
            Err(fault) => Err(fault),
            Ok(created) => {
                self.after_registration(&created.0, client, connection).await;
                Ok(created)
            }
        }
    }

    async fn try_to_sign_up(
        &self,
        account: &NewAccount,
        client: &ClientId,
        connection: &Connection,
    ) -> Result<(User, Option<IssuedTicket>), SignupFault> {
        // Step 1.
        let email = account.email.trim().to_lowercase();
        if !mail::is_address(&email) {
            return Err(SignupFault::Email);
        }
        let username = account.username.as_ref().map(|name| name.to_lowercase());
        let options = &connection.options;
        if !username.as_deref().is_none_or(|name| is_username(name, options))
            || options.requires_username.is_some_and(|required| required != username.is_some())
        {
            return Err(SignupFault::Username);
        }
        let mut user = User::new(&self.entropy.lower_hex(24), self.clock.now());
        user.connection.clone_from(&connection.name);
        user.email = Some(email);
        user.username = username;
        user.profile.clone_from(&account.profile);
        user.user_metadata.clone_from(&account.user_metadata);
        new_password::check(&account.password, &personal(&user), options)
            .map_err(SignupFault::Password)?;
        profile::complete(&mut user.profile, user.email.as_deref(), user.username.as_deref());
        // Step 2. An Action that refuses must not tell whether the address is taken, either.
        if let Err(denied) = self.before_registration(&mut user, client, connection).await? {
            return Err(SignupFault::Action { code: denied.code, message: denied.message });
        }
        // Step 3.
        let hash = self.passwords.hash(&account.password, &*self.entropy).await?;
        // Step 4.
        let event = self.event(&Happened::SignedUp, Some(client), Some(&user.user_id));
        let mut tx = self.store.write().await?;
        // It may have been deleted while the password was hashed, and nobody would remove the user.
        if connections::find(tx.db(), &connection.id).await?.is_none() {
            return Err(SignupFault::Taken);
        }
        match users::insert(&mut tx, &user, Some(&hash)).await {
            Err(store::Error::Duplicate) => return Err(SignupFault::Taken),
            other => other?,
        }
        daily_counts::count(&mut tx, Counted::Signup, &user.user_id, event.date).await?;
        let ticket = self.issue_ticket(&mut tx, &user, TicketKind::VerifyEmail).await?;
        audit::insert(&mut tx, &event).await?;
        tx.commit().await?;
        self.tell(&event);
        Ok((user, ticket))
    }
}

/// What is known about a user and must not be the password.
pub fn personal(user: &User) -> Vec<&str> {
    let names = ["name", "nickname", "given_name", "family_name"];
    let names = names.into_iter().filter_map(|name| user.profile_text(name));
    user.email.as_deref().into_iter().chain(user.username.as_deref()).chain(names).collect()
}

/// One that is no address: at the login page it would be another user's.
fn is_username(name: &str, options: &Options) -> bool {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && c != '@';
    let (min, max) = options.username_length();
    (min..=max).contains(&name.chars().count()) && name.chars().all(plain)
}
