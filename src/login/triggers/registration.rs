//! The triggers around an account that somebody creates for themselves: `pre-user-registration`, which
//! may refuse it, and `post-user-registration`, for which nobody waits. Accounts that operators create
//! or import are theirs to decide on: no Action runs.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::domain::{
    ClientId,
    action::{BoundAction, Trigger},
    audit::Happened,
    connection::Connection,
    user::User,
};
use crate::login::{
    LoginService,
    authorize::Failure,
    triggers::{
        event::{self, without_null},
        pipeline::{Heard, Subject},
        request::{self, Reveal},
    },
};
use crate::policy::registration::{Denied, Registration};

impl LoginService {
    /// Runs the Actions before an account is created. The user is then as they left it.
    ///
    /// Run it before it is known whether the address is taken, so that what an Action says, and how
    /// long it takes, tells nothing about that.
    ///
    /// # Errors
    /// Failures of ours; the inner error is a refusal, also of an Action that failed.
    pub async fn before_registration(
        &self,
        user: &mut User,
        client: &ClientId,
        connection: &Connection,
    ) -> Result<Result<(), Denied>, Failure> {
        let trigger = Trigger::PreUserRegistration;
        let actions = self.bound_to(trigger).await?;
        if actions.is_empty() {
            return Ok(Ok(()));
        }
        let mut event = self.registration_event(user, client, connection).await?;
        if let Some(Value::Object(user)) = event.get_mut("user") {
            // There is none yet.
            for name in ["user_id", "created_at", "updated_at", "identities"] {
                user.remove(name);
            }
        }
        let mut registration =
            Registration::new(user.user_metadata.clone(), user.app_metadata.clone());
        let subject = Subject { client: Some(client), user: None };
        let ended = self
            .run_pipeline(trigger, &actions, &mut event, subject, |commands, event| {
                registration.hear(commands);
                if let Some(Value::Object(user)) = event.get_mut("user") {
                    let Registration { user_metadata, app_metadata, .. } = &registration;
                    user.insert("user_metadata".to_owned(), user_metadata.clone().into());
                    user.insert("app_metadata".to_owned(), app_metadata.clone().into());
                }
                let notes = std::mem::take(&mut registration.notes);
                Heard { notes, refused: registration.denied.is_some() }
            })
            .await?;
        // The person is not told what went wrong in a script of the operator.
        let failed = ended.failed.map(|reason| Denied { reason, code: None, message: None });
        if let Some(denied) = failed.or(registration.denied) {
            let (execution, description) = (&ended.execution, denied.reason.as_str());
            let happened = Happened::SignupRefusedByAction { execution, description };
            self.note(&happened, Some(client), None);
            return Ok(Err(denied));
        }
        user.user_metadata = registration.user_metadata;
        user.app_metadata = registration.app_metadata;
        Ok(Ok(()))
    }

    /// Has the Actions run after an account was created, behind the back of who created it.
    pub async fn after_registration(
        self: &Arc<Self>,
        user: &User,
        client: &ClientId,
        connection: &Connection,
    ) {
        let trigger = Trigger::PostUserRegistration;
        let (login, user) = (Arc::clone(self), user.clone());
        let (client, connection) = (client.clone(), connection.clone());
        let run = async move |actions: Arc<[BoundAction]>| {
            let mut event = login.registration_event(&user, &client, &connection).await?;
            let subject = Subject { client: Some(&client), user: Some(&user.user_id) };
            let hear = |_: &[_], _: &mut Map<String, Value>| Heard::default();
            login.run_pipeline(trigger, &actions, &mut event, subject, hear).await.map(drop)
        };
        self.run_unwatched(trigger, run).await;
    }

    async fn registration_event(
        &self,
        user: &User,
        client: &ClientId,
        connection: &Connection,
    ) -> Result<Map<String, Value>, Failure> {
        let client = self.store.client(client).await?;
        let mut conn = self.store.read().await?;
        let connection = self.event_connection(&mut conn, &connection.name).await?;
        Ok(without_null(json!({
            "client": client.as_deref().map(event::client),
            "connection": connection,
            "request": request::event(&request::current(), Reveal::AllButSecrets),
            "tenant": event::tenant(&self.settings.tenant_name),
            "user": event::user(user),
        })))
    }
}
