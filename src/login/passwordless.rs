//! Sending one-time codes (`POST /passwordless/start`).
//!
//! 1. Look for the user, always: the answer takes the same time, whether there is one or not.
//! 2. Put a new code in place of the one before, unless the address has been sent too many.
//! 3. Hand the message over. It is sent in the background.

use askama::Template;

use crate::crypto::hex;
use crate::domain::{
    audit::Happened,
    client::Client,
    passwordless::{CODE_LENGTH, LIFETIME},
    secret::OneTimeCode,
    user::EMAIL_CONNECTION,
};
use crate::login::LoginService;
use crate::mail::Message;
use crate::store::{self, audit, passwordless_codes, users};
use crate::telemetry;

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

#[derive(Template)]
#[template(
    source = "<p>Your code to log in{% if !client_name.is_empty() %} to {{ client_name }}{% endif %} is</p>\n<p><strong>{{ code }}</strong></p>\n<p>It is valid for {{ minutes }} minutes. If you did not ask for it, somebody else has typed your address: do not give the code to anybody.</p>\n",
    ext = "html"
)]
struct Html<'a> {
    client_name: &'a str,
    code: &'a str,
    minutes: i64,
}

impl LoginService {
    /// Sends a code to an address, which is in its normal form. Returns a name for the address that
    /// tells nothing about who has it.
    ///
    /// # Errors
    /// Why none was sent.
    pub async fn send_one_time_code(
        &self,
        client: &Client,
        address: &str,
    ) -> Result<String, SendFault> {
        // Step 1.
        let mut conn = self.store.read().await?;
        let user = users::find_by_email(conn.db(), EMAIL_CONNECTION, address).await?;
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
        telemetry::audit::emit(&event);
        // Step 3. Who cannot log in with a code is sent none; only the mailbox tells.
        if user.is_some() || self.settings.passwordless_signup {
            self.mailer.send(message(client, address, &code)).await;
        }
        Ok(hex::encode(&self.short_codes.public_id(address)[..12]))
    }
}

fn message(client: &Client, address: &str, code: &OneTimeCode) -> Message {
    let (client_name, code, minutes) = (client.name.as_str(), code.expose(), LIFETIME / 60);
    let to_client = match client_name {
        "" => String::new(),
        name => format!(" to {name}"),
    };
    Message {
        to: address.to_owned(),
        // Without the code, which a locked screen would show.
        subject: format!("Your code to log in{to_client}"),
        text: format!(
            "Your code to log in{to_client} is\n\n{code}\n\nIt is valid for {minutes} minutes. If \
             you did not ask for it, somebody else has typed your address: do not give the code \
             to anybody.\n"
        ),
        html: Html { client_name, code, minutes }.render().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_application_is_no_markup() {
        let client: Client =
            serde_json::from_value(serde_json::json!({ "name": "<b>A</b>" })).unwrap();
        let message = message(&client, "a@b.example", &OneTimeCode::new("123456"));
        assert!(!message.html.contains("<b>") && message.html.contains("123456"));
        assert!(message.text.contains("<b>A</b> is\n\n123456\n\n"));
    }
}
