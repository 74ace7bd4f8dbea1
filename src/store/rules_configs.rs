//! Table `rules_config`.

use crate::domain::{rule::SealedConfig, time::Timestamp};
use crate::store::{Db, Result, Tx};

/// The names, in order.
///
/// # Errors
/// When the database does.
pub async fn keys(db: Db<'_>) -> Result<Vec<String>> {
    const KEYS: &str = "SELECT key FROM rules_config";
    let rows: Vec<(String,)> = on!(db, |c| sqlx::query_as(KEYS).fetch_all(c).await?);
    let mut keys: Vec<_> = rows.into_iter().map(|(key,)| key).collect();
    // The databases do not agree on the order of letters.
    keys.sort_unstable();
    Ok(keys)
}

/// How many there are.
///
/// # Errors
/// When the database does.
pub async fn count(db: Db<'_>) -> Result<i64> {
    const COUNT: &str = "SELECT COUNT(*) FROM rules_config";
    let (count,): (i64,) = on!(db, |c| sqlx::query_as(COUNT).fetch_one(c).await?);
    Ok(count)
}

/// Names and values.
///
/// # Errors
/// When the database does.
pub async fn all(db: Db<'_>) -> Result<Vec<SealedConfig>> {
    const ALL: &str = "SELECT key, value_sealed FROM rules_config";
    let rows: Vec<(String, Vec<u8>)> = on!(db, |c| sqlx::query_as(ALL).fetch_all(c).await?);
    Ok(rows.into_iter().map(|(key, sealed)| SealedConfig { key, sealed }).collect())
}

/// Sets a value.
///
/// # Errors
/// When the database does.
pub async fn set(tx: &mut Tx, config: &SealedConfig, now: Timestamp) -> Result<()> {
    const SET: &str = "INSERT INTO rules_config (key, value_sealed, updated_at) VALUES ($1, $2, $3)
        ON CONFLICT (key) DO UPDATE SET value_sealed = excluded.value_sealed,
            updated_at = excluded.updated_at";
    on!(tx.db(), |c| sqlx::query(SET)
        .bind(config.key.as_str())
        .bind(config.sealed.as_slice())
        .bind(now.millis())
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}

/// Removes a value. `false` when there was none.
///
/// # Errors
/// When the database does.
pub async fn delete(tx: &mut Tx, key: &str) -> Result<bool> {
    const DELETE: &str = "DELETE FROM rules_config WHERE key = $1";
    let deleted = on!(tx.db(), |c| sqlx::query(DELETE).bind(key).execute(c).await?.rows_affected());
    Ok(deleted == 1)
}
