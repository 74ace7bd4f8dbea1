//! The JavaScript engine of Actions and Rules: compiles, confines and runs scripts.
//!
//! A script runs in a worker process: this binary, started with a hidden command, no environment, no
//! inherited files and tight limits. The worker makes a new context for each execution; it can
//! compute and nothing else. What a script may reach beyond that (`fetch`) the server does on its
//! behalf, under rules of its own. A script that does not end is ended with its process.

mod engine;
mod fetch;
mod frame;
pub mod hosts;
mod pool;
pub mod worker;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::action::command::Command;

pub use engine::{CheckError, Engine, Options};

/// A script that is to be run.
#[derive(Debug, Clone, Copy)]
pub struct Script<'a> {
    /// Identifies the code: what was compiled for an id is used again.
    pub id: &'a str,
    /// The name in messages.
    pub name: &'a str,
    /// The code.
    pub code: &'a str,
    /// How it is called.
    pub kind: Kind,
    /// The hosts that it may call; `None` for those that the server allows.
    pub allowed_hosts: Option<&'a [String]>,
}

/// How a script is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A CommonJS module; this export is called with `event` and `api`. The input is
    /// `{"trigger", "event", "state"}`.
    Action {
        /// The export.
        handler: &'static str,
    },
    /// A function, called with `user`, `context` and `callback`. The input is
    /// `{"user", "context", "configuration"}`.
    Rule,
}

/// What came of an execution.
#[derive(Debug, Clone)]
pub struct Execution {
    /// Whether the script ended well.
    pub result: Result<(), ScriptError>,
    /// Where in the code it failed, if that is known: as the script says, so only for its author.
    pub failed_at: Option<Place>,
    /// What it asked for, until it ended.
    pub commands: Vec<Command>,
    /// What it wrote with `console`, cut to a limit.
    pub console: String,
    /// Whether the handler is exported at all; without it nothing was run.
    pub has_handler: bool,
    /// `user` and `context` as a rule left them, for the next one.
    pub rule: Option<RuleOutput>,
    /// How long it took.
    pub elapsed: Duration,
}

/// What a rule leaves behind.
#[derive(Debug, Clone, Deserialize)]
pub struct RuleOutput {
    /// `user`
    pub user: Value,
    /// `context`
    pub context: Value,
}

/// Why a script did not end well.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ScriptError {
    /// What kind of end.
    pub kind: ErrorKind,
    /// The message of the JavaScript error, or ours.
    pub message: String,
}

/// What kind of end a script came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ErrorKind {
    /// It threw, or its promise was rejected.
    Thrown,
    /// It cannot be compiled.
    Syntax,
    /// It took too long, or its promise never settled.
    Timeout,
    /// It used too much memory.
    Memory,
    /// It asked for, wrote or returned too much.
    Output,
    /// Its worker died, or none was free in time.
    Worker,
}

/// A place in the code of a script, as its author counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// From 1.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
}

/// Where a script cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// What is wrong.
    pub message: String,
    /// From 1.
    pub line: u32,
    /// From 1.
    pub column: u32,
}
