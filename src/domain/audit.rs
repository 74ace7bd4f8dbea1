//! Audit events: what a security reviewer will want to count. Ids only, never a token, a secret or
//! an e-mail address.

pub mod happened;
pub mod management;
pub mod reasons;
pub mod types;

use std::borrow::Cow;

use serde_json::Value;

pub use self::happened::{Exchanged, Happened, Issued};
use crate::domain::{ClientId, UserId, entropy::Entropy, time::Timestamp};

/// Where a request came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// The address, as far as it can be told (see `Settings::trusted_proxies`).
    pub ip: Option<String>,
    /// What the program calls itself.
    pub user_agent: Option<String>,
}

/// One event.
#[derive(Debug, Clone)]
pub struct AuditEvent {
    /// Unique, and sorted by time.
    pub id: String,
    /// When.
    pub date: Timestamp,
    /// Auth0's code for it, e.g. `ferrt`.
    pub code: &'static str,
    /// The application, if one is known.
    pub client_id: Option<ClientId>,
    /// The user, if one is known.
    pub user_id: Option<UserId>,
    /// The audience of the token that was issued.
    pub audience: Option<String>,
    /// The scope of the token that was issued.
    pub scope: Option<String>,
    /// Where the request came from.
    pub caller: Caller,
    /// What else is to be known.
    pub details: Value,
    /// How often it happened: the same refusal, again and again, is one event.
    pub times: u64,
}

impl AuditEvent {
    /// The event of what happened at `date` to a request of `caller`.
    pub fn new(
        happened: &Happened<'_>,
        client_id: Option<&ClientId>,
        user_id: Option<&UserId>,
        caller: Caller,
        date: Timestamp,
        entropy: &dyn Entropy,
    ) -> Self {
        let issued = happened.issued();
        Self {
            id: format!("{:012x}{}", date.millis(), entropy.lower_hex(20)),
            date,
            code: happened.code(),
            client_id: client_id.cloned(),
            user_id: user_id.cloned(),
            audience: issued.and_then(|issued| issued.audience).map(ToString::to_string),
            scope: issued.map(|issued| issued.scope.to_string()),
            caller,
            details: happened.details(),
            times: 1,
        }
    }

    /// Whether tokens were issued, as they are all day long.
    pub fn is_routine(&self) -> bool {
        self.scope.is_some()
    }

    /// Whether `other` is the same refusal again.
    pub fn is_repeated_by(&self, other: &Self) -> bool {
        // Auth0's codes of failures, and of nothing else, begin so.
        self.code.starts_with('f')
            && self.code == other.code
            && self.client_id == other.client_id
            && self.user_id == other.user_id
            && self.caller == other.caller
            && self.details == other.details
    }

    /// The details as they are kept: with the number of times, if it was more than one.
    pub fn kept_details(&self) -> Cow<'_, Value> {
        let mut details = Cow::Borrowed(&self.details);
        if self.times > 1 {
            details.to_mut()["times"] = self.times.into();
        }
        details
    }
}
