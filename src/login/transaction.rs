//! Login transactions: a validated authorize request on its way through the login pages. It travels
//! sealed and bound to a cookie of the browser that began it, so that a flood of `/authorize`
//! writes nothing, and a page that was begun elsewhere cannot be completed here (login CSRF).

use serde::{Deserialize, Serialize};

use crate::crypto::Failed;
use crate::domain::{ClientId, SessionId, time::Timestamp};
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
    /// Names the login to the operator's scripts.
    #[serde(default)]
    pub id: String,
}

/// What the user answered to `prompt=select_account` (OIDC Core §3.1.2.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountChoice {
    /// To go on as the user of this session.
    Continue(SessionId),
    /// To log in as somebody else.
    Another,
}

/// A user on the way to letting a device in (RFC 8628 §3.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activation {
    /// The user code as it was typed, if it can be one at all.
    pub user_code: String,
    /// When, in epoch milliseconds.
    pub begun_at: i64,
    /// The session that was shown what the device asks for: only it may confirm.
    pub shown_to: Option<SessionId>,
}

/// What a login is for. It travels sealed in the `state` of every page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Errand {
    /// An application that sent the browser.
    Authorize(Box<Transaction>),
    /// A device elsewhere.
    Device(Activation),
}

impl Errand {
    /// The application, if it is known before the login: that of a device is not.
    pub fn client_id(&self) -> Option<&ClientId> {
        match self {
            Self::Authorize(transaction) => Some(&transaction.request.client_id),
            Self::Device(_) => None,
        }
    }
    /// The connection that the application insists on.
    pub fn connection(&self) -> Option<&str> {
        match self {
            Self::Authorize(transaction) => transaction.request.connection.as_deref(),
            Self::Device(_) => None,
        }
    }
    /// Pre-fills the login page.
    pub fn login_hint(&self) -> &str {
        match self {
            Self::Authorize(transaction) => transaction.request.login_hint.as_deref().unwrap_or(""),
            Self::Device(_) => "",
        }
    }
    /// The languages that the application asked for.
    pub fn ui_locales(&self) -> Option<&str> {
        match self {
            Self::Authorize(transaction) => transaction.request.ui_locales.as_deref(),
            Self::Device(_) => None,
        }
    }
    /// Remembers that the user has just given a credential.
    pub fn logged_in(&mut self, session: SessionId) {
        match self {
            Self::Authorize(transaction) => transaction.login = Some(session),
            // Any session of this browser will do: the confirmation names the user.
            Self::Device(_) => {}
        }
    }
    fn begun_at(&self) -> i64 {
        match self {
            Self::Authorize(transaction) => transaction.begun_at,
            Self::Device(activation) => activation.begun_at,
        }
    }
}

impl From<&Transaction> for Errand {
    fn from(transaction: &Transaction) -> Self {
        Self::Authorize(Box::new(transaction.clone()))
    }
}
impl From<&Activation> for Errand {
    fn from(activation: &Activation) -> Self {
        Self::Device(activation.clone())
    }
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
        let id = self.entropy.url_safe(22);
        Transaction { request, begun_at, login: None, consented: false, account: None, id }
    }

    /// Seals what a login is for, for a browser.
    ///
    /// # Errors
    /// When the crypto library fails.
    pub fn seal(&self, errand: &Errand, browser: &BrowserBinding) -> Result<String, Failed> {
        let plain = serde_json::to_vec(errand).map_err(|_| Failed("transaction"))?;
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
    ) -> Result<Errand, TransactionFault> {
        let browser = browser.ok_or(TransactionFault::Foreign)?;
        let plain = self
            .transactions
            .open_text(sealed, browser.0.as_bytes())
            .map_err(|_| TransactionFault::Foreign)?;
        let errand: Errand =
            serde_json::from_slice(&plain).map_err(|_| TransactionFault::Foreign)?;
        let end = Timestamp::from_millis(errand.begun_at())
            .plus_seconds(self.settings.login_transaction_lifetime);
        if self.clock.now() >= end {
            return Err(TransactionFault::Expired);
        }
        Ok(errand)
    }
}
