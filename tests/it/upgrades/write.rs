//! Writes fixtures.
//!
//! That of today's schema is the database of a server that was used. Those of older schemas were
//! written at the same time: the schema is what their migrations make, and the rows are those of
//! today's server as far as that schema has columns for them. What their releases wrote has the same
//! formats; columns have only ever been added.

use std::{fs, process::Command};

use doorward::domain::time::Clock;
use serde_json::{Value, json};
use sqlx::{
    SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

use crate::support::{TestApp, each_backend, fixtures::*};
use crate::upgrades::{
    Direct, POSTGRES, SQLITE,
    fixtures::{Fixture, empty},
    migrations, newest, root,
};

/// The schemas before there were fixtures of which there is one: the first that a server ran on,
/// and one from half way.
const OLDER: [i64; 2] = [3, 17];

/// Writes the fixtures that are not there.
pub async fn missing() {
    for (backend, app) in each_backend().await {
        let there: Vec<_> = Fixture::all(backend).iter().map(|fixture| fixture.version).collect();
        let wanted = OLDER.into_iter().chain([newest()]);
        let missing: Vec<_> = wanted.filter(|version| !there.contains(version)).collect();
        if missing.is_empty() {
            continue;
        }
        let told = use_everything(&app).await;
        app.inner.login.audit.flush().await;
        app.inner.store.close().await;
        for version in missing {
            let folder = tempfile::tempdir().unwrap();
            let url = empty(backend, folder.path()).await.unwrap();
            reduce(backend, &app.database_url, &url, version).await;
            let sql = match backend {
                SQLITE => dump_sqlite(&url).await,
                _ => dump_postgres(&url),
            };
            let text = format!("-- A database at schema {version}. Never edited.\n{told}\n{sql}");
            let path = root().join("tests/it/upgrades/fixtures").join(backend);
            fs::write(path.join(format!("{version:04}.sql")), text).unwrap();
        }
    }
}

/// Does what people do, and returns the lines that tell what a test must know of it.
async fn use_everything(app: &TestApp) -> String {
    let world = app.world().await;
    let user = format!("/users/{}", world.user_id);
    let created = async |path: &str, body| {
        let answer = app.management("POST", path, Some(body)).await;
        assert!((200..300).contains(&answer.status), "{path} {} {}", answer.status, answer.text);
        serde_json::from_str::<Value>(&answer.text).unwrap_or_default()
    };
    created("/roles", json!({ "name": "Reader", "description": "Reads" })).await;
    let organization = json!({ "name": "acme", "display_name": "Acme" });
    let organization = created("/organizations", organization).await;
    let members = format!("/organizations/{}/members", text(&organization, "id"));
    created(&members, json!({ "members": [world.user_id] })).await;
    let permissions = json!({ "permissions": [
        { "resource_server_identifier": MESSAGES, "permission_name": "read:messages" },
    ] });
    created(&format!("{user}/permissions"), permissions).await;
    let metadata =
        json!({ "user_metadata": { "colour": "blue" }, "app_metadata": { "plan": "gold" } });
    app.management("PATCH", &user, Some(metadata)).await.ok();
    app.add_api("https://secret.example.com", &["read:a"], json!({ "signing_alg": "HS256" })).await;
    let machine = app
        .add_client(json!({ "name": "Machine", "app_type": "non_interactive", "callbacks": [],
            "grant_types": ["client_credentials"] }))
        .await;
    let grant = json!({
        "client_id": machine["client_id"], "audience": MESSAGES, "scope": ["read:messages"],
    });
    created("/client-grants", grant).await;

    let login = app.log_in(&world).await;
    let spent = text(&login, "refresh_token").to_owned();
    let answer = app.refresh(&world, &spent, &[("audience", BILLING)]).await.ok();
    let token = text(&answer, "refresh_token").to_owned();
    app.clock.advance_seconds(60);
    let answer = app.refresh(&world, &token, &[("audience", MESSAGES)]).await.ok();
    let token = text(&answer, "refresh_token").to_owned();
    app.clock.advance_seconds(60);
    let keys = app.get(".well-known/jwks.json").await.ok();
    [
        ("written at", app.clock.now().millis().to_string()),
        ("client", world.client_id),
        ("user", world.user_id),
        ("key", text(&keys["keys"][0], "kid").to_owned()),
        ("refresh token", token),
        ("spent refresh token", spent),
    ]
    .map(|(name, value)| format!("-- {name}: {value}"))
    .join("\n")
}

/// Makes the schema `version` in `to`, and fills it with the rows of `from`.
async fn reduce(database: &str, from: &str, to: &str, version: i64) {
    let steps = migrations(database).into_iter().filter(|step| step.0 <= version);
    let steps = steps.map(|(version, name, sql)| {
        let sql = sqlx::AssertSqlSafe(sql).into_sql_str();
        Migration::new(version, name.into(), MigrationType::Simple, sql, false)
    });
    let migrator = Migrator::with_migrations(steps.collect());
    let mut direct = Direct::open(to).await;
    match &mut direct {
        Direct::Sqlite(c) => migrator.run_direct(None, c, false).await,
        Direct::Postgres(c) => migrator.run_direct(None, c, false).await,
    }
    .unwrap();
    let source = match database {
        SQLITE => {
            let path = from.strip_prefix("sqlite:").unwrap().trim_start_matches("//");
            direct.run(&format!("ATTACH '{path}' AS source")).await;
            "source".to_owned()
        }
        _ => {
            direct.run("SET session_replication_role = replica").await;
            schema_of(from)
        }
    };
    let tables = match database {
        SQLITE => {
            "SELECT name FROM main.sqlite_master WHERE type = 'table'
                   AND name NOT LIKE 'sqlite_%' AND name <> '_sqlx_migrations'"
        }
        _ => {
            "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()
              AND tablename <> '_sqlx_migrations'"
        }
    };
    for table in direct.texts(tables).await {
        let columns = match database {
            SQLITE => format!("SELECT name FROM pragma_table_info('{table}')"),
            _ => format!(
                "SELECT column_name::text FROM information_schema.columns
                 WHERE table_schema = current_schema() AND table_name = '{table}'"
            ),
        };
        let columns = direct.texts(&columns).await.join(", ");
        // Before there were other algorithms there were no keys for them.
        let only = match table == "signing_key" && !columns.contains("algorithm") {
            true => "WHERE algorithm = 'RS256'",
            false => "",
        };
        let copy = format!(
            "DELETE FROM {table};
             INSERT INTO {table} ({columns}) SELECT {columns} FROM {source}.{table} {only}"
        );
        direct.run(&copy).await;
    }
    if database == SQLITE {
        direct.run("DETACH source").await;
    }
    direct.close().await;
}

/// The schema that the URL of a test names.
fn schema_of(url: &str) -> String {
    url.rsplit_once("search_path%3D").unwrap().1.to_owned()
}

async fn dump_sqlite(url: &str) -> String {
    let mut direct = Direct::open(url).await;
    let objects = |of: &str| {
        format!(
            "SELECT sql || ';' FROM sqlite_master WHERE type {of} AND sql IS NOT NULL
             AND name NOT LIKE 'sqlite_%' ORDER BY name"
        )
    };
    let mut lines = direct.texts(&objects("= 'table'")).await;
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
                  ORDER BY name";
    for table in direct.texts(tables).await {
        let columns = direct.texts(&format!("SELECT name FROM pragma_table_info('{table}')")).await;
        let quoted: Vec<_> = columns.iter().map(|column| format!("quote({column})")).collect();
        let rows = format!(
            "SELECT 'INSERT INTO {table} ({}) VALUES (' || {} || ');' FROM {table} ORDER BY rowid",
            columns.join(", "),
            quoted.join(" || ', ' || ")
        );
        lines.extend(direct.texts(&rows).await);
    }
    lines.extend(direct.texts(&objects("<> 'table'")).await);
    direct.close().await;
    lines.join("\n") + "\n"
}

fn dump_postgres(url: &str) -> String {
    let mut programs: Vec<_> = fs::read_dir("/usr/lib/postgresql")
        .unwrap()
        .map(|version| version.unwrap().path().join("bin/pg_dump"))
        .filter(|program| program.exists())
        .collect();
    programs.sort();
    let schema = schema_of(url);
    let (server, _) = url.split_once('?').unwrap();
    let mut command = Command::new(programs.pop().unwrap());
    command.args(["--no-owner", "--no-privileges", "--inserts", "--schema", &schema, server]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap().replace(&format!("{schema}."), "");
    let is_of_the_program = |line: &str| {
        let begins = ["--", "\\", "SET ", "SELECT pg_catalog.set_config", "CREATE SCHEMA"];
        line.is_empty() || begins.iter().any(|begin| line.starts_with(begin))
    };
    let lines: Vec<_> = text.lines().filter(|line| !is_of_the_program(line)).collect();
    lines.join("\n") + "\n"
}

#[test]
fn a_fixture_is_dumped_for_both_databases() {
    let versions = |database| Fixture::all(database).iter().map(|f| f.version).collect::<Vec<_>>();
    assert_eq!(versions(SQLITE), versions(POSTGRES));
}
