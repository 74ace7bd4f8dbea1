//! Events as Actions get them, made up: to try an Action out before anybody has logged in. A test
//! compares their members with those of real events.

use serde_json::{Value, json};

use crate::domain::{
    action::Trigger,
    time::{Timestamp, Written},
};

/// An event that might be.
#[derive(Debug, Clone)]
pub struct Sample {
    /// What it is called.
    pub id: &'static str,
    /// In a sentence.
    pub about: &'static str,
    /// `event`, without `secrets`.
    pub event: Value,
}

/// One as it is written down.
struct Entry {
    trigger: Trigger,
    id: &'static str,
    about: &'static str,
    json: &'static str,
}

const ENTRIES: &[Entry] = &[
    Entry {
        trigger: Trigger::PostLogin,
        id: "login",
        about: "Somebody logs in with a password, in the browser.",
        json: include_str!("samples/login.json"),
    },
    Entry {
        trigger: Trigger::PostLogin,
        id: "exchange",
        about: "An application exchanges the refresh token of that login, for another API.",
        json: include_str!("samples/exchange.json"),
    },
    Entry {
        trigger: Trigger::CredentialsExchange,
        id: "machine",
        about: "An application gets a token for itself.",
        json: include_str!("samples/machine.json"),
    },
    Entry {
        trigger: Trigger::PreUserRegistration,
        id: "sign-up",
        about: "Somebody signs up on the login page.",
        json: include_str!("samples/sign-up.json"),
    },
    Entry {
        trigger: Trigger::PostUserRegistration,
        id: "signed-up",
        about: "Somebody has signed up on the login page.",
        json: include_str!("samples/signed-up.json"),
    },
    Entry {
        trigger: Trigger::PostChangePassword,
        id: "new-password",
        about: "Somebody has set a new password with the link of an e-mail.",
        json: include_str!("samples/new-password.json"),
    },
];

/// The moment at which the written events happen; every time in them is told as long before or
/// after `now`, so that what ends later still does.
const HAPPENED: Timestamp = Timestamp::from_millis(1_767_261_600_000);

/// The events of a trigger, as they would be now.
pub fn of(trigger: Trigger, tenant: &str, now: Timestamp) -> Vec<Sample> {
    let later = now.millis().saturating_sub(HAPPENED.millis());
    let entries = ENTRIES.iter().filter(|entry| entry.trigger == trigger);
    entries
        .map(|entry| {
            let mut event = serde_json::from_str(entry.json).unwrap_or_default();
            move_times(&mut event, later);
            event["tenant"] = json!({ "id": tenant });
            Sample { id: entry.id, about: entry.about, event }
        })
        .collect()
}

/// Moves every time that is written in full by so many milliseconds.
fn move_times(value: &mut Value, by: i64) {
    match value {
        Value::String(text) if text.len() == 24 => {
            if let Some(at) = Written::parse(text) {
                *text = Timestamp::from_millis(at.start.millis().saturating_add(by)).iso8601();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| move_times(item, by)),
        Value::Object(members) => members.values_mut().for_each(|member| move_times(member, by)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trigger_has_an_event_of_now() {
        assert_eq!(HAPPENED.iso8601(), "2026-01-01T10:00:00.000Z");
        for trigger in Trigger::ALL {
            let samples = of(trigger, "here", HAPPENED);
            assert!(!samples.is_empty(), "{trigger:?}");
            for sample in samples {
                assert_eq!(sample.event["tenant"]["id"], "here", "{}", sample.id);
                assert!(sample.event["request"].is_object(), "{}", sample.id);
            }
        }
        let later = HAPPENED.plus_seconds(60);
        let event = &of(Trigger::PostLogin, "here", later)[0].event;
        assert_eq!(event["authentication"]["methods"][0]["timestamp"], later.iso8601());
    }
}
