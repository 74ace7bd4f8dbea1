//! What the kernel says of a process: CPU, memory, bytes written (proc(5)).

use std::{fs, time::Duration};

use crate::Result;

/// The CPU of a process, of those of its children that it has waited for, and of its living ones.
pub fn cpu_of_tree(pid: u32) -> Duration {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = entry.file_name();
        if let Some(id) = name.to_str().and_then(|name| name.parse::<u32>().ok())
            && let Some(stat) = Stat::read(id)
        {
            parents.push((id, stat));
        }
    }
    let (mut ticks, mut family) = (0, vec![pid]);
    while let Some(member) = family.pop() {
        for (id, stat) in &parents {
            if *id == member {
                ticks += stat.ticks;
            } else if stat.parent == member {
                family.push(*id);
            }
        }
    }
    let per_second = rustix::param::clock_ticks_per_second();
    Duration::from_secs_f64(ticks as f64 / per_second as f64)
}

struct Stat {
    parent: u32,
    /// utime, stime, cutime and cstime together.
    ticks: u64,
}

impl Stat {
    fn read(pid: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name of the program, in brackets, may hold anything.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
        let ticks = number(11)? + number(12)? + number(13)? + number(14)?;
        Some(Self { parent: u32::try_from(number(1)?).ok()?, ticks })
    }
}

/// Resident memory in bytes: now, and the most since [`forget_peak`].
#[derive(Debug, Clone, Copy, Default)]
pub struct Memory {
    pub resident: u64,
    pub peak: u64,
    /// Without the files that are mapped, which are the program itself.
    pub own: u64,
}

/// The resident memory of a process.
pub fn memory(pid: u32) -> Result<Memory> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let read = |name| line(&status, name).map(|kib| kib * 1024);
    Ok(Memory {
        resident: read("VmRSS:").ok_or("no VmRSS")?,
        peak: read("VmHWM:").ok_or("no VmHWM")?,
        own: read("RssAnon:").ok_or("no RssAnon")?,
    })
}

/// From now on the peak is a new one (proc(5), clear_refs).
pub fn forget_peak(pid: u32) {
    // Where the kernel has no such file, the peak is that of the whole life of the process.
    let _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
}

/// Bytes that a process caused to be written to storage.
pub fn written(pid: u32) -> u64 {
    let io = fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
    line(&io, "write_bytes:").unwrap_or_default()
}

/// The number after a name at the beginning of a line.
pub fn line(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}
