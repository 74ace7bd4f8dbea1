//! What a user looks like to a reader of the Management API.

use serde_json::{Map, Value};

use crate::domain::user::User;
use crate::policy::claims;

/// The user as it is answered; members without a value are absent.
pub fn show(user: &User) -> Map<String, Value> {
    let mut shown = user.profile.clone();
    let mut put = |name: &str, value: Value| {
        shown.insert(name.to_owned(), value);
    };
    put("user_id", user.user_id.as_str().into());
    put("identities", claims::identities(user));
    put("created_at", user.created_at.iso8601().into());
    put("updated_at", user.updated_at.iso8601().into());
    put("email_verified", user.email_verified.into());
    if let Some(email) = &user.email {
        put("email", email.as_str().into());
    }
    if let Some(username) = &user.username {
        put("username", username.as_str().into());
    }
    if let Some(blocked) = user.blocked {
        put("blocked", blocked.into());
    }
    for (name, bag) in
        [("user_metadata", &user.user_metadata), ("app_metadata", &user.app_metadata)]
    {
        if !bag.is_empty() {
            put(name, Value::Object(bag.clone()));
        }
    }
    if let Some(at) = user.last_login {
        put("last_login", at.iso8601().into());
        put("logins_count", user.logins_count.into());
        if let Some(ip) = &user.last_ip {
            put("last_ip", ip.as_str().into());
        }
    }
    shown
}
