//! Audit events: what a security reviewer will want to count. Ids only, never a token, a secret or
//! an e-mail address.

use serde_json::{Value, json};

use crate::domain::{
    ClientId, FamilyId, UserId, audience::Audience, entropy::Entropy, time::Timestamp,
};

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
    /// What else is to be known.
    pub details: Value,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Happened<'a> {
    /// A spent refresh token was presented again; its family is revoked.
    RefreshTokenReused {
        /// The family.
        family: &'a FamilyId,
        /// The generation presented.
        presented: u32,
        /// The current one.
        current: u32,
    },
    /// A refresh token was presented by an application it was not issued to.
    RefreshTokenOfOtherClient {
        /// The family.
        family: &'a FamilyId,
        /// Who presented it.
        presented_by: &'a ClientId,
    },
    /// A refresh token is newer than the store: the store was restored from a backup.
    StoreBehind {
        /// The family.
        family: &'a FamilyId,
        /// The generation presented.
        presented: u32,
        /// What the store thought.
        stored: u32,
    },
    /// An exchange was refused, or fell back, because of its audience.
    AudienceRefused {
        /// The family.
        family: &'a FamilyId,
        /// What was asked for.
        requested: &'a Audience,
        /// Why it was refused.
        reason: &'static str,
        /// Whether a token for the original audience was given instead.
        fell_back: bool,
    },
    /// A scope was requested in an exchange and nothing is left of it.
    NothingLeftOfScope {
        /// The family.
        family: &'a FamilyId,
    },
    /// An authorization code was presented twice; the family it began is revoked.
    CodeReplayed {
        /// The family, if it began one.
        family: Option<&'a FamilyId>,
    },
    /// The oldest refresh tokens gave way to a new one.
    FamiliesBeyondLimit {
        /// How many.
        revoked: u64,
    },
    /// A user logged in.
    LoggedIn,
    /// A login with a wrong password.
    WrongPassword,
    /// A login of somebody who does not exist.
    UnknownUser,
    /// A login of a blocked user.
    BlockedUser,
    /// `offline_access` was asked for and the API does not allow it.
    OfflineAccessDropped {
        /// The API.
        audience: &'a Audience,
    },
}

impl Happened<'_> {
    fn code(&self) -> &'static str {
        match self {
            Self::RefreshTokenReused { .. } => "ferrt",
            Self::RefreshTokenOfOtherClient { .. } => "fertft",
            Self::AudienceRefused { fell_back: false, .. } => "fertft",
            Self::AudienceRefused { fell_back: true, .. }
            | Self::StoreBehind { .. }
            | Self::NothingLeftOfScope { .. }
            | Self::OfflineAccessDropped { .. } => "w",
            Self::CodeReplayed { .. } => "feacft",
            Self::FamiliesBeyondLimit { .. } => "resource_cleanup",
            Self::LoggedIn => "s",
            Self::WrongPassword => "fp",
            Self::UnknownUser => "fu",
            Self::BlockedUser => "f",
        }
    }

    fn details(&self) -> Value {
        match self {
            Self::RefreshTokenReused { family, presented, current } => {
                json!({ "familyId": family, "tokenCounter": presented, "latestCounter": current })
            }
            Self::RefreshTokenOfOtherClient { family, presented_by } => json!({
                "familyId": family, "presented_by": presented_by, "reason": "other_client",
            }),
            Self::StoreBehind { family, presented, stored } => json!({
                "familyId": family, "tokenCounter": presented, "latestCounter": stored,
                "reason": "store_behind",
            }),
            Self::AudienceRefused { family, requested, reason, fell_back } => json!({
                "familyId": family, "requested_audience": requested, "reason": reason,
                "fell_back": fell_back,
            }),
            Self::NothingLeftOfScope { family } => {
                json!({ "familyId": family, "reason": "nothing_left_of_scope" })
            }
            Self::CodeReplayed { family } => {
                json!({ "familyId": family, "reason": "code_replay" })
            }
            Self::FamiliesBeyondLimit { revoked } => json!({ "revoked": revoked }),
            Self::OfflineAccessDropped { audience } => {
                json!({ "audience": audience, "reason": "offline_access_dropped" })
            }
            Self::LoggedIn | Self::WrongPassword | Self::UnknownUser | Self::BlockedUser => {
                json!({})
            }
        }
    }
}

impl AuditEvent {
    /// The event of what happened at `date`.
    pub fn new(
        happened: &Happened<'_>,
        client_id: Option<&ClientId>,
        user_id: Option<&UserId>,
        date: Timestamp,
        entropy: &dyn Entropy,
    ) -> Self {
        Self {
            id: format!("{:012x}{}", date.millis(), entropy.lower_hex(20)),
            date,
            code: happened.code(),
            client_id: client_id.cloned(),
            user_id: user_id.cloned(),
            details: happened.details(),
        }
    }
}
