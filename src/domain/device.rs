//! Device authorizations (RFC 8628): a device shows a code, and a person types it elsewhere.

use crate::domain::{
    ClientId, UserId, audience::Audience, scope::ScopeSet, secret::UserCode, time::Timestamp,
};

/// The grant type (RFC 8628 §3.4).
pub const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// Lifetime of both codes in seconds.
pub const LIFETIME: i64 = 900;

/// Seconds that a device waits between two polls.
pub const INTERVAL: i64 = 5;

/// Letters in a user code: 20^8 codes, 34 bits.
pub const USER_CODE_LENGTH: usize = 8;

/// What a device asked for, and what a user answered.
#[derive(Debug, Clone)]
pub struct DeviceAuthorization {
    /// The application on the device.
    pub client_id: ClientId,
    /// The API asked for, if any.
    pub audience: Option<Audience>,
    /// The scopes asked for, not yet what is granted.
    pub scope: ScopeSet,
    /// S256 challenge (RFC 7636 §4.3), if the device sent one.
    pub code_challenge: Option<String>,
    /// What the user said.
    pub answer: Answer,
    /// The last poll that was not too early.
    pub polled_at: Option<Timestamp>,
    /// When tokens were issued for it, if they were.
    pub consumed_at: Option<Timestamp>,
    /// End of both codes.
    pub expires_at: Timestamp,
}

/// What the user said to a device.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Nothing yet.
    Pending,
    /// No.
    Declined,
    /// Yes.
    Approved(Approval),
}

/// A user's yes.
#[derive(Debug, Clone)]
pub struct Approval {
    /// Who.
    pub user_id: UserId,
    /// The scopes the user was shown.
    pub scope: ScopeSet,
    /// When the user last gave a credential.
    pub auth_time: Timestamp,
    /// How (RFC 8176).
    pub amr: Vec<String>,
}

impl UserCode {
    /// As people read it: `XXXX-XXXX`.
    pub fn shown(&self) -> String {
        match self.expose().split_at_checked(USER_CODE_LENGTH / 2) {
            Some((first, second)) => format!("{first}-{second}"),
            None => self.expose().to_owned(),
        }
    }
}
