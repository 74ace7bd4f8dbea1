//! Actions: the operator's JavaScript, bound to a trigger, and what it asks for.

pub mod command;
pub mod definition;
pub mod execution;
pub mod outcome;
mod words;

use std::sync::Arc;

use crate::domain::{ActionId, ActionVersionId};

/// A point of a flow at which Actions run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// After a user has logged in, and at each exchange of a refresh token.
    PostLogin,
    /// Before an application gets a token for itself.
    CredentialsExchange,
    /// Before somebody's account is created.
    PreUserRegistration,
    /// After it was; nobody waits for it.
    PostUserRegistration,
    /// After a password was changed; nobody waits for it.
    PostChangePassword,
}

impl Trigger {
    /// Every trigger at which Doorward runs Actions.
    pub const ALL: [Self; 5] = [
        Self::PostLogin,
        Self::CredentialsExchange,
        Self::PreUserRegistration,
        Self::PostUserRegistration,
        Self::PostChangePassword,
    ];

    /// The id that the Management API and the store use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PostLogin => "post-login",
            Self::CredentialsExchange => "credentials-exchange",
            Self::PreUserRegistration => "pre-user-registration",
            Self::PostUserRegistration => "post-user-registration",
            Self::PostChangePassword => "post-change-password",
        }
    }

    /// The trigger with this id.
    pub fn parse(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|trigger| trigger.as_str() == id)
    }

    /// The export that is called.
    pub const fn handler(self) -> &'static str {
        match self {
            Self::PostLogin => "onExecutePostLogin",
            Self::CredentialsExchange => "onExecuteCredentialsExchange",
            Self::PreUserRegistration => "onExecutePreUserRegistration",
            Self::PostUserRegistration => "onExecutePostUserRegistration",
            Self::PostChangePassword => "onExecutePostChangePassword",
        }
    }
}

/// The export of a post-login Action that is called when a user comes back from where the Action
/// sent the browser.
pub const CONTINUE_POST_LOGIN: &str = "onContinuePostLogin";

/// The deployed version of an Action that is bound to a trigger.
#[derive(Debug, Clone)]
pub struct BoundAction {
    /// The Action.
    pub action_id: ActionId,
    /// Its deployed version.
    pub version_id: ActionVersionId,
    /// Its name.
    pub name: String,
    /// The code of the version.
    pub code: Arc<str>,
    /// Name → value of its secrets: a JSON object, sealed, and bound to the id of the version.
    pub secrets_sealed: Option<Vec<u8>>,
    /// The hosts that it may call; `None` for those that the server allows.
    pub allowed_hosts: Option<Vec<String>>,
}

/// Most characters of a text of a script that is shown or kept: a reason, a message.
pub const LONGEST_TEXT: usize = 1000;

/// A text of a script as it may be shown and kept: its beginning, without control characters.
pub fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST_TEXT).collect()
}
