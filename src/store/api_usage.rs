//! What names an API and its scopes: counted for who is about to take some of it away.

use serde::Deserialize;

use crate::domain::{audience::Audience, client::Client, scope::ScopeSet};
use crate::store::{Db, Result, decode};

/// How many of something name an API, and for each of its scopes how many name that.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    /// Those that name the API.
    pub api: i64,
    /// Those that name a scope.
    pub scopes: Vec<(String, i64)>,
}

impl Named {
    fn of_sets<'a>(sets: impl Iterator<Item = &'a ScopeSet>) -> Self {
        let mut named = Self::default();
        let mut counts = std::collections::BTreeMap::<&str, i64>::new();
        for set in sets {
            named.api += 1;
            for scope in set.iter() {
                *counts.entry(scope).or_default() += 1;
            }
        }
        named.scopes = counts.into_iter().map(|(scope, n)| (scope.to_owned(), n)).collect();
        named
    }
}

/// The applications whose refresh-token policies name it.
///
/// # Errors
/// When the database does.
pub async fn by_policies(db: Db<'_>, audience: &Audience) -> Result<Named> {
    // Finds a few that may, and never misses one: what is kept is JSON without white space.
    const FIND: &str = "SELECT document FROM client WHERE document LIKE $1 ESCAPE '!'";
    let written = serde_json::Value::from(audience.as_str()).to_string();
    let pattern = written.replace('!', "!!").replace('%', "!%").replace('_', "!_");
    let rows: Vec<(String,)> = on!(db, |c| sqlx::query_as(FIND)
        .bind(format!("%\"audience\":{pattern}%"))
        .fetch_all(c)
        .await?);
    let mut named = Vec::new();
    for (document,) in rows {
        let client: Client = decode("client", &document)?;
        let policy = client.policies().iter().find(|policy| policy.audience == *audience);
        named.extend(policy.map(|policy| policy.scope.clone()));
    }
    Ok(Named::of_sets(named.iter()))
}

/// The client grants for it.
///
/// # Errors
/// When the database does.
pub async fn by_client_grants(db: Db<'_>, audience: &Audience) -> Result<Named> {
    const FIND: &str = "SELECT document FROM client_grant WHERE audience = $1";
    #[derive(Deserialize)]
    struct Grant {
        #[serde(default)]
        scope: ScopeSet,
    }
    let rows: Vec<(String,)> =
        on!(db, |c| sqlx::query_as(FIND).bind(audience.as_str()).fetch_all(c).await?);
    let grants = rows.iter().map(|(document,)| decode::<Grant>("client_grant", document));
    let grants = grants.collect::<Result<Vec<Grant>>>()?;
    Ok(Named::of_sets(grants.iter().map(|grant| &grant.scope)))
}

/// The roles that give permissions of it.
///
/// # Errors
/// When the database does.
pub async fn by_roles(mut db: Db<'_>, audience: &Audience) -> Result<Named> {
    const SCOPES: &str = "SELECT permission, COUNT(*) FROM role_permission
        WHERE audience = $1 GROUP BY permission ORDER BY permission";
    const API: &str = "SELECT COUNT(DISTINCT role_id) FROM role_permission WHERE audience = $1";
    let scopes: Vec<(String, i64)> =
        on!(db.reborrow(), |c| sqlx::query_as(SCOPES).bind(audience.as_str()).fetch_all(c).await?);
    let (api,): (i64,) =
        on!(db, |c| sqlx::query_as(API).bind(audience.as_str()).fetch_one(c).await?);
    Ok(Named { api, scopes })
}

/// The users who have permissions of it, other than through a role.
///
/// # Errors
/// When the database does.
pub async fn by_users(mut db: Db<'_>, audience: &Audience) -> Result<Named> {
    const SCOPES: &str = "SELECT permission, COUNT(*) FROM user_permission
        WHERE audience = $1 GROUP BY permission ORDER BY permission";
    const API: &str = "SELECT COUNT(DISTINCT user_id) FROM user_permission WHERE audience = $1";
    let scopes: Vec<(String, i64)> =
        on!(db.reborrow(), |c| sqlx::query_as(SCOPES).bind(audience.as_str()).fetch_all(c).await?);
    let (api,): (i64,) =
        on!(db, |c| sqlx::query_as(API).bind(audience.as_str()).fetch_one(c).await?);
    Ok(Named { api, scopes })
}
