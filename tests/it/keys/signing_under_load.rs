//! Signing keys rotate while tokens are issued and verified by somebody who reads the key set as
//! libraries do: it is kept, and read again only for a `kid` that is not in it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use jsonwebtoken::{DecodingKey, Validation, jwk::JwkSet};
use serde_json::{Value, json};

use crate::support::{BOOTSTRAP_ID, BOOTSTRAP_SECRET, TestApp, each_backend};

const ROTATIONS: usize = 3;

/// An API that verifies tokens.
#[derive(Default)]
struct Verifier {
    keys: Mutex<HashMap<String, DecodingKey>>,
    /// How often the key set was read.
    reads: AtomicUsize,
    /// Tokens whose key was known already.
    known: AtomicUsize,
}

impl Verifier {
    async fn read(&self, node: &TestApp) {
        let set = node.get(".well-known/jwks.json").await;
        let set: JwkSet = serde_json::from_str(&set.text).unwrap();
        let keys = set
            .keys
            .iter()
            .map(|jwk| (jwk.common.key_id.clone().unwrap(), DecodingKey::from_jwk(jwk).unwrap()));
        *self.keys.lock().unwrap() = keys.collect();
        self.reads.fetch_add(1, Ordering::SeqCst);
    }

    fn key(&self, kid: &str) -> Option<DecodingKey> {
        self.keys.lock().unwrap().get(kid).cloned()
    }

    async fn verify(&self, node: &TestApp, token: &str) -> Result<(), String> {
        let header = jsonwebtoken::decode_header(token).unwrap();
        let kid = header.kid.unwrap();
        if self.key(&kid).is_some() {
            self.known.fetch_add(1, Ordering::SeqCst);
        } else {
            self.read(node).await;
        }
        let key = self.key(&kid).ok_or_else(|| format!("{kid} is in no key set"))?;
        let mut validation = Validation::new(header.alg);
        validation.validate_aud = false;
        let verified = jsonwebtoken::decode::<Value>(token, &key, &validation);
        verified.map(|_| ()).map_err(|error| format!("{kid}: {error}"))
    }
}

async fn token(node: &TestApp) -> String {
    let audience = format!("{}api/v2/", node.inner.settings.issuer);
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", BOOTSTRAP_ID),
        ("client_secret", BOOTSTRAP_SECRET),
        ("audience", audience.as_str()),
        ("scope", "read:clients"),
    ];
    node.token(&form).await.ok()["access_token"].as_str().unwrap().to_owned()
}

async fn published(node: &TestApp) -> String {
    node.get(".well-known/jwks.json").await.text
}

#[tokio::test]
async fn no_verification_fails_while_signing_keys_rotate_under_load() {
    for (backend, app) in each_backend().await {
        let other = app.another_node().await;
        let (verifier, done) = (Arc::new(Verifier::default()), AtomicBool::new(false));
        verifier.read(&app).await;
        let verified = AtomicUsize::new(0);
        // Signed on one node, and the key set read from the other, or the same.
        let verify = async |signs: &TestApp, shows: &TestApp| {
            while !done.load(Ordering::SeqCst) {
                let token = token(signs).await;
                verifier.verify(shows, &token).await?;
                verified.fetch_add(1, Ordering::SeqCst);
            }
            Ok::<(), String>(())
        };
        let rotate = async {
            for _ in 0..ROTATIONS {
                let before = verified.load(Ordering::SeqCst);
                let rotated = app.management("POST", "/keys/signing/rotate", None).await;
                assert_eq!(rotated.status, 201, "{backend}: {}", rotated.text);
                // A key that signs was published everywhere before, as long as nobody rotates again
                // before every node has heard of it.
                while (verified.load(Ordering::SeqCst) < before + 40
                    || published(&app).await != published(&other).await)
                    && !done.load(Ordering::SeqCst)
                {
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                }
            }
            done.store(true, Ordering::SeqCst);
        };
        let loads = async {
            let all = tokio::join!(
                verify(&app, &other),
                verify(&other, &app),
                verify(&app, &app),
                verify(&other, &other)
            );
            done.store(true, Ordering::SeqCst);
            all
        };
        let (failures, ()) = tokio::join!(loads, rotate);
        assert_eq!(failures, (Ok(()), Ok(()), Ok(()), Ok(())), "{backend}");
        assert!(verified.load(Ordering::SeqCst) >= ROTATIONS * 40, "{backend}");
        let keys = app.management("GET", "/keys/signing", None).await.ok();
        let retired = keys.as_array().unwrap().iter().filter(|key| key["previous"] == json!(true));
        assert_eq!(retired.count(), ROTATIONS, "{backend}");
    }
}
