//! Client grants: which scopes of an API an application may have at all.

use serde::Deserialize;

use crate::domain::{ClientGrantId, ClientId, audience::Audience, scope::ScopeSet};

/// For whom a client grant counts (`subject_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubjectType {
    /// Tokens of the application itself (`client_credentials`).
    Client,
    /// Tokens of users, where the API demands a grant for them.
    User,
}

impl SubjectType {
    /// As the store and the wire write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::User => "user",
        }
    }
}

/// A client grant.
#[derive(Debug, Clone)]
pub struct ClientGrant {
    /// `cgr_…`
    pub id: ClientGrantId,
    /// The application.
    pub client_id: ClientId,
    /// The API.
    pub audience: Audience,
    /// For whom it counts.
    pub subject_type: SubjectType,
    /// The scopes, unless `allow_all_scopes`.
    pub scope: ScopeSet,
    /// Every scope that the API defines.
    pub allow_all_scopes: bool,
}

impl ClientGrant {
    /// The granted scopes, given what the API defines now.
    pub fn granted(&self, defined: &ScopeSet) -> ScopeSet {
        if self.allow_all_scopes { defined.clone() } else { self.scope.intersection(defined) }
    }
}
