//! What the scripts of a login have decided about what it issues.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::domain::{ExecutionId, scope::ScopeSet, time::Timestamp};

/// What a login's scripts made of its tokens. Kept with an authorization code until its exchange.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Customised {
    /// Claims of the access token, without any of the protocol's own.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub access_token: Map<String, Value>,
    /// Claims of the ID token, without any of the protocol's own.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub id_token: Map<String, Value>,
    /// What is different about the refresh token.
    #[serde(skip_serializing_if = "Changes::is_empty")]
    pub refresh_token: Changes,
    /// Scopes that scripts added: they are in the access token, but no part of what the refresh
    /// token stands for. A script adds them again at each exchange, or no longer.
    #[serde(skip_serializing_if = "ScopeSet::is_empty")]
    pub added_scope: ScopeSet,
    /// The record of the execution, for the audit trail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution: Option<ExecutionId>,
}

impl Customised {
    /// Whether nothing is different.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What scripts change about a session or a refresh token.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Changes {
    /// An earlier end, in epoch milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    /// An earlier end unless it is used before, in epoch milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_expires_at: Option<i64>,
    /// All of its metadata from now on: texts by name. `None` leaves what there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
}

impl Changes {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
    /// The absolute end: never later than it was.
    pub fn earlier_end(&self, end: Timestamp) -> Timestamp {
        self.expires_at.map_or(end, |at| end.min(Timestamp::from_millis(at)))
    }
    /// The idle end: never later than it was.
    pub fn earlier_idle_end(&self, end: Timestamp) -> Timestamp {
        self.idle_expires_at.map_or(end, |at| end.min(Timestamp::from_millis(at)))
    }
    /// The absolute end of what may have none.
    pub fn earlier_end_if_any(&self, end: Option<Timestamp>) -> Option<Timestamp> {
        match (end, self.expires_at) {
            (Some(end), _) => Some(self.earlier_end(end)),
            (None, at) => at.map(Timestamp::from_millis),
        }
    }
}
