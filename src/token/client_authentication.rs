//! Client authentication at the token endpoint (RFC 6749 §2.3).

use std::sync::Arc;

use crate::crypto::{Failed, digest};
use crate::domain::{
    ClientId, ResourceServerId, dpop::Thumbprint, resource_server::ResourceServer,
    secret::ClientSecret,
};
use crate::policy::client_auth::{self, Proof, SecretCheck};
use crate::store::clients::ClientRecord;
use crate::token::{Refused, TokenService, client_assertion::PresentedAssertion};

/// What a request presents.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// A name, and perhaps a secret.
    Secret {
        /// The `client_id`.
        client_id: ClientId,
        /// The secret, from the body or the `Authorization` header.
        secret: Option<ClientSecret>,
    },
    /// A signed assertion.
    Assertion(PresentedAssertion),
}

/// A client that may go on.
#[derive(Debug, Clone)]
pub struct AuthenticatedClient {
    /// The client.
    pub record: Arc<ClientRecord>,
    /// How well it proved itself.
    pub proof: Proof,
    /// The key that it proved to have, if any (RFC 9449).
    pub key: Option<Thumbprint>,
}

impl AuthenticatedClient {
    /// Refuses a grant that the client does not have.
    ///
    /// # Errors
    /// [`Refused::UnauthorizedClient`].
    pub fn must_allow(&self, grant_type: &str) -> Result<(), Refused> {
        if self.record.client.allows_grant(grant_type) {
            return Ok(());
        }
        let text = format!("Grant type '{grant_type}' not allowed for the client.");
        Err(Refused::UnauthorizedClient(text))
    }
}

impl TokenService {
    /// Authenticates a client. An unknown client and a wrong secret look the same.
    ///
    /// # Errors
    /// [`Refused::InvalidClient`], or failures of ours.
    pub async fn authenticate(
        &self,
        credentials: &Credentials,
    ) -> Result<AuthenticatedClient, Refused> {
        let (client_id, secret) = match credentials {
            Credentials::Secret { client_id, secret } => (client_id, secret),
            Credentials::Assertion(presented) => {
                return self.authenticate_by_assertion(presented).await;
            }
        };
        let record = self.store.client(client_id).await?.ok_or(Refused::InvalidClient)?;
        let check = match secret {
            None => SecretCheck::Absent,
            Some(presented) => match self.client_secret(&record)? {
                Some(secret)
                    if digest::equal(
                        &digest::sha256(secret.expose().as_bytes()),
                        &digest::sha256(presented.expose().as_bytes()),
                    ) =>
                {
                    SecretCheck::Right
                }
                _ => SecretCheck::Wrong,
            },
        };
        let proof = client_auth::authenticate(&record.client, check);
        Ok(AuthenticatedClient { record, proof: proof.ok_or(Refused::InvalidClient)?, key: None })
    }

    /// The client's secret in the clear.
    ///
    /// # Errors
    /// When it was sealed with another master key.
    pub fn client_secret(&self, record: &ClientRecord) -> Result<Option<ClientSecret>, Failed> {
        let Some(sealed) = &record.secret_sealed else { return Ok(None) };
        self.open_secret(sealed, record.client.client_id.as_str()).map(Some)
    }

    /// The `signing_secret` of an API in the clear.
    ///
    /// # Errors
    /// When it was sealed with another master key.
    pub fn signing_secret(&self, api: &ResourceServer) -> Result<Option<ClientSecret>, Failed> {
        let sealed = api.sealed_secret.as_ref();
        sealed.map(|sealed| self.open_secret(sealed, &bound_to(&api.id))).transpose()
    }

    /// Seals a secret for the row of an API.
    ///
    /// # Errors
    /// When the crypto library fails.
    pub fn seal_signing_secret(
        &self,
        api: &ResourceServerId,
        secret: &ClientSecret,
    ) -> Result<Vec<u8>, Failed> {
        let plain = secret.expose().as_bytes();
        self.at_rest.seal(plain, bound_to(api).as_bytes(), &*self.entropy)
    }

    /// A secret that was sealed for the place `bound_to`.
    pub(super) fn open_secret(
        &self,
        sealed: &[u8],
        bound_to: &str,
    ) -> Result<ClientSecret, Failed> {
        let plain = self.at_rest.open(sealed, bound_to.as_bytes())?;
        let text = String::from_utf8(plain).map_err(|_| Failed("sealed secret"))?;
        Ok(ClientSecret::new(text))
    }

    /// Seals a secret for the row of `client`.
    ///
    /// # Errors
    /// When the crypto library fails.
    pub fn seal_client_secret(
        &self,
        client: &ClientId,
        secret: &ClientSecret,
    ) -> Result<Vec<u8>, Failed> {
        self.at_rest.seal(secret.expose().as_bytes(), client.as_str().as_bytes(), &*self.entropy)
    }
}

/// Where the secret of an API belongs; no `client_id` has a space.
pub fn bound_to(api: &ResourceServerId) -> String {
    format!("resource_server {api}")
}
