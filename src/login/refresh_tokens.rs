//! What a refresh token is good for, as operators and scripts are told.

use crate::domain::{audience::Audience, client::Client, family::Family, scope::ScopeSet};
use crate::login::LoginService;
use crate::store;

impl LoginService {
    /// One entry for the original audience and one for each policy that can be used, without the
    /// restrictions that depend on the user.
    ///
    /// # Errors
    /// When the database does.
    pub async fn apis_of(
        &self,
        family: &Family,
        client: &Client,
    ) -> Result<Vec<(Audience, ScopeSet)>, store::Error> {
        let mut apis: Vec<(Audience, ScopeSet)> = Vec::new();
        if let Some(audience) = &family.audience
            && let Some(api) = self.store.api(audience).await?
        {
            let policy = client.policies().iter().find(|policy| policy.audience == *audience);
            let more = policy.map(|policy| policy.scope.clone()).unwrap_or_default();
            let defined = api.api.defined_scopes();
            let granted = family.scope.api().union(&more.api()).intersection(&defined);
            apis.push((audience.clone(), family.scope.oidc().union(&granted)));
        }
        if !client.is_first_party {
            // Multi-resource refresh tokens are for first-party applications.
            return Ok(apis);
        }
        for policy in client.policies() {
            if family.audience.as_ref() == Some(&policy.audience) {
                continue;
            }
            let Some(api) = self.store.api(&policy.audience).await? else { continue };
            if !api.api.is_system {
                let scope = policy.scope.api().intersection(&api.api.defined_scopes());
                apis.push((policy.audience.clone(), scope));
            }
        }
        Ok(apis)
    }
}
