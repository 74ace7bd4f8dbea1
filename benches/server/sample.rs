//! One measurement of one workload, with the floors of the same minute.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    Result,
    floors::{Floors, cores},
    load::{Between, Crowd, percentile},
    process::{self, Memory},
    target::{Reading, Target},
    workloads::{Floor, Workload},
    world::World,
};

/// How long things are measured.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    pub warm_up: Duration,
    pub load: Duration,
    pub half_load: Duration,
    pub floor: Duration,
}

/// What one round says of a workload.
#[derive(Debug, Clone)]
pub struct Sample {
    pub requests: u64,
    pub wall: Duration,
    pub server: Duration,
    pub client: Duration,
    pub database: Duration,
    pub wal: i64,
    pub written: u64,
    pub memory: Memory,
    /// Of what cannot be done without, this many a second of CPU; before and after, together.
    pub floor: Option<f64>,
    /// At half load, sorted.
    pub latencies: Vec<Duration>,
}

impl Sample {
    /// Floor, load, floor, half load.
    pub async fn take(
        workload: &Workload,
        crowd: &mut Crowd,
        (target, world): (&Target, &World),
        floors: &Floors,
        times: Times,
    ) -> Result<Self> {
        // Where codes run out, the phase is over, and what was measured by then counts.
        let most = 800.0 * cores() as f64;
        let codes = |rate: f64, time: Duration| (rate * time.as_secs_f64()).ceil() as usize;
        workload.supply(crowd, world, codes(most, times.warm_up + times.load)).await?;
        let before = floor(workload, floors, times.floor);
        target.servers.iter().for_each(|id| process::forget_peak(*id));
        let between = crowd.closed_loop(times.warm_up, times.load, || target.read()).await?;
        let memory = process::memory(*target.servers.first().ok_or("no server")?)?;
        let after = floor(workload, floors, times.floor);
        let mut sample = Self::between(&between, memory);
        sample.floor = before.zip(after).map(|(before, after)| f64::midpoint(before, after));
        if !times.half_load.is_zero() {
            let rate = sample.per_second() / 2.0;
            workload.supply(crowd, world, codes(rate * 1.5, times.half_load)).await?;
            sample.latencies = crowd.paced(rate, times.half_load).await?;
            sample.latencies.sort();
        }
        Ok(sample)
    }

    /// What two readings say.
    pub fn between(phase: &Between<Reading>, memory: Memory) -> Self {
        let (before, after) = (&phase.before, &phase.after);
        Self {
            requests: phase.requests,
            wall: phase.wall,
            server: after.server.saturating_sub(before.server),
            client: after.client.saturating_sub(before.client),
            database: after.database.saturating_sub(before.database),
            wal: after.wal - before.wal,
            written: after.written.saturating_sub(before.written),
            memory,
            floor: None,
            latencies: Vec::new(),
        }
    }

    fn count(&self) -> f64 {
        (self.requests as f64).max(1.0)
    }
    /// Requests per second of wall time.
    pub fn per_second(&self) -> f64 {
        self.count() / self.wall.as_secs_f64().max(1e-9)
    }
    /// Requests per second of the server's CPU.
    pub fn per_cpu_second(&self) -> f64 {
        self.count() / self.server.as_secs_f64().max(1e-9)
    }
    /// Microseconds of CPU per request.
    pub fn each(&self, cpu: Duration) -> f64 {
        cpu.as_secs_f64() * 1e6 / self.count()
    }
    pub fn wal_each(&self) -> f64 {
        self.wal as f64 / self.count()
    }
    pub fn written_each(&self) -> f64 {
        self.written as f64 / self.count()
    }
    /// How many requests the floor alone would allow per second of CPU.
    pub fn possible(&self, workload: &Workload) -> Option<f64> {
        match workload.floor {
            Floor::None => None,
            Floor::Signatures(_, each) => Some(self.floor? / f64::from(each)),
            Floor::Hash => self.floor,
        }
    }
    /// The part of it that is reached.
    pub fn ratio(&self, workload: &Workload) -> Option<f64> {
        Some(self.per_cpu_second() / self.possible(workload)?)
    }

    pub fn json(&self, workload: &Workload) -> Value {
        let millis = |percent| percentile(&self.latencies, percent).as_secs_f64() * 1e3;
        json!({
            "requests": self.requests,
            "wall_s": self.wall.as_secs_f64(),
            "requests_per_s": self.per_second(),
            "requests_per_server_cpu_s": self.per_cpu_second(),
            "floor_per_cpu_s": self.possible(workload),
            "ratio": self.ratio(workload),
            "server_cpu_us": self.each(self.server),
            "client_cpu_us": self.each(self.client),
            "database_cpu_us": self.each(self.database),
            "wal_bytes": self.wal_each(),
            "server_written_bytes": self.written_each(),
            "resident_bytes": self.memory.resident,
            "peak_resident_bytes": self.memory.peak,
            "p50_ms": millis(50.0), "p95_ms": millis(95.0), "p99_ms": millis(99.0),
        })
    }
}

fn floor(workload: &Workload, floors: &Floors, time: Duration) -> Option<f64> {
    match workload.floor {
        Floor::None => None,
        Floor::Signatures(alg, _) => Some(floors.signatures(alg, time)),
        Floor::Hash => Some(floors.hashes(time)),
    }
}
