//! Client authentication with a signed assertion (RFC 7523 §3): `private_key_jwt` and
//! `client_secret_jwt` (OIDC Core §9).
//!
//! 1. Take the assertion apart. The client is whom it is about; a `client_id` beside it must agree.
//! 2. Load the client. May it authenticate with this kind of signature?
//! 3. Verify the signature, with the registered keys that count or with the secret.
//! 4. Judge the claims.
//! 5. Spend the `jti`. This comes last: who cannot sign for the client must not be able to use up
//!    its assertions, nor make rows. But it comes before the grant is decided and is not undone
//!    when that is refused: an assertion has done its work once the client is authenticated, and
//!    one that was seen on a refused request must not open the next. Clients sign a new one for
//!    each request anyway.
//!
//! Whatever is wrong, the caller is told that client authentication failed and nothing more.

use crate::crypto::{assertion::SignedAssertion, digest};
use crate::domain::{
    ClientId, audit::Happened, client_assertion::AssertionAlgorithm, secret::ClientAssertion,
};
use crate::policy::{
    client_assertion,
    client_auth::{self, Proof, SignedWith},
};
use crate::store::{client_assertions, client_credentials, clients::ClientRecord};
use crate::token::{Refused, TokenService, client_authentication::AuthenticatedClient};

/// An assertion as a request presents it.
#[derive(Debug, Clone)]
pub struct PresentedAssertion {
    /// The assertion.
    pub jwt: ClientAssertion,
    /// The `client_id` beside it, if any (RFC 7521 §4.2).
    pub client_id: Option<ClientId>,
    /// The path of the endpoint that was called, without the leading `/`.
    pub endpoint: String,
}

impl TokenService {
    /// Authenticates a client by its assertion, which is spent.
    ///
    /// # Errors
    /// [`Refused::InvalidClient`], or failures of ours.
    pub async fn authenticate_by_assertion(
        &self,
        presented: &PresentedAssertion,
    ) -> Result<AuthenticatedClient, Refused> {
        // Step 1.
        let signed = SignedAssertion::parse(&presented.jwt).ok_or(Refused::InvalidClient)?;
        let subject = signed.claims.sub.as_ref().ok_or(Refused::InvalidClient)?;
        // Postgres cannot compare U+0000.
        let agrees = presented.client_id.as_ref().is_none_or(|named| named == subject);
        if !agrees || subject.as_str().contains('\0') {
            return Err(Refused::InvalidClient);
        }
        // Step 2.
        let record = self.store.client(subject).await?.ok_or(Refused::InvalidClient)?;
        let with = match signed.algorithm {
            AssertionAlgorithm::HS256 => SignedWith::Secret,
            _ => SignedWith::Key,
        };
        let refused = |reason: &str| {
            tracing::info!(client.id = subject.as_str(), reason, "a client assertion is refused");
            Refused::InvalidClient
        };
        if !client_auth::may_assert(&record.client, with) {
            return Err(refused("method"));
        }
        // Step 3.
        let is_good = match with {
            SignedWith::Key => self.is_signed_by_client(&signed, &record).await?,
            SignedWith::Secret => self
                .client_secret(&record)?
                .is_some_and(|secret| signed.is_authenticated_by(&secret)),
        };
        if !is_good {
            return Err(refused("signature"));
        }
        // Step 4.
        let issuer = self.settings.issuer.as_str();
        let token = format!("{issuer}oauth/token");
        let called = format!("{issuer}{}", presented.endpoint);
        let now = self.clock.now();
        let audiences = [issuer, &token, &called];
        let acceptable = client_assertion::judge(&signed.claims, subject, &audiences, now)
            .map_err(|fault| refused(fault.as_str()))?;
        // Step 5.
        let jti_hash = digest::sha256(acceptable.jti.as_bytes());
        let mut tx = self.store.write().await?;
        if !client_assertions::spend(&mut tx, subject, &jti_hash, acceptable.expires_at).await? {
            drop(tx);
            self.login.note(&Happened::ClientAssertionReplayed, Some(subject), None);
            return Err(refused("replayed"));
        }
        tx.commit().await?;
        Ok(AuthenticatedClient { record, proof: Proof::Authenticated, key: None })
    }

    /// Whether one of the keys that count signed it: those that the client lists and that have not
    /// expired, narrowed by the `kid` if the assertion names one.
    async fn is_signed_by_client(
        &self,
        signed: &SignedAssertion<'_>,
        record: &ClientRecord,
    ) -> Result<bool, Refused> {
        let listed = record.client.private_key_jwt().unwrap_or_default();
        let client_id = &record.client.client_id;
        let keys = client_credentials::list(self.store.read().await?.db(), client_id).await?;
        let now = self.clock.now();
        Ok(keys
            .iter()
            .filter(|key| listed.iter().any(|listed| listed.id == key.id))
            .filter(|key| key.expires_at.is_none_or(|end| end > now))
            .filter(|key| signed.kid.as_ref().is_none_or(|kid| *kid == key.kid))
            .any(|key| signed.is_signed_by(key.alg, &key.public_key)))
    }
}
