//! What the pages of the console ask the Management API for, with a large data set, on both
//! databases. `tests/clients/console-requests.json` holds the requests of every page as a browser
//! made them; a test there fails when it is out of date. The sizes come from the environment as in
//! [`super::scale`], and how long the server took for each page is printed.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use serde::Deserialize;
use serde_json::{Value, json};

use super::size;
use crate::support::{
    TestApp, each_backend_with,
    population::{API, CLIENT, Population, ROLE, USER},
};

#[derive(Deserialize)]
struct Asked {
    method: String,
    path: String,
    body: Option<Value>,
}

const REQUESTS: &str = include_str!("../../clients/console-requests.json");

/// What is typed into the search boxes of lists: one letter that everything begins with, and names.
const SEARCHES: &[&str] = &[
    "/users?search=n",
    "/users?search=family1",
    "/users?search=user1000001%40",
    "/clients?search=c1",
    "/clients?search=1000",
    "/resource-servers?search=api",
];

/// The requests of each page, with `{…}` for the ids of what it shows.
fn pages() -> BTreeMap<String, Vec<Asked>> {
    let mut pages: BTreeMap<String, Vec<Asked>> = serde_json::from_str(REQUESTS).unwrap();
    for search in SEARCHES {
        let path = format!("{search}&page=0&per_page=25&include_totals=true");
        let asked = Asked { method: "GET".to_owned(), path, body: None };
        pages.insert((*search).to_owned(), vec![asked]);
    }
    pages
}

#[tokio::test]
async fn every_page_of_the_console_is_answered_however_large_the_tables_are() {
    let rounds = size("DOORWARD_PROOF_ROUNDS", 1);
    for (backend, app) in each_backend_with("").await {
        Population::small_unless_asked().settle(&app).await;
        let ids = ids(&app).await;
        for (page, requests) in pages() {
            let mut took = Vec::new();
            for _ in 0..rounds {
                let mut sum = Duration::ZERO;
                for asked in &requests {
                    sum += ask(&app, backend, asked, &ids).await;
                }
                took.push(sum);
            }
            took.sort();
            let at = |percent: usize| took[(took.len() - 1) * percent / 100].as_secs_f64() * 1000.0;
            let requests = requests.len();
            println!(
                "{backend:8} p50 {:8.1} ms  p99 {:8.1} ms  {requests:2} requests  {page}",
                at(50),
                at(99)
            );
        }
    }
}

/// What stands for the ids in the recorded requests. What the data set has none of is made.
async fn ids(app: &TestApp) -> Vec<(&'static str, String)> {
    let action = json!({
        "name": "a", "supported_triggers": [{ "id": "post-login", "version": "v3" }],
        "code": "exports.onExecutePostLogin = async () => {};",
    });
    let actions = app.management("GET", "/actions/actions?per_page=1", None).await.ok();
    let action = made_unless_there(app, &actions["actions"], "/actions/actions", action).await;
    let script = "function (user, context, callback) { callback(null, user, context); }";
    let rules = app.management("GET", "/rules?per_page=1", None).await.ok();
    let rule =
        made_unless_there(app, &rules, "/rules", json!({ "name": "r", "script": script })).await;
    let logs = app.management("GET", "/logs?per_page=1", None).await.ok();
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{value}")).to_owned();
    vec![
        ("{client}", CLIENT.to_owned()),
        ("{api}", encoded(API)),
        ("{audience}", encoded(API)),
        ("{user}", encoded(USER)),
        ("{role}", ROLE.to_owned()),
        ("{action}", text(&action["id"])),
        ("{rule}", text(&rule["id"])),
        ("{log}", text(&logs[0]["log_id"])),
        ("from={time}", "from=2020-09-13T00:00:00.000Z".to_owned()),
        ("to={time}", "to=2020-09-14T00:00:00.000Z".to_owned()),
    ]
}

/// The first of those that there are, or a new one: there may be as many as there may ever be.
async fn made_unless_there(app: &TestApp, there: &Value, path: &str, body: Value) -> Value {
    match there.as_array().and_then(|there| there.first()) {
        Some(first) => first.clone(),
        None => TestApp::created(&app.management("POST", path, Some(body)).await),
    }
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[expect(clippy::disallowed_methods, reason = "this measures; nothing depends on it")]
async fn ask(app: &TestApp, backend: &str, asked: &Asked, ids: &[(&str, String)]) -> Duration {
    let named =
        |text: &str| ids.iter().fold(text.to_owned(), |text, (name, id)| text.replace(name, id));
    let path = named(&asked.path);
    let body =
        asked.body.as_ref().map(|body| serde_json::from_str(&named(&body.to_string())).unwrap());
    app.management_token().await;
    let start = SystemTime::now();
    let answer = app.management(&asked.method, &path, body).await;
    let took = start.elapsed().unwrap_or_default();
    assert_eq!(answer.status, 200, "{backend} {} {path}: {}", asked.method, answer.text);
    took
}
