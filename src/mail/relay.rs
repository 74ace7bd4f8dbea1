//! The mail server that takes our messages (SMTP, RFC 5321), over TLS.

use std::time::Duration;

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    transport::smtp::{self, PoolConfig},
};

use crate::domain::secret::SmtpUrl;
use crate::mail::Misconfigured;

/// How long one exchange with the server may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Pauses before the second and the third attempt; there is no fourth.
const PAUSES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(15)];
/// Connections that are kept open.
const CONNECTIONS: u32 = 4;

/// A mail server.
pub struct Relay {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    host: String,
}

/// Whether mail can be sent there.
///
/// # Errors
/// What to change.
pub fn check(url: &SmtpUrl) -> Result<(), Misconfigured> {
    read(url).map(|_| ())
}

/// The address for the mail library, and the host.
fn read(url: &SmtpUrl) -> Result<(url::Url, String), Misconfigured> {
    const FORM: Misconfigured = Misconfigured(
        "mail.smtp_url: must be smtps://user:password@host or smtp://host?tls=required",
    );
    let mut read = url::Url::parse(url.expose()).map_err(|_| FORM)?;
    let host = read.host_str().filter(|host| !host.is_empty()).ok_or(FORM)?.to_owned();
    let loopback = matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]");
    let query = read.query().map(str::to_owned);
    match (read.scheme(), query.as_deref()) {
        ("smtps", None) | ("smtp", Some("tls=required")) => {}
        // The links in our messages are as good as passwords, and a server in between could ask
        // for none: without TLS only when the operator says so, and never with a password.
        ("smtp", None) if loopback => {}
        ("smtp", Some("tls=none")) if read.password().is_none() => read.set_query(None),
        ("smtp", _) => {
            return Err(Misconfigured(
                "mail.smtp_url: smtp needs ?tls=required (or ?tls=none, without a password, for a \
                 relay in your own network)",
            ));
        }
        _ => return Err(FORM),
    }
    Ok((read, host))
}

impl Relay {
    /// The server of an address.
    ///
    /// # Errors
    /// What to change.
    pub fn new(url: &SmtpUrl) -> Result<Self, Misconfigured> {
        let (url, host) = read(url)?;
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.as_str())
            .map_err(|_| Misconfigured("mail.smtp_url: the mail library refuses it"))?;
        let pool = PoolConfig::new().max_size(CONNECTIONS);
        let transport = builder.timeout(Some(TIMEOUT)).pool_config(pool).build();
        Ok(Self { transport, host })
    }

    /// The name of the server.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Sends a message, a few times if the server cannot take it now.
    pub async fn send(&self, message: Message) {
        let mut pauses = PAUSES.into_iter();
        loop {
            let Err(error) = self.transport.send(message.clone()).await else { return };
            let next = if error.is_permanent() { None } else { pauses.next() };
            // Servers quote the address in what they answer: only its kind is written down.
            let kind = kind(&error);
            let Some(pause) = next else {
                tracing::warn!("a message was not sent: {kind}");
                return;
            };
            tracing::info!("a message was not sent, and will be tried again: {kind}");
            tokio::time::sleep(pause).await;
        }
    }
}

fn kind(error: &smtp::Error) -> String {
    if let Some(status) = error.status() {
        return format!("the mail server answered {status}");
    }
    let kind = if error.is_timeout() {
        "the mail server did not answer in time"
    } else if error.is_tls() {
        "no TLS with the mail server"
    } else {
        "the mail server was not reached"
    };
    kind.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_leaves_the_machine_encrypted_unless_the_operator_says_otherwise() {
        let taken = |url: &str| check(&SmtpUrl::new(url)).is_ok();
        assert!(taken("smtps://user:password@mail.example"));
        assert!(taken("smtp://user:password@mail.example:587?tls=required"));
        assert!(taken("smtp://localhost:1025"));
        assert!(taken("smtp://relay:25?tls=none"));
        assert!(!taken("smtp://mail.example"));
        assert!(!taken("smtp://mail.example?tls=opportunistic"));
        assert!(!taken("smtp://user:password@mail.example?tls=none"));
        assert!(!taken("ftp://mail.example"));
    }
}
