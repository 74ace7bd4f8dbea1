//! What an exchange of a refresh token reads and writes. It is the hot path: one statement reads for
//! all exchanges that wait to be read, another writes for all that wait to be written.

use super::Row as FamilyRow;
use crate::domain::{FamilyId, audit::Caller, family::Family, time::Timestamp, user::User};
use crate::store::{
    Db, Error, Result, Store, Tx, decode, dialect,
    gather::{Gather, Question},
    permissions,
};

/// A family with the facts that every exchange of its tokens depends on, all of one moment.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The family, revoked or not.
    pub family: Family,
    /// Who logged in.
    pub user: User,
    /// When the browser session of the login ends unless it is used; `None` when it is gone or there
    /// was none.
    pub session_ends: Option<Timestamp>,
    /// The name of the organization logged in to, while the user is a member of it.
    pub organization_name: Option<String>,
}

/// The row that [`Facts`] are made of.
#[derive(sqlx::FromRow)]
pub(in crate::store) struct Row {
    #[sqlx(flatten)]
    family: FamilyRow,
    connection: String,
    email: Option<String>,
    email_verified: bool,
    username: Option<String>,
    blocked: Option<bool>,
    profile: String,
    user_metadata: String,
    app_metadata: String,
    logins_count: i64,
    last_login: Option<i64>,
    user_last_ip: Option<String>,
    user_created_at: i64,
    updated_at: i64,
    session_ends: Option<i64>,
    organization_name: Option<String>,
}

/// The columns of [`Row`] and where they come from; each database names many families its own way.
/// A family goes with its user, so that there is always one.
macro_rules! facts_of {
    ($families:literal) => {
        concat!(
            "SELECT f.id, f.client_id, f.user_id, f.session_id, f.organization_id, f.audience,
             f.scope, f.login_grant, f.auth_time, f.amr, f.salt, f.generation, f.rotated_at,
             f.created_at, f.last_exchanged_at, f.expires_at, f.revoked_at, f.dpop_jkt,
             f.idle_expires_at,
             u.connection, u.email, u.email_verified, u.username, u.blocked, u.profile,
             u.user_metadata, u.app_metadata, u.logins_count, u.last_login,
             u.last_ip AS user_last_ip, u.created_at AS user_created_at, u.updated_at,
             CASE WHEN s.expires_at < s.idle_expires_at THEN s.expires_at
                 ELSE s.idle_expires_at END AS session_ends,
             o.name AS organization_name
             FROM refresh_token_family f
             JOIN user_account u ON u.user_id = f.user_id
             LEFT JOIN session s ON s.id = f.session_id
             LEFT JOIN organization_member m
                 ON m.organization_id = f.organization_id AND m.user_id = f.user_id
             LEFT JOIN organization o ON o.id = m.organization_id
             WHERE f.id ",
            $families
        )
    };
}
pub(in crate::store) use facts_of;

impl TryFrom<Row> for Facts {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let family = Family::try_from(row.family)?;
        let user = User {
            user_id: family.user_id.clone(),
            connection: row.connection,
            email: row.email,
            email_verified: row.email_verified,
            username: row.username,
            blocked: row.blocked,
            profile: decode("user_account", &row.profile)?,
            user_metadata: decode("user_account", &row.user_metadata)?,
            app_metadata: decode("user_account", &row.app_metadata)?,
            logins_count: row.logins_count,
            last_login: row.last_login.map(Timestamp::from_millis),
            last_ip: row.user_last_ip,
            created_at: Timestamp::from_millis(row.user_created_at),
            updated_at: Timestamp::from_millis(row.updated_at),
        };
        let session_ends = row.session_ends.map(Timestamp::from_millis);
        Ok(Self { family, user, session_ends, organization_name: row.organization_name })
    }
}

/// Which family's [`Facts`] are read.
#[derive(Debug, Clone)]
pub(in crate::store) struct Wanted(FamilyId);

impl Question for Wanted {
    type Answer = Option<Facts>;
    const WRITES: bool = false;

    fn subject(&self) -> Option<&str> {
        None
    }

    async fn ask(db: Db<'_>, wanted: &[Self]) -> Result<Vec<Self::Answer>> {
        let ids: Vec<_> = wanted.iter().map(|Self(id)| id.as_str()).collect();
        let rows = dialect::exchange_facts(db, &ids).await?;
        let facts = rows.into_iter().map(TryInto::try_into).collect::<Result<Vec<Facts>>>()?;
        let of = |Self(id): &Self| facts.iter().find(|facts| facts.family.id == *id).cloned();
        Ok(wanted.iter().map(of).collect())
    }
}

/// An exchange that is to be written.
#[derive(Debug, Clone)]
pub struct Advance {
    /// Of this family.
    pub family: FamilyId,
    /// The generation that was read: it guards the write.
    pub read: u32,
    /// The next one; the same for an exchange that does not rotate.
    pub next: u32,
    /// When.
    pub now: Timestamp,
    /// From where.
    pub caller: Caller,
}

impl Question for Advance {
    type Answer = bool;
    const WRITES: bool = true;

    /// The second of two exchanges of one token must lose, not be taken for the first.
    fn subject(&self) -> Option<&str> {
        Some(self.family.as_str())
    }

    async fn ask(db: Db<'_>, advances: &[Self]) -> Result<Vec<bool>> {
        let written = dialect::advance_families(db, advances).await?;
        let is_written = |advance: &Self| written.iter().any(|id| id == advance.family.as_str());
        Ok(advances.iter().map(is_written).collect())
    }
}

/// Writes an exchange as a part of a transaction. `false` when somebody else was faster or the
/// family was revoked: read it again and judge anew.
///
/// The guard makes this atomic. Checking first and then updating by key would let two transactions
/// pass the check on Postgres.
///
/// # Errors
/// When the database does.
pub async fn advance(tx: &mut Tx, advance: &Advance) -> Result<bool> {
    const ADVANCE: &str = "UPDATE refresh_token_family
        SET rotated_at = CASE WHEN generation = $3 THEN rotated_at ELSE $4 END, generation = $3,
            last_exchanged_at = $4, last_ip = $5, last_user_agent = $6, idle_expires_at = NULL
        WHERE id = $1 AND generation = $2 AND revoked_at IS NULL";
    let advanced = on!(tx.db(), |c| sqlx::query(ADVANCE)
        .bind(advance.family.as_str())
        .bind(i64::from(advance.read))
        .bind(i64::from(advance.next))
        .bind(advance.now.millis())
        .bind(advance.caller.ip.as_deref())
        .bind(advance.caller.user_agent.as_deref())
        .execute(c)
        .await?
        .rows_affected());
    Ok(advanced == 1)
}

/// The statements of the hot path on one of the databases, so that their plans can be looked at.
pub fn statements(is_embedded: bool) -> [&'static str; 3] {
    dialect::exchange_statements(is_embedded)
}

/// Connections to Postgres that exchanges have for themselves: one for each kind of question.
pub(in crate::store) const CONNECTIONS: u32 = 3;

/// What exchanges wait for.
#[derive(Default)]
pub(in crate::store) struct Exchanges {
    reads: Gather<Wanted>,
    writes: Gather<Advance>,
    pub(in crate::store) permissions: Gather<permissions::Held>,
}

impl Exchanges {
    /// Gives the connections back.
    pub(in crate::store) async fn release(&self) {
        self.reads.release().await;
        self.writes.release().await;
        self.permissions.release().await;
    }
}

impl Store {
    /// The family with this id, and what an exchange depends on.
    ///
    /// # Errors
    /// When the database does.
    pub async fn exchange_facts(&self, id: &FamilyId) -> Result<Option<Facts>> {
        Gather::ask(self, |store| &store.exchanges.reads, Wanted(id.clone())).await
    }

    /// Writes an exchange that changes nothing else; durable when this returns. `false` when
    /// somebody else was faster or the family was revoked: read it again and judge anew.
    ///
    /// # Errors
    /// When the database does.
    pub async fn advance(&self, exchange: Advance) -> Result<bool> {
        let written = Gather::ask(self, |store| &store.exchanges.writes, exchange.clone()).await?;
        if written || self.is_embedded() {
            return Ok(written);
        }
        // Moved, or only locked: somebody else's transaction holds the row. The others must not
        // wait for its end, this one may.
        let mut tx = self.write().await?;
        let written = advance(&mut tx, &exchange).await?;
        tx.commit().await?;
        Ok(written)
    }
}
