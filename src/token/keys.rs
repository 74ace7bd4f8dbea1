//! The signing keys in memory: the current one signs, all of them are published.

use std::sync::Arc;

use arc_swap::ArcSwap;
use serde::Serialize;

use crate::crypto::{
    Failed,
    seal::Sealer,
    signing::{self, Jwk, SigningKey},
};
use crate::domain::{entropy::Entropy, time::Clock};
use crate::store::{
    self, Store,
    signing_keys::{self, SigningKeyRow},
};
use crate::token::Internal;

/// The keys, replaced as a whole when they change.
pub struct KeyRing {
    keys: ArcSwap<Keys>,
}

/// One state of the ring.
pub struct Keys {
    /// Signs.
    pub current: Arc<SigningKey>,
    /// All that may have signed a token that is still valid, and the one that will sign next.
    pub all: Vec<Arc<SigningKey>>,
    verifying: Vec<(String, jsonwebtoken::DecodingKey)>,
}

/// `/.well-known/jwks.json` (RFC 7517 §5).
#[derive(Serialize)]
pub struct Jwks {
    keys: Vec<Jwk>,
}

impl Keys {
    /// The published set.
    pub fn jwks(&self) -> Jwks {
        Jwks { keys: self.all.iter().map(|key| key.jwk()).collect() }
    }
    /// What verifies signatures of the key `kid`.
    pub fn verifying(&self, kid: &str) -> Option<&jsonwebtoken::DecodingKey> {
        self.verifying.iter().find(|(known, _)| known == kid).map(|(_, key)| key)
    }
}

impl KeyRing {
    /// Loads the keys, generating the current and the next one on a fresh database. Several nodes
    /// may do so at once: the database lets one win and the others load what it made.
    ///
    /// # Errors
    /// When the database or the crypto library does, or when the master key is another one than
    /// the keys were sealed with.
    pub async fn load(
        store: &Store,
        at_rest: &Arc<Sealer>,
        common_name: &str,
        clock: &dyn Clock,
        entropy: &Arc<dyn Entropy>,
    ) -> Result<Self, Internal> {
        let mut rows = signing_keys::list(store.read().await?.db()).await?;
        for state in ["current", "next"] {
            if !rows.iter().any(|row| row.state == state) {
                create(store, at_rest, common_name, state, clock, entropy).await?;
                rows = signing_keys::list(store.read().await?.db()).await?;
            }
        }
        Ok(Self { keys: ArcSwap::from_pointee(open(rows, at_rest)?) })
    }

    /// The present state.
    pub fn get(&self) -> arc_swap::Guard<Arc<Keys>> {
        self.keys.load()
    }
}

async fn create(
    store: &Store,
    at_rest: &Arc<Sealer>,
    common_name: &str,
    state: &str,
    clock: &dyn Clock,
    entropy: &Arc<dyn Entropy>,
) -> Result<(), Internal> {
    let (name, random) = (common_name.to_owned(), Arc::clone(entropy));
    let made = tokio::task::spawn_blocking(move || signing::generate(&name, &*random))
        .await
        .map_err(|_| Failed("RSA key generation"))??;
    let row = SigningKeyRow {
        private_sealed: at_rest.seal(&made.pkcs8, made.kid.as_str().as_bytes(), &**entropy)?,
        kid: made.kid,
        state: state.to_owned(),
        certificate: made.certificate,
    };
    let mut tx = store.write().await?;
    match signing_keys::insert(&mut tx, &row, clock.now()).await {
        Ok(()) => Ok(tx.commit().await?),
        // Another node was faster; its key is as good.
        Err(store::Error::Duplicate) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn open(rows: Vec<SigningKeyRow>, at_rest: &Sealer) -> Result<Keys, Internal> {
    let (mut current, mut all, mut verifying) = (None, Vec::new(), Vec::new());
    for row in rows {
        let pkcs8 = at_rest
            .open(&row.private_sealed, row.kid.as_str().as_bytes())
            .map_err(|_| Failed("the signing keys were sealed with another master key"))?;
        let key = Arc::new(SigningKey::from_pkcs8(row.kid, &pkcs8, row.certificate)?);
        if row.state == "current" {
            current = Some(Arc::clone(&key));
        }
        verifying.push((key.kid.as_str().to_owned(), key.decoding_key()?));
        all.push(key);
    }
    let current = current.ok_or(Failed("no current signing key"))?;
    // The signing key first: some verifiers take the first and look no further.
    all.sort_by_key(|key| key.kid != current.kid);
    Ok(Keys { current, all, verifying })
}
