//! Refresh tokens as an operator sees them: the families that are still good for something.

use crate::domain::{
    ClientId, FamilyId, UserId, audience::Audience, client::RotationType, scope::ScopeSet,
    time::Timestamp,
};
use crate::policy::lifetime;
use crate::store::{
    self,
    families::{self, FamilyRecord},
};
use crate::token::TokenService;

/// Rows that are read at once. Those past their idle end are only sorted out afterwards: it depends
/// on the settings of the client.
const BATCH: i64 = 200;

/// A family that can still be exchanged.
#[derive(Debug, Clone)]
pub struct LiveFamily {
    /// The family and what operators noted.
    pub record: FamilyRecord,
    /// The end if it is not exchanged before, by the client's current settings; `None` for never.
    pub idle_expires_at: Option<Timestamp>,
    /// Whether each exchange returns a successor.
    pub is_rotating: bool,
    /// The APIs it can be exchanged for with the scopes at most, the original one first.
    pub apis: Vec<(Audience, ScopeSet)>,
}

impl TokenService {
    /// The family with this id, unless it is revoked or has expired.
    ///
    /// # Errors
    /// When the database does.
    pub async fn live_family(&self, id: &FamilyId) -> Result<Option<LiveFamily>, store::Error> {
        let found = families::find_record(self.store.read().await?.db(), id).await?;
        match found {
            Some(record) => self.if_live(record).await,
            None => Ok(None),
        }
    }

    /// Up to `limit` live families of a user, in one client or all, by id from the one after
    /// `after` on.
    ///
    /// # Errors
    /// When the database does.
    pub async fn live_families(
        &self,
        user: &UserId,
        client: Option<&ClientId>,
        after: &str,
        limit: usize,
    ) -> Result<Vec<LiveFamily>, store::Error> {
        let mut live = Vec::new();
        let mut after = after.to_owned();
        loop {
            let now = self.clock.now();
            let batch = {
                let mut conn = self.store.read().await?;
                families::list_after(conn.db(), user, client, &after, BATCH, now).await?
            };
            let Some(last) = batch.last() else { return Ok(live) };
            last.family.id.as_str().clone_into(&mut after);
            for record in batch {
                if live.len() == limit {
                    return Ok(live);
                }
                live.extend(self.if_live(record).await?);
            }
        }
    }

    async fn if_live(&self, record: FamilyRecord) -> Result<Option<LiveFamily>, store::Error> {
        let family = &record.family;
        let Some(client) = self.store.client(&family.client_id).await? else { return Ok(None) };
        let settings = client.client.refresh_token_settings();
        let now = self.clock.now();
        let expired = lifetime::expired(&settings, family.expires_at, family.into(), now);
        if family.revoked_at.is_some() || expired.is_some() {
            return Ok(None);
        }
        Ok(Some(LiveFamily {
            idle_expires_at: lifetime::idle_end(&settings, family.into()),
            is_rotating: settings.rotation_type == RotationType::Rotating,
            apis: self.login.apis_of(family, &client.client).await?,
            record,
        }))
    }
}
