//! Tickets: one-time links in messages, which prove that somebody reads the mail of an address.

use serde::{Deserialize, Serialize};

use crate::domain::{ClientId, OrganizationId, UserId, secret::Ticket};

/// What a ticket lets its bearer do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TicketKind {
    /// Set a new password.
    ResetPassword,
    /// Verify the address.
    VerifyEmail,
    /// Log in again after too many wrong passwords.
    Unblock,
}

impl TicketKind {
    /// As the store keeps it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ResetPassword => "reset_password",
            Self::VerifyEmail => "verify_email",
            Self::Unblock => "unblock",
        }
    }
}

/// Whom a ticket belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketHolder {
    /// The user.
    pub user_id: UserId,
    /// The address that the ticket was sent to, or issued for.
    pub email: String,
    /// What the operator attached to it; `None` when the person asked for it.
    pub terms: Option<TicketTerms>,
}

impl TicketHolder {
    /// Whether using the ticket shows that the address is the user's: a link that came by mail
    /// does, one that an operator took somewhere else only if the operator says so.
    pub fn verifies_email(&self) -> bool {
        self.terms.as_ref().is_none_or(|terms| terms.verifies_email)
    }
}

/// What an operator attaches to a ticket of theirs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TicketTerms {
    /// Where the browser goes once the ticket is used, http or https.
    pub result_url: Option<String>,
    /// Whether it takes the address along.
    pub email_in_result: bool,
    /// The application that the person can go on to.
    pub client_id: Option<ClientId>,
    /// The organization that the person can go on to log in to.
    pub organization_id: Option<OrganizationId>,
    /// Whether using the ticket shows that the address is the user's.
    pub verifies_email: bool,
}

/// A ticket that works no more and still knows where it was to lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadTicket {
    /// Where.
    pub result_url: String,
    /// Whether it was used; else it has expired.
    pub was_used: bool,
}

/// A ticket that was issued and is to be sent.
#[derive(Debug, Clone)]
pub struct IssuedTicket {
    /// Where to send it.
    pub to: String,
    /// The ticket.
    pub ticket: Ticket,
    /// Seconds that it works.
    pub lifetime: i64,
}
