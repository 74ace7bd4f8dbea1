//! SIGTERM under load: the real binary drains, and no request fails that it took.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use reqwest::tls;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{
    TestApp, each_backend,
    faults::{PAUSE, Stage, people::People, server::Server, size, until, wire::State, world},
};

/// Clients on connections that they keep.
fn number() -> u64 {
    size("DOORWARD_FAULT_CLIENTS", 8)
}

/// One answer: whether the connection ends with it.
async fn answer(stream: &mut TcpStream) -> Result<bool, String> {
    let mut read = Vec::new();
    let mut piece = [0; 8192];
    loop {
        let length = stream.read(&mut piece).await.map_err(|e| format!("{e}: {}", read.len()))?;
        if length == 0 {
            return Err(format!("the connection ended after {} bytes", read.len()));
        }
        read.extend_from_slice(&piece[..length]);
        let text = String::from_utf8_lossy(&read).to_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let expected = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let expected: usize = expected.ok_or_else(|| head.to_owned())?.parse().unwrap();
        if body.len() >= expected {
            assert!(head.starts_with("http/1.1 200"), "{head}");
            return Ok(head.contains("connection: close"));
        }
    }
}

/// Asks on one connection after the other, as fast as the answers come, until none can be had.
/// Every connection that was accepted answers every request, or says before that it ends.
async fn ask_without_end(address: String, answers: Arc<AtomicU64>) {
    let request = format!("GET /.well-known/jwks.json HTTP/1.1\r\nHost: {address}\r\n\r\n");
    while let Ok(mut stream) = TcpStream::connect(&address).await {
        loop {
            stream.write_all(request.as_bytes()).await.unwrap();
            let is_last = answer(&mut stream).await.unwrap();
            answers.fetch_add(1, Ordering::SeqCst);
            if is_last {
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_told_to_stop_answers_every_request_that_it_took() {
    for (backend, app) in each_backend().await {
        let folder = tempfile::tempdir().unwrap();
        let world = world(&app).await;
        let people = People::come(&app, &world).await;
        let mut all = 0;
        for _ in 0..size("DOORWARD_FAULT_STOPS", 2) {
            let mut server = Server::start(&app, folder.path(), "", &[]).await;
            people.turn_to(&server.address);
            let address = server.address.trim_start_matches("http://").trim_end_matches('/');
            let answers = Arc::new(AtomicU64::new(0));
            let clients: Vec<_> = (0..number())
                .map(|_| tokio::spawn(ask_without_end(address.to_owned(), Arc::clone(&answers))))
                .collect();
            let enough = 20 * number();
            until("load", async || answers.load(Ordering::SeqCst) >= enough).await;
            people.go_on(2).await;
            server.terminate();
            for client in clients {
                client.await.expect("a request failed");
            }
            server.ended().await;
            all += answers.load(Ordering::SeqCst);
        }
        people.turn_to(&app.issuer);
        let lived = people.end(&app, &world).await;
        assert_eq!(lived.lost_answers, 0, "{backend}: {lived:?}");
        eprintln!("{backend}: stopped under load: {all} answers, {lived:?}, failed: none");
    }
}

/// What a load balancer does: it asks who is ready, and sends people there.
#[tokio::test(flavor = "multi_thread")]
async fn behind_a_load_balancer_nobody_notices_that_a_server_stops() {
    const DELAYED: &str = "[server]\ndrain_delay = 5\n";
    for (backend, app) in each_backend().await {
        let folder = tempfile::tempdir().unwrap();
        let world = world(&app).await;
        let people = People::come(&app, &world).await;
        let mut first = Server::start(&app, folder.path(), DELAYED, &[]).await;
        let second = Server::start(&app, folder.path(), DELAYED, &[]).await;
        people.turn_to(&first.address);
        people.go_on(2).await;
        first.terminate();
        until("unreadiness", async || !first.is_ready().await).await;
        assert_eq!(first.get("health/live").await, 200, "{backend}: it still answers");
        people.turn_to(&second.address);
        first.ended().await;
        people.go_on(1).await;
        let lived = people.end(&app, &world).await;
        assert_eq!((lived.refused, lived.lost_answers), (0, 0), "{backend}: {lived:?}");
        eprintln!("{backend}: one of two stopped: {lived:?}, failed: none");
        drop(second);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_2_no_request_fails_either() {
    let app = TestApp::start(None, "").await;
    let folder = tempfile::tempdir().unwrap();
    let more = [("DOORWARD_TLS", "self-signed"), ("DOORWARD_ISSUER", "https://localhost:8443/")];
    let mut server = Server::start(&app, folder.path(), "", &more).await;
    let address = server.address.replace("http://", "https://");
    let pem = folder.path().join("ca.pem");
    until("the CA", async || pem.exists()).await;
    let ca = tls::Certificate::from_pem(&std::fs::read(&pem).unwrap()).unwrap();
    let client = reqwest::Client::builder().tls_certs_only([ca]).build().unwrap();
    let (answers, stopped) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let clients: Vec<_> = (0..number())
        .map(|_| {
            let (client, answers) = (client.clone(), Arc::clone(&answers));
            let (url, stopped) = (format!("{address}.well-known/jwks.json"), Arc::clone(&stopped));
            tokio::spawn(async move {
                loop {
                    let sent = client.get(&url).send().await;
                    match sent {
                        Ok(answer) => {
                            assert_eq!(answer.version(), reqwest::Version::HTTP_2);
                            assert_eq!(answer.status(), 200);
                            answer.bytes().await.unwrap();
                            answers.fetch_add(1, Ordering::SeqCst);
                        }
                        // Nobody is there any more.
                        Err(error) if error.is_connect() => {
                            assert!(stopped.load(Ordering::SeqCst), "{error:?}");
                            return;
                        }
                        Err(error) => panic!("a request failed: {error:?}"),
                    }
                }
            })
        })
        .collect();
    until("load", async || answers.load(Ordering::SeqCst) >= 20 * number()).await;
    stopped.store(true, Ordering::SeqCst);
    server.terminate();
    for client in clients {
        client.await.expect("a request failed");
    }
    server.ended().await;
    eprintln!(
        "HTTP/2: stopped under load: {} answers, failed: none",
        answers.load(Ordering::SeqCst)
    );
}

/// A database that never answers must not keep a server from stopping.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_stops_without_its_database() {
    let Some(stage) = Stage::new("").await else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = "[server]\nshutdown_timeout = 2\n";
    let mut server = Server::start(&stage.app, folder.path(), file, &[]).await;
    stage.people.turn_to(&server.address);
    stage.people.go_on(2).await;
    stage.wire.set(State::Cut);
    stage.people.are_refused(1).await;
    server.terminate();
    server.ended().await;
    stage.wire.set(State::Good);
    stage.people.turn_to(&stage.app.issuer);
    tokio::time::sleep(PAUSE).await;
    stage.people.end(&stage.app, &stage.world).await;
}
