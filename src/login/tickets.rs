//! One-time tickets that travel in messages.

use crate::crypto::digest;
use crate::domain::{
    secret::Ticket,
    ticket::{IssuedTicket, TicketHolder, TicketKind},
    user::User,
};
use crate::login::LoginService;
use crate::store::{
    self, Tx, tickets,
    users::{self, UserRecord},
};

/// The longest ticket that is looked for.
const LONGEST: usize = 64;

impl LoginService {
    /// A new ticket for the address of a user. `None` without an address, and when the user has as
    /// many as may be: nobody floods a mailbox.
    ///
    /// # Errors
    /// When the database does.
    pub(super) async fn issue_ticket(
        &self,
        tx: &mut Tx,
        user: &User,
        kind: TicketKind,
    ) -> Result<Option<IssuedTicket>, store::Error> {
        let Some(email) = &user.email else { return Ok(None) };
        let lifetime = match kind {
            TicketKind::ResetPassword => self.settings.reset_lifetime,
            TicketKind::VerifyEmail => self.settings.verification_lifetime,
        };
        let ticket = Ticket::new(self.entropy.url_safe(43));
        let holder = TicketHolder { user_id: user.user_id.clone(), email: email.clone() };
        let now = self.clock.now();
        let expires_at = now.plus_seconds(lifetime);
        let (hash, most) = (digest::ticket_hash(&ticket), self.settings.links_per_user);
        let is_kept = tickets::insert(tx, &hash, kind, &holder, most, (now, expires_at)).await?;
        Ok(is_kept.then(|| IssuedTicket { to: email.clone(), ticket, lifetime }))
    }

    /// The user whom a working ticket belongs to, as long as the address is still the same.
    ///
    /// # Errors
    /// When the database does.
    pub async fn ticket_holder(
        &self,
        ticket: &Ticket,
        kind: TicketKind,
    ) -> Result<Option<UserRecord>, store::Error> {
        if ticket.expose().len() > LONGEST {
            return Ok(None);
        }
        let mut conn = self.store.read().await?;
        let hash = digest::ticket_hash(ticket);
        let now = self.clock.now();
        let Some(holder) = tickets::find(conn.db(), &hash, kind, now).await? else {
            return Ok(None);
        };
        let user = users::find(conn.db(), &holder.user_id).await?;
        Ok(user.filter(|record| may_use(record, &holder)))
    }

    /// Spends a ticket within a transaction and returns its user: `None` for who comes second.
    ///
    /// # Errors
    /// When the database does.
    pub(super) async fn spend_ticket(
        &self,
        tx: &mut Tx,
        ticket: &Ticket,
        kind: TicketKind,
    ) -> Result<Option<UserRecord>, store::Error> {
        let (hash, now) = (digest::ticket_hash(ticket), self.clock.now());
        let Some(holder) = tickets::find(tx.db(), &hash, kind, now).await? else {
            return Ok(None);
        };
        if !tickets::spend(tx, &hash, kind, now).await? {
            return Ok(None);
        }
        let user = users::find(tx.db(), &holder.user_id).await?;
        Ok(user.filter(|record| may_use(record, &holder)))
    }
}

/// Whoever read the mail of an old address must not come in through the new one.
fn may_use(record: &UserRecord, holder: &TicketHolder) -> bool {
    record.user.email.as_ref() == Some(&holder.email) && !record.user.is_blocked()
}
