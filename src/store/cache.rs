//! Configuration rows in memory: clients, APIs and client grants, read through and forgotten as a
//! whole when the configuration's version moves.
//!
//! A write on this node forgets at commit. Writes of other nodes are seen by [`Store::watch`],
//! which asks for the version twice a second. Users, tokens, sessions and codes are never kept.
//!
//! What reads the database is boxed: it is rare, and the state of every request would have room for
//! it otherwise, and be moved about with it.

use std::{
    collections::HashMap,
    sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use crate::domain::{
    ClientId,
    action::{BoundAction, Trigger},
    attack_protection::AttackProtection,
    audience::Audience,
    client_grant::{ClientGrant, SubjectType},
    connection::Connection,
    rule::ActiveRules,
    tenant::Tenant,
    url_pattern::Origins,
};
use crate::store::{
    Db, Result, Store, action_bindings, attack_protection, client_grants,
    clients::{self, ClientRecord},
    connections,
    resource_servers::{self, ResourceServerRecord},
    rules, rules_configs, tenant_settings,
};

/// How many rows of a kind are kept. More and the copy begins anew: memory stays bounded.
const MOST_ROWS: usize = 4096;

type GrantKey = (ClientId, Audience, SubjectType);

/// The copy.
#[derive(Default)]
pub struct Cache {
    rows: RwLock<Rows>,
    /// Counts the forgettings, for who keeps something else of the configuration.
    changes: tokio::sync::watch::Sender<u64>,
}

#[derive(Default)]
struct Rows {
    /// Moves at each forgetting. A row that was read before it moved may be stale and is not kept.
    epoch: u64,
    clients: HashMap<ClientId, Arc<ClientRecord>>,
    apis: HashMap<Audience, Arc<ResourceServerRecord>>,
    /// Also keeps that there is no grant.
    grants: HashMap<GrantKey, Option<Arc<ClientGrant>>>,
    tenant: Option<Arc<Tenant>>,
    attack_protection: Option<Arc<AttackProtection>>,
    /// The connections of each client.
    connections: HashMap<ClientId, Arc<Vec<Connection>>>,
    /// The Actions of each trigger.
    pipelines: HashMap<Trigger, Arc<[BoundAction]>>,
    /// The rules that are switched on.
    rules: Option<Arc<ActiveRules>>,
    /// The origins that may call with CORS, of all clients.
    origins: Option<Arc<Origins>>,
    /// The ones known last: they outlive the forgetting, for answers without a database.
    last_origins: Option<Arc<Origins>>,
    last_tenant: Option<Arc<Tenant>>,
}

impl Cache {
    /// Drops every row.
    pub fn forget(&self) {
        {
            let mut rows = self.write();
            let (last_origins, last_tenant) = (rows.last_origins.take(), rows.last_tenant.take());
            let epoch = rows.epoch + 1;
            *rows = Rows { epoch, last_origins, last_tenant, ..Rows::default() };
        }
        self.changes.send_modify(|count| *count += 1);
    }

    // A panic elsewhere cannot leave the maps half-written: each change is one insertion.
    fn read(&self) -> RwLockReadGuard<'_, Rows> {
        self.rows.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
    fn write(&self) -> RwLockWriteGuard<'_, Rows> {
        self.rows.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn keep<K: std::hash::Hash + Eq, V>(
        &self,
        epoch: u64,
        map: impl FnOnce(&mut Rows) -> &mut HashMap<K, V>,
        key: K,
        value: V,
    ) {
        let mut rows = self.write();
        if rows.epoch == epoch {
            let map = map(&mut rows);
            if map.len() >= MOST_ROWS {
                map.clear();
            }
            map.insert(key, value);
        }
    }
}

impl Store {
    /// The client, from memory if possible. The global one is no application, so that nobody can log
    /// in to it or get tokens as it.
    ///
    /// # Errors
    /// When the database does.
    pub async fn client(&self, id: &ClientId) -> Result<Option<Arc<ClientRecord>>> {
        let epoch = {
            let rows = self.cache.read();
            if let Some(hit) = rows.clients.get(id) {
                return Ok(Some(Arc::clone(hit)));
            }
            rows.epoch
        };
        let read = async { clients::find_or_console(self.read().await?.db(), id).await };
        let found = Box::pin(read).await?;
        let found = found.filter(|record| !record.client.is_global).map(Arc::new);
        if let Some(row) = &found {
            self.cache.keep(epoch, |r| &mut r.clients, id.clone(), Arc::clone(row));
        }
        Ok(found)
    }

    /// The API with this identifier, from memory if possible.
    ///
    /// # Errors
    /// When the database does.
    pub async fn api(&self, audience: &Audience) -> Result<Option<Arc<ResourceServerRecord>>> {
        let epoch = {
            let rows = self.cache.read();
            if let Some(hit) = rows.apis.get(audience) {
                return Ok(Some(Arc::clone(hit)));
            }
            rows.epoch
        };
        let read =
            async { resource_servers::find_by_identifier(self.read().await?.db(), audience).await };
        let found = Box::pin(read).await?.map(Arc::new);
        if let Some(row) = &found {
            self.cache.keep(epoch, |r| &mut r.apis, audience.clone(), Arc::clone(row));
        }
        Ok(found)
    }

    /// The client grant, from memory if possible.
    ///
    /// # Errors
    /// When the database does.
    pub async fn client_grant(
        &self,
        client: &ClientId,
        audience: &Audience,
        subject: SubjectType,
    ) -> Result<Option<Arc<ClientGrant>>> {
        let key = (client.clone(), audience.clone(), subject);
        let epoch = {
            let rows = self.cache.read();
            if let Some(hit) = rows.grants.get(&key) {
                return Ok(hit.clone());
            }
            rows.epoch
        };
        let read = async {
            client_grants::find_for(self.read().await?.db(), client, audience, subject).await
        };
        let found = Box::pin(read).await?;
        let found = found.map(|record| Arc::new(record.grant));
        self.cache.keep(epoch, |r| &mut r.grants, key, found.clone());
        Ok(found)
    }

    /// The connections that users of a client may come from, oldest first, from memory if
    /// possible.
    ///
    /// # Errors
    /// When the database does.
    pub async fn connections(&self, client: &ClientId) -> Result<Arc<Vec<Connection>>> {
        let epoch = {
            let rows = self.cache.read();
            if let Some(hit) = rows.connections.get(client) {
                return Ok(Arc::clone(hit));
            }
            rows.epoch
        };
        let read = async { connections::enabled_for(self.read().await?.db(), client).await };
        let found = Arc::new(Box::pin(read).await?);
        self.cache.keep(epoch, |r| &mut r.connections, client.clone(), Arc::clone(&found));
        Ok(found)
    }

    /// The Actions that run at a trigger, in order, from memory if possible: of each the deployed
    /// version.
    ///
    /// # Errors
    /// When the database does.
    pub async fn pipeline(&self, trigger: Trigger) -> Result<Arc<[BoundAction]>> {
        let epoch = {
            let rows = self.cache.read();
            if let Some(hit) = rows.pipelines.get(&trigger) {
                return Ok(Arc::clone(hit));
            }
            rows.epoch
        };
        let read =
            async { action_bindings::pipeline(self.read().await?.db(), trigger.as_str()).await };
        let found: Arc<[BoundAction]> = Box::pin(read).await?.into();
        self.cache.keep(epoch, |r| &mut r.pipelines, trigger, Arc::clone(&found));
        Ok(found)
    }

    /// The rules that run at a login, with their configuration, from memory if possible.
    ///
    /// # Errors
    /// When the database does.
    pub async fn rules(&self) -> Result<Arc<ActiveRules>> {
        let epoch = {
            let rows = self.cache.read();
            if let Some(hit) = &rows.rules {
                return Ok(Arc::clone(hit));
            }
            rows.epoch
        };
        let read = async {
            let mut conn = self.read().await?;
            let rules = rules::active(conn.db()).await?;
            // Without a rule nobody reads it.
            let configuration = match rules.is_empty() {
                true => Vec::new(),
                false => rules_configs::all(conn.db()).await?,
            };
            Result::Ok(Arc::new(ActiveRules { rules, configuration }))
        };
        let found = Box::pin(read).await?;
        let mut rows = self.cache.write();
        if rows.epoch == epoch {
            rows.rules = Some(Arc::clone(&found));
        }
        Ok(found)
    }

    /// Every origin that some client may call from with CORS: those of its callbacks, its
    /// `allowed_origins` and its `web_origins`. While the database cannot be reached, the ones that
    /// were known last: a script must be able to read that the server is unavailable, and there
    /// is nothing else that it could be told.
    ///
    /// # Errors
    /// When the database does, and none were ever known.
    pub async fn browser_origins(&self) -> Result<Arc<Origins>> {
        let epoch = {
            let rows = self.cache.read();
            if let Some(hit) = &rows.origins {
                return Ok(Arc::clone(hit));
            }
            rows.epoch
        };
        let read = async { clients::browser_origins(self.read().await?.db()).await };
        let found = match Box::pin(read).await {
            Ok(found) => Arc::new(found),
            Err(error) => {
                let last = self.cache.read().last_origins.as_ref().map(Arc::clone);
                return last.ok_or(error);
            }
        };
        let mut rows = self.cache.write();
        if rows.epoch == epoch {
            rows.origins = Some(Arc::clone(&found));
            rows.last_origins = Some(Arc::clone(&found));
        }
        Ok(found)
    }

    /// The settings that the operator changes while the server runs, from memory if possible. While
    /// the database cannot be reached, the ones that were known last: what is answered then (keys,
    /// discovery, pages that say that something is wrong) looks as it always does.
    ///
    /// # Errors
    /// When the database does, and none were ever known.
    pub async fn tenant(&self) -> Result<Arc<Tenant>> {
        let epoch = {
            let rows = self.cache.read();
            if let Some(hit) = &rows.tenant {
                return Ok(Arc::clone(hit));
            }
            rows.epoch
        };
        let read = async { tenant_settings::read(self.read().await?.db()).await };
        let found = match Box::pin(read).await {
            Ok(found) => Arc::new(found.tenant),
            Err(error) => {
                let last = self.cache.read().last_tenant.as_ref().map(Arc::clone);
                return last.filter(|_| error.is_temporary()).ok_or(error);
            }
        };
        let mut rows = self.cache.write();
        if rows.epoch == epoch {
            rows.tenant = Some(Arc::clone(&found));
            rows.last_tenant = Some(Arc::clone(&found));
        }
        Ok(found)
    }

    /// What is done about guessed passwords, from memory if possible.
    ///
    /// # Errors
    /// When the database does.
    pub async fn attack_protection(&self) -> Result<Arc<AttackProtection>> {
        let epoch = {
            let rows = self.cache.read();
            if let Some(hit) = &rows.attack_protection {
                return Ok(Arc::clone(hit));
            }
            rows.epoch
        };
        let read = async { attack_protection::current(self.read().await?.db()).await };
        let found = Arc::new(Box::pin(read).await?);
        let mut rows = self.cache.write();
        if rows.epoch == epoch {
            rows.attack_protection = Some(Arc::clone(&found));
        }
        Ok(found)
    }

    /// Tells each time that the configuration may have changed, on this node or another.
    pub fn changes(&self) -> tokio::sync::watch::Receiver<u64> {
        self.cache.changes.subscribe()
    }

    /// Follows the configuration's version until the task is dropped, so that a change on another
    /// node is seen here within a second.
    pub async fn watch(self) {
        let mut known = None;
        loop {
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
            let now = match self.read_patiently().await {
                Ok(mut conn) => version(conn.db()).await,
                Err(error) => Err(error),
            };
            match now {
                Ok(now) if known == Some(now) => {}
                Ok(now) => {
                    self.cache.forget();
                    known = Some(now);
                }
                // Unreachable: the copy may be stale by now, and reading it anew will say so.
                Err(_) => {
                    self.cache.forget();
                    known = None;
                }
            }
        }
    }
}

pub(super) async fn version(db: Db<'_>) -> Result<i64> {
    const VERSION: &str = "SELECT version FROM config_version WHERE id = 1";
    let (version,): (i64,) = on!(db, |c| sqlx::query_as(VERSION).fetch_one(c).await?);
    Ok(version)
}

pub(super) async fn bump_version(db: Db<'_>) -> Result<()> {
    const BUMP: &str = "UPDATE config_version SET version = version + 1 WHERE id = 1";
    on!(db, |c| sqlx::query(BUMP).execute(c).await.map(|_| ())?);
    Ok(())
}
