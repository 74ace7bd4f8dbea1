//! `[actions]`: the scripts of Actions and Rules.

use std::path::PathBuf;

use serde::Deserialize;

use crate::actions::{Options, hosts};

/// `[actions]`. The ranges of the numbers are checked with those of the other tables.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actions {
    /// Whether they run.
    pub enabled: bool,
    /// Milliseconds.
    pub time_limit_ms: i64,
    /// Milliseconds.
    pub cpu_limit_ms: i64,
    /// Bytes.
    pub memory_limit_bytes: i64,
    /// Processes.
    pub max_workers: i64,
    /// Of an execution.
    pub max_requests: i64,
    /// Bytes.
    pub max_response_bytes: i64,
    /// Bytes.
    pub console_bytes: i64,
    /// Days.
    pub execution_retention_days: i64,
    /// Hosts, `*.` before them for all below, `*` for all.
    pub allowed_hosts: Vec<String>,
    /// The program that is started as a worker, where it is not this one: in tests.
    #[serde(skip)]
    pub worker: Option<PathBuf>,
}

impl Actions {
    pub(super) fn check(&self) -> Result<(), String> {
        match self.allowed_hosts.iter().find(|host| !hosts::is_rule(host)) {
            Some(bad) => Err(format!("actions.allowed_hosts: `{bad}` is no host")),
            None => Ok(()),
        }
    }

    /// How scripts are run.
    pub fn options(&self) -> Options {
        // In range: checked when the configuration was read.
        let number = |value: i64| u64::try_from(value).unwrap_or(0);
        let size = |value: i64| usize::try_from(value).unwrap_or(0);
        Options {
            worker: self.worker.clone(),
            cpu_limit_ms: number(self.cpu_limit_ms),
            memory_limit_bytes: number(self.memory_limit_bytes),
            max_workers: size(self.max_workers),
            max_requests: u32::try_from(self.max_requests).unwrap_or(0),
            max_response_bytes: size(self.max_response_bytes),
            console_bytes: size(self.console_bytes),
            allowed_hosts: self.allowed_hosts.clone(),
        }
    }
}
