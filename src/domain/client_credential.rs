//! Public keys of applications, for `private_key_jwt` (OIDC Core §9).

use crate::domain::{
    ClientId, CredentialId, client_assertion::AssertionAlgorithm, time::Timestamp,
};

/// A public key that an application registered. It counts when the application lists its id.
#[derive(Debug, Clone)]
pub struct ClientCredential {
    /// `cred_…`
    pub id: CredentialId,
    /// Whose key it is.
    pub client_id: ClientId,
    /// What people call it.
    pub name: String,
    /// The `kid` by which an assertion may name it. Unique in the application.
    pub kid: String,
    /// The one algorithm it may be used with.
    pub alg: AssertionAlgorithm,
    /// PKCS #1 for RSA, an uncompressed point for P-256.
    pub public_key: Vec<u8>,
    /// From then on it no longer counts.
    pub expires_at: Option<Timestamp>,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
