//! Login transactions: a validated authorize request on its way through the login pages. It travels
//! sealed and bound to a cookie of the browser that began it, so that a flood of `/authorize`
//! writes nothing, and a page that was begun elsewhere cannot be completed here (login CSRF).

use serde::{Deserialize, Serialize};

use crate::crypto::Failed;
use crate::domain::{SessionId, time::Timestamp};
use crate::login::LoginService;
use crate::policy::authorize::ValidRequest;

/// One login on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// What the application asked for.
    pub request: ValidRequest,
    /// When, in epoch milliseconds.
    pub begun_at: i64,
    /// The session in which the user gave a credential during this transaction: it satisfies
    /// `prompt=login` and `max_age`, and no other session does.
    pub login: Option<SessionId>,
    /// Whether the user consented during this transaction: it satisfies `prompt=consent`.
    pub consented: bool,
    /// What the user answered to `prompt=select_account`.
    pub account: Option<AccountChoice>,
}

/// What the user answered to `prompt=select_account` (OIDC Core §3.1.2.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountChoice {
    /// To go on as the user of this session.
    Continue(SessionId),
    /// To log in as somebody else.
    Another,
}

/// Why a sealed transaction is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionFault {
    /// Not sealed by us, or for another browser.
    Foreign,
    /// Too old.
    Expired,
}

/// The value of the cookie that a transaction is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrowserBinding(pub String);

impl LoginService {
    /// A new binding, for a browser that has none.
    pub fn new_binding(&self) -> BrowserBinding {
        BrowserBinding(self.entropy.url_safe(22))
    }

    /// A new transaction.
    pub fn begin(&self, request: ValidRequest) -> Transaction {
        let begun_at = self.clock.now().millis();
        Transaction { request, begun_at, login: None, consented: false, account: None }
    }

    /// Seals a transaction for a browser.
    ///
    /// # Errors
    /// When the crypto library fails.
    pub fn seal(
        &self,
        transaction: &Transaction,
        browser: &BrowserBinding,
    ) -> Result<String, Failed> {
        let plain = serde_json::to_vec(transaction).map_err(|_| Failed("transaction"))?;
        self.transactions.seal_text(&plain, browser.0.as_bytes(), &*self.entropy)
    }

    /// Opens what [`LoginService::seal`] made.
    ///
    /// # Errors
    /// Why it is of no use.
    pub fn open(
        &self,
        sealed: &str,
        browser: Option<&BrowserBinding>,
    ) -> Result<Transaction, TransactionFault> {
        let browser = browser.ok_or(TransactionFault::Foreign)?;
        let plain = self
            .transactions
            .open_text(sealed, browser.0.as_bytes())
            .map_err(|_| TransactionFault::Foreign)?;
        let transaction: Transaction =
            serde_json::from_slice(&plain).map_err(|_| TransactionFault::Foreign)?;
        let end = Timestamp::from_millis(transaction.begun_at)
            .plus_seconds(self.settings.login_transaction_lifetime);
        if self.clock.now() >= end {
            return Err(TransactionFault::Expired);
        }
        Ok(transaction)
    }
}
