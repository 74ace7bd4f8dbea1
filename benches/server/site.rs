//! Doorward as a process of its own.

use std::{
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;

use crate::{
    Result, free_port,
    http::{Connection, Request},
};

pub const BOOTSTRAP_ID: &str = "bench";
pub const BOOTSTRAP_SECRET: &str = "a-secret-of-the-benchmark";
pub const MASTER_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// How often each client may call the Management API is limited, and a closed loop asks more often.
/// Everything else is as it comes.
const CONFIGURATION: &str = "[management]\nrequests_per_second = 0\n";

/// A folder, a database and an address: all that outlives the process.
pub struct Site {
    binary: PathBuf,
    folder: TempDir,
    /// `postgres://…`, or nothing for the embedded database.
    pub database: Option<String>,
    issuer: SocketAddr,
}

/// A running server; ends when this is dropped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Site {
    /// One with a new folder below `parent`.
    pub fn new(binary: &Path, parent: &Path, database: Option<String>) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("doorward-bench-").tempdir_in(parent)?;
        fs::write(folder.path().join("bench.toml"), CONFIGURATION)?;
        let issuer = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        Ok(Self { binary: binary.to_owned(), folder, database, issuer })
    }

    /// With a slash at the end.
    pub fn issuer(&self) -> String {
        format!("http://{}/", self.issuer)
    }

    /// The file of the embedded database.
    pub fn file(&self) -> String {
        format!("sqlite:{}", self.folder.path().join("doorward.db").display())
    }

    /// Starts the server, and waits until it is ready.
    pub async fn start(&self) -> Result<Server> {
        self.ready(self.spawn()?).await
    }

    /// Starts another process on the same database.
    pub async fn start_another(&self) -> Result<Server> {
        self.ready(self.spawn_at(SocketAddr::from(([127, 0, 0, 1], free_port()?)))?).await
    }

    /// Starts the server, and does not wait.
    pub fn spawn(&self) -> Result<Server> {
        self.spawn_at(self.issuer)
    }

    async fn ready(&self, mut server: Server) -> Result<Server> {
        server.wait_until_ready().await.map_err(|why| self.with_log(&why.to_string()))?;
        Ok(server)
    }

    fn spawn_at(&self, listen: SocketAddr) -> Result<Server> {
        let at = self.folder.path();
        let mut command = Command::new(&self.binary);
        command
            .args(["serve", "--migrate", "--config"])
            .arg(at.join("bench.toml"))
            .env_clear()
            .env("DOORWARD_DATA_DIR", at)
            .env("DOORWARD_MASTER_KEY", MASTER_KEY)
            .env("DOORWARD_ISSUER", self.issuer())
            .env("DOORWARD_LISTEN", listen.to_string())
            .env("DOORWARD_BOOTSTRAP_CLIENT_ID", BOOTSTRAP_ID)
            .env("DOORWARD_BOOTSTRAP_CLIENT_SECRET", BOOTSTRAP_SECRET)
            .stdin(Stdio::null())
            .stdout(File::create(at.join("stdout"))?)
            .stderr(File::options().create(true).append(true).open(at.join("log"))?);
        if let Some(url) = &self.database {
            command.env("DOORWARD_DATABASE_URL", url);
        }
        let child = command.spawn().map_err(|e| format!("{}: {e}", self.binary.display()))?;
        Ok(Server { child, address: listen })
    }

    /// What went wrong, and the end of what the server says about it.
    pub fn with_log(&self, why: &str) -> String {
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let is_trouble = |line: &&str| line.contains("ERROR") || line.contains("WARN");
        let mut lines: Vec<_> = log.lines().rev().filter(is_trouble).take(5).collect();
        lines.reverse();
        format!("{why}\n{}", lines.join("\n"))
    }
}

impl Server {
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as an operator would.
    pub async fn stop(mut self) -> Result<()> {
        let id = i32::try_from(self.child.id())?;
        let id = rustix::process::Pid::from_raw(id).ok_or("no process")?;
        rustix::process::kill_process(id, rustix::process::Signal::TERM)?;
        for _ in 0..3000 {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err("it does not stop".into())
    }

    async fn wait_until_ready(&mut self) -> Result<()> {
        let mut http = Connection::to(self.address);
        for _ in 0..6000 {
            let ready = http.send(Request::get("/health/ready")).await;
            if ready.is_ok_and(|answer| answer.status == 200) {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("it ended with {status}").into());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err("not ready within a minute".into())
    }
}
