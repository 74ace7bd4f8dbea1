//! The trigger `post-login`: after somebody has logged in, and at each exchange of a refresh token.
//!
//! 1. Nothing is bound: nothing is built, nothing is run.
//! 2. The event, once for all scripts.
//! 3. The rules, unless an Action waits for the browser: when a rule sent it away, they all run again.
//! 4. The Actions in their order, each with what those before it changed. A refusal, a failure or a
//!    redirect ends it. After a redirect those that ran before are not run again.
//! 5. The record.
//!
//! Scripts change nothing: the caller carries the [`Ruling`] out, in the transaction that issues
//! what the login is for.

mod event;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::domain::{
    ActionId, OrganizationId,
    action::{BoundAction, CONTINUE_POST_LOGIN, Trigger, execution::ExecutionStatus},
    family::Family,
    rule::ActiveRules,
    scope::ScopeSet,
    session::Session,
    time::Timestamp,
    user::User,
};
use crate::login::{
    LoginService,
    authorize::Failure,
    transaction::Transaction,
    triggers::{rules::RuledLogin, run::Run},
};
use crate::policy::post_login::{Decision, Denial, End, Ground};
use crate::store::{clients::ClientRecord, resource_servers::ResourceServerRecord};
use crate::telemetry;

use event::PostLoginEvent;

pub use crate::policy::post_login::Protocol;

/// A login that nothing stands in the way of, but what scripts say of it.
#[derive(Debug, Clone, Copy)]
pub struct PostLogin<'a> {
    /// How it came about.
    pub protocol: Protocol,
    /// The application.
    pub client: &'a ClientRecord,
    /// Who logs in.
    pub user: &'a User,
    /// The API that the access token is for, if any: in an exchange, the one of this exchange.
    pub api: Option<&'a ResourceServerRecord>,
    /// The organization logged in to, if any.
    pub organization_id: Option<&'a OrganizationId>,
    /// The browser session, while there is one.
    pub session: Option<&'a Session>,
    /// The refresh token that is being exchanged; none in any other flow.
    pub family: Option<&'a Family>,
    /// When the user gave a credential.
    pub auth_time: Timestamp,
    /// How.
    pub amr: &'a [String],
    /// The scopes that were asked for.
    pub requested_scope: &'a ScopeSet,
    /// The scopes that are granted unless a script says otherwise.
    pub granted_scope: &'a ScopeSet,
    /// The login in the browser, where there is one.
    pub transaction: Option<&'a Transaction>,
}

impl PostLogin<'_> {
    /// Whether the browser may be sent away.
    fn can_redirect(&self) -> bool {
        let silent = self.transaction.is_some_and(|transaction| transaction.request.prompt.none);
        self.protocol.has_browser() && !silent
    }
}

/// What scripts have made of a login.
#[derive(Debug, Clone, Default)]
pub struct Ruling {
    /// All that they decided.
    pub decision: Decision,
    /// How to go on when the browser comes back from where it is sent.
    pub suspended: Option<Course>,
}

impl Ruling {
    /// The ruling when no script is run.
    pub fn of_nobody(granted_scope: &ScopeSet) -> Self {
        let decision = Decision::new(granted_scope.clone());
        Self { decision, suspended: None }
    }

    /// Why the login is refused, where no browser could be sent anywhere.
    pub fn refusal(&self) -> Option<Denial> {
        match &self.decision.end {
            None => None,
            Some(End::Denied(denial)) => Some(denial.clone()),
            Some(End::Redirect(_)) => Some(Denial::interaction_required()),
        }
    }
}

/// How far a login has come in the trigger, while the browser is elsewhere.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Course {
    /// What has been decided.
    decision: Decision,
    /// What the login was granted when it was suspended.
    granted_scope: ScopeSet,
    /// The Actions that have run.
    done: Vec<ActionId>,
    /// The one that sent the browser away.
    waits_for: Option<ActionId>,
    /// The rules that have run.
    #[serde(default)]
    rules: Vec<String>,
    /// Whether it was a rule that sent the browser away.
    #[serde(default)]
    rules_wait: bool,
}

impl Course {
    fn begin(granted_scope: &ScopeSet) -> Self {
        let decision = Decision::new(granted_scope.clone());
        Self { decision, granted_scope: granted_scope.clone(), ..Self::default() }
    }

    /// Takes away what the login is no longer granted: minutes may have passed.
    fn go_on(mut self, granted_scope: &ScopeSet) -> Self {
        let before = std::mem::replace(&mut self.granted_scope, granted_scope.clone());
        let still = |scope: &str| !before.contains(scope) || granted_scope.contains(scope);
        self.decision.scope = self.decision.scope.filtered(still);
        self
    }

    /// Forgets what was decided but what is kept of a user: every rule says it again.
    fn begin_again(&mut self) {
        let decision = Decision::new(self.granted_scope.clone());
        let Decision { app_metadata, user_metadata, .. } =
            std::mem::replace(&mut self.decision, decision);
        self.decision.app_metadata = app_metadata;
        self.decision.user_metadata = user_metadata;
    }

    /// Whether an Action is to be run, and with which of its exports.
    fn handler_of(&self, action: &ActionId) -> Option<&'static str> {
        if self.waits_for.as_ref() == Some(action) {
            return Some(CONTINUE_POST_LOGIN);
        }
        (!self.done.contains(action)).then_some(Trigger::PostLogin.handler())
    }
}

/// What the calls of a script are judged by.
fn ground<'a>(facts: &PostLogin<'a>, event: &'a PostLoginEvent, continues: bool) -> Ground<'a> {
    Ground {
        protocol: facts.protocol,
        can_redirect: facts.can_redirect(),
        continues,
        api: facts.api.map(|record| &record.api),
        session_metadata: event.session_metadata.as_ref(),
        refresh_token_metadata: event.refresh_token_metadata.as_ref(),
    }
}

/// A login whose browser has come back.
#[derive(Debug)]
pub struct Resumed {
    /// How far it had come.
    pub course: Course,
    /// The `state` that it came back with.
    pub state: String,
}

impl LoginService {
    /// Runs the scripts of the trigger.
    ///
    /// # Errors
    /// Failures of ours; those of scripts are refusals.
    pub async fn post_login(&self, facts: &PostLogin<'_>) -> Result<Ruling, Failure> {
        self.resume_post_login(facts, None).await
    }

    /// Runs the scripts of the trigger, or those that are left after a redirect.
    ///
    /// # Errors
    /// Failures of ours; those of scripts are refusals.
    pub async fn resume_post_login(
        &self,
        facts: &PostLogin<'_>,
        resumed: Option<Resumed>,
    ) -> Result<Ruling, Failure> {
        // Step 1.
        if !self.runs_scripts() {
            return Ok(Ruling::of_nobody(facts.granted_scope));
        }
        let actions = self.store.pipeline(Trigger::PostLogin).await?;
        let rules = self.store.rules().await?;
        if actions.is_empty() && rules.rules.is_empty() && resumed.is_none() {
            return Ok(Ruling::of_nobody(facts.granted_scope));
        }
        // Step 2.
        let is_new = resumed.is_none();
        let (mut course, state) = match resumed {
            Some(resumed) => (resumed.course.go_on(facts.granted_scope), Some(resumed.state)),
            None => (Course::begin(facts.granted_scope), None),
        };
        let mut event = self.post_login_event(facts, state).await?;
        event.follow(&course.decision);
        // Step 3.
        let mut run = self.begin_run(Trigger::PostLogin);
        if is_new || course.rules_wait {
            self.run_all_rules(&mut run, facts, &mut event, &mut course, &rules).await?;
        }
        // Step 4.
        for action in actions.iter() {
            if !course.decision.goes_on() {
                break;
            }
            self.run_one(&mut run, facts, &mut event, &mut course, action).await?;
        }
        // Step 5.
        let status = match &course.decision.end {
            None => ExecutionStatus::Final,
            Some(End::Redirect(_)) => ExecutionStatus::Suspended,
            Some(End::Denied(_)) if run.has_failed() => ExecutionStatus::Partial,
            Some(End::Denied(_)) => ExecutionStatus::Canceled,
        };
        let (client, user) = (&facts.client.client.client_id, &facts.user.user_id);
        let execution = self.end_run(run, status, Some(client), Some(user));
        let mut decision = course.decision.clone();
        decision.customised.execution = Some(execution);
        let suspended = matches!(decision.end, Some(End::Redirect(_))).then_some(course);
        Ok(Ruling { decision, suspended })
    }

    async fn run_all_rules(
        &self,
        run: &mut Run,
        facts: &PostLogin<'_>,
        event: &mut PostLoginEvent,
        course: &mut Course,
        rules: &ActiveRules,
    ) -> Result<(), Failure> {
        let came_back = std::mem::take(&mut course.rules_wait);
        if came_back {
            course.begin_again();
        }
        let login = RuledLogin {
            event: &event.event,
            ground: &ground(facts, event, came_back),
            granted_scope: facts.granted_scope,
            came_back,
        };
        course.rules = self.run_rules(run, rules, &login, &mut course.decision).await?;
        course.rules_wait = matches!(course.decision.end, Some(End::Redirect(_)));
        event.follow(&course.decision);
        Ok(())
    }

    async fn run_one(
        &self,
        run: &mut Run,
        facts: &PostLogin<'_>,
        event: &mut PostLoginEvent,
        course: &mut Course,
        action: &BoundAction,
    ) -> Result<(), Failure> {
        let id = &action.action_id;
        let Some(handler) = course.handler_of(id) else { return Ok(()) };
        let continues = course.waits_for.take_if(|waiting| waiting == id).is_some();
        if !continues {
            course.done.push(id.clone());
        }
        let state = self.state(facts, event, &course.rules);
        let execution = self.run_action(run, action, handler, &mut event.event, &state).await?;
        if let Err(error) = &execution.result {
            course.decision.script_failed(&error.message);
            return Ok(());
        }
        if !execution.has_handler {
            // Who has nothing to say about the return of the user says nothing.
            if !continues {
                let message = format!("exports.{handler} is not a function");
                run.failed("no_handler", &message);
                course.decision.script_failed(&message);
            }
            return Ok(());
        }
        let ground = ground(facts, event, continues);
        let noted = course.decision.notes.len();
        course.decision.fold(&ground, execution.commands);
        run.note(course.decision.notes.iter().skip(noted).cloned());
        if matches!(course.decision.end, Some(End::Redirect(_))) {
            course.waits_for = Some(id.clone());
        }
        event.follow(&course.decision);
        Ok(())
    }

    /// What `api` reads.
    fn state(&self, facts: &PostLogin<'_>, event: &PostLoginEvent, rules: &[String]) -> Value {
        let now = self.clock.now();
        let issuer = url::Url::parse(&self.settings.issuer).ok();
        let host = issuer.as_ref().and_then(url::Url::host_str).unwrap_or_default();
        json!({
            "can_redirect": facts.can_redirect(),
            "cache": self.action_cache.snapshot(Trigger::PostLogin, now),
            "rules_executed": rules,
            "roles": event.roles,
            "redirect_token": {
                "issuer": host,
                "subject": facts.user.user_id,
                "ip": telemetry::caller::current().ip,
                "state": event.state,
            },
        })
    }
}
