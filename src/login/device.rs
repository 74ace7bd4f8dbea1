//! Letting a device in (RFC 8628 §3.3): a logged-in user types its code, is shown what it asks for
//! and answers.
//!
//! 1. Count the try. The login comes before the code is looked at, so tries are counted per user
//!    and in the database: neither a fresh browser nor another address makes more of them, and
//!    nobody can use up another's.
//! 2. Find the code, if it still waits for an answer.
//! 3. Which scopes would be granted?
//! 4. Show them, always: whoever sent the link may be the one who holds the device (§5.4).
//! 5. Write the answer by one guarded update, with the consent that it is.

use std::sync::Arc;

use crate::domain::{
    audit::Happened,
    device::{Approval, DeviceAuthorization},
    scope::ScopeSet,
    secret::UserCode,
    session::Session,
    time::Timestamp,
    user::User,
};
use crate::login::{LoginService, transaction::Activation};
use crate::policy::{
    consent, device,
    login_scope::{self, NoScope},
};
use crate::store::{
    self, Tx, audit, clients::ClientRecord, consents, device_codes, device_guesses,
    resource_servers::ResourceServerRecord, users,
};

/// Wrong codes that a user may try in one window: of 20^8 codes and the few that are alive, ten
/// tries find none.
const GUESSES: i64 = 10;

/// Length of the window in seconds.
const WINDOW: i64 = 900;

/// What a user is shown of a device.
#[derive(Debug)]
pub struct DeviceAsks {
    /// The code that the device shows.
    pub user_code: UserCode,
    /// The application on it.
    pub client: Arc<ClientRecord>,
    /// The API it asks for, if any.
    pub api: Option<Arc<ResourceServerRecord>>,
    /// What would be granted.
    pub scope: ScopeSet,
    /// Who is asked.
    pub user: User,
}

/// Where a code leads.
#[derive(Debug)]
pub enum Activating {
    /// To a question.
    Asks(Box<DeviceAsks>),
    /// Nowhere before somebody has logged in.
    Login,
    /// Nowhere: unknown, expired or answered already. Nobody may tell which.
    NotFound,
    /// Nowhere: the user has tried too many codes.
    TooManyGuesses,
}

impl LoginService {
    /// A user begins to let a device in, with what was typed.
    pub fn begin_activation(&self, typed: &str) -> Activation {
        // What cannot be a code is carried as none: it is told after the login, like any wrong one.
        let user_code = device::user_code(typed);
        Activation {
            user_code: user_code.map(|code| code.expose().to_owned()).unwrap_or_default(),
            begun_at: self.clock.now().millis(),
            shown_to: None,
        }
    }

    /// Steps 1 to 3.
    ///
    /// # Errors
    /// When the database does.
    pub async fn activating(
        &self,
        activation: &Activation,
        session: Option<&Session>,
    ) -> Result<Activating, store::Error> {
        let Some(session) = session else { return Ok(Activating::Login) };
        let user = users::find(self.store.read().await?.db(), &session.user_id).await?;
        let Some(user) = user.map(|found| found.user).filter(|user| !user.is_blocked()) else {
            return Ok(Activating::Login);
        };
        let not_found = |reason| {
            let happened = Happened::DeviceCodeNotFound { reason };
            self.note(&happened, None, Some(&user.user_id));
        };
        // Step 1.
        let now = self.clock.now();
        let mut tx = self.store.write().await?;
        let window_end = now.plus_seconds(WINDOW);
        if !device_guesses::take(&mut tx, &user.user_id, GUESSES, window_end, now).await? {
            drop(tx);
            not_found("too_many_guesses");
            return Ok(Activating::TooManyGuesses);
        }
        // Step 2.
        let user_code = device::user_code(&activation.user_code);
        let found = match &user_code {
            None => None,
            Some(code) => self.find_pending(&mut tx, code, now).await?,
        };
        if found.is_some() {
            device_guesses::give_back(&mut tx, &user.user_id).await?;
        }
        tx.commit().await?;
        let (Some(asked), Some(user_code)) = (found, user_code) else {
            not_found("unknown_code");
            return Ok(Activating::NotFound);
        };
        // Step 3.
        match self.device_asks(user_code, &asked, user).await? {
            Some(asks) => Ok(Activating::Asks(Box::new(asks))),
            None => Ok(Activating::NotFound),
        }
    }

    async fn find_pending(
        &self,
        tx: &mut Tx,
        code: &UserCode,
        now: Timestamp,
    ) -> Result<Option<DeviceAuthorization>, store::Error> {
        for mac in self.short_codes.each_user_code(code) {
            if let Some(found) = device_codes::find_pending(tx.db(), &mac, now).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// `None` when the application or the API has gone, or is none for users of this connection.
    async fn device_asks(
        &self,
        user_code: UserCode,
        asked: &DeviceAuthorization,
        user: User,
    ) -> Result<Option<DeviceAsks>, store::Error> {
        let Some(client) = self.store.client(&asked.client_id).await? else { return Ok(None) };
        if !self.may_use(&user, &asked.client_id, None).await? {
            return Ok(None);
        }
        let api = match &asked.audience {
            None => None,
            Some(audience) => match self.store.api(audience).await? {
                Some(api) => Some(api),
                None => return Ok(None),
            },
        };
        let restriction = match &api {
            None => None,
            Some(api) => {
                self.entitlement(&asked.client_id, &api.api, &user.user_id).await?.restriction
            }
        };
        let scope = login_scope::granted(
            Some(&asked.scope),
            &client.client,
            api.as_ref().map(|record| &record.api),
            restriction.as_ref(),
            NoScope::Nothing,
        );
        Ok(Some(DeviceAsks { user_code, client, api, scope, user }))
    }

    /// Step 5, yes. `false` when the code has expired or been answered meanwhile.
    ///
    /// # Errors
    /// When the database does.
    pub async fn confirm_device(
        &self,
        asks: &DeviceAsks,
        session: &Session,
    ) -> Result<bool, store::Error> {
        let (client, user) = (&asks.client.client, &asks.user.user_id);
        let api = asks.api.as_ref().map(|record| &record.api);
        let approval = Approval {
            user_id: user.clone(),
            scope: asks.scope.clone(),
            auth_time: session.authenticated_at,
            amr: session.amr.clone(),
        };
        let now = self.clock.now();
        let event = self.event(&Happened::DeviceConfirmed, Some(&client.client_id), Some(user));
        let mut tx = self.store.write().await?;
        let mut approved = false;
        for mac in self.short_codes.each_user_code(&asks.user_code) {
            approved = approved || device_codes::approve(&mut tx, &mac, &approval, now).await?;
        }
        if !approved {
            return Ok(false);
        }
        if consent::is_demanded(client, api) {
            let audience = api.map(|api| &api.identifier);
            let before = consents::find(tx.db(), user, &client.client_id, audience).await?;
            let scope = before.unwrap_or_default().union(&asks.scope);
            consents::put(&mut tx, user, &client.client_id, audience, &scope, now).await?;
        }
        audit::insert(&mut tx, &event).await?;
        tx.commit().await?;
        self.tell(&event);
        Ok(true)
    }

    /// Step 5, no. `false` when the code has expired or been answered meanwhile.
    ///
    /// # Errors
    /// When the database does.
    pub async fn decline_device(&self, asks: &DeviceAsks) -> Result<bool, store::Error> {
        let (client, user) = (&asks.client.client.client_id, &asks.user.user_id);
        let event = self.event(&Happened::DeviceDeclined, Some(client), Some(user));
        let (mut tx, mut declined) = (self.store.write().await?, false);
        for mac in self.short_codes.each_user_code(&asks.user_code) {
            declined =
                declined || device_codes::decline(&mut tx, &mac, user, self.clock.now()).await?;
        }
        if !declined {
            return Ok(false);
        }
        audit::insert(&mut tx, &event).await?;
        tx.commit().await?;
        self.tell(&event);
        Ok(true)
    }
}
