//! Where it was measured.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};

use crate::{floors::cores, postgres::Cluster, process};

/// The machine, and what runs on it. `folder`: where the databases are.
pub fn describe(cluster: &Cluster, folder: &Path) -> Value {
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
        "file_system": file_system(folder),
        "load_average_at_start": read("/proc/loadavg").split(' ').next(),
    })
}

/// The same in a few lines.
pub fn text(machine: &Value) -> String {
    let part = |name: &str| machine[name].as_str().unwrap_or("?").to_owned();
    let gigabytes = machine["memory_bytes"].as_f64().unwrap_or_default() / 1e9;
    let warning = match part("file_system").as_str() {
        "tmpfs" => "\nNothing is durable on tmpfs: name another --folder.",
        _ => "",
    };
    format!(
        "{}, {} cores, {gigabytes:.0} GB, {}, Linux {}\n{}, {}, commit {}, load average {}{warning}",
        part("cpu"),
        machine["cores"],
        part("file_system"),
        part("kernel"),
        part("postgres"),
        part("rustc"),
        part("commit"),
        part("load_average_at_start"),
    )
}

/// The type of the file system that a folder is on (proc(5), mounts).
fn file_system(folder: &Path) -> Option<String> {
    let folder = folder.canonicalize().ok()?;
    let mounts = fs::read_to_string("/proc/mounts").ok()?;
    let fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    // The longest one counts, and the last of the same length.
    let found = fields
        .filter_map(|fields| Some(((*fields.get(1)?).to_owned(), (*fields.get(2)?).to_owned())))
        .filter(|(at, _)| folder.starts_with(at))
        .max_by_key(|(at, _)| at.len());
    found.map(|(_, kind)| kind)
}

fn answer(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
