//! Table `session_client`: which applications a browser session was used for.

use crate::domain::{ClientId, SessionId, UserId, client::Client, time::Timestamp};
use crate::store::{Db, Result, Tx, decode};

/// Notes that `client` was given a code in the session at `now`. Nothing happens when the session
/// has ended meanwhile.
///
/// # Errors
/// When the database does.
pub async fn record(
    tx: &mut Tx,
    session: &SessionId,
    client: &ClientId,
    now: Timestamp,
) -> Result<()> {
    const RECORD: &str = "INSERT INTO session_client (session_id, client_id, first_at, last_at)
        SELECT id, $2, $3, $3 FROM session WHERE id = $1
        ON CONFLICT (session_id, client_id) DO UPDATE SET last_at = excluded.last_at";
    on!(tx.db(), |c| sqlx::query(RECORD)
        .bind(session.as_str())
        .bind(client.as_str())
        .bind(now.millis())
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}

/// Gives the applications of a session to its successor: the same user has logged in again with
/// the same browser.
///
/// # Errors
/// When the database does.
pub async fn hand_over(tx: &mut Tx, from: &SessionId, to: &SessionId) -> Result<()> {
    const HAND_OVER: &str = "UPDATE session_client SET session_id = $2 WHERE session_id = $1";
    on!(tx.db(), |c| sqlx::query(HAND_OVER)
        .bind(from.as_str())
        .bind(to.as_str())
        .execute(c)
        .await
        .map(|_| ())?);
    Ok(())
}

/// The applications of a session, in the order of their first login.
///
/// # Errors
/// When the database does.
pub async fn ids(db: Db<'_>, session: &SessionId) -> Result<Vec<ClientId>> {
    const IDS: &str = "SELECT client_id FROM session_client WHERE session_id = $1
        ORDER BY first_at, client_id";
    let rows: Vec<(String,)> =
        on!(db, |c| sqlx::query_as(IDS).bind(session.as_str()).fetch_all(c).await?);
    Ok(rows.into_iter().map(|(id,)| ClientId::new(id)).collect())
}

/// A session and an application that it was used for.
pub type Participation = (SessionId, Client);

#[derive(sqlx::FromRow)]
struct Row {
    session_id: String,
    client_id: String,
    document: String,
}

impl TryFrom<Row> for Participation {
    type Error = crate::store::Error;

    fn try_from(row: Row) -> Result<Self> {
        let mut client: Client = decode("client", &row.document)?;
        client.client_id = ClientId::new(row.client_id);
        Ok((SessionId::new(row.session_id), client))
    }
}

/// The applications of a session, with their settings.
///
/// # Errors
/// When the database does.
pub async fn of_session(db: Db<'_>, session: &SessionId) -> Result<Vec<Participation>> {
    const OF_SESSION: &str = "SELECT p.session_id, p.client_id, c.document
        FROM session_client p JOIN client c ON c.client_id = p.client_id
        WHERE p.session_id = $1 ORDER BY p.client_id";
    let rows: Vec<Row> =
        on!(db, |c| sqlx::query_as(OF_SESSION).bind(session.as_str()).fetch_all(c).await?);
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The applications of every session of a user, with their settings.
///
/// # Errors
/// When the database does.
pub async fn of_user(db: Db<'_>, user: &UserId) -> Result<Vec<Participation>> {
    const OF_USER: &str = "SELECT p.session_id, p.client_id, c.document
        FROM session s JOIN session_client p ON p.session_id = s.id
        JOIN client c ON c.client_id = p.client_id
        WHERE s.user_id = $1 ORDER BY p.session_id, p.client_id";
    let rows: Vec<Row> =
        on!(db, |c| sqlx::query_as(OF_USER).bind(user.as_str()).fetch_all(c).await?);
    rows.into_iter().map(TryInto::try_into).collect()
}
