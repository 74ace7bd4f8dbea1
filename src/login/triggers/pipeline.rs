//! The triggers that have nothing to suspend: their Actions run one after the other, each seeing what
//! those before it changed, until one refuses or fails.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::domain::{
    ClientId, ExecutionId, UserId,
    action::{BoundAction, Trigger, command::Command, execution::ExecutionStatus},
};
use crate::login::{LoginService, authorize::Failure, triggers::request};

/// What was made of the calls of one Action.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// What was asked for and not done.
    pub notes: Vec<String>,
    /// Whether it refused, so that the next one is not to be run.
    pub refused: bool,
}

/// How the Actions of a trigger ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// The record of their execution.
    pub execution: ExecutionId,
    /// The message of the Action that failed, if one did.
    pub failed: Option<String>,
}

/// Whom an execution concerns, for the audit trail.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Subject<'a> {
    /// The application, if one is known.
    pub client: Option<&'a ClientId>,
    /// The user, if there is one already.
    pub user: Option<&'a UserId>,
}

impl LoginService {
    /// Runs the Actions of a trigger. `hear` is told what each asks for, and changes the event for
    /// the next one.
    ///
    /// # Errors
    /// Failures of ours; those of Actions are told.
    pub(super) async fn run_pipeline(
        &self,
        trigger: Trigger,
        actions: &[BoundAction],
        event: &mut Map<String, Value>,
        subject: Subject<'_>,
        mut hear: impl FnMut(&[Command], &mut Map<String, Value>) -> Heard + Send,
    ) -> Result<Ended, Failure> {
        let mut run = self.begin_run(trigger);
        let mut status = ExecutionStatus::Final;
        let mut failed = None;
        for action in actions {
            let cache = self.action_cache.snapshot(trigger, self.clock.now());
            let state = json!({ "can_redirect": false, "cache": cache });
            let handler = trigger.handler();
            let execution = self.run_action(&mut run, action, handler, event, &state).await?;
            let message = match (&execution.result, execution.has_handler) {
                (Err(error), _) => Some(error.message.clone()),
                (Ok(()), true) => None,
                (Ok(()), false) => {
                    let message = format!("exports.{handler} is not a function");
                    run.failed("no_handler", &message);
                    Some(message)
                }
            };
            if message.is_some() {
                (status, failed) = (ExecutionStatus::Partial, message);
                break;
            }
            let heard = hear(&execution.commands, event);
            run.note(heard.notes);
            if heard.refused {
                status = ExecutionStatus::Canceled;
                break;
            }
        }
        let execution = self.end_run(run, status, subject.client, subject.user);
        Ok(Ended { execution, failed })
    }

    /// Runs the Actions of a trigger that nobody waits for. What fails of ours is logged; failures of
    /// Actions are in the record and in the audit trail.
    pub(super) async fn run_unwatched<F>(
        &self,
        trigger: Trigger,
        run: impl FnOnce(Arc<[BoundAction]>) -> F,
    ) where
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        let name = trigger.as_str();
        let actions = match self.bound_to(trigger).await {
            Ok(actions) if actions.is_empty() => return,
            Ok(actions) => actions,
            Err(error) => return tracing::error!(%error, "no Actions of {name} could be read"),
        };
        let running = run(actions);
        let work = request::scope(request::current(), async move {
            if let Err(error) = running.await {
                tracing::error!(%error, "the Actions of {name} could not be run");
            }
        });
        if self.unwatched.run(work).is_err() {
            tracing::error!("too much is going on to run the Actions of {name}");
        }
    }

    /// The Actions that run at a trigger: one lookup in memory where there are none.
    ///
    /// # Errors
    /// When the database does.
    pub(super) async fn bound_to(&self, trigger: Trigger) -> Result<Arc<[BoundAction]>, Failure> {
        if !self.runs_scripts() {
            return Ok(Arc::from([]));
        }
        Ok(self.store.pipeline(trigger).await?)
    }
}
