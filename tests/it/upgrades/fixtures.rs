//! A database of every released schema. A fixture is never edited: it is what somebody runs.

use std::{fs, path::Path};

use crate::support::{
    BOOTSTRAP_ID, TestApp,
    browser::Browser,
    fixtures::{BILLING, EMAIL, LOGIN_SCOPE, MESSAGES, PASSWORD, World, text},
    payload, postgres,
};
use crate::upgrades::{Direct, POSTGRES, SQLITE, newest, root, write};

/// A database as an older release left it.
pub struct Fixture {
    pub version: i64,
    pub sql: String,
}

impl Fixture {
    /// All of a database, oldest first.
    pub fn all(database: &str) -> Vec<Self> {
        let folder = root().join("tests/it/upgrades/fixtures").join(database);
        let mut found: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|file| {
                let path = file.unwrap().path();
                let version = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
                Self { version, sql: fs::read_to_string(path).unwrap() }
            })
            .collect();
        found.sort_by_key(|fixture| fixture.version);
        found
    }

    /// What its first lines tell.
    pub fn told(&self, name: &str) -> &str {
        let mark = format!("-- {name}: ");
        let line = self.sql.lines().find_map(|line| line.strip_prefix(&mark));
        line.unwrap_or_else(|| panic!("{} does not tell its {name}", self.version))
    }

    /// Seconds from now to the time at which it was written.
    pub fn ago(&self) -> i64 {
        let written: i64 = self.told("written at").parse().unwrap();
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
        written / 1000 - i64::try_from(now / 1000).unwrap()
    }

    fn world(&self) -> World {
        let told = |name: &str| self.told(name).to_owned();
        World {
            client_id: told("client"),
            client_secret: String::new(),
            user_id: told("user"),
            messages_id: String::new(),
            billing_id: String::new(),
        }
    }
}

/// An empty database, in `folder` if it is embedded. `None` where there is no Postgres.
pub async fn empty(database: &str, folder: &Path) -> Option<String> {
    if database == POSTGRES {
        return postgres::fresh_schema().await;
    }
    let path = folder.join("doorward.db");
    fs::File::create(&path).unwrap();
    Some(format!("sqlite:{}", path.display()))
}

/// What must be true of a database of `fixture` that a server of today has migrated.
async fn everything_goes_on(app: &TestApp, fixture: &Fixture) {
    let what = format!("{} schema {}", app.database_url, fixture.version);
    let world = fixture.world();
    // A refresh token from before exchanges, for both APIs, and is rotated.
    let mut token = fixture.told("refresh token").to_owned();
    for audience in [MESSAGES, BILLING] {
        let answer = app.refresh(&world, &token, &[("audience", audience)]).await;
        let answer = answer.ok();
        let claims = payload(text(&answer, "access_token"));
        assert!(claims["aud"].to_string().contains(audience), "{what} {claims}");
        assert_eq!(claims["sub"], world.user_id, "{what}");
        token = text(&answer, "refresh_token").to_owned();
    }
    // Signed with a key from before, which is still published.
    let answer = app.refresh(&world, &token, &[]).await.ok();
    let header = text(&answer, "access_token").split('.').next().unwrap().to_owned();
    let header = format!(".{header}");
    let kid = payload(&header)["kid"].clone();
    let keys = app.get(".well-known/jwks.json").await.ok();
    assert!(keys["keys"].as_array().unwrap().iter().any(|key| key["kid"] == kid), "{what}");
    let of_fixture = fixture.told("key");
    assert_eq!(kid, of_fixture, "{what}: the signing key is the one from before");
    // Its user logs in with the password from before, in a browser that starts anew.
    let mut browser = Browser::new(app);
    let more = [("audience", MESSAGES), ("scope", LOGIN_SCOPE)];
    let code = app.code_for(&mut browser, &world, &more).await;
    app.exchange_code(&world, &code).await.ok();
    // The Management API lists what there was.
    let has = |list: serde_json::Value, member: &str, value: &str| {
        list.as_array().unwrap().iter().any(|item| item[member] == value)
    };
    let clients = app.management("GET", "/clients?per_page=100", None).await.ok();
    for client in [world.client_id.as_str(), BOOTSTRAP_ID] {
        assert!(has(clients.clone(), "client_id", client), "{what} {client}");
    }
    let apis = app.management("GET", "/resource-servers?per_page=100", None).await.ok();
    assert!(has(apis, "identifier", MESSAGES), "{what}");
    let found = format!("/users?q=email:%22{EMAIL}%22&search_engine=v3");
    let users = app.management("GET", &found, None).await.ok();
    assert!(has(users, "user_id", &world.user_id), "{what}: an old user is found");
    let sessions = format!("/users/{}/sessions", world.user_id);
    let sessions = app.management("GET", &sessions, None).await.ok();
    assert!(sessions["sessions"].as_array().unwrap().len() >= 2, "{what}: the old one, too");
    let wrong = app
        .token(&[
            ("grant_type", "refresh_token"),
            ("client_id", &world.client_id),
            ("refresh_token", fixture.told("spent refresh token")),
        ])
        .await;
    assert_eq!(wrong.error(), (400, "invalid_grant".to_owned()), "{what}: what was spent is spent");
    assert!(!PASSWORD.is_empty() && !fixture.sql.contains(PASSWORD), "a fixture holds no password");
}

#[tokio::test]
async fn every_released_schema_migrates_and_everything_in_it_goes_on() {
    for database in [SQLITE, POSTGRES] {
        for fixture in Fixture::all(database) {
            let folder = tempfile::tempdir().unwrap();
            let Some(url) = empty(database, folder.path()).await else { continue };
            let mut direct = Direct::open(&url).await;
            direct.run(&fixture.sql).await;
            direct.close().await;

            let app = TestApp::on(url.clone(), fixture.ago()).await;
            everything_goes_on(&app, &fixture).await;
            // Twice is harmless, and so is a server that is started again.
            app.inner.store.migrate().await.unwrap();
            let again = app.another_node().await;
            again.inner.store.check_schema().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_migrated_schema_is_that_of_a_new_database() {
    for database in [SQLITE, POSTGRES] {
        let folder = tempfile::tempdir().unwrap();
        let Some(url) = empty(database, folder.path()).await else { continue };
        TestApp::migrate(&url).await;
        let expected = Direct::open(&url).await.schema().await;
        assert!(expected.len() > 100, "{database}: {} lines", expected.len());
        for fixture in Fixture::all(database) {
            let folder = tempfile::tempdir().unwrap();
            let url = empty(database, folder.path()).await.unwrap();
            let mut direct = Direct::open(&url).await;
            direct.run(&fixture.sql).await;
            if fixture.version < newest() {
                assert_ne!(direct.schema().await, expected, "{database} {}", fixture.version);
            }
            TestApp::migrate(&url).await;
            assert_eq!(direct.schema().await, expected, "{database} {}", fixture.version);
            TestApp::migrate(&url).await;
            assert_eq!(direct.schema().await, expected, "{database}: twice is harmless");
            direct.close().await;
        }
    }
}

/// With `DOORWARD_UPDATE=1` it writes the missing ones instead.
#[tokio::test]
async fn the_newest_schema_has_a_fixture() {
    if std::env::var_os("DOORWARD_UPDATE").is_some() {
        write::missing().await;
    }
    for database in [SQLITE, POSTGRES] {
        let last = Fixture::all(database).last().map(|fixture| fixture.version);
        assert_eq!(
            last,
            Some(newest()),
            "{database}: the schema has grown. Once its migrations are final, write a fixture of it \
             with `DOORWARD_UPDATE=1 cargo test --test it upgrades::fixtures::the_newest` (it needs \
             Postgres) and add the files"
        );
    }
}
