//! What is written to people about attempts that were refused, after the answer: whether there is an
//! account must not show in its time.

use std::sync::Arc;

use crate::domain::{
    attack_protection::{AttackProtection, Shield},
    settings::Settings,
    tenant::Tenant,
    ticket::{IssuedTicket, TicketKind},
};
use crate::login::{LoginService, attack_protection::Attempt};
use crate::mail::Message;
use crate::store::{
    self,
    rate_buckets::{Bucket, Kind},
    users,
};

/// Composes the messages: texts are not the matter of this room. They are in the language that the
/// operator chose, not in that of whoever guesses.
pub trait Notices: Send + Sync {
    /// To a user whose account is blocked, with the link that unblocks it.
    fn account_blocked(
        &self,
        settings: &Settings,
        tenant: &Tenant,
        issued: &IssuedTicket,
    ) -> Message;
    /// To whoever runs the service, about an address that is refused.
    fn address_throttled(
        &self,
        settings: &Settings,
        tenant: &Tenant,
        to: &str,
        address: &str,
    ) -> Message;
}

impl LoginService {
    /// Sends the user whom an attempt was about a link that unblocks, if there is one.
    pub(super) fn write_to_user(self: &Arc<Self>, attempt: &Attempt) {
        if !attempt.protection.brute_force.does(Shield::UserNotification) {
            return;
        }
        let (login, identifier) = (Arc::clone(self), attempt.identifier.clone());
        let databases = attempt.databases.clone();
        self.in_background(async move {
            for database in databases {
                let mut conn = login.store.read().await?;
                let found = users::find_by_identifier(conn.db(), &database, &identifier).await?;
                drop(conn);
                let Some(user) = found.map(|record| record.user).filter(|u| !u.is_blocked()) else {
                    continue;
                };
                let mut tx = login.store.write().await?;
                let ticket = login.issue_ticket(&mut tx, &user, TicketKind::Unblock).await?;
                tx.commit().await?;
                if let Some(ticket) = ticket {
                    let tenant = login.store.tenant().await?;
                    let notices = &login.notices;
                    let message = notices.account_blocked(&login.settings, &tenant, &ticket);
                    login.mailer.send(message).await;
                }
            }
            Ok(())
        });
    }

    /// Tells whoever runs the service of an address, where a support address is set.
    pub(super) fn write_to_administrator(
        self: &Arc<Self>,
        protection: &AttackProtection,
        bucket: Bucket<'_>,
    ) {
        let is_of_address = matches!(bucket.kind, Kind::Login | Kind::Signup);
        if !is_of_address || !protection.suspicious_ip.does(Shield::AdminNotification) {
            return;
        }
        let (login, address) = (Arc::clone(self), bucket.subject.to_owned());
        self.in_background(async move {
            let tenant = login.store.tenant().await?;
            if let Some(to) = tenant.support_email.as_deref().filter(|to| !to.is_empty()) {
                let notices = &login.notices;
                let message = notices.address_throttled(&login.settings, &tenant, to, &address);
                login.mailer.send(message).await;
            }
            Ok(())
        });
    }

    fn in_background(&self, task: impl Future<Output = Result<(), store::Error>> + Send + 'static) {
        let task = async {
            if let Err(error) = task.await {
                tracing::warn!(%error, "a notice was not sent: the store failed");
            }
        };
        if self.background.run(task).is_err() {
            tracing::warn!("a notice was not sent: too much else is going on");
        }
    }
}
