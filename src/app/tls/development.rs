//! Self-signed TLS for development: a CA in the data directory, made once, and server certificates
//! that live in memory only.
//!
//! `ca.pem` is what clients trust. `ca.key` can sign for every name; it is readable by its owner
//! only and never leaves the data directory.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use tokio_rustls::rustls::{
    RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime, pem::PemObject},
    sign::CertifiedKey,
};

use super::{certified, issuer_host};
use crate::app::{StartError, master_key};
use crate::config::Config;
use crate::crypto::certificate::{Authority, SERVER_LIFETIME, ServerCertificate};
use crate::domain::time::Timestamp;

/// The CA and the names it signs for.
pub(super) struct Development {
    authority: Authority,
    names: Vec<String>,
    ca_file: PathBuf,
    /// When the shown certificate has lived two thirds of its time, in epoch milliseconds.
    renew_at: AtomicI64,
}

impl Development {
    /// The CA of the data directory; made if there is none.
    pub(super) fn open(config: &Config, now: Timestamp) -> Result<Self, StartError> {
        let folder = &config.server.data_dir;
        master_key::make_data_dir(folder)?;
        let (key_file, ca_file) = (folder.join("ca.key"), folder.join("ca.pem"));
        let authority = authority(&key_file, &ca_file, now)?;
        let mut names: Vec<_> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
        if let Some(host) = issuer_host(config).filter(|host| !names.contains(host)) {
            names.push(host);
        }
        let renew_at = AtomicI64::new(i64::MIN);
        let development = Self { authority, names, ca_file, renew_at };
        development.prove(now).map_err(StartError::Config)?;
        Ok(development)
    }

    pub(super) fn ca_file(&self) -> &Path {
        &self.ca_file
    }

    /// Whether it is time for a new certificate.
    pub(super) fn is_old(&self, now: Timestamp) -> bool {
        now.millis() >= self.renew_at.load(Ordering::SeqCst)
    }

    /// A new server certificate.
    pub(super) fn issue(&self, now: Timestamp) -> Result<CertifiedKey, String> {
        let failed = |error: String| format!("cannot make a certificate: {error}");
        let made = self.sign(now)?;
        let key = PrivatePkcs8KeyDer::from(made.key).into();
        let certificate = certified(vec![made.certificate.into()], key);
        let renew = now.plus_seconds(SERVER_LIFETIME / 3 * 2);
        self.renew_at.store(renew.millis(), Ordering::SeqCst);
        certificate.map_err(|error| failed(error.to_string()))
    }

    fn sign(&self, now: Timestamp) -> Result<ServerCertificate, String> {
        let made = self.authority.issue(&self.names, now);
        made.map_err(|error| format!("cannot make a certificate: {error}"))
    }

    /// Verifies a certificate as a client that trusts `ca.pem` does: an expired CA, or one that
    /// another key made, is told at start instead of by every client.
    fn prove(&self, now: Timestamp) -> Result<(), String> {
        let file = self.ca_file.display();
        let wrong = |why: String| format!("{file}: {why}; remove it and it is made anew");
        let ca = CertificateDer::from_pem_file(&self.ca_file)
            .map_err(|error| wrong(format!("no certificate: {error}")))?;
        let mut roots = RootCertStore::empty();
        roots.add(ca).map_err(|error| wrong(error.to_string()))?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|error| wrong(error.to_string()))?;
        let certificate = CertificateDer::from(self.sign(now)?.certificate);
        let since = Duration::from_secs(u64::try_from(now.seconds()).unwrap_or(0));
        let time = UnixTime::since_unix_epoch(since);
        for name in &self.names {
            let name = ServerName::try_from(name.as_str())
                .map_err(|_| format!("server.issuer: no certificate can name `{name}`"))?;
            verifier
                .verify_server_cert(&certificate, &[], &name, &[], time)
                .map_err(|error| wrong(format!("not the CA of ca.key beside it: {error}")))?;
        }
        Ok(())
    }
}

/// Reads the key of the CA, or makes it; and writes the certificate if it is missing.
fn authority(key_file: &Path, ca_file: &Path, now: Timestamp) -> Result<Authority, StartError> {
    let authority = match fs::read_to_string(key_file) {
        Ok(text) => Authority::from_pem(&text).map_err(|error| {
            StartError::Config(format!(
                "{}: {error}; remove it and {} and they are made anew",
                key_file.display(),
                ca_file.display()
            ))
        })?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let made = Authority::generate()?;
            master_key::write_private(key_file, &made.key_pem())?;
            write_certificate(ca_file, &made, now)?;
            return Ok(made);
        }
        Err(source) => {
            let what = format!("cannot read {}", key_file.display());
            return Err(StartError::Io { what, source });
        }
    };
    if !ca_file.exists() {
        write_certificate(ca_file, &authority, now)?;
    }
    Ok(authority)
}

/// Not secret, unlike everything else in the data directory.
fn write_certificate(path: &Path, ca: &Authority, now: Timestamp) -> Result<(), StartError> {
    use std::os::unix::fs::PermissionsExt;
    master_key::write_private(path, &ca.certificate_pem(now)?)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).map_err(|source| StartError::Io {
        what: format!("cannot write {}", path.display()),
        source,
    })
}
