//! TLS by the server itself. The database plays no part in it: these tests run on SQLite only.

mod binary;

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    sync::Arc,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use doorward::{
    app::{self, connections::Endpoint, tls::Tls},
    config::Config,
    crypto::{certificate::Authority, random::SystemEntropy},
    domain::time::{Clock, OffsetClock},
    http::App,
};
use reqwest::{Version, tls};
use tokio::sync::oneshot;
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, crypto::aws_lc_rs,
    pki_types::ServerName,
};

use crate::support::{self, BOOTSTRAP_ID, BOOTSTRAP_SECRET, MASTER_KEY};

/// The name that the servers of these tests go by.
const HOST: &str = "id.test";

/// A server with TLS.
struct Server {
    address: SocketAddr,
    issuer: String,
    folder: tempfile::TempDir,
    tls: Arc<Tls>,
    clock: Arc<OffsetClock>,
    app: App,
    stop: oneshot::Sender<()>,
    ended: tokio::task::JoinHandle<()>,
}

/// A CA with certificate and key of a server in the files `cert.pem` and `key.pem` of a folder.
struct Files(Authority);

impl Files {
    fn write(folder: &Path) -> Self {
        let files = Self(Authority::generate().unwrap());
        files.renew(folder);
        files
    }

    /// Another certificate with another key.
    fn renew(&self, folder: &Path) {
        let names = [HOST.to_owned()];
        let made = self.0.issue(&names, OffsetClock::default().now()).unwrap();
        let pem = |label: &str, der: &[u8]| {
            format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
        };
        std::fs::write(folder.join("cert.pem"), pem("CERTIFICATE", &made.certificate)).unwrap();
        std::fs::write(folder.join("key.pem"), pem("PRIVATE KEY", &made.key)).unwrap();
    }

    fn ca(&self) -> String {
        self.0.certificate_pem(OffsetClock::default().now()).unwrap()
    }
}

impl Server {
    async fn self_signed() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::start(folder, &[("DOORWARD_TLS", "self-signed".into())]).await
    }

    async fn with_files(folder: tempfile::TempDir) -> Self {
        let path = |name: &str| folder.path().join(name).display().to_string();
        let more = [("DOORWARD_TLS_CERT", path("cert.pem")), ("DOORWARD_TLS_KEY", path("key.pem"))];
        Self::start(folder, &more).await
    }

    async fn start(folder: tempfile::TempDir, more: &[(&str, String)]) -> Self {
        let listener = app::listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let issuer = format!("https://{HOST}:{}/", address.port());
        let common = [
            ("DOORWARD_ISSUER", issuer.clone()),
            ("DOORWARD_DATA_DIR", folder.path().display().to_string()),
            ("DOORWARD_MASTER_KEY", MASTER_KEY.to_owned()),
            ("DOORWARD_BOOTSTRAP_CLIENT_ID", BOOTSTRAP_ID.to_owned()),
            ("DOORWARD_BOOTSTRAP_CLIENT_SECRET", BOOTSTRAP_SECRET.to_owned()),
        ];
        let variables = common.iter().chain(more).map(|(k, v)| ((*k).to_owned(), v.clone()));
        let config = Config::load(None, variables).unwrap();
        support::lend_keys(&config).await;
        let clock = Arc::new(OffsetClock::default());
        let app = app::build(&config, true, clock.clone(), Arc::new(SystemEntropy)).await.unwrap();
        let tls = Arc::new(Tls::load(&config, clock.clone()).unwrap().unwrap());
        let (stop, stopped) = oneshot::channel();
        let served = app.clone();
        let endpoint = Endpoint::new(listener, Some(Arc::clone(&tls)));
        let ended = tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            app::serve(served, endpoint, Duration::from_secs(30), stopped).await.unwrap();
        });
        Self { address, issuer, folder, tls, clock, app, stop, ended }
    }

    fn ca(&self) -> String {
        std::fs::read_to_string(self.tls.ca_file().unwrap()).unwrap()
    }

    /// A client that trusts `ca` and nobody else, and knows where the name is.
    fn client(&self, ca: &str) -> reqwest::ClientBuilder {
        reqwest::Client::builder()
            .tls_certs_only([tls::Certificate::from_pem(ca.as_bytes()).unwrap()])
            .resolve(HOST, self.address)
    }

    /// An open connection of HTTP/1.1, for looking at its certificate.
    fn connect(&self, ca: &str) -> std::io::Result<Connection> {
        use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject};
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(HOST).unwrap();
        let tls = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut stream = StreamOwned::new(tls, self.tcp());
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Connection(stream))
    }

    fn tcp(&self) -> TcpStream {
        let tcp = TcpStream::connect(self.address).unwrap();
        // Only so that a hanging server fails the test.
        tcp.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        tcp
    }
}

struct Connection(StreamOwned<ClientConnection, TcpStream>);

impl Connection {
    fn certificate(&self) -> Vec<u8> {
        self.0.conn.peer_certificates().unwrap()[0].to_vec()
    }

    /// The status line of `/health/live`.
    fn ask(&mut self) -> String {
        let request = format!("GET /health/live HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
        self.0.write_all(request.as_bytes()).unwrap();
        let mut answer = [0; 4096];
        let length = self.0.read(&mut answer).unwrap();
        String::from_utf8_lossy(&answer[..length]).lines().next().unwrap_or_default().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_speaks_http_1_and_2_under_every_name_of_its_certificate() {
    let server = Server::self_signed().await;
    let (ca, port) = (server.ca(), server.address.port());
    let by_alpn = server.client(&ca).build().unwrap();
    let http1 = server.client(&ca).http1_only().build().unwrap();
    for (client, version) in [(&by_alpn, Version::HTTP_2), (&http1, Version::HTTP_11)] {
        for host in [HOST, "localhost", "127.0.0.1"] {
            let url = format!("https://{host}:{port}/.well-known/openid-configuration");
            let answer = client.get(url).send().await.unwrap();
            assert_eq!((answer.status().as_u16(), answer.version()), (200, version), "{host}");
            let body: serde_json::Value = answer.json().await.unwrap();
            assert_eq!(body["issuer"], server.issuer, "not what the request calls it");
        }
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", BOOTSTRAP_ID),
            ("client_secret", BOOTSTRAP_SECRET),
            ("audience", &format!("{}api/v2/", server.issuer)),
        ];
        let url = format!("{}oauth/token", server.issuer);
        let answer = client.post(url).form(&form).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let token: serde_json::Value = answer.json().await.unwrap();
        let token = token["access_token"].as_str().unwrap();
        server.app.login.audit.flush().await;
        let log = format!("{}api/v2/logs", server.issuer);
        let rows = client.get(log).bearer_auth(token).send().await.unwrap();
        let rows: serde_json::Value = rows.json().await.unwrap();
        assert_eq!(rows[0]["ip"], "127.0.0.1", "the peer's address is known: {rows}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_are_not_bound_to_tls_by_a_certificate_for_development() {
    let server = Server::self_signed().await;
    let client = server.client(&server.ca()).build().unwrap();
    let answer = client.get(&server.issuer).send().await.unwrap();
    assert!(!answer.headers().contains_key("strict-transport-security"));

    let folder = tempfile::tempdir().unwrap();
    let files = Files::write(folder.path());
    let server = Server::with_files(folder).await;
    let client = server.client(&files.ca()).build().unwrap();
    let answer = client.get(&server.issuer).send().await.unwrap();
    assert!(answer.headers().contains_key("strict-transport-security"));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_speaks_tls_1_2_and_1_3_only() {
    let server = Server::self_signed().await;
    let ca = server.ca();
    for version in [tls::Version::TLS_1_2, tls::Version::TLS_1_3] {
        let client = server.client(&ca).tls_version_min(version).tls_version_max(version);
        let answer = client.build().unwrap().get(&server.issuer).send().await;
        assert!(answer.is_ok(), "{version:?}: {answer:?}");
    }
    // A hello of TLS 1.1 (RFC 4346 §7.4.1.2) that offers TLS_RSA_WITH_AES_128_CBC_SHA.
    let mut hello = vec![22, 3, 1, 0, 45, 1, 0, 0, 41, 3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0, 0x2f, 1, 0]);
    let mut tcp = server.tcp();
    tcp.write_all(&hello).unwrap();
    let mut answer = Vec::new();
    let _ = tcp.read_to_end(&mut answer);
    assert_eq!(answer.first(), Some(&21), "an alert: {answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_trusts_another_ca_is_refused_by_itself() {
    let server = Server::self_signed().await;
    let other = Authority::generate().unwrap().certificate_pem(server.clock.now()).unwrap();
    let client = server.client(&other).build().unwrap();
    assert!(client.get(&server.issuer).send().await.unwrap_err().is_connect());
    let client = server.client(&server.ca()).resolve("other.test", server.address);
    let url = format!("https://other.test:{}/", server.address.port());
    let answer = client.build().unwrap().get(url).send().await;
    assert!(answer.unwrap_err().is_connect(), "a name that is not in the certificate");
    let answer = server.client(&server.ca()).build().unwrap().get(&server.issuer).send().await;
    assert!(answer.is_ok(), "the next one is served");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_shown_while_old_connections_live() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::write(folder.path());
    let server = Server::with_files(folder).await;
    let ca = files.ca();
    let mut old = server.connect(&ca).unwrap();
    assert_eq!(old.ask(), "HTTP/1.1 200 OK");
    server.tls.refresh(false);
    assert_eq!(server.connect(&ca).unwrap().certificate(), old.certificate(), "nothing changed");

    files.renew(server.folder.path());
    server.tls.refresh(false);
    let mut new = server.connect(&ca).unwrap();
    assert_ne!(new.certificate(), old.certificate());
    assert_eq!((old.ask(), new.ask()), ("HTTP/1.1 200 OK".into(), "HTTP/1.1 200 OK".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_new_certificate_leaves_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::write(folder.path());
    let server = Server::with_files(folder).await;
    let (cert, key) = (server.folder.path().join("cert.pem"), server.folder.path().join("key.pem"));
    let good = [std::fs::read(&cert).unwrap(), std::fs::read(&key).unwrap()];
    let ca = files.ca();
    let first = server.connect(&ca).unwrap().certificate();
    let still = |what: &str| {
        server.tls.refresh(false);
        server.tls.refresh(true);
        assert_eq!(server.connect(&ca).unwrap().certificate(), first, "{what}");
    };
    std::fs::write(&cert, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        .unwrap();
    still("no certificate");
    std::fs::write(&cert, "").unwrap();
    still("an empty file");
    std::fs::remove_file(&cert).unwrap();
    still("no file");
    files.renew(server.folder.path());
    std::fs::write(&key, &good[1]).unwrap();
    still("the key of another certificate");

    // The key comes a moment after the certificate, as tools that renew write them.
    files.renew(server.folder.path());
    server.tls.refresh(false);
    assert_ne!(server.connect(&ca).unwrap().certificate(), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_certificate_for_development_is_renewed_before_it_expires() {
    let server = Server::self_signed().await;
    let ca = server.ca();
    let first = server.connect(&ca).unwrap().certificate();
    server.clock.advance_seconds(59 * 86_400);
    server.tls.refresh(false);
    assert_eq!(server.connect(&ca).unwrap().certificate(), first);
    server.clock.advance_seconds(86_400 - 3600);
    server.tls.refresh(false);
    assert_eq!(server.connect(&ca).unwrap().certificate(), first);
    server.clock.advance_seconds(3600);
    server.tls.refresh(false);
    // Not valid yet by the client's clock, which did not move.
    let refused = server.connect(&ca).map(|_| ()).unwrap_err().to_string();
    assert!(refused.contains("not valid yet"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_and_silence_keep_nobody_waiting() {
    let server = Server::self_signed().await;
    let client = server.client(&server.ca()).build().unwrap();
    // Clients that connect and say nothing, or half a hello.
    let silent: Vec<_> = (0..50).map(|_| server.tcp()).collect();
    for tcp in silent.iter().take(25) {
        let mut tcp = tcp;
        tcp.write_all(&[22, 3, 1, 2, 0, 1, 0]).unwrap();
    }
    for garbage in
        [&b"GET / HTTP/1.1\r\nHost: id.test\r\n\r\n"[..], b"\0\0\0\0\0\0", b"SSH-2.0-x\r\n"]
    {
        let mut tcp = server.tcp();
        tcp.write_all(garbage).unwrap();
        let mut answer = Vec::new();
        // Ends, by a hang-up or a reset, well before the time limit of a handshake.
        let _ = tcp.read_to_end(&mut answer);
        assert!(answer.is_empty() || answer[0] == 21, "an alert or nothing: {answer:?}");
    }
    // The preface of HTTP/2 on a connection that agreed on nothing is no request of HTTP/1.1.
    let mut connection = server.connect(&server.ca()).unwrap();
    connection.0.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = connection.0.read_to_end(&mut answer);
    assert!(!String::from_utf8_lossy(&answer).contains("200 OK"));
    let answer = client.get(&server.issuer).send().await.unwrap();
    assert_eq!(answer.status(), 404);
    drop(silent);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stops_at_once_when_nobody_is_being_served() {
    let server = Server::self_signed().await;
    let client = server.client(&server.ca()).build().unwrap();
    let (silent, mut idle) = (server.tcp(), server.connect(&server.ca()).unwrap());
    assert_eq!(idle.ask(), "HTTP/1.1 200 OK");
    client.get(&server.issuer).send().await.unwrap();
    server.stop.send(()).unwrap();
    // The deadline would be half a minute.
    let ended = tokio::time::timeout(Duration::from_secs(20), server.ended).await;
    ended.expect("idle connections hold nothing up").unwrap();
    drop((silent, idle));
}
