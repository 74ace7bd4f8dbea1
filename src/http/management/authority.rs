//! What scopes alone do not allow the users of the console: nobody gets more through it than they
//! have, neither by giving it to themselves nor by becoming somebody, or some application, who has
//! it. Machines are trusted with their scopes, as at Auth0.

use std::collections::HashSet;

use serde_json::Value;

use crate::domain::{
    ClientId, RoleId, UserId, audience::Audience, client_grant::SubjectType, scope::ScopeSet,
};
use crate::http::{
    App,
    error::management::{Exceeded, ManagementError},
    extract::management_token::ManagementToken,
};
use crate::policy::management::{self, beyond};
use crate::store::{
    self, Db, client_grants,
    client_grants::{ClientGrantRecord, Filter},
    permissions, role_permissions,
};

/// How far the authority of the one who asks reaches.
#[derive(Debug, Clone)]
pub struct Authority {
    /// Of the Management API.
    audience: Audience,
    /// `None` for a machine.
    person: Option<Person>,
}

#[derive(Debug, Clone)]
struct Person {
    user: UserId,
    /// Permissions on the Management API, as far as the token is for them.
    held: ScopeSet,
}

impl Authority {
    /// Of the bearer of a token.
    pub fn of(app: &App, ManagementToken(token): &ManagementToken) -> Self {
        let person = token.user().map(|user| Person { user, held: token.scope.clone() });
        Self { audience: app.settings.management_audience(), person }
    }

    fn within(&self, wanted: &ScopeSet, what: Exceeded) -> Result<(), ManagementError> {
        let Some(person) = &self.person else { return Ok(()) };
        match beyond(&person.held, wanted) {
            None => Ok(()),
            Some(scope) => Err(ManagementError::Exceeds(what, scope.to_owned())),
        }
    }

    /// Refuses to give or take a permission that the one who asks does not have.
    ///
    /// # Errors
    /// 403.
    pub fn may_give(&self, permissions: &[(Audience, &str)]) -> Result<(), ManagementError> {
        let ours = permissions.iter().filter(|(audience, _)| *audience == self.audience);
        self.within(&ours.map(|(_, name)| *name).collect(), Exceeded::Permissions)
    }

    /// The same of a role, with all that it gives.
    ///
    /// # Errors
    /// 403, or when the database fails.
    pub async fn may_give_role(&self, db: Db<'_>, role: &RoleId) -> Result<(), ManagementError> {
        if self.person.is_none() {
            return Ok(());
        }
        let gives = role_permissions::of_role_for(db, role, &self.audience).await?;
        self.within(&gives, Exceeded::Permissions)
    }

    /// Refuses to take over, lock out or remove a user who may do more. Oneself is none.
    ///
    /// # Errors
    /// 403, or when the database fails.
    pub async fn may_change(&self, db: Db<'_>, user: &UserId) -> Result<(), ManagementError> {
        if self.person.as_ref().is_none_or(|person| person.user == *user) {
            return Ok(());
        }
        let held = permissions::of_user_for(db, user, &self.audience).await?;
        self.within(&held, Exceeded::User)
    }

    /// The same of every user of a connection.
    ///
    /// # Errors
    /// 403, or when the database fails.
    pub async fn may_change_all(&self, db: Db<'_>, name: &str) -> Result<(), ManagementError> {
        if self.person.is_none() {
            return Ok(());
        }
        let held = permissions::of_connection_for(db, name, &self.audience).await?;
        self.within(&held, Exceeded::User)
    }

    /// Refuses a client grant for more than the one who asks may do: with it the application could
    /// do it in their place. `document` is the grant's.
    ///
    /// # Errors
    /// 403.
    pub fn may_grant(
        &self,
        audience: &Audience,
        document: &serde_json::Map<String, Value>,
    ) -> Result<(), ManagementError> {
        if *audience != self.audience {
            return Ok(());
        }
        let granted: ScopeSet = match document.get("allow_all_scopes") {
            Some(Value::Bool(true)) => everything(),
            _ => {
                let scope = document.get("scope").and_then(Value::as_array);
                scope.into_iter().flatten().filter_map(Value::as_str).collect()
            }
        };
        self.within(&granted, Exceeded::Permissions)
    }

    /// Refuses a new secret or key of an application that may do more: whoever has it is the
    /// application.
    ///
    /// # Errors
    /// 403, or when the database fails.
    pub async fn may_become(&self, db: Db<'_>, client: &ClientId) -> Result<(), ManagementError> {
        if self.person.is_none() {
            return Ok(());
        }
        let subject = SubjectType::Client;
        let grant = client_grants::find_for(db, client, &self.audience, subject).await?;
        let granted = grant.map(|record| record.grant.granted(&everything())).unwrap_or_default();
        self.within(&granted, Exceeded::Application)
    }

    /// The applications that may do more, whose secrets the one who asks may not see.
    ///
    /// # Errors
    /// When the database does.
    pub async fn closed(&self, db: Db<'_>) -> Result<HashSet<ClientId>, store::Error> {
        let Some(person) = &self.person else { return Ok(HashSet::new()) };
        let all = everything();
        if beyond(&person.held, &all).is_none() {
            return Ok(HashSet::new());
        }
        let filter = Filter {
            audience: Some(self.audience.as_str()),
            subject_type: Some(SubjectType::Client.as_str()),
            ..Filter::default()
        };
        let grants = client_grants::list(db, filter, 0, i64::MAX).await?;
        let exceeds = |record: &ClientGrantRecord| {
            beyond(&person.held, &record.grant.granted(&all)).is_some()
        };
        let exceeding = grants.into_iter().filter(exceeds);
        Ok(exceeding.map(|record| record.grant.client_id).collect())
    }
}

fn everything() -> ScopeSet {
    management::scopes().into_iter().collect()
}
