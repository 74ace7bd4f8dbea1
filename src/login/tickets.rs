//! One-time tickets that travel in messages.

use crate::crypto::digest;
use crate::domain::{
    secret::Ticket,
    ticket::{DeadTicket, IssuedTicket, TicketHolder, TicketKind, TicketTerms},
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
            TicketKind::VerifyEmail | TicketKind::Unblock => self.settings.verification_lifetime,
        };
        let ticket = Ticket::new(self.entropy.url_safe(43));
        let user_id = user.user_id.clone();
        let holder = TicketHolder { user_id, email: email.clone(), terms: None };
        let now = self.clock.now();
        let expires_at = now.plus_seconds(lifetime);
        let (hash, most) = (digest::ticket_hash(&ticket), self.settings.links_per_user);
        let is_kept = tickets::insert(tx, &hash, kind, &holder, most, (now, expires_at)).await?;
        Ok(is_kept.then(|| IssuedTicket { to: email.clone(), ticket, lifetime }))
    }

    /// A new ticket for the address of a user that an operator asks for, who answers for how many
    /// there are; those that operators asked for before end. `None` without an address. `lifetime`
    /// is in seconds.
    ///
    /// # Errors
    /// When the database does.
    pub async fn issue_ticket_for_operator(
        &self,
        tx: &mut Tx,
        user: &User,
        kind: TicketKind,
        terms: TicketTerms,
        lifetime: i64,
    ) -> Result<Option<IssuedTicket>, store::Error> {
        let Some(email) = &user.email else { return Ok(None) };
        let ticket = Ticket::new(self.entropy.url_safe(43));
        let user_id = user.user_id.clone();
        let holder = TicketHolder { user_id, email: email.clone(), terms: Some(terms) };
        let now = self.clock.now();
        let times = (now, now.plus_seconds(lifetime));
        tickets::replace(tx, &digest::ticket_hash(&ticket), kind, &holder, times).await?;
        Ok(Some(IssuedTicket { to: email.clone(), ticket, lifetime }))
    }

    /// Where a ticket was to lead that works no more.
    ///
    /// # Errors
    /// When the database does.
    pub async fn dead_ticket(
        &self,
        ticket: &Ticket,
        kind: TicketKind,
    ) -> Result<Option<DeadTicket>, store::Error> {
        if ticket.expose().len() > LONGEST {
            return Ok(None);
        }
        let (hash, now) = (digest::ticket_hash(ticket), self.clock.now());
        tickets::find_dead(self.store.read().await?.db(), &hash, kind, now).await
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

    /// Spends a ticket within a transaction and returns whose it was: `None` for who comes second.
    ///
    /// # Errors
    /// When the database does.
    pub(super) async fn spend_ticket(
        &self,
        tx: &mut Tx,
        ticket: &Ticket,
        kind: TicketKind,
    ) -> Result<Option<(UserRecord, TicketHolder)>, store::Error> {
        let (hash, now) = (digest::ticket_hash(ticket), self.clock.now());
        let Some(holder) = tickets::find(tx.db(), &hash, kind, now).await? else {
            return Ok(None);
        };
        if !tickets::spend(tx, &hash, kind, now).await? {
            return Ok(None);
        }
        let user = users::find(tx.db(), &holder.user_id).await?;
        let user = user.filter(|record| may_use(record, &holder));
        Ok(user.map(|record| (record, holder)))
    }
}

/// Whoever read the mail of an old address must not come in through the new one.
fn may_use(record: &UserRecord, holder: &TicketHolder) -> bool {
    record.user.email.as_ref() == Some(&holder.email) && !record.user.is_blocked()
}
