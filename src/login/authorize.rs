//! The authorization endpoint after validation (RFC 6749 §4.1, OIDC Core §3.1.2.3–5).
//!
//! 1. Is the user logged in, freshly enough? If not: the login page, or `login_required`.
//! 2. Is the application still there, and may the user log in to it (organization)?
//! 3. Which scopes are granted?
//! 4. Does the user have to consent? If so: the consent page, or `consent_required`.
//! 5. Issue a code, bound to client, redirect URI, challenge and this browser session.

use std::sync::Arc;

use crate::crypto::{self, digest};
use crate::domain::{
    OrganizationId, audit::Happened, code::AuthorizationCode, scope::ScopeSet, secret::Code,
    session::Session, user::User,
};
use crate::login::{LoginService, transaction::Transaction};
use crate::policy::{
    authorize::{RedirectProblem, ValidRequest},
    consent,
    login_scope::{self, NoScope},
};
use crate::store::{
    self, audit, clients::ClientRecord, codes, consents, organizations,
    resource_servers::ResourceServerRecord, session_clients, sessions, users,
};
use crate::telemetry;

/// A session's idle end is moved at most this often, in seconds: not every silent login writes.
const TOUCH_INTERVAL: i64 = 60;

/// What the browser does next.
#[derive(Debug)]
pub enum Next {
    /// Show the login page.
    Login,
    /// Show the consent page.
    Consent(Box<ConsentRequest>),
    /// Go back to the application.
    Redirect(String),
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

/// The outcome of steps 1 to 4.
enum Decided<'a> {
    /// Something comes before a code.
    Page(Next),
    /// Nothing stands in the way of a code.
    Issue { session: &'a Session, scope: ScopeSet, organization: Option<OrganizationId> },
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
    ) -> Result<Next, Failure> {
        let request = &transaction.request;
        match self.next_page(transaction, session).await? {
            Decided::Page(next) => Ok(next),
            // Step 5.
            Decided::Issue { session, scope, organization } => {
                let code = self.issue_code(request, session, scope, organization).await?;
                let parameters = [("code", code.expose())];
                let location = request.destination().location(&self.settings.issuer, &parameters);
                Ok(Next::Redirect(location))
            }
        }
    }

    /// Steps 1 to 4, which write nothing.
    async fn next_page<'a>(
        &self,
        transaction: &Transaction,
        session: Option<&'a Session>,
    ) -> Result<Decided<'a>, Failure> {
        let request = &transaction.request;
        let refused = |problem: RedirectProblem| Ok(Decided::Page(self.refuse(request, &problem)));
        // Step 1.
        let Some((session, user)) = self.logged_in(transaction, session).await? else {
            return if request.prompt.none {
                refused(RedirectProblem::login_required())
            } else {
                Ok(Decided::Page(Next::Login))
            };
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
        let organization = match self.organization(request, &user).await? {
            Ok(organization) => organization,
            Err(problem) => return refused(problem),
        };
        // Step 3.
        let scope = self.granted_scope(request, &client, api.as_deref(), &user).await?;
        // Step 4.
        if !self.must_ask(transaction, &client, api.as_deref(), &user, &scope).await? {
            return Ok(Decided::Issue { session, scope, organization });
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

    /// The way back to the application with an error.
    pub fn refuse(&self, request: &ValidRequest, problem: &RedirectProblem) -> Next {
        Next::Redirect(request.destination().error_location(&self.settings.issuer, problem))
    }

    async fn logged_in<'a>(
        &self,
        transaction: &Transaction,
        session: Option<&'a Session>,
    ) -> Result<Option<(&'a Session, User)>, Failure> {
        let Some(session) = session else { return Ok(None) };
        let request = &transaction.request;
        let fresh = transaction.login.as_ref() == Some(&session.id);
        let age = self.clock.now().millis_since(session.authenticated_at);
        let too_old = request.max_age.is_some_and(|max| age > max.saturating_mul(1000) || max == 0);
        if !fresh && (request.prompt.login || too_old) {
            return Ok(None);
        }
        let user = users::find(self.store.read().await?.db(), &session.user_id).await?;
        let user = user.map(|record| record.user).filter(|user| !user.is_blocked());
        Ok(user.map(|user| (session, user)))
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
        let forced = request.prompt.consent && !transaction.consented;
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

    async fn issue_code(
        &self,
        request: &ValidRequest,
        session: &Session,
        scope: ScopeSet,
        organization_id: Option<OrganizationId>,
    ) -> Result<Code, Failure> {
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
            scope,
            organization_id,
            auth_time: session.authenticated_at,
            amr: session.amr.clone(),
            expires_at: now.plus_seconds(self.settings.code_lifetime),
            consumed_at: None,
            family_id: None,
        };
        let mut tx = self.store.write().await?;
        codes::insert(&mut tx, &digest::code_hash(&code), &row, now).await?;
        session_clients::record(&mut tx, &session.id, &request.client_id, now).await?;
        let idle_end = now.plus_seconds(self.settings.session_idle_lifetime);
        if idle_end.millis_since(session.idle_expires_at) > TOUCH_INTERVAL * 1000 {
            sessions::touch(&mut tx, &session.id, idle_end).await?;
        }
        if let Some(warning) = &warning {
            audit::insert(&mut tx, warning).await?;
        }
        tx.commit().await?;
        if let Some(warning) = &warning {
            telemetry::audit::emit(warning);
        }
        Ok(code)
    }
}
