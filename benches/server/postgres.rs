//! A throw-away Postgres: durable, and otherwise as it comes.

use std::{
    fs,
    io::Write,
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;

use crate::{Result, free_port};

/// A cluster of one's own, which goes when this is dropped.
pub struct Cluster {
    postmaster: Child,
    bin: PathBuf,
    pub port: u16,
    folder: TempDir,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let mut stop = self.program("pg_ctl");
        stop.args(["-D", &self.data(), "-m", "immediate", "stop"]);
        let _ = stop.stdout(Stdio::null()).stderr(Stdio::null()).status();
        let _ = self.postmaster.kill();
        let _ = self.postmaster.wait();
    }
}

impl Cluster {
    /// Starts one in a new folder below `parent`.
    pub fn start(parent: &Path) -> Result<Self> {
        let bin = newest()?;
        let folder = tempfile::Builder::new().prefix("doorward-bench-pg-").tempdir_in(parent)?;
        let owner = owner()?;
        if let Some((user, group)) = owner {
            chown(folder.path(), Some(user), Some(group))?;
        }
        let data = folder.path().join("data");
        let run = |program: &str| {
            let mut command = Command::new(bin.join(program));
            command.current_dir(folder.path());
            if let Some((user, group)) = owner {
                command.uid(user).gid(group);
            }
            command
        };
        let made = run("initdb")
            .args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "-D"])
            .arg(&data)
            .output()?;
        if !made.status.success() {
            return Err(format!("initdb: {}", String::from_utf8_lossy(&made.stderr)).into());
        }
        let (port, log) = (free_port()?, folder.path().join("log"));
        let postmaster = run("postgres")
            .arg("-D")
            .arg(&data)
            .args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1", "-k"])
            .arg(folder.path())
            // What interrupts the benchmark must not stop it first.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log)?)
            .spawn()?;
        let cluster = Self { postmaster, bin, port, folder };
        for _ in 0..600 {
            let ready = cluster
                .program("pg_isready")
                .args(["-q", "-h", "127.0.0.1", "-p"])
                .arg(port.to_string())
                .status()?;
            if ready.success() {
                return Ok(cluster);
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err(format!("Postgres does not start: {}", fs::read_to_string(log)?).into())
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    /// A program of the same installation.
    pub fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.bin.join(name));
        command.current_dir(self.folder.path());
        // pg_ctl refuses root.
        if let (Ok(Some((user, group))), "pg_ctl") = (owner(), name) {
            command.uid(user).gid(group);
        }
        command
    }

    /// The process that all others of the cluster are children of.
    pub fn id(&self) -> u32 {
        self.postmaster.id()
    }

    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Makes an empty database.
    pub async fn create(&self, database: &str) -> Result<String> {
        let mut connection = PgConnection::connect(&self.url("postgres")).await?;
        let sql = AssertSqlSafe(format!("CREATE DATABASE {database}"));
        sqlx::query(sql).execute(&mut connection).await?;
        connection.close().await?;
        Ok(self.url(database))
    }

    /// Runs `pgbench` with this script, and returns how many transactions it did.
    pub fn pgbench(
        &self,
        database: &str,
        script: &str,
        clients: usize,
        seconds: f64,
    ) -> Result<u64> {
        let mut file = tempfile::NamedTempFile::new()?;
        file.write_all(script.as_bytes())?;
        let seconds = format!("{:.0}", seconds.ceil());
        let output = self
            .program("pgbench")
            .args(["-n", "-M", "prepared", "-j", "2", "-T", &seconds, "-c", &clients.to_string()])
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "postgres", "-f"])
            .arg(file.path())
            .arg(database)
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let done = crate::process::line(&text, "number of transactions actually processed:");
        let why = || format!("pgbench: {text}{}", String::from_utf8_lossy(&output.stderr));
        Ok(done.filter(|_| output.status.success()).ok_or_else(why)?)
    }

    /// `postgres (PostgreSQL) 15.14`.
    pub fn version(&self) -> String {
        let output = self.program("postgres").arg("--version").output();
        output.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned()).unwrap_or_default()
    }
}

/// Whose the server must be: it refuses root, and the package brings a user for it.
fn owner() -> Result<Option<(u32, u32)>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd")?;
    let line = users.lines().find(|line| line.starts_with("postgres:"));
    let fields: Vec<&str> =
        line.ok_or("as root, a user `postgres` is needed")?.split(':').collect();
    match fields.as_slice() {
        [_, _, user, group, ..] => Ok(Some((user.parse()?, group.parse()?))),
        _ => Err("/etc/passwd: the line of postgres is broken".into()),
    }
}

/// The programs of the newest installation, which Debian keeps out of PATH.
fn newest() -> Result<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let of_debian = versions.map(|entry| entry.path().join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found: Vec<PathBuf> = of_debian
        .chain(std::env::split_paths(&path))
        .filter(|bin| bin.join("initdb").exists() && bin.join("pgbench").exists())
        .collect();
    found.sort();
    found.pop().ok_or_else(|| "no Postgres server programs: install `postgresql`".into())
}
