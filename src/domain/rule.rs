//! Rules: scripts of the generation before Actions, `function (user, context, callback)`.

use std::sync::Arc;

use crate::domain::RuleId;

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
