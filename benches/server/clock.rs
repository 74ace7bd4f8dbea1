//! The clocks that measuring needs. Nothing else in the benchmark reads one.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, Timespec, clock_gettime};

/// Wall time.
#[expect(clippy::disallowed_methods, reason = "this measures; nothing depends on it")]
pub fn now() -> Instant {
    Instant::now()
}

/// What the calling thread has computed.
pub fn thread_cpu() -> Duration {
    duration(clock_gettime(ClockId::ThreadCPUTime))
}

/// What all threads of this process have computed.
pub fn process_cpu() -> Duration {
    duration(clock_gettime(ClockId::ProcessCPUTime))
}

fn duration(time: Timespec) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}
