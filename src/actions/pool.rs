//! The workers: started when they are needed, used again, replaced when they die.

use std::{
    collections::HashMap,
    io,
    path::PathBuf,
    process::Stdio,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use tokio::{
    io::BufReader,
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use crate::actions::ErrorKind;
use crate::actions::frame::{self, Ended, FromWorker, ToWorker};

/// Executions that may wait for a worker, for each worker.
const QUEUE: usize = 64;

/// A worker that was not needed for so long ends.
const IDLE: Duration = Duration::from_secs(60);

/// Executions after which a worker is replaced: what a script does to the memory of its process is
/// not there for ever.
const MOST_USES: u32 = 10_000;

/// How long to wait for the status of a worker whose pipe is closed.
const REAP: Duration = Duration::from_secs(1);

/// Sent by the kernel when the computing time of a process is used up.
const SIGXCPU: i32 = 24;

/// The workers.
pub struct Pool {
    program: PathBuf,
    memory: u64,
    /// Places for workers that are busy.
    places: Arc<Semaphore>,
    /// Executions that are running or wait.
    queue: Arc<Semaphore>,
    /// Of these places, one script may take only some.
    share: usize,
    shares: Arc<Shares>,
    idle: Arc<Idle>,
}

type Idle = Mutex<Vec<Resting>>;

/// A worker that waits for the next script.
struct Resting {
    worker: Worker,
    /// What it ran, and has compiled.
    script: String,
    since: Instant,
}

/// A worker, and the right to use it. Dropped without [`Turn::give_back`], the worker is killed.
pub struct Turn {
    pub worker: Worker,
    idle: Arc<Idle>,
    _place: OwnedSemaphorePermit,
    _share: Share,
    _queued: OwnedSemaphorePermit,
}

impl Pool {
    /// No worker yet.
    pub fn new(program: Option<PathBuf>, most: usize, memory: u64) -> Self {
        let most = most.max(1);
        Self {
            // This program, also when its file was replaced by a newer one since.
            program: program.unwrap_or_else(|| PathBuf::from("/proc/self/exe")),
            memory,
            places: Arc::new(Semaphore::new(most)),
            queue: Arc::new(Semaphore::new(most.saturating_mul(QUEUE))),
            share: most.div_ceil(2),
            shares: Arc::default(),
            idle: Arc::default(),
        }
    }

    /// Waits for a worker, best one that has the script compiled.
    pub async fn turn(&self, script: &str, until: Instant) -> Result<Turn, Ended> {
        let queued = Arc::clone(&self.queue).try_acquire_owned();
        let queued = queued.map_err(|_| Ended::worker("Too many scripts wait for a worker"))?;
        let busy = |_| Ended::worker("No worker was free in time");
        // The share first: who waits for it must not hold a place that others could use.
        let share = Share::of(&self.shares, script, self.share);
        let share = tokio::time::timeout_at(until, share).await.map_err(busy)?;
        let place = Arc::clone(&self.places).acquire_owned();
        let place = tokio::time::timeout_at(until, place).await.map_err(busy)?;
        let place = place.map_err(|_| Ended::worker("The server is stopping"))?;
        let worker = match self.rested(script) {
            Some(worker) => worker,
            None => self.spawn().await?,
        };
        let idle = Arc::clone(&self.idle);
        Ok(Turn { worker, idle, _place: place, _share: share, _queued: queued })
    }

    fn rested(&self, script: &str) -> Option<Worker> {
        let mut idle = lock(&self.idle);
        let same = idle.iter().rposition(|resting| resting.script == script);
        // The one that rests longest has what is needed least.
        let at = same.or(if idle.is_empty() { None } else { Some(0) })?;
        Some(idle.remove(at).worker)
    }

    /// Starts a worker.
    pub async fn spawn(&self) -> Result<Worker, Ended> {
        let mut command = Command::new(&self.program);
        command
            .arg("worker")
            .arg("--memory")
            .arg(self.memory.to_string())
            .env_clear()
            // One heap: what the limits of a worker are reckoned with.
            .env("MALLOC_ARENA_MAX", "1")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        // A process of its own to the terminal too: Ctrl-C is for the server.
        command.process_group(0);
        let started = command.spawn().and_then(|mut child| {
            let pipes = (child.stdin.take(), child.stdout.take());
            let (Some(stdin), Some(stdout)) = pipes else {
                return Err(io::ErrorKind::BrokenPipe.into());
            };
            Ok(Worker { child, stdin, stdout: BufReader::new(stdout), uses: 0, heard: false })
        });
        started.map_err(|error| {
            tracing::error!(%error, "a worker for scripts cannot be started");
            Ended::worker("A worker could not be started")
        })
    }
}

impl Turn {
    /// The worker is ready for the next script.
    pub fn give_back(self, script: &str) {
        let Self { mut worker, idle, .. } = self;
        worker.uses += 1;
        worker.heard = false;
        if worker.uses >= MOST_USES {
            return;
        }
        let resting = Resting { worker, script: script.to_owned(), since: Instant::now() };
        let mut workers = lock(&idle);
        if workers.is_empty() {
            tokio::spawn(end_idle(Arc::downgrade(&idle)));
        }
        workers.push(resting);
    }
}

/// Ends workers that nobody needs, until none is left.
async fn end_idle(idle: Weak<Idle>) {
    loop {
        tokio::time::sleep(IDLE / 4).await;
        let Some(idle) = idle.upgrade() else { return };
        let mut workers = lock(&idle);
        workers.retain(|resting| resting.since.elapsed() < IDLE);
        if workers.is_empty() {
            return;
        }
    }
}

/// A process that runs scripts. Dropped, it is killed.
pub struct Worker {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    uses: u32,
    /// Whether it has said anything since it was last given something to do.
    heard: bool,
}

/// A worker was lost.
pub struct Lost {
    /// Why.
    pub why: Ended,
    /// Whether it had not begun to answer.
    pub before_any_answer: bool,
}

impl Lost {
    /// It said what cannot be understood.
    pub fn nonsense() -> Self {
        Self { why: Ended::nonsense(), before_any_answer: false }
    }
}

impl Worker {
    /// Whether it has run a script before.
    pub fn is_used(&self) -> bool {
        self.uses > 0
    }

    /// Sends it a frame.
    pub async fn send(&mut self, head: &ToWorker, body: &[u8]) -> Result<(), Lost> {
        match frame::send(&mut self.stdin, head, body).await {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Err(Lost {
                why: Ended { kind: ErrorKind::Output, message: "The input is too long".to_owned() },
                before_any_answer: false,
            }),
            Err(_) => Err(self.lost().await),
        }
    }

    /// Waits for its next frame.
    pub async fn receive(&mut self) -> Result<(FromWorker, Vec<u8>), Lost> {
        match frame::receive(&mut self.stdout).await {
            Ok(frame) => {
                self.heard = true;
                Ok(frame)
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(Lost::nonsense()),
            Err(_) => Err(self.lost().await),
        }
    }

    /// Why its pipe is closed.
    async fn lost(&mut self) -> Lost {
        use std::os::unix::process::ExitStatusExt;
        let status = tokio::time::timeout(REAP, self.child.wait()).await;
        let signal = status.ok().and_then(Result::ok).and_then(|status| status.signal());
        if signal == Some(SIGXCPU) {
            let why = Ended::late("The script computed for too long".to_owned());
            return Lost { why, before_any_answer: false };
        }
        tracing::warn!(signal, "a worker for scripts has died");
        let why = Ended::worker("The worker of the script has died");
        Lost { why, before_any_answer: !self.heard }
    }
}

impl Ended {
    /// It took too long.
    pub fn late(message: String) -> Self {
        Self { kind: ErrorKind::Timeout, message }
    }

    /// Its worker is the reason.
    pub fn worker(message: &str) -> Self {
        Self { kind: ErrorKind::Worker, message: message.to_owned() }
    }

    /// What came cannot be understood.
    pub fn nonsense() -> Self {
        Self::worker("The worker of the script answered with nonsense")
    }
}

/// How many executions of each script are running: script → its share and who uses it.
type Shares = Mutex<HashMap<String, (usize, Arc<Semaphore>)>>;

/// A part of the share of a script.
struct Share {
    shares: Arc<Shares>,
    script: String,
    permit: Option<OwnedSemaphorePermit>,
}

impl Share {
    async fn of(shares: &Arc<Shares>, script: &str, most: usize) -> Self {
        let semaphore = {
            let mut shares = lock(shares);
            let entry = shares
                .entry(script.to_owned())
                .or_insert_with(|| (0, Arc::new(Semaphore::new(most))));
            entry.0 += 1;
            Arc::clone(&entry.1)
        };
        // From here on, also a wait that is given up is counted down.
        let mut share =
            Self { shares: Arc::clone(shares), script: script.to_owned(), permit: None };
        share.permit = semaphore.acquire_owned().await.ok();
        share
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut shares = lock(&self.shares);
        if let Some(entry) = shares.get_mut(&self.script) {
            entry.0 -= 1;
            if entry.0 == 0 {
                shares.remove(&self.script);
            }
        }
    }
}

/// What is kept under these locks is whole at any time.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
