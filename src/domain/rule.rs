//! Rules: scripts of the generation before Actions, `function (user, context, callback)`.

use std::sync::Arc;

use crate::domain::RuleId;

/// The most rules that there may be: each of them is run at each login.
pub const MOST_RULES: i64 = 100;
/// The most values that rules may be configured with.
pub const MOST_CONFIGS: i64 = 100;

/// A rule that is switched on.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its id, `rul_…`.
    pub id: RuleId,
    /// Its name.
    pub name: String,
    /// The function.
    pub script: Arc<str>,
}

/// A rule as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleDefinition {
    /// Its id, `rul_…`.
    pub id: RuleId,
    /// Its name.
    pub name: String,
    /// The function.
    pub script: String,
    /// The lower runs first. No two rules have the same.
    pub order: i64,
    /// Whether it runs.
    pub enabled: bool,
}

/// What runs at a login.
#[derive(Debug, Default)]
pub struct ActiveRules {
    /// The rules that are switched on, in order.
    pub rules: Vec<Rule>,
    /// What they see as `configuration`; empty without rules.
    pub configuration: Vec<SealedConfig>,
}

/// A value of `configuration`, at rest.
#[derive(Debug, Clone)]
pub struct SealedConfig {
    /// Its name.
    pub key: String,
    /// The value, sealed to [`SealedConfig::bound_to`].
    pub sealed: Vec<u8>,
}

impl SealedConfig {
    /// What the value of `key` is sealed to: it cannot be told under another name.
    pub fn bound_to(key: &str) -> Vec<u8> {
        format!("rules-config:{key}").into_bytes()
    }
}
