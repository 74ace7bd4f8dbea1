//! Table `tenant_settings`, of one row.

use serde_json::{Map, Value};

use crate::domain::{tenant::Tenant, time::Timestamp};
use crate::store::{Db, Result, Tx, decode};

/// The settings as stored.
#[derive(Debug, Clone)]
pub struct TenantRecord {
    /// As the protocol reads them.
    pub tenant: Tenant,
    /// As the Management API wrote them.
    pub document: Map<String, Value>,
    /// Guards read-modify-write.
    pub version: i64,
}

/// The settings.
///
/// # Errors
/// When the database does.
pub async fn read(db: Db<'_>) -> Result<TenantRecord> {
    const READ: &str = "SELECT document, version FROM tenant_settings WHERE id = 1";
    let (document, version): (String, i64) = on!(db, |c| sqlx::query_as(READ).fetch_one(c).await?);
    Ok(TenantRecord {
        tenant: decode("tenant_settings", &document)?,
        document: decode("tenant_settings", &document)?,
        version,
    })
}

/// Replaces the settings that were read at `version`. `false` when somebody else was faster.
///
/// # Errors
/// When the database does.
pub async fn update(
    tx: &mut Tx,
    document: &Map<String, Value>,
    version: i64,
    now: Timestamp,
) -> Result<bool> {
    const UPDATE: &str = "UPDATE tenant_settings
        SET document = $1, version = version + 1, updated_at = $2 WHERE id = 1 AND version = $3";
    let text = Value::Object(document.clone()).to_string();
    let updated = on!(tx.db(), |c| sqlx::query(UPDATE)
        .bind(text)
        .bind(now.millis())
        .bind(version)
        .execute(c)
        .await?
        .rows_affected());
    tx.configuration_changes().await?;
    Ok(updated == 1)
}
