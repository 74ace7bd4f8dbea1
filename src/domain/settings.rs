//! Settings of the server as plain values, as far as rules and flows read them.

use crate::domain::{address::AddressRange, audience::Audience, tenant::SessionLifetime};

/// What an exchange for an audience outside the policies answers (`design` row 5 of the MRRT
/// decision).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnknownAudience {
    /// 400 `invalid_target`, nothing consumed (RFC 8707 §2).
    #[default]
    Reject,
    /// A token for the original audience, 200, as Auth0 does.
    Fallback,
}

/// What a proof of possession (RFC 9449) does for an API that has no `proof_of_possession`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnconfiguredApi {
    /// The token is bound to the key: who sends a proof wants that (RFC 9449 §5).
    #[default]
    Bind,
    /// The token is a bearer token, as at Auth0: the API may not know the other kind.
    Bearer,
}

/// The status codes of OAuth errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ErrorStatus {
    /// As RFC 6749 §5.2 says: `invalid_grant` 400, `invalid_client` 401.
    #[default]
    Rfc,
    /// As Auth0 answers: `invalid_grant` 403, `access_denied` 401 for a bad client.
    Auth0,
}

/// How many requests are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestRate {
    /// For as long as one likes; 0 is no limit.
    pub per_second: u32,
    /// At once; at least 1.
    pub burst: u32,
}

/// Settings that rules and flows read. Times are in seconds.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The `iss` of every token; ends with `/`.
    pub issuer: String,
    /// Proxies of the operator's, whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<AddressRange>,
    /// Whether the address of a request is only that of a proxy which nobody named: then it says
    /// nothing of who sent it.
    pub hidden_by_proxy: bool,
    /// Whether browsers are told to use nothing but TLS for this host.
    pub strict_transport: bool,
    /// Names the product on its pages.
    pub tenant_name: String,
    /// The leeway of clients that never gave one.
    pub default_leeway: i64,
    /// What an exchange for an unknown audience answers.
    pub mrrt_unknown_audience: UnknownAudience,
    /// Live refresh-token families a user may have in one client.
    pub families_per_user_and_client: i64,
    /// Whether `/v2/logout` revokes the refresh tokens of the session.
    pub revoke_on_logout: bool,
    /// Whether a password change revokes the user's refresh tokens.
    pub revoke_on_password_change: bool,
    /// Lifetime of an authorization code.
    pub code_lifetime: i64,
    /// Time within which a login that was begun must be completed.
    pub login_transaction_lifetime: i64,
    /// Absolute lifetime of a browser session.
    pub session_lifetime: i64,
    /// Time after which an unused browser session ends.
    pub session_idle_lifetime: i64,
    /// Whether a right code from a message creates the user who does not exist yet.
    pub passwordless_signup: bool,
    /// How long audit rows are kept.
    pub audit_retention: i64,
    /// Status codes of OAuth errors.
    pub error_status: ErrorStatus,
    /// The language of the pages for browsers that prefer none we have (BCP 47).
    pub default_locale: String,
    /// Logins of one user from one address at once.
    pub same_user_logins: u32,
    /// How many of them come back in a minute; 0 is no limit.
    pub same_user_logins_per_minute: u32,
    /// Whether people may create accounts.
    pub signup_enabled: bool,
    /// How long a link to reset a password works.
    pub reset_lifetime: i64,
    /// How long a link to verify an address works.
    pub verification_lifetime: i64,
    /// Links of one kind that a user may have at a time: no more messages are sent.
    pub links_per_user: i64,
    /// What a proof of possession does for an API that never said.
    pub dpop_unconfigured_api: UnconfiguredApi,
    /// Whether calls to addresses that applications name may reach private networks and use http.
    pub outbound_allow_private: bool,
    /// Whether Actions and Rules run.
    pub actions_enabled: bool,
    /// How long the scripts of a trigger may take together, in milliseconds.
    pub actions_time_limit: i64,
    /// How long the records of executions are kept.
    pub actions_execution_retention: i64,
    /// How long a search of the Management API may take, in milliseconds.
    pub search_timeout: i64,
    /// Requests that a client may send to the Management API.
    pub management_rate: RequestRate,
    /// All other requests that may come from an address.
    pub request_rate: RequestRate,
    /// The longest file of users that is imported, in bytes.
    pub import_max_bytes: u64,
    /// Where `/v2/logout` may redirect when no client is named.
    pub allowed_logout_urls: Vec<String>,
}

impl Settings {
    /// The audience of the Management API (`management-api` §2: the trailing slash belongs to it).
    pub fn management_audience(&self) -> Audience {
        Audience::new(format!("{}api/v2/", self.issuer))
    }
    /// How long sessions last unless the operator set it otherwise.
    pub fn configured_session_lifetime(&self) -> SessionLifetime {
        let (absolute, idle) = (self.session_lifetime, self.session_idle_lifetime);
        SessionLifetime { absolute, idle, persistent: true }
    }
    /// The audience of `/userinfo`.
    pub fn userinfo_audience(&self) -> Audience {
        Audience::new(format!("{}userinfo", self.issuer))
    }
}
