//! Settings of the server as plain values, as far as rules and flows read them.

use crate::domain::audience::Audience;

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

/// Settings that rules and flows read. Times are in seconds.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The `iss` of every token; ends with `/`.
    pub issuer: String,
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
    /// How long audit rows are kept.
    pub audit_retention: i64,
    /// Status codes of OAuth errors.
    pub error_status: ErrorStatus,
    /// Whether calls to addresses that applications name may reach private networks and use http.
    pub outbound_allow_private: bool,
    /// Where `/v2/logout` may redirect when no client is named.
    pub allowed_logout_urls: Vec<String>,
}

impl Settings {
    /// The audience of the Management API (`management-api` §2: the trailing slash belongs to it).
    pub fn management_audience(&self) -> Audience {
        Audience::new(format!("{}api/v2/", self.issuer))
    }
    /// The audience of `/userinfo`.
    pub fn userinfo_audience(&self) -> Audience {
        Audience::new(format!("{}userinfo", self.issuer))
    }
}
