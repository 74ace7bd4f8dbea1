//! Which connections a login may use.

use crate::domain::connection::{Connection, Strategy};

/// Why there is no connection to log in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoConnection {
    /// The one that was named is not among those of the application, or has no passwords.
    NotFound,
    /// The application has none at all.
    NoneEnabled,
}

/// Most databases that one login is tried against: each costs a password hash, whether the user is
/// there or not.
const MOST: usize = 5;

/// The databases that a login with a password is tried against, in this order. `enabled` are the
/// connections of the application, `named` is the one that the request insists on, by its name or
/// one of its realms, and `default` the one that the tenant prefers.
///
/// # Errors
/// [`NoConnection`].
pub fn databases<'a>(
    enabled: &'a [Connection],
    named: Option<&str>,
    default: Option<&str>,
) -> Result<Vec<&'a Connection>, NoConnection> {
    let mut usable = enabled.iter().filter(|c| c.is_database() && c.options.has_passwords());
    if let Some(named) = named {
        // A name wins over a realm.
        let mut called: Vec<_> = usable.filter(|connection| connection.is_called(named)).collect();
        called.sort_by_key(|connection| connection.name != named);
        called.truncate(1);
        return if called.is_empty() { Err(NoConnection::NotFound) } else { Ok(called) };
    }
    let preferred = usable.clone().find(|c| default.is_some_and(|default| c.name == default));
    if let Some(preferred) = preferred {
        return Ok(vec![preferred]);
    }
    let all: Vec<_> = usable.by_ref().take(MOST).collect();
    if all.is_empty() { Err(NoConnection::NoneEnabled) } else { Ok(all) }
}

/// The connection that mails codes, unless the request insists on another one.
///
/// # Errors
/// [`NoConnection`].
pub fn mailing<'a>(
    enabled: &'a [Connection],
    named: Option<&str>,
) -> Result<&'a Connection, NoConnection> {
    let found = enabled.iter().find(|connection| connection.strategy == Strategy::Email);
    match (found, named) {
        (Some(found), Some(named)) if !found.is_called(named) => Err(NoConnection::NotFound),
        (Some(found), _) => Ok(found),
        (None, Some(_)) => Err(NoConnection::NotFound),
        (None, None) => Err(NoConnection::NoneEnabled),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ConnectionId;
    use serde_json::{Value, json};

    fn connection(name: &str, strategy: Strategy, options: Value) -> Connection {
        Connection {
            id: ConnectionId::new(format!("con_{name}")),
            name: name.to_owned(),
            strategy,
            options: serde_json::from_value(options).unwrap(),
            realms: vec![format!("{name}.example")],
            is_domain: false,
            authenticates: true,
        }
    }

    fn names(
        enabled: &[Connection],
        named: Option<&str>,
        default: Option<&str>,
    ) -> Result<Vec<String>, NoConnection> {
        let found = databases(enabled, named, default)?;
        Ok(found.into_iter().map(|c| c.name.clone()).collect())
    }

    #[test]
    fn a_login_tries_what_is_named_or_preferred_or_everything() {
        let off = json!({ "authentication_methods": { "password": { "enabled": false } } });
        let enabled = [
            connection("users", Strategy::Database, json!({})),
            connection("off", Strategy::Database, off),
            connection("email", Strategy::Email, json!({})),
            connection("staff", Strategy::Database, json!({})),
        ];
        use NoConnection::{NoneEnabled, NotFound};
        let found = |names: &[&str]| Ok(names.iter().map(|n| (*n).to_owned()).collect());
        for (named, default, expected) in [
            (None, None, found(&["users", "staff"])),
            (None, Some("staff"), found(&["staff"])),
            (None, Some("elsewhere"), found(&["users", "staff"])),
            (None, Some("off"), found(&["users", "staff"])),
            (Some("users"), Some("staff"), found(&["users"])),
            (Some("staff.example"), None, found(&["staff"])),
            (Some("off"), None, Err(NotFound)),
            (Some("email"), None, Err(NotFound)),
            (Some("elsewhere"), None, Err(NotFound)),
        ] {
            assert_eq!(names(&enabled, named, default), expected, "{named:?} {default:?}");
        }
        assert_eq!(names(&enabled[1..3], None, None), Err(NoneEnabled));
        assert_eq!(names(&[], Some("users"), None), Err(NotFound));
        let many: Vec<_> =
            (0..9).map(|i| connection(&format!("c{i}"), Strategy::Database, json!({}))).collect();
        assert_eq!(databases(&many, None, None).map(|found| found.len()), Ok(MOST));
    }

    #[test]
    fn a_name_wins_over_the_realm_of_another() {
        let mut first = connection("first", Strategy::Database, json!({}));
        first.realms.push("second".to_owned());
        let enabled = [first, connection("second", Strategy::Database, json!({}))];
        assert_eq!(names(&enabled, Some("second"), None), Ok(vec!["second".to_owned()]));
    }

    #[test]
    fn codes_are_mailed_by_the_one_connection_that_does() {
        let users = connection("users", Strategy::Database, json!({}));
        let email = connection("email", Strategy::Email, json!({}));
        let both = [users.clone(), email];
        assert_eq!(mailing(&both, None).map(|c| c.name.as_str()), Ok("email"));
        assert_eq!(mailing(&both, Some("email")).map(|c| c.name.as_str()), Ok("email"));
        assert_eq!(mailing(&both, Some("users")).err(), Some(NoConnection::NotFound));
        assert_eq!(mailing(&[users], None).err(), Some(NoConnection::NoneEnabled));
        assert_eq!(mailing(&[], Some("email")).err(), Some(NoConnection::NotFound));
    }
}
