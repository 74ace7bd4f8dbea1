//! Refresh tokens as an operator sees them: the families that are still good for something, and
//! those that are not any more, with the reason.

use crate::domain::{
    ClientId, FamilyId, UserId, audience::Audience, client::RotationType, family::Family,
    scope::ScopeSet, time::Timestamp,
};
use crate::policy::lifetime::{self, Ended};
use crate::store::{
    self,
    families::listing::{self, Before, FamilyRecord},
};
use crate::token::TokenService;

/// Rows that are read at once where not all are wanted. Those past their idle end are only sorted
/// out afterwards: it depends on the settings of the client.
const BATCH: i64 = 200;
/// How many batches are read for one page of families of which few are wanted; the page is shorter
/// then, and the next one goes on from there.
const BATCHES: usize = 5;

/// A family and what it is good for.
#[derive(Debug, Clone)]
pub struct KnownFamily {
    /// The family and what operators noted.
    pub record: FamilyRecord,
    /// The name of the application.
    pub client_name: String,
    /// When it ended and what ended it; `None` while it can be exchanged.
    pub ended: Option<(Timestamp, Ended)>,
    /// The end if it is not exchanged before, by the client's current settings; `None` for never.
    pub idle_expires_at: Option<Timestamp>,
    /// Whether each exchange returns a successor.
    pub is_rotating: bool,
    /// The APIs it can be exchanged for with the scopes at most, the original one first; none once
    /// it has ended.
    pub apis: Vec<(Audience, ScopeSet)>,
}

/// Which families are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Those that can be exchanged.
    Live,
    /// Those that cannot any more, and have not been swept yet.
    Dead,
    /// All of them.
    Any,
}

impl Wanted {
    fn has(self, family: &KnownFamily) -> bool {
        match self {
            Self::Live => family.ended.is_none(),
            Self::Dead => family.ended.is_some(),
            Self::Any => true,
        }
    }
}

impl TokenService {
    /// The family with this id, unless it is revoked or has expired.
    ///
    /// # Errors
    /// When the database does.
    pub async fn live_family(&self, id: &FamilyId) -> Result<Option<KnownFamily>, store::Error> {
        Ok(self.family(id).await?.filter(|family| family.ended.is_none()))
    }

    /// The family with this id, alive or not.
    ///
    /// # Errors
    /// When the database does.
    pub async fn family(&self, id: &FamilyId) -> Result<Option<KnownFamily>, store::Error> {
        let found = listing::find_record(self.store.read().await?.db(), id).await?;
        match found {
            Some(record) => self.know(record).await,
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
    ) -> Result<Vec<KnownFamily>, store::Error> {
        let mut live = Vec::new();
        let mut after = after.to_owned();
        loop {
            let now = self.clock.now();
            let batch = {
                let mut conn = self.store.read().await?;
                listing::list_after(conn.db(), user, client, &after, BATCH, now).await?
            };
            let Some(last) = batch.last() else { return Ok(live) };
            last.family.id.as_str().clone_into(&mut after);
            for record in batch {
                if live.len() == limit {
                    return Ok(live);
                }
                live.extend(self.know(record).await?.filter(|family| family.ended.is_none()));
            }
        }
    }

    /// A page of the families of a user, the latest first, from the one after `before` on: at most
    /// `limit`, and where the next page begins, `None` on the last. What was read for a page is
    /// bounded, so a page can have fewer and yet not be the last.
    ///
    /// # Errors
    /// When the database does.
    pub async fn recent_families(
        &self,
        user: &UserId,
        wanted: Wanted,
        before: Option<Before>,
        limit: usize,
    ) -> Result<(Vec<KnownFamily>, Option<Before>), store::Error> {
        let (mut page, mut before) = (Vec::new(), before);
        let rows = match wanted {
            Wanted::Any => i64::try_from(limit).unwrap_or(BATCH).saturating_add(1),
            Wanted::Live | Wanted::Dead => BATCH,
        };
        for _ in 0..BATCHES {
            let alive_at = (wanted == Wanted::Live).then(|| self.clock.now());
            let batch = {
                let mut conn = self.store.read().await?;
                listing::list_recent(conn.db(), user, alive_at, before.as_ref(), rows).await?
            };
            let is_last = i64::try_from(batch.len()).is_ok_and(|read| read < rows);
            for record in batch {
                if page.len() == limit {
                    return Ok((page, before));
                }
                let Family { id, created_at, .. } = &record.family;
                before = Some(Before { created_at: *created_at, id: id.as_str().to_owned() });
                page.extend(self.know(record).await?.filter(|family| wanted.has(family)));
            }
            if is_last {
                return Ok((page, None));
            }
        }
        Ok((page, before))
    }

    /// `None` when its application is gone, which takes it along.
    async fn know(&self, record: FamilyRecord) -> Result<Option<KnownFamily>, store::Error> {
        let family = &record.family;
        let Some(client) = self.store.client(&family.client_id).await? else { return Ok(None) };
        let settings = client.client.refresh_token_settings();
        let ends = (family.revoked_at, family.expires_at);
        let ended = lifetime::ended(&settings, ends, family.into(), self.clock.now());
        let apis = match ended {
            None => self.login.apis_of(family, &client.client).await?,
            Some(_) => Vec::new(),
        };
        Ok(Some(KnownFamily {
            client_name: client.client.name.clone(),
            ended,
            idle_expires_at: lifetime::idle_end(&settings, family.into()),
            is_rotating: settings.rotation_type == RotationType::Rotating,
            apis,
            record,
        }))
    }
}
