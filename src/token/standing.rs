//! Whether the user's state, read live, still lets a family be exchanged: for the exchange, for
//! introspection and for the explanation, which must not differ.

use crate::store::{self, consents, families::exchange::Facts};
use crate::token::{GrantFault, TokenService};

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadStanding {
    /// The user is gone.
    UnknownUser,
    /// The user is blocked.
    UserBlocked,
    /// The user has left the organization logged in to.
    NotAMember,
    /// A third-party application lives by the user's consent, which was withdrawn.
    ConsentWithdrawn,
}

impl BadStanding {
    /// As the operator reads it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownUser => "unknown_user",
            Self::UserBlocked => "user_blocked",
            Self::NotAMember => "not_a_member",
            Self::ConsentWithdrawn => "consent_withdrawn",
        }
    }

    /// As the application is told.
    pub(super) const fn fault(self) -> GrantFault {
        match self {
            Self::UserBlocked => GrantFault::UserBlocked,
            Self::NotAMember => GrantFault::NotAMember,
            Self::UnknownUser | Self::ConsentWithdrawn => GrantFault::RefreshToken,
        }
    }
}

impl TokenService {
    /// Why the user of a family is not in good standing, if so.
    ///
    /// # Errors
    /// When the database does.
    pub async fn bad_standing(
        &self,
        Facts { family, user, organization_name, .. }: &Facts,
        is_first_party: bool,
    ) -> Result<Option<BadStanding>, store::Error> {
        if user.is_blocked() {
            return Ok(Some(BadStanding::UserBlocked));
        }
        if family.organization_id.is_some() && organization_name.is_none() {
            return Ok(Some(BadStanding::NotAMember));
        }
        if is_first_party {
            return Ok(None);
        }
        let (client, audience) = (&family.client_id, family.audience.as_ref());
        let mut conn = self.store.read().await?;
        let consent = consents::find(conn.db(), &user.user_id, client, audience).await?;
        Ok(consent.is_none().then_some(BadStanding::ConsentWithdrawn))
    }
}
