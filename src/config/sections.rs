//! The tables of a configuration file. Each key is described in `config/default.toml`.

use std::{net::SocketAddr, path::PathBuf};

use serde::Deserialize;

use crate::domain::{
    address::AddressRange,
    secret::{ClientSecret, SmtpUrl},
    settings::{ErrorStatus, UnconfiguredApi, UnknownAudience},
};
use crate::telemetry::logs::Format;

/// `[server]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// The `iss` of every token.
    pub issuer: String,
    /// Where to listen.
    pub listen: SocketAddr,
    /// Shown on the pages.
    pub tenant_name: String,
    /// Embedded database and master key.
    pub data_dir: PathBuf,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<AddressRange>,
    /// Seconds to finish requests in after SIGTERM and `drain_delay`.
    pub shutdown_timeout: u64,
    /// Seconds between SIGTERM and the end of new connections.
    pub drain_delay: u64,
    /// Connections that may be open.
    pub max_connections: usize,
}

/// `[database]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    pub(super) url: String,
    /// Connections to Postgres.
    pub max_connections: u32,
    /// How long a search of the Management API may take, in milliseconds.
    pub search_timeout_ms: i64,
}

/// `[master_key]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MasterKeySource {
    /// Where the key is, empty for the data directory.
    pub file: PathBuf,
    /// Files with other keys that are accepted.
    pub other_files: Vec<PathBuf>,
    /// The key itself, from the environment only.
    #[serde(skip)]
    pub value: Option<MasterKeyText>,
    /// Other keys that are accepted, from the environment only.
    #[serde(skip)]
    pub other_values: Vec<MasterKeyText>,
}

/// A master key as text.
pub struct MasterKeyText(pub String);

impl std::fmt::Debug for MasterKeyText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKeyText(***)")
    }
}

/// `[log]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Level or targets.
    pub filter: String,
    /// Text or JSON.
    pub format: Format,
}

/// `[oauth]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OAuth {
    /// Status codes of errors.
    pub error_status: ErrorStatus,
    /// Seconds.
    pub code_lifetime: i64,
    /// What a proof of possession does for an API that never said.
    pub dpop_unconfigured_api: UnconfiguredApi,
}

/// `[refresh_tokens]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefreshTokens {
    /// Seconds.
    pub default_leeway: i64,
    /// For audiences outside the policies.
    pub mrrt_unknown_audience: UnknownAudience,
    /// Live families.
    pub per_user_and_client: i64,
    /// At `/v2/logout`.
    pub revoke_on_logout: bool,
    /// When the password changes.
    pub revoke_on_password_change: bool,
}

/// `[sessions]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sessions {
    /// Seconds.
    pub lifetime: i64,
    /// Seconds.
    pub idle_lifetime: i64,
    /// Seconds.
    pub login_lifetime: i64,
}

/// `[logout]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logout {
    /// Where `/v2/logout` may redirect when no application is named.
    pub allowed_urls: Vec<String>,
}

/// `[outbound]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outbound {
    /// Whether calls may reach private networks and use http.
    pub allow_private: bool,
}

/// `[passwords]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Passwords {
    /// Hashes at once, 0 for one per core.
    pub parallel: usize,
    /// Hashes that may wait.
    pub queue: usize,
}

/// `[passwordless]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Passwordless {
    /// Whether a right code creates the user.
    pub signup: bool,
}

/// `[audit]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audit {
    /// Days that rows of the audit trail are kept.
    pub retention_days: i64,
}

/// `[management]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Management {
    /// Of one client, 0 for no limit.
    pub requests_per_second: u32,
    /// Of one client, at once.
    pub burst: u32,
}

/// `[jobs]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jobs {
    /// Bytes.
    pub import_max_bytes: u64,
}

/// `[pages]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pages {
    /// A tag (BCP 47).
    pub default_locale: String,
}

/// `[attack_protection]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttackProtection {
    /// From one address, 0 for no limit.
    pub requests_per_second: u32,
    /// From one address, at once.
    pub burst: u32,
    /// Of one user from one address, at once.
    pub same_user_logins: u32,
    /// How many come back in a minute, 0 for no limit.
    pub same_user_logins_per_minute: u32,
}

/// `[signup]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signup {
    /// Whether people may create accounts.
    pub enabled: bool,
}

/// `[links]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Links {
    /// Seconds.
    pub reset_lifetime: i64,
    /// Seconds.
    pub verification_lifetime: i64,
    /// Of one kind, at a time.
    pub per_user: i64,
}

/// `[mail]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// The sender.
    pub from: String,
    /// The mail server, empty for the outbox.
    #[serde(deserialize_with = "smtp_url")]
    pub smtp_url: SmtpUrl,
}

/// A secret that a file may hold; read here, so that its type needs no `Deserialize`.
fn smtp_url<'de, D: serde::Deserializer<'de>>(from: D) -> Result<SmtpUrl, D::Error> {
    String::deserialize(from).map(SmtpUrl::new)
}

/// A machine client that is made sure of at start.
#[derive(Debug, Clone)]
pub struct Bootstrap {
    /// Its `client_id`.
    pub client_id: String,
    /// Its secret.
    pub client_secret: ClientSecret,
}
