//! Configuration: the compiled-in defaults, then the file, then the environment.

mod actions;
mod sections;
mod tls;

use serde::Deserialize;

use crate::domain::{
    ClientId,
    secret::{ClientSecret, DatabaseUrl, SmtpUrl},
    settings::{RequestRate, Settings},
};
use crate::{http::pages::locales::Locale, mail};

pub use actions::Actions;
pub use sections::*;
pub use tls::{Mode as TlsMode, Tls};

/// What a file may say, with every default and its meaning.
pub const DEFAULTS: &str = include_str!("../config/default.toml");

/// Everything that can be configured. Each key is described in `config/default.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `[server]`
    pub server: Server,
    /// `[tls]`
    pub tls: Tls,
    /// `[database]`
    pub database: Database,
    /// `[master_key]`
    pub master_key: MasterKeySource,
    /// `[log]`
    pub log: Log,
    /// `[oauth]`
    pub oauth: OAuth,
    /// `[refresh_tokens]`
    pub refresh_tokens: RefreshTokens,
    /// `[sessions]`
    pub sessions: Sessions,
    /// `[logout]`
    pub logout: Logout,
    /// `[outbound]`
    pub outbound: Outbound,
    /// `[passwords]`
    pub passwords: Passwords,
    /// `[passwordless]`
    pub passwordless: Passwordless,
    /// `[audit]`
    pub audit: Audit,
    /// `[management]`
    pub management: Management,
    /// `[jobs]`
    pub jobs: Jobs,
    /// `[pages]`
    pub pages: Pages,
    /// `[attack_protection]`
    pub attack_protection: AttackProtection,
    /// `[signup]`
    pub signup: Signup,
    /// `[links]`
    pub links: Links,
    /// `[mail]`
    pub mail: Mail,
    /// `[actions]`
    pub actions: Actions,
    /// From the environment only: a machine client with every Management API scope.
    #[serde(skip)]
    pub bootstrap: Option<Bootstrap>,
}

impl Config {
    /// Reads the defaults, then `file`, then the environment.
    ///
    /// # Errors
    /// What to change; the message names the key or the variable.
    pub fn load(
        file: Option<&str>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, String> {
        let mut table: toml::Table =
            DEFAULTS.parse().map_err(|e| format!("config/default.toml: {e}"))?;
        let environment: Vec<_> = environment.into_iter().collect();
        let mut issuer_is_given = environment.iter().any(|(name, _)| name == "DOORWARD_ISSUER");
        if let Some(text) = file {
            let file: toml::Table = text.parse().map_err(|e| format!("{e}"))?;
            issuer_is_given |= file.get("server").is_some_and(|s| s.get("issuer").is_some());
            merge(&mut table, file);
        }
        let mut config: Self = toml::Value::Table(table)
            .try_into()
            .map_err(|e: toml::de::Error| e.to_string().trim().replace('\n', " "))?;
        config.apply(environment)?;
        if !issuer_is_given && config.tls.mode == TlsMode::SelfSigned {
            config.server.issuer = tls::local_issuer(config.server.listen.port());
        }
        config.check()?;
        Ok(config)
    }

    fn apply(
        &mut self,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(), String> {
        let (mut id, mut secret) = (None, None);
        let mut tls = tls::Overrides::default();
        for (name, value) in environment {
            match name.as_str() {
                "DOORWARD_ISSUER" => self.server.issuer = value,
                "DOORWARD_LISTEN" => {
                    let parsed = value.parse();
                    self.server.listen =
                        parsed.map_err(|_| format!("{name}: `{value}` is no address:port"))?;
                }
                "DOORWARD_TRUSTED_PROXIES" => {
                    let ranges = value.split(',').map(str::trim).filter(|range| !range.is_empty());
                    let parsed: Result<_, _> = ranges.map(str::parse).collect();
                    self.server.trusted_proxies = parsed.map_err(|why| format!("{name}: {why}"))?;
                }
                "DOORWARD_DATA_DIR" => self.server.data_dir = value.into(),
                "DOORWARD_DATABASE_URL" => self.database.url = value,
                "DOORWARD_MASTER_KEY" => self.master_key.value = Some(MasterKeyText(value)),
                "DOORWARD_OTHER_MASTER_KEYS" => {
                    let keys = value.split(',').map(str::trim).filter(|key| !key.is_empty());
                    self.master_key.other_values =
                        keys.map(|key| MasterKeyText(key.to_owned())).collect();
                }
                "DOORWARD_SMTP_URL" => self.mail.smtp_url = SmtpUrl::new(value),
                "DOORWARD_LOG" => self.log.filter = value,
                "DOORWARD_BOOTSTRAP_CLIENT_ID" => id = Some(value),
                "DOORWARD_BOOTSTRAP_CLIENT_SECRET" => secret = Some(value),
                // Named with the command; read there.
                "DOORWARD_CONFIG" => {}
                "DOORWARD_TLS" => tls.mode = Some(value),
                "DOORWARD_TLS_CERT" => tls.cert = Some(value.into()),
                "DOORWARD_TLS_KEY" => tls.key = Some(value.into()),
                // Kubernetes sets these for a service that is named `doorward`.
                other
                    if other.starts_with("DOORWARD_SERVICE_")
                        || other.starts_with("DOORWARD_PORT") => {}
                other if other.starts_with("DOORWARD_") => {
                    return Err(format!("{other}: unknown variable"));
                }
                _ => {}
            }
        }
        self.tls.apply(tls)?;
        self.bootstrap = match (id, secret) {
            (Some(client_id), Some(secret)) => {
                Some(Bootstrap { client_id, client_secret: ClientSecret::new(secret) })
            }
            (None, None) => None,
            _ => {
                return Err("DOORWARD_BOOTSTRAP_CLIENT_ID and DOORWARD_BOOTSTRAP_CLIENT_SECRET: \
                            give both or neither"
                    .to_owned());
            }
        };
        Ok(())
    }

    fn check(&self) -> Result<(), String> {
        let issuer = &self.server.issuer;
        let url =
            url::Url::parse(issuer).map_err(|_| format!("server.issuer: `{issuer}` is no URL"))?;
        let loopback = match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        };
        if url.scheme() != "https" && !(url.scheme() == "http" && loopback) {
            return Err("server.issuer: must be https, or http on a loopback address".to_owned());
        }
        self.tls.check(&url)?;
        let plain = url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.path() == "/";
        if !issuer.ends_with('/') || !plain {
            return Err("server.issuer: must end with \"/\" and have no path, query, fragment or \
                        user"
                .to_owned());
        }
        self.mail_options().check().map_err(|why| why.to_string())?;
        if let Some(bootstrap) = &self.bootstrap {
            let id_is_usable = (1..=64).contains(&bootstrap.client_id.len())
                && bootstrap
                    .client_id
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
            if !id_is_usable {
                return Err(
                    "DOORWARD_BOOTSTRAP_CLIENT_ID: 1 to 64 letters, digits, '-', '_' or '.'"
                        .to_owned(),
                );
            }
            if ClientId::new(&bootstrap.client_id).is_console() {
                return Err(format!(
                    "DOORWARD_BOOTSTRAP_CLIENT_ID: {} is the client of the console",
                    bootstrap.client_id
                ));
            }
            if bootstrap.client_secret.expose().len() < 16 {
                return Err("DOORWARD_BOOTSTRAP_CLIENT_SECRET: at least 16 characters".to_owned());
            }
        }
        if Locale::named(&self.pages.default_locale).is_none() {
            let known: Vec<_> = Locale::all().map(Locale::tag).collect();
            return Err(format!("pages.default_locale: must be one of {}", known.join(", ")));
        }
        self.actions.check()?;
        for (name, value, least, most) in [
            (
                "server.drain_delay",
                i64::try_from(self.server.drain_delay).unwrap_or(i64::MAX),
                0,
                600,
            ),
            (
                "server.max_connections",
                i64::try_from(self.server.max_connections).unwrap_or(i64::MAX),
                1,
                1_000_000,
            ),
            ("oauth.code_lifetime", self.oauth.code_lifetime, 1, 600),
            ("refresh_tokens.default_leeway", self.refresh_tokens.default_leeway, 0, 86_400),
            (
                "refresh_tokens.per_user_and_client",
                self.refresh_tokens.per_user_and_client,
                1,
                100_000,
            ),
            ("sessions.lifetime", self.sessions.lifetime, 1, 31_557_600),
            ("sessions.idle_lifetime", self.sessions.idle_lifetime, 1, 31_557_600),
            ("sessions.login_lifetime", self.sessions.login_lifetime, 60, 86_400),
            ("links.reset_lifetime", self.links.reset_lifetime, 60, 86_400),
            ("links.verification_lifetime", self.links.verification_lifetime, 60, 2_592_000),
            ("links.per_user", self.links.per_user, 1, 100),
            (
                "jobs.import_max_bytes",
                i64::try_from(self.jobs.import_max_bytes).unwrap_or(i64::MAX),
                1024,
                16 * 1024 * 1024 * 1024,
            ),
            ("actions.time_limit_ms", self.actions.time_limit_ms, 1, 20_000),
            ("actions.cpu_limit_ms", self.actions.cpu_limit_ms, 1, 20_000),
            (
                "actions.memory_limit_bytes",
                self.actions.memory_limit_bytes,
                8 * 1024 * 1024,
                2 * 1024 * 1024 * 1024,
            ),
            ("actions.max_workers", self.actions.max_workers, 1, 1_000),
            ("actions.max_requests", self.actions.max_requests, 0, 1_000),
            ("actions.max_response_bytes", self.actions.max_response_bytes, 0, 8 * 1024 * 1024),
            ("actions.console_bytes", self.actions.console_bytes, 0, 1024 * 1024),
            ("actions.execution_retention_days", self.actions.execution_retention_days, 1, 3650),
            ("audit.retention_days", self.audit.retention_days, 1, 3650),
            (
                "management.requests_per_second",
                self.management.requests_per_second.into(),
                0,
                100_000,
            ),
            ("management.burst", self.management.burst.into(), 1, 1_000_000),
            (
                "attack_protection.requests_per_second",
                self.attack_protection.requests_per_second.into(),
                0,
                100_000,
            ),
            ("attack_protection.burst", self.attack_protection.burst.into(), 1, 1_000_000),
            (
                "attack_protection.same_user_logins",
                self.attack_protection.same_user_logins.into(),
                1,
                100_000,
            ),
            (
                "attack_protection.same_user_logins_per_minute",
                self.attack_protection.same_user_logins_per_minute.into(),
                0,
                100_000,
            ),
            ("database.max_connections", i64::from(self.database.max_connections), 1, 1000),
            ("database.search_timeout_ms", self.database.search_timeout_ms, 1, 600_000),
        ] {
            if !(least..=most).contains(&value) {
                return Err(format!("{name}: must be between {least} and {most}"));
            }
        }
        Ok(())
    }

    /// The database to open.
    pub fn database_url(&self) -> DatabaseUrl {
        if self.database.url.is_empty() {
            let path = self.server.data_dir.join("doorward.db");
            return DatabaseUrl::new(format!("sqlite:{}", path.display()));
        }
        DatabaseUrl::new(&self.database.url)
    }

    /// Where mail goes: to the mail server, or into `outbox` in the data directory.
    pub fn mail_options(&self) -> mail::Options {
        mail::Options {
            from: self.mail.from.clone(),
            smtp_url: self.mail.smtp_url.clone(),
            outbox: self.server.data_dir.join("outbox"),
        }
    }

    /// Whether all requests seem to come from one proxy: applications use https, which somebody
    /// else ends, and nobody said who that is.
    pub fn is_hidden_by_proxy(&self) -> bool {
        self.tls.mode == TlsMode::Off
            && self.server.issuer.starts_with("https:")
            && self.server.trusted_proxies.is_empty()
    }

    /// What rules and flows read.
    pub fn settings(&self) -> Settings {
        Settings {
            issuer: self.server.issuer.clone(),
            trusted_proxies: self.server.trusted_proxies.clone(),
            hidden_by_proxy: self.is_hidden_by_proxy(),
            strict_transport: self.tls.strict_transport(&self.server.issuer),
            tenant_name: self.server.tenant_name.clone(),
            default_leeway: self.refresh_tokens.default_leeway,
            mrrt_unknown_audience: self.refresh_tokens.mrrt_unknown_audience,
            families_per_user_and_client: self.refresh_tokens.per_user_and_client,
            revoke_on_logout: self.refresh_tokens.revoke_on_logout,
            revoke_on_password_change: self.refresh_tokens.revoke_on_password_change,
            code_lifetime: self.oauth.code_lifetime,
            login_transaction_lifetime: self.sessions.login_lifetime,
            session_lifetime: self.sessions.lifetime,
            session_idle_lifetime: self.sessions.idle_lifetime,
            passwordless_signup: self.passwordless.signup,
            audit_retention: self.audit.retention_days * 86_400,
            error_status: self.oauth.error_status,
            default_locale: self.pages.default_locale.clone(),
            same_user_logins: self.attack_protection.same_user_logins,
            same_user_logins_per_minute: self.attack_protection.same_user_logins_per_minute,
            signup_enabled: self.signup.enabled,
            reset_lifetime: self.links.reset_lifetime,
            verification_lifetime: self.links.verification_lifetime,
            links_per_user: self.links.per_user,
            dpop_unconfigured_api: self.oauth.dpop_unconfigured_api,
            management_rate: RequestRate {
                per_second: self.management.requests_per_second,
                burst: self.management.burst,
            },
            request_rate: RequestRate {
                per_second: self.attack_protection.requests_per_second,
                burst: self.attack_protection.burst,
            },
            outbound_allow_private: self.outbound.allow_private,
            search_timeout: self.database.search_timeout_ms,
            import_max_bytes: self.jobs.import_max_bytes,
            actions_enabled: self.actions.enabled,
            actions_time_limit: self.actions.time_limit_ms,
            actions_execution_retention: self.actions.execution_retention_days * 86_400,
            allowed_logout_urls: self.logout.allowed_urls.clone(),
        }
    }
}

/// `over` wins, table by table.
fn merge(base: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(toml::Value::Table(base)), toml::Value::Table(over)) => merge(base, over),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(file: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
        let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Config::load(Some(file), environment)
    }

    #[test]
    fn the_shipped_files_are_valid() {
        assert!(Config::load(None, []).is_ok());
        assert!(load(include_str!("../config/example.toml"), &[]).is_ok());
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let file = "[server]\nissuer = \"https://a.example/\"\n";
        let config = load(file, &[("DOORWARD_ISSUER", "https://b.example/")]).unwrap();
        assert_eq!(config.server.issuer, "https://b.example/");
        assert_eq!(load(file, &[]).unwrap().server.issuer, "https://a.example/");
    }

    #[test]
    fn the_password_of_the_mail_server_stays_secret() {
        let file = "[mail]\nfrom = \"us@example.com\"";
        let url = "smtps://us:hunter2@mail.example";
        let config = load(file, &[("DOORWARD_SMTP_URL", url)]).unwrap();
        assert_eq!(config.mail.smtp_url.expose(), url);
        assert!(!format!("{config:?}").contains("hunter2"));
        let bad = "smtp://us:hunter2@mail.example";
        let why = load(file, &[("DOORWARD_SMTP_URL", bad)]).unwrap_err();
        assert!(why.contains("mail.smtp_url") && !why.contains("hunter2"), "{why}");
    }

    #[test]
    fn proxies_are_named_as_addresses_and_ranges() {
        let variable = |value| load("", &[("DOORWARD_TRUSTED_PROXIES", value)]);
        let config = variable("10.0.0.0/8, 2001:db8::1 ,").unwrap();
        assert_eq!(config.server.trusted_proxies.len(), 2);
        assert!(variable("10.0.0.0/33").unwrap_err().contains("DOORWARD_TRUSTED_PROXIES"));
        assert!(load("[server]\ntrusted_proxies = [\"home\"]", &[]).unwrap_err().contains("home"));
    }

    #[test]
    fn a_proxy_that_nobody_named_hides_who_asks() {
        let https = "[server]\nissuer = \"https://a.example/\"\n";
        let hides = |more: &str| load(&format!("{https}{more}"), &[]).unwrap().is_hidden_by_proxy();
        assert!(hides(""));
        assert!(!hides("trusted_proxies = [\"10.0.0.1\"]"));
        assert!(!hides("[tls]\nmode = \"self-signed\""));
        assert!(!load("", &[]).unwrap().is_hidden_by_proxy());
    }

    #[test]
    fn a_mistake_is_refused_by_name() {
        let file = |text: &str| load(text, &[]).unwrap_err();
        assert!(file("[server]\nlisen = \"x\"").contains("lisen"));
        assert!(file("[servers]").contains("servers"));
        assert!(file("[oauth]\nerror_status = \"odd\"").contains("odd"));
        assert!(file("[oauth]\ndpop_unconfigured_api = \"odd\"").contains("odd"));
        assert!(file("[oauth]\ncode_lifetime = 0").contains("oauth.code_lifetime"));
        assert!(file("[mail]\nsmtp_url = \"http://x\"").contains("mail.smtp_url"));
        assert!(file("[mail]\nfrom = \"nobody\"").contains("mail.from"));
        assert!(file("[pages]\ndefault_locale = \"xx\"").contains("en, ja"));
        assert!(file("[links]\nreset_lifetime = 1").contains("links.reset_lifetime"));
        assert!(file("[management]\nburst = 0").contains("management.burst"));
        assert!(file("[jobs]\nimport_max_bytes = 1").contains("jobs.import_max_bytes"));
        assert!(file("[audit]\nretention_days = 0").contains("audit.retention_days"));
        assert!(file("[actions]\ntime_limit_ms = 20001").contains("actions.time_limit_ms"));
        assert!(file("[actions]\nallowed_hosts = [\"a b\"]").contains("actions.allowed_hosts"));
        assert!(file("[database]\nsearch_timeout_ms = 0").contains("search_timeout_ms"));
        for issuer in ["x", "https://a.example", "http://a.example/", "https://a.example/x/"] {
            assert!(file(&format!("[server]\nissuer = \"{issuer}\"")).contains("server.issuer"));
        }
        let variable = |name: &str, value: &str| load("", &[(name, value)]).unwrap_err();
        assert!(variable("DOORWARD_ISUER", "x").contains("DOORWARD_ISUER"));
        assert!(variable("DOORWARD_LISTEN", "x").contains("DOORWARD_LISTEN"));
        assert!(variable("DOORWARD_BOOTSTRAP_CLIENT_ID", "x").contains("both"));
    }
}
