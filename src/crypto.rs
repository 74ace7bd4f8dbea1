//! Keys and what is done with them: signing, sealing, refresh-token derivation, password hashing.
//! No HTTP, no SQL.

pub mod action_secrets;
pub mod assertion;
pub mod certificate;
pub mod cursor;
pub mod der;
pub mod digest;
pub mod dpop;
pub mod entity_tag;
pub mod foreign_password;
pub mod hex;
pub mod master_key;
pub mod named_digest;
pub mod nonce;
pub mod password;
pub mod pem;
pub mod public_key;
pub mod random;
pub mod refresh_token;
pub mod seal;
pub mod short_code;
pub mod signing;

/// A cryptographic operation failed. Says nothing more on purpose.
#[derive(Debug, thiserror::Error)]
#[error("cryptographic operation failed: {0}")]
pub struct Failed(pub &'static str);
