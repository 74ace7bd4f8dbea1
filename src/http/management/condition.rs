//! Optimistic concurrency (RFC 9110 §13.1.1): the answer about an object carries its `ETag`, and a
//! write with `If-Match` is refused where the object is another by now. Without the field a write
//! is what it always was.
//!
//! The comparison is made inside the transaction of the write, after which nobody changes the
//! object until the transaction ends: of two editors who expect the same state one wins. What a
//! tag stands for is in [`objects`].

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use axum::{
    body::Body,
    extract::{FromRequestParts, RawPathParams, Request},
    http::{HeaderValue, header, request::Parts},
    middleware::Next,
    response::Response,
};

use super::objects::{self, Subject};
use crate::http::{App, error::management::ManagementError};
use crate::policy::management::{
    Operation,
    objects::{Expected, Object, created_at, read_at, written_at},
};
use crate::store::Tx;

const CHANGED: ManagementError = ManagementError::PreconditionFailed {
    message: "This was changed by somebody else after you read it. Read it again, and decide what \
              shall hold.",
};
const NO_TAG: ManagementError = ManagementError::PreconditionFailed {
    message: "Nothing at this address has an ETag, so If-Match cannot be met here. Leave it out.",
};

/// Where a handler leaves the tag of what it wrote, for the answer.
#[derive(Clone, Default)]
struct Told(Arc<OnceLock<String>>);

/// What a write is about, and what its caller expects to find there.
pub struct Condition {
    subject: Option<Subject>,
    /// What the write creates, and the ids of what it creates it in.
    creates: Option<(Object, Vec<String>)>,
    expected: Option<Expected>,
    was_compared: AtomicBool,
    told: Told,
}

impl Condition {
    /// Reads a request to `operation`.
    ///
    /// # Errors
    /// [`ManagementError::PreconditionFailed`], when something is expected where nothing can be.
    pub async fn read(parts: &mut Parts, operation: &Operation) -> Result<Self, ManagementError> {
        let ids = ids(parts).await;
        let expected = expected(parts);
        let subject = written_at(operation.path).map(|object| Subject::new(object, ids.clone()));
        if subject.is_none() && expected.is_some() {
            return Err(NO_TAG);
        }
        let is_created = |_: &Object| operation.method == "POST";
        let creates = created_at(operation.path).filter(is_created).map(|object| (object, ids));
        let told = parts.extensions.get::<Told>().cloned().unwrap_or_default();
        Ok(Self { subject, creates, expected, was_compared: AtomicBool::new(false), told })
    }

    /// Keeps the object as it is, and compares it.
    ///
    /// # Errors
    /// [`ManagementError::PreconditionFailed`], or when the database fails.
    pub async fn check(&self, app: &App, tx: &mut Tx) -> Result<(), ManagementError> {
        let Some(subject) = &self.subject else { return Ok(()) };
        tx.one_at_a_time(&subject.place()).await?;
        let Some(expected) = &self.expected else { return Ok(()) };
        objects::lock(tx, subject).await?;
        self.was_compared.store(true, Ordering::Relaxed);
        match objects::tag(app, tx.db(), subject).await? {
            Some(tag) if !expected.is_met_by(&tag) => Err(CHANGED),
            // That there is nothing is for the handler to tell.
            _ => Ok(()),
        }
    }

    /// Leaves the tag of what `tx` has made of the object, or of the object `id` that it created.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tell(self, app: &App, tx: &mut Tx, id: &str) -> Result<(), ManagementError> {
        if self.expected.is_some() && !self.was_compared.into_inner() {
            tracing::error!("management: a write with If-Match was not compared");
            return Err(ManagementError::Internal);
        }
        let created = self.creates.map(|(object, mut ids)| {
            ids.push(id.to_owned());
            Subject::new(object, ids)
        });
        if let Some(subject) = created.or(self.subject)
            && let Some(tag) = objects::tag(app, tx.db(), &subject).await?
        {
            // A handler commits once.
            let _ = self.told.0.set(tag);
        }
        Ok(())
    }
}

async fn ids(parts: &mut Parts) -> Vec<String> {
    match RawPathParams::from_request_parts(parts, &()).await {
        Ok(ids) => ids.iter().map(|(_, id)| id.to_owned()).collect(),
        Err(_) => Vec::new(),
    }
}

fn expected(parts: &Parts) -> Option<Expected> {
    let mut fields = parts.headers.get_all(header::IF_MATCH).iter().peekable();
    fields.peek()?;
    // What is no text matches nothing, like anything malformed.
    let fields: Vec<_> = fields.map(|field| field.to_str().unwrap_or_default()).collect();
    Some(Expected::parse(&fields.join(",")))
}

/// Answers a request, with the tag of what it reads or has written.
pub async fn tagged(
    app: &App,
    operation: &Operation,
    mut parts: Parts,
    body: Body,
    next: Next,
) -> Response {
    let told = Told::default();
    if operation.method == "GET" {
        // Read before the object is: should it change in between, its tag is that of the older
        // state, and a write that expects it is refused.
        if let Some(object) = read_at(operation.path) {
            let subject = Subject::new(object, ids(&mut parts).await);
            // Of an error the handler tells.
            if let Ok(Some(tag)) = tag_now(app, &subject).await {
                drop(told.0.set(tag));
            }
        }
    } else {
        parts.extensions.insert(told.clone());
    }
    let mut response = next.run(Request::from_parts(parts, body)).await;
    let tag = told.0.get().filter(|_| response.status().is_success());
    if let Some(tag) = tag.and_then(|tag| HeaderValue::from_str(&format!("\"{tag}\"")).ok()) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

async fn tag_now(app: &App, subject: &Subject) -> Result<Option<String>, ManagementError> {
    let mut conn = app.store.read().await?;
    objects::tag(app, conn.db(), subject).await
}
