//! A Postgres of one's own, to be stopped and started.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::support::postgres;

/// A throw-away cluster. Durable: what it loses when it is killed would look like a fault of ours.
pub struct Cluster {
    bin: PathBuf,
    folder: tempfile::TempDir,
    settings: Vec<String>,
    postmaster: Option<Child>,
    pub port: u16,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop("immediate");
    }
}

impl Cluster {
    /// `None` where there is no Postgres.
    pub fn start(settings: &[String]) -> Option<Self> {
        let Some(bin) = postgres::newest_server() else {
            let required = std::env::var("REQUIRE_POSTGRES").is_ok_and(|value| value == "1");
            assert!(!required, "REQUIRE_POSTGRES=1, but there is no Postgres server");
            eprintln!("no Postgres: this fault is not tried");
            return None;
        };
        let folder = tempfile::Builder::new().prefix("doorward-pg").tempdir_in("/tmp").unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let settings = settings.to_vec();
        let mut cluster = Self { bin, folder, settings, postmaster: None, port };
        if is_root() {
            let folder = cluster.folder.path();
            assert!(Command::new("chown").arg("postgres").arg(folder).status().unwrap().success());
        }
        let made = cluster
            .program("initdb")
            .args(["-U", "postgres", "-A", "trust", "--no-sync", "-D"])
            .arg(cluster.data())
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        cluster.go();
        Some(cluster)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A program of the installation; not as root, which it refuses.
    fn program(&self, name: &str) -> Command {
        let path = self.bin.join(name);
        let mut command = match is_root() {
            true => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(path);
                command
            }
            false => Command::new(path),
        };
        command.current_dir(self.folder.path());
        command
    }

    /// Starts it, and waits until it takes connections.
    pub fn go(&mut self) {
        self.spawn();
        for _ in 0..1200 {
            let port = self.port.to_string();
            let asked = Command::new(self.bin.join("pg_isready"))
                .args(["-q", "-h", "127.0.0.1", "-p", &port])
                .status();
            if asked.unwrap().success() {
                return;
            }
            // It refuses to start beside what is left of the one that was killed.
            if self.postmaster.as_mut().is_some_and(|it| it.try_wait().unwrap().is_some()) {
                self.spawn();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{}", std::fs::read_to_string(self.folder.path().join("log")).unwrap());
    }

    fn spawn(&mut self) {
        let mut postgres = self.program("postgres");
        postgres
            .arg("-D")
            .arg(self.data())
            .args(["-p", &self.port.to_string(), "-c", "listen_addresses=127.0.0.1", "-k"])
            .arg(self.folder.path());
        for setting in &self.settings {
            postgres.args(["-c", setting]);
        }
        let mut log = std::fs::File::options();
        let log = log.append(true).create(true).open(self.folder.path().join("log")).unwrap();
        let child = postgres.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        self.postmaster = Some(child.unwrap());
    }

    /// Stops it: `fast` ends every session, `immediate` is a crash.
    pub fn stop(&mut self, mode: &str) {
        let Some(mut postmaster) = self.postmaster.take() else { return };
        let mut stop = self.program("pg_ctl");
        stop.arg("-D").arg(self.data()).args(["-m", mode, "-w", "stop"]);
        let _ = stop.stdout(Stdio::null()).stderr(Stdio::null()).status();
        let _ = postmaster.kill();
        let _ = postmaster.wait();
    }

    /// `kill -9` of the server and all its processes.
    pub fn kill(&mut self) {
        let Some(mut postmaster) = self.postmaster.take() else { return };
        // Its children notice that it is gone, and go too.
        postmaster.kill().unwrap();
        postmaster.wait().unwrap();
    }

    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
