//! Carries out what scripts asked to be changed about a user, a session or a refresh token: within
//! the transaction of the login, or alone when a script refused it. What was queued before a refusal
//! is kept.

use serde_json::{Map, Value};

use crate::domain::{
    ClientId, FamilyId, SessionId, UserId,
    action::outcome::Changes,
    audit::{AuditEvent, Happened},
    family::RevokedBy,
    logout::Initiator,
    time::Timestamp,
};
use crate::login::LoginService;
use crate::policy::post_login::{Decision, Revokes};
use crate::store::{self, Tx, families, sessions, users};

/// How often a user is read again whom somebody else edits at the same time.
const ATTEMPTS: usize = 8;

/// Whom a login concerns.
#[derive(Debug, Clone, Copy)]
pub struct Concerned<'a> {
    /// The application.
    pub client: &'a ClientId,
    /// The user.
    pub user: &'a UserId,
    /// The browser session, if there is one.
    pub session: Option<&'a SessionId>,
    /// The refresh token that is being exchanged.
    pub family: Option<&'a FamilyId>,
}

/// Whether there is anything to carry out beside the tokens.
pub fn changes_anything(decision: &Decision) -> bool {
    !(decision.app_metadata.is_empty()
        && decision.user_metadata.is_empty()
        && decision.session.is_empty()
        && decision.customised.refresh_token.is_empty())
}

impl LoginService {
    /// Changes the metadata of a user as scripts decided, unless it is so already. Nothing changes
    /// for who is gone.
    ///
    /// # Errors
    /// When the database does.
    pub async fn change_user(
        &self,
        tx: &mut Tx,
        user: &UserId,
        decision: &Decision,
    ) -> Result<(), store::Error> {
        let (of_app, of_user) = (&decision.app_metadata, &decision.user_metadata);
        if of_app.is_empty() && of_user.is_empty() {
            return Ok(());
        }
        for _ in 0..ATTEMPTS {
            let Some(mut record) = users::find(tx.db(), user).await? else { return Ok(()) };
            let app_changed = merge(&mut record.user.app_metadata, of_app);
            let user_changed = merge(&mut record.user.user_metadata, of_user);
            if !app_changed && !user_changed {
                return Ok(());
            }
            record.user.updated_at = self.clock.now();
            let hash = record.password_hash.as_deref();
            if users::update(tx, &record.user, hash, record.version).await? {
                return Ok(());
            }
        }
        // Every attempt met another edit; the next login will try again.
        tracing::warn!(user.id = user.as_str(), "metadata of an Action was not written");
        Ok(())
    }

    /// Brings the ends of a session forward and replaces its metadata, as scripts decided.
    ///
    /// # Errors
    /// When the database does.
    pub async fn change_session(
        &self,
        tx: &mut Tx,
        session: &SessionId,
        changes: &Changes,
    ) -> Result<(), store::Error> {
        let (end, idle) = ends(changes);
        if end.is_some() || idle.is_some() {
            sessions::shorten(tx, session, end, idle).await?;
        }
        if let Some(metadata) = &changes.metadata {
            sessions::set_metadata(tx, session, Some(metadata)).await?;
        }
        Ok(())
    }

    /// The same of a refresh token.
    ///
    /// # Errors
    /// When the database does.
    pub async fn change_refresh_token(
        &self,
        tx: &mut Tx,
        family: &FamilyId,
        changes: &Changes,
    ) -> Result<(), store::Error> {
        let (end, idle) = ends(changes);
        if end.is_some() || idle.is_some() {
            families::shorten(tx, family, end, idle).await?;
        }
        if let Some(metadata) = &changes.metadata {
            families::set_metadata(tx, family, Some(metadata)).await?;
        }
        Ok(())
    }

    /// Carries out everything that scripts changed beside the tokens: the user first, as everybody
    /// locks them, so that no two transactions wait for each other.
    ///
    /// # Errors
    /// When the database does.
    pub async fn carry_out(
        &self,
        tx: &mut Tx,
        concerned: &Concerned<'_>,
        decision: &Decision,
    ) -> Result<(), store::Error> {
        self.change_user(tx, concerned.user, decision).await?;
        self.change_logins(tx, concerned, decision).await
    }

    /// Carries out what scripts changed about the refresh token and the session.
    ///
    /// # Errors
    /// When the database does.
    pub async fn change_logins(
        &self,
        tx: &mut Tx,
        concerned: &Concerned<'_>,
        decision: &Decision,
    ) -> Result<(), store::Error> {
        if let Some(family) = concerned.family {
            self.change_refresh_token(tx, family, &decision.customised.refresh_token).await?;
        }
        match concerned.session {
            None => Ok(()),
            Some(session) => self.change_session(tx, session, &decision.session).await,
        }
    }

    /// Carries out what scripts left behind that refused a login: what they queued before, and the
    /// end of the session or the refresh token if they demanded it. Nothing is written when there is
    /// nothing of that.
    ///
    /// # Errors
    /// When the database does.
    pub async fn carry_out_refusal(
        &self,
        concerned: &Concerned<'_>,
        decision: &Decision,
        revokes: Revokes,
    ) -> Result<(), store::Error> {
        if !changes_anything(decision) && revokes == Revokes::Nothing {
            return Ok(());
        }
        let mut tx = self.store.write().await?;
        self.carry_out(&mut tx, concerned, decision).await?;
        let (client, user) = (concerned.client, concerned.user);
        let revoked = self.revoke_for_action(&mut tx, concerned, revokes).await?;
        let events: Vec<AuditEvent> = revoked
            .map(|(family, revoked)| {
                let happened =
                    Happened::RefreshTokensRevoked { family, revoked, by: RevokedBy::Action };
                self.event(&happened, Some(client), Some(user))
            })
            .into_iter()
            .collect();
        self.commit_events(tx, &events).await
    }

    /// Returns which refresh tokens ended, if any.
    async fn revoke_for_action<'a>(
        &self,
        tx: &mut Tx,
        concerned: &Concerned<'a>,
        revokes: Revokes,
    ) -> Result<Option<(Option<&'a FamilyId>, u64)>, store::Error> {
        let (by, now) = (RevokedBy::Action, self.clock.now());
        match (revokes, concerned.family, concerned.session) {
            (Revokes::RefreshToken, Some(family), _) => {
                let revoked = families::revoke(tx, family, by, now).await?;
                Ok(revoked.then_some((Some(family), 1)))
            }
            (Revokes::Session { preserve_refresh_tokens }, _, Some(session)) => {
                self.end_one(tx, session, concerned.user, Initiator::SessionRevoked).await?;
                if preserve_refresh_tokens {
                    return Ok(None);
                }
                let revoked = families::revoke_of_session(tx, session, by, now).await?;
                Ok((revoked > 0).then_some((None, revoked)))
            }
            _ => Ok(None),
        }
    }
}

/// Merges changes, of which `null` removes. Returns whether anything is different.
fn merge(bag: &mut Map<String, Value>, changes: &Map<String, Value>) -> bool {
    let mut changed = false;
    for (key, value) in changes {
        changed |= match value {
            Value::Null => bag.remove(key).is_some(),
            value => bag.insert(key.clone(), value.clone()).as_ref() != Some(value),
        };
    }
    changed
}

fn ends(changes: &Changes) -> (Option<Timestamp>, Option<Timestamp>) {
    let time = |at: Option<i64>| at.map(Timestamp::from_millis);
    (time(changes.expires_at), time(changes.idle_expires_at))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_merge_knows_whether_it_changed_anything() {
        for (changes, expected, changed) in [
            (json!({}), json!({ "a": 1 }), false),
            (json!({ "a": 1 }), json!({ "a": 1 }), false),
            (json!({ "b": null }), json!({ "a": 1 }), false),
            (json!({ "a": null }), json!({}), true),
            (json!({ "a": 2, "b": { "c": null } }), json!({ "a": 2, "b": { "c": null } }), true),
        ] {
            let mut bag = json!({ "a": 1 }).as_object().cloned().unwrap();
            assert_eq!(merge(&mut bag, changes.as_object().unwrap()), changed, "{changes}");
            assert_eq!(json!(bag), expected, "{changes}");
        }
    }
}
