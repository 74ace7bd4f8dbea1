//! Authorization codes (RFC 6749 §4.1.2).

use crate::domain::{
    ClientId, FamilyId, OrganizationId, SessionId, UserId, action::outcome::Customised,
    audience::Audience, dpop::Thumbprint, scope::ScopeSet, time::Timestamp,
};

/// What a code stands for. Single use, and bound to the client, the redirect URI, the PKCE
/// challenge and the browser session that approved it.
#[derive(Debug, Clone)]
pub struct AuthorizationCode {
    /// The application it was issued to.
    pub client_id: ClientId,
    /// Who approved.
    pub user_id: UserId,
    /// In which browser session.
    pub session_id: SessionId,
    /// Where it was sent.
    pub redirect_uri: String,
    /// Whether the request named `redirect_uri`; then the exchange must repeat it (§4.1.3).
    pub redirect_uri_given: bool,
    /// S256 challenge (RFC 7636 §4.3), if any.
    pub code_challenge: Option<String>,
    /// `nonce` for the ID token (OIDC Core §3.1.2.1).
    pub nonce: Option<String>,
    /// The API asked for, if any.
    pub audience: Option<Audience>,
    /// The granted scopes.
    pub scope: ScopeSet,
    /// The organization logged in to, if any.
    pub organization_id: Option<OrganizationId>,
    /// When the user last gave a credential.
    pub auth_time: Timestamp,
    /// How (RFC 8176).
    pub amr: Vec<String>,
    /// End of its short life.
    pub expires_at: Timestamp,
    /// When it was exchanged, if it was.
    pub consumed_at: Option<Timestamp>,
    /// The family that its exchange began, to be revoked when it is replayed (§4.1.2).
    pub family_id: Option<FamilyId>,
    /// The key that its exchange must prove (RFC 9449 §10), if any.
    pub dpop_jkt: Option<Thumbprint>,
    /// What scripts made of the tokens.
    pub customised: Customised,
}
