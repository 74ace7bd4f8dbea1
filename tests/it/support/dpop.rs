//! A client with a key of its own, which it proves to have (RFC 9449).

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use doorward::{
    crypto::{digest, random::SystemEntropy},
    domain::{entropy::Entropy, time::Clock},
};
use serde_json::{Value, json};

use crate::support::{Answer, TestApp};

/// An ES256 key, as SDKs have one.
pub struct Key {
    pair: EcdsaKeyPair,
    jwk: Value,
}

impl Key {
    pub fn new() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let point = pair.public_key().as_ref().to_vec();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
        Self { pair, jwk: json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y }) }
    }

    /// RFC 7638.
    pub fn thumbprint(&self) -> String {
        let (x, y) = (self.jwk["x"].as_str().unwrap(), self.jwk["y"].as_str().unwrap());
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        URL_SAFE_NO_PAD.encode(digest::sha256(canonical.as_bytes()))
    }

    /// A proof for a request, without a nonce, with some claims replaced; `null` removes one.
    pub fn proof(&self, app: &TestApp, method: &str, path: &str, changes: Value) -> String {
        let entropy: &dyn Entropy = &SystemEntropy;
        let mut claims = json!({
            "jti": entropy.url_safe(22),
            "htm": method,
            "htu": format!("{}{path}", app.inner.settings.issuer),
            "iat": app.clock.now().seconds(),
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        self.sign(&json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk }), &claims)
    }

    /// A proof for the token endpoint with a good nonce.
    pub fn token_proof(&self, app: &TestApp) -> String {
        let nonce = app.inner.tokens.dpop_nonce();
        self.proof(app, "POST", "oauth/token", json!({ "nonce": nonce }))
    }

    /// A proof beside an access token, with a good nonce.
    pub fn proof_beside(&self, app: &TestApp, method: &str, path: &str, token: &str) -> String {
        let (nonce, ath) = (app.inner.tokens.dpop_nonce(), digest::s256_challenge(token));
        self.proof(app, method, path, json!({ "nonce": nonce, "ath": ath }))
    }

    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
}

impl TestApp {
    /// `POST /oauth/token` of a form with these proofs.
    pub async fn token_with(&self, proofs: &[&str], form: &[(&str, &str)]) -> Answer {
        let request = self.http.post(self.url("oauth/token")).form(form);
        let with = |request: reqwest::RequestBuilder, proof: &&str| request.header("dpop", *proof);
        self.send(proofs.iter().fold(request, with)).await
    }

    /// The same with a good proof of a key.
    pub async fn token_by(&self, key: &Key, form: &[(&str, &str)]) -> Answer {
        self.token_with(&[&key.token_proof(self)], form).await
    }

    /// A request to a resource with an access token and proofs.
    pub async fn resource(
        &self,
        method: &str,
        path: &str,
        authorization: &str,
        proofs: &[&str],
    ) -> Answer {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = self.http.request(method, self.url(path));
        let request = request.header("authorization", authorization);
        let with = |request: reqwest::RequestBuilder, proof: &&str| request.header("dpop", *proof);
        self.send(proofs.iter().fold(request, with)).await
    }
}
