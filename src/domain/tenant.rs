//! Settings that an operator changes while the server runs (`/tenants/settings` of the Management
//! API), as far as the protocol reads them. What was never set is left to the configuration.

use serde::{Deserialize, Serialize};

use crate::domain::{
    audience::Audience,
    device::{BadMask, UserCodeFormat},
};

/// The settings. Built from the document that the Management API stores.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Tenant {
    /// What pages and messages call this server.
    pub friendly_name: Option<String>,
    /// The address of a logo.
    pub picture_url: Option<String>,
    /// Who helps people.
    pub support_email: Option<String>,
    /// Where people get help.
    pub support_url: Option<String>,
    /// What people see of errors.
    pub error_page: Option<ErrorPageSettings>,
    /// Switches.
    pub flags: Flags,
    /// The API of a login that names none.
    pub default_audience: Option<String>,
    /// Where people are sent who come from no application, https.
    pub default_redirection_uri: Option<String>,
    /// How user codes look.
    pub device_flow: Option<DeviceFlow>,
    /// Where a logout may lead that names no application.
    pub allowed_logout_urls: Vec<String>,
    /// The languages of the pages, the default first.
    pub enabled_locales: Vec<String>,
    /// Whether the session outlives the browser's window.
    pub session_cookie: Option<SessionCookieSettings>,
    /// Settings of `/oidc/logout`.
    pub oidc_logout: OidcLogout,
    /// More settings of `/oidc/logout`.
    pub sessions: SessionSettings,
    /// The database connection of a login that names none.
    pub default_directory: Option<String>,
    session_lifetime_in_minutes: Option<i64>,
    idle_session_lifetime_in_minutes: Option<i64>,
    ephemeral_session_lifetime_in_minutes: Option<i64>,
    idle_ephemeral_session_lifetime_in_minutes: Option<i64>,
}

/// `error_page`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ErrorPageSettings {
    /// Where the browser is sent with an error.
    pub url: Option<String>,
    /// Whether the page names the request in the log.
    pub show_log_link: bool,
}

/// `device_flow`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct DeviceFlow {
    /// `base20` or `digits`
    pub charset: Option<String>,
    /// `****-****`
    pub mask: Option<String>,
}

impl DeviceFlow {
    /// The format of user codes.
    ///
    /// # Errors
    /// [`BadMask`].
    pub fn format(&self) -> Result<UserCodeFormat, BadMask> {
        UserCodeFormat::new(self.charset.as_deref() == Some("digits"), self.mask.as_deref())
    }
}

/// `flags`, those that have an effect here.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct Flags {
    /// Whether a new application begins with every connection there is; it does unless this says
    /// no.
    pub enable_client_connections: Option<bool>,
    /// Whether who signs up is told that the user exists.
    pub enable_public_signup_user_exists_error: bool,
    /// Whether revoking a refresh token also takes back what its user allowed the application.
    pub revoke_refresh_token_grant: bool,
    /// Whether the keys in the JWKS are without `alg`.
    pub remove_alg_from_jwks: bool,
}

/// `session_cookie`
#[derive(Debug, Clone, Deserialize)]
pub struct SessionCookieSettings {
    /// Its one member.
    pub mode: CookieMode,
}

/// How long a browser keeps the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CookieMode {
    /// Until it expires.
    Persistent,
    /// Until the browser is closed, and not as long on the server.
    NonPersistent,
}

impl CookieMode {
    /// As the store keeps it and the wire writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Persistent => "persistent",
            Self::NonPersistent => "non-persistent",
        }
    }
    /// The mode of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Persistent, Self::NonPersistent].into_iter().find(|mode| mode.as_str() == name)
    }
}

/// `oidc_logout`
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct OidcLogout {
    /// Whether discovery names `/oidc/logout`.
    pub rp_logout_end_session_endpoint_discovery: bool,
}

impl Default for OidcLogout {
    fn default() -> Self {
        Self { rp_logout_end_session_endpoint_discovery: true }
    }
}

/// `sessions`
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct SessionSettings {
    /// Whether `/oidc/logout` asks when nothing proves who sent the browser.
    pub oidc_logout_prompt_enabled: bool,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self { oidc_logout_prompt_enabled: true }
    }
}

/// How long a session lasts, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLifetime {
    /// At most.
    pub absolute: i64,
    /// Without use.
    pub idle: i64,
    /// Whether the browser keeps it when it is closed.
    pub persistent: bool,
}

impl Tenant {
    const EPHEMERAL_MINUTES: i64 = 72 * 60;
    const IDLE_EPHEMERAL_MINUTES: i64 = 24 * 60;

    /// How long sessions last. They last no longer unused than used.
    pub fn session_lifetime(&self, configured: SessionLifetime) -> SessionLifetime {
        let persistent = self.session_cookie.as_ref().map(|cookie| cookie.mode)
            != Some(CookieMode::NonPersistent);
        let seconds = |minutes: i64| minutes.saturating_mul(60);
        let (absolute, idle) = if persistent {
            (
                self.session_lifetime_in_minutes.map_or(configured.absolute, seconds),
                self.idle_session_lifetime_in_minutes.map_or(configured.idle, seconds),
            )
        } else {
            let absolute = self.ephemeral_session_lifetime_in_minutes;
            let idle = self.idle_ephemeral_session_lifetime_in_minutes;
            (
                seconds(absolute.unwrap_or(Self::EPHEMERAL_MINUTES)),
                seconds(idle.unwrap_or(Self::IDLE_EPHEMERAL_MINUTES)),
            )
        };
        SessionLifetime { absolute, idle: idle.min(absolute), persistent }
    }

    /// How user codes look: as the operator says, as long as nobody guesses them.
    pub fn user_codes(&self) -> UserCodeFormat {
        self.device_flow.as_ref().and_then(|flow| flow.format().ok()).unwrap_or_default()
    }

    /// The API of a login that names none.
    pub fn default_audience(&self) -> Option<Audience> {
        self.default_audience.as_ref().filter(|text| !text.is_empty()).map(Audience::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_set_is_left_to_the_configuration() {
        let configured = SessionLifetime { absolute: 604_800, idle: 259_200, persistent: true };
        let of = |text: &str| {
            let tenant: Tenant = serde_json::from_str(text).unwrap();
            let lifetime = tenant.session_lifetime(configured);
            (lifetime.absolute, lifetime.idle, lifetime.persistent)
        };
        assert_eq!(of("{}"), (604_800, 259_200, true));
        assert_eq!(of(r#"{"session_lifetime_in_minutes": 60}"#), (3600, 3600, true));
        assert_eq!(of(r#"{"idle_session_lifetime_in_minutes": 1}"#), (604_800, 60, true));
        let ephemeral = r#"{"session_cookie": {"mode": "non-persistent"}}"#;
        assert_eq!(of(ephemeral), (259_200, 86_400, false));
    }
}
