//! What is sealed at rest, wherever it is kept.

use crate::store::{Db, Result, Tx};

/// A column of sealed values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sealed {
    /// The secret of a client.
    ClientSecret,
    /// The `signing_secret` of an API.
    SigningSecret,
    /// The private part of a signing key.
    SigningKey,
    /// The secrets of the draft of an Action.
    ActionSecrets,
    /// The secrets of a version of an Action.
    ActionVersionSecrets,
    /// A value that rules are configured with.
    RulesConfig,
}

impl Sealed {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::ClientSecret,
        Self::SigningSecret,
        Self::SigningKey,
        Self::ActionSecrets,
        Self::ActionVersionSecrets,
        Self::RulesConfig,
    ];

    /// What they are, for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientSecret => "client secrets",
            Self::SigningSecret => "signing secrets of APIs",
            Self::SigningKey => "signing keys",
            Self::ActionSecrets => "secrets of Actions",
            Self::ActionVersionSecrets => "secrets of versions of Actions",
            Self::RulesConfig => "values of rules",
        }
    }
}

/// The sealed values of the rows that come after `after`, by the id that they are found by; a
/// hundred at most.
///
/// # Errors
/// When the database does.
pub async fn after(db: Db<'_>, sealed: Sealed, after: &str) -> Result<Vec<(String, Vec<u8>)>> {
    const CLIENT: &str = "SELECT client_id, secret_sealed FROM client
        WHERE client_id > $1 AND secret_sealed IS NOT NULL ORDER BY client_id LIMIT 100";
    const API: &str = "SELECT id, secret_sealed FROM resource_server
        WHERE id > $1 AND secret_sealed IS NOT NULL ORDER BY id LIMIT 100";
    const KEY: &str = "SELECT kid, private_sealed FROM signing_key
        WHERE kid > $1 ORDER BY kid LIMIT 100";
    const ACTION: &str = "SELECT id, secrets_sealed FROM action
        WHERE id > $1 AND secrets_sealed IS NOT NULL ORDER BY id LIMIT 100";
    const VERSION: &str = "SELECT id, secrets_sealed FROM action_version
        WHERE id > $1 AND secrets_sealed IS NOT NULL ORDER BY id LIMIT 100";
    const CONFIG: &str = "SELECT key, value_sealed FROM rules_config
        WHERE key > $1 ORDER BY key LIMIT 100";
    let statement = match sealed {
        Sealed::ClientSecret => CLIENT,
        Sealed::SigningSecret => API,
        Sealed::SigningKey => KEY,
        Sealed::ActionSecrets => ACTION,
        Sealed::ActionVersionSecrets => VERSION,
        Sealed::RulesConfig => CONFIG,
    };
    Ok(on!(db, |c| sqlx::query_as(statement).bind(after).fetch_all(c).await?))
}

/// Puts a sealed value in place of another one. `false` when somebody changed it meanwhile. Whoever
/// edits the row at the same time begins again, and does not write back what is here no more.
///
/// # Errors
/// When the database does.
pub async fn replace(
    tx: &mut Tx,
    sealed: Sealed,
    id: &str,
    before: &[u8],
    after: &[u8],
) -> Result<bool> {
    const CLIENT: &str = "UPDATE client SET secret_sealed = $2, version = version + 1
        WHERE client_id = $1 AND secret_sealed = $3";
    const API: &str = "UPDATE resource_server SET secret_sealed = $2, version = version + 1
        WHERE id = $1 AND secret_sealed = $3";
    const KEY: &str = "UPDATE signing_key SET private_sealed = $2
        WHERE kid = $1 AND private_sealed = $3";
    const ACTION: &str = "UPDATE action SET secrets_sealed = $2
        WHERE id = $1 AND secrets_sealed = $3";
    const VERSION: &str = "UPDATE action_version SET secrets_sealed = $2
        WHERE id = $1 AND secrets_sealed = $3";
    const CONFIG: &str = "UPDATE rules_config SET value_sealed = $2
        WHERE key = $1 AND value_sealed = $3";
    let statement = match sealed {
        Sealed::ClientSecret => CLIENT,
        Sealed::SigningSecret => API,
        Sealed::SigningKey => KEY,
        Sealed::ActionSecrets => ACTION,
        Sealed::ActionVersionSecrets => VERSION,
        Sealed::RulesConfig => CONFIG,
    };
    let replaced = on!(tx.db(), |c| sqlx::query(statement)
        .bind(id)
        .bind(after)
        .bind(before)
        .execute(c)
        .await?
        .rows_affected());
    Ok(replaced == 1)
}
