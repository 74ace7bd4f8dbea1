//! The benchmark of the server: starts Doorward on a throw-away Postgres and on SQLite, and measures
//! what it does against what the same machine could do at most in the same minute.
//!
//! ```text
//! cargo bench --bench server                          some ten minutes
//! cargo bench --bench server -- --quick               some two minutes
//! cargo bench --bench server -- --only refresh-rs256-postgres,login
//! ```
//!
//! Needs the programs of a Postgres server (Debian: `postgresql`); as root also its user `postgres`.

mod actors;
mod browser;
mod clock;
mod floors;
mod http;
mod load;
mod machine;
mod postgres;
mod process;
mod report;
mod rotation;
mod sample;
mod site;
mod target;
mod workloads;
mod world;

use std::{fs, net::TcpListener, path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    floors::Floors,
    load::Crowd,
    postgres::Cluster,
    report::Report,
    sample::{Sample, Times},
    site::{Server, Site},
    target::Target,
    workloads::{Backend, Workload},
    world::World,
};

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

/// A port that was free a moment ago.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A server with its database, and what was made in it.
struct Place {
    server: Server,
    target: Target,
    world: World,
    /// The folder goes when this does.
    _site: Site,
}

impl Place {
    async fn on(options: &Options, cluster: Option<(&Cluster, &str)>) -> Result<Self> {
        let url = match cluster {
            Some((cluster, database)) => Some(cluster.create(database).await?),
            None => None,
        };
        let site = Site::new(&options.binary(), &options.folder(), url.clone())?;
        let server = site.start().await?;
        let world = world::make(&site, &server).await?;
        server.stop().await?;
        world::sign_with_es256(&site, &world.es256.client_id).await?;
        let server = site.start().await?;
        let postgres = cluster.zip(url.as_deref()).map(|((cluster, _), url)| (cluster.id(), url));
        let target = Target::new(vec![server.id()], postgres).await?;
        Ok(Self { server, target, world, _site: site })
    }
}

const DATABASE: &str = "doorward";

async fn run(options: &Options) -> Result<()> {
    let wanted: Vec<_> = workloads::all().into_iter().filter(|w| options.includes(w)).collect();
    if wanted.is_empty() {
        let names: Vec<_> = workloads::all().iter().map(|w| w.name).collect();
        return Err(format!("no such workload; there are {}", names.join(", ")).into());
    }
    eprintln!("starting Postgres and two servers, making users …");
    let (times, floors) = (options.times(), Floors::new()?);
    let cluster = Cluster::start(&options.folder())?;
    let machine = machine::describe(&cluster);
    let postgres = Place::on(options, Some((&cluster, DATABASE))).await?;
    let sqlite = Place::on(options, None).await?;
    rotation::prepare(&postgres.target, &postgres.world).await?;
    let place_of = |workload: &Workload| match workload.backend {
        Backend::Postgres => &postgres,
        Backend::Sqlite => &sqlite,
    };
    let mut report =
        Report { hashing_memory: floors::cores() as u64 * 19_456 * 1024, ..Report::default() };
    let mut crowds: Vec<Crowd> = Vec::new();
    for workload in &wanted {
        let place = place_of(workload);
        let connections = workload.connections.unwrap_or(options.connections);
        crowds.push(workload.crowd(&place.world, &place.server, connections).await?);
        report.rows.push((*workload, Vec::new()));
    }
    for round in 1..=options.rounds() {
        for (row, crowd) in crowds.iter_mut().enumerate() {
            let Some((workload, samples)) = report.rows.get_mut(row) else { continue };
            eprintln!("round {round}: {}", workload.name);
            let place = place_of(workload);
            let about = (&place.target, &place.world);
            let sample = Sample::take(workload, crowd, about, &floors, times).await;
            samples.push(sample.map_err(|why| format!("{}: {why}", workload.name))?);
            if workload.name == "refresh-rs256-postgres" {
                let time = times.load.min(Duration::from_secs(2));
                let rotation = rotation::measure(&cluster, DATABASE, options.connections, time);
                report.rotation.push(rotation?);
            }
        }
        let own = |alg| floors.own_signing(alg, times.floor.mul_f64(2.0));
        report.signing.push((own(world::Alg::Rs256)?, own(world::Alg::Es256)?));
    }
    println!("{}", report.text());
    let mut json = report.json();
    if let Some(members) = json.as_object_mut() {
        members.insert("machine".to_owned(), machine);
    }
    let file = written_to("server.json")?;
    fs::write(&file, serde_json::to_string_pretty(&json)?)?;
    println!("\nwritten: {}", file.display());
    Ok(())
}

/// A file beside what `cargo bench` builds.
fn written_to(name: &str) -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(3).ok_or("no target folder")?;
    fs::create_dir_all(target.join("bench"))?;
    Ok(target.join("bench").join(name))
}
