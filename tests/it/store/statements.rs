//! Every statement of the store prepares on both databases. This stands in for checks at compile
//! time, which cannot serve two databases.

use std::{fs, path::Path};

use sqlx::{AssertSqlSafe, Executor, SqlSafeStr};

use crate::support::{each_backend, raw::Raw};

#[tokio::test]
async fn every_statement_prepares_on_both_databases() {
    let statements = statements();
    assert!(statements.len() > 50, "only {} statements were found", statements.len());
    for (backend, app) in each_backend().await {
        let mut raw = Raw::connect(&app).await;
        for (place, sql) in &statements {
            let text = AssertSqlSafe(sql.clone()).into_sql_str();
            let prepared = match &mut raw {
                Raw::Sqlite(c) => c.prepare(text).await.map(|_| ()),
                Raw::Postgres(c) => c.prepare(text).await.map(|_| ()),
            };
            assert!(prepared.is_ok(), "{backend} {place}: {prepared:?}\n{sql}");
        }
    }
}

/// The constants `const NAME: &str = "…"` of the room as `(place, text)`, except the file of the
/// differences.
pub fn statements() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (path, text) in sources() {
        for (at, _) in text.match_indices(": &str =") {
            let rest = text[at..].trim_start_matches(": &str =").trim_start();
            if let Some(literal) = rest.strip_prefix('"') {
                let sql = &literal[..literal.find('"').unwrap()];
                found.push((path.clone(), sql.to_owned()));
            }
        }
    }
    found
}

/// The files of the room as `(path, text)`, except the file of the differences.
pub fn sources() -> Vec<(String, String)> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with("dialect.rs") {
                found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found
}
