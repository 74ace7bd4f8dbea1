//! `[tls]`: who ends TLS, and with which certificate.

use std::path::PathBuf;

use serde::Deserialize;

/// `[tls]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// Who ends TLS.
    pub mode: Mode,
    /// The certificate chain, PEM, for [`Mode::Files`].
    pub cert: PathBuf,
    /// Its private key, PEM, for [`Mode::Files`].
    pub key: PathBuf,
}

/// Who ends TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Nobody, or a proxy in front.
    Off,
    /// This server, with a certificate of a CA of its own: for development.
    SelfSigned,
    /// This server, with a certificate and a key in files.
    Files,
}

/// What the environment says; it wins over the file.
#[derive(Debug, Default)]
pub(super) struct Overrides {
    pub(super) mode: Option<String>,
    pub(super) cert: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
}

/// The issuer when none is configured and TLS is self-signed.
pub(super) fn local_issuer(port: u16) -> String {
    match port {
        443 => "https://localhost/".to_owned(),
        port => format!("https://localhost:{port}/"),
    }
}

impl Tls {
    /// Applies the environment. A certificate there means [`Mode::Files`]; another mode there
    /// means that the files of the configuration file are not used.
    pub(super) fn apply(&mut self, over: Overrides) -> Result<(), String> {
        let files = over.cert.is_some() || over.key.is_some();
        match over.mode.as_deref() {
            None if files => self.mode = Mode::Files,
            None => {}
            Some("files") => self.mode = Mode::Files,
            Some(mode @ ("off" | "self-signed")) => {
                if files {
                    return Err(format!(
                        "DOORWARD_TLS: `{mode}` takes no DOORWARD_TLS_CERT and DOORWARD_TLS_KEY"
                    ));
                }
                self.mode = if mode == "off" { Mode::Off } else { Mode::SelfSigned };
                (self.cert, self.key) = Default::default();
            }
            Some(other) => {
                return Err(format!("DOORWARD_TLS: `{other}` is not off, self-signed or files"));
            }
        }
        self.cert = over.cert.unwrap_or(std::mem::take(&mut self.cert));
        self.key = over.key.unwrap_or(std::mem::take(&mut self.key));
        Ok(())
    }

    /// Checks what can be checked without reading the files.
    pub(super) fn check(&self, issuer: &url::Url) -> Result<(), String> {
        let (cert, key) = (!self.cert.as_os_str().is_empty(), !self.key.as_os_str().is_empty());
        if self.mode == Mode::Files && !(cert && key) {
            let missing = if cert { "tls.key" } else { "tls.cert" };
            return Err(format!("{missing}: missing; tls.cert and tls.key belong together"));
        }
        if self.mode != Mode::Files && (cert || key) {
            return Err(
                "tls.mode: must be \"files\" for tls.cert and tls.key to be used".to_owned()
            );
        }
        if self.mode != Mode::Off && issuer.scheme() != "https" {
            return Err(format!("server.issuer: must be https while TLS is on, not `{issuer}`"));
        }
        Ok(())
    }

    /// Whether answers tell browsers to insist on TLS for this host from now on (RFC 6797). Not
    /// on loopback names, nor with a certificate for development: it would bind every other port
    /// and project of that name for years.
    pub(super) fn strict_transport(&self, issuer: &str) -> bool {
        let Ok(url) = url::Url::parse(issuer) else { return false };
        let local = url.host_str().is_none_or(|h| h == "localhost" || h.ends_with(".localhost"));
        url.scheme() == "https" && self.mode != Mode::SelfSigned && !local
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn load(file: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
        let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Config::load(Some(file), environment)
    }

    const ISSUER: &str = "[server]\nissuer = \"https://id.example/\"\n";

    #[test]
    fn the_default_issuer_of_self_signed_tls_is_https_on_localhost() {
        let on = |listen| load("", &[("DOORWARD_TLS", "self-signed"), ("DOORWARD_LISTEN", listen)]);
        assert_eq!(on("127.0.0.1:9000").unwrap().server.issuer, "https://localhost:9000/");
        assert_eq!(on("0.0.0.0:443").unwrap().server.issuer, "https://localhost/");
        let config = load(ISSUER, &[("DOORWARD_TLS", "self-signed")]).unwrap();
        assert_eq!(config.server.issuer, "https://id.example/");
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let files = format!("{ISSUER}[tls]\nmode = \"files\"\ncert = \"a\"\nkey = \"b\"\n");
        let mode = |variables: &[(&str, &str)]| load(&files, variables).unwrap().tls.mode;
        assert_eq!(mode(&[]), Mode::Files);
        assert_eq!(mode(&[("DOORWARD_TLS", "off")]), Mode::Off);
        assert_eq!(mode(&[("DOORWARD_TLS", "self-signed")]), Mode::SelfSigned);
        let config = load(&files, &[("DOORWARD_TLS_CERT", "c")]).unwrap();
        assert_eq!((config.tls.cert, config.tls.key), ("c".into(), "b".into()));
        let both = [("DOORWARD_TLS_CERT", "c"), ("DOORWARD_TLS_KEY", "d")];
        assert_eq!(load(ISSUER, &both).unwrap().tls.mode, Mode::Files);
    }

    #[test]
    fn a_mistake_is_refused_by_name() {
        let refused = |file: &str, variables: &[(&str, &str)]| load(file, variables).unwrap_err();
        let files = [("DOORWARD_TLS_CERT", "c"), ("DOORWARD_TLS_KEY", "d")];
        assert!(refused("", &[("DOORWARD_TLS", "on")]).contains("DOORWARD_TLS"));
        assert!(refused("[tls]\nmode = \"on\"", &[]).contains("on"));
        assert!(refused(ISSUER, &files[..1]).contains("tls.key"));
        assert!(refused(ISSUER, &files[1..]).contains("tls.cert"));
        let off = [("DOORWARD_TLS", "off"), files[0]];
        assert!(refused(ISSUER, &off).contains("DOORWARD_TLS_CERT"));
        assert!(refused("[tls]\ncert = \"x\"\nkey = \"y\"", &[]).contains("tls.mode"));
        assert!(refused("", &files).contains("server.issuer: must be https"));
        let http = [("DOORWARD_TLS", "self-signed"), ("DOORWARD_ISSUER", "http://localhost/")];
        assert!(refused("", &http).contains("server.issuer: must be https"));
    }

    #[test]
    fn browsers_are_bound_to_tls_on_real_names_only() {
        let strict = |issuer: &str, tls: &str| {
            load("", &[("DOORWARD_ISSUER", issuer), ("DOORWARD_TLS", tls)])
                .unwrap()
                .settings()
                .strict_transport
        };
        assert!(strict("https://id.example/", "off"));
        assert!(!strict("https://id.example/", "self-signed"));
        assert!(!strict("https://localhost:8484/", "off"));
        assert!(!strict("http://127.0.0.1:8484/", "off"));
    }
}
