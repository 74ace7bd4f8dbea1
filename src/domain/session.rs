//! Browser sessions.

use crate::domain::{SessionId, UserId, time::Timestamp};

/// A browser session: one user logged in to this server, whatever the application.
#[derive(Debug, Clone)]
pub struct Session {
    /// The `sid` of ID tokens.
    pub id: SessionId,
    /// Who is logged in.
    pub user_id: UserId,
    /// When the user last gave a credential (OIDC Core §2, `auth_time`).
    pub authenticated_at: Timestamp,
    /// How (RFC 8176), e.g. `pwd`.
    pub amr: Vec<String>,
    /// When it began.
    pub created_at: Timestamp,
    /// The absolute end.
    pub expires_at: Timestamp,
    /// The end if it is not used before.
    pub idle_expires_at: Timestamp,
}

impl Session {
    /// Whether the session still counts at `now`.
    pub fn is_alive(&self, now: Timestamp) -> bool {
        now < self.expires_at && now < self.idle_expires_at
    }
}
