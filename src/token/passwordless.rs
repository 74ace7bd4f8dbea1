//! The passwordless grant: a one-time code from a message instead of a password.
//!
//! 1. Decide what needs no user: the client, its realm, the API.
//! 2. Count the try, before the code is looked at, and look at it.
//! 3. Decide about the user, who may not exist yet. A right code that something else stands in the
//!    way of is not spent, and its try is given back.
//! 4. Write: spend the code, create the user, begin the family, in one transaction.
//! 5. Mint and answer.

use std::sync::Arc;

use crate::crypto::digest;
use crate::domain::{
    action::outcome::Customised,
    audience::Audience,
    audit::{Exchanged, Happened},
    client::Client,
    connection::Connection,
    family::LoginGrant,
    passwordless::{GRANT_TYPE, normalised},
    scope::ScopeSet,
    secret::OneTimeCode,
    user::User,
};
use crate::login::{profile, triggers::post_login::Protocol};
use crate::policy::connection;
use crate::store::{
    self, audit,
    daily_counts::{self, Counted},
    passwordless_codes,
    resource_servers::ResourceServerRecord,
    users,
};
use crate::telemetry;
use crate::token::{
    GrantFault, Granted, Refused, TokenService,
    client_authentication::AuthenticatedClient,
    direct_login::{must_be_direct, no_connection},
    issue::Login,
    scripts::RuledLogin,
};

/// A request of this grant.
#[derive(Debug)]
pub struct PasswordlessRequest {
    /// `username`, the address that the code was sent to.
    pub username: String,
    /// `otp`
    pub code: OneTimeCode,
    /// `realm`, the name of a connection.
    pub realm: Option<String>,
    /// `audience` or `resource`
    pub audience: Option<Audience>,
    /// `scope`
    pub scope: Option<ScopeSet>,
}

/// A right code whose try was counted, but that is not spent.
struct Proven {
    address: String,
    address_mac: Vec<u8>,
    code_mac: Vec<u8>,
}

/// The longest address or code that is looked at, in bytes.
const LONGEST: usize = 320;

const REFUSED: Refused = Refused::InvalidGrant(GrantFault::OneTimeCode);

impl TokenService {
    /// Logs a user in with a one-time code.
    ///
    /// # Errors
    /// Why not.
    pub async fn passwordless(
        &self,
        client: &AuthenticatedClient,
        request: &PasswordlessRequest,
    ) -> Result<Granted, Refused> {
        let granted = self.grant_by_code(client, request).await;
        granted.map_err(|why| self.exchange_refused(Exchanged::Passwordless, client, None, why))
    }

    async fn grant_by_code(
        &self,
        client: &AuthenticatedClient,
        request: &PasswordlessRequest,
    ) -> Result<Granted, Refused> {
        // Step 1.
        client.must_allow(GRANT_TYPE)?;
        let record = &client.record.client;
        must_be_direct(record)?;
        let enabled = self.store.connections(&record.client_id).await?;
        let connection = connection::mailing(&enabled, request.realm.as_deref());
        let connection = connection.map_err(no_connection)?;
        let api = self.api_of_login(request.audience.as_ref()).await?;
        // Steps 2 and 3.
        let proven = self.prove(record, request).await?;
        let (login, is_new, ruled) =
            match self.login_by_code(client, api, request, &proven, connection).await {
                Ok(login) => login,
                Err(refused) => {
                    let mut tx = self.store.write().await?;
                    let Proven { address_mac, code_mac, .. } = &proven;
                    passwordless_codes::give_back(&mut tx, address_mac, code_mac).await?;
                    tx.commit().await?;
                    return Err(refused);
                }
            };
        let granted = self.write_and_answer(&login, is_new, &proven, &ruled).await?;
        if is_new {
            let client_id = &record.client_id;
            self.login.after_registration(&login.user, client_id, connection).await;
        }
        Ok(granted)
    }

    /// Step 2. An address without a code looks like one with another.
    async fn prove(
        &self,
        client: &Client,
        request: &PasswordlessRequest,
    ) -> Result<Proven, Refused> {
        if request.username.len() > LONGEST || request.code.expose().len() > LONGEST {
            return Err(REFUSED);
        }
        let address = normalised(&request.username);
        let typed = OneTimeCode::new(request.code.expose().trim());
        let (client_id, now) = (&client.client_id, self.clock.now());
        let short_codes = &self.login.short_codes;
        for (address_mac, code_mac) in short_codes.each_one_time_code(client_id, &address, &typed) {
            let mut tx = self.store.write().await?;
            if !passwordless_codes::take_try(&mut tx, &address_mac, client_id, now).await? {
                continue;
            }
            let kept = passwordless_codes::code_mac(tx.db(), &address_mac, now).await?;
            // The try counts from here on, whatever becomes of the request.
            tx.commit().await?;
            if kept.is_some_and(|kept| digest::equal(&kept, &code_mac)) {
                return Ok(Proven { address, address_mac, code_mac });
            }
        }
        Err(REFUSED)
    }

    /// Step 3. Returns whether the user is yet to be created, and what scripts decided beside the
    /// tokens.
    async fn login_by_code(
        &self,
        client: &AuthenticatedClient,
        api: Option<Arc<ResourceServerRecord>>,
        request: &PasswordlessRequest,
        proven: &Proven,
        connection: &Connection,
    ) -> Result<(Login, bool, RuledLogin), Refused> {
        let mut conn = self.store.read().await?;
        let found = users::find_by_email(conn.db(), &connection.name, &proven.address).await?;
        drop(conn);
        let now = self.clock.now();
        let is_new = found.is_none();
        let user = match found {
            Some(found) => found.user,
            None if !self.login.creates_users_by_code(connection) => return Err(REFUSED),
            None => self.new_user(client, &proven.address, connection).await?,
        };
        if user.is_blocked() {
            return Err(Refused::InvalidGrant(GrantFault::UserBlocked));
        }
        let record = &client.record;
        let (scope, permissions) =
            self.scope_without_page(record, api.as_deref(), &user, request.scope.as_ref()).await?;
        let binding = self.binding(client, api.as_ref().map(|record| &record.api))?;
        let mut login = Login {
            client: record.clone(),
            user,
            api,
            permissions,
            scope,
            organization_id: None,
            organization_name: None,
            session_id: None,
            grant: LoginGrant::Passwordless,
            auth_time: now,
            amr: vec!["otp".to_owned()],
            nonce: None,
            binding,
            customised: Customised::default(),
        };
        let requested = request.scope.as_ref();
        let ruled = self.rule_on_login(Protocol::Passwordless, requested, &mut login).await?;
        Ok((login, is_new, ruled))
    }

    /// A user who is yet to be created, as the Actions of the operator want them to begin.
    async fn new_user(
        &self,
        client: &AuthenticatedClient,
        address: &str,
        connection: &Connection,
    ) -> Result<User, Refused> {
        let local = self.entropy.lower_hex(24);
        let mut user = User::of_address(&local, address, self.clock.now());
        profile::complete(&mut user.profile, Some(address), None);
        let client_id = &client.record.client.client_id;
        match self.login.before_registration(&mut user, client_id, connection).await? {
            Ok(()) => Ok(user),
            Err(denied) => {
                let description =
                    denied.message.unwrap_or_else(|| "The user was not created".to_owned());
                // The refused registration names the execution, in an event of its own.
                Err(Refused::Script { error: "access_denied", description, execution: None })
            }
        }
    }

    /// Steps 4 and 5.
    async fn write_and_answer(
        &self,
        login: &Login,
        is_new: bool,
        proven: &Proven,
        ruled: &RuledLogin,
    ) -> Result<Granted, Refused> {
        let now = self.clock.now();
        let Proven { address, address_mac, code_mac } = proven;
        let family = self.family_of(login, ruled);
        let (client_id, user_id) = (&login.client.client.client_id, &login.user.user_id);
        let event = |happened| self.login.event(&happened, Some(client_id), Some(user_id));
        let mut events = Vec::new();
        let mut tx = self.store.write().await?;
        if !passwordless_codes::consume(&mut tx, address_mac, code_mac, now).await? {
            // A parallel exchange was faster, or a new code was sent.
            return Err(REFUSED);
        }
        if is_new {
            match users::insert(&mut tx, &login.user, None).await {
                Err(store::Error::Duplicate) => return Err(REFUSED),
                other => other?,
            }
            daily_counts::count(&mut tx, Counted::Signup, user_id, now).await?;
            events.push(event(Happened::SignedUp));
        } else if !login.user.email_verified {
            users::confirm_email(&mut tx, user_id, address).await?;
        }
        let ip = telemetry::caller::current().ip;
        users::record_login(&mut tx, user_id, ip.as_deref(), now).await?;
        self.login.change_user(&mut tx, user_id, &ruled.decision).await?;
        events.push(event(Happened::LoggedIn));
        for event in &events {
            audit::insert(&mut tx, event).await?;
        }
        if let Some(family) = &family {
            events.extend(self.insert_family(&mut tx, family, login).await?);
        }
        tx.commit().await?;
        for event in &events {
            self.login.tell(event);
        }
        let granted = self.answer_login(login, family.as_ref())?;
        self.login_granted(Exchanged::Passwordless, login, family.as_ref());
        Ok(granted)
    }
}
