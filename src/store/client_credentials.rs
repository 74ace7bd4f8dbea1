//! Table `client_credential`: public keys of applications.

use crate::domain::{
    ClientId, CredentialId, client_assertion::AssertionAlgorithm,
    client_credential::ClientCredential, time::Timestamp,
};
use crate::store::{Db, Error, Result, Tx};

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    client_id: String,
    name: String,
    kid: String,
    alg: String,
    public_key: Vec<u8>,
    expires_at: Option<i64>,
    created_at: i64,
    updated_at: i64,
}

impl TryFrom<Row> for ClientCredential {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let alg = AssertionAlgorithm::parse(&row.alg).ok_or_else(|| Error::Inconsistent {
            table: "client_credential",
            why: "unknown alg".to_owned(),
        })?;
        Ok(Self {
            id: CredentialId::new(row.id),
            client_id: ClientId::new(row.client_id),
            name: row.name,
            kid: row.kid,
            alg,
            public_key: row.public_key,
            expires_at: row.expires_at.map(Timestamp::from_millis),
            created_at: Timestamp::from_millis(row.created_at),
            updated_at: Timestamp::from_millis(row.updated_at),
        })
    }
}

/// The keys of a client, oldest first.
///
/// # Errors
/// When the database does.
pub async fn list(db: Db<'_>, client: &ClientId) -> Result<Vec<ClientCredential>> {
    const LIST: &str = "SELECT id, client_id, name, kid, alg, public_key, expires_at, created_at,
        updated_at FROM client_credential WHERE client_id = $1 ORDER BY created_at, id";
    let rows: Vec<Row> =
        on!(db, |c| sqlx::query_as(LIST).bind(client.as_str()).fetch_all(c).await?);
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Adds a key.
///
/// # Errors
/// [`Error::Duplicate`] when the client has a key with this `kid`.
pub async fn insert(tx: &mut Tx, credential: &ClientCredential) -> Result<()> {
    const INSERT: &str = "INSERT INTO client_credential
        (id, client_id, name, kid, alg, public_key, expires_at, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    on!(tx.db(), |c| sqlx::query(INSERT)
        .bind(credential.id.as_str())
        .bind(credential.client_id.as_str())
        .bind(credential.name.as_str())
        .bind(credential.kid.as_str())
        .bind(credential.alg.as_str())
        .bind(credential.public_key.as_slice())
        .bind(credential.expires_at.map(Timestamp::millis))
        .bind(credential.created_at.millis())
        .bind(credential.updated_at.millis())
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}

/// Moves the end of a key. `false` when the client has no such key.
///
/// # Errors
/// When the database does.
pub async fn set_expiry(
    tx: &mut Tx,
    client: &ClientId,
    id: &CredentialId,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<bool> {
    const UPDATE: &str = "UPDATE client_credential SET expires_at = $3, updated_at = $4
        WHERE client_id = $1 AND id = $2";
    let updated = on!(tx.db(), |c| sqlx::query(UPDATE)
        .bind(client.as_str())
        .bind(id.as_str())
        .bind(expires_at.map(Timestamp::millis))
        .bind(now.millis())
        .execute(c)
        .await?
        .rows_affected());
    Ok(updated == 1)
}

/// Removes a key. `false` when the client has no such key.
///
/// # Errors
/// When the database does.
pub async fn delete(tx: &mut Tx, client: &ClientId, id: &CredentialId) -> Result<bool> {
    const DELETE: &str = "DELETE FROM client_credential WHERE client_id = $1 AND id = $2";
    let deleted = on!(tx.db(), |c| sqlx::query(DELETE)
        .bind(client.as_str())
        .bind(id.as_str())
        .execute(c)
        .await?
        .rows_affected());
    Ok(deleted == 1)
}
