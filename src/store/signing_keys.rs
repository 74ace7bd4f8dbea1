//! Tables `signing_key` and `published_algorithm`.

use crate::domain::{KeyId, signing_alg::SigningAlg, time::Timestamp};
use crate::store::{Db, Result, Tx};

/// A signing key as it is kept: the private part is sealed.
#[derive(Debug, Clone)]
pub struct SigningKeyRow {
    /// Its `kid`.
    pub kid: KeyId,
    /// What kind of key it is, see [`SigningAlg::key_algorithm`].
    pub algorithm: SigningAlg,
    /// `current`, `next` or `previous`.
    pub state: String,
    /// PKCS #8, sealed with the master key.
    pub private_sealed: Vec<u8>,
    /// The self-signed certificate, DER.
    pub certificate: Vec<u8>,
}

#[derive(sqlx::FromRow)]
struct Row {
    kid: String,
    algorithm: String,
    state: String,
    private_sealed: Vec<u8>,
    certificate: Vec<u8>,
}

/// Every key, the newest first. Those of an algorithm that this release does not know are left
/// out.
///
/// # Errors
/// When the database does.
pub async fn list(db: Db<'_>) -> Result<Vec<SigningKeyRow>> {
    const LIST: &str = "SELECT kid, algorithm, state, private_sealed, certificate
        FROM signing_key ORDER BY created_at DESC, kid";
    let rows: Vec<Row> = on!(db, |c| sqlx::query_as(LIST).fetch_all(c).await?);
    let keys = rows.into_iter().filter_map(|row| {
        Some(SigningKeyRow {
            algorithm: SigningAlg::parse(&row.algorithm)?,
            kid: KeyId::new(row.kid),
            state: row.state,
            private_sealed: row.private_sealed,
            certificate: row.certificate,
        })
    });
    Ok(keys.collect())
}

/// Adds a key.
///
/// # Errors
/// [`crate::store::Error::Duplicate`] when another node has just added one in the same state.
pub async fn insert(tx: &mut Tx, key: &SigningKeyRow, now: Timestamp) -> Result<()> {
    const INSERT: &str = "INSERT INTO signing_key
        (kid, algorithm, state, private_sealed, certificate, created_at)
        VALUES ($1, $2, $3, $4, $5, $6)";
    on!(tx.db(), |c| sqlx::query(INSERT)
        .bind(key.kid.as_str())
        .bind(key.algorithm.as_str())
        .bind(key.state.as_str())
        .bind(key.private_sealed.as_slice())
        .bind(key.certificate.as_slice())
        .bind(now.millis())
        .execute(c)
        .await
        .map(|_| ())?);
    tx.configuration_changes().await
}

/// The algorithms beside RS256 whose keys are published.
///
/// # Errors
/// When the database does.
pub async fn published(db: Db<'_>) -> Result<Vec<SigningAlg>> {
    const LIST: &str = "SELECT algorithm FROM published_algorithm ORDER BY since, algorithm";
    let rows: Vec<(String,)> = on!(db, |c| sqlx::query_as(LIST).fetch_all(c).await?);
    Ok(rows.into_iter().filter_map(|(name,)| SigningAlg::parse(&name)).collect())
}

/// Has the keys of an algorithm published from now on, on every node. `true` when they were not.
///
/// # Errors
/// When the database does.
pub async fn publish(tx: &mut Tx, algorithm: SigningAlg, now: Timestamp) -> Result<bool> {
    const INSERT: &str = "INSERT INTO published_algorithm (algorithm, since) VALUES ($1, $2)
        ON CONFLICT (algorithm) DO NOTHING";
    if matches!(algorithm, SigningAlg::Rs256 | SigningAlg::Hs256) {
        // Published anyway, and a secret.
        return Ok(false);
    }
    let inserted = on!(tx.db(), |c| sqlx::query(INSERT)
        .bind(algorithm.as_str())
        .bind(now.millis())
        .execute(c)
        .await?
        .rows_affected());
    tx.configuration_changes().await?;
    Ok(inserted == 1)
}
