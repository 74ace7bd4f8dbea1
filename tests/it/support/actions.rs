//! Actions: deployed and bound behind the wire, so that tests of flows need no Management API.

use doorward::{
    crypto::{action_secrets::ActionSecrets, random::SystemEntropy},
    domain::{
        ActionBindingId, ActionId, ActionVersionId, ExecutionId,
        action::{
            Trigger,
            definition::{Action, ActionBinding, ActionVersion, Content, SecretName},
            execution::TriggerExecution,
        },
        entropy::Entropy,
    },
    store::{action_bindings, action_executions, action_versions, actions},
};

use crate::support::TestApp;

impl TestApp {
    /// Deploys an Action and binds it behind those that are bound already. Returns its id.
    pub async fn bind_action(&self, trigger: Trigger, name: &str, code: &str) -> ActionId {
        self.bind_action_with(trigger, name, code, &[], None).await
    }

    /// The same with secrets, and with hosts that it may call.
    pub async fn bind_action_with(
        &self,
        trigger: Trigger,
        name: &str,
        code: &str,
        secrets: &[(&str, &str)],
        allowed_hosts: Option<&[&str]>,
    ) -> ActionId {
        let (entropy, now): (&dyn Entropy, _) = (&SystemEntropy, self.inner.clock.now());
        let (id, version_id) =
            (ActionId::new(entropy.uuid()), ActionVersionId::new(entropy.uuid()));
        let mut values = ActionSecrets::default();
        secrets.iter().for_each(|(name, value)| values.set(name, value));
        let sealer = &self.inner.tokens.at_rest;
        let content = |row: &str| Content {
            trigger_id: trigger.as_str().to_owned(),
            trigger_version: "v3".to_owned(),
            code: code.to_owned(),
            runtime: "node22".to_owned(),
            secrets: secrets
                .iter()
                .map(|(name, _)| SecretName { name: (*name).to_owned(), updated_at: now })
                .collect(),
            secrets_sealed: values.seal(sealer, row, &SystemEntropy).unwrap(),
            allowed_hosts: allowed_hosts
                .map(|hosts| hosts.iter().map(|host| (*host).to_owned()).collect()),
        };
        let mut action = Action {
            id: id.clone(),
            name: name.to_owned(),
            draft: content(id.as_str()),
            deployed_version_id: None,
            is_deployed: false,
            last_number: 0,
            created_at: now,
            updated_at: now,
        };
        let version = ActionVersion {
            id: version_id.clone(),
            action_id: id.clone(),
            number: 1,
            content: content(version_id.as_str()),
            created_at: now,
        };
        let mut tx = self.inner.store.write().await.unwrap();
        tx.configuration_changes().await.unwrap();
        actions::insert(&mut tx, &action).await.unwrap();
        action_versions::insert(&mut tx, &version).await.unwrap();
        (action.deployed_version_id, action.is_deployed) = (Some(version_id), true);
        action.last_number = 1;
        actions::update(&mut tx, &action).await.unwrap();
        let mut bindings = action_bindings::list(tx.db(), trigger.as_str()).await.unwrap();
        bindings.push(ActionBinding {
            id: ActionBindingId::new(entropy.uuid()),
            trigger_id: trigger.as_str().to_owned(),
            action_id: id.clone(),
            display_name: name.to_owned(),
            created_at: now,
            updated_at: now,
        });
        action_bindings::replace(&mut tx, trigger.as_str(), &bindings).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    /// Takes an Action away from every trigger.
    pub async fn unbind_action(&self, id: &ActionId) {
        let mut tx = self.inner.store.write().await.unwrap();
        action_bindings::unbind(&mut tx, id).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Removes an Action that is bound to nothing.
    pub async fn forget_action(&self, id: &ActionId) {
        let mut tx = self.inner.store.write().await.unwrap();
        assert!(actions::delete(&mut tx, id).await.unwrap());
        tx.commit().await.unwrap();
    }

    /// The executions in which an Action ran, newest first, each with its own result only.
    pub async fn executions_of(&self, id: &ActionId) -> Vec<TriggerExecution> {
        self.inner.login.executions.flush().await;
        let mut conn = self.inner.store.read().await.unwrap();
        action_executions::list_of_action(conn.db(), id, None, 100).await.unwrap()
    }

    /// A whole execution.
    pub async fn execution(&self, id: &str) -> TriggerExecution {
        self.inner.login.executions.flush().await;
        let mut conn = self.inner.store.read().await.unwrap();
        let found = action_executions::find(conn.db(), &ExecutionId::new(id)).await.unwrap();
        found.expect("the record of an execution")
    }
}
