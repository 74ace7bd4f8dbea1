//! Table `signing_key`.

use crate::domain::{KeyId, time::Timestamp};
use crate::store::{Db, Result, Tx};

/// A signing key as it is kept: the private part is sealed.
#[derive(Debug, Clone)]
pub struct SigningKeyRow {
    /// Its `kid`.
    pub kid: KeyId,
    /// `current`, `next` or `previous`.
    pub state: String,
    /// PKCS #8, sealed with the master key.
    pub private_sealed: Vec<u8>,
    /// The self-signed certificate, DER.
    pub certificate: Vec<u8>,
}

/// Every key, the newest first.
///
/// # Errors
/// When the database does.
pub async fn list(db: Db<'_>) -> Result<Vec<SigningKeyRow>> {
    const LIST: &str = "SELECT kid, state, private_sealed, certificate
        FROM signing_key ORDER BY created_at DESC, kid";
    let rows: Vec<(String, String, Vec<u8>, Vec<u8>)> =
        on!(db, |c| sqlx::query_as(LIST).fetch_all(c).await?);
    let keys = rows.into_iter().map(|(kid, state, private_sealed, certificate)| SigningKeyRow {
        kid: KeyId::new(kid),
        state,
        private_sealed,
        certificate,
    });
    Ok(keys.collect())
}

/// Adds a key.
///
/// # Errors
/// [`crate::store::Error::Duplicate`] when another node has just added one in the same state.
pub async fn insert(tx: &mut Tx, key: &SigningKeyRow, now: Timestamp) -> Result<()> {
    const INSERT: &str = "INSERT INTO signing_key
        (kid, state, private_sealed, certificate, created_at) VALUES ($1, $2, $3, $4, $5)";
    on!(tx.db(), |c| sqlx::query(INSERT)
        .bind(key.kid.as_str())
        .bind(key.state.as_str())
        .bind(key.private_sealed.as_slice())
        .bind(key.certificate.as_slice())
        .bind(now.millis())
        .execute(c)
        .await
        .map(|_| ())?);
    tx.configuration_changes().await
}
