//! A write of the Management API and the event that tells of it (`sapi`): who changed what. Both
//! are committed together, so that nothing changes without a trace.

use axum::{
    extract::{FromRequestParts, OriginalUri},
    http::request::Parts,
};
use serde_json::{Map, Value};

use super::authority::Authority;
use super::condition::Condition;
use crate::domain::{
    ClientId, UserId,
    audit::{
        AuditEvent, Happened,
        management::{Managed, ManagementRequest},
    },
};
use crate::http::{
    App, error::management::ManagementError, extract::management_token::ManagementToken,
};
use crate::policy::management::Operation;
use crate::store::Tx;

/// Most members that an event names: bags of free names have no end.
const MOST_NAMES: usize = 100;
/// Most characters of a name in an event.
const NAME_LENGTH: usize = 100;

/// The write that is being answered. A handler that writes takes it, begins its transaction with
/// it and commits through it.
pub struct Change {
    app: App,
    authority: Authority,
    request: ManagementRequest,
    condition: Condition,
    also: Vec<AuditEvent>,
}

impl FromRequestParts<App> for Change {
    type Rejection = ManagementError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let token = ManagementToken::from_request_parts(parts, app).await?;
        let operation = *parts.extensions.get::<Operation>().ok_or(ManagementError::Internal)?;
        let request = request(parts, &operation, &token);
        let condition = Condition::read(parts, &operation).await?;
        let authority = Authority::of(app, &token);
        Ok(Self { app: app.clone(), authority, request, condition, also: Vec::new() })
    }
}

/// The request as events tell of it.
pub fn request(parts: &Parts, operation: &Operation, token: &ManagementToken) -> ManagementRequest {
    // The routes are nested: the address that the caller knows is the original one.
    let original = parts.extensions.get::<OriginalUri>();
    let path = original.map_or_else(|| parts.uri.path(), |OriginalUri(uri)| uri.path());
    let ManagementToken(by) = token;
    ManagementRequest::new(operation.method, path, by.client_id.clone(), by.user())
}

impl Change {
    /// Who asks, and for what.
    pub const fn request(&self) -> &ManagementRequest {
        &self.request
    }

    /// Begins the transaction of the write. What the request is about stays as it is until the end
    /// of it, and is what the caller expects: read it again from here on.
    ///
    /// # Errors
    /// [`ManagementError::PreconditionFailed`], or when the database fails.
    pub async fn begin(&self) -> Result<Tx, ManagementError> {
        let mut tx = self.app.store.write().await?;
        self.condition.check(&self.app, &mut tx).await?;
        Ok(tx)
    }

    /// How far the one who asks may go.
    pub const fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Has another event committed with the change, about `client` and `user`. None is, when it
    /// tells that nothing was revoked.
    pub fn also(
        &mut self,
        happened: &Happened<'_>,
        client: Option<&ClientId>,
        user: Option<&UserId>,
    ) {
        if !matches!(happened, Happened::RefreshTokensRevoked { revoked: 0, .. }) {
            self.also.push(self.app.login.event(happened, client, user));
        }
    }

    /// Commits `tx` with the event that tells of it. `id` is what was written, and `members` are
    /// the names of its members that changed: see [`members`] and [`differences`].
    ///
    /// # Errors
    /// When the database fails; then nothing was written.
    pub async fn commit(
        self,
        mut tx: Tx,
        id: &str,
        members: Vec<String>,
    ) -> Result<(), ManagementError> {
        let Self { app, request, condition, also, .. } = self;
        condition.tell(&app, &mut tx, id).await?;
        let what = Managed::Wrote { id, members: &members };
        let happened = Happened::Managed { request: &request, what };
        let event = app.login.event(&happened, Some(request.client()), request.user());
        let events: Vec<_> = std::iter::once(event).chain(also).collect();
        Ok(app.login.commit_events(tx, &events).await?)
    }
}

/// The names of the members of a body: what creating something set.
pub fn members(body: &Map<String, Value>) -> Vec<String> {
    differences(&Map::new(), body)
}

/// The names of the members that differ, dotted where only a part of one does.
pub fn differences(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<String> {
    let mut names = Vec::new();
    collect("", before, after, &mut names);
    names.sort_unstable();
    names.truncate(MOST_NAMES);
    names
}

fn collect(
    within: &str,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    names: &mut Vec<String>,
) {
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    for name in after.keys().chain(gone) {
        let full = format!("{within}{name}");
        match (before.get(name), after.get(name)) {
            (one, other) if one == other => {}
            (Some(Value::Object(one)), Some(Value::Object(other))) => {
                collect(&format!("{full}."), one, other, names);
            }
            _ => names.push(full.chars().take(NAME_LENGTH).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn names(before: Value, after: Value) -> Vec<String> {
        let map = |value: Value| value.as_object().cloned().unwrap_or_default();
        differences(&map(before), &map(after))
    }

    #[test]
    #[rustfmt::skip]
    fn only_what_differs_is_named() {
        for (before, after, expected) in [
            (json!({}), json!({"b": 1, "a": {"c": 1}}), vec!["a", "b"]),
            (json!({"a": 1}), json!({"a": 1}), vec![]),
            (json!({"a": 1, "b": 2}), json!({"a": 2}), vec!["a", "b"]),
            (json!({"a": {"b": 1, "c": 1}}), json!({"a": {"b": 2, "c": 1}}), vec!["a.b"]),
            (json!({"a": [1]}), json!({"a": [2]}), vec!["a"]),
            (json!({"a": {"b": 1}}), json!({"a": 1}), vec!["a"]),
        ] {
            assert_eq!(names(before, after), expected);
        }
    }

    #[test]
    fn an_event_stays_small_whatever_is_written() {
        let many: Map<_, _> =
            (0..500).map(|i| (format!("{i}{}", "x".repeat(500)), json!(1))).collect();
        let names = members(&many);
        assert_eq!(names.len(), MOST_NAMES);
        assert!(names.iter().all(|name| name.chars().count() == NAME_LENGTH));
    }
}
