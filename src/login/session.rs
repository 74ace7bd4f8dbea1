//! Browser sessions: the cookie that spares a second login.

use crate::crypto::digest;
use crate::domain::{
    ClientId, SessionId, audit::Happened, logout::Initiator, secret::SessionCookie,
    session::Session, tenant::SessionLifetime, user::User,
};
use crate::login::LoginService;
use crate::store::{self, Tx, audit, session_clients, sessions, users};

impl LoginService {
    /// The living session of a cookie.
    ///
    /// # Errors
    /// When the database does.
    pub async fn session(
        &self,
        cookie: Option<&SessionCookie>,
    ) -> Result<Option<Session>, store::Error> {
        let Some(cookie) = cookie else { return Ok(None) };
        let hash = digest::cookie_hash(cookie);
        let found = sessions::find_by_cookie(self.store.read().await?.db(), &hash).await?;
        Ok(found.filter(|session| session.is_alive(self.clock.now())))
    }

    /// Begins a session for a user who has just given a credential. The session of the same
    /// browser before, `previous`, ends: a session id never survives a login (session fixation).
    ///
    /// # Errors
    /// When the database does.
    pub async fn begin_session(
        &self,
        user: &User,
        client: Option<&ClientId>,
        previous: Option<&Session>,
    ) -> Result<(Session, SessionCookie), store::Error> {
        let now = self.clock.now();
        let lifetime = self.session_lifetime().await?;
        let cookie = SessionCookie::new(self.entropy.url_safe(43));
        let session = Session {
            id: SessionId::new(self.entropy.url_safe(32)),
            user_id: user.user_id.clone(),
            authenticated_at: now,
            amr: vec!["pwd".to_owned()],
            created_at: now,
            expires_at: now.plus_seconds(lifetime.absolute),
            idle_expires_at: now.plus_seconds(lifetime.idle),
        };
        let event = self.event(&Happened::LoggedIn, client, Some(&user.user_id));
        let mut tx = self.store.write().await?;
        let cookie_hash = digest::cookie_hash(&cookie);
        sessions::insert(&mut tx, &session, &cookie_hash, &event.caller).await?;
        if let Some(previous) = previous {
            self.replace(&mut tx, previous, &session).await?;
        }
        users::record_login(&mut tx, &user.user_id, event.caller.ip.as_deref(), now).await?;
        audit::insert(&mut tx, &event).await?;
        tx.commit().await?;
        self.tell(&event);
        Ok((session, cookie))
    }

    /// How long sessions last.
    ///
    /// # Errors
    /// When the database does.
    pub async fn session_lifetime(&self) -> Result<SessionLifetime, store::Error> {
        let configured = self.settings.configured_session_lifetime();
        Ok(self.store.tenant().await?.session_lifetime(configured))
    }

    /// Ends the session that this browser had before. Of the same user: its applications belong to
    /// the new one from now on. Of another user: they are told that it is over.
    async fn replace(&self, tx: &mut Tx, old: &Session, new: &Session) -> Result<(), store::Error> {
        if old.user_id == new.user_id {
            session_clients::hand_over(tx, &old.id, &new.id).await?;
        }
        self.end_one(tx, &old.id, &old.user_id, Initiator::SessionRevoked).await.map(|_| ())
    }
}
