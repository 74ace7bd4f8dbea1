//! Mail: messages are handed over and sent in the background, so that no answer waits for a mail
//! server, and none tells by its time whether there was somebody to write to.
//!
//! Without a mail server every message becomes a file in the outbox, for development.

mod compose;
mod outbox;
mod relay;

use std::{path::PathBuf, sync::Arc, time::Duration};

use lettre::message::Mailbox;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::domain::{entropy::Entropy, secret::SmtpUrl, time::Clock};
use crate::mail::{outbox::Outbox, relay::Relay};

/// Messages that may wait to be sent; more are dropped and counted.
const WAITING: usize = 512;
/// Messages sent at the same time.
const AT_ONCE: usize = 4;
/// How long a flush may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// One message to one person.
#[derive(Clone)]
pub struct Message {
    /// The address. Whatever else it contains, such as a second address, makes it unusable.
    pub to: String,
    /// The subject; control characters are replaced.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

/// Where mail goes and whom it is from.
#[derive(Debug)]
pub struct Options {
    /// The sender, `Name <address>`. May be empty as long as there is no mail server.
    pub from: String,
    /// The mail server. Empty: the outbox.
    pub smtp_url: SmtpUrl,
    /// The folder that messages are written to when there is no mail server.
    pub outbox: PathBuf,
}

/// Why mail cannot be sent as configured; names the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Misconfigured(pub &'static str);

/// Sends messages. Cheap to clone; the task behind it ends with the last clone.
#[derive(Clone)]
pub struct Mailer {
    sender: mpsc::Sender<Job>,
    keeps_messages: bool,
}

enum Job {
    Send(Box<Message>),
    Flush(oneshot::Sender<()>),
}

/// Where composed messages go.
enum Route {
    Relay(Relay),
    Outbox(Outbox),
}

struct Post {
    from: Mailbox,
    route: Route,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// Whether a message could be sent to this address.
pub fn is_address(text: &str) -> bool {
    compose::address(text).is_ok()
}

impl Options {
    /// Whether mail could be sent so.
    ///
    /// # Errors
    /// Which key to change.
    pub fn check(&self) -> Result<(), Misconfigured> {
        if !self.smtp_url.expose().is_empty() {
            relay::check(&self.smtp_url)?;
        }
        self.sender().map(|_| ())
    }

    fn sender(&self) -> Result<Mailbox, Misconfigured> {
        let from = match self.from.trim() {
            "" if self.smtp_url.expose().is_empty() => "doorward@localhost",
            "" => return Err(Misconfigured("mail.from: a mail server needs a sender to name")),
            from => from,
        };
        from.parse().map_err(|_| Misconfigured("mail.from: must be an address, or Name <address>"))
    }
}

impl Mailer {
    /// Starts the task that sends, and says in the log where mail goes.
    ///
    /// # Errors
    /// Which key of the configuration to change.
    pub fn start(
        options: &Options,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, Misconfigured> {
        options.check()?;
        let keeps_messages = options.smtp_url.expose().is_empty();
        let route = if keeps_messages {
            let folder = &options.outbox;
            tracing::info!(
                "no mail server is configured (mail.smtp_url): messages are written to {}",
                folder.display()
            );
            Route::Outbox(Outbox::new(folder.clone()))
        } else {
            let relay = Relay::new(&options.smtp_url)?;
            tracing::info!("mail is sent through {}", relay.host());
            Route::Relay(relay)
        };
        let post = Post { from: options.sender()?, route, clock, entropy };
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::spawn(work(Arc::new(post), receiver));
        Ok(Self { sender, keeps_messages })
    }

    /// Whether messages are written to files, for want of a mail server.
    pub const fn keeps_messages(&self) -> bool {
        self.keeps_messages
    }

    /// Hands a message over and returns at once. Whether it arrives is told to the log only, and
    /// never to whom it was: who asked for it must not learn whether there is such a person.
    pub async fn send(&self, message: Message) {
        if self.sender.try_send(Job::Send(Box::new(message))).is_err() {
            tracing::warn!("a message was dropped: {WAITING} others are waiting to be sent");
        }
    }

    /// Waits until everything handed over before is sent, or has failed to be.
    pub async fn flush(&self) {
        let flushed = async {
            let (done, is_done) = oneshot::channel();
            if self.sender.send(Job::Flush(done)).await.is_ok() {
                let _ = is_done.await;
            }
        };
        if tokio::time::timeout(PATIENCE, flushed).await.is_err() {
            tracing::warn!("messages were still being sent when the server had to stop");
        }
    }
}

async fn work(post: Arc<Post>, mut receiver: mpsc::Receiver<Job>) {
    let hands = Arc::new(Semaphore::new(AT_ONCE));
    while let Some(job) = receiver.recv().await {
        match job {
            Job::Send(message) => {
                let Ok(hand) = Arc::clone(&hands).acquire_owned().await else { return };
                let post = Arc::clone(&post);
                tokio::spawn(async move {
                    post.deliver(&message).await;
                    drop(hand);
                });
            }
            Job::Flush(done) => {
                let all = u32::try_from(AT_ONCE).unwrap_or(u32::MAX);
                let _idle = hands.acquire_many(all).await;
                let _ = done.send(());
            }
        }
    }
}

impl Post {
    async fn deliver(&self, message: &Message) {
        let now = self.clock.now();
        let composed = match compose::compose(&self.from, message, now, &*self.entropy) {
            Ok(composed) => composed,
            Err(why) => {
                tracing::warn!("a message could not be written: {why}");
                return;
            }
        };
        match &self.route {
            Route::Relay(relay) => relay.send(composed).await,
            Route::Outbox(outbox) => outbox.write(composed, now, &*self.entropy).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_in_the_configuration_is_named() {
        let options = |from: &str, url: &str| Options {
            from: from.to_owned(),
            smtp_url: SmtpUrl::new(url),
            outbox: PathBuf::new(),
        };
        let why = |from, url| options(from, url).check().err().map_or("", |why| why.0);
        assert_eq!(why("", ""), "");
        assert_eq!(why("Us <us@example.com>", "smtps://u:p@mail.example"), "");
        assert!(why("", "smtps://mail.example").starts_with("mail.from"));
        assert!(why("nobody", "").starts_with("mail.from"));
        assert!(why("a@b.example\r\nBcc: c@d.example", "").starts_with("mail.from"));
        for bad in ["mail.example", "http://mail.example", "smtps://"] {
            assert!(why("us@example.com", bad).starts_with("mail.smtp_url"), "{bad}");
        }
    }
}
