//! What a user may have of an API through a client, read live: permissions are never cached.

use crate::domain::{
    ClientId, UserId,
    audience::Audience,
    client_grant::SubjectType,
    resource_server::{ResourceServer, UserPolicy},
    scope::ScopeSet,
};
use crate::login::LoginService;
use crate::policy::login_scope::{self, RestrictedBy, Restriction};
use crate::store;

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

impl Entitlement {
    /// What the user's permissions say, and nothing else.
    fn of_permissions(permissions: ScopeSet) -> Self {
        let leaves = permissions.clone();
        let restrictions = vec![Restriction { by: RestrictedBy::Permissions, leaves }];
        Self { restriction: login_scope::together(&restrictions), restrictions, permissions }
    }
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
        if api.is_system {
            return self.entitlement_to_manage(client, &api.identifier, user).await;
        }
        let permissions = if api.enforce_policies || api.token_dialect.has_permissions() {
            self.store.permissions_of(user, &api.identifier).await?
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
        let everything = api.defined_scopes();
        if api.is_system {
            let permissions = if client.is_console() { everything } else { ScopeSet::default() };
            return Ok(Entitlement::of_permissions(permissions));
        }
        self.entitled(client, api, everything).await
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

    /// The same on the Management API: what the user's permissions say, and that at the console only.
    async fn entitlement_to_manage(
        &self,
        client: &ClientId,
        audience: &Audience,
        user: &UserId,
    ) -> Result<Entitlement, store::Error> {
        let permissions = if client.is_console() {
            self.store.permissions_of(user, audience).await?
        } else {
            ScopeSet::default()
        };
        Ok(Entitlement::of_permissions(permissions))
    }
}
