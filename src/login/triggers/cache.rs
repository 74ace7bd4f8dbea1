//! `api.cache`: texts that Actions keep for later executions of the same trigger. Each node keeps its
//! own, in memory: who relies on a text being there loses, as the documentation says, and nothing
//! that an Action writes can grow the database or be read by another trigger.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::{Map, Value, json};

use crate::domain::{
    action::{Trigger, command::Command},
    time::Timestamp,
};

/// The most entries of a trigger.
pub const MOST_ENTRIES: usize = 20;
/// The longest key, in bytes.
pub const LONGEST_KEY: usize = 64;
/// The longest text, in bytes.
pub const LONGEST_VALUE: usize = 4096;
/// The most bytes of all keys and texts of a trigger.
pub const MOST_BYTES: usize = 8192;
/// The longest that a text is kept, in seconds.
pub const LONGEST_LIFE: i64 = 86_400;

/// The caches of all triggers.
#[derive(Default)]
pub struct Cache {
    triggers: [Mutex<Entries>; Trigger::ALL.len()],
}

#[derive(Default)]
struct Entries(BTreeMap<String, Entry>);

struct Entry {
    value: String,
    expires_at: Timestamp,
}

impl Entries {
    fn bytes_without(&self, key: &str) -> usize {
        let others = self.0.iter().filter(|(other, _)| *other != key);
        others.map(|(other, entry)| other.len() + entry.value.len()).sum()
    }

    /// Keeps a text if there is room; nothing makes way for it but what has expired.
    fn set(&mut self, key: &str, value: &str, expires_at: Timestamp, now: Timestamp) -> bool {
        self.0.retain(|_, entry| now < entry.expires_at);
        let is_short = key.len() <= LONGEST_KEY && value.len() <= LONGEST_VALUE;
        let fits = self.bytes_without(key) + key.len() + value.len() <= MOST_BYTES
            && (self.0.contains_key(key) || self.0.len() < MOST_ENTRIES);
        let expires_at = expires_at.min(now.plus_seconds(LONGEST_LIFE));
        if !is_short || !fits || expires_at <= now {
            return false;
        }
        self.0.insert(key.to_owned(), Entry { value: value.to_owned(), expires_at });
        true
    }
}

impl Cache {
    fn of(&self, trigger: Trigger) -> Option<MutexGuard<'_, Entries>> {
        let place = Trigger::ALL.into_iter().position(|other| other == trigger)?;
        // A panic elsewhere cannot leave the map half-written: each change is one call.
        self.triggers
            .get(place)
            .map(|entries| entries.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What an execution finds: key → `{"value", "expires_at"}`, in epoch milliseconds.
    pub fn snapshot(&self, trigger: Trigger, now: Timestamp) -> Map<String, Value> {
        let Some(entries) = self.of(trigger) else { return Map::new() };
        let live = entries.0.iter().filter(|(_, entry)| now < entry.expires_at);
        live.map(|(key, entry)| {
            let shown = json!({ "value": entry.value, "expires_at": entry.expires_at.millis() });
            (key.clone(), shown)
        })
        .collect()
    }

    /// Does what an execution asked for. Returns how many texts were not kept.
    pub fn apply(&self, trigger: Trigger, commands: &[Command], now: Timestamp) -> usize {
        let asks =
            |c: &Command| matches!(c, Command::CacheSet { .. } | Command::CacheDelete { .. });
        if !commands.iter().any(asks) {
            return 0;
        }
        let Some(mut entries) = self.of(trigger) else { return 0 };
        let mut lost = 0;
        for command in commands {
            match command {
                Command::CacheSet { key, value, expires_at } => {
                    let expires_at = Timestamp::from_millis(*expires_at);
                    lost += usize::from(!entries.set(key, value, expires_at, now));
                }
                Command::CacheDelete { key } => {
                    entries.0.remove(key);
                }
                _ => {}
            }
        }
        lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn set(key: &str, value: &str, seconds: i64) -> Command {
        let expires_at = NOW.plus_seconds(seconds).millis();
        Command::CacheSet { key: key.to_owned(), value: value.to_owned(), expires_at }
    }

    fn keys(cache: &Cache, trigger: Trigger, now: Timestamp) -> Vec<String> {
        cache.snapshot(trigger, now).keys().cloned().collect()
    }

    #[test]
    fn a_text_is_kept_for_its_trigger_until_it_expires_or_is_deleted() {
        let cache = Cache::default();
        let t = Trigger::PostLogin;
        assert_eq!(cache.apply(t, &[set("a", "1", 10), set("b", "2", 20)], NOW), 0);
        assert_eq!(keys(&cache, t, NOW), ["a", "b"]);
        assert_eq!(keys(&cache, Trigger::CredentialsExchange, NOW), [""; 0]);
        assert_eq!(keys(&cache, t, NOW.plus_seconds(10)), ["b"]);
        cache.apply(t, &[Command::CacheDelete { key: "b".to_owned() }], NOW);
        assert_eq!(keys(&cache, t, NOW), ["a"]);
        cache.apply(t, &[set("a", "3", 10)], NOW);
        assert_eq!(cache.snapshot(t, NOW)["a"]["value"], "3");
        assert_eq!(cache.snapshot(t, NOW)["a"]["expires_at"], 1_010_000);
    }

    #[test]
    fn nothing_is_kept_beyond_the_limits() {
        let t = Trigger::PostLogin;
        let long = "x".repeat(LONGEST_VALUE);
        let cases = [
            (set(&"k".repeat(LONGEST_KEY + 1), "1", 10), "a long key"),
            (set("a", &"x".repeat(LONGEST_VALUE + 1), 10), "a long text"),
            (set("a", "1", 0), "one that has expired"),
        ];
        for (command, what) in cases {
            let cache = Cache::default();
            assert_eq!(cache.apply(t, &[command], NOW), 1, "{what}");
            assert!(keys(&cache, t, NOW).is_empty(), "{what}");
        }
        let cache = Cache::default();
        let many: Vec<_> = (0..=MOST_ENTRIES).map(|i| set(&i.to_string(), "1", 10)).collect();
        assert_eq!(cache.apply(t, &many, NOW), 1);
        assert_eq!(cache.apply(t, &[set("0", "2", 10)], NOW), 0, "one that is there is replaced");
        let cache = Cache::default();
        assert_eq!(cache.apply(t, &[set("a", &long, 10), set("b", &long, 10)], NOW), 1);
        assert_eq!(cache.apply(t, &[set("a", "", 10), set("b", &long, 10)], NOW), 0);
    }

    #[test]
    fn what_has_expired_makes_way_and_nothing_lives_longer_than_a_day() {
        let cache = Cache::default();
        let t = Trigger::PostLogin;
        let many: Vec<_> = (0..MOST_ENTRIES).map(|i| set(&i.to_string(), "1", 10)).collect();
        cache.apply(t, &many, NOW);
        let later = NOW.plus_seconds(10);
        assert_eq!(cache.apply(t, &[set("new", "1", 10 * LONGEST_LIFE)], later), 0);
        assert_eq!(keys(&cache, t, later), ["new"]);
        assert!(keys(&cache, t, later.plus_seconds(LONGEST_LIFE)).is_empty());
    }
}
