//! What a user may have of an API through a client, read live: permissions are never cached.

use crate::domain::{
    ClientId, UserId,
    client_grant::SubjectType,
    resource_server::{ResourceServer, UserPolicy},
    scope::ScopeSet,
};
use crate::login::LoginService;
use crate::policy::login_scope::{self, Restriction};
use crate::store::{self, permissions};

/// What restricts a user on an API.
#[derive(Debug, Clone, Default)]
pub struct Entitlement {
    /// What client grant and permissions leave, `None` where neither restricts.
    pub restriction: Option<ScopeSet>,
    /// The same, one by one.
    pub restrictions: Vec<Restriction>,
    /// The user's permissions, where the API cares for them.
    pub permissions: ScopeSet,
}

impl LoginService {
    /// The entitlement of `user` on `api` through `client`.
    ///
    /// # Errors
    /// When the database does.
    pub async fn entitlement(
        &self,
        client: &ClientId,
        api: &ResourceServer,
        user: &UserId,
    ) -> Result<Entitlement, store::Error> {
        let permissions = if api.enforce_policies || api.token_dialect.has_permissions() {
            permissions::of_user_for(self.store.read().await?.db(), user, &api.identifier).await?
        } else {
            ScopeSet::default()
        };
        self.entitled(client, api, permissions).await
    }

    /// The entitlement on `api` through `client` of a user who has every permission.
    ///
    /// # Errors
    /// When the database does.
    pub async fn best_entitlement(
        &self,
        client: &ClientId,
        api: &ResourceServer,
    ) -> Result<Entitlement, store::Error> {
        self.entitled(client, api, api.defined_scopes()).await
    }

    async fn entitled(
        &self,
        client: &ClientId,
        api: &ResourceServer,
        permissions: ScopeSet,
    ) -> Result<Entitlement, store::Error> {
        let needs_grant =
            api.subject_type_authorization.user.policy == UserPolicy::RequireClientGrant;
        let grant = if needs_grant {
            self.store.client_grant(client, &api.identifier, SubjectType::User).await?
        } else {
            None
        };
        let restrictions = login_scope::restrictions(api, grant.as_deref(), &permissions);
        let restriction = login_scope::together(&restrictions);
        Ok(Entitlement { restriction, restrictions, permissions })
    }
}
