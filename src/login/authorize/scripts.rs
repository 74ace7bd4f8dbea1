//! The trigger `post-login` in a login of a browser: what its scripts are told, and what becomes of
//! what they decide.

use crate::domain::{audit::Happened, tenant::CookieMode};
use crate::login::{
    LoginService,
    authorize::{Approved, Failure, Next},
    transaction::Transaction,
    triggers::{
        changes::{Concerned, changes_anything},
        post_login::{PostLogin, Protocol, Resumed, Ruling},
        suspension::Suspension,
    },
};
use crate::policy::{
    authorize::{RedirectProblem, ResponseType},
    post_login::{Decision, Denial, End, Revokes},
};
use crate::store::{self, Tx, sessions};

/// What scripts make of the cookie of the session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CookieChange {
    /// Nothing.
    #[default]
    None,
    /// The browser keeps it this long from now on.
    Mode(CookieMode),
    /// The browser forgets it: the session has ended.
    Forget,
}

impl LoginService {
    /// Runs the scripts. Returns what comes instead of the answer, if anything does; otherwise the
    /// answer is `approved` as they changed it.
    pub(super) async fn ask_scripts(
        &self,
        transaction: &Transaction,
        approved: &mut Approved,
        resumed: Option<Resumed>,
    ) -> Result<Option<Next>, Failure> {
        // The console is where a broken script is mended: none may stand in the way there.
        if approved.request.client_id.is_console() {
            return Ok(None);
        }
        let facts = facts(transaction, approved);
        let Ruling { mut decision, suspended } = self.resume_post_login(&facts, resumed).await?;
        match (decision.end.take(), suspended) {
            (Some(End::Denied(denial)), _) => {
                self.refused_by_script(transaction, approved, &decision, &denial).await?;
                let problem = RedirectProblem::new(denial.error, denial.description);
                let response = Box::new(self.refuse(&approved.request, &problem));
                Ok(Some(Next::Respond(response)))
            }
            (Some(End::Redirect(url)), Some(course)) => {
                let (session, transaction) = (approved.session.clone(), transaction.clone());
                let suspension = Suspension { url, session, transaction, course };
                Ok(Some(Next::Away(Box::new(suspension))))
            }
            _ => {
                approved.take(decision);
                Ok(None)
            }
        }
    }

    /// Carries out what scripts left behind that refused a login, and tells the audit trail.
    async fn refused_by_script(
        &self,
        transaction: &Transaction,
        approved: &mut Approved,
        decision: &Decision,
        denial: &Denial,
    ) -> Result<(), Failure> {
        self.carry_out_refusal(&concerned(approved), decision, denial.revokes).await?;
        if let Revokes::Session { .. } = denial.revokes {
            approved.cookie = CookieChange::Forget;
        }
        let happened = Happened::LoginRefusedByScript {
            execution: decision.customised.execution.as_ref(),
            silent: transaction.request.prompt.none,
            reason: denial.error,
            description: &denial.description,
        };
        let (client, user) = (&approved.request.client_id, &approved.user.user_id);
        self.note(&happened, Some(client), Some(user));
        Ok(())
    }

    /// Writes what scripts changed about the user and the session, in the transaction that issues
    /// the code.
    pub(super) async fn write_changes(
        &self,
        tx: &mut Tx,
        approved: &Approved,
    ) -> Result<(), store::Error> {
        let session = &approved.session;
        self.carry_out(tx, &concerned(approved), &approved.decision).await?;
        if let CookieChange::Mode(mode) = approved.cookie {
            sessions::set_cookie_mode(tx, &session.id, mode).await?;
        }
        if !approved.decision.methods.is_empty() {
            sessions::set_amr(tx, &session.id, &session.amr).await?;
        }
        Ok(())
    }
}

impl Approved {
    /// Whether scripts changed something that is kept.
    pub(super) fn changes_anything(&self) -> bool {
        changes_anything(&self.decision)
            || !self.decision.methods.is_empty()
            || self.cookie != CookieChange::None
    }

    /// Takes over what scripts decided.
    fn take(&mut self, mut decision: Decision) {
        let granted = std::mem::replace(&mut self.scope, std::mem::take(&mut decision.scope));
        // What becomes of a refresh token is decided here and done when there is one.
        self.customised = std::mem::take(&mut decision.customised);
        self.customised.added_scope = self.scope.filtered(|scope| !granted.contains(scope));
        self.cookie = decision.cookie_mode.map_or(CookieChange::None, CookieChange::Mode);
        for method in &decision.methods {
            if !self.session.amr.contains(method) {
                self.session.amr.push(method.clone());
            }
        }
        self.decision = decision;
    }
}

fn facts<'a>(transaction: &'a Transaction, approved: &'a Approved) -> PostLogin<'a> {
    let session = &approved.session;
    PostLogin {
        protocol: protocol(approved.request.response_type),
        client: &approved.client,
        user: &approved.user,
        api: approved.api.as_deref(),
        organization_id: approved.organization_id.as_ref(),
        session: Some(session),
        family: None,
        auth_time: session.authenticated_at,
        amr: &session.amr,
        requested_scope: &approved.request.scope,
        granted_scope: &approved.scope,
        transaction: Some(transaction),
    }
}

fn concerned(approved: &Approved) -> Concerned<'_> {
    Concerned {
        client: &approved.request.client_id,
        user: &approved.user.user_id,
        session: Some(&approved.session.id),
        family: None,
    }
}

const fn protocol(asked: ResponseType) -> Protocol {
    match (asked.code, asked.has_tokens()) {
        (true, true) => Protocol::Hybrid,
        (true, false) => Protocol::AuthorizationCode,
        (false, _) => Protocol::Implicit,
    }
}
