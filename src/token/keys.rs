//! The signing keys in memory: the current ones sign, all that may be needed are published.
//!
//! Every node holds a key for every algorithm from its first start on, so that a token can be
//! signed the moment an API asks for it; what is not RS256 is published only from the first use
//! on. A foreign kind of key in the JWKS breaks deployed verifiers, even of RS256 tokens.

pub mod rotation;

use std::sync::Arc;

use arc_swap::ArcSwap;
use serde::Serialize;

use crate::crypto::{
    Failed,
    seal::Sealer,
    signing::{self, Jwk, SigningKey},
};
use crate::domain::{entropy::Entropy, signing_alg::SigningAlg, time::Clock};
use crate::store::{
    self, Store,
    signing_keys::{self, SigningKeyRow},
};
use crate::token::{Internal, TokenService};

/// The keys that must exist: kind and state.
const NEEDED: [(SigningAlg, &str); 4] = [
    (SigningAlg::Rs256, "current"),
    (SigningAlg::Rs256, "next"),
    (SigningAlg::Es256, "current"),
    (SigningAlg::EdDsa, "current"),
];

/// The keys, replaced as a whole when they change.
pub struct KeyRing {
    keys: ArcSwap<Keys>,
    /// Held from reading to replacing: what was read later must not be replaced by what was read
    /// earlier.
    reloading: tokio::sync::Mutex<()>,
}

/// One state of the ring.
pub struct Keys {
    /// Signs with RS256, RS512 and PS256.
    pub current: Arc<SigningKey>,
    /// The RSA keys: all that may have signed a token that is still valid, and the one that will
    /// sign next.
    pub all: Vec<Arc<SigningKey>>,
    /// The keys of other kinds, those that sign first.
    others: Vec<Arc<SigningKey>>,
    /// Algorithms beside RS256 that have been used.
    published: Vec<SigningAlg>,
    verifying: Vec<Verifying>,
}

/// What verifies the tokens that name a `kid`: with this algorithm and no other.
struct Verifying {
    kid: String,
    alg: SigningAlg,
    key: jsonwebtoken::DecodingKey,
}

/// `/.well-known/jwks.json` (RFC 7517 §5).
#[derive(Serialize)]
pub struct Jwks {
    keys: Vec<Jwk>,
}

impl Keys {
    /// The published set: the RSA keys for RS256, then whatever else has been used.
    pub fn jwks(&self) -> Jwks {
        let rs256 = self.all.iter().map(|key| key.jwk());
        let others = self.published.iter().flat_map(|alg| {
            let keys = self.all.iter().chain(&self.others);
            let keys = keys.filter(|key| key.algorithms().contains(alg));
            keys.map(|key| key.jwk_for(*alg))
        });
        Jwks { keys: rs256.chain(others).collect() }
    }

    /// What verifies signatures of the key `kid`, with the one algorithm that it is for.
    pub fn verifier(&self, kid: &str) -> Option<(SigningAlg, &jsonwebtoken::DecodingKey)> {
        let found = self.verifying.iter().find(|known| known.kid == kid)?;
        Some((found.alg, &found.key))
    }

    /// Signs with the current key of an algorithm.
    ///
    /// # Errors
    /// When the crypto library fails, or the algorithm takes a secret instead of a key.
    pub fn sign(
        &self,
        alg: SigningAlg,
        typ: &str,
        payload: &impl Serialize,
    ) -> Result<String, Failed> {
        let mut keys = std::iter::once(&self.current).chain(&self.others);
        let key = keys.find(|key| key.algorithms().contains(&alg)).ok_or(Failed("no such key"))?;
        key.sign_with(alg, typ, payload)
    }
}

impl KeyRing {
    /// Loads the keys, generating those that are missing. Several nodes may do so at once: the
    /// database lets one win and the others load what it made.
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
        let rows = signing_keys::list(store.read().await?.db()).await?;
        for (alg, state) in NEEDED {
            if !rows.iter().any(|row| row.algorithm == alg && row.state == state) {
                create(store, at_rest, common_name, (alg, state), clock, entropy).await?;
            }
        }
        let keys = ArcSwap::from_pointee(read(store, at_rest, &[]).await?);
        Ok(Self { keys, reloading: tokio::sync::Mutex::default() })
    }

    /// The present state.
    pub fn get(&self) -> arc_swap::Guard<Arc<Keys>> {
        self.keys.load()
    }
}

impl TokenService {
    /// Reads the keys again, and which of them are published. Keys that are known stay as they
    /// are: none is parsed twice. While the database is away everything stays as it was; its
    /// return counts as a change of the configuration.
    pub async fn reload_keys(&self) {
        let _one_at_a_time = self.keys.reloading.lock().await;
        let now = self.keys.get();
        let known: Vec<_> = now.all.iter().chain(&now.others).cloned().collect();
        drop(now);
        match read(&self.store, &self.at_rest, &known).await {
            Ok(keys) => self.keys.keys.store(Arc::new(keys)),
            Err(error) => {
                tracing::debug!(%error, "the signing keys were not read again: {error}");
            }
        }
    }
}

async fn create(
    store: &Store,
    at_rest: &Arc<Sealer>,
    common_name: &str,
    (algorithm, state): (SigningAlg, &str),
    clock: &dyn Clock,
    entropy: &Arc<dyn Entropy>,
) -> Result<(), Internal> {
    let row = make(at_rest, common_name, (algorithm, state), entropy).await?;
    let mut tx = store.write().await?;
    match signing_keys::insert(&mut tx, &row, clock.now()).await {
        Ok(()) => Ok(tx.commit().await?),
        // Another node was faster; its key is as good.
        Err(store::Error::Duplicate) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Generates a key and seals it. Nothing is written.
async fn make(
    at_rest: &Arc<Sealer>,
    common_name: &str,
    (algorithm, state): (SigningAlg, &str),
    entropy: &Arc<dyn Entropy>,
) -> Result<SigningKeyRow, Internal> {
    let (name, random) = (common_name.to_owned(), Arc::clone(entropy));
    let made =
        tokio::task::spawn_blocking(move || signing::generate_for(algorithm, &name, &*random))
            .await
            .map_err(|_| Failed("key generation"))??;
    Ok(SigningKeyRow {
        private_sealed: at_rest.seal(&made.pkcs8, made.kid.as_str().as_bytes(), &**entropy)?,
        kid: made.kid,
        algorithm,
        state: state.to_owned(),
        certificate: made.certificate,
    })
}

async fn read(
    store: &Store,
    at_rest: &Sealer,
    known: &[Arc<SigningKey>],
) -> Result<Keys, Internal> {
    let mut conn = store.read().await?;
    let rows = signing_keys::list(conn.db()).await?;
    let published = signing_keys::published(conn.db()).await?;
    drop(conn);
    open(rows, published, at_rest, known)
}

fn open(
    rows: Vec<SigningKeyRow>,
    published: Vec<SigningAlg>,
    at_rest: &Sealer,
    known: &[Arc<SigningKey>],
) -> Result<Keys, Internal> {
    let (mut current, mut all, mut others) = (None, Vec::new(), Vec::new());
    let mut verifying = Vec::new();
    for row in rows {
        let (is_current, is_rsa) =
            (row.state == "current", row.algorithm.key_algorithm() == SigningAlg::Rs256);
        let key = match known.iter().find(|key| key.kid == row.kid) {
            Some(key) => Arc::clone(key),
            None => {
                let pkcs8 = at_rest
                    .open(&row.private_sealed, row.kid.as_str().as_bytes())
                    .map_err(|_| Failed("the signing keys were sealed with another master key"))?;
                Arc::new(SigningKey::parse(row.algorithm, row.kid, &pkcs8, row.certificate)?)
            }
        };
        for alg in key.algorithms() {
            let (kid, key) = (key.kid_for(*alg), key.decoding_key()?);
            verifying.push(Verifying { kid, alg: *alg, key });
        }
        match (is_rsa, is_current) {
            (true, true) => current = Some(Arc::clone(&key)),
            (false, true) => others.insert(0, Arc::clone(&key)),
            (false, false) => others.push(Arc::clone(&key)),
            (true, false) => {}
        }
        if is_rsa {
            all.push(key);
        }
    }
    let current = current.ok_or(Failed("no current signing key"))?;
    // The signing key first: some verifiers take the first and look no further.
    all.sort_by_key(|key| key.kid != current.kid);
    Ok(Keys { current, all, others, published, verifying })
}
