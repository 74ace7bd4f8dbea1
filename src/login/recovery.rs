//! Ways back into an account through its mail: resetting the password, verifying the address.
//!
//! Who asks is told nothing: whether there is a user shows in the mailbox only.

use std::sync::Arc;

use crate::crypto::password::Overloaded;
use crate::domain::{
    ClientId,
    audit::Happened,
    family::RevokedBy,
    logout::Initiator,
    secret::{Password, Ticket},
    ticket::{IssuedTicket, TicketHolder, TicketKind},
};
use crate::login::{LoginService, signup::personal};
use crate::policy::new_password::{self, Problem};
use crate::store::{
    self, audit, families, tickets,
    users::{self, UserRecord},
};

/// Why a password is not set.
#[derive(Debug, thiserror::Error)]
pub enum ResetFault {
    /// The ticket was used, has expired or never was.
    #[error("the ticket does not work")]
    Ticket,
    /// The password may not be chosen.
    #[error("the password may not be chosen")]
    Password(Problem),
    /// Too many password hashes are waiting.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl LoginService {
    /// A ticket to set a new password, for the user with this address in the connection that is
    /// named, or the first of the application's that has one. `None` when there is nobody to send it
    /// to. Run it in the background: it takes longer for who exists.
    ///
    /// # Errors
    /// When the database does.
    pub async fn request_reset(
        &self,
        email: &str,
        client: &ClientId,
        named: Option<&str>,
    ) -> Result<Option<IssuedTicket>, store::Error> {
        let email = email.trim().to_lowercase();
        let found = self.to_recover(&email, client, named).await?;
        let refused = |reason| Happened::ResetNotSent { reason };
        let Some(user) = found.map(|record| record.user) else {
            self.note(&refused("unknown_user"), Some(client), None);
            return Ok(None);
        };
        if user.is_blocked() {
            self.note(&refused("blocked"), Some(client), Some(&user.user_id));
            return Ok(None);
        }
        let mut tx = self.store.write().await?;
        let ticket = self.issue_ticket(&mut tx, &user, TicketKind::ResetPassword).await?;
        tx.commit().await?;
        let happened = match &ticket {
            Some(_) => Happened::ResetRequested,
            None => refused("too_many"),
        };
        self.note(&happened, Some(client), Some(&user.user_id));
        Ok(ticket)
    }

    async fn to_recover(
        &self,
        email: &str,
        client: &ClientId,
        named: Option<&str>,
    ) -> Result<Option<UserRecord>, store::Error> {
        let databases = self.databases_if_any(client, named).await?;
        let mut conn = self.store.read().await?;
        for database in databases.iter().filter(|connection| connection.offers_reset()) {
            // Not a user name that looks like it.
            if let Some(found) = users::find_by_email(conn.db(), &database.name, email).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Sets a new password with a ticket, and ends what was begun under the old one. What is
    /// refused spends no ticket. Returns whose ticket it was.
    ///
    /// # Errors
    /// Why not.
    pub async fn reset_password(
        self: &Arc<Self>,
        ticket: &Ticket,
        password: &Password,
    ) -> Result<TicketHolder, ResetFault> {
        const KIND: TicketKind = TicketKind::ResetPassword;
        // A stranger's ticket must not cost a hash.
        let Some(record) = self.ticket_holder(ticket, KIND).await? else {
            self.note(&Happened::PasswordNotChanged { reason: "ticket" }, None, None);
            return Err(ResetFault::Ticket);
        };
        let id = &record.user.user_id;
        let options = self.options_of(&record.user).await?;
        if let Err(problem) = new_password::check(password, &personal(&record.user), &options) {
            let reason = problem.as_str();
            self.note(&Happened::PasswordNotChanged { reason }, None, Some(id));
            return Err(ResetFault::Password(problem));
        }
        let hash = self.passwords.hash(password, &*self.entropy).await?;
        let mut tx = self.store.write().await?;
        let Some((mut record, holder)) = self.spend_ticket(&mut tx, ticket, KIND).await? else {
            drop(tx);
            self.note(&Happened::PasswordNotChanged { reason: "ticket" }, None, Some(id));
            return Err(ResetFault::Ticket);
        };
        // Whoever created the account without reading this mail may hold refresh tokens: they end,
        // whatever the setting says.
        let was_anybodys = !record.user.email_verified;
        let now = self.clock.now();
        record.user.email_verified |= holder.verifies_email();
        record.user.updated_at = now;
        if !users::update(&mut tx, &record.user, Some(&hash), record.version).await? {
            // An operator was faster: nothing is spent, and the next attempt will do.
            return Err(ResetFault::Overloaded(Overloaded));
        }
        tickets::delete_of_user(&mut tx, id, KIND).await?;
        // Wrong guesses were guesses of another password.
        self.unblock(&mut tx, &record.user).await?;
        self.end_all(&mut tx, id, Initiator::PasswordChanged).await?;
        let revoked = if was_anybodys || self.settings.revoke_on_password_change {
            families::revoke_of_user(&mut tx, id, RevokedBy::PasswordChange, now).await?
        } else {
            0
        };
        let event = self.event(&Happened::PasswordChanged { revoked }, None, Some(id));
        audit::insert(&mut tx, &event).await?;
        tx.commit().await?;
        self.tell(&event);
        self.after_password_change(&record.user).await;
        Ok(holder)
    }

    /// Marks the address of a ticket as verified, and returns whose it was. `None` when the ticket
    /// does not work.
    ///
    /// # Errors
    /// When the database does.
    pub async fn verify_email(
        &self,
        ticket: &Ticket,
    ) -> Result<Option<TicketHolder>, store::Error> {
        const KIND: TicketKind = TicketKind::VerifyEmail;
        let mut tx = self.store.write().await?;
        let Some((mut record, holder)) = self.spend_ticket(&mut tx, ticket, KIND).await? else {
            drop(tx);
            self.note(&Happened::EmailNotVerified, None, None);
            return Ok(None);
        };
        record.user.email_verified = true;
        record.user.updated_at = self.clock.now();
        let (id, hash) = (record.user.user_id.clone(), record.password_hash.as_deref());
        if !users::update(&mut tx, &record.user, hash, record.version).await? {
            return Ok(None);
        }
        tickets::delete_of_user(&mut tx, &id, KIND).await?;
        let event = self.event(&Happened::EmailVerified, None, Some(&id));
        audit::insert(&mut tx, &event).await?;
        tx.commit().await?;
        self.tell(&event);
        Ok(Some(holder))
    }
}
