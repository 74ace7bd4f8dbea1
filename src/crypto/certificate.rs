//! X.509 certificates for TLS in development: a CA of one's own and the server certificates it
//! signs (RFC 5280). Both with what strict verifiers ask for: key usages, key identifiers, names.

use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData,
};

use crate::crypto::{Failed, digest, hex};
use crate::domain::time::Timestamp;

/// Lifetime of a CA certificate in seconds: ten years.
const AUTHORITY_LIFETIME: i64 = 10 * 31_557_600;

/// Lifetime of a server certificate in seconds. Apple's verifiers refuse more than 398 days.
pub const SERVER_LIFETIME: i64 = 90 * 86_400;

/// How far certificates reach into the past, in seconds, for clients whose clock is late.
const BACKDATED: i64 = 86_400;

const FAILED: Failed = Failed("certificate");

/// A CA: its private key. Everything else follows from it.
pub struct Authority {
    key: KeyPair,
}

/// A server certificate with its private key, both DER.
pub struct ServerCertificate {
    /// The certificate.
    pub certificate: Vec<u8>,
    /// PKCS #8.
    pub key: Vec<u8>,
}

impl Authority {
    /// A new one (ECDSA on P-256).
    ///
    /// # Errors
    /// When the crypto library fails.
    pub fn generate() -> Result<Self, Failed> {
        Ok(Self { key: KeyPair::generate().map_err(|_| FAILED)? })
    }

    /// The CA whose private key this is, PEM.
    ///
    /// # Errors
    /// When it is no PKCS #8 private key.
    pub fn from_pem(key: &str) -> Result<Self, Failed> {
        let key = KeyPair::from_pem(key).map_err(|_| Failed("no private key"))?;
        Ok(Self { key })
    }

    /// The private key, PEM. Whoever has it can impersonate every site to those who trust the CA.
    pub fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    /// Its certificate, PEM, to be trusted by clients.
    ///
    /// # Errors
    /// When the crypto library fails.
    pub fn certificate_pem(&self, now: Timestamp) -> Result<String, Failed> {
        let certificate = self.parameters(now)?.self_signed(&self.key).map_err(|_| FAILED)?;
        Ok(certificate.pem())
    }

    /// A server certificate with a new key. `names` are host names and IP addresses.
    ///
    /// # Errors
    /// When a name is none, or the crypto library fails.
    pub fn issue(&self, names: &[String], now: Timestamp) -> Result<ServerCertificate, Failed> {
        let mut server = CertificateParams::new(names).map_err(|_| Failed("host name"))?;
        server.distinguished_name = DistinguishedName::new();
        if let Some(name) = names.first() {
            server.distinguished_name.push(DnType::CommonName, name.as_str());
        }
        server.is_ca = IsCa::ExplicitNoCa;
        server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        server.use_authority_key_identifier_extension = true;
        valid(&mut server, now, SERVER_LIFETIME)?;
        let key = KeyPair::generate().map_err(|_| FAILED)?;
        let issuer = Issuer::new(self.parameters(now)?, &self.key);
        let certificate = server.signed_by(&key, &issuer).map_err(|_| FAILED)?;
        Ok(ServerCertificate { certificate: certificate.der().to_vec(), key: key.serialize_der() })
    }

    /// The name holds a part of the key's digest: CAs of several data directories in one trust
    /// store stay apart.
    fn parameters(&self, now: Timestamp) -> Result<CertificateParams, Failed> {
        let digest = hex::encode(&digest::sha256(&self.key.subject_public_key_info()));
        let name = format!("Doorward development CA {}", digest.get(..8).ok_or(FAILED)?);
        let mut ca = CertificateParams::default();
        ca.distinguished_name = DistinguishedName::new();
        ca.distinguished_name.push(DnType::CommonName, name);
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        ca.use_authority_key_identifier_extension = true;
        valid(&mut ca, now, AUTHORITY_LIFETIME)?;
        Ok(ca)
    }
}

fn valid(certificate: &mut CertificateParams, now: Timestamp, lifetime: i64) -> Result<(), Failed> {
    let at = |time: Timestamp| {
        let since = u64::try_from(time.seconds()).map_err(|_| Failed("clock"))?;
        Ok::<_, Failed>(time::OffsetDateTime::UNIX_EPOCH + Duration::from_secs(since))
    };
    certificate.not_before = at(now.plus_seconds(-BACKDATED))?;
    certificate.not_after = at(now.plus_seconds(lifetime))?;
    Ok(())
}
