//! The real binary, as a process of its own.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use super::MASTER_KEY;
use crate::support::TestApp;

const PAUSE: Duration = Duration::from_millis(5);

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
    /// Another port each time: between two starts somebody else may take the last one.
    pub async fn start(app: &TestApp, folder: &Path) -> Self {
        Self::start_with_log(app, folder, "info").await
    }

    /// As [`Server::start`]; `filter` says what is written to the file `log`.
    pub async fn start_with_log(app: &TestApp, folder: &Path, filter: &str) -> Self {
        for _ in 0..5 {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let listen = listener.local_addr().unwrap().to_string();
            drop(listener);
            let log = std::fs::File::create(folder.join("log")).unwrap();
            let child = Command::new(env!("CARGO_BIN_EXE_doorward"))
                .arg("serve")
                .env_clear()
                .env("DOORWARD_DATA_DIR", folder)
                .env("DOORWARD_DATABASE_URL", &app.database_url)
                .env("DOORWARD_MASTER_KEY", MASTER_KEY)
                .env("DOORWARD_ISSUER", &app.inner.settings.issuer)
                .env("DOORWARD_LISTEN", &listen)
                .env("DOORWARD_LOG", filter)
                .stdout(Stdio::null())
                .stderr(log)
                .spawn()
                .unwrap();
            let mut server = Self { child, address: format!("http://{listen}/") };
            if server.is_ready().await {
                return server;
            }
        }
        panic!("it does not start: {}", std::fs::read_to_string(folder.join("log")).unwrap());
    }

    /// Waits until it is ready; `false` when it ended.
    async fn is_ready(&mut self) -> bool {
        for _ in 0..6000 {
            let ready = reqwest::get(format!("{}health/ready", self.address)).await;
            if ready.is_ok_and(|answer| answer.status().is_success()) {
                return true;
            }
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("not ready within half a minute");
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
