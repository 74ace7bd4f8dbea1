//! Receives the parts of an import.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, Multipart, Request, multipart::Field},
};
use futures_util::{StreamExt, stream};
use serde_json::Value;

use super::super::formats::CONNECTION_ID;
use super::find_connection;
use crate::domain::job::Job;
use crate::http::{App, error::management::ManagementError, management::schema::Shape};
use crate::login::jobs::upload::{Upload, UploadFault};
use crate::store::connections;

/// How long the next bytes may take to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// The longest part that is not the file, in bytes.
const LONGEST_TEXT: usize = 1024;

/// What the boundaries, the heads and the other parts may add to the file, in bytes.
const AROUND_THE_FILE: u64 = 64 * 1024;

/// What may have come and not be taken yet, in bytes: the head of a part, or the middle of the file.
const MOST_UNREAD: usize = 2 * 1024 * 1024;

/// Parts of a body, at most.
const MOST_PARTS: usize = 20;

pub(super) fn invalid_multipart() -> ManagementError {
    ManagementError::invalid_body("Payload validation error: 'Invalid multipart payload format'.")
}

pub(super) fn broken_off(fault: UploadFault) -> ManagementError {
    match fault {
        UploadFault::GivenUp => invalid_multipart(),
        UploadFault::Store(error) => error.into(),
    }
}

/// Refuses a body by the length that it says it has.
pub(super) fn check_length(app: &App, length: u64) -> Result<(), ManagementError> {
    let most = app.settings.import_max_bytes;
    if length > most.saturating_add(AROUND_THE_FILE) {
        return Err(ManagementError::FileTooLarge(most));
    }
    Ok(())
}

/// The parts that are not the file.
#[derive(Default)]
struct Texts {
    has_users: bool,
    connection_id: Option<String>,
    upsert: Option<String>,
    external_id: Option<String>,
    send_completion_email: Option<String>,
}

/// The parts of a body as they come.
pub(super) struct Parts {
    parts: Multipart,
    unread: Arc<AtomicUsize>,
}

impl Parts {
    /// # Errors
    /// When the body says that it has no parts.
    pub(super) async fn of(request: Request, app: &App) -> Result<Self, ManagementError> {
        let unread = Arc::new(AtomicUsize::new(0));
        let request = request.map(|body| paced(body, Arc::clone(&unread)));
        let parts = Multipart::from_request(request, app).await;
        Ok(Self { parts: parts.map_err(|_| invalid_multipart())?, unread })
    }

    /// Takes all parts, and writes to `job` what they ask for. They may come in any order.
    ///
    /// # Errors
    /// What is wrong with them; what has come is then to be discarded.
    pub(super) async fn receive(
        &mut self,
        app: &App,
        upload: &mut Upload<'_>,
        job: &mut Job,
    ) -> Result<(), ManagementError> {
        let mut texts = Texts::default();
        for _ in 0..MOST_PARTS {
            let next = tokio::time::timeout(PATIENCE, self.parts.next_field()).await;
            let Ok(Ok(next)) = next else { return Err(invalid_multipart()) };
            let Some(part) = next else { return described(app, texts, upload.size(), job).await };
            let mut part = Part { part, unread: &self.unread };
            let name = part.part.name().unwrap_or_default().to_owned();
            if name == "users" {
                if std::mem::replace(&mut texts.has_users, true) {
                    return Err(invalid_multipart());
                }
                part.take_file(app, upload).await?;
            } else {
                texts.add(&name, part.take_text().await?)?;
            }
        }
        Err(invalid_multipart())
    }
}

/// Hands out a body one frame at a time, and no more than can be kept: the reader of parts would
/// take all that comes, however large the file is.
fn paced(body: Body, unread: Arc<AtomicUsize>) -> Body {
    let mut data = body.into_data_stream();
    let mut rests = false;
    Body::from_stream(stream::poll_fn(move |context| {
        if std::mem::take(&mut rests) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let next = std::task::ready!(data.poll_next_unpin(context));
        rests = true;
        let length = next.as_ref().and_then(|data| data.as_ref().ok()).map_or(0, Bytes::len);
        if unread.fetch_add(length, Ordering::Relaxed) + length > MOST_UNREAD {
            return Poll::Ready(Some(Err(axum::Error::new(TooMuchUnread))));
        }
        Poll::Ready(next)
    }))
}

#[derive(Debug, thiserror::Error)]
#[error("a part has no end")]
struct TooMuchUnread;

impl Texts {
    fn add(&mut self, name: &str, text: String) -> Result<(), ManagementError> {
        let slot = match name {
            "connection_id" => &mut self.connection_id,
            "upsert" => &mut self.upsert,
            "external_id" => &mut self.external_id,
            "send_completion_email" => &mut self.send_completion_email,
            // Others mean nothing here.
            _ => return Ok(()),
        };
        if slot.replace(text).is_some() { Err(invalid_multipart()) } else { Ok(()) }
    }
}

struct Part<'a> {
    part: Field<'a>,
    unread: &'a AtomicUsize,
}

impl Part<'_> {
    async fn next_bytes(&mut self) -> Result<Option<Bytes>, ManagementError> {
        match tokio::time::timeout(PATIENCE, self.part.chunk()).await {
            Ok(Ok(bytes)) => {
                // The reader keeps no more than the end of the last frame.
                self.unread.store(0, Ordering::Relaxed);
                Ok(bytes)
            }
            _ => Err(invalid_multipart()),
        }
    }

    async fn take_file(
        &mut self,
        app: &App,
        upload: &mut Upload<'_>,
    ) -> Result<(), ManagementError> {
        let most = app.settings.import_max_bytes;
        while let Some(bytes) = self.next_bytes().await? {
            if upload.size() + bytes.len() as u64 > most {
                return Err(ManagementError::FileTooLarge(most));
            }
            upload.push(&bytes).await.map_err(broken_off)?;
        }
        Ok(())
    }

    async fn take_text(&mut self) -> Result<String, ManagementError> {
        let mut text = Vec::new();
        while let Some(bytes) = self.next_bytes().await? {
            text.extend_from_slice(&bytes);
            if text.len() > LONGEST_TEXT {
                return Err(invalid_multipart());
            }
        }
        let text = String::from_utf8(text).map_err(|_| invalid_multipart())?;
        if text.contains('\0') { Err(invalid_multipart()) } else { Ok(text) }
    }
}

/// Checks the parts, in the order that the errors are documented in.
async fn described(
    app: &App,
    texts: Texts,
    size: u64,
    job: &mut Job,
) -> Result<(), ManagementError> {
    let wrong = |message: &str| Err(ManagementError::invalid_body(message));
    if !texts.has_users {
        return wrong("Must provide 'users' file as multipart part.");
    }
    if size == 0 {
        return wrong("Users file must not be empty.");
    }
    let Some(id) = texts.connection_id else {
        return wrong("Must provide 'connection_id' as multipart part.");
    };
    let is_id = matches!(CONNECTION_ID, Shape::Pattern(_, matches) if matches(&id));
    if !is_id {
        return Err(ManagementError::invalid_property(
            "String does not match pattern ^con_[A-Za-z0-9]{16}$",
            "connection_id",
        ));
    }
    let upsert = boolean(texts.upsert, "upsert")?.unwrap_or(false);
    let send = boolean(texts.send_completion_email, "send_completion_email")?.unwrap_or(true);
    let connection = find_connection(app, &id).await?;
    if !connection.is_database() {
        return wrong("Connection must be a database connection.");
    }
    let mut conn = app.store.read().await?;
    if connections::clients_after(conn.db(), &connection.id, "", 1).await?.is_empty() {
        return wrong("Connection must be enabled.");
    }
    let mut put = |name: &str, value: Value| {
        job.parameters.insert(name.to_owned(), value);
    };
    put("connection_id", id.into());
    put("connection", connection.name.into());
    put("upsert", upsert.into());
    // Answered as it was sent. Nobody is mailed: this server knows of no owners.
    put("send_completion_email", send.into());
    if let Some(external_id) = texts.external_id {
        put("external_id", external_id.into());
    }
    // It waited for its file.
    job.expires_at = app.clock.now().plus_seconds(Job::RETENTION);
    Ok(())
}

fn boolean(text: Option<String>, name: &str) -> Result<Option<bool>, ManagementError> {
    match text.as_deref() {
        None | Some("") => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(_) => Err(ManagementError::invalid_property(
            "Expected type boolean but found type string",
            name,
        )),
    }
}
