//! Whether the user's state, read live, still lets a family be exchanged: for the exchange, for
//! introspection and for the explanation, which must not differ.

use crate::domain::{family::Family, user::User};
use crate::store::{self, consents, organizations, users};
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
    /// The user of a family, if in good standing.
    ///
    /// # Errors
    /// When the database does.
    pub async fn standing(
        &self,
        family: &Family,
        is_first_party: bool,
    ) -> Result<Result<User, BadStanding>, store::Error> {
        let mut conn = self.store.read().await?;
        let Some(record) = users::find(conn.db(), &family.user_id).await? else {
            return Ok(Err(BadStanding::UnknownUser));
        };
        let user = record.user;
        if user.is_blocked() {
            return Ok(Err(BadStanding::UserBlocked));
        }
        if let Some(organization) = &family.organization_id
            && !organizations::is_member(conn.db(), organization, &user.user_id).await?
        {
            return Ok(Err(BadStanding::NotAMember));
        }
        let (client, audience) = (&family.client_id, family.audience.as_ref());
        if !is_first_party
            && consents::find(conn.db(), &user.user_id, client, audience).await?.is_none()
        {
            return Ok(Err(BadStanding::ConsentWithdrawn));
        }
        Ok(Ok(user))
    }
}
