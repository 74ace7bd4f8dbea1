//! Where it was measured.

use std::{fs, process::Command};

use serde_json::{Value, json};

use crate::{floors::cores, postgres::Cluster, process};

/// The machine, and what runs on it.
pub fn describe(cluster: &Cluster) -> Value {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let cpu = read("/proc/cpuinfo");
    let cpu = cpu.lines().find(|line| line.starts_with("model name"));
    let cpu = cpu.and_then(|line| line.split_once(": ")).map(|(_, model)| model);
    let memory = process::line(&read("/proc/meminfo"), "MemTotal:").map(|kib| kib * 1024);
    json!({
        "cpu": cpu,
        "cores": cores(),
        "memory_bytes": memory,
        "kernel": read("/proc/sys/kernel/osrelease"),
        "rustc": answer("rustc", &["--version"]),
        "postgres": cluster.version(),
        "commit": answer("git", &["describe", "--always", "--dirty", "--abbrev=12"]),
        "load_average_at_start": read("/proc/loadavg").split(' ').next(),
    })
}

fn answer(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
