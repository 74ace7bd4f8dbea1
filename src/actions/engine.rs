//! The server's side: hands scripts to workers, answers what they ask for, and ends them.

use std::{path::PathBuf, sync::Arc, time::Duration};

use serde_json::Value;
use tokio::time::Instant;

use crate::actions::{
    ErrorKind, Execution, Kind, RuleOutput, Script, ScriptError, SyntaxError,
    fetch::Fetcher,
    frame::{Done, Ended, FromWorker, Limits, Run, ToWorker},
    pool::{Lost, Pool, Turn, Worker},
};
use crate::domain::action::command::Command;
use crate::outbound::Outbound;

/// What a worker gets beyond the time of a script to end it itself, and tell more.
const GRACE: Duration = Duration::from_millis(150);

/// How long code may take to be checked, with the wait for a worker.
const CHECK_TIME: Duration = Duration::from_secs(6);

/// How scripts are run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The program to start as a worker; this one if `None`.
    pub worker: Option<PathBuf>,
    /// Milliseconds of computing that an execution may use.
    pub cpu_limit_ms: u64,
    /// Bytes that it may use.
    pub memory_limit_bytes: u64,
    /// Workers at a time.
    pub max_workers: usize,
    /// Requests of an execution.
    pub max_requests: u32,
    /// The longest response to one, in bytes.
    pub max_response_bytes: usize,
    /// What is kept of the console of an execution, in bytes.
    pub console_bytes: usize,
    /// The hosts that scripts without hosts of their own may call.
    pub allowed_hosts: Vec<String>,
}

/// Runs scripts. One for the whole server.
pub struct Engine {
    options: Options,
    pool: Pool,
    fetcher: Arc<Fetcher>,
}

/// Why code was not found to be well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckError {
    /// It cannot be compiled.
    Syntax(SyntaxError),
    /// Nobody could look at it.
    Unchecked(ScriptError),
}

impl Engine {
    /// Ready to run; no worker is started before the first script.
    pub fn new(options: Options, outbound: Arc<Outbound>) -> Self {
        let worker = options.worker.clone();
        let pool = Pool::new(worker, options.max_workers, options.memory_limit_bytes);
        let fetcher = Fetcher::new(outbound, options.max_response_bytes);
        Self { options, pool, fetcher: Arc::new(fetcher) }
    }

    /// Runs a script to its end, at most for `time_limit`, which counts from now: also while all
    /// workers are busy.
    pub async fn run(&self, script: &Script<'_>, input: &Value, time_limit: Duration) -> Execution {
        let begun = Instant::now();
        let until = begun + time_limit;
        let end = async {
            let mut turn = self.pool.turn(script.id, until).await?;
            let ended = self.run_in(&mut turn.worker, script, input, until).await;
            match ended {
                // An idle worker may have been ended from outside; a second one dies of the script.
                Err(Lost { before_any_answer: true, .. }) if turn.worker.is_used() => {
                    turn.worker = self.pool.spawn().await?;
                    let again = self.run_in(&mut turn.worker, script, input, until).await;
                    turn.end(script.id, again)
                }
                ended => turn.end(script.id, ended),
            }
        };
        let answered = tokio::time::timeout_at(until + GRACE, end).await;
        let answered = answered.unwrap_or_else(|_| {
            Err(Ended::late(format!("The script took more than {} ms", time_limit.as_millis())))
        });
        let mut execution = match answered {
            Ok((done, commands)) => execution(done, &commands),
            Err(ended) => failed(ended),
        };
        execution.elapsed = begun.elapsed();
        execution
    }

    async fn run_in(
        &self,
        worker: &mut Worker,
        script: &Script<'_>,
        input: &Value,
        until: Instant,
    ) -> Result<Answer, Lost> {
        let left = until.saturating_duration_since(Instant::now());
        let run = ToWorker::Run(Run {
            name: script.name.to_owned(),
            form: script.kind.into(),
            handler: match script.kind {
                Kind::Action { handler } => handler.to_owned(),
                Kind::Rule => String::new(),
            },
            code: script.code.to_owned(),
            limits: Limits {
                time_ms: u64::try_from(left.as_millis()).unwrap_or(u64::MAX),
                cpu_ms: self.options.cpu_limit_ms,
                console_bytes: self.options.console_bytes,
                requests: self.options.max_requests,
            },
        });
        let input = serde_json::to_vec(input).map_err(|_| Lost::nonsense())?;
        worker.send(&run, &input).await?;
        let hosts = script.allowed_hosts.unwrap_or(&self.options.allowed_hosts);
        // The script ends first, and does not hear of a request that took all its time.
        let ends = until + GRACE;
        let mut requests = self.fetcher.requests(hosts, self.options.max_requests, ends);
        loop {
            tokio::select! {
                frame = worker.receive() => match frame? {
                    (FromWorker::Fetch { id, request }, body) => {
                        if !requests.begin(id, request, body) {
                            return Err(Lost::nonsense());
                        }
                    }
                    (FromWorker::Done(done), commands) => return Ok((done, commands)),
                    (FromWorker::Checked { .. }, _) => return Err(Lost::nonsense()),
                },
                Some((id, answer, body)) = requests.next() => {
                    worker.send(&ToWorker::Fetched { id, answer }, &body).await?;
                }
            }
        }
    }

    /// Compiles code without running it.
    ///
    /// # Errors
    /// Where it is wrong, or that it could not be looked at.
    pub async fn check(&self, kind: Kind, code: &str) -> Result<(), CheckError> {
        let until = Instant::now() + CHECK_TIME;
        let check = async {
            let mut turn = self.pool.turn(CHECKED, until).await?;
            let frame = ToWorker::Check { form: kind.into(), code: code.to_owned() };
            let worker = &mut turn.worker;
            let answer = async {
                worker.send(&frame, &[]).await?;
                worker.receive().await
            };
            match answer.await.map_err(|lost| lost.why)? {
                (FromWorker::Checked { error }, _) => {
                    turn.give_back(CHECKED);
                    Ok(error)
                }
                _ => Err(Lost::nonsense().why),
            }
        };
        let late = || Err(Ended::late("The script could not be checked in time".to_owned()));
        match tokio::time::timeout_at(until, check).await.unwrap_or_else(|_| late()) {
            Ok(None) => Ok(()),
            Ok(Some(at)) => Err(CheckError::Syntax(SyntaxError {
                message: at.message,
                line: at.line,
                column: at.column,
            })),
            Err(Ended { kind, message }) => {
                Err(CheckError::Unchecked(ScriptError { kind, message }))
            }
        }
    }
}

type Answer = (Done, Vec<u8>);

impl Turn {
    /// Gives the worker back, if another script may have it.
    fn end(self, script: &str, ended: Result<Answer, Lost>) -> Result<Answer, Ended> {
        let (done, commands) = ended.map_err(|lost| lost.why)?;
        // What fills the memory of a process leaves it in pieces.
        if done.error.as_ref().is_none_or(|error| error.kind != ErrorKind::Memory) {
            self.give_back(script);
        }
        Ok((done, commands))
    }
}

/// What stands for the id of code that is only checked.
const CHECKED: &str = "";

/// What a worker said, as far as it can be understood.
fn execution(done: Done, commands: &[u8]) -> Execution {
    let commands = serde_json::from_slice::<Vec<Command>>(commands);
    let rule = done.rule.as_deref().map(serde_json::from_str::<RuleOutput>).transpose();
    let (commands, rule) = match (commands, rule) {
        (Ok(commands), Ok(rule)) => (commands, rule),
        _ => {
            let mut execution = failed(Ended::nonsense());
            execution.console = done.console;
            return execution;
        }
    };
    let error = done.error.map(|Ended { kind, message }| ScriptError { kind, message });
    Execution {
        result: error.map_or(Ok(()), Err),
        failed_at: done.at,
        commands,
        console: done.console,
        has_handler: done.has_handler,
        rule,
        elapsed: Duration::ZERO,
    }
}

fn failed(Ended { kind, message }: Ended) -> Execution {
    Execution {
        result: Err(ScriptError { kind, message }),
        failed_at: None,
        commands: Vec::new(),
        console: String::new(),
        has_handler: true,
        rule: None,
        elapsed: Duration::ZERO,
    }
}
