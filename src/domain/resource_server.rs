//! APIs (resource servers), as far as the protocol reads them.

use serde::Deserialize;

use crate::domain::{ResourceServerId, audience::Audience, scope::ScopeSet};

/// An API. Built from the document that the Management API stores.
#[derive(Debug, Clone, Deserialize)]
pub struct ResourceServer {
    /// Not part of the document: the store fills it in.
    #[serde(skip, default = "no_id")]
    pub id: ResourceServerId,
    /// Its audience; the store fills it in.
    #[serde(skip, default = "no_audience")]
    pub identifier: Audience,
    /// What people see on the consent page.
    #[serde(default)]
    pub name: Option<String>,
    /// Belongs to this server and cannot be changed.
    #[serde(default)]
    pub is_system: bool,
    /// The scopes it defines.
    #[serde(default)]
    pub scopes: Vec<DefinedScope>,
    /// Lifetime of its access tokens in seconds.
    #[serde(default = "default_lifetime")]
    pub token_lifetime: i64,
    /// The same in seconds for those that the authorization endpoint issues, through the browser.
    #[serde(default = "default_lifetime_for_web")]
    pub token_lifetime_for_web: i64,
    /// Whether refresh tokens may be issued in a login for it.
    #[serde(default)]
    pub allow_offline_access: bool,
    /// `false` demands the consent of each user even for first-party applications.
    #[serde(default = "yes")]
    pub skip_consent_for_verifiable_first_party_clients: bool,
    /// Whether a user gets only the scopes among their permissions (RBAC).
    #[serde(default)]
    pub enforce_policies: bool,
    /// The shape of its access tokens.
    #[serde(default)]
    pub token_dialect: TokenDialect,
    /// Whether client grants are demanded.
    #[serde(default)]
    pub subject_type_authorization: SubjectTypeAuthorization,
}

/// A scope that an API defines.
#[derive(Debug, Clone, Deserialize)]
pub struct DefinedScope {
    /// The scope itself.
    pub value: String,
    /// What the consent page says about it.
    #[serde(default)]
    pub description: Option<String>,
}

/// The shape of access tokens (`token_dialect`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenDialect {
    /// The Auth0 profile.
    #[default]
    AccessToken,
    /// The Auth0 profile with the user's `permissions`.
    AccessTokenAuthz,
    /// RFC 9068.
    Rfc9068Profile,
    /// RFC 9068 with the user's `permissions`.
    Rfc9068ProfileAuthz,
}

impl TokenDialect {
    /// Whether tokens carry the `permissions` claim.
    pub const fn has_permissions(self) -> bool {
        matches!(self, Self::AccessTokenAuthz | Self::Rfc9068ProfileAuthz)
    }
    /// Whether tokens follow RFC 9068.
    pub const fn is_rfc9068(self) -> bool {
        matches!(self, Self::Rfc9068Profile | Self::Rfc9068ProfileAuthz)
    }
}

/// Whether client grants are demanded, by subject (`subject_type_authorization`).
#[derive(Debug, Clone, Default, Deserialize)]
pub struct SubjectTypeAuthorization {
    /// For tokens of users.
    #[serde(default)]
    pub user: UserAuthorization,
    /// For tokens of applications.
    #[serde(default)]
    pub client: ClientAuthorization,
}

/// For tokens of users.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct UserAuthorization {
    /// The rule.
    #[serde(default)]
    pub policy: UserPolicy,
}

/// For tokens of applications.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ClientAuthorization {
    /// The rule.
    #[serde(default)]
    pub policy: ClientPolicy,
}

/// Whether users may have tokens for the API through an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserPolicy {
    /// No client grant is needed.
    #[default]
    AllowAll,
    /// Never.
    DenyAll,
    /// As far as a client grant with `subject_type: user` says.
    RequireClientGrant,
}

/// Whether applications may have tokens for the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientPolicy {
    /// Never.
    DenyAll,
    /// As far as a client grant says.
    #[default]
    RequireClientGrant,
}

impl ResourceServer {
    /// The scopes it defines.
    pub fn defined_scopes(&self) -> ScopeSet {
        self.scopes.iter().map(|s| s.value.as_str()).collect()
    }
}

fn default_lifetime() -> i64 {
    86_400
}
fn default_lifetime_for_web() -> i64 {
    7_200
}
fn yes() -> bool {
    true
}
fn no_id() -> ResourceServerId {
    ResourceServerId::new("")
}
fn no_audience() -> Audience {
    Audience::new("")
}
