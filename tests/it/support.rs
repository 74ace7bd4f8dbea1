//! The harness: a server per test and database, a clock that moves, and the actors.

pub mod actions;
pub mod browser;
pub mod dpop;
pub mod faults;
pub mod fixtures;
pub mod gate;
pub mod mail;
pub mod population;
pub mod postgres;
pub mod raw;
pub mod recorded;
pub mod scripts;
pub mod signer;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use doorward::{
    app,
    config::Config,
    crypto::{
        master_key::{MasterKey, Purpose},
        random::SystemEntropy,
        seal::Sealer,
        signing::{self, Generated},
    },
    domain::{
        signing_alg::SigningAlg,
        time::{Clock, OffsetClock},
    },
    http::App,
    store::signing_keys::{self, SigningKeyRow},
};
use reqwest::{RequestBuilder, Response, StatusCode, header::HeaderMap};
use serde_json::Value;

pub const MASTER_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
pub const BOOTSTRAP_ID: &str = "bootstrap";
pub const BOOTSTRAP_SECRET: &str = "a-bootstrap-secret-for-tests";

/// A running server.
pub struct TestApp {
    /// Where this node listens, `http://127.0.0.1:PORT/`; its issuer unless it is a second node.
    pub issuer: String,
    pub http: reqwest::Client,
    pub clock: Arc<OffsetClock>,
    /// For looking behind the wire.
    pub inner: App,
    pub database_url: String,
    management_token: tokio::sync::OnceCell<String>,
    data_dir: Arc<tempfile::TempDir>,
    file: Configuration,
}

/// An answer, read whole.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub async fn read(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, text: response.text().await.unwrap() }
    }
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
    /// The body as JSON; anything else fails the test.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|e| panic!("{e}: {} {:?}", self.status, self.text))
    }
    /// Status and `error` of an OAuth error.
    pub fn error(&self) -> (u16, String) {
        (self.status, self.json()["error"].as_str().unwrap_or("").to_owned())
    }
    /// A string member of the JSON body.
    pub fn text_of(&self, member: &str) -> String {
        let body = self.json();
        let text = body[member].as_str();
        text.unwrap_or_else(|| panic!("no {member} in {} {body}", self.status)).to_owned()
    }
    /// Fails the test unless it is a 200, and returns the JSON body.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        self.json()
    }
}

/// Changes to the configuration of a test, as the file of an operator.
pub type Configuration = &'static str;

/// A server on each database with the default configuration.
pub async fn each_backend() -> Vec<(&'static str, TestApp)> {
    each_backend_with("").await
}

/// A server on each database.
pub async fn each_backend_with(file: Configuration) -> Vec<(&'static str, TestApp)> {
    let mut apps = vec![("sqlite", TestApp::start(None, file).await)];
    if let Some(url) = postgres::fresh_schema().await {
        apps.push(("postgres", TestApp::start(Some(url), file).await));
    }
    apps
}

impl TestApp {
    pub async fn start(database_url: Option<String>, file: Configuration) -> Self {
        let (listener, issuer, data_dir, config) = Self::prepare(database_url, file).await;
        lend_keys(&config).await;
        Self::run((&config, file), listener, issuer, Arc::default(), Arc::new(data_dir)).await
    }

    /// A server on a database that others have used, which is migrated, `seconds` from now.
    pub async fn on(database_url: String, seconds: i64) -> Self {
        let (listener, issuer, data_dir, config) = Self::prepare(Some(database_url), "").await;
        let clock = Arc::new(OffsetClock::default());
        clock.advance_seconds(seconds);
        Self::run((&config, ""), listener, issuer, clock, Arc::new(data_dir)).await
    }

    /// Brings a database up to date, without a server.
    pub async fn migrate(database_url: &str) {
        let url = doorward::domain::secret::DatabaseUrl::new(database_url);
        let store = doorward::store::Store::connect(&url, 4).await.unwrap();
        store.migrate().await.unwrap();
        store.close().await;
    }

    async fn prepare(
        database_url: Option<String>,
        file: Configuration,
    ) -> (tokio::net::TcpListener, String, tempfile::TempDir, Config) {
        let listener = app::listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let issuer = format!("http://{}/", listener.local_addr().unwrap());
        let data_dir = tempfile::tempdir().unwrap();
        let mut environment = vec![
            ("DOORWARD_ISSUER".to_owned(), issuer.clone()),
            ("DOORWARD_DATA_DIR".to_owned(), data_dir.path().display().to_string()),
            ("DOORWARD_MASTER_KEY".to_owned(), MASTER_KEY.to_owned()),
            ("DOORWARD_BOOTSTRAP_CLIENT_ID".to_owned(), BOOTSTRAP_ID.to_owned()),
            ("DOORWARD_BOOTSTRAP_CLIENT_SECRET".to_owned(), BOOTSTRAP_SECRET.to_owned()),
        ];
        // It would win over the file.
        environment.retain(|(name, _)| name != "DOORWARD_ISSUER" || !file.contains("issuer = "));
        environment.extend(database_url.map(|url| ("DOORWARD_DATABASE_URL".to_owned(), url)));
        let config = configure(file, environment);
        (listener, issuer, data_dir, config)
    }

    /// A second process on the same database, with the same issuer, configuration and clock.
    pub async fn another_node(&self) -> Self {
        self.another_node_with_keys(MASTER_KEY, "").await
    }

    /// The same with a master key of its own, and others that it accepts.
    pub async fn another_node_with_keys(&self, current: &str, others: &str) -> Self {
        let listener = app::listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let environment = [
            ("DOORWARD_ISSUER".to_owned(), self.inner.settings.issuer.clone()),
            ("DOORWARD_DATA_DIR".to_owned(), self.data_dir.path().display().to_string()),
            ("DOORWARD_MASTER_KEY".to_owned(), current.to_owned()),
            ("DOORWARD_OTHER_MASTER_KEYS".to_owned(), others.to_owned()),
            ("DOORWARD_DATABASE_URL".to_owned(), self.database_url.clone()),
        ];
        let config = configure(self.file, environment);
        let address = format!("http://{}/", listener.local_addr().unwrap());
        let (clock, data_dir) = (Arc::clone(&self.clock), Arc::clone(&self.data_dir));
        Self::run((&config, self.file), listener, address, clock, data_dir).await
    }

    async fn run(
        (config, file): (&Config, Configuration),
        listener: tokio::net::TcpListener,
        issuer: String,
        clock: Arc<OffsetClock>,
        data_dir: Arc<tempfile::TempDir>,
    ) -> Self {
        let (as_clock, entropy): (Arc<dyn Clock>, _) = (clock.clone(), Arc::new(SystemEntropy));
        let inner = app::build(config, true, as_clock, entropy).await.unwrap();
        let never = std::future::pending();
        tokio::spawn(app::serve(inner.clone(), listener, Duration::from_secs(1), never));
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        Self {
            issuer,
            http: http.build().unwrap(),
            clock,
            inner,
            database_url: config.database_url().expose().to_owned(),
            management_token: tokio::sync::OnceCell::new(),
            data_dir,
            file,
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{}", self.issuer, path.trim_start_matches('/'))
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.http.get(self.url(path))).await
    }

    pub async fn send(&self, request: RequestBuilder) -> Answer {
        Answer::read(request.send().await.unwrap()).await
    }

    /// `POST` of a form.
    pub async fn post_form(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.send(self.http.post(self.url(path)).form(form)).await
    }

    /// `POST /oauth/token` of a form.
    pub async fn token(&self, form: &[(&str, &str)]) -> Answer {
        self.post_form("oauth/token", form).await
    }

    /// A token with every Management API scope.
    pub async fn management_token(&self) -> &str {
        let fetch = || async { self.management_token_with(None).await };
        self.management_token.get_or_init(fetch).await
    }

    /// A Management API token with these scopes, or all of them.
    pub async fn management_token_with(&self, scope: Option<&str>) -> String {
        let audience = format!("{}api/v2/", self.inner.settings.issuer);
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_id", BOOTSTRAP_ID),
            ("client_secret", BOOTSTRAP_SECRET),
            ("audience", audience.as_str()),
        ];
        form.extend(scope.map(|scope| ("scope", scope)));
        self.token(&form).await.ok()["access_token"].as_str().unwrap().to_owned()
    }

    /// A call to the Management API with every scope.
    pub async fn management(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let token = self.management_token().await;
        self.management_as(token, method, path, body).await
    }

    /// A call to the Management API with a token of one's own.
    pub async fn management_as(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = self.http.request(method, self.url(&format!("api/v2{path}")));
        let request = request.bearer_auth(token);
        self.send(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    }

    /// A call that must create something.
    #[track_caller]
    pub fn created(answer: &Answer) -> Value {
        assert_eq!(answer.status, StatusCode::CREATED.as_u16(), "{}", answer.text);
        answer.json()
    }
}

/// Tests call as fast as they can, and are not limited unless the limit is their subject.
fn configure(
    file: Configuration,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Config {
    let mut config = Config::load(Some(file), environment).unwrap();
    if !file.contains("[management]") {
        config.management.requests_per_second = 0;
    }
    // This process is the test, not the server.
    config.actions.worker = Some(env!("CARGO_BIN_EXE_doorward").into());
    config
}

/// Key generation takes a second in a debug build: one pair of keys serves all tests.
pub async fn lend_keys(config: &Config) {
    static KEYS: OnceLock<[Generated; 2]> = OnceLock::new();
    let make = || signing::generate("test", &SystemEntropy).unwrap();
    let keys = KEYS.get_or_init(|| [make(), make()]);
    let store = app::open_store(config).await.unwrap();
    store.migrate().await.unwrap();
    let sealer = Sealer::new(&MasterKey::parse(MASTER_KEY).unwrap(), Purpose::AtRest).unwrap();
    let mut tx = store.write().await.unwrap();
    for (key, state) in keys.iter().zip(["current", "next"]) {
        let bound_to = key.kid.as_str().as_bytes();
        let row = SigningKeyRow {
            kid: key.kid.clone(),
            algorithm: SigningAlg::Rs256,
            state: state.to_owned(),
            private_sealed: sealer.seal(&key.pkcs8, bound_to, &SystemEntropy).unwrap(),
            certificate: key.certificate.clone(),
        };
        let now = doorward::domain::time::SystemClock.now();
        signing_keys::insert(&mut tx, &row, now).await.unwrap();
    }
    tx.commit().await.unwrap();
    store.close().await;
}

/// The payload of a JWT, unverified.
pub fn payload(token: &str) -> Value {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let payload = token.split('.').nth(1).unwrap_or_else(|| panic!("no JWT: {token}"));
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}
