//! Adds the users of a file.
//!
//! 1. Count: the file is read once to its end. A file that is not JSON imports nobody.
//! 2. Skip the items that were dealt with before this node took the job up.
//! 3. For each batch: read and check the items, find those that the file names twice, add the new
//!    users, update the others if that was asked for, note what is wrong with the rest.
//! 4. Commit all of that together with the progress.

use std::collections::HashSet;

use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use super::{Held, Stopped, array::Items};
use crate::crypto::{digest, foreign_password::ForeignPassword};
use crate::domain::{JobId, user::User};
use crate::login::{LoginService, profile};
use crate::store::{
    self, Tx, connections, job_chunks,
    job_errors::{self, JobErrorRow},
    job_keys,
    users::{self, UserRecord},
};

/// Most items of a batch.
const BATCH: usize = 200;
/// Most bytes of a batch, but for its last item.
const BATCH_BYTES: usize = 512 * 1024;
/// How often a user is updated whom somebody else is editing.
const ATTEMPTS: usize = 3;

const NOT_JSON: Stopped = Stopped::Impossible(
    "Failed to parse users file JSON when importing users. Make sure it is valid JSON.",
);

/// A user as an import file gives it, checked.
#[derive(Debug, Clone, Default)]
pub struct ImportedUser {
    /// The id without the prefix of the connection's strategy.
    pub local_id: Option<String>,
    /// In lower case.
    pub email: String,
    /// In lower case.
    pub username: Option<String>,
    /// Whether the address was verified.
    pub email_verified: Option<bool>,
    /// Whether the user may not log in.
    pub blocked: Option<bool>,
    /// The members of the profile.
    pub profile: Map<String, Value>,
    /// What applications may let users edit.
    pub user_metadata: Option<Map<String, Value>>,
    /// What only operators edit.
    pub app_metadata: Option<Map<String, Value>>,
    /// The hash of the password.
    pub password: Option<ForeignPassword>,
    /// Whether the hash may take the place of another one that was imported.
    pub password_is_custom: bool,
}

/// What is wrong with an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineError {
    /// In a word.
    pub code: &'static str,
    /// In a sentence.
    pub message: String,
    /// The member that is wrong, if it is one.
    pub path: Option<String>,
}

impl LineError {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), path: None }
    }
}

/// An item of the file, with its place in it.
struct Item {
    place: i64,
    text: Vec<u8>,
}

/// An item that passed the checks so far.
struct Candidate {
    place: i64,
    source: Value,
    imported: ImportedUser,
}

/// What became of a batch.
#[derive(Default)]
struct Outcome {
    inserted: i64,
    updated: i64,
    errors: Vec<JobErrorRow>,
}

impl Outcome {
    fn refuse(&mut self, place: i64, source: Value, error: &LineError) {
        let mut described = json!({ "code": error.code, "message": error.message });
        if let Some(path) = &error.path {
            described["path"] = path.as_str().into();
        }
        let (subject, errors) = (redacted(source).to_string(), json!([described]).to_string());
        self.errors.push(JobErrorRow { item: place, subject, errors });
    }
}

/// What an import needs to know of the job's parameters.
struct Order {
    connection: String,
    upsert: bool,
}

impl LoginService {
    pub(super) async fn import(
        &self,
        held: &mut Held,
        read: fn(&Value) -> Result<ImportedUser, LineError>,
    ) -> Result<(), Stopped> {
        let parameters = &held.job.parameters;
        let Some(connection) = parameters.get("connection").and_then(Value::as_str) else {
            return Err(Stopped::Impossible("The connection does not exist."));
        };
        let upsert = parameters.get("upsert") == Some(&Value::Bool(true));
        let order = Order { connection: connection.to_owned(), upsert };
        if held.job.total.is_none() {
            self.count(held).await?;
        }
        let (mut items, mut place, mut next_chunk) = (Items::default(), 0, 0);
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while let Some((number, chunk)) = self.chunk(&held.job.id, next_chunk).await? {
            next_chunk = number + 1;
            let mut full = Vec::new();
            let done = held.job.counts.done;
            items
                .read(&chunk, |text| {
                    if place >= done {
                        bytes += text.len();
                        batch.push(Item { place, text: text.to_vec() });
                    }
                    place += 1;
                    if batch.len() >= BATCH || bytes >= BATCH_BYTES {
                        full.push(std::mem::take(&mut batch));
                        bytes = 0;
                    }
                })
                .map_err(|_| NOT_JSON)?;
            for batch in full {
                self.import_batch(held, &order, read, batch).await?;
            }
        }
        if !batch.is_empty() {
            self.import_batch(held, &order, read, batch).await?;
        }
        Ok(())
    }

    async fn chunk(
        &self,
        job: &JobId,
        number: i64,
    ) -> Result<Option<(i64, Vec<u8>)>, store::Error> {
        job_chunks::read(self.store.read().await?.db(), job, number).await
    }

    /// Reads the whole file: how many items it has, and whether all of it is JSON.
    async fn count(&self, held: &mut Held) -> Result<(), Stopped> {
        let (mut items, mut total, mut next_chunk) = (Items::default(), 0, 0);
        while let Some((number, chunk)) = self.chunk(&held.job.id, next_chunk).await? {
            next_chunk = number + 1;
            let mut is_json = true;
            let read = items.read(&chunk, |item| {
                total += 1;
                is_json &= serde_json::from_slice::<IgnoredAny>(item).is_ok();
            });
            if read.is_err() || !is_json {
                return Err(NOT_JSON);
            }
            // A large file takes longer than a lease.
            if number % 16 == 15 {
                self.commit_progress(self.store.write().await?, held, 0).await?;
            }
            tokio::task::yield_now().await;
        }
        items.finish().map_err(|_| NOT_JSON)?;
        held.job.total = Some(total);
        self.commit_progress(self.store.write().await?, held, 0).await
    }

    async fn import_batch(
        &self,
        held: &mut Held,
        order: &Order,
        read: fn(&Value) -> Result<ImportedUser, LineError>,
        batch: Vec<Item>,
    ) -> Result<(), Stopped> {
        let mut outcome = Outcome::default();
        let mut candidates = Vec::new();
        let size = i64::try_from(batch.len()).unwrap_or(0);
        for Item { place, text } in batch {
            // It was JSON when the items were counted.
            let source: Value = serde_json::from_slice(&text).map_err(|_| NOT_JSON)?;
            match read(&source) {
                Ok(imported) => candidates.push(Candidate { place, source, imported }),
                Err(error) => outcome.refuse(place, source, &error),
            }
        }
        let mut tx = self.store.write().await?;
        if connections::find_by_name(tx.db(), &order.connection).await?.is_none() {
            return Err(Stopped::Impossible("The connection does not exist."));
        }
        let candidates = first_mentions(&mut tx, &held.job.id, candidates, &mut outcome).await?;
        self.add(&mut tx, order, candidates, &mut outcome).await?;
        job_errors::insert(&mut tx, &held.job.id, &outcome.errors).await?;
        let before = held.job.counts.done;
        let counts = &mut held.job.counts;
        counts.done += size;
        counts.inserted += outcome.inserted;
        counts.updated += outcome.updated;
        counts.failed += i64::try_from(outcome.errors.len()).unwrap_or(0);
        self.commit_progress(tx, held, before).await?;
        tokio::task::yield_now().await;
        Ok(())
    }

    /// Adds the users who are new, and updates the others or says why not.
    async fn add(
        &self,
        tx: &mut Tx,
        order: &Order,
        candidates: Vec<Candidate>,
        outcome: &mut Outcome,
    ) -> Result<(), store::Error> {
        let new: Vec<_> =
            candidates.iter().map(|c| self.new_user(&order.connection, &c.imported)).collect();
        let inserted = users::insert_new(tx, &new).await?;
        for (candidate, (user, _)) in candidates.into_iter().zip(new) {
            if inserted.contains(&user.user_id) {
                outcome.inserted += 1;
                continue;
            }
            let Candidate { place, source, imported } = candidate;
            match self.update_or_refuse(tx, order, &user, &imported).await? {
                Ok(()) => outcome.updated += 1,
                Err(error) => outcome.refuse(place, source, &error),
            }
        }
        Ok(())
    }

    fn new_user(&self, connection: &str, imported: &ImportedUser) -> (User, Option<String>) {
        let local = imported.local_id.clone().unwrap_or_else(|| self.entropy.lower_hex(24));
        let mut profile = imported.profile.clone();
        profile::complete(&mut profile, Some(&imported.email), imported.username.as_deref());
        let user = User {
            connection: connection.to_owned(),
            email: Some(imported.email.clone()),
            email_verified: imported.email_verified.unwrap_or(false),
            username: imported.username.clone(),
            blocked: imported.blocked,
            profile,
            user_metadata: imported.user_metadata.clone().unwrap_or_default(),
            app_metadata: imported.app_metadata.clone().unwrap_or_default(),
            ..User::new(&local, self.clock.now())
        };
        (user, imported.password.as_ref().map(ForeignPassword::to_stored))
    }

    /// Somebody has the id, the address or the user name already.
    async fn update_or_refuse(
        &self,
        tx: &mut Tx,
        order: &Order,
        user: &User,
        imported: &ImportedUser,
    ) -> Result<Result<(), LineError>, store::Error> {
        for _ in 0..ATTEMPTS {
            let found = users::find_by_email(tx.db(), &order.connection, &imported.email).await?;
            let Some(record) = found else {
                let has_id = users::find(tx.db(), &user.user_id).await?.is_some();
                return Ok(Err(match has_id {
                    true => LineError::new("CONFLICT", "A user with this user_id already exists."),
                    false => LineError::new(
                        "CONFLICT_USERNAME",
                        "A user with this username already exists.",
                    ),
                }));
            };
            if !order.upsert {
                let what = "A user with this email already exists.";
                return Ok(Err(LineError::new("CONFLICT_EMAIL", what)));
            }
            let (changed, hash) = self.upserted(&record, imported);
            if users::update(tx, &changed, hash.as_deref(), record.version).await? {
                return Ok(Ok(()));
            }
        }
        Ok(Err(LineError::new("CONFLICT", "The user is being edited by others. Try again.")))
    }

    /// The user as an import may change one who exists: not the id, the user name, whether they are
    /// blocked, nor a password that they have used here.
    fn upserted(&self, record: &UserRecord, imported: &ImportedUser) -> (User, Option<String>) {
        let mut user = record.user.clone();
        user.email_verified = imported.email_verified.unwrap_or(user.email_verified);
        user.profile.extend(imported.profile.clone());
        if let Some(bag) = &imported.user_metadata {
            user.user_metadata = bag.clone();
        }
        if let Some(bag) = &imported.app_metadata {
            user.app_metadata = bag.clone();
        }
        user.updated_at = self.clock.now();
        let current = record.password_hash.clone();
        let is_unused = current.as_deref().is_some_and(ForeignPassword::is_stored);
        let hash = match &imported.password {
            Some(new) if imported.password_is_custom && is_unused => Some(new.to_stored()),
            _ => current,
        };
        (user, hash)
    }
}

/// The candidates whose identifiers the file names for the first time; the others are errors.
async fn first_mentions(
    tx: &mut Tx,
    job: &JobId,
    candidates: Vec<Candidate>,
    outcome: &mut Outcome,
) -> Result<Vec<Candidate>, store::Error> {
    let keys: Vec<_> = candidates.iter().map(|candidate| keys(&candidate.imported)).collect();
    let all: HashSet<_> = keys.iter().flatten().map(|(_, key)| key.clone()).collect();
    // Two imports of the same file take their locks in one order.
    let mut all: Vec<_> = all.into_iter().collect();
    all.sort_unstable();
    let mut unmentioned = job_keys::insert(tx, job, &all).await?;
    let mut first = Vec::new();
    for (candidate, keys) in candidates.into_iter().zip(keys) {
        let mut repeated = None;
        for (name, key) in keys {
            if !unmentioned.remove(&key) {
                repeated = repeated.or(Some(name));
            }
        }
        match repeated {
            None => first.push(candidate),
            Some(name) => {
                let what = format!("A user with this {name} was already provided.");
                let error = LineError::new("DUPLICATED_USER", what);
                outcome.refuse(candidate.place, candidate.source, &error);
            }
        }
    }
    Ok(first)
}

/// The identifiers of a user by their names, hashed.
fn keys(imported: &ImportedUser) -> Vec<(&'static str, Vec<u8>)> {
    let named = [
        ("email", Some(&imported.email)),
        ("user_id", imported.local_id.as_ref()),
        ("username", imported.username.as_ref()),
    ];
    let hashed = |name: &str, value: &str| {
        let mut hash = digest::sha256(format!("{name}\0{value}").as_bytes());
        // 128 bits are enough, and half the index.
        hash.truncate(16);
        hash
    };
    named.into_iter().filter_map(|(name, value)| Some((name, hashed(name, value?)))).collect()
}

/// What a reader may see of an item: no hash, salt, key or seed.
fn redacted(source: Value) -> Value {
    // Whatever else it is, it is no user.
    let Value::Object(mut user) = source else { return json!({}) };
    for (name, value) in &mut user {
        match name.as_str() {
            "custom_password_hash" => hide(value),
            "password_hash" | "password" | "mfa_factors" => *value = HIDDEN.into(),
            _ => {}
        }
    }
    Value::Object(user)
}

const HIDDEN: &str = "*****";

/// Hides every text of a description but the names of what is described.
fn hide(described: &mut Value) {
    const NAMES: &[&str] = &["algorithm", "encoding", "digest", "position"];
    match described {
        Value::Object(members) => {
            let secret = members.iter_mut().filter(|(name, _)| !NAMES.contains(&name.as_str()));
            secret.for_each(|(_, value)| hide(value));
        }
        Value::Array(items) => items.iter_mut().for_each(hide),
        Value::String(text) => HIDDEN.clone_into(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_of_an_item_is_told() {
        let secret = "s3cret";
        for source in [
            json!({ "email": "a@b.example", "password_hash": secret }),
            json!({ "password": { "deep": secret } }),
            json!({ "custom_password_hash": secret }),
            json!({ "custom_password_hash": { "hash": secret, "salt": [secret] } }),
            json!({ "custom_password_hash": {
                "algorithm": "hmac", "salt": { "value": secret },
                "hash": { "value": secret, "key": { "value": secret } },
            } }),
            json!({ "mfa_factors": [{ "totp": { "secret": secret } }] }),
        ] {
            let shown = redacted(source.clone()).to_string();
            assert!(!shown.contains(secret), "{source}: {shown}");
            assert!(shown.contains("*****"), "{source}: {shown}");
        }
        assert_eq!(redacted(json!({ "email": "a@b.example" }))["email"], "a@b.example");
        assert_eq!(redacted(json!([1])), json!({}));
    }
}
