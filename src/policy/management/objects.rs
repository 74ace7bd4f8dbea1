//! The objects that editors of the Management API could take from each other: what an `ETag` is an
//! answer about, and which requests `If-Match` guards (RFC 9110 §13.1.1).

/// A kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object {
    /// An application.
    Client,
    /// A public key of an application.
    ClientCredential,
    /// An API.
    ResourceServer,
    /// What an application may do at an API by itself.
    ClientGrant,
    /// A user.
    User,
    /// A connection.
    Connection,
    /// The applications that a connection is enabled for.
    ConnectionClients,
    /// A role.
    Role,
    /// A rule.
    Rule,
    /// An organization.
    Organization,
    /// A refresh token with all its successors.
    RefreshToken,
    /// A browser session.
    Session,
    /// The settings of the tenant.
    TenantSettings,
    /// The settings of a protection against attacks, by name.
    Protection(&'static str),
    /// An Action.
    Action,
    /// The Actions that run at a trigger.
    Bindings,
}

/// Where each kind is read and edited.
const OBJECTS: &[(&str, Object)] = &[
    ("/clients/{id}", Object::Client),
    ("/clients/{id}/credentials/{credential_id}", Object::ClientCredential),
    ("/resource-servers/{id}", Object::ResourceServer),
    ("/client-grants/{id}", Object::ClientGrant),
    ("/users/{id}", Object::User),
    ("/connections/{id}", Object::Connection),
    ("/connections/{id}/clients", Object::ConnectionClients),
    ("/roles/{id}", Object::Role),
    ("/rules/{id}", Object::Rule),
    ("/organizations/{id}", Object::Organization),
    ("/refresh-tokens/{id}", Object::RefreshToken),
    ("/sessions/{id}", Object::Session),
    ("/tenants/settings", Object::TenantSettings),
    ("/attack-protection/brute-force-protection", Object::Protection("brute-force-protection")),
    ("/attack-protection/suspicious-ip-throttling", Object::Protection("suspicious-ip-throttling")),
    (
        "/attack-protection/breached-password-detection",
        Object::Protection("breached-password-detection"),
    ),
    ("/actions/actions/{id}", Object::Action),
    ("/actions/triggers/{id}/bindings", Object::Bindings),
];

/// What changes an object at an address of its own.
const ACTS: &[(&str, Object)] = &[
    ("/clients/{id}/rotate-secret", Object::Client),
    ("/actions/actions/{id}/deploy", Object::Action),
    ("/actions/actions/{id}/versions/{version_id}/deploy", Object::Action),
];

fn look_up(table: &[(&str, Object)], path: &str) -> Option<Object> {
    table.iter().find(|(known, _)| *known == path).map(|(_, object)| *object)
}

/// The object that a `GET` of this path (one of the table of operations) answers.
pub fn read_at(path: &str) -> Option<Object> {
    look_up(OBJECTS, path)
}

/// The object that a write to this path changes or removes.
pub fn written_at(path: &str) -> Option<Object> {
    read_at(path).or_else(|| look_up(ACTS, path))
}

/// The object that a `POST` to this path, that of a list, creates.
pub fn created_at(path: &str) -> Option<Object> {
    let is_member = |of: &&(&str, Object)| {
        let rest = of.0.strip_prefix(path).and_then(|rest| rest.strip_prefix("/{"));
        rest.is_some_and(|rest| !rest.contains('/'))
    };
    OBJECTS.iter().find(is_member).map(|(_, object)| *object)
}

impl Object {
    /// Of how many of the ids in a path the object's own name is made.
    pub fn ids(self) -> usize {
        let path = OBJECTS.iter().find(|(_, object)| *object == self).map(|(path, _)| *path);
        path.unwrap_or_default().matches('{').count()
    }
}

/// What `If-Match` expects (RFC 9110 §13.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// `*`: the object exists.
    Anything,
    /// One of these opaque tags, without their quotes.
    OneOf(Vec<String>),
}

impl Expected {
    /// Reads the field. What is malformed, and weak tags, match nothing: a caller that meant to be
    /// careful must not be taken for one that was not.
    pub fn parse(field: &str) -> Self {
        if field.trim() == "*" {
            return Self::Anything;
        }
        let tag = |part: &str| {
            let tag = part.trim().strip_prefix('"')?.strip_suffix('"')?;
            (!tag.is_empty() && !tag.contains('"')).then(|| tag.to_owned())
        };
        // No tag of this server has a comma in it.
        Self::OneOf(field.split(',').filter_map(tag).collect())
    }

    /// Whether an object that exists, with this tag, is what was expected.
    pub fn is_met_by(&self, tag: &str) -> bool {
        match self {
            Self::Anything => true,
            Self::OneOf(tags) => tags.iter().any(|expected| expected == tag),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::management::OPERATIONS;

    #[test]
    #[rustfmt::skip]
    fn only_a_strong_tag_that_is_the_same_is_a_match() {
        for (field, is_met) in [
            ("*", true), (" * ", true), (r#""a""#, true), (r#""b", "a""#, true), (r#" "a" ,"b""#, true),
            (r#""b""#, false), (r#"W/"a""#, false), ("a", false), ("", false), (r#"""#, false), (r#""""#, false),
            (r#""a"#, false), (r#"a""#, false), (r#""A""#, false), (r#""a""b""#, false), (r#""b", *"#, false),
        ] {
            assert_eq!(Expected::parse(field).is_met_by("a"), is_met, "{field}");
        }
    }

    #[test]
    fn every_object_can_be_read_and_written_where_it_is_said_to_be() {
        let knows = |method: &str, path: &str| {
            OPERATIONS.iter().any(|o| o.method == method && o.path == path)
        };
        for (path, object) in OBJECTS {
            assert!(knows("GET", path), "{path}");
            let writes = ["PATCH", "PUT", "DELETE"];
            assert!(writes.iter().any(|method| knows(method, path)), "{path}");
            assert_eq!(object.ids(), path.matches('{').count());
        }
        for (path, _) in ACTS {
            assert!(knows("POST", path), "{path}");
        }
    }

    #[test]
    fn an_object_is_created_in_the_list_it_belongs_to() {
        for (path, object) in [
            ("/clients", Some(Object::Client)),
            ("/clients/{id}/credentials", Some(Object::ClientCredential)),
            ("/actions/actions", Some(Object::Action)),
            ("/clients/{id}/rotate-secret", None),
            ("/connections/{id}/clients", None),
            ("/jobs/users-exports", None),
            ("/client", None),
        ] {
            assert_eq!(created_at(path), object, "{path}");
        }
    }
}
