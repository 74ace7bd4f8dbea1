//! The trigger `post-login`: after somebody has logged in, and at each exchange of a refresh token.

use crate::domain::{
    ExecutionId, OrganizationId, family::Family, scope::ScopeSet, session::Session,
    time::Timestamp, user::User,
};
use crate::login::transaction::Transaction;
use crate::policy::post_login::{Decision, Denial, End};
use crate::store::{clients::ClientRecord, resource_servers::ResourceServerRecord};

pub use crate::policy::post_login::Protocol;

/// A login that nothing stands in the way of, but what scripts say of it.
#[derive(Debug, Clone, Copy)]
pub struct PostLogin<'a> {
    /// How it came about.
    pub protocol: Protocol,
    /// The application.
    pub client: &'a ClientRecord,
    /// Who logs in.
    pub user: &'a User,
    /// The API that the access token is for, if any: in an exchange, the one of this exchange.
    pub api: Option<&'a ResourceServerRecord>,
    /// The organization logged in to, if any.
    pub organization_id: Option<&'a OrganizationId>,
    /// The browser session, while there is one.
    pub session: Option<&'a Session>,
    /// The refresh token that is being exchanged; none in any other flow.
    pub family: Option<&'a Family>,
    /// When the user gave a credential.
    pub auth_time: Timestamp,
    /// How.
    pub amr: &'a [String],
    /// The scopes that were asked for.
    pub requested_scope: &'a ScopeSet,
    /// The scopes that are granted unless a script says otherwise.
    pub granted_scope: &'a ScopeSet,
    /// The login in the browser, where there is one.
    pub transaction: Option<&'a Transaction>,
}

/// What scripts have made of a login.
#[derive(Debug, Clone, Default)]
pub struct Ruling {
    /// All that they decided.
    pub decision: Decision,
    /// The record of their execution; `None` when none was run.
    pub execution: Option<ExecutionId>,
}

impl Ruling {
    /// The ruling when no script is run.
    pub fn of_nobody(granted_scope: &ScopeSet) -> Self {
        Self { decision: Decision::new(granted_scope.clone()), execution: None }
    }

    /// Why the login is refused, where no browser could be sent anywhere.
    pub fn refusal(&self) -> Option<Denial> {
        match &self.decision.end {
            None => None,
            Some(End::Denied(denial)) => Some(denial.clone()),
            Some(End::Redirect(_)) => Some(Denial::interaction_required()),
        }
    }
}
