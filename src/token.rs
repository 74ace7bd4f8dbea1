//! Tokens: one file per grant, minting and revocation.
//!
//! Every grant runs in one order: **load, decide, write, mint, answer**. Nothing is consumed before
//! every check that could refuse the request has passed, and nothing leaves before the write is
//! durable.

mod audit;
pub mod authorization_code;
pub mod backchannel_logout;
pub mod bearer;
pub mod client_authentication;
pub mod client_credentials;
pub mod explain;
pub mod families;
pub mod id_token_hint;
pub mod introspect;
pub mod issue;
pub mod keys;
pub mod mint;
pub mod password;
pub mod refresh_token;
pub mod revoke;
pub mod standing;
pub mod targets;

use std::sync::Arc;

use crate::crypto::{self, refresh_token::RefreshTokenKey, seal::Sealer};
use crate::domain::{entropy::Entropy, settings::Settings, time::Clock};
use crate::login::LoginService;
use crate::outbound::Outbound;
use crate::store::{self, Store};

/// Answers the token endpoint. Shared by every request.
pub struct TokenService {
    /// The database.
    pub store: Store,
    /// Settings of the server.
    pub settings: Arc<Settings>,
    /// The signing keys.
    pub keys: keys::KeyRing,
    /// Derives refresh tokens.
    pub refresh_tokens: RefreshTokenKey,
    /// Seals secrets at rest.
    pub at_rest: Arc<Sealer>,
    /// Checks passwords for the password grants.
    pub login: Arc<LoginService>,
    /// Delivers logout tokens.
    pub outbound: Outbound,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The randomness.
    pub entropy: Arc<dyn Entropy>,
}

/// A successful token response (RFC 6749 §5.1).
#[derive(Debug, Clone)]
pub struct Granted {
    /// The access token.
    pub access_token: String,
    /// Its lifetime in seconds.
    pub expires_in: i64,
    /// Its scope; always answered.
    pub scope: String,
    /// The ID token, if `openid` was granted.
    pub id_token: Option<String>,
    /// The refresh token, if one was granted.
    pub refresh_token: Option<crate::domain::secret::RefreshToken>,
    /// The audience of the access token, for clients with policies: the marker of a
    /// multi-resource refresh token.
    pub resource: Option<String>,
}

/// Why a request to the token endpoint is refused (RFC 6749 §5.2).
#[derive(Debug)]
pub enum Refused {
    /// A parameter is missing, malformed or repeated.
    InvalidRequest(String),
    /// The client is unknown or its secret wrong.
    InvalidClient,
    /// No `client_id` at all.
    MissingClientId,
    /// The code, refresh token or password is not good.
    InvalidGrant(GrantFault),
    /// The client may not use this grant.
    UnauthorizedClient(String),
    /// No such grant.
    UnsupportedGrantType,
    /// The audience is refused (RFC 8707 §2).
    InvalidTarget(String),
    /// The client may not have tokens for this API.
    AccessDenied(String),
    /// Too many password hashes are waiting.
    Overloaded,
    /// Ours.
    Internal(Internal),
}

/// What is wrong with a grant. On the wire most look the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantFault {
    /// The code is unknown, spent, expired or another client's.
    Code,
    /// The code's challenge and the verifier do not match.
    Verifier,
    /// The redirect URI is not the one the code was sent to.
    RedirectUri,
    /// The refresh token is unknown, expired, spent or revoked.
    RefreshToken,
    /// User name or password is wrong.
    Password,
    /// The user is blocked.
    UserBlocked,
    /// The user is no longer a member of the organization logged in to.
    NotAMember,
}

/// A failure of ours.
#[derive(Debug, thiserror::Error)]
pub enum Internal {
    /// In the store.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// In the crypto library.
    #[error(transparent)]
    Crypto(#[from] crypto::Failed),
}

impl From<store::Error> for Refused {
    fn from(error: store::Error) -> Self {
        Self::Internal(error.into())
    }
}
impl From<crypto::Failed> for Refused {
    fn from(error: crypto::Failed) -> Self {
        Self::Internal(error.into())
    }
}
impl From<crypto::password::Overloaded> for Refused {
    fn from(_: crypto::password::Overloaded) -> Self {
        Self::Overloaded
    }
}
