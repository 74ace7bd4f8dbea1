//! What is done about guessed and sprayed passwords: the settings of `/attack-protection`, as far
//! as they have an effect. Their defaults are Auth0's.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::domain::address::AddressRange;

/// All of them.
#[derive(Debug, Clone, Default)]
pub struct AttackProtection {
    /// `brute-force-protection`
    pub brute_force: BruteForceProtection,
    /// `suspicious-ip-throttling`
    pub suspicious_ip: SuspiciousIpThrottling,
}

/// What is done when a threshold is passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shield {
    /// More attempts are refused.
    Block,
    /// The user gets a message, with a link that unblocks.
    UserNotification,
    /// Whoever runs the service gets a message.
    AdminNotification,
}

/// What wrong passwords are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Identifier and address: nobody locks out a user who is somewhere else.
    #[default]
    CountPerIdentifierAndIp,
    /// Identifier alone (account lockout): many addresses get no more tries than one.
    CountPerIdentifier,
}

/// Too many wrong passwords for one account.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct BruteForceProtection {
    /// Whether it is on.
    pub enabled: bool,
    /// What is done.
    pub shields: Vec<Shield>,
    /// What is counted.
    pub mode: Mode,
    /// Addresses from which nothing is counted.
    pub allowlist: Vec<AddressRange>,
    /// Wrong passwords in a row that are answered as such.
    pub max_attempts: i64,
}

impl Default for BruteForceProtection {
    fn default() -> Self {
        Self {
            enabled: true,
            shields: vec![Shield::Block, Shield::UserNotification],
            mode: Mode::default(),
            allowlist: Vec::new(),
            max_attempts: 10,
        }
    }
}

impl BruteForceProtection {
    /// Its name.
    pub const NAME: &'static str = "brute-force-protection";

    /// Whether a login from `ip` is counted at all.
    pub fn applies_to(&self, ip: Option<IpAddr>) -> bool {
        self.enabled && !is_listed(&self.allowlist, ip)
    }
    /// Whether this is done.
    pub fn does(&self, shield: Shield) -> bool {
        self.shields.contains(&shield)
    }
}

/// Too many wrong passwords, or new accounts, from one address.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct SuspiciousIpThrottling {
    /// Whether it is on.
    pub enabled: bool,
    /// What is done.
    pub shields: Vec<Shield>,
    /// Addresses from which nothing is counted.
    pub allowlist: Vec<AddressRange>,
    /// How much is too much.
    pub stage: Stages,
}

impl Default for SuspiciousIpThrottling {
    fn default() -> Self {
        Self {
            enabled: true,
            shields: vec![Shield::AdminNotification, Shield::Block],
            allowlist: Vec::new(),
            stage: Stages::default(),
        }
    }
}

impl SuspiciousIpThrottling {
    /// Its name.
    pub const NAME: &'static str = "suspicious-ip-throttling";

    /// Whether what comes from `ip` is counted at all.
    pub fn applies_to(&self, ip: IpAddr) -> bool {
        self.enabled && !is_listed(&self.allowlist, Some(ip))
    }
    /// Whether this is done.
    pub fn does(&self, shield: Shield) -> bool {
        self.shields.contains(&shield)
    }
}

/// What is counted from an address, each by itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", from = "SetStages")]
pub struct Stages {
    /// Wrong passwords.
    pub pre_login: Stage,
    /// New accounts.
    pub pre_user_registration: Stage,
}

/// How many attempts an address has, and how fast they come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// Attempts at once.
    pub max_attempts: u32,
    /// Milliseconds after which one comes back.
    pub rate: i64,
}

impl Default for Stages {
    fn default() -> Self {
        SetStages::default().into()
    }
}

/// As they were set: each member by itself, or not at all.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct SetStages {
    pre_login: SetStage,
    pre_user_registration: SetStage,
}

#[derive(Default, Deserialize)]
struct SetStage {
    max_attempts: Option<u32>,
    rate: Option<i64>,
}

impl SetStage {
    fn or(&self, max_attempts: u32, rate: i64) -> Stage {
        Stage {
            max_attempts: self.max_attempts.unwrap_or(max_attempts),
            rate: self.rate.unwrap_or(rate),
        }
    }
}

impl From<SetStages> for Stages {
    fn from(set: SetStages) -> Self {
        Self {
            pre_login: set.pre_login.or(100, 864_000),
            pre_user_registration: set.pre_user_registration.or(50, 1_200),
        }
    }
}

fn is_listed(allowlist: &[AddressRange], ip: Option<IpAddr>) -> bool {
    ip.is_some_and(|ip| allowlist.iter().any(|range| range.contains(ip)))
}

/// How long wrong passwords are remembered after the last one, in seconds: as long as a block lasts.
pub const REMEMBERED: i64 = 30 * 86_400;

/// Between two messages about one block, in seconds.
pub const BETWEEN_MESSAGES: i64 = 3600;

/// Why an attempt is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hindrance {
    /// Too many wrong passwords for this account (`limit_wc`).
    Account,
    /// Too many attempts from this address (`limit_mu`).
    Address {
        /// Seconds until one comes back.
        retry_after: i64,
    },
    /// The same user logs in from the same address again and again, with whatever password
    /// (`limit_sul`).
    SameUser {
        /// Seconds until one comes back.
        retry_after: i64,
    },
}

impl Hindrance {
    /// Seconds after which to try again; a block has no such end.
    pub const fn retry_after(&self) -> Option<i64> {
        match self {
            Self::Account => None,
            Self::Address { retry_after } | Self::SameUser { retry_after } => Some(*retry_after),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_was_not_set_is_as_at_auth0() {
        let set: SuspiciousIpThrottling =
            serde_json::from_value(json!({ "stage": { "pre-login": { "max_attempts": 7 } } }))
                .unwrap();
        assert_eq!(set.stage.pre_login, Stage { max_attempts: 7, rate: 864_000 });
        assert_eq!(
            json!(set),
            json!({
                "enabled": true, "shields": ["admin_notification", "block"], "allowlist": [],
                "stage": {
                    "pre-login": { "max_attempts": 7, "rate": 864_000 },
                    "pre-user-registration": { "max_attempts": 50, "rate": 1_200 },
                },
            })
        );
        assert_eq!(
            json!(BruteForceProtection::default()),
            json!({
                "enabled": true, "shields": ["block", "user_notification"],
                "mode": "count_per_identifier_and_ip", "allowlist": [], "max_attempts": 10,
            })
        );
    }

    #[test]
    fn an_allow_list_is_about_addresses_that_are_known() {
        let protection = BruteForceProtection {
            allowlist: vec!["10.0.0.0/8".parse().unwrap()],
            ..BruteForceProtection::default()
        };
        for (ip, applies) in [(Some("10.1.2.3"), false), (Some("11.1.2.3"), true), (None, true)] {
            let ip = ip.map(|ip| ip.parse().unwrap());
            assert_eq!(protection.applies_to(ip), applies, "{ip:?}");
        }
    }
}
