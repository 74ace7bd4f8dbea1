//! The real binary, as a process that can be told to stop and denied the disk.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};

use super::{PAUSE, until};
use crate::support::{MASTER_KEY, TestApp};

/// The binary, killed at the latest when the test ends.
pub struct Server {
    child: Child,
    pub address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Started on the database of a test with this configuration file, and ready.
    pub async fn start(app: &TestApp, folder: &Path, file: &str, more: &[(&str, &str)]) -> Self {
        for _ in 0..5 {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let listen = listener.local_addr().unwrap();
            drop(listener);
            let config = folder.join(format!("{}.toml", listen.port()));
            std::fs::write(&config, file).unwrap();
            let mut command = Command::new("bash");
            command
                // A disk that is full sends no signal; the limit that stands for one does.
                .args(["-c", "trap '' XFSZ; exec \"$0\" serve", env!("CARGO_BIN_EXE_doorward")])
                .env_clear()
                .env("PATH", std::env::var_os("PATH").unwrap_or_default())
                .env("DOORWARD_CONFIG", &config)
                .env("DOORWARD_DATA_DIR", folder)
                .env("DOORWARD_DATABASE_URL", &app.database_url)
                .env("DOORWARD_MASTER_KEY", MASTER_KEY)
                .env("DOORWARD_ISSUER", &app.inner.settings.issuer)
                .env("DOORWARD_LISTEN", listen.to_string())
                .envs(more.iter().copied())
                .stdout(Stdio::null());
            let log = std::fs::File::create(folder.join(format!("{}.log", listen.port())));
            let child = command.stderr(log.unwrap()).spawn().unwrap();
            let mut server = Self { child, address: format!("http://{listen}/") };
            if server.comes_up().await {
                return server;
            }
        }
        panic!("it does not start");
    }

    async fn comes_up(&mut self) -> bool {
        let listen = self.address.trim_start_matches("http://").trim_end_matches('/').to_owned();
        for _ in 0..6000 {
            if tokio::net::TcpStream::connect(&listen).await.is_ok() {
                return true;
            }
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("it does not listen within two minutes");
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap()
    }

    pub fn terminate(&self) {
        kill_process(self.pid(), Signal::TERM).unwrap();
    }

    /// Waits for its end, which must be a good one.
    pub async fn ended(&mut self) {
        let child = &mut self.child;
        until("its end", async || child.try_wait().unwrap().is_some()).await;
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}");
    }

    /// Files may get no longer than this: what is behind it is as if the disk were full.
    pub fn limit_files(&self, bytes: Option<u64>) {
        prlimit(Some(self.pid()), Resource::Fsize, Rlimit { current: bytes, maximum: None })
            .unwrap();
    }

    /// Memory in use, in KiB.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    pub async fn get(&self, path: &str) -> u16 {
        reqwest::get(format!("{}{path}", self.address)).await.unwrap().status().as_u16()
    }

    pub async fn is_ready(&self) -> bool {
        let answer = reqwest::get(format!("{}health/ready", self.address)).await;
        answer.is_ok_and(|answer| answer.status() == 200)
    }

    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
