//! What came of running the Actions of a trigger: kept for the operator.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::domain::{ActionId, ActionVersionId, ExecutionId, action::Trigger, time::Timestamp};

/// How an execution ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutionStatus {
    /// Every Action ran.
    Final,
    /// An Action failed, and those after it did not run.
    Partial,
    /// An Action refused, and those after it did not run.
    Canceled,
    /// An Action sent the browser away.
    Suspended,
}

impl ExecutionStatus {
    /// As the store keeps it and `status` tells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Final => "final",
            Self::Partial => "partial",
            Self::Canceled => "canceled",
            Self::Suspended => "suspended",
        }
    }
    /// The status of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Final, Self::Partial, Self::Canceled, Self::Suspended]
            .into_iter()
            .find(|status| status.as_str() == name)
    }
}

/// One execution of a trigger.
#[derive(Debug, Clone, PartialEq)]
pub struct TriggerExecution {
    /// Its id.
    pub id: ExecutionId,
    /// The trigger.
    pub trigger: Trigger,
    /// How it ended.
    pub status: ExecutionStatus,
    /// When the first Action began.
    pub created_at: Timestamp,
    /// When the last one ended.
    pub updated_at: Timestamp,
    /// What came of each, in the order in which they ran.
    pub results: Vec<ActionResult>,
}

/// What came of one Action or one rule.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionResult {
    /// The Action; of a rule its own id.
    pub action_id: ActionId,
    /// The version that ran; `None` for a rule.
    pub version_id: Option<ActionVersionId>,
    /// The name that it had.
    pub action_name: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Why it failed, if it did.
    pub error: Option<ExecutionError>,
    /// What was not carried out of what it asked for, and why: for the author. No secrets, no tokens.
    pub notes: Vec<String>,
    /// Numbers about the run.
    pub stats: Map<String, Value>,
    /// What it wrote with `console`, cut to a limit.
    pub console: String,
}

/// Why an Action failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionError {
    /// What kind of failure: for support.
    pub id: String,
    /// The message.
    pub msg: String,
    /// Where to read about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The line of the code at which it failed, from 1, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}
