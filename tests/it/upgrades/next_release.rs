//! A release runs on the schema of the next: during an upgrade both serve at a time.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::store::statements::statements;
use crate::support::{
    MASTER_KEY, TestApp, each_backend,
    fixtures::{BILLING, EMAIL, MESSAGES, PASSWORD, World, text},
};
use crate::upgrades::{Direct, POSTGRES, SQLITE, migrations};

/// The last migration from before there were fixtures. Until then a schema had one release.
const BEFORE_FIXTURES: i64 = 29;

/// What a release may read and write as before all the same, as somebody made sure. A CHECK that
/// takes more is another one, and in SQLite another table.
const REVIEWED: &[(i64, &str)] = &[
    (
        31,
        "alter table ticket add constraint ticket_kind_check check (kind in ('reset_password', \
         'verify_email', 'unblock'))",
    ),
    (31, "drop table ticket"),
    (31, "alter table ticket_of_any_kind rename to ticket"),
];

/// Why a release of before this migration could not go on, and the statements because of which; empty if it could. A text check of what
/// such files hold: lower case, comments removed, one statement at a time.
fn contracts(sql: &str) -> Vec<(&'static str, String)> {
    let plain: String = sql
        .lines()
        .map(|line| line.split("--").next().unwrap_or(""))
        .collect::<Vec<_>>()
        .join(" ")
        .to_lowercase();
    let created = |table: &str| plain.contains(&format!("create table {table} "));
    let mut wrong = Vec::new();
    for statement in plain.split(';').map(|s| s.split_whitespace().collect::<Vec<_>>().join(" ")) {
        let table = |after: &str| {
            let rest = statement.split_once(after).map_or("", |(_, rest)| rest);
            rest.split([' ', '(']).find(|word| !word.is_empty()).unwrap_or("").to_owned()
        };
        let has = |what: &str| statement.contains(what);
        let adds = has("add column");
        let refuses_old_rows = adds && has("not null") && !has("default");
        let is_unique = statement.starts_with("create unique index") && !created(&table(" on "));
        let narrows = has("alter column") || (has("alter table") && has("add constraint"));
        if has("drop table") || has("drop column") || has(" rename ") || narrows {
            wrong.push(("takes away what the release before uses", statement));
        } else if refuses_old_rows || (adds && has("unique")) || is_unique {
            wrong.push(("refuses what the release before writes", statement));
        } else if statement.starts_with("create trigger") {
            wrong.push(("does what the release before does not expect", statement));
        }
    }
    wrong
}

#[test]
fn a_migration_only_expands() {
    for bad in [
        "DROP TABLE client;",
        "ALTER TABLE client\n  DROP COLUMN name;",
        "ALTER TABLE client RENAME COLUMN name TO title;",
        "ALTER TABLE client RENAME TO application;",
        "ALTER TABLE client ADD COLUMN kind TEXT NOT NULL;",
        "ALTER TABLE client ADD COLUMN kind TEXT UNIQUE;",
        "ALTER TABLE client ALTER COLUMN name SET NOT NULL;",
        "ALTER TABLE client ADD CONSTRAINT short CHECK (length(name) < 9);",
        "CREATE UNIQUE INDEX client_name ON client (name);",
        "CREATE TRIGGER t AFTER INSERT ON client BEGIN SELECT 1; END;",
    ] {
        assert!(!contracts(bad).is_empty(), "{bad}");
    }
    for good in [
        "-- DROP TABLE client;\nALTER TABLE client ADD COLUMN kind TEXT;",
        "ALTER TABLE client ADD COLUMN kind TEXT NOT NULL DEFAULT 'x';",
        "CREATE TABLE thing (id TEXT NOT NULL UNIQUE); CREATE UNIQUE INDEX thing_id ON thing (id);",
        "CREATE INDEX client_name ON client (name);",
        "DROP INDEX client_name;",
    ] {
        assert_eq!(contracts(good), Vec::new(), "{good}");
    }
    for database in [SQLITE, POSTGRES] {
        for (version, name, sql) in migrations(database) {
            let mut wrong = if version > BEFORE_FIXTURES { contracts(&sql) } else { Vec::new() };
            wrong.retain(|(_, statement)| !REVIEWED.contains(&(version, statement)));
            assert!(wrong.is_empty(), "{database} {version} {name}: {wrong:?}");
        }
    }
}

/// What the next release may do to a schema: a column more in every table, a table more, and
/// migrations that this release does not know.
async fn expand(url: &str) {
    let mut direct = Direct::open(url).await;
    let tables = match direct {
        Direct::Sqlite(_) => {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
             AND name <> '_sqlx_migrations'"
        }
        Direct::Postgres(_) => {
            "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()
             AND tablename <> '_sqlx_migrations'"
        }
    };
    let tables = direct.texts(tables).await;
    assert!(tables.len() > 30, "{tables:?}");
    for table in tables {
        let column = "COLUMN from_the_future TEXT NOT NULL DEFAULT 'x'";
        direct.run(&format!("ALTER TABLE {table} ADD {column}")).await;
    }
    direct
        .run(
            "CREATE TABLE future (id TEXT PRIMARY KEY, client_id TEXT REFERENCES client (client_id));
             INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             SELECT 9999, 'future', success, checksum, 1 FROM _sqlx_migrations WHERE version = 1",
        )
        .await;
    direct.close().await;
}

#[tokio::test]
async fn a_release_serves_the_schema_of_the_next() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let login = app.log_in(&world).await;
        let token = text(&login, "refresh_token").to_owned();
        let manager = app.management_token().await.to_owned();
        expand(&app.database_url).await;

        // A server that was running goes on, and one that starts now does, too.
        let token = goes_on(&app, &world, &manager, token).await;
        let started = app.another_node().await;
        started.inner.store.check_schema().await.unwrap();
        started.inner.store.migrate().await.unwrap();
        goes_on(&started, &world, &manager, token).await;
        let mut direct = Direct::open(&app.database_url).await;
        let versions = direct.texts("SELECT CAST(MAX(version) AS TEXT) FROM _sqlx_migrations");
        assert_eq!(versions.await, ["9999"], "{backend}");
    }
}

/// Exchanges, a login and an edit. Returns the refresh token that is next.
async fn goes_on(app: &TestApp, world: &World, manager: &str, mut token: String) -> String {
    for audience in [BILLING, MESSAGES] {
        let answer = app.refresh(world, &token, &[("audience", audience)]).await.ok();
        token = text(&answer, "refresh_token").to_owned();
    }
    app.log_in(world).await;
    let path = format!("/clients/{}", world.client_id);
    let edit = serde_json::json!({ "description": "Edited" });
    app.management_as(manager, "PATCH", &path, Some(edit)).await.ok();
    for path in [
        "/clients?include_totals=true",
        "/users?q=logins_count:[1%20TO%20*]&search_engine=v3",
        "/logs?per_page=10",
    ] {
        app.management_as(manager, "GET", path, None).await.ok();
    }
    token
}

#[tokio::test]
async fn every_statement_prepares_on_the_schema_of_the_next_release() {
    use sqlx::{AssertSqlSafe, Executor, SqlSafeStr};
    for (backend, app) in each_backend().await {
        expand(&app.database_url).await;
        let mut direct = Direct::open(&app.database_url).await;
        for (place, sql) in statements() {
            let text = AssertSqlSafe(sql.clone()).into_sql_str();
            let prepared = match &mut direct {
                Direct::Sqlite(c) => c.prepare(text).await.map(|_| ()),
                Direct::Postgres(c) => c.prepare(text).await.map(|_| ()),
            };
            assert!(prepared.is_ok(), "{backend} {place}: {prepared:?}\n{sql}");
        }
    }
}

/// Ends with the test.
struct Previous {
    child: Child,
    issuer: String,
}

impl Drop for Previous {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Previous {
    /// The binary of the release before, on the database of `app`, as another node of it.
    async fn start(binary: &str, app: &TestApp, folder: &Path) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let issuer = format!("http://127.0.0.1:{port}/");
        let mut command = Command::new(binary);
        command.arg("serve").env_clear().stdout(Stdio::null()).stderr(Stdio::null());
        command.env("DOORWARD_ISSUER", &app.issuer).env("DOORWARD_DATA_DIR", folder);
        command.env("DOORWARD_LISTEN", format!("127.0.0.1:{port}"));
        command.env("DOORWARD_MASTER_KEY", MASTER_KEY);
        command.env("DOORWARD_DATABASE_URL", &app.database_url);
        let mut previous = Self { child: command.spawn().unwrap(), issuer };
        for _ in 0..600 {
            let ready = reqwest::get(format!("{}health/ready", previous.issuer)).await;
            if ready.is_ok_and(|answer| answer.status().is_success()) {
                return previous;
            }
            assert!(previous.child.try_wait().unwrap().is_none(), "{binary} ended");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{binary} was not ready within half a minute");
    }

    async fn exchange(&self, world: &World, token: &str, audience: &str) -> serde_json::Value {
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", &world.client_id),
            ("refresh_token", token),
            ("audience", audience),
        ];
        let http = reqwest::Client::new();
        let answer = http.post(format!("{}oauth/token", self.issuer)).form(&form).send().await;
        let answer = answer.unwrap();
        assert_eq!(answer.status(), 200);
        answer.json().await.unwrap()
    }
}

/// `DOORWARD_PREVIOUS_BIN` names the binary of the release before; without it there is nothing to
/// try.
#[tokio::test]
async fn the_binary_of_the_release_before_serves_beside_this_one() {
    let Ok(binary) = std::env::var("DOORWARD_PREVIOUS_BIN") else { return };
    for (backend, app) in each_backend().await {
        let world = app
            .world_with(
                serde_json::json!({ "grant_types": ["authorization_code", "refresh_token", "password"] }),
                serde_json::json!({}),
            )
            .await;
        let login = app.log_in(&world).await;
        let mut token = text(&login, "refresh_token").to_owned();
        let folder = tempfile::tempdir().unwrap();
        let previous = Previous::start(&binary, &app, folder.path()).await;
        for _ in 0..3 {
            let answer = previous.exchange(&world, &token, BILLING).await;
            token = text(&answer, "refresh_token").to_owned();
            let answer = app.refresh(&world, &token, &[("audience", MESSAGES)]).await.ok();
            token = text(&answer, "refresh_token").to_owned();
        }
        let form = [
            ("grant_type", "password"),
            ("client_id", world.client_id.as_str()),
            ("username", EMAIL),
            ("password", PASSWORD),
            ("scope", "openid offline_access"),
        ];
        let http = reqwest::Client::new();
        let answer = http.post(format!("{}oauth/token", previous.issuer)).form(&form).send().await;
        let answer: serde_json::Value = answer.unwrap().json().await.unwrap();
        let begun_there = text(&answer, "refresh_token");
        app.refresh(&world, begun_there, &[]).await.ok();
        let token = app.management_token().await;
        let path = format!("{}api/v2/clients?per_page=100", previous.issuer);
        let clients = http.get(path).bearer_auth(token).send().await.unwrap();
        assert_eq!(clients.status(), 200, "{backend}");
        // It is not confused when it starts once more.
        drop(previous);
        Previous::start(&binary, &app, folder.path()).await;
    }
}
