//! The benchmark of the server: starts Doorward on a throw-away Postgres and on SQLite, and measures
//! what it does against what the same machine could do at most in the same minute.
//!
//! ```text
//! cargo bench --bench server                          some ten minutes
//! cargo bench --bench server -- --quick               some two minutes
//! cargo bench --bench server -- --only refresh-rs256-postgres,login
//! cargo bench --bench server -- --replicas            two servers on one Postgres
//! cargo bench --bench server -- --scale 1000000,10000000   users and refresh tokens
//! cargo bench --bench server -- --soak 30             minutes
//! cargo bench --bench server -- --start               start to first token, memory when idle
//! ```
//!
//! What the columns of the table are:
//!
//! - `req/CPU-s`: requests per second of CPU of the server's process, not of wall time. `floor` is
//!   how many the work that cannot be avoided would allow (two signatures, a password hash), done by
//!   the same library on all cores just before and just after; `ratio` is one by the other.
//! - `req/s`: per second of wall time, with Postgres and this program on the same machine.
//! - `srv`, `cli`, `db`: CPU of the server, of this program, and of all processes of Postgres.
//! - `WAL B`: what Postgres writes ahead; `wr B`: what the server itself writes to storage.
//! - `p50`, `p95`, `p99`: at half of `req/s`, at a fixed pace, counted from when each was due.
//! - `RSS`, `peak`: of the server at the end of the closed loop, and the most during it.
//!
//! Each is the median of the rounds. A round goes through all workloads, so that what a machine does
//! otherwise meets all of them.
//!
//! Needs the programs of a Postgres server (Debian: `postgresql`); as root also its user `postgres`.

mod actors;
mod browser;
mod clock;
mod commits;
mod floors;
mod generate;
mod goals;
mod http;
mod load;
mod machine;
mod place;
mod plot;
mod postgres;
mod process;
mod replicas;
mod report;
mod rotation;
mod rounds;
mod sample;
mod scale;
mod site;
mod soak;
mod start;
mod target;
mod workloads;
mod world;

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use crate::{generate::Size, sample::Times, workloads::Workload};

/// Whatever goes wrong ends the run.
type Fault = Box<dyn std::error::Error + Send + Sync>;
type Result<T, E = Fault> = std::result::Result<T, E>;

/// Measures Doorward.
#[derive(Parser)]
struct Options {
    /// Connections at once, each with logins of its own.
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// How often each workload is measured; the median counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How long each measurement lasts.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Only these workloads.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// One round of a second each.
    #[arg(long)]
    quick: bool,
    /// Another binary than the one that was built with this benchmark.
    #[arg(long)]
    server: Option<PathBuf>,
    /// Where databases are written; should be the disk that one would use.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Instead: two servers on one Postgres, and one.
    #[arg(long, group = "mode")]
    replicas: bool,
    /// Instead: a database with this much data, and an empty one.
    #[arg(long, group = "mode", value_name = "USERS,FAMILIES")]
    scale: Option<Size>,
    /// Instead: half load for so long.
    #[arg(long, group = "mode", value_name = "MINUTES")]
    soak: Option<f64>,
    /// Instead: start to first token, memory when idle, size.
    #[arg(long, group = "mode")]
    start: bool,
    /// `cargo bench` adds this.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    fn times(&self) -> Times {
        let load = Duration::from_secs_f64(if self.quick { 1.0 } else { self.seconds });
        Times {
            warm_up: Duration::from_millis(300),
            load,
            half_load: load.mul_f64(0.6),
            floor: Duration::from_millis(if self.quick { 200 } else { 400 }),
        }
    }
    fn rounds(&self) -> usize {
        if self.quick { 1 } else { self.rounds.max(1) }
    }
    fn binary(&self) -> PathBuf {
        self.server.clone().unwrap_or_else(|| env!("CARGO_BIN_EXE_doorward").into())
    }
    fn folder(&self) -> PathBuf {
        self.folder.clone().unwrap_or_else(std::env::temp_dir)
    }
    fn includes(&self, workload: &Workload) -> bool {
        let asked = |name: &String| workload.name.starts_with(name.as_str());
        self.only.is_empty() || self.only.iter().any(asked)
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    // One thread: the server shall have the machine.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = runtime.map_err(Fault::from).and_then(|runtime| {
        runtime.block_on(async {
            let (mut interrupt, mut terminate) =
                (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
            tokio::select! {
                done = run(&options) => done,
                _ = interrupt.recv() => Err("interrupted".into()),
                _ = terminate.recv() => Err("terminated".into()),
            }
        })
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("bench: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<()> {
    match (options.scale, options.soak) {
        (Some(size), _) => scale::run(options, size).await,
        (_, Some(minutes)) => soak::run(options, minutes).await,
        _ if options.replicas => replicas::run(options).await,
        _ if options.start => start::run(options).await,
        _ => rounds::run(options).await,
    }
}

/// A port that was free a moment ago.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A file in `bench` in the target folder.
fn written_to(name: &str) -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench");
    fs::create_dir_all(&folder)?;
    Ok(folder.join(name))
}
