//! Table `dpop_proof`: proofs of possession that were used (RFC 9449 §11.1). Rows go when their
//! time is over and not before, so that nobody can crowd one out with proofs of their own.

use crate::domain::time::Timestamp;
use crate::store::{Result, Tx};

/// Remembers that a proof was used. `false` when it was used already: of two uses the database lets
/// exactly one through.
///
/// # Errors
/// When the database does.
pub async fn use_up(tx: &mut Tx, proof_hash: &[u8], expires_at: Timestamp) -> Result<bool> {
    const USE_UP: &str = "INSERT INTO dpop_proof (proof_hash, expires_at) VALUES ($1, $2)
        ON CONFLICT (proof_hash) DO NOTHING";
    let inserted = on!(tx.db(), |c| sqlx::query(USE_UP)
        .bind(proof_hash)
        .bind(expires_at.millis())
        .execute(c)
        .await?
        .rows_affected());
    Ok(inserted == 1)
}
