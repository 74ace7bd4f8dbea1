//! What a worker takes from itself before it reads a script: there is nothing left that it could
//! open, start or write to, whatever a script makes of the engine.

use std::{fs::File, os::unix::fs::FileExt, sync::OnceLock};

use rustix::process::{DumpableBehavior, Resource, Rlimit};

/// Memory above that of scripts: the engine's own, frames, and what allocators round up to.
const SLACK: u64 = 160 * 1024 * 1024;

/// How much less a worker counts than the server when both want to run.
const NICENESS: i32 = 5;

/// Before there is a second thread.
pub fn first() {
    // Each of these may be refused by an unusual kernel or container; the others hold anyway.
    let _ = rustix::thread::set_no_new_privs(true);
    let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let _ = rustix::process::nice(NICENESS);
}

/// When everything is open, mapped and started that will ever be. `memory` is what a script may
/// use, in bytes.
///
/// # Errors
/// A limit that cannot be set, by its name: then no script must run.
pub fn last(memory: u64) -> Result<(), &'static str> {
    let now = mapped().ok_or("what is mapped")?;
    // Still readable when nothing can be opened.
    if let Ok(file) = File::open("/proc/self/status") {
        let before = peak(&file).unwrap_or(0);
        let _ = STATUS.set(Status { file, much: before.saturating_add(memory / 2) });
    }
    let space = now.saturating_add(memory.saturating_mul(2)).saturating_add(SLACK);
    for (resource, most, name) in [
        (Resource::As, space, "address space"),
        (Resource::Core, 0, "core files"),
        (Resource::Fsize, 0, "file size"),
        (Resource::Nproc, 0, "processes"),
        (Resource::Memlock, 0, "locked memory"),
        // The last: what is mapped was read from a file. Pipes that are open stay open.
        (Resource::Nofile, 0, "open files"),
    ] {
        let limit = Rlimit { current: Some(most), maximum: Some(most) };
        rustix::process::setrlimit(resource, limit).map_err(|_| name)?;
    }
    Ok(())
}

/// Lets the kernel end this process after about `millis` milliseconds more of computing: a script
/// may be inside a function of the engine that cannot be interrupted.
pub fn allow_cpu(millis: u64) {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let used = u64::try_from(used.tv_sec).unwrap_or(0);
    let current = Some(used.saturating_add(millis.div_ceil(1000)).saturating_add(1));
    let _ = rustix::process::setrlimit(Resource::Cpu, Rlimit { current, maximum: None });
}

/// The status of this process, and what would be much memory for it, in bytes.
struct Status {
    file: File,
    much: u64,
}

static STATUS: OnceLock<Status> = OnceLock::new();

/// Whether this process has ever used much of the memory that a script may use.
pub fn used_much() -> bool {
    STATUS.get().is_some_and(|status| peak(&status.file).is_some_and(|peak| peak >= status.much))
}

/// The most memory that was ever resident, in bytes.
fn peak(status: &File) -> Option<u64> {
    let mut text = [0; 4096];
    let length = status.read_at(&mut text, 0).ok()?;
    let text = std::str::from_utf8(&text[..length]).ok()?;
    let kib = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(kib.trim().trim_end_matches(" kB").parse::<u64>().ok()? * 1024)
}

/// The address space in use, in bytes.
fn mapped() -> Option<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = pages.split(' ').next()?.parse().ok()?;
    Some(pages * u64::try_from(rustix::param::page_size()).ok()?)
}
