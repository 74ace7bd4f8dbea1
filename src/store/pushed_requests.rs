//! Table `pushed_request`: authorize requests that were pushed (RFC 9126).

use std::collections::BTreeMap;

use crate::domain::{ClientId, time::Timestamp};
use crate::store::{Db, Result, Store, Tx, decode};

/// The parameters of a request, by name.
pub type PushedParameters = BTreeMap<String, String>;

/// Keeps a request.
///
/// # Errors
/// When the database does.
pub async fn insert(
    tx: &mut Tx,
    id_hash: &[u8],
    client: &ClientId,
    parameters: &PushedParameters,
    expires_at: Timestamp,
) -> Result<()> {
    const INSERT: &str = "INSERT INTO pushed_request (id_hash, client_id, parameters, expires_at)
        VALUES ($1, $2, $3, $4)";
    let text = serde_json::json!(parameters).to_string();
    on!(tx.db(), |c| sqlx::query(INSERT)
        .bind(id_hash)
        .bind(client.as_str())
        .bind(text)
        .bind(expires_at.millis())
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}

/// Takes the request that `client` pushed: the row is gone with it, so that of two that ask the
/// database lets exactly one have it. `None` when there is none, when it has expired, and when
/// another client pushed it, who keeps it.
///
/// # Errors
/// When the database does.
pub async fn take(
    store: &Store,
    id_hash: &[u8],
    client: &ClientId,
    now: Timestamp,
) -> Result<Option<PushedParameters>> {
    const DELETE: &str = "DELETE FROM pushed_request WHERE id_hash = $1";
    // Anybody can make a request_uri up: that must not cost a write.
    let Some(parameters) = find(store.read().await?.db(), id_hash, client, now).await? else {
        return Ok(None);
    };
    let mut tx = store.write().await?;
    let deleted =
        on!(tx.db(), |c| sqlx::query(DELETE).bind(id_hash).execute(c).await?.rows_affected());
    tx.commit().await?;
    Ok((deleted == 1).then_some(parameters))
}

async fn find(
    db: Db<'_>,
    id_hash: &[u8],
    client: &ClientId,
    now: Timestamp,
) -> Result<Option<PushedParameters>> {
    const FIND: &str = "SELECT parameters FROM pushed_request
        WHERE id_hash = $1 AND client_id = $2 AND expires_at > $3";
    let row: Option<(String,)> = on!(db, |c| sqlx::query_as(FIND)
        .bind(id_hash)
        .bind(client.as_str())
        .bind(now.millis())
        .fetch_optional(c)
        .await?);
    row.map(|(parameters,)| decode("pushed_request", &parameters)).transpose()
}
