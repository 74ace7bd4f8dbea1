//! Requests that are longer than any that is meant.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::TestApp;

/// Sends as much of it as is taken, and reads what is answered.
async fn send(app: &TestApp, parts: Vec<Vec<u8>>) -> String {
    let address = app.issuer.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut input, mut output) = stream.into_split();
    let sending = tokio::spawn(async move {
        for part in parts {
            if output.write_all(&part).await.is_err() {
                break;
            }
        }
        output
    });
    let mut read = Vec::new();
    let answered = tokio::time::timeout(Duration::from_secs(60), async {
        let mut piece = [0; 4096];
        while let Ok(length @ 1..) = input.read(&mut piece).await {
            read.extend_from_slice(&piece[..length]);
        }
    });
    answered.await.expect("it is neither answered nor hung up on");
    sending.abort();
    let answer = String::from_utf8_lossy(&read);
    answer.lines().next().unwrap_or_default().to_owned()
}

fn head(line: &str, more: &str) -> Vec<u8> {
    format!("{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{more}\r\n").into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_long_is_refused_and_hung_up_on() {
    let app = TestApp::start(None, "").await;
    let long = "a".repeat(1024 * 1024);
    let many: String = (0..500).map(|i| format!("X-{i}: b\r\n")).collect();
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let sized = format!("{form}Content-Length: {}\r\n", 64 * long.len());
    let chunked = format!("{form}Transfer-Encoding: chunked\r\n");
    let megabyte = || long.clone().into_bytes();
    let chunk = || format!("100000\r\n{long}\r\n").into_bytes();
    for (what, parts, status) in [
        ("a header", vec![head("GET /health/live", &format!("X-A: {long}\r\n"))], "431"),
        ("headers", vec![head("GET /health/live", &many)], "431"),
        ("a URL", vec![head(&format!("GET /authorize?state={long}"), "")], "4"),
        ("a method", vec![head(&format!("{long} /"), "")], "4"),
    ] {
        let answer = send(&app, parts).await;
        let said = answer.strip_prefix("HTTP/1.1 ").unwrap_or_default();
        assert!(said.starts_with(status) || answer.is_empty(), "{what}: {answer}");
        assert_eq!(app.get("health/live").await.status, 200);
    }
    for path in ["/oauth/token", "/oauth/revoke", "/u/login", "/dbconnections/signup", "/authorize"]
    {
        let line = format!("POST {path}");
        let mut parts = vec![head(&line, &sized)];
        parts.extend((0..64).map(|_| megabyte()));
        assert!(send(&app, parts).await.starts_with("HTTP/1.1 413"), "{path}, with its length");
        let mut parts = vec![head(&line, &chunked)];
        parts.extend((0..64).map(|_| chunk()));
        assert!(send(&app, parts).await.starts_with("HTTP/1.1 413"), "{path}, in chunks");
    }
    // Who has no token is told so before anything is read.
    let line = "POST /api/v2/roles";
    let sized = sized.replace("application/x-www-form-urlencoded", "application/json");
    let answer = send(&app, vec![head(line, &sized), megabyte()]).await;
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    let token = app.management_token().await;
    let more = format!("{sized}Authorization: Bearer {token}\r\n");
    let answer = send(&app, vec![head(line, &more), megabyte(), megabyte()]).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}
