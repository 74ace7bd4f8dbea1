//! Tickets: one-time links in messages, which prove that somebody reads the mail of an address.

use crate::domain::{UserId, secret::Ticket};

/// What a ticket lets its bearer do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TicketKind {
    /// Set a new password.
    ResetPassword,
    /// Verify the address.
    VerifyEmail,
}

impl TicketKind {
    /// As the store keeps it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ResetPassword => "reset_password",
            Self::VerifyEmail => "verify_email",
        }
    }
}

/// Whom a ticket belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketHolder {
    /// The user.
    pub user_id: UserId,
    /// The address that the ticket was sent to.
    pub email: String,
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
