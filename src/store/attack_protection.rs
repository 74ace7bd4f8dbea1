//! Table `attack_protection`: one row for each kind of protection.

use serde_json::{Map, Value};

use crate::domain::{
    attack_protection::{AttackProtection, BruteForceProtection, SuspiciousIpThrottling},
    time::Timestamp,
};
use crate::store::{Db, Result, Tx, decode};

/// What was set of a protection.
#[derive(Debug, Clone)]
pub struct ProtectionRecord {
    /// As the Management API wrote it.
    pub document: Map<String, Value>,
    /// Guards read-modify-write.
    pub version: i64,
}

/// What was set of the protection with this name.
///
/// # Errors
/// When the database does, also when it knows no such protection.
pub async fn read(db: Db<'_>, name: &str) -> Result<ProtectionRecord> {
    const READ: &str = "SELECT document, version FROM attack_protection WHERE name = $1";
    let (document, version): (String, i64) =
        on!(db, |c| sqlx::query_as(READ).bind(name).fetch_one(c).await?);
    Ok(ProtectionRecord { document: decode("attack_protection", &document)?, version })
}

/// What holds: what was set, and the defaults.
///
/// # Errors
/// When the database does.
pub async fn current(mut db: Db<'_>) -> Result<AttackProtection> {
    const CURRENT: &str = "SELECT document FROM attack_protection WHERE name = $1";
    let mut documents = [BruteForceProtection::NAME, SuspiciousIpThrottling::NAME]
        .map(|name| (name, String::new()));
    for (name, document) in &mut documents {
        (*document,) =
            on!(db.reborrow(), |c| sqlx::query_as(CURRENT).bind(*name).fetch_one(c).await?);
    }
    let [(_, brute_force), (_, suspicious_ip)] = documents;
    Ok(AttackProtection {
        brute_force: decode("attack_protection", &brute_force)?,
        suspicious_ip: decode("attack_protection", &suspicious_ip)?,
    })
}

/// Replaces what was read at `version`. `false` when somebody else was faster.
///
/// # Errors
/// When the database does.
pub async fn update(
    tx: &mut Tx,
    name: &str,
    document: &Map<String, Value>,
    version: i64,
    now: Timestamp,
) -> Result<bool> {
    const UPDATE: &str = "UPDATE attack_protection
        SET document = $2, version = version + 1, updated_at = $3 WHERE name = $1 AND version = $4";
    let text = Value::Object(document.clone()).to_string();
    let updated = on!(tx.db(), |c| sqlx::query(UPDATE)
        .bind(name)
        .bind(text)
        .bind(now.millis())
        .bind(version)
        .execute(c)
        .await?
        .rows_affected());
    tx.configuration_changes().await?;
    Ok(updated == 1)
}
