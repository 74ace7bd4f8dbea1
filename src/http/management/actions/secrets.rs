//! The secrets of a draft: a list that replaces the one before, in which a secret without a value
//! keeps the one that it has.

use serde_json::Value;

use crate::crypto::{Failed, action_secrets::ActionSecrets};
use crate::domain::{
    action::definition::{Action, Content, SecretName},
    time::Timestamp,
};
use crate::http::App;

/// The names and values of the secrets of an Action.
pub struct Secrets {
    /// The names, as they were listed.
    pub names: Vec<SecretName>,
    /// The values of those that have one.
    pub values: ActionSecrets,
}

impl Secrets {
    /// Those of content that belongs to the row with this id.
    ///
    /// # Errors
    /// When they cannot be opened.
    pub fn of(app: &App, content: &Content, row: &str) -> Result<Self, Failed> {
        let sealed = content.secrets_sealed.as_deref();
        let values = ActionSecrets::open(&app.tokens.at_rest, sealed, row)?;
        Ok(Self { names: content.secrets.clone(), values })
    }

    /// Those of the draft of an Action.
    ///
    /// # Errors
    /// When they cannot be opened.
    pub fn of_draft(app: &App, action: &Action) -> Result<Self, Failed> {
        Self::of(app, &action.draft, action.id.as_str())
    }

    /// What the member `secrets` of a body makes of them. One that is new and has no value is listed,
    /// and the code does not see it: so a tool can write back what it has read, where the values are
    /// not told.
    pub fn replaced(&self, list: &[Value], now: Timestamp) -> Self {
        let mut replaced = Self { names: Vec::new(), values: ActionSecrets::default() };
        for secret in list {
            let Some(name) = secret.get("name").and_then(Value::as_str) else { continue };
            let known = self.names.iter().find(|known| known.name == name);
            let before = self.values.get(name);
            let given = secret.get("value").and_then(Value::as_str);
            if let Some(value) = given.or(before) {
                replaced.values.set(name, value);
            }
            let is_same = given.is_none() || given == before;
            let updated_at = known.filter(|_| is_same).map_or(now, |known| known.updated_at);
            replaced.names.push(SecretName { name: name.to_owned(), updated_at });
        }
        replaced
    }

    /// Writes them into content of the row with this id.
    ///
    /// # Errors
    /// When they cannot be sealed.
    pub fn put(&self, app: &App, content: &mut Content, row: &str) -> Result<(), Failed> {
        content.secrets.clone_from(&self.names);
        content.secrets_sealed = self.values.seal(&app.tokens.at_rest, row, &*app.entropy)?;
        Ok(())
    }

    /// Whether both have the same names and values.
    pub fn are(&self, other: &Self) -> bool {
        let names = |secrets: &Self| -> Vec<String> {
            secrets.names.iter().map(|secret| secret.name.clone()).collect()
        };
        names(self) == names(other) && self.values == other.values
    }
}
