//! The trigger `post-change-password`: after a password was changed, by the user with a link or by an
//! operator. Nobody waits for it.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::domain::{
    action::{BoundAction, Trigger},
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

/// What Actions are told about the user.
const MEMBERS: &[&str] = &[
    "user_id",
    "email",
    "email_verified",
    "last_password_reset",
    "phone_number",
    "phone_verified",
    "username",
];

impl LoginService {
    /// Has the Actions run after the password of a user was changed, behind the back of who changed
    /// it. Call it when the change is durable.
    pub async fn after_password_change(self: &Arc<Self>, user: &User) {
        let trigger = Trigger::PostChangePassword;
        let (login, user) = (Arc::clone(self), user.clone());
        let run = async move |actions: Arc<[BoundAction]>| {
            let mut event = login.password_change_event(&user).await?;
            let subject = Subject { client: None, user: Some(&user.user_id) };
            let hear = |_: &[_], _: &mut Map<String, Value>| Heard::default();
            login.run_pipeline(trigger, &actions, &mut event, subject, hear).await.map(drop)
        };
        self.run_unwatched(trigger, run).await;
    }

    async fn password_change_event(&self, user: &User) -> Result<Map<String, Value>, Failure> {
        let mut conn = self.store.read().await?;
        let connection = self.event_connection(&mut conn, &user.connection).await?;
        let mut shown = without_null(event::user(user));
        shown.retain(|name, _| MEMBERS.contains(&name.as_str()));
        shown.insert("last_password_reset".to_owned(), user.updated_at.iso8601().into());
        Ok(without_null(json!({
            "connection": connection,
            "request": request::event(&request::current(), Reveal::AllButSecrets),
            "tenant": event::tenant(&self.settings.tenant_name),
            "user": shown,
        })))
    }
}
