//! Settings that an operator changes while the server runs (`/tenants/settings` of the Management
//! API), as far as the protocol reads them. What was never set is left to the configuration.

use serde::Deserialize;

use crate::domain::audience::Audience;

/// The settings. Built from the document that the Management API stores.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Tenant {
    /// The API of a login that names none.
    pub default_audience: Option<String>,
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
    /// Switches.
    pub flags: Flags,
    session_lifetime_in_minutes: Option<i64>,
    idle_session_lifetime_in_minutes: Option<i64>,
    ephemeral_session_lifetime_in_minutes: Option<i64>,
    idle_ephemeral_session_lifetime_in_minutes: Option<i64>,
}

/// `flags`, those that have an effect here.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct Flags {
    /// Whether a new application begins with every connection there is; it does unless this says
    /// no.
    pub enable_client_connections: Option<bool>,
}

/// `session_cookie`
#[derive(Debug, Clone, Deserialize)]
pub struct SessionCookieSettings {
    /// Its one member.
    pub mode: CookieMode,
}

/// How long a browser keeps the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CookieMode {
    /// Until it expires.
    Persistent,
    /// Until the browser is closed, and not as long on the server.
    NonPersistent,
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
