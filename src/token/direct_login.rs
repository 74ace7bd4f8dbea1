//! What the logins that begin at the token endpoint, or beside it, have in common: there is no
//! `/authorize` request, and no page to ask on.

use std::sync::Arc;

use crate::domain::{
    audience::Audience, client::Client, resource_server::UserPolicy, scope::ScopeSet, user::User,
};
use crate::policy::{
    connection::NoConnection,
    consent,
    login_scope::{self, NoScope},
};
use crate::store::{clients::ClientRecord, consents, resource_servers::ResourceServerRecord};
use crate::token::{Refused, TokenService};

/// Refuses a login that would need an organization: there is no parameter for one here.
///
/// # Errors
/// [`Refused::InvalidRequest`].
pub(super) fn must_be_direct(client: &Client) -> Result<(), Refused> {
    if client.requires_organization() {
        let text = "parameter organization is required for this client".to_owned();
        return Err(Refused::InvalidRequest(text));
    }
    Ok(())
}

/// The answer to a login that names a connection which the client does not have, or for which it
/// has none.
pub(super) fn no_connection(why: NoConnection) -> Refused {
    Refused::InvalidRequest(match why {
        NoConnection::NotFound => "Unknown realm".to_owned(),
        NoConnection::NoneEnabled => "no connections enabled for the client".to_owned(),
    })
}

impl TokenService {
    /// The API that a user's login asks for; the default one if it names none. `None` for
    /// none, and for `/userinfo`, which every login gets. An API that no user may have, such as the Management API, is as good as unknown.
    pub(super) async fn api_of_login(
        &self,
        audience: Option<&Audience>,
    ) -> Result<Option<Arc<ResourceServerRecord>>, Refused> {
        let userinfo = self.settings.userinfo_audience();
        let default = self.store.tenant().await?.default_audience();
        let audience = audience.or(default.as_ref());
        let Some(audience) = audience.filter(|audience| **audience != userinfo) else {
            return Ok(None);
        };
        let found = self.store.api(audience).await?.filter(|record| {
            let policy = record.api.subject_type_authorization.user.policy;
            !record.api.is_system && policy != UserPolicy::DenyAll
        });
        let unknown = || Refused::AccessDenied(format!("Service not found: {audience}"));
        found.map(Some).ok_or_else(unknown)
    }

    /// The scopes that a login is granted, and the user's permissions on the API. A consent that is
    /// needed must have been given before.
    pub(super) async fn scope_without_page(
        &self,
        client: &ClientRecord,
        api: Option<&ResourceServerRecord>,
        user: &User,
        requested: Option<&ScopeSet>,
    ) -> Result<(ScopeSet, ScopeSet), Refused> {
        let (client, api) = (&client.client, api.map(|record| &record.api));
        let entitlement = match api {
            None => Default::default(),
            Some(api) => self.login.entitlement(&client.client_id, api, &user.user_id).await?,
        };
        let restriction = entitlement.restriction.as_ref();
        let scope = login_scope::granted(requested, client, api, restriction, NoScope::Everything);
        let demanded = consent::is_demanded(client, api);
        if demanded {
            let audience = api.map(|api| &api.identifier);
            let mut conn = self.store.read().await?;
            let (user, client) = (&user.user_id, &client.client_id);
            let given = consents::find(conn.db(), user, client, audience).await?;
            if consent::must_ask(demanded, false, given.as_ref(), &scope) {
                return Err(Refused::AccessDenied("Consent required".to_owned()));
            }
        }
        Ok((scope, entitlement.permissions))
    }
}
