//! An Action as its author knows it: a draft, and the versions that were made of it.

use crate::domain::{ActionBindingId, ActionId, ActionVersionId, time::Timestamp};

/// Most Actions that there may be.
pub const MOST_ACTIONS: i64 = 100;
/// Most Actions that may be bound to a trigger.
pub const MOST_BOUND: usize = 20;
/// How many versions of an Action are kept, the deployed one among them.
pub const MOST_VERSIONS: i64 = 50;

/// What is written of an Action, and what a version is a copy of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The id of the only trigger that it is for. May be one that this server does not run.
    pub trigger_id: String,
    /// The version of the trigger, `v3`.
    pub trigger_version: String,
    /// The JavaScript.
    pub code: String,
    /// The version of Node.js that it was written for.
    pub runtime: String,
    /// Which secrets there are.
    pub secrets: Vec<SecretName>,
    /// Name → value of the secrets: a JSON object, sealed, and bound to the id of the Action (draft)
    /// or of the version. `None` without secrets.
    pub secrets_sealed: Option<Vec<u8>>,
    /// The hosts that it may call; `None` for those that the server allows.
    pub allowed_hosts: Option<Vec<String>>,
}

/// A secret, without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretName {
    /// Its name.
    pub name: String,
    /// When its value was last set.
    pub updated_at: Timestamp,
}

/// An Action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// Its id.
    pub id: ActionId,
    /// Its name, which no other has.
    pub name: String,
    /// The draft. It is tested, but never runs at its trigger.
    pub draft: Content,
    /// The version that runs.
    pub deployed_version_id: Option<ActionVersionId>,
    /// Whether the draft is what that version has.
    pub is_deployed: bool,
    /// The number of the newest version, 0 before the first.
    pub last_number: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A version of an Action; it never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionVersion {
    /// Its id.
    pub id: ActionVersionId,
    /// The Action.
    pub action_id: ActionId,
    /// From 1.
    pub number: i64,
    /// What it does.
    pub content: Content,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A place of an Action at a trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionBinding {
    /// Its id; a new one each time that the bindings of the trigger are written.
    pub id: ActionBindingId,
    /// The trigger.
    pub trigger_id: String,
    /// The Action.
    pub action_id: ActionId,
    /// What people see.
    pub display_name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
}
