//! One execution of a trigger: its scripts, one after the other, within one budget of time, and
//! the record of what came of them.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::actions::{ErrorKind, Execution, Kind, Script};
use crate::crypto::action_secrets::ActionSecrets;
use crate::domain::{
    ActionId, ActionVersionId, ClientId, ExecutionId, UserId,
    action::{
        BoundAction, Trigger,
        execution::{ActionResult, ExecutionError, ExecutionStatus, TriggerExecution},
    },
    audit::Happened,
    time::Timestamp,
};
use crate::login::{LoginService, authorize::Failure};

/// An execution on its way.
#[derive(Debug)]
pub struct Run {
    /// Its id, known from the beginning: events that it causes name it.
    pub id: ExecutionId,
    trigger: Trigger,
    began_at: Timestamp,
    left: Duration,
    results: Vec<ActionResult>,
}

/// Whose script it is, for the record.
#[derive(Debug, Clone, Copy)]
pub struct Author<'a> {
    /// The Action; of a rule its own id.
    pub id: &'a str,
    /// The version; a rule has none.
    pub version: Option<&'a ActionVersionId>,
    /// Its name.
    pub name: &'a str,
}

impl Run {
    /// Adds what was not carried out of what the last script asked for.
    pub fn note(&mut self, notes: impl IntoIterator<Item = String>) {
        if let Some(result) = self.results.last_mut() {
            result.notes.extend(notes);
        }
    }

    /// Whether a script has failed.
    pub fn has_failed(&self) -> bool {
        self.results.iter().any(|result| result.error.is_some())
    }

    /// Records that the last script failed after all: for what is known only when it has ended.
    pub fn failed(&mut self, id: &str, message: &str) {
        if let Some(result) = self.results.last_mut() {
            result.error = Some(ExecutionError {
                id: id.to_owned(),
                msg: message.to_owned(),
                url: None,
                line: None,
            });
        }
    }
}

impl LoginService {
    /// Whether scripts run at all.
    pub fn runs_scripts(&self) -> bool {
        self.settings.actions_enabled
    }

    /// Begins an execution of a trigger, which has all of the time that there is for one.
    pub fn begin_run(&self, trigger: Trigger) -> Run {
        let limit = u64::try_from(self.settings.actions_time_limit).unwrap_or(0);
        Run {
            id: ExecutionId::new(self.entropy.uuid()),
            trigger,
            began_at: self.clock.now(),
            left: Duration::from_millis(limit),
            results: Vec::new(),
        }
    }

    /// Runs an Action. `event` is without `secrets`: they are opened here and go nowhere else.
    ///
    /// # Errors
    /// When its secrets cannot be opened.
    pub async fn run_action(
        &self,
        run: &mut Run,
        action: &BoundAction,
        handler: &'static str,
        event: &mut Map<String, Value>,
        state: &Value,
    ) -> Result<Execution, Failure> {
        let (sealed, row) = (action.secrets_sealed.as_deref(), action.version_id.as_str());
        let secrets = ActionSecrets::open(&self.at_rest, sealed, row)?;
        event.insert("secrets".to_owned(), secrets.into_event());
        let script = Script {
            id: action.version_id.as_str(),
            name: &action.name,
            code: &action.code,
            kind: Kind::Action { handler },
            allowed_hosts: action.allowed_hosts.as_deref(),
        };
        // The event is moved in and out: it may be large.
        let moved = Value::Object(std::mem::take(event));
        let input = json!({ "trigger": run.trigger.as_str(), "state": state });
        let mut input = input.as_object().cloned().unwrap_or_default();
        input.insert("event".to_owned(), moved);
        let input = Value::Object(input);
        let author = Author {
            id: action.action_id.as_str(),
            version: Some(&action.version_id),
            name: &action.name,
        };
        let execution = self.run_script(run, &script, &author, &input).await;
        if let Value::Object(mut input) = input
            && let Some(Value::Object(moved)) = input.remove("event")
        {
            *event = moved;
        }
        event.remove("secrets");
        let now = self.clock.now();
        let lost = self.action_cache.apply(run.trigger, &execution.commands, now);
        if lost > 0 {
            run.note([format!("cache: {lost} texts were not kept, for want of room")]);
        }
        Ok(execution)
    }

    /// Runs a script with what is left of the time, and records what came of it.
    pub async fn run_script(
        &self,
        run: &mut Run,
        script: &Script<'_>,
        author: &Author<'_>,
        input: &Value,
    ) -> Execution {
        let started_at = self.clock.now();
        let execution = self.actions.run(script, input, run.left).await;
        run.left = run.left.saturating_sub(execution.elapsed);
        let millis = u64::try_from(execution.elapsed.as_millis()).unwrap_or(u64::MAX);
        let error = execution.result.as_ref().err().map(|error| ExecutionError {
            id: kind(error.kind).to_owned(),
            msg: error.message.clone(),
            url: None,
            line: execution.failed_at.map(|at| at.line),
        });
        run.results.push(ActionResult {
            action_id: ActionId::new(author.id),
            version_id: author.version.cloned(),
            action_name: author.name.to_owned(),
            started_at,
            ended_at: later(started_at, millis),
            error,
            notes: Vec::new(),
            stats: Map::from_iter([("action_duration_ms".to_owned(), millis.into())]),
            console: execution.console.clone(),
        });
        execution
    }

    /// Ends an execution: hands its record over, and has failures audited.
    pub fn end_run(
        &self,
        run: Run,
        status: ExecutionStatus,
        client: Option<&ClientId>,
        user: Option<&UserId>,
    ) -> ExecutionId {
        let Run { id, trigger, began_at, results, .. } = run;
        if let Some(failed) = results.iter().find(|result| result.error.is_some()) {
            let (action, error) = (&failed.action_id, failed.error.as_ref());
            let happened = Happened::ActionFailed {
                execution: &id,
                trigger,
                action,
                reason: error.map_or("", |error| error.id.as_str()),
            };
            self.note(&happened, client, user);
        }
        let updated_at = results.last().map_or(began_at, |result| result.ended_at);
        let record = TriggerExecution {
            id: id.clone(),
            trigger,
            status,
            created_at: began_at,
            updated_at,
            results,
        };
        self.executions.send(record);
        id
    }
}

fn later(at: Timestamp, millis: u64) -> Timestamp {
    let millis = i64::try_from(millis).unwrap_or(i64::MAX);
    Timestamp::from_millis(at.millis().saturating_add(millis))
}

/// What the record calls a failure.
const fn kind(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Thrown => "script_error",
        ErrorKind::Syntax => "syntax_error",
        ErrorKind::Timeout => "timeout",
        ErrorKind::Memory => "out_of_memory",
        ErrorKind::Output => "too_much_output",
        ErrorKind::Worker => "worker_lost",
    }
}
