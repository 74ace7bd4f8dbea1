//! Table `consent`: what a user allowed a client to have, per audience.

use crate::domain::{ClientId, UserId, audience::Audience, scope::ScopeSet, time::Timestamp};
use crate::store::{Db, Result, Tx, compose::Composed};

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

/// One consent.
#[derive(Debug, Clone)]
pub struct Consent {
    /// Who gave it.
    pub user_id: UserId,
    /// To whom.
    pub client_id: ClientId,
    /// For which API; `None` for none, which is `/userinfo`.
    pub audience: Option<Audience>,
    /// What was allowed.
    pub scope: ScopeSet,
}

#[derive(sqlx::FromRow)]
struct Row {
    user_id: String,
    client_id: String,
    audience: String,
    scope: String,
}

impl From<Row> for Consent {
    fn from(row: Row) -> Self {
        Self {
            user_id: UserId::new(row.user_id),
            client_id: ClientId::new(row.client_id),
            audience: (!row.audience.is_empty()).then(|| Audience::new(row.audience)),
            scope: ScopeSet::parse(&row.scope),
        }
    }
}

/// Narrows a listing; `None` means any.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter<'a> {
    /// Given by this user.
    pub user_id: Option<&'a str>,
    /// Given to this client.
    pub client_id: Option<&'a str>,
    /// For this API; empty for those without one.
    pub audience: Option<&'a str>,
}

impl Filter<'_> {
    fn narrow(&self, sql: &mut Composed) {
        sql.only("user_id = ", self.user_id)
            .only("client_id = ", self.client_id)
            .only("audience = ", self.audience);
    }
}

/// The consents that pass `filter`, from `offset` on.
///
/// # Errors
/// When the database does.
pub async fn list(db: Db<'_>, filter: Filter<'_>, offset: i64, limit: i64) -> Result<Vec<Consent>> {
    let sql = list_statement(&db, filter, offset, limit);
    let rows: Vec<Row> = on!(db, |c| composed!(sqlx::query_as, sql).fetch_all(c).await?);
    Ok(rows.into_iter().map(Into::into).collect())
}

/// The statement of [`list`], so that its plan can be looked at.
pub fn list_statement(db: &Db<'_>, filter: Filter<'_>, offset: i64, limit: i64) -> Composed {
    let mut sql = Composed::new(db, "SELECT user_id, client_id, audience, scope FROM consent");
    filter.narrow(&mut sql);
    sql.push(" ORDER BY user_id, client_id, audience").page(offset, limit);
    sql
}

/// How many consents pass `filter`, counted to `most`.
///
/// # Errors
/// When the database does.
pub async fn count(db: Db<'_>, filter: Filter<'_>, most: i64) -> Result<i64> {
    let sql = count_statement(&db, filter, most);
    let (count,): (i64,) = on!(db, |c| composed!(sqlx::query_as, sql).fetch_one(c).await?);
    Ok(count)
}

/// The statement of [`count`], so that its plan can be looked at.
pub fn count_statement(db: &Db<'_>, filter: Filter<'_>, most: i64) -> Composed {
    let mut sql = Composed::new(db, "SELECT COUNT(*) FROM (SELECT user_id FROM consent");
    filter.narrow(&mut sql);
    sql.push(" LIMIT ").bind(most).push(") AS counted");
    sql
}

/// Every consent of a user.
///
/// # Errors
/// When the database does.
pub async fn list_of_user(db: Db<'_>, user: &UserId) -> Result<Vec<Consent>> {
    const LIST: &str = "SELECT user_id, client_id, audience, scope FROM consent WHERE user_id = $1";
    let rows: Vec<Row> = on!(db, |c| sqlx::query_as(LIST).bind(user.as_str()).fetch_all(c).await?);
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Withdraws a consent. `false` when there was none.
///
/// # Errors
/// When the database does.
pub async fn delete(
    tx: &mut Tx,
    user: &UserId,
    client: &ClientId,
    audience: Option<&Audience>,
) -> Result<bool> {
    const DELETE: &str =
        "DELETE FROM consent WHERE user_id = $1 AND client_id = $2 AND audience = $3";
    let deleted = on!(tx.db(), |c| sqlx::query(DELETE)
        .bind(user.as_str())
        .bind(client.as_str())
        .bind(key(audience))
        .execute(c)
        .await?
        .rows_affected());
    Ok(deleted == 1)
}
