//! The secrets of an Action at rest: one JSON object, name → value, sealed and bound to the row that
//! holds it, so that the secrets of one Action cannot be handed to the code of another.

use serde_json::{Map, Value};

use crate::crypto::{Failed, seal::Sealer};
use crate::domain::entropy::Entropy;

/// Names and values. Never printed.
#[derive(Clone, Default, PartialEq)]
pub struct ActionSecrets(Map<String, Value>);

impl ActionSecrets {
    /// Opens the secrets of the row whose id they were sealed for; none for `None`.
    ///
    /// # Errors
    /// When they were not sealed by us, for this row.
    pub fn open(sealer: &Sealer, sealed: Option<&[u8]>, row: &str) -> Result<Self, Failed> {
        let Some(sealed) = sealed else { return Ok(Self::default()) };
        let plain = sealer.open(sealed, &bound_to(row))?;
        serde_json::from_slice(&plain).map(Self).map_err(|_| Failed("secrets of an Action"))
    }

    /// Seals them for the row with this id; `None` when there are none.
    ///
    /// # Errors
    /// As [`Sealer::seal`].
    pub fn seal(
        &self,
        sealer: &Sealer,
        row: &str,
        entropy: &dyn Entropy,
    ) -> Result<Option<Vec<u8>>, Failed> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let plain = serde_json::to_vec(&self.0).map_err(|_| Failed("secrets of an Action"))?;
        sealer.seal(&plain, &bound_to(row), entropy).map(Some)
    }

    /// The value of a secret.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// Sets the value of a secret.
    pub fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// `event.secrets`: what the code gets to see.
    pub fn into_event(self) -> Value {
        Value::Object(self.0)
    }
}

impl std::fmt::Debug for ActionSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ActionSecrets({} hidden)", self.0.len())
    }
}

/// What the secrets of a row are sealed to.
pub fn bound_to(row: &str) -> Vec<u8> {
    format!("action-secrets:{row}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{
        master_key::{MasterKey, Purpose},
        random::SystemEntropy,
    };

    #[test]
    fn secrets_open_for_their_row_only_and_do_not_print() {
        let sealer = Sealer::new(&MasterKey::new([1; 32]), Purpose::AtRest).unwrap();
        let mut secrets = ActionSecrets::default();
        assert_eq!(secrets.seal(&sealer, "one", &SystemEntropy).unwrap(), None);
        assert_eq!(ActionSecrets::open(&sealer, None, "one").unwrap(), secrets);
        secrets.set("KEY", "a value");
        let sealed = secrets.seal(&sealer, "one", &SystemEntropy).unwrap().unwrap();
        assert!(!sealed.windows(7).any(|part| part == b"a value"));
        let opened = ActionSecrets::open(&sealer, Some(&sealed), "one").unwrap();
        assert_eq!(opened.get("KEY"), Some("a value"));
        assert!(!format!("{opened:?}").contains("a value"));
        assert!(ActionSecrets::open(&sealer, Some(&sealed), "two").is_err());
    }
}
