//! Logins whose browser a script has sent elsewhere. What is needed to go on waits in the store under
//! the hash of a random handle, sealed, and bound to the browser and its session: neither who reads
//! the database nor who gets hold of the address can go on in the user's place, and nobody can make
//! another browser go on with a login of their own (login CSRF).
//!
//! Coming back takes the row: a login goes on once.

use serde::{Deserialize, Serialize};

use crate::crypto::{self, digest};
use crate::domain::{secret::SuspensionHandle, session::Session};
use crate::login::{
    LoginService,
    authorize::Failure,
    transaction::{BrowserBinding, Transaction, TransactionFault},
    triggers::post_login::{Course, Resumed},
};
use crate::store::suspended_logins::{self, SuspendedLogin};

/// How long a browser may stay away, in seconds: three days, as at Auth0. The session may end before.
pub const LIFETIME: i64 = 3 * 86_400;

/// Logins of one session that may wait at a time; older ones give way.
const AT_A_TIME: i64 = 20;

/// Characters of a handle.
const HANDLE: usize = 43;

/// A login that is to wait for its browser.
#[derive(Debug)]
pub struct Suspension {
    /// Where the browser is sent, still without `state`.
    pub url: String,
    /// The session that the login belongs to.
    pub session: Session,
    /// What the login is for.
    pub transaction: Transaction,
    /// How far it has come.
    pub course: Course,
}

/// What waits.
#[derive(Serialize, Deserialize)]
struct Waiting {
    transaction: Transaction,
    course: Course,
}

impl LoginService {
    /// Keeps a login until its browser comes back. Returns the address to send it to.
    ///
    /// # Errors
    /// Failures of ours.
    pub async fn suspend(
        &self,
        suspension: Suspension,
        browser: &BrowserBinding,
    ) -> Result<String, Failure> {
        let Suspension { url, session, transaction, course } = suspension;
        let handle = SuspensionHandle::new(self.entropy.url_safe(HANDLE));
        let hash = digest::suspension_hash(&handle);
        let plain = serde_json::to_vec(&Waiting { transaction, course });
        let plain = plain.map_err(|_| crypto::Failed("suspended login"))?;
        let sealed = self.transactions.seal(&plain, &place(browser, &hash), &*self.entropy)?;
        let expires_at = self.clock.now().plus_seconds(LIFETIME);
        let login = SuspendedLogin { session_id: session.id, sealed, expires_at };
        let mut tx = self.store.write().await?;
        suspended_logins::make_room(&mut tx, &login.session_id, AT_A_TIME - 1).await?;
        suspended_logins::insert(&mut tx, &hash, &login).await?;
        tx.commit().await?;
        Ok(with_state(&url, &handle))
    }

    /// Takes the login that a browser has come back to. Nothing is taken from a browser that is not
    /// the one, or in which somebody else is logged in now.
    ///
    /// # Errors
    /// The inner one says why there is no login to go on with, the outer one is ours.
    pub async fn take_suspended(
        &self,
        state: &str,
        browser: Option<&BrowserBinding>,
        session: Option<&Session>,
    ) -> Result<Result<(Transaction, Resumed), TransactionFault>, Failure> {
        const FOREIGN: TransactionFault = TransactionFault::Foreign;
        let (Some(browser), Some(session)) = (browser, session) else { return Ok(Err(FOREIGN)) };
        if state.len() != HANDLE {
            return Ok(Err(FOREIGN));
        }
        let hash = digest::suspension_hash(&SuspensionHandle::new(state));
        let found = suspended_logins::find(self.store.read().await?.db(), &hash).await?;
        let Some(login) = found.filter(|login| login.session_id == session.id) else {
            return Ok(Err(FOREIGN));
        };
        let Ok(plain) = self.transactions.open(&login.sealed, &place(browser, &hash)) else {
            return Ok(Err(FOREIGN));
        };
        if self.clock.now() >= login.expires_at {
            return Ok(Err(TransactionFault::Expired));
        }
        let Ok(waiting) = serde_json::from_slice::<Waiting>(&plain) else {
            return Ok(Err(FOREIGN));
        };
        let mut tx = self.store.write().await?;
        if !suspended_logins::take(&mut tx, &hash).await? {
            return Ok(Err(FOREIGN));
        }
        tx.commit().await?;
        let Waiting { transaction, course } = waiting;
        Ok(Ok((transaction, Resumed { course, state: state.to_owned() })))
    }
}

/// What a login is sealed for: this browser and this row.
fn place(browser: &BrowserBinding, hash: &[u8]) -> Vec<u8> {
    [browser.0.as_bytes(), b"\0", hash].concat()
}

/// The address with our `state` in place of any other: the browser must bring this one back.
fn with_state(url: &str, handle: &SuspensionHandle) -> String {
    let Ok(mut url) = url::Url::parse(url) else { return url.to_owned() };
    let mut others: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let all = others.len();
    others.retain(|(name, _)| name != "state");
    // What need not be written anew stays as it was written.
    if others.len() < all {
        url.query_pairs_mut().clear().extend_pairs(others);
    }
    url.query_pairs_mut().append_pair("state", handle.expose());
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_of_a_redirect_is_ours() {
        let handle = SuspensionHandle::new("H");
        for (url, expected) in [
            ("https://a.example/", "https://a.example/?state=H"),
            ("https://a.example/x?y=1&z=%26#f", "https://a.example/x?y=1&z=%26&state=H#f"),
            ("https://a.example/?y=1%202&z", "https://a.example/?y=1%202&z&state=H"),
            ("https://a.example/?state=old&y=1", "https://a.example/?y=1&state=H"),
        ] {
            assert_eq!(with_state(url, &handle), expected);
        }
    }
}
