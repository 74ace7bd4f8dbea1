//! Who is kept out, and letting them in again.

use std::net::IpAddr;

use crate::domain::{
    address::Origin, audit::Happened, secret::Ticket, ticket::TicketKind, user::User,
};
use crate::login::{LoginService, attack_protection::rate_of};
use crate::store::{
    self, Db, Tx, login_failures,
    rate_buckets::{self, Bucket, Kind},
};

impl LoginService {
    /// Where an identifier may not log in from, for too many wrong passwords; empty text stands for
    /// everywhere.
    ///
    /// # Errors
    /// When the database does.
    pub async fn blocked_origins(
        &self,
        db: Db<'_>,
        identifier: &str,
    ) -> Result<Vec<String>, store::Error> {
        let most = self.store.attack_protection().await?.brute_force.max_attempts;
        let mac = self.mac_of(identifier);
        login_failures::blocked_origins(db, &mac, most, self.clock.now()).await
    }

    /// Lets somebody try again with this identifier, from wherever they were blocked.
    ///
    /// # Errors
    /// When the database does.
    pub async fn unblock_identifier(
        &self,
        tx: &mut Tx,
        identifier: &str,
    ) -> Result<(), store::Error> {
        login_failures::unblock(tx, &self.mac_of(identifier)).await
    }

    /// The same for a user, whatever they log in with.
    ///
    /// # Errors
    /// When the database does.
    pub async fn unblock(&self, tx: &mut Tx, user: &User) -> Result<(), store::Error> {
        for identifier in user.email.iter().chain(&user.username) {
            self.unblock_identifier(tx, identifier).await?;
        }
        Ok(())
    }

    /// Unblocks the user of a ticket. `false` when it does not work.
    ///
    /// # Errors
    /// When the database does.
    pub async fn unblock_by_ticket(&self, ticket: &Ticket) -> Result<bool, store::Error> {
        let mut tx = self.store.write().await?;
        let spent = self.spend_ticket(&mut tx, ticket, TicketKind::Unblock).await?;
        let Some((record, _)) = spent else { return Ok(false) };
        self.unblock(&mut tx, &record.user).await?;
        self.commit_event(tx, &Happened::Unblocked, None, Some(&record.user.user_id)).await?;
        Ok(true)
    }

    /// Whether logins or new accounts are refused from an address now.
    ///
    /// # Errors
    /// When the database does.
    pub async fn is_throttled(&self, ip: IpAddr) -> Result<bool, store::Error> {
        let protection = self.store.attack_protection().await?;
        let (throttling, origin) = (&protection.suspicious_ip, Origin::of(ip));
        if !throttling.applies_to(ip) {
            return Ok(false);
        }
        let mut conn = self.store.read().await?;
        let stages = [
            (Kind::Login, throttling.stage.pre_login),
            (Kind::Signup, throttling.stage.pre_user_registration),
        ];
        for (kind, stage) in stages {
            let bucket = Bucket { kind, subject: origin.as_str() };
            if self.retry_after(conn.db(), bucket, rate_of(stage)).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Lets an address in again.
    ///
    /// # Errors
    /// When the database does.
    pub async fn let_in_again(&self, tx: &mut Tx, ip: IpAddr) -> Result<(), store::Error> {
        let origin = Origin::of(ip);
        for kind in [Kind::Login, Kind::Signup] {
            rate_buckets::fill(tx, Bucket { kind, subject: origin.as_str() }).await?;
        }
        Ok(())
    }

    /// As [`LoginService::check_password`] reads it.
    fn mac_of(&self, identifier: &str) -> Vec<u8> {
        self.short_codes.login_identifier(&identifier.trim().to_lowercase())
    }
}
