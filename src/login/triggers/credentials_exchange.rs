//! The trigger `credentials-exchange`: before an application gets a token for itself.

use serde_json::{Map, Value, json};

use crate::domain::{ExecutionId, action::Trigger, scope::ScopeSet};
use crate::login::{
    LoginService,
    authorize::Failure,
    triggers::{
        event::{self, without_null},
        pipeline::{Heard, Subject},
        request::{self, Reveal},
    },
};
use crate::policy::credentials_exchange::{CredentialsExchange, Denied};
use crate::store::{clients::ClientRecord, resource_servers::ResourceServerRecord};

/// An exchange that nothing stands in the way of, but what Actions say of it.
#[derive(Debug, Clone, Copy)]
pub struct CredentialsFacts<'a> {
    /// The application.
    pub client: &'a ClientRecord,
    /// The API.
    pub api: &'a ResourceServerRecord,
    /// The scopes that were asked for.
    pub requested: Option<&'a ScopeSet>,
    /// The scopes that are granted.
    pub granted: &'a ScopeSet,
}

/// What Actions made of an exchange.
#[derive(Debug)]
pub struct RuledExchange {
    /// The claims that they add, or why there is no token; a failed Action is a refusal, too.
    pub claims: Result<Map<String, Value>, Denied>,
    /// The record of their execution; `None` when none was run.
    pub execution: Option<ExecutionId>,
}

impl LoginService {
    /// Runs the Actions of the trigger.
    ///
    /// # Errors
    /// Failures of ours.
    pub async fn credentials_exchange(
        &self,
        facts: &CredentialsFacts<'_>,
    ) -> Result<RuledExchange, Failure> {
        let trigger = Trigger::CredentialsExchange;
        let actions = self.bound_to(trigger).await?;
        if actions.is_empty() {
            return Ok(RuledExchange { claims: Ok(Map::new()), execution: None });
        }
        let mut event = without_null(json!({
            "accessToken": { "customClaims": {}, "scope": facts.granted },
            "client": event::client(facts.client),
            "request": request::event(&request::current(), Reveal::AllButSecrets),
            "resource_server": { "identifier": facts.api.api.identifier },
            "tenant": event::tenant(&self.settings.tenant_name),
            "transaction": { "requested_scopes": facts.requested.unwrap_or(&ScopeSet::default()) },
        }));
        let mut exchange = CredentialsExchange::default();
        let client = Some(&facts.client.client.client_id);
        let subject = Subject { client, user: None };
        let ended = self
            .run_pipeline(trigger, &actions, &mut event, subject, |commands, event| {
                exchange.hear(&facts.api.api, commands);
                event.insert(
                    "accessToken".to_owned(),
                    json!({ "customClaims": exchange.claims, "scope": facts.granted }),
                );
                let notes = std::mem::take(&mut exchange.notes);
                Heard { notes, refused: exchange.denied.is_some() }
            })
            .await?;
        let failed = ended.failed.map(|message| Denied::failed(&message));
        let claims = match failed.or(exchange.denied) {
            Some(denied) => Err(denied),
            None => Ok(exchange.claims),
        };
        Ok(RuledExchange { claims, execution: Some(ended.execution) })
    }
}
