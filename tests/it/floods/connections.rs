//! Connections without end, of clients that say nothing, or say it as slowly as can be.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use doorward::app::{
    self,
    connections::{Endpoint, Limits},
    tls::Tls,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{MASTER_KEY, TestApp};

/// Connections that the servers of these tests have room for.
const ROOM: usize = 16;

/// Only so that a hanging server fails the test.
const PATIENCE: Duration = Duration::from_secs(120);

/// Another door to the server, with other limits.
async fn door(app: &TestApp, tls: Option<Arc<Tls>>, limits: Limits) -> SocketAddr {
    let listener = app::listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let endpoint = Endpoint::new(listener, tls).with_limits(limits);
    let never = std::future::pending();
    tokio::spawn(app::serve(app.inner.clone(), endpoint, Duration::from_secs(1), never));
    address
}

async fn open(address: SocketAddr, said: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(said.as_bytes()).await.unwrap();
    stream
}

/// What comes until the server hangs up.
async fn rest(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    let ended = tokio::time::timeout(PATIENCE, async {
        let mut piece = [0; 4096];
        while let Ok(length @ 1..) = stream.read(&mut piece).await {
            read.extend_from_slice(&piece[..length]);
        }
    });
    ended.await.expect("the connection is kept for ever");
    String::from_utf8_lossy(&read).into_owned()
}

fn is_open(stream: &TcpStream) -> bool {
    let error = stream.try_read(&mut [0; 1]);
    error.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
}

/// A request of somebody else, on a connection of its own.
async fn is_served(address: SocketAddr) {
    let request = "POST /oauth/token HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
                   Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 12\r\n\r\n\
                   grant_type=x";
    let answer = rest(&mut open(address, request).await).await;
    assert!(answer.contains("unsupported_grant_type"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_or_too_little_keeps_nobody_else_out() {
    let app = TestApp::start(None, "").await;
    let address = door(&app, None, Limits { open: ROOM, ..Limits::default() }).await;
    let half_a_body = "POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\ngrant";
    for said in ["", "GET /health/live HTTP/1.1\r\nHost: x\r\nX-A: b", half_a_body] {
        let mut attackers = Vec::new();
        for _ in 0..ROOM * 4 {
            attackers.push(open(address, said).await);
            // A little more from everybody: a byte now and then is no progress.
            for attacker in &mut attackers {
                let _ = attacker.try_write(b"x");
            }
            if attackers.len() % ROOM == 0 {
                is_served(address).await;
            }
        }
        // No more of them are left than there is room for.
        let waited = tokio::time::timeout(PATIENCE, async {
            while attackers.iter().filter(|attacker| is_open(attacker)).count() > ROOM {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        waited.await.expect("more connections are open than there is room for");
        is_served(address).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_says_too_little_is_ended_in_time() {
    let app = TestApp::start(None, "").await;
    let folder = tempfile::tempdir().unwrap();
    let environment = [
        ("DOORWARD_DATA_DIR", folder.path().display().to_string()),
        ("DOORWARD_MASTER_KEY", MASTER_KEY.to_owned()),
        ("DOORWARD_TLS", "self-signed".to_owned()),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value));
    let config = doorward::config::Config::load(None, environment).unwrap();
    let tls = Tls::load(&config, Arc::clone(&app.clock) as _).unwrap().map(Arc::new);
    let short = Duration::from_secs(1);
    let limits = Limits { head: short, handshake: short, ..Limits::default() };
    let (plain, secured) = (door(&app, None, limits).await, door(&app, tls, limits).await);
    // A head that never ends, an unused connection, a handshake that is never begun or never ended.
    for (address, said) in
        [(plain, "GET /health/live HTTP/1.1\r\nHost:"), (secured, ""), (secured, "\x16\x03\x01")]
    {
        let answer = rest(&mut open(address, said).await).await;
        assert!(!answer.contains("200 OK"), "{answer}");
    }
    let used = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";
    let answer = rest(&mut open(plain, used).await).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// A body that never ends takes as long as a request may, and no longer.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_never_ends_is_answered_all_the_same() {
    let app = TestApp::start(None, "").await;
    let address = app.issuer.trim_start_matches("http://").trim_end_matches('/');
    let address: SocketAddr = address.parse().unwrap();
    let mut streams = Vec::new();
    for path in ["/oauth/token", "/u/login", "/dbconnections/signup"] {
        let said = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nAccept: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\r\na",
            if path == "/u/login" { "text/html" } else { "application/json" }
        );
        streams.push((path, open(address, &said).await));
    }
    for (path, mut stream) in streams {
        let answer = rest(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 503"), "{path}: {answer}");
        assert!(answer.contains("retry-after: 1"), "{path}: {answer}");
        let format = match path {
            "/u/login" => "<!doctype html>",
            _ => "\"temporarily_unavailable\"",
        };
        assert!(answer.contains(format), "{path}: {answer}");
    }
}
