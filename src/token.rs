//! Tokens: one file per grant, minting and revocation.
//!
//! Every grant runs in one order: **load, decide, write, mint, answer**. Nothing is consumed before
//! every check that could refuse the request has passed, and nothing leaves before the write is
//! durable.

mod audit;
pub mod authorization_code;
pub mod backchannel_logout;
pub mod bearer;
pub mod client_assertion;
pub mod client_authentication;
pub mod client_credentials;
pub mod device_authorization;
pub mod device_code;
mod direct_login;
pub mod dpop;
pub mod explain;
pub mod families;
pub mod front_channel;
pub mod id_token_hint;
pub mod introspect;
pub mod issue;
pub mod keys;
pub mod mint;
pub mod password;
pub mod passwordless;
pub mod pushed_request;
pub mod refresh_token;
pub mod revoke;
mod scripts;
pub mod standing;
pub mod targets;

use std::sync::Arc;

use crate::crypto::{self, refresh_token::RefreshTokenKey, seal::Sealer};
use crate::domain::{
    ExecutionId, attack_protection::Hindrance, dpop::Thumbprint, entropy::Entropy,
    settings::Settings, time::Clock,
};
use crate::login::{self, LoginService};
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
    /// Makes the nonces of proofs of possession.
    pub dpop_nonces: crypto::nonce::NonceKey,
    /// Seals secrets at rest.
    pub at_rest: Arc<Sealer>,
    /// Checks passwords for the password grants.
    pub login: Arc<LoginService>,
    /// Delivers logout tokens.
    pub outbound: Arc<Outbound>,
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
    /// How it is to be sent.
    pub token_type: TokenType,
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

/// How an access token is to be sent (`token_type`, RFC 6749 §7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenType {
    /// By whoever has it (RFC 6750).
    Bearer,
    /// With a proof of the key that it is bound to (RFC 9449).
    Dpop,
}

impl TokenType {
    /// The type of a token that is bound to this key, or none.
    pub const fn of(key: Option<&Thumbprint>) -> Self {
        if key.is_some() { Self::Dpop } else { Self::Bearer }
    }
    /// As it is written on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::Dpop => "DPoP",
        }
    }
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
    /// A script of the operator refuses, or failed; or it wants to send a browser away where there
    /// is none.
    Script {
        /// `error`
        error: &'static str,
        /// `error_description`
        description: String,
        /// The record of the execution, where it is for the audit trail to name it.
        execution: Option<ExecutionId>,
    },
    /// The proof of possession is not good, or there is none and must be (RFC 9449 §5).
    InvalidDpopProof(&'static str),
    /// The proof of possession needs a nonce of ours (RFC 9449 §8).
    UseDpopNonce,
    /// A device code gives no tokens (RFC 8628 §3.5).
    Device(DeviceFault),
    /// There were too many attempts to log in.
    Hindered(Hindrance),
    /// Too many password hashes are waiting.
    Overloaded,
    /// Ours.
    Internal(Internal),
}

impl Refused {
    /// The record of the scripts that refuse, if they do.
    pub fn execution(&self) -> Option<&ExecutionId> {
        match self {
            Self::Script { execution, .. } => execution.as_ref(),
            _ => None,
        }
    }
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
    /// The proof of possession is not of the key that the code is bound to, or there is none.
    DpopKey,
    /// The refresh token is unknown, expired, spent or revoked.
    RefreshToken,
    /// User name or password is wrong.
    Password,
    /// The user is blocked.
    UserBlocked,
    /// The user is no longer a member of the organization logged in to.
    NotAMember,
    /// Address or one-time code is wrong.
    OneTimeCode,
    /// The device code is unknown, spent or another client's.
    DeviceCode,
}

/// Why a device code of the client's own gives no tokens (RFC 8628 §3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceFault {
    /// The user has not answered yet.
    Pending,
    /// The user has not answered yet, and the device asks too often.
    TooFast,
    /// The user did not answer in time.
    Expired,
    /// The user declined.
    Declined,
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
impl From<login::authorize::Failure> for Refused {
    fn from(failure: login::authorize::Failure) -> Self {
        use login::authorize::Failure;
        match failure {
            Failure::Store(error) => error.into(),
            Failure::Crypto(error) => error.into(),
        }
    }
}
impl From<crypto::Failed> for Refused {
    fn from(error: crypto::Failed) -> Self {
        Self::Internal(error.into())
    }
}
impl From<Internal> for Refused {
    fn from(error: Internal) -> Self {
        Self::Internal(error)
    }
}
impl From<crypto::password::Overloaded> for Refused {
    fn from(_: crypto::password::Overloaded) -> Self {
        Self::Overloaded
    }
}
