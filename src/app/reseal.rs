//! Seals everything at rest anew with the current master key, so that one that gave way to it need
//! not be accepted any more. It may run beside the server, and again: what is sealed with the
//! current key already stays as it is.

use crate::app::{StartError, master_key, open_store};
use crate::config::Config;
use crate::crypto::{action_secrets, master_key::Purpose, seal::Sealer};
use crate::domain::{ResourceServerId, entropy::Entropy, rule::SealedConfig};
use crate::store::{
    Store,
    sealed_values::{self, Sealed},
};
use crate::token::client_authentication;

/// What became of the values of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resealed {
    /// Which.
    pub what: Sealed,
    /// How many were sealed anew.
    pub anew: usize,
    /// How many were sealed with the current key already.
    pub kept: usize,
}

/// Seals anew what another accepted master key has sealed.
///
/// # Errors
/// When a value opens with none of the master keys: then nothing more is done, and what was sealed
/// anew stays so.
pub async fn run(config: &Config, entropy: &dyn Entropy) -> Result<Vec<Resealed>, StartError> {
    let store = open_store(config).await?;
    store.check_schema().await?;
    let keys = master_key::load(config, store.is_embedded(), entropy)?;
    let sealer = Sealer::new(&keys, Purpose::AtRest)?;
    let mut done = Vec::new();
    for what in Sealed::ALL {
        done.push(reseal(&store, &sealer, what, entropy).await?);
    }
    store.close().await;
    Ok(done)
}

async fn reseal(
    store: &Store,
    sealer: &Sealer,
    what: Sealed,
    entropy: &dyn Entropy,
) -> Result<Resealed, StartError> {
    let (mut resealed, mut after) = (Resealed { what, anew: 0, kept: 0 }, String::new());
    loop {
        let page = sealed_values::after(store.read().await?.db(), what, &after).await?;
        let Some((last, _)) = page.last() else { return Ok(resealed) };
        after.clone_from(last);
        let mut tx = store.write().await?;
        for (id, sealed) in page {
            let anew = sealer.reseal(&sealed, &place(what, &id), entropy).map_err(|_| {
                let what = what.as_str();
                StartError::Config(format!(
                    "{what}: that of {id} opens with none of the master keys"
                ))
            })?;
            match anew {
                None => resealed.kept += 1,
                // Who changed it meanwhile has sealed it, with the current key or another one.
                Some(anew) => {
                    if sealed_values::replace(&mut tx, what, &id, &sealed, &anew).await? {
                        resealed.anew += 1;
                    }
                }
            }
        }
        tx.configuration_changes().await?;
        tx.commit().await?;
    }
}

/// Where a value belongs: it opens nowhere else.
fn place(what: Sealed, id: &str) -> Vec<u8> {
    match what {
        Sealed::ClientSecret | Sealed::SigningKey => id.as_bytes().to_vec(),
        Sealed::SigningSecret => {
            client_authentication::bound_to(&ResourceServerId::new(id)).into_bytes()
        }
        Sealed::ActionSecrets | Sealed::ActionVersionSecrets => action_secrets::bound_to(id),
        Sealed::RulesConfig => SealedConfig::bound_to(id),
    }
}
