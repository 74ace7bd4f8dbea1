//! What the Actions before a registration decide: whether somebody may have an account, and what is
//! kept with it from the beginning.

use serde_json::{Map, Value};

use crate::domain::action::{command::Command, shown};

/// The most bytes of `user_metadata`, and of `app_metadata`, that Actions may leave a new user with,
/// as JSON.
pub const LONGEST_METADATA: usize = 32 * 1024;

/// What the Actions decided so far.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Registration {
    /// The `user_metadata` that the account begins with.
    pub user_metadata: Map<String, Value>,
    /// The `app_metadata` that the account begins with.
    pub app_metadata: Map<String, Value>,
    /// Why there will be no account.
    pub denied: Option<Denied>,
    /// What was asked for and not done, for the log of the execution.
    pub notes: Vec<String>,
}

/// Why somebody gets no account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// For the operator.
    pub reason: String,
    /// A code of the operator's own, for applications.
    pub code: Option<String>,
    /// For the person.
    pub message: Option<String>,
}

impl Registration {
    /// The beginning: what the person gave.
    pub fn new(user_metadata: Map<String, Value>, app_metadata: Map<String, Value>) -> Self {
        Self { user_metadata, app_metadata, ..Self::default() }
    }

    /// Judges what one Action asked for. After a denial the next Action is not to be run.
    pub fn hear(&mut self, commands: &[Command]) {
        for command in commands {
            match command {
                Command::Deny { reason, message, .. } => {
                    self.deny(reason, None, message.as_deref());
                }
                Command::ValidationError { code, message } => {
                    self.deny(message, Some(code), Some(message));
                }
                Command::SetUserMetadata { key, value } => {
                    set(&mut self.user_metadata, key, value, "user_metadata", &mut self.notes);
                }
                Command::SetAppMetadata { key, value } => {
                    set(&mut self.app_metadata, key, value, "app_metadata", &mut self.notes);
                }
                // The cache is kept by who runs the Actions; nothing else can be asked for here.
                _ => {}
            }
        }
    }

    /// The first denial stands.
    fn deny(&mut self, reason: &str, code: Option<&str>, message: Option<&str>) {
        self.denied.get_or_insert_with(|| Denied {
            reason: shown(reason),
            code: code.map(shown),
            message: message.map(shown),
        });
    }
}

fn set(
    bag: &mut Map<String, Value>,
    key: &str,
    value: &Value,
    name: &str,
    notes: &mut Vec<String>,
) {
    if value.is_null() {
        bag.remove(key);
        return;
    }
    let before = bag.insert(key.to_owned(), value.clone());
    if serde_json::to_string(bag).map_or(usize::MAX, |json| json.len()) > LONGEST_METADATA {
        match before {
            Some(before) => bag.insert(key.to_owned(), before),
            None => bag.remove(key),
        };
        notes.push(format!("{name}: a member was dropped: more than {LONGEST_METADATA} bytes"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bag(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    fn commands(value: Value) -> Vec<Command> {
        serde_json::from_value(value).unwrap()
    }

    fn heard(asked: Value) -> Registration {
        let mut registration = Registration::new(bag(json!({ "hat": "top" })), Map::new());
        registration.hear(&commands(asked));
        registration
    }

    #[test]
    fn a_denial_has_a_reason_for_the_operator_and_a_text_for_the_person() {
        let denied = heard(json!([
            { "call": "access.deny", "args": { "code": null, "reason": "on the list", "message": "Call us." } },
            { "call": "access.deny", "args": { "code": null, "reason": "second", "message": null } },
        ]));
        let expected = Denied {
            reason: "on the list".to_owned(),
            code: None,
            message: Some("Call us.".to_owned()),
        };
        assert_eq!(denied.denied, Some(expected), "the first denial stands");
    }

    #[test]
    fn a_validation_error_has_a_code_of_the_operators_own() {
        let denied = heard(json!([
            { "call": "validation.error", "args": { "code": "no_invite", "message": "You need one." } },
        ]));
        let denied = denied.denied.unwrap();
        assert_eq!(denied.code.as_deref(), Some("no_invite"));
        assert_eq!(denied.message.as_deref(), Some("You need one."));
    }

    #[test]
    fn metadata_is_part_of_what_the_account_begins_with() {
        let heard = heard(json!([
            { "call": "user.setUserMetadata", "args": { "key": "hat", "value": null } },
            { "call": "user.setUserMetadata", "args": { "key": "shoe", "value": { "size": 44 } } },
            { "call": "user.setAppMetadata", "args": { "key": "plan", "value": "free" } },
            { "call": "user.setAppMetadata", "args": { "key": "gone", "value": null } },
        ]));
        assert_eq!(heard.user_metadata, bag(json!({ "shoe": { "size": 44 } })));
        assert_eq!(heard.app_metadata, bag(json!({ "plan": "free" })));
        assert_eq!(heard.denied, None);
        assert!(heard.notes.is_empty());
    }

    #[test]
    fn a_member_that_is_too_much_is_dropped_and_noted() {
        let long = "x".repeat(LONGEST_METADATA);
        let heard = heard(json!([
            { "call": "user.setUserMetadata", "args": { "key": "hat", "value": long } },
            { "call": "user.setUserMetadata", "args": { "key": "new", "value": long } },
            { "call": "user.setUserMetadata", "args": { "key": "small", "value": 1 } },
        ]));
        assert_eq!(heard.user_metadata, bag(json!({ "hat": "top", "small": 1 })));
        assert_eq!(heard.notes.len(), 2);
    }

    #[test]
    fn what_the_trigger_does_not_have_changes_nothing() {
        let heard = heard(json!([
            { "call": "accessToken.setCustomClaim", "args": { "name": "a", "value": 1 } },
            { "call": "session.revoke", "args": { "reason": "x" } },
        ]));
        let before = Registration::new(bag(json!({ "hat": "top" })), Map::new());
        assert_eq!(heard, before);
    }
}
