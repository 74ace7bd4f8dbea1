//! Table `client_assertion`: the client assertions that were accepted.

use crate::domain::{ClientId, time::Timestamp};
use crate::store::{Result, Tx};

/// Spends an assertion. `false` when it was spent already: of two replicas that see one assertion
/// at once, the database lets exactly one through.
///
/// # Errors
/// When the database does.
pub async fn spend(
    tx: &mut Tx,
    client: &ClientId,
    jti_hash: &[u8],
    expires_at: Timestamp,
) -> Result<bool> {
    const SPEND: &str = "INSERT INTO client_assertion (client_id, jti_hash, expires_at)
        VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    let inserted = on!(tx.db(), |c| sqlx::query(SPEND)
        .bind(client.as_str())
        .bind(jti_hash)
        .bind(expires_at.millis())
        .execute(c)
        .await?
        .rows_affected());
    Ok(inserted == 1)
}
