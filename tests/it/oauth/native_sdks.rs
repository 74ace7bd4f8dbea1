//! What the SDKs for iOS (Auth0.swift 3.1.0) and Android (Auth0.Android 3.18) send, to the letter:
//! they cannot run here, so their requests are written down, and what they demand of the answers.

mod api;
mod errors;
mod login;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use doorward::crypto::digest;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};

use crate::support::{Answer, TestApp, browser::Browser, fixtures::*, payload};

/// How an SDK writes.
#[derive(Debug, Clone, Copy)]
pub struct Sdk {
    pub name: &'static str,
    content_type: &'static str,
    /// Before it is encoded.
    telemetry: &'static str,
    pub redirect_uri: &'static str,
    /// `federated` of a logout.
    pub federated: &'static str,
    /// What its JSON writer escapes although it need not.
    escaped: &'static [(&'static str, &'static str)],
}

const SWIFT: Sdk = Sdk {
    name: "swift",
    content_type: "application/json",
    telemetry: r#"{"name":"Auth0.swift","version":"3.1.0","env":{"swift":"6.x","iOS":"26.0"}}"#,
    redirect_uri: "com.example.App://tenant.example/ios/com.example.App/callback",
    federated: "federated",
    escaped: &[("/", r"\/")],
};

/// With an associated domain (a universal link) in place of a scheme.
const SWIFT_HTTPS: Sdk =
    Sdk { redirect_uri: "https://tenant.example/ios/com.example.App/callback", ..SWIFT };

const ANDROID: Sdk = Sdk {
    name: "android",
    content_type: "application/json; charset=utf-8",
    telemetry: r#"{"name":"Auth0.Android","env":{"android":"36"},"version":"3.18.0"}"#,
    redirect_uri: "demo://tenant.example/android/com.example.app/callback",
    federated: "federated=1",
    escaped: &[("=", r"\u003d"), ("&", r"\u0026")],
};

/// Both, and the two ways of one to be called back.
pub const SDKS: [Sdk; 3] = [SWIFT, SWIFT_HTTPS, ANDROID];

pub const PASSWORD_REALM: &str = "http://auth0.com/oauth/grant-type/password-realm";
pub const OTP: &str = "http://auth0.com/oauth/grant-type/passwordless/otp";

impl Sdk {
    /// A body with its members in this order.
    pub fn body(&self, members: &[(&str, &str)]) -> String {
        let text = |text: &str| {
            let written = Value::from(text).to_string();
            self.escaped.iter().fold(written, |text, (plain, escaped)| text.replace(plain, escaped))
        };
        let members: Vec<_> =
            members.iter().map(|(name, value)| format!("{}:{}", text(name), text(value))).collect();
        format!("{{{}}}", members.join(","))
    }

    /// `POST` of a body.
    pub fn request(
        &self,
        app: &TestApp,
        path: &str,
        members: &[(&str, &str)],
    ) -> reqwest::RequestBuilder {
        let request = app.http.post(app.url(path));
        let request = request.header("content-type", self.content_type);
        let request = request.header("auth0-client", URL_SAFE_NO_PAD.encode(self.telemetry));
        request.body(self.body(members))
    }

    pub async fn post(&self, app: &TestApp, path: &str, members: &[(&str, &str)]) -> Answer {
        app.send(self.request(app, path, members)).await
    }

    /// `credentialsManager.renew()` and `apiCredentials(forAudience:scope:)`.
    pub async fn renew(
        &self,
        app: &TestApp,
        world: &World,
        token: &str,
        more: &[(&str, &str)],
    ) -> Answer {
        let client = ("client_id", world.client_id.as_str());
        let (token, grant) = (("refresh_token", token), ("grant_type", "refresh_token"));
        let mut members = match self.name {
            "swift" => vec![token, grant, client],
            _ => vec![client, token, grant],
        };
        members.extend_from_slice(more);
        self.post(app, "oauth/token", &members).await
    }

    /// The query of web auth.
    pub fn authorize(&self, world: &World, more: &[(&str, &str)]) -> String {
        let challenge = digest::s256_challenge(VERIFIER);
        let telemetry = URL_SAFE_NO_PAD.encode(self.telemetry);
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs([
            ("scope", LOGIN_SCOPE),
            ("client_id", &world.client_id),
            ("response_type", "code"),
            ("redirect_uri", self.redirect_uri),
            ("state", "s+t/a=te&x"),
            ("nonce", "bm9uY2U"),
            ("audience", MESSAGES),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("auth0Client", &telemetry),
        ]);
        query.extend_pairs(more);
        // URLComponents leaves blanks as %20.
        query.finish().replace('+', "%20")
    }

    pub async fn exchange(&self, app: &TestApp, world: &World, code: &str) -> Answer {
        let members = [
            ("client_id", world.client_id.as_str()),
            ("code", code),
            ("code_verifier", VERIFIER),
            ("redirect_uri", self.redirect_uri),
            ("grant_type", "authorization_code"),
        ];
        self.post(app, "oauth/token", &members).await
    }

    /// Web auth and the exchange of its code.
    pub async fn log_in(&self, app: &TestApp, world: &World) -> Answer {
        let path = format!("authorize?{}", self.authorize(world, &[]));
        let mut browser = Browser::new(app);
        let page = browser.visit(&path, &[]).await.page();
        let fields = [("username", EMAIL), ("password", PASSWORD), ("action", "default")];
        let landed = browser.submit(&page, &fields).await.application();
        self.exchange(app, world, &landed["code"]).await
    }
}

/// A native application without a secret.
pub async fn native_world(app: &TestApp) -> World {
    let uris: Vec<_> = SDKS.iter().map(|sdk| sdk.redirect_uri).collect();
    let client = json!({
        "app_type": "native", "token_endpoint_auth_method": "none",
        "callbacks": uris, "allowed_logout_urls": uris,
        "grant_types": ["authorization_code", "refresh_token", "password", PASSWORD_REALM, OTP],
    });
    app.world_with(client, json!({})).await
}

/// What both SDKs demand of every answer with tokens; returns the claims of its ID token.
#[track_caller]
pub fn demand(answer: &Answer, keys: &Value, world: &World) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let content_type = answer.header("content-type");
    assert!(content_type.contains("application/json"), "{content_type}");
    let body = answer.json();
    for (name, value) in body.as_object().unwrap() {
        assert!(!value.is_null(), "{name} must be absent, not null");
    }
    for name in ["access_token", "id_token", "token_type", "scope", "refresh_token"] {
        assert!(body[name].as_str().is_some_and(|text| !text.is_empty()), "{name}: {body}");
    }
    let lifetime = body["expires_in"].as_i64();
    assert!(lifetime.is_some_and(|seconds| seconds > 60), "longer than the minimum TTL: {body}");
    verified(&body, keys, world)
}

/// Only keys with `alg` RS256 and `use` sig count, and the ID token names its key.
#[track_caller]
fn verified(body: &Value, keys: &Value, world: &World) -> Value {
    let token = text(body, "id_token");
    let header = jsonwebtoken::decode_header(token).unwrap();
    assert_eq!(header.alg, Algorithm::RS256);
    let kid = header.kid.unwrap();
    let mut kept = keys["keys"].as_array().unwrap().iter();
    let of_this = |key: &&Value| key["alg"] == "RS256" && key["use"] == "sig" && key["kid"] == kid;
    let key = kept.find(of_this).unwrap_or_else(|| panic!("no key {kid} in {keys}"));
    let key = DecodingKey::from_rsa_components(text(key, "n"), text(key, "e")).unwrap();
    let mut rules = Validation::new(Algorithm::RS256);
    // The clock of a test is moved.
    rules.validate_exp = false;
    rules.set_audience(&[&world.client_id]);
    let claims = jsonwebtoken::decode::<Value>(token, &key, &rules).unwrap().claims;
    assert_eq!(claims["sub"], payload(text(body, "access_token"))["sub"]);
    claims
}

pub async fn keys(app: &TestApp) -> Value {
    app.get(".well-known/jwks.json").await.ok()
}

/// The path of the user in the Management API.
pub fn path_of(world: &World) -> String {
    format!("/users/{}", world.user_id.replace('|', "%7C"))
}
