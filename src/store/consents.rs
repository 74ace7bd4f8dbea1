//! Table `consent`: what a user allowed a client to have, per audience.

use crate::domain::{ClientId, UserId, audience::Audience, scope::ScopeSet, time::Timestamp};
use crate::store::{Db, Result, Tx};

/// How "no audience" is kept: the column is part of the key.
fn key(audience: Option<&Audience>) -> &str {
    audience.map_or("", Audience::as_str)
}

/// What the user allowed so far; `None` for nothing, not even the empty scope.
///
/// # Errors
/// When the database does.
pub async fn find(
    db: Db<'_>,
    user: &UserId,
    client: &ClientId,
    audience: Option<&Audience>,
) -> Result<Option<ScopeSet>> {
    const FIND: &str =
        "SELECT scope FROM consent WHERE user_id = $1 AND client_id = $2 AND audience = $3";
    let row: Option<(String,)> = on!(db, |c| sqlx::query_as(FIND)
        .bind(user.as_str())
        .bind(client.as_str())
        .bind(key(audience))
        .fetch_optional(c)
        .await?);
    Ok(row.map(|(scope,)| ScopeSet::parse(&scope)))
}

/// Keeps `scope` as what the user allows now.
///
/// # Errors
/// When the database does.
pub async fn put(
    tx: &mut Tx,
    user: &UserId,
    client: &ClientId,
    audience: Option<&Audience>,
    scope: &ScopeSet,
    now: Timestamp,
) -> Result<()> {
    const PUT: &str = "INSERT INTO consent
        (user_id, client_id, audience, scope, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $5)
        ON CONFLICT (user_id, client_id, audience)
        DO UPDATE SET scope = EXCLUDED.scope, updated_at = EXCLUDED.updated_at";
    on!(tx.db(), |c| sqlx::query(PUT)
        .bind(user.as_str())
        .bind(client.as_str())
        .bind(key(audience))
        .bind(scope.to_string())
        .bind(now.millis())
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}
