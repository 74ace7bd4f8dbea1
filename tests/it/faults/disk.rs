//! A disk that is full, under the embedded database.

use std::{path::Path, process::Command};

use crate::support::{
    TestApp,
    faults::{is_unavailable, people::People, server::Server, until, world},
    fixtures::*,
};

/// How the disk becomes full.
enum Disk {
    /// The system lets the process make no file longer (RLIMIT_FSIZE): works everywhere.
    Limit,
    /// A file system of few megabytes, filled by somebody else: needs the right to mount one.
    Small(Mount),
}

struct Mount(tempfile::TempDir);

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

impl Mount {
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64m", "tmpfs"]).arg(folder.path());
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then(|| Self(folder))
    }
}

impl Disk {
    fn fill(&self, server: &Server) {
        match self {
            Self::Limit => server.limit_files(Some(1)),
            Self::Small(mount) => {
                use std::io::Write;
                let mut ballast = std::fs::File::create(mount.0.path().join("ballast")).unwrap();
                for size in [65_536, 4096, 1] {
                    while ballast.write_all(&vec![0; size]).is_ok() {}
                }
            }
        }
    }

    fn free(&self, server: &Server) {
        match self {
            Self::Limit => server.limit_files(None),
            Self::Small(mount) => {
                std::fs::remove_file(mount.0.path().join("ballast")).unwrap();
            }
        }
    }
}

async fn fills_and_is_freed(name: &str, disk: Disk) {
    let own = tempfile::tempdir().unwrap();
    let folder: &Path = match &disk {
        Disk::Limit => own.path(),
        Disk::Small(mount) => mount.0.path(),
    };
    let url = format!("sqlite:{}", folder.join("doorward.db").display());
    let app = TestApp::start(Some(url), "").await;
    let world = world(&app).await;
    let people = People::come(&app, &world).await;
    people.go_on(1).await;
    let token = app.management_token().await.to_owned();
    // From here on the database belongs to the binary.
    app.inner.store.close().await;
    let server = Server::start(&app, folder, "", &[]).await;
    people.turn_to(&server.address);
    people.go_on(2).await;
    for _ in 0..2 {
        disk.fill(&server);
        people.are_refused(8).await;
        until("unreadiness", async || !server.is_ready().await).await;
        assert_eq!(server.get("health/live").await, 200);
        assert_eq!(server.get(".well-known/jwks.json").await, 200);
        let http = reqwest::Client::new();
        let login = [
            ("grant_type", "password"),
            ("client_id", world.client_id.as_str()),
            ("username", EMAIL),
            ("password", PASSWORD),
            ("scope", LOGIN_SCOPE),
            ("audience", MESSAGES),
        ];
        let login = http.post(format!("{}oauth/token", server.address)).form(&login);
        let role = http.post(format!("{}api/v2/roles", server.address)).bearer_auth(&token);
        let role = role.json(&serde_json::json!({ "name": "Reader" }));
        for (what, request) in [("a login", login), ("a write of the Management API", role)] {
            is_unavailable(&app.send(request).await, what);
        }
        // What only reads goes on.
        let request = http.get(format!("{}api/v2/roles", server.address)).bearer_auth(&token);
        assert_eq!(request.send().await.unwrap().status(), 200);
        disk.free(&server);
        people.go_on(2).await;
        until("readiness", async || server.is_ready().await).await;
    }
    server.kill();
    let node = app.another_node().await;
    people.turn_to(&node.issuer);
    let lived = people.end(&node, &world).await;
    eprintln!("disk full ({name}): {lived:?}, lost: nothing");
    node.inner.store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_when_no_file_can_grow() {
    fills_and_is_freed("RLIMIT_FSIZE", Disk::Limit).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_when_the_disk_is_full() {
    match Mount::new() {
        Some(mount) => fills_and_is_freed("tmpfs", Disk::Small(mount)).await,
        None => eprintln!("nothing may be mounted here: only the limit of the files is tried"),
    }
}
