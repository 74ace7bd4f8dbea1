//! HTTP/2 by hand: streams that are reset as soon as they are open (CVE-2023-44487), more streams at
//! once than are allowed, headers without end.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use doorward::app::tls::Tls;
use doorward::app::{self, connections::Endpoint};
use reqwest::tls;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs, pki_types::CertificateDer},
};

use crate::support::{MASTER_KEY, TestApp};

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

const REFUSED_STREAM: u32 = 7;
const ENHANCE_YOUR_CALM: u32 = 11;

struct Server {
    app: TestApp,
    folder: tempfile::TempDir,
    address: SocketAddr,
}

impl Server {
    async fn start() -> Self {
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
        let listener = app::listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let endpoint = Endpoint::new(listener, tls);
        let never = std::future::pending();
        tokio::spawn(app::serve(app.inner.clone(), endpoint, Duration::from_secs(1), never));
        Self { app, folder, address }
    }

    fn ca(&self) -> Vec<u8> {
        std::fs::read(self.folder.path().join("ca.pem")).unwrap()
    }

    /// A connection that has said hello and nothing else.
    async fn connect(&self) -> TlsStream<TcpStream> {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let pem = String::from_utf8(self.ca()).unwrap();
        let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(STANDARD.decode(base64).unwrap())).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider);
        let config = config.with_safe_default_protocol_versions().unwrap();
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let tcp = TcpStream::connect(self.address).await.unwrap();
        let name = "localhost".try_into().unwrap();
        let mut stream = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap();
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
        stream
    }

    async fn serves_others(&self) {
        let ca = tls::Certificate::from_pem(&self.ca()).unwrap();
        let client = reqwest::Client::builder().tls_certs_only([ca]).build().unwrap();
        let url = format!("https://localhost:{}/health/live", self.address.port());
        let answer = client.get(url).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.version()), (200, reqwest::Version::HTTP_2));
        assert_eq!(self.app.get("health/live").await.status, 200);
    }
}

/// RFC 9113 §4.1.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// `:method`, `:scheme https`, `:path /`, `:authority localhost` (RFC 7541 §6).
fn request(method: u8) -> Vec<u8> {
    let mut block = vec![method, 0x87, 0x84, 0x41, 9];
    block.extend(b"localhost");
    block
}

/// The same for a form, for whose body the server waits.
fn form() -> Vec<u8> {
    let mut block = vec![POST, 0x87, 0x44, 12];
    block.extend(b"/oauth/token");
    block.extend([0x41, 9]);
    block.extend(b"localhost");
    block.extend([0x5f, 33]);
    block.extend(b"application/x-www-form-urlencoded");
    block
}

const GET: u8 = 0x82;
const POST: u8 = 0x83;

/// The frames that come until the server hangs up, or falls silent: kind and what begins the payload.
async fn frames(stream: &mut TlsStream<TcpStream>) -> Vec<(u8, Vec<u8>)> {
    let mut read = Vec::new();
    let quiet = Duration::from_secs(3);
    let mut piece = vec![0; 65_536];
    while let Ok(Ok(length @ 1..)) = tokio::time::timeout(quiet, stream.read(&mut piece)).await {
        read.extend_from_slice(&piece[..length]);
    }
    let (mut frames, mut rest) = (Vec::new(), &read[..]);
    while rest.len() >= 9 {
        let length = usize::from(rest[0]) << 16 | usize::from(rest[1]) << 8 | usize::from(rest[2]);
        if rest.len() < 9 + length {
            break;
        }
        frames.push((rest[3], rest[9..9 + length].to_vec()));
        rest = &rest[9 + length..];
    }
    frames
}

fn code(payload: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(payload[at..at + 4].try_into().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_are_reset_as_soon_as_they_are_open_end_the_connection() {
    let server = Server::start().await;
    let mut stream = server.connect().await;
    let mut flood = Vec::new();
    for number in (1..20_000).step_by(2) {
        flood.extend(frame(HEADERS, END_STREAM | END_HEADERS, number, &request(GET)));
        flood.extend(frame(RST_STREAM, 0, number, &8u32.to_be_bytes()));
    }
    let _ = stream.write_all(&flood).await;
    let _ = stream.flush().await;
    let goaway = frames(&mut stream).await.into_iter().find(|(kind, _)| *kind == GOAWAY);
    if let Some((_, payload)) = goaway {
        assert_eq!(code(&payload, 4), ENHANCE_YOUR_CALM);
    }
    // Hung up on, in whatever words.
    let more = frame(HEADERS, END_STREAM | END_HEADERS, 20_001, &request(GET));
    let _ = stream.write_all(&more).await;
    assert!(stream.read(&mut [0; 1]).await.map_or(true, |length| length == 0));
    server.serves_others().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_streams_than_are_allowed_are_refused() {
    let server = Server::start().await;
    let mut stream = server.connect().await;
    // Requests whose bodies never come.
    for number in (1..=299).step_by(2) {
        let opened = frame(HEADERS, END_HEADERS, number, &form());
        stream.write_all(&opened).await.unwrap();
    }
    stream.flush().await.unwrap();
    let refused = frames(&mut stream)
        .await
        .into_iter()
        .filter(|(kind, payload)| *kind == RST_STREAM && code(payload, 0) == REFUSED_STREAM);
    assert!(refused.count() >= 50, "150 streams, of which 100 may be open");
    server.serves_others().await;
}

/// CVE-2024-27316: a head in ever more pieces.
#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_never_ends_ends_the_connection() {
    let server = Server::start().await;
    let mut stream = server.connect().await;
    let first = frame(HEADERS, END_STREAM, 1, &request(GET));
    let _ = stream.write_all(&first).await;
    // A literal header without a name in any table: `x: aaa…`.
    let mut block = vec![0, 1, b'x', 0x7f, 0x81, 0x7e];
    block.truncate(3);
    block.extend([100]);
    block.extend([b'a'; 100]);
    let piece = frame(CONTINUATION, 0, 1, &block.repeat(100));
    let mut is_hung_up = false;
    for _ in 0..20_000 {
        if stream.write_all(&piece).await.is_err() {
            is_hung_up = true;
            break;
        }
    }
    assert!(is_hung_up, "200 MB of headers were taken");
    server.serves_others().await;
}
