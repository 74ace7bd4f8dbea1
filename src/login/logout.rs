//! The end of browser sessions, whatever ends them: the session goes, and the logout tokens that
//! tell its applications are written in the same transaction (OIDC Back-Channel Logout 1.0). They
//! are signed and delivered later, by `token::backchannel_logout`.

use serde::{Deserialize, Serialize};

use crate::crypto::{Failed, digest};
use crate::domain::{
    ClientId, SessionId, UserId,
    audit::Happened,
    family::RevokedBy,
    logout::{Announcement, Initiator},
    secret::SessionCookie,
    time::Timestamp,
};
use crate::login::{LoginService, transaction::TransactionFault};
use crate::store::{
    self, Tx, backchannel_logouts, families,
    session_clients::{self, Participation},
    sessions,
};

/// A logout that waits for the user to confirm it. It travels sealed and bound to the session of
/// the browser that asked: a form posted from elsewhere logs nobody out (CSRF).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingLogout {
    /// Where to go then; `None` for a page of ours.
    pub destination: Option<String>,
    /// The application that asked, if it is known.
    pub client_id: Option<ClientId>,
    /// Epoch milliseconds.
    pub asked_at: i64,
}

impl LoginService {
    /// Ends the session of a cookie, and, if the setting says so, the refresh tokens that came from
    /// it. `client` is the application that sent the browser, if it is known.
    ///
    /// # Errors
    /// When the database does.
    pub async fn end_session(
        &self,
        cookie: Option<&SessionCookie>,
        client: Option<&ClientId>,
    ) -> Result<(), store::Error> {
        let Some(session) = self.session(cookie).await? else { return Ok(()) };
        let mut tx = self.store.write().await?;
        let initiator = Initiator::RpLogout;
        if !self.end_one(&mut tx, &session.id, &session.user_id, initiator).await? {
            // Ended twice at once: the other logout tells of it.
            return Ok(());
        }
        let revoked = if self.settings.revoke_on_logout {
            let now = self.clock.now();
            families::revoke_of_session(&mut tx, &session.id, RevokedBy::Logout, now).await?
        } else {
            0
        };
        let happened = Happened::LoggedOut { revoked };
        self.commit_event(tx, &happened, client, Some(&session.user_id)).await
    }

    /// Ends one session of `user`, and has its applications told. `false` when it was over.
    ///
    /// # Errors
    /// When the database does.
    pub async fn end_one(
        &self,
        tx: &mut Tx,
        session: &SessionId,
        user: &UserId,
        initiator: Initiator,
    ) -> Result<bool, store::Error> {
        // Read first: the rows go with the session. Told only by the one that ended it.
        let told = session_clients::of_session(tx.db(), session).await?;
        let ended = sessions::delete(tx, session).await?;
        if ended {
            self.announce(tx, &told, user, initiator).await?;
        }
        Ok(ended)
    }

    /// Ends every session of `user`, and has their applications told. Returns how many.
    ///
    /// # Errors
    /// When the database does.
    pub async fn end_all(
        &self,
        tx: &mut Tx,
        user: &UserId,
        initiator: Initiator,
    ) -> Result<u64, store::Error> {
        let told = session_clients::of_user(tx.db(), user).await?;
        let ended = sessions::delete_of_user(tx, user).await?;
        if ended > 0 {
            self.announce(tx, &told, user, initiator).await?;
        }
        Ok(ended)
    }

    async fn announce(
        &self,
        tx: &mut Tx,
        told: &[Participation],
        user: &UserId,
        initiator: Initiator,
    ) -> Result<(), store::Error> {
        let now = self.clock.now();
        for (session, client) in told {
            let settings = client.backchannel_logout();
            for url in settings.into_iter().flat_map(|settings| settings.urls_for(initiator)) {
                let row = Announcement {
                    id: format!("{:012x}{}", now.millis(), self.entropy.lower_hex(20)),
                    client_id: client.client_id.clone(),
                    user_id: user.clone(),
                    session_id: session.clone(),
                    url: url.to_owned(),
                    attempts: 0,
                    next_attempt_at: now,
                };
                backchannel_logouts::insert(tx, &row, now).await?;
            }
        }
        Ok(())
    }

    /// Seals a logout for the page that asks the user.
    ///
    /// # Errors
    /// When the crypto library fails.
    pub fn seal_logout(
        &self,
        pending: &PendingLogout,
        cookie: &SessionCookie,
    ) -> Result<String, Failed> {
        let plain = serde_json::to_vec(pending).map_err(|_| Failed("logout"))?;
        self.transactions.seal_text(&plain, &binding(cookie), &*self.entropy)
    }

    /// Opens what [`LoginService::seal_logout`] sealed for the session of this cookie.
    ///
    /// # Errors
    /// When it is not ours, was sealed for another session, or is too old.
    pub fn open_logout(
        &self,
        sealed: &str,
        cookie: Option<&SessionCookie>,
    ) -> Result<PendingLogout, TransactionFault> {
        let cookie = cookie.ok_or(TransactionFault::Foreign)?;
        let plain = self
            .transactions
            .open_text(sealed, &binding(cookie))
            .map_err(|_| TransactionFault::Foreign)?;
        let pending: PendingLogout =
            serde_json::from_slice(&plain).map_err(|_| TransactionFault::Foreign)?;
        let end = Timestamp::from_millis(pending.asked_at)
            .plus_seconds(self.settings.login_transaction_lifetime);
        if self.clock.now() >= end { Err(TransactionFault::Expired) } else { Ok(pending) }
    }
}

/// What a sealed logout is bound to. Never what a login transaction is bound to, so that neither
/// opens as the other.
fn binding(cookie: &SessionCookie) -> Vec<u8> {
    let mut binding = b"logout ".to_vec();
    binding.extend_from_slice(&digest::cookie_hash(cookie));
    binding
}
