//! Tables `signing_key` and `published_algorithm`.

use crate::domain::{KeyId, signing_alg::SigningAlg, time::Timestamp};
use crate::store::{Db, Result, Tx};

/// A signing key as it is kept: the private part is sealed.
#[derive(Debug, Clone)]
pub struct SigningKeyRow {
    /// Its `kid`.
    pub kid: KeyId,
    /// What kind of key it is, see [`SigningAlg::key_algorithm`].
    pub algorithm: SigningAlg,
    /// `current`, `next` or `previous`.
    pub state: String,
    /// PKCS #8, sealed with the master key.
    pub private_sealed: Vec<u8>,
    /// The self-signed certificate, DER.
    pub certificate: Vec<u8>,
}

#[derive(sqlx::FromRow)]
struct Row {
    kid: String,
    algorithm: String,
    state: String,
    private_sealed: Vec<u8>,
    certificate: Vec<u8>,
}

/// Every key that is not revoked, the newest first. Those of an algorithm that this release does not know are left
/// out.
///
/// # Errors
/// When the database does.
pub async fn list(db: Db<'_>) -> Result<Vec<SigningKeyRow>> {
    const LIST: &str = "SELECT kid, algorithm, state, private_sealed, certificate
        FROM signing_key WHERE revoked_at IS NULL ORDER BY created_at DESC, kid";
    let rows: Vec<Row> = on!(db, |c| sqlx::query_as(LIST).fetch_all(c).await?);
    let keys = rows.into_iter().filter_map(|row| {
        Some(SigningKeyRow {
            algorithm: SigningAlg::parse(&row.algorithm)?,
            kid: KeyId::new(row.kid),
            state: row.state,
            private_sealed: row.private_sealed,
            certificate: row.certificate,
        })
    });
    Ok(keys.collect())
}

/// What is told of a signing key: nothing private.
#[derive(Debug, Clone)]
pub struct SigningKeyStory {
    /// Its `kid`.
    pub kid: KeyId,
    /// `current`, `next` or `previous`.
    pub state: String,
    /// The self-signed certificate, DER.
    pub certificate: Vec<u8>,
    /// Since when it signs or signed; `None` for the next key.
    pub current_since: Option<Timestamp>,
    /// Until when it signed.
    pub current_until: Option<Timestamp>,
    /// Since when it is trusted no more.
    pub revoked_at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct StoryRow {
    kid: String,
    state: String,
    certificate: Vec<u8>,
    current_since: Option<i64>,
    current_until: Option<i64>,
    revoked_at: Option<i64>,
}

/// The keys of a kind, also the revoked ones: the current, the next, then the previous ones, the
/// latest first.
///
/// # Errors
/// When the database does.
pub async fn stories(db: Db<'_>, algorithm: SigningAlg) -> Result<Vec<SigningKeyStory>> {
    const STORIES: &str = "SELECT kid, state, certificate,
        CASE WHEN state = 'next' THEN NULL ELSE COALESCE(current_since, created_at) END
            AS current_since,
        current_until, revoked_at
        FROM signing_key WHERE algorithm = $1
        ORDER BY CASE state WHEN 'current' THEN 0 WHEN 'next' THEN 1 ELSE 2 END,
            current_until DESC, kid";
    let rows: Vec<StoryRow> =
        on!(db, |c| sqlx::query_as(STORIES).bind(algorithm.as_str()).fetch_all(c).await?);
    let stories = rows.into_iter().map(|row| SigningKeyStory {
        kid: KeyId::new(row.kid),
        state: row.state,
        certificate: row.certificate,
        current_since: row.current_since.map(Timestamp::from_millis),
        current_until: row.current_until.map(Timestamp::from_millis),
        revoked_at: row.revoked_at.map(Timestamp::from_millis),
    });
    Ok(stories.collect())
}

/// Has `current` sign no more and `next` sign in its place; the next key is then to be added.
/// `false`, and the transaction is to be dropped, when they are not any more what they were.
///
/// # Errors
/// When the database does.
pub async fn advance(tx: &mut Tx, current: &KeyId, next: &KeyId, now: Timestamp) -> Result<bool> {
    const RETIRE: &str = "UPDATE signing_key SET state = 'previous', current_until = $2
        WHERE kid = $1 AND state = 'current'";
    const PROMOTE: &str = "UPDATE signing_key SET state = 'current', current_since = $2
        WHERE kid = $1 AND state = 'next'";
    // This one first: there is one current key at any time.
    let retired = on!(tx.db(), |c| sqlx::query(RETIRE)
        .bind(current.as_str())
        .bind(now.millis())
        .execute(c)
        .await?
        .rows_affected());
    if retired != 1 {
        return Ok(false);
    }
    let promoted = on!(tx.db(), |c| sqlx::query(PROMOTE)
        .bind(next.as_str())
        .bind(now.millis())
        .execute(c)
        .await?
        .rows_affected());
    tx.configuration_changes().await?;
    Ok(promoted == 1)
}

/// Has a previous key neither published nor accepted from now on, on every node. `false` when it
/// is none, or was revoked already.
///
/// # Errors
/// When the database does.
pub async fn revoke(tx: &mut Tx, kid: &KeyId, now: Timestamp) -> Result<bool> {
    const REVOKE: &str = "UPDATE signing_key SET revoked_at = $2
        WHERE kid = $1 AND state = 'previous' AND revoked_at IS NULL";
    let revoked = on!(tx.db(), |c| sqlx::query(REVOKE)
        .bind(kid.as_str())
        .bind(now.millis())
        .execute(c)
        .await?
        .rows_affected());
    tx.configuration_changes().await?;
    Ok(revoked == 1)
}

/// Adds a key.
///
/// # Errors
/// [`crate::store::Error::Duplicate`] when another node has just added one in the same state.
pub async fn insert(tx: &mut Tx, key: &SigningKeyRow, now: Timestamp) -> Result<()> {
    const INSERT: &str = "INSERT INTO signing_key
        (kid, algorithm, state, private_sealed, certificate, created_at)
        VALUES ($1, $2, $3, $4, $5, $6)";
    on!(tx.db(), |c| sqlx::query(INSERT)
        .bind(key.kid.as_str())
        .bind(key.algorithm.as_str())
        .bind(key.state.as_str())
        .bind(key.private_sealed.as_slice())
        .bind(key.certificate.as_slice())
        .bind(now.millis())
        .execute(c)
        .await
        .map(|_| ())?);
    tx.configuration_changes().await
}

/// The algorithms beside RS256 whose keys are published.
///
/// # Errors
/// When the database does.
pub async fn published(db: Db<'_>) -> Result<Vec<SigningAlg>> {
    const LIST: &str = "SELECT algorithm FROM published_algorithm ORDER BY since, algorithm";
    let rows: Vec<(String,)> = on!(db, |c| sqlx::query_as(LIST).fetch_all(c).await?);
    Ok(rows.into_iter().filter_map(|(name,)| SigningAlg::parse(&name)).collect())
}

/// Has the keys of an algorithm published from now on, on every node. `true` when they were not.
///
/// # Errors
/// When the database does.
pub async fn publish(tx: &mut Tx, algorithm: SigningAlg, now: Timestamp) -> Result<bool> {
    const INSERT: &str = "INSERT INTO published_algorithm (algorithm, since) VALUES ($1, $2)
        ON CONFLICT (algorithm) DO NOTHING";
    if matches!(algorithm, SigningAlg::Rs256 | SigningAlg::Hs256) {
        // Published anyway, and a secret.
        return Ok(false);
    }
    let inserted = on!(tx.db(), |c| sqlx::query(INSERT)
        .bind(algorithm.as_str())
        .bind(now.millis())
        .execute(c)
        .await?
        .rows_affected());
    tx.configuration_changes().await?;
    Ok(inserted == 1)
}
