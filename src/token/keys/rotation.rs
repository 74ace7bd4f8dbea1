//! Rotation and revocation of the signing keys.
//!
//! Verifiers keep the key set for a while, so a key signs only after it was published as the next
//! one, and stays published after it signed until somebody revokes it.

use super::make;
use crate::crypto::Failed;
use crate::domain::{
    KeyId,
    audit::{
        Happened,
        management::{Managed, ManagementRequest},
    },
    signing_alg::SigningAlg,
};
use crate::store::{
    self,
    signing_keys::{self, SigningKeyRow, SigningKeyStory},
};
use crate::token::{Internal, TokenService};

/// The kind that is rotated: the one that has a next key. RS512 and PS256 follow, as they are
/// signed with the same keys.
const ROTATED: SigningAlg = SigningAlg::Rs256;

/// What became of a revocation.
#[derive(Debug)]
pub enum Revocation {
    /// The key is neither published nor accepted. Nothing changed if it was so before.
    Revoked(SigningKeyStory),
    /// The key signs or will sign next: tokens would be worth nothing the moment they are issued.
    InUse,
    /// There is no such key.
    Unknown,
}

impl TokenService {
    /// The keys that are rotated, also the revoked ones: the current, the next, the previous ones.
    ///
    /// # Errors
    /// When the database does.
    pub async fn signing_keys(&self) -> Result<Vec<SigningKeyStory>, store::Error> {
        signing_keys::stories(self.store.read().await?.db(), ROTATED).await
    }

    /// Has the next key sign from now on, and makes another next one, which is returned. `None` when
    /// somebody else rotated at the same time: doing it once more would have a key sign that no
    /// verifier has seen yet.
    ///
    /// # Errors
    /// When the database or the crypto library does.
    pub async fn rotate_signing_keys(
        &self,
        by: &ManagementRequest,
    ) -> Result<Option<SigningKeyRow>, Internal> {
        // 1. Load. What is found here guards the write.
        let keys = self.signing_keys().await?;
        let in_state = |state: &str| keys.iter().find(|key| key.state == state).map(|key| &key.kid);
        let (Some(current), Some(next)) = (in_state("current"), in_state("next")) else {
            return Err(Failed("no current or no next signing key").into());
        };
        // 2. Make the key before the transaction: it takes a second, and SQLite has one writer.
        let name = &self.settings.issuer;
        let made = make(&self.at_rest, name, (ROTATED, "next"), &self.entropy).await?;
        // 3. Write.
        let now = self.clock.now();
        let mut tx = self.store.write().await?;
        if !signing_keys::advance(&mut tx, current, next, now).await? {
            return Ok(None);
        }
        signing_keys::insert(&mut tx, &made, now).await?;
        let what =
            Managed::SigningKeysRotated { previous: current, current: next, next: &made.kid };
        let happened = Happened::Managed { request: by, what };
        self.login.commit_event(tx, &happened, Some(by.client()), by.user()).await?;
        // 4. Answer. The other nodes follow the version of the configuration.
        self.reload_keys().await;
        Ok(Some(made))
    }

    /// Has a previous key neither published nor accepted any more.
    ///
    /// # Errors
    /// When the database does.
    pub async fn revoke_signing_key(
        &self,
        kid: &KeyId,
        by: &ManagementRequest,
    ) -> Result<Revocation, store::Error> {
        let mut tx = self.store.write().await?;
        let revoked = signing_keys::revoke(&mut tx, kid, self.clock.now()).await?;
        let keys = signing_keys::stories(tx.db(), ROTATED).await?;
        let Some(key) = keys.into_iter().find(|key| key.kid == *kid) else {
            return Ok(Revocation::Unknown);
        };
        if key.state != "previous" {
            return Ok(Revocation::InUse);
        }
        if revoked {
            let what = Managed::SigningKeyRevoked { kid };
            let happened = Happened::Managed { request: by, what };
            self.login.commit_event(tx, &happened, Some(by.client()), by.user()).await?;
            self.reload_keys().await;
        }
        Ok(Revocation::Revoked(key))
    }
}
