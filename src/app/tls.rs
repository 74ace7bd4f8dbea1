//! The certificate that TLS shows, and its replacement while the server runs.

mod development;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, ServerConfig,
        client::verify_server_name,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
        server::{ClientHello, ParsedCertificate, ResolvesServerCert},
        sign::CertifiedKey,
    },
};

use crate::app::StartError;
use crate::config::{Config, TlsMode};
use crate::domain::time::Clock;
use development::Development;

/// How often the files are looked at.
const POLL: Duration = Duration::from_secs(2);

/// TLS of a listening socket.
pub struct Tls {
    acceptor: TlsAcceptor,
    shown: Arc<Shown>,
    source: Source,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls(***)")
    }
}

/// Where certificates come from.
enum Source {
    Files(Files),
    Development(Development),
}

/// The certificate that new connections get. Those that are open keep theirs.
#[derive(Debug)]
struct Shown(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

/// Reads the files that the configuration names, and nothing else.
///
/// # Errors
/// When one is missing or wrong, or the key does not fit the certificate.
pub fn check(config: &Config) -> Result<(), StartError> {
    if config.tls.mode == TlsMode::Files {
        Files::new(config).read().map_err(StartError::Config)?;
    }
    Ok(())
}

impl Tls {
    /// TLS as configured; `None` when it is off.
    ///
    /// # Errors
    /// When a file is missing or wrong, or the key does not fit the certificate.
    pub fn load(config: &Config, clock: Arc<dyn Clock>) -> Result<Option<Self>, StartError> {
        let (source, first) = match config.tls.mode {
            TlsMode::Off => return Ok(None),
            TlsMode::Files => {
                let files = Files::new(config);
                let first = files.read().map_err(StartError::Config)?;
                (Source::Files(files), first)
            }
            TlsMode::SelfSigned => {
                let development = Development::open(config, clock.now())?;
                let first = development.issue(clock.now()).map_err(StartError::Config)?;
                (Source::Development(development), first)
            }
        };
        let shown = Arc::new(Shown(ArcSwap::from_pointee(first)));
        let mut server =
            ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
                .map_err(|error| StartError::Config(format!("TLS: {error}")))?
                .with_no_client_auth()
                .with_cert_resolver(Arc::clone(&shown) as Arc<dyn ResolvesServerCert>);
        server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Some(Self { acceptor: TlsAcceptor::from(Arc::new(server)), shown, source, clock }))
    }

    /// The file with the CA to trust, of self-signed TLS.
    pub fn ca_file(&self) -> Option<&Path> {
        match &self.source {
            Source::Files(_) => None,
            Source::Development(development) => Some(development.ca_file()),
        }
    }

    pub(super) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }

    /// Shows a new certificate if there is one: when the files have changed or `again` is set, or
    /// when the certificate for development is old. A new one that is broken changes nothing but
    /// the log, where each breakage is told once.
    pub fn refresh(&self, again: bool) {
        let read = match &self.source {
            Source::Files(files) if files.have_changed() || again => files.read(),
            Source::Development(development) if development.is_old(self.clock.now()) => {
                development.issue(self.clock.now())
            }
            _ => return,
        };
        match read {
            Ok(certificate) => {
                self.shown.0.store(Arc::new(certificate));
                tracing::info!("a new TLS certificate is shown from now on");
            }
            Err(error) => {
                tracing::error!(error, "the TLS certificate stays as it was: {error}");
            }
        }
    }

    /// Follows the files, and SIGHUP, until the task is dropped.
    pub(super) async fn follow(self: Arc<Self>) {
        use tokio::signal::unix::{SignalKind, signal};
        let mut hangup = signal(SignalKind::hangup()).ok();
        loop {
            let told = async {
                match &mut hangup {
                    Some(hangup) => hangup.recv().await,
                    None => std::future::pending().await,
                }
            };
            let again = tokio::select! {
                () = tokio::time::sleep(POLL) => false,
                _ = told => true,
            };
            let tls = Arc::clone(&self);
            // Reading files blocks.
            let _ = tokio::task::spawn_blocking(move || tls.refresh(again)).await;
        }
    }
}

/// A certificate and its key in files.
struct Files {
    cert: PathBuf,
    key: PathBuf,
    /// The host that the certificate should be for.
    host: Option<String>,
    seen: Mutex<[Option<Stamp>; 2]>,
}

/// Tells one state of a file from another.
#[derive(Clone, PartialEq, Eq)]
struct Stamp {
    modified: SystemTime,
    length: u64,
    inode: u64,
}

fn stamp(path: &Path) -> Option<Stamp> {
    use std::os::unix::fs::MetadataExt;
    let file = std::fs::metadata(path).ok()?;
    Some(Stamp { modified: file.modified().ok()?, length: file.len(), inode: file.ino() })
}

impl Files {
    fn new(config: &Config) -> Self {
        let (cert, key) = (config.tls.cert.clone(), config.tls.key.clone());
        Self { cert, key, host: issuer_host(config), seen: Mutex::default() }
    }

    fn have_changed(&self) -> bool {
        let now = [stamp(&self.cert), stamp(&self.key)];
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) != now
    }

    /// Reads both. The error names the file.
    fn read(&self) -> Result<CertifiedKey, String> {
        // Before reading: a change while reading is seen as one by the next look.
        let now = [stamp(&self.cert), stamp(&self.key)];
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = now;
        let (cert, key) = (self.cert.display(), self.key.display());
        let read = |path: &Path| {
            std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
        };
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(&self.cert)?).collect();
        let chain = chain.map_err(|error| format!("{cert}: no certificate in PEM: {error}"))?;
        let Some(first) = chain.first() else {
            return Err(format!("{cert}: no certificate in PEM"));
        };
        let parsed = ParsedCertificate::try_from(first)
            .map_err(|error| format!("{cert}: no certificate for a server: {error}"))?;
        let name = self.host.as_deref().map(ServerName::try_from);
        if let Some(Ok(name)) = name
            && verify_server_name(&parsed, &name).is_err()
        {
            let host = self.host.as_deref().unwrap_or_default();
            tracing::warn!("{cert}: the certificate is not for {host}, the host of the issuer");
        }
        let secret = PrivateKeyDer::from_pem_slice(&read(&self.key)?)
            .map_err(|_| format!("{key}: no private key in PEM, or one with a passphrase"))?;
        certified(chain, secret).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                format!("{key}: the key does not fit the certificate in {cert}")
            }
            error => format!("{key}: not usable: {error}"),
        })
    }
}

fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<CertifiedKey, rustls::Error> {
    CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider())
}

/// The host of the issuer as certificates name it: IPv6 addresses without brackets.
fn issuer_host(config: &Config) -> Option<String> {
    let url = url::Url::parse(&config.server.issuer).ok()?;
    let host = url.host_str()?;
    Some(host.trim_start_matches('[').trim_end_matches(']').to_owned())
}
