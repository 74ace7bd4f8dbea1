//! Users.

use serde_json::{Map, Value};

use crate::domain::{UserId, time::Timestamp};

/// The database connection that a new installation has.
pub const DATABASE_CONNECTION: &str = "Username-Password-Authentication";

/// The connection of the users who log in by a code that is mailed to them. There is one at most:
/// applications know it by its name.
pub const EMAIL_CONNECTION: &str = "email";

/// A user.
#[derive(Debug, Clone)]
pub struct User {
    /// The `sub` of tokens.
    pub user_id: UserId,
    /// The name of the connection that the user belongs to.
    pub connection: String,
    /// Lower case.
    pub email: Option<String>,
    /// Whether the address was verified.
    pub email_verified: bool,
    /// Lower case.
    pub username: Option<String>,
    /// `None` until it was set by an operator.
    pub blocked: Option<bool>,
    /// `name`, `nickname`, `picture`, `given_name`, `family_name`, `phone_number`,
    /// `phone_verified`, … as the Management API writes them.
    pub profile: Map<String, Value>,
    /// What applications may let users edit.
    pub user_metadata: Map<String, Value>,
    /// What only operators edit.
    pub app_metadata: Map<String, Value>,
    /// Completed logins.
    pub logins_count: i64,
    /// The last completed login.
    pub last_login: Option<Timestamp>,
    /// The address of the last completed login.
    pub last_ip: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl User {
    /// A user of the first database connection without attributes. `local` is the part of the id after
    /// `auth0|`.
    pub fn new(local: &str, now: Timestamp) -> Self {
        Self {
            user_id: UserId::new(format!("auth0|{local}")),
            connection: DATABASE_CONNECTION.to_owned(),
            email: None,
            email_verified: false,
            username: None,
            blocked: None,
            profile: Map::new(),
            user_metadata: Map::new(),
            app_metadata: Map::new(),
            logins_count: 0,
            last_login: None,
            last_ip: None,
            created_at: now,
            updated_at: now,
        }
    }
    /// A user who has shown that `email` is theirs. `local` is the part of the id after `email|`.
    pub fn of_address(local: &str, email: &str, now: Timestamp) -> Self {
        Self {
            user_id: UserId::new(format!("{EMAIL_CONNECTION}|{local}")),
            connection: EMAIL_CONNECTION.to_owned(),
            email: Some(email.to_owned()),
            email_verified: true,
            ..Self::new(local, now)
        }
    }
    /// Whether an operator has blocked the user.
    pub fn is_blocked(&self) -> bool {
        self.blocked == Some(true)
    }
    /// What a page calls the user: the address or name that was used to log in.
    pub fn name_for_people(&self) -> &str {
        self.email.as_deref().or(self.username.as_deref()).unwrap_or(self.user_id.as_str())
    }
    /// A member of the profile, if it is a non-empty string.
    pub fn profile_text(&self, name: &str) -> Option<&str> {
        self.profile.get(name).and_then(Value::as_str).filter(|s| !s.is_empty())
    }
}
