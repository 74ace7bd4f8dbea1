//! A Postgres for the tests: `TEST_POSTGRES_URL`, or a throw-away cluster started from the
//! installed server binaries. Each test gets a schema of its own.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use sqlx::Connection;

/// A URL with a new, empty schema; `None` where there is no Postgres.
pub async fn fresh_schema() -> Option<String> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let url = tokio::task::spawn_blocking(url).await.unwrap()?;
    let number = NEXT.fetch_add(1, Ordering::SeqCst);
    let schema = format!("t_{}_{number}", std::process::id());
    let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
    let create = sqlx::AssertSqlSafe(format!("CREATE SCHEMA {schema}"));
    sqlx::query(create).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let separator = if url.contains('?') { '&' } else { '?' };
    Some(format!("{url}{separator}options=-csearch_path%3D{schema}"))
}

fn url() -> Option<String> {
    static URL: OnceLock<Option<String>> = OnceLock::new();
    URL.get_or_init(|| {
        let found = std::env::var("TEST_POSTGRES_URL").ok().or_else(start_cluster);
        let required = std::env::var("REQUIRE_POSTGRES").is_ok_and(|value| value == "1");
        assert!(
            found.is_some() || !required,
            "REQUIRE_POSTGRES=1, but there is neither TEST_POSTGRES_URL nor a Postgres server \
             in /usr/lib/postgresql"
        );
        if found.is_none() {
            eprintln!("no Postgres: running on SQLite only");
        }
        found
    })
    .clone()
}

/// Lives as long as the test process: the shell around the server kills it when its standard input
/// closes.
static CLUSTER: OnceLock<(Child, tempfile::TempDir)> = OnceLock::new();

fn start_cluster() -> Option<String> {
    let server = newest_server()?;
    let folder = tempfile::Builder::new().prefix("doorward-pg").tempdir_in("/tmp").unwrap();
    let root = Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout == b"0\n");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (bin, at) = (server.display(), folder.path().display());
    // initdb refuses root.
    let run = if root { "runuser -u postgres --" } else { "" };
    let script = format!(
        "set -e
         {chown}
         {run} {bin}/initdb -D {at}/data -U postgres -A trust --no-sync >{at}/initdb.log 2>&1
         {run} {bin}/postgres -D {at}/data -p {port} -k {at} -c listen_addresses=127.0.0.1 \
           -c fsync=off -c synchronous_commit=off -c full_page_writes=off \
           -c max_connections=400 >{at}/server.log 2>&1 </dev/null &
         server=$!
         read -r _ || true
         kill $server; wait $server || true
         rm -rf {at}",
        chown = if root { format!("chown postgres {at}") } else { String::new() },
    );
    let mut shell = Command::new("bash")
        .args(["-c", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
    wait_until_it_listens(&server, port, &mut shell, folder.path());
    assert!(CLUSTER.set((shell, folder)).is_ok(), "one cluster a process");
    Some(url)
}

fn wait_until_it_listens(bin: &Path, port: u16, shell: &mut Child, folder: &Path) {
    for _ in 0..600 {
        // A connection alone is not enough: the server also answers while it recovers.
        let ready = Command::new(bin.join("pg_isready"))
            .args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()])
            .status()
            .is_ok_and(|status| status.success());
        if ready {
            return;
        }
        if let Some(status) = shell.try_wait().unwrap() {
            let log = std::fs::read_to_string(folder.join("initdb.log")).unwrap_or_default();
            panic!("the throw-away Postgres ended ({status}): {log}");
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    std::io::stderr().flush().unwrap();
    panic!("the throw-away Postgres did not start within a minute");
}

pub fn newest_server() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<_> = versions
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .filter(|bin| bin.join("postgres").exists() && bin.join("initdb").exists())
        .collect();
    found.sort();
    found.pop()
}
