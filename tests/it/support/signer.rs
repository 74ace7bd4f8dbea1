//! Clients that sign: keys, and assertions made with them as libraries make them.

use std::sync::OnceLock;

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    hmac,
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{self, KeyPair as _},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use doorward::{
    crypto::random::SystemEntropy,
    domain::{entropy::Entropy, time::Clock},
};
use serde_json::{Value, json};

use crate::support::{TestApp, fixtures::*};

pub const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Key generation is slow: two RSA keys serve all tests.
pub struct Signer {
    pair: KeyPair,
    /// The public half.
    pub pem: String,
}

/// The key of the client.
pub fn signer() -> &'static Signer {
    static SIGNER: OnceLock<Signer> = OnceLock::new();
    SIGNER.get_or_init(Signer::new)
}

/// Somebody else's key.
pub fn stranger() -> &'static Signer {
    static STRANGER: OnceLock<Signer> = OnceLock::new();
    STRANGER.get_or_init(Signer::new)
}

impl Signer {
    fn new() -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let spki: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        let body = STANDARD.encode(spki.as_ref());
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n");
        Self { pair, pem }
    }

    /// A JWT with the header `{"alg":"RS256"}`, as node-auth0 makes it.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_with(&json!({ "alg": "RS256" }), claims)
    }

    /// A JWT, signed as its header says.
    pub fn sign_with(&self, header: &Value, claims: &Value) -> String {
        let encoding: &dyn signature::RsaEncoding = match header["alg"].as_str().unwrap() {
            "RS384" => &signature::RSA_PKCS1_SHA384,
            "PS256" => &signature::RSA_PSS_SHA256,
            _ => &signature::RSA_PKCS1_SHA256,
        };
        let signed = unsigned(header, claims);
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let message = signed.as_bytes();
        self.pair.sign(encoding, &SystemRandom::new(), message, &mut signature).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// Header and claims, ready to be signed.
pub fn unsigned(header: &Value, claims: &Value) -> String {
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    format!("{}.{}", encode(header), encode(claims))
}

/// A JWT with a MAC.
pub fn mac(secret: &str, claims: &Value) -> String {
    let signed = unsigned(&json!({ "alg": "HS256" }), claims);
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes())))
}

impl TestApp {
    /// Good claims with a `jti` of their own, as node-auth0 makes them, with some replaced.
    pub fn claims(&self, client_id: &str, changes: Value) -> Value {
        let now = self.clock.now().seconds();
        let entropy: &dyn Entropy = &SystemEntropy;
        let mut claims = json!({
            "iat": now, "sub": client_id, "jti": entropy.lower_hex(32), "iss": client_id,
            "aud": self.inner.settings.issuer, "exp": now + 120,
        });
        for (name, value) in changes.as_object().cloned().unwrap_or_default() {
            claims[name] = value;
        }
        claims
    }

    /// A machine with the scope `read:messages`, that signs with [`signer`].
    pub async fn signing_machine(&self) -> String {
        let key = json!({ "credential_type": "public_key", "name": "key", "pem": signer().pem });
        let methods = json!({ "private_key_jwt": { "credentials": [key] } });
        self.machine(json!({ "client_authentication_methods": methods })).await.0
    }

    /// A machine with the scope `read:messages`: its id and its secret, if it has one.
    pub async fn machine(&self, more: Value) -> (String, String) {
        let path = "/resource-servers?per_page=100";
        let apis = self.management("GET", path, None).await.ok();
        if !apis.as_array().unwrap().iter().any(|api| api["identifier"] == MESSAGES) {
            self.add_api(MESSAGES, &["read:messages"], json!({})).await;
        }
        let mut body = json!({
            "app_type": "non_interactive",
            "grant_types": ["client_credentials", "authorization_code", "refresh_token"],
        });
        for (name, value) in more.as_object().cloned().unwrap_or_default() {
            body[name] = value;
        }
        let client = self.add_client(body).await;
        let grant = json!({
            "client_id": client["client_id"], "audience": MESSAGES, "scope": ["read:messages"],
        });
        Self::created(&self.management("POST", "/client-grants", Some(grant)).await);
        let secret = client["client_secret"].as_str().unwrap_or("").to_owned();
        (text(&client, "client_id").to_owned(), secret)
    }
}

/// The form of a machine that asks for a token with an assertion.
pub fn asserted(assertion: &str) -> Vec<(&str, &str)> {
    vec![
        ("audience", MESSAGES),
        ("client_assertion", assertion),
        ("client_assertion_type", JWT_BEARER),
        ("grant_type", "client_credentials"),
    ]
}
