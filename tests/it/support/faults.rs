//! What faults are tried with: a Postgres that can be stopped, a wire that can be cut, and people who
//! go on using the server and remember everything that they were answered.

pub mod cluster;
pub mod people;
pub mod server;
pub mod wire;

use std::time::Duration;

use serde_json::json;
use sqlx::{Connection, PgConnection};

use self::{cluster::Cluster, people::People, wire::Wire};
use crate::support::{Answer, TestApp, fixtures::*, raw::Raw};

/// How often a condition is looked at.
pub const PAUSE: Duration = Duration::from_millis(20);

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(120);

/// A size, unless the environment asks for another.
pub fn size(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| {
        text.parse().unwrap_or_else(|_| panic!("{variable} must be a number, not {text}"))
    })
}

/// Waits until something is so.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !is_so().await {
            tokio::time::sleep(PAUSE).await;
        }
    });
    assert!(waited.await.is_ok(), "{what} did not come");
}

/// The answer of a server that recovers: who is given a connection from before the fault finds out
/// that it is dead, and is told to come again.
pub async fn answered(mut ask: impl AsyncFnMut() -> Answer) -> Answer {
    let waited = tokio::time::timeout(PATIENCE, async {
        loop {
            let answer = ask().await;
            if answer.status != 503 {
                return answer;
            }
            tokio::time::sleep(PAUSE).await;
        }
    });
    waited.await.expect("it never recovered")
}

/// Applications that log in with a password, and with a browser.
pub async fn world(app: &TestApp) -> World {
    let client = json!({
        "grant_types": ["authorization_code", "refresh_token", "password"],
        "is_first_party": true,
    });
    let lifetimes = json!({
        "leeway": 3600, "token_lifetime": 864_000, "idle_token_lifetime": 800_000,
    });
    app.world_with(client, lifetimes).await
}

/// Words that stand in the messages of the database, its driver and the system, and in no answer.
const INTERNALS: &[&str] = &[
    "sqlx",
    "postgres",
    "sqlite",
    "select ",
    "update ",
    "insert ",
    "relation",
    "pool",
    "tcp",
    "timed out",
    "os error",
    "i/o",
    "refused",
    "panicked",
    "disk",
    "read-only",
    "deadlock",
];

/// Fails the test unless this is how a server says that it cannot answer for now.
#[track_caller]
pub fn is_unavailable(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 503, "{what}: {}", answer.text);
    let seconds: u32 = answer.header("retry-after").parse().unwrap_or_default();
    assert!(seconds > 0, "{what}: when to try again");
    let said = answer.text.to_lowercase();
    // The request id is 32 characters of chance.
    for word in INTERNALS {
        assert!(!said.contains(word), "{what} tells of its internals ({word}): {}", answer.text);
    }
}

/// A server on a Postgres of its own, behind a wire of its own, and the people who use it.
pub struct Stage {
    pub cluster: Cluster,
    pub wire: Wire,
    pub app: TestApp,
    pub world: World,
    pub people: People,
}

impl Stage {
    /// `None` where there is no Postgres to be had.
    pub async fn new(file: &'static str) -> Option<Self> {
        Self::with(file, &[]).await
    }

    /// The same with settings of Postgres.
    pub async fn with(file: &'static str, settings: &[&str]) -> Option<Self> {
        let settings: Vec<_> = settings.iter().map(|text| (*text).to_owned()).collect();
        let cluster = tokio::task::spawn_blocking(move || Cluster::start(&settings));
        let cluster = cluster.await.unwrap()?;
        let wire = Wire::to(cluster.port).await;
        let url = format!("postgres://postgres@127.0.0.1:{}/postgres", wire.port);
        let app = TestApp::start(Some(url), file).await;
        let world = world(&app).await;
        let people = People::come(&app, &world).await;
        people.go_on(2).await;
        Some(Self { cluster, wire, app, world, people })
    }

    /// A connection to Postgres that does not go through the wire.
    pub async fn raw(&self) -> Raw {
        Raw::Postgres(PgConnection::connect(&self.cluster.url()).await.unwrap())
    }

    /// What `/health/ready` says.
    pub async fn is_ready(&self) -> bool {
        self.app.get("health/ready").await.status == 200
    }

    /// Waits until the server says that it is not ready; it never says that it is dead.
    pub async fn unready(&self) {
        until("unreadiness", async || {
            assert_eq!(self.app.get("health/live").await.status, 200);
            !self.is_ready().await
        })
        .await;
        let answer = self.app.get("health/ready").await;
        assert_eq!((answer.status, answer.text.as_str()), (503, r#"{"status":"no database"}"#));
        assert_eq!(self.app.get("health/live").await.status, 200);
    }

    /// Waits until the server is ready again, by itself.
    pub async fn ready(&self) {
        until("readiness", async || {
            assert_eq!(self.app.get("health/live").await.status, 200);
            self.is_ready().await
        })
        .await;
    }

    /// What other endpoints answer while there is no database: each in its own words, and none of
    /// them anything that somebody would log out for.
    pub async fn every_surface_is_unavailable(&self) {
        let (app, id) = (&self.app, self.world.client_id.as_str());
        let token = app.management_token().await.to_owned();
        let secret = self.world.client_secret.as_str();
        let client = [("client_id", id), ("client_secret", secret)];
        let form = |more: &[(&'static str, &'static str)]| [&client[..], more].concat();
        let oauth = [
            ("oauth/token", form(&[("grant_type", "refresh_token"), ("refresh_token", "x")])),
            ("oauth/token", form(&[("grant_type", "authorization_code"), ("code", "x")])),
            ("oauth/token", form(&[("grant_type", "client_credentials")])),
            ("oauth/revoke", form(&[("token", "x")])),
            ("oauth/introspect", form(&[("token", "x")])),
            ("oauth/device/code", form(&[("scope", "openid")])),
            ("oauth/par", form(&[("response_type", "code"), ("redirect_uri", CALLBACK)])),
        ];
        // What was kept in memory is forgotten a moment after the database is lost; until then rubbish
        // is told from a token without asking anybody.
        until("that the client is forgotten", async || {
            app.post_form(oauth[0].0, &oauth[0].1).await.status == 503
        })
        .await;
        for (path, form) in oauth {
            let answer = app.post_form(path, &form).await;
            is_unavailable(&answer, path);
            let expected = (503, "temporarily_unavailable".to_owned());
            assert_eq!(answer.error(), expected, "{path}");
            assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        }
        let page = format!("authorize?client_id={id}&response_type=code&redirect_uri={CALLBACK}");
        let request = app.http.get(app.url(&page)).header("accept", "text/html");
        let answer = app.send(request).await;
        is_unavailable(&answer, "a page");
        assert!(answer.header("content-type").starts_with("text/html"), "{}", answer.text);
        let answer = app.management_as(&token, "GET", "/clients", None).await;
        is_unavailable(&answer, "the Management API");
        assert_eq!(answer.json()["error"], "Service Unavailable", "{}", answer.text);
        let form = [("client_id", id), ("email", EMAIL), ("connection", "x")];
        let answer = app.post_form("dbconnections/change_password", &form).await;
        is_unavailable(&answer, "dbconnections");
        assert_eq!(answer.json()["code"], "temporarily_unavailable", "{}", answer.text);
        // What resource servers need does not depend on a database.
        for path in [".well-known/jwks.json", ".well-known/openid-configuration"] {
            assert_eq!(app.get(path).await.status, 200, "{path}");
        }
    }
}
