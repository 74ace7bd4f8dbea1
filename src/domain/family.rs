//! Refresh-token families.

use crate::domain::{
    ClientId, FamilyId, OrganizationId, SessionId, UserId, audience::Audience, dpop::Thumbprint,
    scope::ScopeSet, time::Timestamp,
};

/// One login of one user in one application, and every refresh token that descends from it. The
/// tokens themselves are derived from `salt` and the generation, and not stored.
#[derive(Debug, Clone)]
pub struct Family {
    /// Its id: 32 hex digits.
    pub id: FamilyId,
    /// The application it was issued to.
    pub client_id: ClientId,
    /// Who logged in.
    pub user_id: UserId,
    /// The browser session of the login, if there was one.
    pub session_id: Option<SessionId>,
    /// The organization logged in to, if any.
    pub organization_id: Option<OrganizationId>,
    /// The original audience; `None` when the login named no API.
    pub audience: Option<Audience>,
    /// Everything granted at login: OIDC scopes and scopes of the original audience.
    pub scope: ScopeSet,
    /// The grant that began it, for the `gty` claim.
    pub grant: LoginGrant,
    /// When the user last gave a credential.
    pub auth_time: Timestamp,
    /// How (RFC 8176).
    pub amr: Vec<String>,
    /// Enters the derivation of the tokens; without it the master key forges nothing.
    pub salt: Vec<u8>,
    /// Counts the rotations; the current token carries this number.
    pub generation: u32,
    /// When the current generation began.
    pub rotated_at: Timestamp,
    /// When it was issued.
    pub created_at: Timestamp,
    /// The last exchange, or the issuance.
    pub last_exchanged_at: Timestamp,
    /// The absolute end, fixed at issuance; `None` for never.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
    /// The key that each exchange must prove (RFC 9449 §5), fixed at login; `None` for any or none.
    pub dpop_jkt: Option<Thumbprint>,
    /// An idle end earlier than the settings say, which an Action set at the last exchange; the next
    /// exchange begins without.
    pub idle_expires_at: Option<Timestamp>,
}

/// The grant that began a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginGrant {
    /// `authorization_code`
    AuthorizationCode,
    /// `password` or `password-realm`
    Password,
    /// `urn:ietf:params:oauth:grant-type:device_code`
    DeviceCode,
    /// `http://auth0.com/oauth/grant-type/passwordless/otp`
    Passwordless,
}

impl LoginGrant {
    /// As the store keeps it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::Password => "password",
            Self::DeviceCode => "device_code",
            Self::Passwordless => "passwordless_otp",
        }
    }
    /// The grant that the store calls `text`.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::AuthorizationCode, Self::Password, Self::DeviceCode, Self::Passwordless]
            .into_iter()
            .find(|g| g.as_str() == text)
    }
}

/// Why a family was revoked, as the store keeps it and the operator reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevokedBy {
    /// A token was presented again after the leeway.
    Reuse,
    /// A token was presented by another application.
    OtherClient,
    /// The authorization code it came from was presented again.
    CodeReplay,
    /// The application revoked it (RFC 7009).
    Client,
    /// The user logged out and the setting says so.
    Logout,
    /// The user was blocked.
    UserBlocked,
    /// The user changed the password.
    PasswordChange,
    /// More logins than a user may have in one application.
    Limit,
    /// An operator revoked it through the Management API.
    Management,
    /// The consent it lived by was withdrawn.
    ConsentWithdrawn,
    /// An Action of the operator revoked it.
    Action,
}

impl RevokedBy {
    /// As the store keeps it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reuse => "reuse",
            Self::OtherClient => "other_client",
            Self::CodeReplay => "code_replay",
            Self::Client => "client",
            Self::Logout => "logout",
            Self::UserBlocked => "user_blocked",
            Self::PasswordChange => "password_change",
            Self::Limit => "limit",
            Self::Management => "management",
            Self::ConsentWithdrawn => "consent_withdrawn",
            Self::Action => "action",
        }
    }
}
