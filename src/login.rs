//! The interactive side: sealed login transactions, sessions, passwords, consent.

pub mod audit;
pub mod authorize;
pub mod consent;
pub mod entitlement;
pub mod logout;
pub mod passwords;
pub mod profile;
pub mod session;
pub mod transaction;

use std::sync::Arc;

use crate::crypto::{password::Passwords, seal::Sealer};
use crate::domain::{entropy::Entropy, settings::Settings, time::Clock};
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
    /// Seals login transactions.
    pub transactions: Sealer,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The randomness.
    pub entropy: Arc<dyn Entropy>,
}
