//! Values of the protocol: plain data, no I/O.

pub mod action;
pub mod address;
pub mod attack_protection;
pub mod audience;
pub mod audit;
pub mod client;
pub mod client_assertion;
pub mod client_credential;
pub mod client_grant;
pub mod code;
pub mod connection;
pub mod device;
pub mod dpop;
pub mod entropy;
pub mod family;
pub mod job;
pub mod logout;
pub mod organization;
pub mod passwordless;
pub mod redirect_uri;
pub mod resource_server;
pub mod role;
pub mod rule;
pub mod scope;
pub mod secret;
pub mod session;
pub mod settings;
pub mod signing_alg;
pub mod tenant;
pub mod ticket;
pub mod time;
pub mod url_pattern;
pub mod user;
pub mod user_search;

/// Declares a string newtype for an identifier, so that a client id can never stand where a user
/// id is meant.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps an identifier as it is written on the wire and in the store.
            pub fn new(value: impl Into<String>) -> Self {
                Self(value.into())
            }
            /// The identifier as it is written on the wire.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// The `client_id` of an application (RFC 6749 §2.2).
    ClientId
);
id!(
    /// The `sub` of a user, `auth0|…` for users of the database connection.
    UserId
);
id!(
    /// The id of an API as the Management API shows it; its audience is its `identifier`.
    ResourceServerId
);
id!(
    /// The id of a client grant, `cgr_…`.
    ClientGrantId
);
id!(
    /// The public id of a browser session, the `sid` of ID tokens. Not the cookie.
    SessionId
);
id!(
    /// The id of a refresh-token family: one login of one user in one client.
    FamilyId
);
id!(
    /// The `kid` of a signing key.
    KeyId
);
id!(
    /// The id of an organization, `org_…`.
    OrganizationId
);
id!(
    /// The id of a public key of an application, `cred_…`.
    CredentialId
);
id!(
    /// The id of a role, `rol_…`.
    RoleId
);
id!(
    /// The id of a connection, `con_…`.
    ConnectionId
);
id!(
    /// The id of a job, `job_…`.
    JobId
);
id!(
    /// The id of an Action, a UUID.
    ActionId
);
id!(
    /// The id of a version of an Action, a UUID.
    ActionVersionId
);
id!(
    /// The id of the place of an Action at a trigger, a UUID.
    ActionBindingId
);
id!(
    /// The id of an execution of a trigger.
    ExecutionId
);
id!(
    /// The id of a rule, `rul_…`.
    RuleId
);
