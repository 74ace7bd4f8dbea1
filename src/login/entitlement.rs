//! What a user may have of an API through a client, read live: permissions are never cached.

use crate::domain::{
    ClientId, UserId,
    audience::Audience,
    client_grant::SubjectType,
    resource_server::{ResourceServer, UserPolicy},
    scope::ScopeSet,
};
use crate::login::LoginService;
use crate::policy::login_scope;
use crate::store::{self, permissions};

/// What restricts a user on an API.
#[derive(Debug, Clone, Default)]
pub struct Entitlement {
    /// What client grant and permissions leave, `None` where neither restricts.
    pub restriction: Option<ScopeSet>,
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
        let audience = &api.identifier;
        if api.is_system {
            return self.entitlement_to_manage(client, audience, user).await;
        }
        let permissions = if api.enforce_policies || api.token_dialect.has_permissions() {
            permissions::of_user_for(self.store.read().await?.db(), user, audience).await?
        } else {
            ScopeSet::default()
        };
        let needs_grant =
            api.subject_type_authorization.user.policy == UserPolicy::RequireClientGrant;
        let grant = if needs_grant {
            self.store.client_grant(client, audience, SubjectType::User).await?
        } else {
            None
        };
        let restriction = login_scope::restriction(api, grant.as_deref(), &permissions);
        Ok(Entitlement { restriction, permissions })
    }

    /// The same on the Management API: what the user's permissions say, and that at the console only.
    async fn entitlement_to_manage(
        &self,
        client: &ClientId,
        audience: &Audience,
        user: &UserId,
    ) -> Result<Entitlement, store::Error> {
        let permissions = if client.is_console() {
            permissions::of_user_for(self.store.read().await?.db(), user, audience).await?
        } else {
            ScopeSet::default()
        };
        Ok(Entitlement { restriction: Some(permissions.clone()), permissions })
    }
}
