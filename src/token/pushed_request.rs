//! Pushed authorize requests (RFC 9126): kept here under a name that the browser carries to
//! `/authorize` instead of the request.

use crate::crypto::digest;
use crate::domain::{ClientId, secret::RequestUri};
use crate::policy::client_auth::{Proof, may_be_public};
use crate::store::{
    self,
    pushed_requests::{self, PushedParameters},
};
use crate::token::{Refused, TokenService, client_authentication::AuthenticatedClient};

/// How every name begins (RFC 9126 §2.2).
const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";
/// Characters of the random part, 6 bits each.
const RANDOM: usize = 43;

/// A request that was kept.
#[derive(Debug)]
pub struct Pushed {
    /// Its name.
    pub request_uri: RequestUri,
    /// Its lifetime in seconds.
    pub expires_in: i64,
}

/// Refuses a client that cannot keep a secret: whoever names it could fill the database.
///
/// # Errors
/// [`Refused::InvalidClient`].
pub fn must_be_confidential(client: &AuthenticatedClient) -> Result<(), Refused> {
    if client.proof != Proof::Authenticated || may_be_public(&client.record.client) {
        return Err(Refused::InvalidClient);
    }
    Ok(())
}

impl TokenService {
    /// Keeps a request whose parameters were found good.
    ///
    /// # Errors
    /// Failures of ours.
    pub async fn push(
        &self,
        client: &AuthenticatedClient,
        parameters: &PushedParameters,
    ) -> Result<Pushed, Refused> {
        let client = &client.record.client;
        let request_uri = RequestUri::new(format!("{PREFIX}{}", self.entropy.url_safe(RANDOM)));
        let expires_in = client.pushed_request_lifetime();
        let expires_at = self.clock.now().plus_seconds(expires_in);
        let hash = digest::request_uri_hash(&request_uri);
        let mut tx = self.store.write().await?;
        pushed_requests::insert(&mut tx, &hash, &client.client_id, parameters, expires_at).await?;
        tx.commit().await?;
        Ok(Pushed { request_uri, expires_in })
    }

    /// Takes the request of this name that `client` pushed, once. Any other string is no name of
    /// ours, an address least of all: nothing is ever fetched (SSRF).
    ///
    /// # Errors
    /// When the database does.
    pub async fn take_pushed(
        &self,
        client: &ClientId,
        request_uri: &RequestUri,
    ) -> Result<Option<PushedParameters>, store::Error> {
        let random = request_uri.expose().strip_prefix(PREFIX);
        if random.is_none_or(|random| random.len() != RANDOM) {
            return Ok(None);
        }
        let hash = digest::request_uri_hash(request_uri);
        pushed_requests::take(&self.store, &hash, client, self.clock.now()).await
    }
}
