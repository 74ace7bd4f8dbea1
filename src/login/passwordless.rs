//! One-time codes (`POST /passwordless/start`).
//!
//! 1. Look for the user, always: the answer takes the same time, whether there is one or not.
//! 2. Put a new code in place of the one before, unless the address has been sent too many.
//! 3. Hand the code over, if anybody can log in with it. The message is sent in the background.

use crate::crypto::hex;
use crate::domain::{
    audit::Happened, client::Client, connection::Connection, passwordless::CODE_LENGTH,
    secret::OneTimeCode,
};
use crate::login::LoginService;
use crate::store::{self, audit, passwordless_codes, users};

/// Why no code was sent.
#[derive(Debug, thiserror::Error)]
pub enum SendFault {
    /// The address has been sent too many.
    #[error("too many codes were sent to the address")]
    TooMany,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// What became of a request for a code.
pub struct Started {
    /// A name for the address that tells nothing about who has it.
    pub id: String,
    /// The code to send; `None` when nobody could log in with it.
    pub code: Option<OneTimeCode>,
}

impl LoginService {
    /// A new code for an address, which is in its normal form, in a connection that mails codes.
    ///
    /// # Errors
    /// Why none was sent.
    pub async fn start_passwordless(
        &self,
        client: &Client,
        connection: &Connection,
        address: &str,
    ) -> Result<Started, SendFault> {
        // Step 1.
        let mut conn = self.store.read().await?;
        let user = users::find_by_email(conn.db(), &connection.name, address).await?;
        drop(conn);
        let user_id = user.as_ref().map(|found| &found.user.user_id);
        // Step 2.
        let now = self.clock.now();
        let client_id = &client.client_id;
        let code = OneTimeCode::new(self.entropy.digits(CODE_LENGTH));
        let address_mac = self.short_codes.address(address);
        let code_mac = self.short_codes.one_time_code(client_id, address, &code);
        let mut tx = self.store.write().await?;
        if !passwordless_codes::start(&mut tx, &address_mac, client_id, &code_mac, now).await? {
            drop(tx);
            self.note(&Happened::TooManyOneTimeCodes, Some(client_id), user_id);
            return Err(SendFault::TooMany);
        }
        let event = self.event(&Happened::OneTimeCodeSent, Some(client_id), user_id);
        audit::insert(&mut tx, &event).await?;
        tx.commit().await?;
        self.tell(&event);
        // Step 3. Who cannot log in with a code is sent none; only the mailbox tells.
        let usable = user.is_some() || self.creates_users_by_code(connection);
        let id = hex::encode(&self.short_codes.public_id(address)[..12]);
        Ok(Started { id, code: usable.then_some(code) })
    }

    /// Whether a right code for an address that nobody has makes a new user.
    pub fn creates_users_by_code(&self, connection: &Connection) -> bool {
        self.settings.passwordless_signup && connection.takes_signups()
    }
}
