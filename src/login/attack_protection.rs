//! What keeps people from guessing passwords (`/attack-protection`). What is counted is in the
//! database: every node knows it, and none forgets it.
//!
//! 1. Before a password is checked: does anything stand in the way? A refused attempt costs no hash.
//! 2. One attempt is taken from what the same user has from the same address.
//! 3. After a wrong password: count it, guarded. Of parallel guesses, those beyond the limit get the
//!    answer of a block, whatever they guessed.
//! 4. After a right one: look again. It must not get in if meanwhile as many wrong ones were counted
//!    as are allowed, or the limit could be beaten by guessing in parallel.
//!
//! Identifiers that nobody has are counted like all others: whether there is an account shows
//! nowhere.

mod notices;
mod unblock;

use std::{net::IpAddr, sync::Arc};

pub use self::notices::Notices;
use crate::crypto::hex;
use crate::domain::{
    ClientId, UserId,
    address::Origin,
    attack_protection::{
        AttackProtection, BETWEEN_MESSAGES, Hindrance, Mode, REMEMBERED, Shield, Stage,
    },
    audit::Happened,
    connection::Connection,
};
use crate::login::LoginService;
use crate::policy::rate::{self, Rate};
use crate::store::{
    self, Db, Tx,
    login_failures::{self, Counter},
    rate_buckets::{self, Bucket, Cost, Kind},
};
use crate::telemetry;

/// An attempt to log in, as it is counted.
pub struct Attempt {
    protection: Arc<AttackProtection>,
    identifier: String,
    /// The names of those that the identifier is looked for in.
    databases: Vec<String>,
    /// The wrong passwords for the account; `None` where they are not counted.
    account: Option<Counter>,
    /// The address, where it is counted.
    address: Option<Origin>,
    /// One user at one address; `None` for tools on the machine itself.
    same_user: Option<String>,
}

impl Attempt {
    /// How many wrong passwords in a row are too many.
    fn most(&self) -> i64 {
        self.protection.brute_force.max_attempts
    }
    fn bucket_of_address(&self) -> Option<Bucket<'_>> {
        self.address.as_ref().map(|origin| Bucket { kind: Kind::Login, subject: origin.as_str() })
    }
    fn bucket_of_user(&self) -> Option<Bucket<'_>> {
        self.same_user.as_deref().map(|subject| Bucket { kind: Kind::SameUser, subject })
    }
    fn rate_of_address(&self) -> Rate {
        rate_of(self.protection.suspicious_ip.stage.pre_login)
    }
}

fn rate_of(stage: Stage) -> Rate {
    Rate::every_millis(stage.rate, stage.max_attempts)
}

/// What was counted too often.
enum Over<'a> {
    Account(&'a Counter),
    Bucket(Bucket<'a>),
}

impl LoginService {
    /// How an attempt with this identifier is counted. `databases` are those that it is looked for
    /// in.
    pub(super) async fn attempt(
        &self,
        identifier: &str,
        databases: &[Connection],
    ) -> Result<Attempt, store::Error> {
        let protection = self.store.attack_protection().await?;
        let ip = self.caller_address();
        let identifier_mac = self.short_codes.login_identifier(identifier);
        let origin = ip.map(Origin::of);
        let place = origin.as_ref().map_or("", Origin::as_str);
        let same_user = (!ip.is_some_and(|ip| ip.is_loopback()))
            .then(|| format!("{}@{place}", hex::encode(&identifier_mac)));
        let guarded = databases.iter().any(|database| database.options.counts_wrong_passwords());
        let account = (guarded && protection.brute_force.applies_to(ip)).then(|| Counter {
            identifier_mac,
            origin: match protection.brute_force.mode {
                Mode::CountPerIdentifierAndIp => place.to_owned(),
                Mode::CountPerIdentifier => String::new(),
            },
        });
        let address =
            origin.filter(|_| ip.is_some_and(|ip| protection.suspicious_ip.applies_to(ip)));
        let identifier = identifier.to_owned();
        let databases = databases.iter().map(|database| database.name.clone()).collect();
        Ok(Attempt { protection, identifier, databases, account, address, same_user })
    }

    /// The address of whoever sent the request, where it says anything: behind a proxy that nobody
    /// named, all requests have the same.
    fn caller_address(&self) -> Option<IpAddr> {
        if self.settings.hidden_by_proxy {
            return None;
        }
        telemetry::caller::current().ip.and_then(|ip| ip.parse().ok())
    }

    /// Steps 1 and 2. `Some` refuses the attempt.
    pub(super) async fn hindrance(
        self: &Arc<Self>,
        attempt: &Attempt,
        client: Option<&ClientId>,
    ) -> Result<Option<Hindrance>, store::Error> {
        let mut conn = self.store.read().await?;
        let standing = self.standing(conn.db(), attempt).await?;
        drop(conn);
        if let Some(over) = standing
            && let Some(refused) = self.turn_away(attempt, over, client).await?
        {
            return Ok(Some(refused));
        }
        let (burst, per_minute) =
            (self.settings.same_user_logins, self.settings.same_user_logins_per_minute);
        let Some(bucket) = attempt.bucket_of_user().filter(|_| per_minute > 0) else {
            return Ok(None);
        };
        match self.take(bucket, Rate::per_minute(per_minute, burst)).await? {
            None => Ok(None),
            Some(retry_after) => {
                self.turn_away(attempt, Hindrance::SameUser { retry_after }, client).await
            }
        }
    }

    /// Step 3: counts a wrong password, with the event that tells of it. `Some` when the attempt is
    /// answered with a block: it was one too many, or the last one.
    pub(super) async fn count_wrong(
        self: &Arc<Self>,
        attempt: &Attempt,
        known: Option<&UserId>,
        client: Option<&ClientId>,
    ) -> Result<Option<Hindrance>, store::Error> {
        let happened = match known {
            Some(_) => Happened::WrongPassword,
            None => Happened::UnknownUser,
        };
        let (now, mut over) = (self.clock.now(), None);
        let mut tx = self.store.write().await?;
        if let Some(counter) = &attempt.account {
            let times = (now, now.plus_seconds(REMEMBERED));
            let counted = login_failures::count(&mut tx, counter, attempt.most(), times).await?;
            if counted.is_none_or(|count| count >= attempt.most()) {
                over = Some(Hindrance::Account);
            }
        }
        if let Some(bucket) = attempt.bucket_of_address() {
            let wait = self.take_within(&mut tx, bucket, attempt.rate_of_address()).await?;
            over = over.or(wait.map(|retry_after| Hindrance::Address { retry_after }));
        }
        self.commit_event(tx, &happened, client, known).await?;
        match over {
            Some(hindrance) => self.turn_away(attempt, hindrance, client).await,
            None => Ok(None),
        }
    }

    /// Step 4, after a right password. `Some` refuses it all the same.
    pub(super) async fn confirm_right(
        self: &Arc<Self>,
        attempt: &Attempt,
        client: Option<&ClientId>,
    ) -> Result<Option<Hindrance>, store::Error> {
        let now = self.clock.now();
        let mut conn = self.store.read().await?;
        let standing = self.standing(conn.db(), attempt).await?;
        let counted = match &attempt.account {
            Some(counter) => login_failures::find(conn.db(), counter, now).await?,
            None => None,
        };
        drop(conn);
        if let Some(over) = standing
            && let Some(refused) = self.turn_away(attempt, over, client).await?
        {
            return Ok(Some(refused));
        }
        let (Some(counter), Some(_)) = (&attempt.account, counted) else { return Ok(None) };
        let blocks = attempt.protection.brute_force.does(Shield::Block);
        let most = if blocks { attempt.most() } else { i64::MAX };
        let mut tx = self.store.write().await?;
        let forgotten = login_failures::forget(&mut tx, counter, most, now).await?;
        tx.commit().await?;
        match forgotten {
            true => Ok(None),
            false => self.turn_away(attempt, Hindrance::Account, client).await,
        }
    }

    /// Whether what was counted so far is too much.
    async fn standing(
        &self,
        mut db: Db<'_>,
        attempt: &Attempt,
    ) -> Result<Option<Hindrance>, store::Error> {
        if let Some(counter) = &attempt.account {
            let found = login_failures::find(db.reborrow(), counter, self.clock.now()).await?;
            if found.is_some_and(|count| count >= attempt.most()) {
                return Ok(Some(Hindrance::Account));
            }
        }
        let Some(bucket) = attempt.bucket_of_address() else { return Ok(None) };
        let wait = self.retry_after(db, bucket, attempt.rate_of_address()).await?;
        Ok(wait.map(|retry_after| Hindrance::Address { retry_after }))
    }

    /// Tells of an attempt that is one too many, and refuses it if the shields say so; else `None`.
    async fn turn_away(
        self: &Arc<Self>,
        attempt: &Attempt,
        hindrance: Hindrance,
        client: Option<&ClientId>,
    ) -> Result<Option<Hindrance>, store::Error> {
        let protection = &attempt.protection;
        let (over, blocks) = match &hindrance {
            Hindrance::Account => (
                attempt.account.as_ref().map(Over::Account),
                protection.brute_force.does(Shield::Block),
            ),
            Hindrance::Address { .. } => (
                attempt.bucket_of_address().map(Over::Bucket),
                protection.suspicious_ip.does(Shield::Block),
            ),
            Hindrance::SameUser { .. } => (attempt.bucket_of_user().map(Over::Bucket), true),
        };
        if let Some(over) = over
            && self.is_news(&over, client).await?
        {
            match over {
                Over::Account(_) => self.write_to_user(attempt),
                Over::Bucket(bucket) => self.write_to_administrator(protection, bucket),
            }
        }
        Ok(blocks.then_some(hindrance))
    }

    /// Counts an attempt to create an account. `Some` refuses it.
    pub(super) async fn count_signup(
        self: &Arc<Self>,
        client: &ClientId,
    ) -> Result<Option<Hindrance>, store::Error> {
        let protection = self.store.attack_protection().await?;
        let throttling = &protection.suspicious_ip;
        let Some(ip) = self.caller_address().filter(|ip| throttling.applies_to(*ip)) else {
            return Ok(None);
        };
        let origin = Origin::of(ip);
        let bucket = Bucket { kind: Kind::Signup, subject: origin.as_str() };
        let rate = rate_of(throttling.stage.pre_user_registration);
        let Some(retry_after) = self.take(bucket, rate).await? else { return Ok(None) };
        if self.is_news(&Over::Bucket(bucket), Some(client)).await? {
            self.write_to_administrator(&protection, bucket);
        }
        Ok(throttling.does(Shield::Block).then_some(Hindrance::Address { retry_after }))
    }

    /// Tells the stream of a refusal, and the trail once an hour: whoever goes on and on must not
    /// fill it. Whether it was the first one in an hour.
    async fn is_news(
        &self,
        over: &Over<'_>,
        client: Option<&ClientId>,
    ) -> Result<bool, store::Error> {
        let (happened, now) = (happened(over), self.clock.now());
        let before = now.plus_seconds(-BETWEEN_MESSAGES);
        let mut tx = self.store.write().await?;
        let is_news = match over {
            Over::Account(counter) => login_failures::notify(&mut tx, counter, before, now).await?,
            Over::Bucket(bucket) => rate_buckets::tell(&mut tx, *bucket, before, now).await?,
        };
        if is_news {
            self.commit_event(tx, &happened, client, None).await?;
        } else {
            drop(tx);
            telemetry::audit::emit(&self.event(&happened, client, None));
        }
        Ok(is_news)
    }

    /// Takes one; `None`, or the seconds until there is one.
    async fn take(&self, bucket: Bucket<'_>, rate: Rate) -> Result<Option<i64>, store::Error> {
        let mut tx = self.store.write().await?;
        let wait = self.take_within(&mut tx, bucket, rate).await?;
        tx.commit().await?;
        Ok(wait)
    }

    async fn take_within(
        &self,
        tx: &mut Tx,
        bucket: Bucket<'_>,
        rate: Rate,
    ) -> Result<Option<i64>, store::Error> {
        let now = rate::micros(self.clock.now());
        let cost = Cost { one: rate.cost(), most: rate.most(), now };
        if rate_buckets::take(tx, bucket, cost).await? {
            return Ok(None);
        }
        Ok(Some(self.retry_after(tx.db(), bucket, rate).await?.unwrap_or(1)))
    }

    /// Seconds until a bucket has one, `None` when it does.
    async fn retry_after(
        &self,
        db: Db<'_>,
        bucket: Bucket<'_>,
        rate: Rate,
    ) -> Result<Option<i64>, store::Error> {
        let found = rate_buckets::find(db, bucket).await?;
        let bucket = found.map_or(rate::Bucket::FULL, rate::Bucket::full_at);
        let (_, verdict) = bucket.take(rate, self.clock.now());
        Ok((!verdict.passes).then_some(verdict.retry_after))
    }
}

fn happened(over: &Over<'_>) -> Happened<'static> {
    match over {
        Over::Account(_) => Happened::AccountBlocked,
        Over::Bucket(Bucket { kind: Kind::SameUser, .. }) => Happened::SameUserThrottled,
        Over::Bucket(_) => Happened::AddressThrottled,
    }
}
