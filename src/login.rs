//! The interactive side: sealed login transactions, sessions, passwords, consent.

pub mod attack_protection;
pub mod audit;
pub mod authorize;
pub mod background;
pub mod batch_writer;
pub mod connections;
pub mod consent;
pub mod device;
pub mod entitlement;
pub mod jobs;
pub mod logout;
pub mod passwordless;
pub mod passwords;
pub mod profile;
pub mod recovery;
pub mod refresh_tokens;
pub mod session;
pub mod signup;
pub mod tickets;
pub mod transaction;
pub mod triggers;

use std::sync::Arc;

use crate::actions::Engine;
use crate::crypto::{password::Passwords, seal::Sealer, short_code::ShortCodeKey};
use crate::domain::{entropy::Entropy, settings::Settings, time::Clock};
use crate::mail::Mailer;
use crate::store::Store;

/// Logs people in. Shared by every request.
pub struct LoginService {
    /// The database.
    pub store: Store,
    /// Settings of the server.
    pub settings: Arc<Settings>,
    /// Hashes passwords.
    pub passwords: Passwords,
    /// Writes the audit events that need not be written before the answer.
    pub audit: audit::AuditWriter,
    /// Does what no answer waits for.
    pub background: background::Background,
    /// Runs the Actions that no answer waits for; apart, so that slow ones hold up no message.
    pub unwatched: background::Background,
    /// Runs the scripts of Actions and Rules.
    pub actions: Arc<Engine>,
    /// Wakes who works on jobs, when this node has taken one.
    pub job_added: tokio::sync::Notify,
    /// Sends messages.
    pub mailer: Mailer,
    /// Composes those about attempts that were refused.
    pub notices: Box<dyn attack_protection::Notices>,
    /// What Actions keep for their later executions.
    pub action_cache: triggers::cache::Cache,
    /// Keeps the records of executions.
    pub executions: triggers::executions::ExecutionWriter,
    /// Seals secrets at rest.
    pub at_rest: Arc<Sealer>,
    /// Seals login transactions.
    pub transactions: Sealer,
    /// Makes of short codes what the store keeps of them.
    pub short_codes: ShortCodeKey,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The randomness.
    pub entropy: Arc<dyn Entropy>,
}
