//! Drives a crowd: in a closed loop for throughput, and at a fixed pace for latency.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::{sync::Semaphore, task::JoinSet};

use crate::{
    Fault, Result,
    actors::{Actor, Turn},
    clock,
    http::Connection,
};

/// What all tasks of a phase share.
struct Shared {
    over: AtomicBool,
    done: AtomicU64,
    first_fault: Mutex<Option<Fault>>,
}

impl Shared {
    fn new() -> Arc<Self> {
        let (over, done) = (AtomicBool::new(false), AtomicU64::new(0));
        Arc::new(Self { over, done, first_fault: Mutex::new(None) })
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Counts a turn; `false` when it was the last one.
    fn note(&self, turn: Result<Turn>) -> bool {
        match turn {
            Ok(Turn::Done) => {
                self.done.fetch_add(1, Ordering::Relaxed);
                return true;
            }
            Ok(Turn::Over) => {}
            Err(fault) => {
                if let Ok(mut first) = self.first_fault.lock() {
                    first.get_or_insert(fault);
                }
            }
        }
        self.over.store(true, Ordering::Relaxed);
        false
    }

    fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// The first error of anybody fails the run.
    fn verdict(&self) -> Result<()> {
        let fault = self.first_fault.lock().map_err(|_| "poisoned")?.take();
        fault.map_or(Ok(()), Err)
    }
}

/// Actors on a server. They keep their state from one phase to the next.
pub struct Crowd {
    /// The servers; neighbours are on different ones.
    pub places: Vec<SocketAddr>,
    pub actors: Vec<Actor>,
}

/// How a phase went between two readings.
pub struct Between<R> {
    pub before: R,
    pub after: R,
    pub requests: u64,
    pub wall: Duration,
}

impl Crowd {
    /// Everybody acts as fast as they are answered. `read` is called when the load is steady and at
    /// the end, while it still is.
    pub async fn closed_loop<R, F: Future<Output = Result<R>>>(
        &mut self,
        warm_up: Duration,
        time: Duration,
        read: impl Fn() -> F,
    ) -> Result<Between<R>> {
        let shared = Shared::new();
        let mut tasks = JoinSet::new();
        for (mut actor, address) in self.actors.drain(..).zip(self.places.iter().copied().cycle()) {
            let shared = Arc::clone(&shared);
            tasks.spawn(async move {
                let mut http = Connection::to(address);
                while !shared.is_over() && shared.note(actor.act(&mut http).await) {}
                actor
            });
        }
        tokio::time::sleep(warm_up).await;
        let (before, at, done) = (read().await?, clock::now(), shared.done());
        while !shared.is_over() && at.elapsed() < time {
            let left = time.saturating_sub(at.elapsed());
            tokio::time::sleep(left.min(Duration::from_millis(20))).await;
        }
        let (requests, wall, after) = (shared.done() - done, at.elapsed(), read().await?);
        shared.over.store(true, Ordering::Relaxed);
        self.actors = tasks.join_all().await;
        shared.verdict()?;
        Ok(Between { before, after, requests, wall })
    }

    /// `rate` turns per second, whether the server keeps up or not: latencies count from the moment
    /// at which a turn was due, so that a server that stalls is not asked less.
    pub async fn paced(&mut self, rate: f64, time: Duration) -> Result<Vec<Duration>> {
        let shared = Shared::new();
        let due = Arc::new(Semaphore::new(0));
        let turns = (rate * time.as_secs_f64()).ceil().max(1.0) as u64;
        let begin = clock::now() + Duration::from_millis(50);
        let at = move |turn: u64| begin + Duration::from_secs_f64(turn as f64 / rate);
        let next = Arc::new(AtomicU64::new(0));
        let mut tasks = JoinSet::new();
        for (mut actor, address) in self.actors.drain(..).zip(self.places.iter().copied().cycle()) {
            let shared = Arc::clone(&shared);
            let (due, next) = (Arc::clone(&due), Arc::clone(&next));
            tasks.spawn(async move {
                let mut http = Connection::to(address);
                let mut took = Vec::new();
                while let Ok(permit) = due.acquire().await {
                    permit.forget();
                    let turn = next.fetch_add(1, Ordering::Relaxed);
                    let goes_on = shared.note(actor.act(&mut http).await);
                    if goes_on {
                        took.push(at(turn).elapsed());
                    }
                    if shared.is_over() || next.load(Ordering::Relaxed) >= turns {
                        // Wakes those who wait for a turn that will not come.
                        due.close();
                    }
                }
                (actor, took)
            });
        }
        let pacer = (Arc::clone(&due), Arc::clone(&shared));
        let pacer = thread::spawn(move || pace(turns, at, &pacer.0, &pacer.1));
        let mut all = Vec::new();
        for (actor, took) in tasks.join_all().await {
            self.actors.push(actor);
            all.extend(took);
        }
        shared.over.store(true, Ordering::Relaxed);
        pacer.join().map_err(|_| "the pacer panicked")?;
        shared.verdict()?;
        Ok(all)
    }
}

/// On a thread of its own: the timers of the runtime are no finer than a millisecond.
fn pace(turns: u64, at: impl Fn(u64) -> Instant, due: &Semaphore, shared: &Shared) {
    for turn in 0..turns {
        let wait = at(turn).saturating_duration_since(clock::now());
        if !wait.is_zero() {
            thread::sleep(wait);
        }
        if shared.is_over() || due.is_closed() {
            return;
        }
        due.add_permits(1);
    }
}

/// The latency that `percent` of all do not exceed. `sorted` must be.
pub fn percentile(sorted: &[Duration], percent: f64) -> Duration {
    let at = (sorted.len() as f64 * percent / 100.0).ceil() as usize;
    sorted.get(at.saturating_sub(1)).copied().unwrap_or_default()
}
