//! Table `authorization_code`.

use serde_json::json;

use crate::domain::{
    ClientId, FamilyId, OrganizationId, SessionId, UserId, audience::Audience,
    code::AuthorizationCode, dpop::Thumbprint, scope::ScopeSet, time::Timestamp,
};
use crate::store::{Db, Error, Result, Tx, decode, join_words, split_words};

#[derive(sqlx::FromRow)]
struct Row {
    client_id: String,
    user_id: String,
    session_id: String,
    redirect_uri: String,
    redirect_uri_given: bool,
    code_challenge: Option<String>,
    nonce: Option<String>,
    audience: Option<String>,
    scope: String,
    organization_id: Option<String>,
    auth_time: i64,
    amr: String,
    expires_at: i64,
    consumed_at: Option<i64>,
    family_id: Option<String>,
    dpop_jkt: Option<String>,
    custom_claims: Option<String>,
}

impl TryFrom<Row> for AuthorizationCode {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let customised = row.custom_claims.map(|json| decode("authorization_code", &json));
        Ok(Self {
            client_id: ClientId::new(row.client_id),
            user_id: UserId::new(row.user_id),
            session_id: SessionId::new(row.session_id),
            redirect_uri: row.redirect_uri,
            redirect_uri_given: row.redirect_uri_given,
            code_challenge: row.code_challenge,
            nonce: row.nonce,
            audience: row.audience.map(Audience::new),
            scope: ScopeSet::parse(&row.scope),
            organization_id: row.organization_id.map(OrganizationId::new),
            auth_time: Timestamp::from_millis(row.auth_time),
            amr: split_words(&row.amr),
            expires_at: Timestamp::from_millis(row.expires_at),
            consumed_at: row.consumed_at.map(Timestamp::from_millis),
            family_id: row.family_id.map(FamilyId::new),
            dpop_jkt: row.dpop_jkt.map(Thumbprint::trusted),
            customised: customised.transpose()?.unwrap_or_default(),
        })
    }
}

/// The code with this SHA-256, spent or not.
///
/// # Errors
/// When the database does.
pub async fn find(db: Db<'_>, code_hash: &[u8]) -> Result<Option<AuthorizationCode>> {
    const FIND: &str = "SELECT client_id, user_id, session_id, redirect_uri, redirect_uri_given,
        code_challenge, nonce, audience, scope, organization_id, auth_time, amr, expires_at,
        consumed_at, family_id, dpop_jkt, custom_claims
        FROM authorization_code WHERE code_hash = $1";
    let row: Option<Row> =
        on!(db, |c| sqlx::query_as(FIND).bind(code_hash).fetch_optional(c).await?);
    row.map(TryInto::try_into).transpose()
}

/// Adds a code.
///
/// # Errors
/// When the database does.
pub async fn insert(
    tx: &mut Tx,
    code_hash: &[u8],
    code: &AuthorizationCode,
    now: Timestamp,
) -> Result<()> {
    const INSERT: &str = "INSERT INTO authorization_code
        (code_hash, client_id, user_id, session_id, redirect_uri, redirect_uri_given,
         code_challenge, nonce, audience, scope, organization_id, auth_time, amr, created_at,
         expires_at, dpop_jkt, custom_claims)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";
    let customised = (!code.customised.is_empty()).then(|| json!(code.customised).to_string());
    on!(tx.db(), |c| sqlx::query(INSERT)
        .bind(code_hash)
        .bind(code.client_id.as_str())
        .bind(code.user_id.as_str())
        .bind(code.session_id.as_str())
        .bind(code.redirect_uri.as_str())
        .bind(code.redirect_uri_given)
        .bind(code.code_challenge.as_deref())
        .bind(code.nonce.as_deref())
        .bind(code.audience.as_ref().map(Audience::as_str))
        .bind(code.scope.to_string())
        .bind(code.organization_id.as_ref().map(OrganizationId::as_str))
        .bind(code.auth_time.millis())
        .bind(join_words(&code.amr))
        .bind(now.millis())
        .bind(code.expires_at.millis())
        .bind(code.dpop_jkt.as_ref().map(Thumbprint::as_str))
        .bind(customised)
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}

/// Spends a code and remembers the family its exchange begins. `false` when it was spent already:
/// of two exchanges the database lets exactly one through.
///
/// # Errors
/// When the database does.
pub async fn consume(
    tx: &mut Tx,
    code_hash: &[u8],
    family: Option<&FamilyId>,
    now: Timestamp,
) -> Result<bool> {
    const CONSUME: &str = "UPDATE authorization_code SET consumed_at = $2, family_id = $3
        WHERE code_hash = $1 AND consumed_at IS NULL";
    let consumed = on!(tx.db(), |c| sqlx::query(CONSUME)
        .bind(code_hash)
        .bind(now.millis())
        .bind(family.map(FamilyId::as_str))
        .execute(c)
        .await?
        .rows_affected());
    Ok(consumed == 1)
}
