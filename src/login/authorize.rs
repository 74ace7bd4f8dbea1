//! The authorization endpoint after validation (RFC 6749 §4.1, OIDC Core §3.1.2.3–5).
//!
//! 1. Is the user logged in, freshly enough, and the right one? If not: the login page or the page
//!    that asks which account, or `login_required`.
//! 2. Is the application still there, and may the user log in to it (organization)?
//! 3. Which scopes are granted?
//! 4. Does the user have to consent? If so: the consent page, or `consent_required`.
//! 5. What do the operator's scripts say? They may refuse, send the browser away, or change what is
//!    issued.
//! 6. Issue a code, bound to client, redirect URI, challenge and this browser session, if one was
//!    asked for. Tokens that were asked for beside it or instead are minted by `token`.

mod scripts;

use std::sync::Arc;

use crate::crypto::{self, digest};
use crate::domain::{
    OrganizationId, action::outcome::Customised, audit::Happened, code::AuthorizationCode,
    resource_server::ResourceServer, scope::ScopeSet, secret::Code, session::Session, user::User,
};
use crate::login::{
    LoginService,
    transaction::{AccountChoice, Transaction},
    triggers::{post_login::Resumed, suspension::Suspension},
};
use crate::policy::{
    authorize::{AuthorizationResponse, RedirectProblem, ValidRequest},
    consent,
    login_scope::{self, NoScope},
    post_login::Decision,
};
use crate::store::{
    self, audit, clients::ClientRecord, codes, consents, organizations,
    resource_servers::ResourceServerRecord, session_clients, sessions, users,
};
use crate::telemetry;

pub use scripts::CookieChange;

/// A session's idle end is moved at most this often, in seconds: not every silent login writes.
const TOUCH_INTERVAL: i64 = 60;

/// What somebody is told whose permissions open nothing of the Management API.
const NO_ADMINISTRATOR: &str = "Your account has no administrator role.";

/// Whether a login leads nowhere: the Management API is for those who may do something there.
fn gives_nothing(api: &ResourceServer, scope: &ScopeSet) -> bool {
    api.is_system && scope.intersection(&api.defined_scopes()).is_empty()
}

/// What the browser does next.
#[derive(Debug)]
pub enum Next {
    /// Show the login page.
    Login,
    /// Ask whether to go on as the user of the session.
    SelectAccount,
    /// Show the consent page.
    Consent(Box<ConsentRequest>),
    /// Go back to the application.
    Respond(Box<AuthorizationResponse>),
    /// Mint the tokens that the application asked for, and go back to it with them.
    Mint(Box<Approved>),
    /// Go where a script sends the browser, once the login is put aside.
    Away(Box<Suspension>),
    /// The application is gone: a page.
    UnknownClient,
}

/// What the user is asked to consent to.
#[derive(Debug)]
pub struct ConsentRequest {
    /// The application.
    pub client: Arc<ClientRecord>,
    /// The API, if any.
    pub api: Option<Arc<ResourceServerRecord>>,
    /// The scopes.
    pub scope: ScopeSet,
    /// Who is asked.
    pub user: User,
}

/// An authorization that nothing stands in the way of.
#[derive(Debug)]
pub struct Approved {
    /// What was asked for.
    pub request: ValidRequest,
    /// The application.
    pub client: Arc<ClientRecord>,
    /// The API, if any.
    pub api: Option<Arc<ResourceServerRecord>>,
    /// Who approved.
    pub user: User,
    /// In which session.
    pub session: Session,
    /// The granted scopes.
    pub scope: ScopeSet,
    /// The organization logged in to, if any.
    pub organization_id: Option<OrganizationId>,
    /// The code that was issued, if one was asked for.
    pub code: Option<Code>,
    /// What scripts made of the tokens.
    pub customised: Customised,
    /// What they made of the cookie of the session.
    pub cookie: CookieChange,
    /// What else they decided.
    pub(super) decision: Decision,
}

/// How far a transaction came.
#[derive(Debug)]
pub struct Advanced {
    /// What the browser does next.
    pub next: Next,
    /// What becomes of the cookie of the session.
    pub cookie: CookieChange,
}

impl From<Next> for Advanced {
    fn from(next: Next) -> Self {
        Self { next, cookie: CookieChange::None }
    }
}

/// The outcome of steps 1 to 4.
enum Decided {
    /// Something comes before the answer.
    Page(Next),
    /// Nothing stands in the way of it.
    Approved(Box<Approved>),
}

/// The outcome of step 1.
enum LoggedIn<'a> {
    /// This user, in this session.
    As(&'a Session, Box<User>),
    /// The user must say whether to go on as this one.
    Unconfirmed(Box<User>),
    /// Somebody has just given a credential, but not the one who was asked for.
    SomebodyElse,
    /// Nobody.
    Nobody,
}

/// A failure of ours.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// In the store.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// In the crypto library.
    #[error(transparent)]
    Crypto(#[from] crypto::Failed),
}

impl LoginService {
    /// Takes a transaction as far as it goes without the user.
    ///
    /// # Errors
    /// Failures of ours.
    pub async fn advance(
        &self,
        transaction: &Transaction,
        session: Option<&Session>,
    ) -> Result<Advanced, Failure> {
        self.advance_from(transaction, session, None).await
    }

    /// Takes a transaction further whose browser has come back from where a script had sent it.
    /// Everything that comes before the scripts is checked again; if a page comes in between, they
    /// begin anew.
    ///
    /// # Errors
    /// Failures of ours.
    pub async fn advance_from(
        &self,
        transaction: &Transaction,
        session: Option<&Session>,
        resumed: Option<Resumed>,
    ) -> Result<Advanced, Failure> {
        let mut approved = match self.next_page(transaction, session).await? {
            Decided::Page(next) => {
                self.tell_of_silence(transaction, session, &next);
                return Ok(next.into());
            }
            Decided::Approved(approved) => approved,
        };
        // Step 5.
        if let Some(next) = self.ask_scripts(transaction, &mut approved, resumed).await? {
            return Ok(Advanced { next, cookie: approved.cookie });
        }
        // Step 6.
        let (response_type, cookie) = (approved.request.response_type, approved.cookie);
        if response_type.code {
            approved.code = Some(self.issue_code(&approved).await?);
        } else if approved.changes_anything() {
            let mut tx = self.store.write().await?;
            self.write_changes(&mut tx, &approved).await?;
            tx.commit().await?;
        }
        if transaction.request.prompt.none {
            let (client, user) = (&approved.request.client_id, &approved.user.user_id);
            let execution = approved.customised.execution.as_ref();
            let happened = Happened::LoggedInSilently { execution };
            self.note(&happened, Some(client), Some(user));
        }
        if response_type.has_tokens() {
            return Ok(Advanced { next: Next::Mint(approved), cookie });
        }
        let code = approved.code.iter().map(|code| ("code", code.expose().to_owned())).collect();
        let response = approved.request.destination().answer(&self.settings.issuer, code);
        Ok(Advanced { next: Next::Respond(Box::new(response)), cookie })
    }

    /// A refused silent login. Told to the stream only: nobody needs a credential to cause one.
    fn tell_of_silence(&self, transaction: &Transaction, session: Option<&Session>, next: &Next) {
        if transaction.request.prompt.none && matches!(next, Next::Respond(_)) {
            let user = session.map(|session| &session.user_id);
            let client = &transaction.request.client_id;
            let event = self.event(&Happened::SilentLoginRefused, Some(client), user);
            telemetry::audit::emit(&event);
        }
    }

    /// Steps 1 to 4, which write nothing.
    async fn next_page(
        &self,
        transaction: &Transaction,
        session: Option<&Session>,
    ) -> Result<Decided, Failure> {
        let request = &transaction.request;
        let refused = |problem: RedirectProblem| {
            let response = Box::new(self.refuse(request, &problem));
            Ok(Decided::Page(Next::Respond(response)))
        };
        // Step 1.
        let (session, user) = match self.logged_in(transaction, session).await? {
            LoggedIn::As(session, user) => (session, *user),
            LoggedIn::SomebodyElse => return refused(RedirectProblem::login_required()),
            _ if request.prompt.none => return refused(RedirectProblem::login_required()),
            LoggedIn::Unconfirmed(_) => return Ok(Decided::Page(Next::SelectAccount)),
            LoggedIn::Nobody => return Ok(Decided::Page(Next::Login)),
        };
        // Step 2.
        let Some(client) = self.store.client(&request.client_id).await? else {
            return Ok(Decided::Page(Next::UnknownClient));
        };
        let api = match &request.audience {
            None => None,
            Some(audience) => match self.store.api(audience).await? {
                Some(api) => Some(api),
                None => {
                    let text = format!("Service not found: {audience}");
                    return refused(RedirectProblem::new("access_denied", text));
                }
            },
        };
        let organization_id = match self.organization(request, &user).await? {
            Ok(organization) => organization,
            Err(problem) => return refused(problem),
        };
        // Step 3.
        let scope = self.granted_scope(request, &client, api.as_deref(), &user).await?;
        if api.as_ref().is_some_and(|record| gives_nothing(&record.api, &scope)) {
            return refused(RedirectProblem::new("access_denied", NO_ADMINISTRATOR));
        }
        // Step 4.
        if !self.must_ask(transaction, &client, api.as_deref(), &user, &scope).await? {
            let (request, session) = (request.clone(), session.clone());
            let approved = Approved {
                request,
                client,
                api,
                user,
                session,
                scope,
                organization_id,
                code: None,
                customised: Customised::default(),
                cookie: CookieChange::None,
                decision: Decision::default(),
            };
            return Ok(Decided::Approved(Box::new(approved)));
        }
        if request.prompt.none {
            return refused(RedirectProblem::consent_required());
        }
        let asked = Box::new(ConsentRequest { client, api, scope, user });
        Ok(Decided::Page(Next::Consent(asked)))
    }

    /// What the consent page asks in this transaction, `None` when there is nothing to ask, or
    /// somebody else has logged in meanwhile.
    ///
    /// # Errors
    /// Failures of ours.
    pub async fn would_ask(
        &self,
        transaction: &Transaction,
        session: Option<&Session>,
    ) -> Result<Option<Box<ConsentRequest>>, Failure> {
        let mut asking = transaction.clone();
        // Never issues a code: that is for `advance`, once the answer is in.
        asking.request.prompt.none = false;
        match self.next_page(&asking, session).await? {
            Decided::Page(Next::Consent(asked)) => Ok(Some(asked)),
            _ => Ok(None),
        }
    }

    /// Whom to ask for in this transaction whether to go on as this user, `None` when there is
    /// nothing to ask.
    ///
    /// # Errors
    /// Failures of ours.
    pub async fn account_to_confirm(
        &self,
        transaction: &Transaction,
        session: Option<&Session>,
    ) -> Result<Option<Box<User>>, Failure> {
        Ok(match self.logged_in(transaction, session).await? {
            LoggedIn::Unconfirmed(user) => Some(user),
            _ => None,
        })
    }

    /// The way back to the application with an error.
    pub fn refuse(
        &self,
        request: &ValidRequest,
        problem: &RedirectProblem,
    ) -> AuthorizationResponse {
        request.destination().error(&self.settings.issuer, problem)
    }

    /// Step 1.
    async fn logged_in<'a>(
        &self,
        transaction: &Transaction,
        session: Option<&'a Session>,
    ) -> Result<LoggedIn<'a>, Failure> {
        let Some(session) = session else { return Ok(LoggedIn::Nobody) };
        let request = &transaction.request;
        let fresh = transaction.login.as_ref() == Some(&session.id);
        let age = self.clock.now().millis_since(session.authenticated_at);
        let too_old = request.max_age.is_some_and(|max| age > max.saturating_mul(1000) || max == 0);
        let another = transaction.account == Some(AccountChoice::Another);
        if !fresh && (request.prompt.login || too_old || another) {
            return Ok(LoggedIn::Nobody);
        }
        if request.hinted_user.as_ref().is_some_and(|hinted| *hinted != session.user_id) {
            return Ok(if fresh { LoggedIn::SomebodyElse } else { LoggedIn::Nobody });
        }
        let user = users::find(self.store.read().await?.db(), &session.user_id).await?;
        let user = user.map(|record| record.user).filter(|user| !user.is_blocked());
        let Some(user) = user.map(Box::new) else { return Ok(LoggedIn::Nobody) };
        if !self.may_use(&user, &request.client_id, request.connection.as_deref()).await? {
            return Ok(LoggedIn::Nobody);
        }
        let chosen = transaction.account == Some(AccountChoice::Continue(session.id.clone()));
        if request.prompt.select_account && !fresh && !chosen {
            return Ok(LoggedIn::Unconfirmed(user));
        }
        Ok(LoggedIn::As(session, user))
    }

    async fn organization(
        &self,
        request: &ValidRequest,
        user: &User,
    ) -> Result<Result<Option<OrganizationId>, RedirectProblem>, Failure> {
        let Some(named) = &request.organization else { return Ok(Ok(None)) };
        let mut conn = self.store.read().await?;
        let Some(found) = organizations::find(conn.db(), named).await? else {
            let text = format!("parameter organization is invalid: {named}");
            return Ok(Err(RedirectProblem::new("invalid_request", text)));
        };
        if !organizations::is_member(conn.db(), &found.id, &user.user_id).await? {
            let text = format!("user is not part of the {} organization", found.id);
            return Ok(Err(RedirectProblem::new("access_denied", text)));
        }
        Ok(Ok(Some(found.id)))
    }

    async fn granted_scope(
        &self,
        request: &ValidRequest,
        client: &ClientRecord,
        api: Option<&ResourceServerRecord>,
        user: &User,
    ) -> Result<ScopeSet, Failure> {
        let api = api.map(|record| &record.api);
        let restriction = match api {
            None => None,
            Some(api) => {
                let client = &client.client.client_id;
                self.entitlement(client, api, &user.user_id).await?.restriction
            }
        };
        Ok(login_scope::granted(
            Some(&request.scope),
            &client.client,
            api,
            restriction.as_ref(),
            NoScope::Nothing,
        ))
    }

    async fn must_ask(
        &self,
        transaction: &Transaction,
        client: &ClientRecord,
        api: Option<&ResourceServerRecord>,
        user: &User,
        scope: &ScopeSet,
    ) -> Result<bool, Failure> {
        let request = &transaction.request;
        let demanded = consent::is_demanded(&client.client, api.map(|record| &record.api));
        // A link with `prompt=consent` must not make the console ask for what nobody can refuse.
        let forced =
            request.prompt.consent && !transaction.consented && !request.client_id.is_console();
        if !demanded {
            return Ok(forced);
        }
        let given = consents::find(
            self.store.read().await?.db(),
            &user.user_id,
            &request.client_id,
            request.audience.as_ref(),
        )
        .await?;
        Ok(consent::must_ask(demanded, forced, given.as_ref(), scope))
    }

    async fn issue_code(&self, approved: &Approved) -> Result<Code, Failure> {
        let Approved { request, session, scope, organization_id, .. } = approved;
        let now = self.clock.now();
        let code = Code::new(self.entropy.url_safe(43));
        let dropped = (request.scope.contains("offline_access")
            && !scope.contains("offline_access"))
        .then_some(request.audience.as_ref())
        .flatten();
        let warning = dropped.map(|audience| {
            let happened = Happened::OfflineAccessDropped { audience };
            self.event(&happened, Some(&request.client_id), Some(&session.user_id))
        });
        let row = AuthorizationCode {
            client_id: request.client_id.clone(),
            user_id: session.user_id.clone(),
            session_id: session.id.clone(),
            redirect_uri: request.redirect_uri.clone(),
            redirect_uri_given: request.redirect_uri_given,
            code_challenge: request.code_challenge.clone(),
            nonce: request.nonce.clone(),
            audience: request.audience.clone(),
            scope: scope.clone(),
            organization_id: organization_id.clone(),
            auth_time: session.authenticated_at,
            amr: session.amr.clone(),
            expires_at: now.plus_seconds(self.settings.code_lifetime),
            consumed_at: None,
            family_id: None,
            dpop_jkt: request.dpop_jkt.clone(),
            customised: approved.customised.clone(),
        };
        let idle_lifetime = self.session_lifetime().await?.idle;
        let mut tx = self.store.write().await?;
        codes::insert(&mut tx, &digest::code_hash(&code), &row, now).await?;
        let idle_end = now.plus_seconds(idle_lifetime);
        session_clients::record(&mut tx, &session.id, &request.client_id, now).await?;
        if idle_end.millis_since(session.idle_expires_at) > TOUCH_INTERVAL * 1000 {
            let caller = telemetry::caller::current();
            sessions::touch(&mut tx, &session.id, idle_end, now, &caller).await?;
        }
        // After the idle end was moved: a script may bring it forward again.
        self.write_changes(&mut tx, approved).await?;
        if let Some(warning) = &warning {
            audit::insert(&mut tx, warning).await?;
        }
        tx.commit().await?;
        if let Some(warning) = &warning {
            self.tell(warning);
        }
        Ok(code)
    }
}
