//! Connections: where users come from. Each user belongs to one, by its name.

use serde::{Deserialize, Deserializer};

use crate::domain::ConnectionId;

/// A connection.
#[derive(Debug, Clone)]
pub struct Connection {
    /// `con_…`
    pub id: ConnectionId,
    /// Unique, and never changes: users belong to it.
    pub name: String,
    /// What kind it is.
    pub strategy: Strategy,
    /// Its rules, as the protocol reads them.
    pub options: Options,
    /// The names that logins may use for it; none is the same as its own.
    pub realms: Vec<String>,
    /// Whether third-party applications may use it without being listed.
    pub is_domain: bool,
    /// Whether anybody logs in by it.
    pub authenticates: bool,
}

impl Connection {
    /// Whether its users have a password here.
    pub fn is_database(&self) -> bool {
        self.strategy == Strategy::Database
    }
    /// Whether people may create an account in it.
    pub fn takes_signups(&self) -> bool {
        !self.options.disable_signup && (!self.is_database() || self.options.signs_up_by_password())
    }
    /// Whether people may set a new password themselves.
    pub fn offers_reset(&self) -> bool {
        !self.options.disable_self_service_change_password
    }
    /// Whether a login that says `name` means this connection.
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.realms.iter().any(|realm| realm == name)
    }
}

/// What kind of connection it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// Users with a password, kept here.
    Database,
    /// Users who log in by a code that is mailed to them.
    Email,
}

impl Strategy {
    /// As the wire and the store write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Database => "auth0",
            Self::Email => "email",
        }
    }
    /// The strategy of this name, if this server has it.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Database, Self::Email].into_iter().find(|strategy| strategy.as_str() == name)
    }
}

/// The `options` of a connection, as far as they have an effect.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Options {
    /// Nobody signs up by themselves.
    pub disable_signup: bool,
    /// `Some(true)`: each user has a user name; `Some(false)`: none has; `None`: who wants one.
    pub requires_username: Option<bool>,
    /// Users cannot set a new password themselves.
    pub disable_self_service_change_password: bool,
    /// Whether wrong passwords are counted (`/attack-protection`); they are unless it says no.
    brute_force_protection: Option<bool>,
    /// The strength of passwords; `None` leaves it to the server's own rule.
    #[serde(rename = "passwordPolicy")]
    pub password_policy: Option<PasswordPolicy>,
    #[serde(deserialize_with = "or_default")]
    password_complexity_options: Complexity,
    #[serde(deserialize_with = "or_default")]
    password_no_personal_info: Switch,
    #[serde(deserialize_with = "or_default")]
    password_dictionary: Dictionary,
    #[serde(deserialize_with = "or_default")]
    validation: Validation,
    #[serde(deserialize_with = "or_default")]
    authentication_methods: Methods,
}

impl Options {
    /// The fewest characters of a password, if the connection says.
    pub fn shortest_password(&self) -> Option<usize> {
        self.password_complexity_options.min_length
    }
    /// Whether a password may not contain what is known about the person.
    pub fn refuses_personal_passwords(&self) -> bool {
        self.password_no_personal_info.enable
    }
    /// The words that are refused as passwords, beside those that everybody knows; `None` when
    /// nothing is looked up.
    pub fn dictionary(&self) -> Option<&[String]> {
        self.password_dictionary.enable.then_some(self.password_dictionary.dictionary.as_slice())
    }
    /// How many characters a user name has, at least and at most.
    pub fn username_length(&self) -> (usize, usize) {
        let length = self.validation.username.as_ref();
        length.map_or((1, LONGEST_USERNAME), |length| (length.min, length.max))
    }
    /// Whether wrong passwords of its users are counted.
    pub fn counts_wrong_passwords(&self) -> bool {
        self.brute_force_protection != Some(false)
    }
    /// Whether users log in with a password.
    pub fn has_passwords(&self) -> bool {
        self.authentication_methods.password.as_ref().is_none_or(|method| method.enabled)
    }
    fn signs_up_by_password(&self) -> bool {
        let method = self.authentication_methods.password.as_ref();
        method.is_none_or(|m| m.enabled && m.signup_behavior.as_deref() != Some("block"))
    }
}

/// The most characters of a user name.
pub const LONGEST_USERNAME: usize = 128;

/// How strong passwords must be, in Auth0's levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PasswordPolicy {
    /// One character.
    #[serde(alias = "None")]
    None,
    /// Six characters.
    Low,
    /// Eight characters, among them a lower-case letter, an upper-case letter and a digit.
    Fair,
    /// Eight characters of three of the four kinds.
    Good,
    /// Ten characters of three of the four kinds, no three equal ones in a row.
    Excellent,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Complexity {
    min_length: Option<usize>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Switch {
    enable: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Dictionary {
    enable: bool,
    dictionary: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Validation {
    username: Option<Length>,
}

#[derive(Debug, Clone, Deserialize)]
struct Length {
    min: usize,
    max: usize,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Methods {
    password: Option<Method>,
}

#[derive(Debug, Clone, Deserialize)]
struct Method {
    #[serde(default = "on")]
    enabled: bool,
    #[serde(default)]
    signup_behavior: Option<String>,
}

const fn on() -> bool {
    true
}

/// `null` says as little as nothing.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}
