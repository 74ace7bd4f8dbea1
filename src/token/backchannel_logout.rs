//! Back-channel logout (OIDC Back-Channel Logout 1.0): delivers the logout tokens that the end of a
//! session left to be delivered. Any number of nodes may do so at once.
//!
//! 1. Read what is due.
//! 2. Claim each for one attempt, by a guarded update that also sets the time of the next one: a
//!    node that dies meanwhile only delays it.
//! 3. Sign a fresh token and send it.
//! 4. Remove what was accepted, and what was tried often enough; both are told to the audit trail.

use std::{collections::BTreeMap, sync::Arc};

use serde::Serialize;
use tokio::task::JoinSet;

use crate::crypto::Failed;
use crate::domain::{audit::Happened, logout::Announcement};
use crate::outbound;
use crate::store::{self, backchannel_logouts};
use crate::token::{Internal, TokenService};

/// Lifetime of a logout token in seconds: §2.4 recommends two minutes at most.
const LIFETIME: i64 = 120;

/// Delivered at once. Each may take as long as an outbound call.
const AT_ONCE: i64 = 16;

/// When the next attempt follows an attempt, in seconds. After the last, nothing follows.
const PAUSES: [i64; 4] = [30, 120, 600, 3600];

/// The event that every logout token has (§2.4).
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// No `nonce`: its absence keeps a logout token from passing for an ID token (§2.4).
#[derive(Serialize)]
struct LogoutToken<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    jti: String,
    events: BTreeMap<&'static str, BTreeMap<&'static str, ()>>,
    sid: &'a str,
}

impl TokenService {
    /// Delivers what is due, as many as may be delivered at once. Returns how many attempts were
    /// made.
    ///
    /// # Errors
    /// When the database does.
    pub async fn deliver_backchannel_logouts(self: &Arc<Self>) -> Result<usize, store::Error> {
        // Step 1.
        let mut conn = self.store.read().await?;
        let due = backchannel_logouts::due(conn.db(), self.clock.now(), AT_ONCE).await?;
        drop(conn);
        // Step 2.
        let mut attempts = JoinSet::new();
        for row in due {
            let pause = pause_after(row.attempts).unwrap_or(PAUSES[0]);
            let next = self.clock.now().plus_seconds(pause);
            let mut tx = self.store.write().await?;
            let claimed = backchannel_logouts::claim(&mut tx, &row, next).await?;
            tx.commit().await?;
            if claimed {
                let service = Arc::clone(self);
                attempts.spawn(async move { service.attempt(&row).await });
            }
        }
        let made = attempts.len();
        while let Some(ended) = attempts.join_next().await {
            if let Ok(Err(error)) = ended {
                tracing::warn!(%error, "a logout token could not be delivered for a failure of ours");
            }
        }
        Ok(made)
    }

    /// Steps 3 and 4.
    async fn attempt(&self, row: &Announcement) -> Result<(), Internal> {
        let token = self.mint_logout_token(row)?;
        let sent = self.outbound.post_form(&row.url, &[("logout_token", &token)]).await;
        let session = &row.session_id;
        let attempts = row.attempts + 1;
        let happened = match sent.map(|answer| answer.status) {
            // §2.8 says 200; 204 is common.
            Ok(200..=299) => Happened::BackchannelLogoutDelivered { session },
            failed if pause_after(row.attempts).is_some() && is_worth_a_retry(&failed) => {
                return Ok(());
            }
            failed => {
                Happened::BackchannelLogoutFailed { session, attempts, reason: reason(&failed) }
            }
        };
        let mut tx = self.store.write().await?;
        if backchannel_logouts::delete(&mut tx, &row.id).await? {
            let (client, user) = (Some(&row.client_id), Some(&row.user_id));
            self.login.commit_event(tx, &happened, client, user).await?;
        }
        Ok(())
    }

    fn mint_logout_token(&self, row: &Announcement) -> Result<String, Failed> {
        let now = self.clock.now().seconds();
        let claims = LogoutToken {
            iss: &self.settings.issuer,
            sub: row.user_id.as_str(),
            aud: row.client_id.as_str(),
            iat: now,
            exp: now.saturating_add(LIFETIME),
            jti: self.entropy.url_safe(22),
            events: BTreeMap::from([(EVENT, BTreeMap::new())]),
            sid: row.session_id.as_str(),
        };
        self.keys.get().current.sign("logout+jwt", &claims)
    }
}

type Sent = Result<u16, outbound::Failure>;

/// Seconds until the next attempt, when there were `attempts` before this one.
fn pause_after(attempts: i64) -> Option<i64> {
    usize::try_from(attempts).ok().and_then(|at| PAUSES.get(at)).copied()
}

/// Whether another attempt may end better. A URL that must not be called stays one.
fn is_worth_a_retry(sent: &Sent) -> bool {
    use outbound::Failure::{Insecure, Url};
    !matches!(sent, Err(Url | Insecure))
}

/// The word for the operator.
fn reason(sent: &Sent) -> &'static str {
    use outbound::Failure;
    match sent {
        Ok(300..=399) => "redirect",
        Ok(400..=499) => "refused",
        Ok(_) => "server_error",
        Err(Failure::Url | Failure::Insecure) => "url",
        Err(Failure::PrivateAddress) => "private_address",
        Err(Failure::Timeout) => "timeout",
        Err(Failure::TooLong) => "answer_too_long",
        Err(Failure::Connection) => "connection",
    }
}
