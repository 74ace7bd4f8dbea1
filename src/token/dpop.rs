//! Demonstrating proof of possession (RFC 9449): proofs at the token endpoint and beside access
//! tokens.
//!
//! 1. Open the proof: its signature shows that the caller has the key.
//! 2. Decide whether it is for this request: method, address, time or nonce, access token.
//! 3. Remember it, so that it works once. That is the last step: a proof that is refused may be
//!    sent again, and a code or refresh token beside it is not even looked at.
//!
//! What is bound to the key, and whether there must be one, is decided by each grant when it knows
//! the API, before anything is spent.

use crate::crypto::{digest, dpop};
use crate::domain::{
    audience::Audience,
    audit::Exchanged,
    client::Client,
    dpop::{ProofClaims, Thumbprint},
    resource_server::ResourceServer,
    time::Timestamp,
};
use crate::policy::{
    client_auth::may_be_public,
    dpop::{self as rules, Expected, ProofFault, SentNonce, Unbound},
};
use crate::store::{self, dpop_proofs};
use crate::token::{
    Refused, TokenService,
    bearer::{Bearer, BearerFault},
    client_authentication::AuthenticatedClient,
};

/// A request that may carry a proof.
#[derive(Debug, Clone)]
pub struct ProvenRequest<'a> {
    /// The values of its `DPoP` headers.
    pub proofs: Vec<&'a [u8]>,
    /// Its method.
    pub method: &'a str,
    /// Its path, beginning with `/`.
    pub path: &'a str,
}

/// The keys that the tokens of a login are bound to.
#[derive(Debug, Clone, Default)]
pub struct Binding {
    /// Of the access token: its `cnf`.
    pub access_token: Option<Thumbprint>,
    /// Of the refresh tokens.
    pub refresh_token: Option<Thumbprint>,
}

/// How an access token was sent (RFC 6750 §2.1, RFC 9449 §7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `Authorization: Bearer`, or in a form.
    Bearer,
    /// `Authorization: DPoP`.
    Dpop,
}

impl Scheme {
    /// The scheme that is called `name`, in any case.
    pub fn parse(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("bearer") {
            Some(Self::Bearer)
        } else if name.eq_ignore_ascii_case("dpop") {
            Some(Self::Dpop)
        } else {
            None
        }
    }
}

/// Why an access token is refused.
#[derive(Debug)]
pub enum PresentedFault {
    /// The token itself is.
    Token(BearerFault),
    /// It is bound to a key and was sent as a bearer token, or the other way round, or the proof is
    /// of another key.
    Key(&'static str),
    /// The proof is.
    Proof(ProofFault),
    /// The store failed.
    Store(store::Error),
}

/// Why no key was proven.
enum NotProven {
    Fault(ProofFault),
    Store(store::Error),
}

impl From<store::Error> for NotProven {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

impl TokenService {
    /// A nonce for the next proof.
    pub fn dpop_nonce(&self) -> String {
        self.dpop_nonces.issue(self.clock.now())
    }

    /// The client of a token request with the key that its proof proves, if there is one.
    ///
    /// # Errors
    /// [`Refused::InvalidDpopProof`], [`Refused::UseDpopNonce`], or failures of ours.
    pub async fn prove_possession(
        &self,
        client: AuthenticatedClient,
        request: &ProvenRequest<'_>,
        exchanged: Exchanged,
    ) -> Result<AuthenticatedClient, Refused> {
        if request.proofs.is_empty() {
            return Ok(client);
        }
        // Anybody can come as a public client, so the proof must at least be fresh.
        let nonce_required = may_be_public(&client.record.client);
        match self.proven_key(request, nonce_required, None).await {
            Ok(key) => Ok(AuthenticatedClient { key: Some(key), ..client }),
            Err(NotProven::Store(error)) => Err(error.into()),
            Err(NotProven::Fault(ProofFault::UseNonce)) => Err(Refused::UseDpopNonce),
            Err(NotProven::Fault(ProofFault::Invalid(why))) => {
                let refused = Refused::InvalidDpopProof(why);
                Err(self.exchange_refused(exchanged, &client, None, refused))
            }
        }
    }

    /// What the tokens for `api` are bound to; `None` for a token that only `/userinfo` takes.
    ///
    /// # Errors
    /// [`Refused::InvalidDpopProof`] when there must be a proof and is none.
    pub(super) fn binding(
        &self,
        client: &AuthenticatedClient,
        api: Option<&ResourceServer>,
    ) -> Result<Binding, Refused> {
        let demand = self.demand(&client.record.client, api);
        let bound = rules::is_bound(demand, client.key.is_some()).map_err(|why| {
            Refused::InvalidDpopProof(match why {
                Unbound::ProofMissing => "DPoP proof is required",
                Unbound::Impossible => {
                    "The client may only have bound tokens, and the API takes none"
                }
            })
        })?;
        // RFC 9449 §5: what only knows its client_id is bound to its key. A client with a secret
        // proves itself with that, and may change its key.
        let binds_refresh_token = may_be_public(&client.record.client);
        Ok(Binding {
            access_token: client.key.clone().filter(|_| bound),
            refresh_token: client.key.clone().filter(|_| binds_refresh_token),
        })
    }

    /// What a client and an API demand.
    pub(super) fn demand(&self, client: &Client, api: Option<&ResourceServer>) -> rules::Demand {
        rules::demand(client, api, self.settings.dpop_unconfigured_api)
    }

    /// Verifies an access token for `audience` as it was sent: a bound one with its proof, any
    /// other without.
    ///
    /// # Errors
    /// What is wrong with the token or the proof.
    pub async fn verify_presented(
        &self,
        scheme: Scheme,
        token: &str,
        audience: &Audience,
        request: &ProvenRequest<'_>,
    ) -> Result<Bearer, PresentedFault> {
        let bearer = self.verify_bearer(token, audience).map_err(PresentedFault::Token)?;
        let bound_to = match (&bearer.key, scheme) {
            (None, Scheme::Bearer) => return Ok(bearer),
            (Some(key), Scheme::Dpop) => key,
            // Taking it would make a stolen token as good as one that was never bound (§7.2).
            (Some(_), Scheme::Bearer) => {
                return Err(PresentedFault::Key(
                    "The access token is bound to a key and must be sent with a DPoP proof",
                ));
            }
            (None, Scheme::Dpop) => {
                return Err(PresentedFault::Key("The access token is not bound to a key"));
            }
        };
        let client = self.store.client(&bearer.client_id).await;
        let client = client.map_err(PresentedFault::Store)?;
        let nonce_required = client.is_none_or(|record| may_be_public(&record.client));
        let proven = self.proven_key(request, nonce_required, Some((token, bound_to))).await;
        proven.map(|_| bearer).map_err(|why| match why {
            NotProven::Store(error) => PresentedFault::Store(error),
            NotProven::Fault(fault) => PresentedFault::Proof(fault),
        })
    }

    /// Steps 1 to 3. `beside` is the access token that the proof comes with, and its key.
    async fn proven_key(
        &self,
        request: &ProvenRequest<'_>,
        nonce_required: bool,
        beside: Option<(&str, &Thumbprint)>,
    ) -> Result<Thumbprint, NotProven> {
        let invalid = |why| NotProven::Fault(ProofFault::Invalid(why));
        // §4.3, step 1.
        let [proof] = request.proofs.as_slice() else {
            return Err(invalid(if request.proofs.is_empty() {
                "DPoP proof is missing"
            } else {
                "There must be one DPoP header"
            }));
        };
        let dpop::Proof { key, claims } = dpop::open(proof).map_err(|why| invalid(why.0))?;
        if beside.is_some_and(|(_, bound_to)| key != *bound_to) {
            return Err(invalid("DPoP proof is of another key than the access token"));
        }
        let expires_at = self.check(&claims, request, nonce_required, beside.map(|(t, _)| t))?;
        // The thumbprint has a fixed length, so the concatenation is unambiguous.
        let hash = digest::sha256(format!("{}{}", key.as_str(), claims.jti).as_bytes());
        let mut tx = self.store.write().await?;
        if !dpop_proofs::use_up(&mut tx, &hash, expires_at).await? {
            return Err(invalid("DPoP proof was used already"));
        }
        tx.commit().await?;
        Ok(key)
    }

    /// Step 2.
    fn check(
        &self,
        claims: &ProofClaims,
        request: &ProvenRequest<'_>,
        nonce_required: bool,
        access_token: Option<&str>,
    ) -> Result<Timestamp, NotProven> {
        let now = self.clock.now();
        let nonce = match &claims.nonce {
            None => SentNonce::Absent,
            Some(nonce) => match self.dpop_nonces.good_until(nonce, now) {
                Some(end) => SentNonce::GoodUntil(end),
                None => SentNonce::Stale,
            },
        };
        let url = format!("{}{}", self.settings.issuer.trim_end_matches('/'), request.path);
        // The same digest and encoding as of a PKCE challenge (§4.2).
        let access_token_hash = access_token.map(digest::s256_challenge);
        let expected = Expected {
            method: request.method,
            url: &url,
            now,
            access_token_hash: access_token_hash.as_deref(),
            nonce,
            nonce_required,
        };
        rules::check(claims, &expected).map_err(NotProven::Fault)
    }
}
