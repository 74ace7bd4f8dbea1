//! Browser sessions: the cookie that spares a second login.

use crate::crypto::digest;
use crate::domain::{
    ClientId, SessionId, audit::Happened, family::RevokedBy, secret::SessionCookie,
    session::Session, tenant::SessionLifetime, user::User,
};
use crate::login::LoginService;
use crate::store::{self, audit, families, sessions, users};
use crate::telemetry;

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
        previous: Option<&SessionId>,
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
        if let Some(previous) = previous {
            sessions::delete(&mut tx, previous).await?;
        }
        sessions::insert(&mut tx, &session, &digest::cookie_hash(&cookie)).await?;
        users::record_login(&mut tx, &user.user_id, event.caller.ip.as_deref(), now).await?;
        audit::insert(&mut tx, &event).await?;
        tx.commit().await?;
        telemetry::audit::emit(&event);
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
        sessions::delete(&mut tx, &session.id).await?;
        let revoked = if self.settings.revoke_on_logout {
            let now = self.clock.now();
            families::revoke_of_session(&mut tx, &session.id, RevokedBy::Logout, now).await?
        } else {
            0
        };
        let event = self.event(&Happened::LoggedOut { revoked }, client, Some(&session.user_id));
        audit::insert(&mut tx, &event).await?;
        tx.commit().await?;
        telemetry::audit::emit(&event);
        Ok(())
    }
}
