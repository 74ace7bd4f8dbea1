//! Every list of the Management API answers with a large data set, on both databases. The sizes come
//! from the environment (`DOORWARD_PROOF_CLIENTS`, `…_APIS`, `…_USERS`), and so does how often each
//! is asked (`DOORWARD_PROOF_ROUNDS`); how long they took is printed.

use std::time::{Duration, SystemTime};

use super::size;
use crate::support::{
    TestApp, each_backend_with,
    population::{API, CLIENT, ORGANIZATION, Population, ROLE, USER},
};

/// A query, and how many items its page must have at least.
#[rustfmt::skip]
fn pages() -> Vec<(String, usize)> {
    let part = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let (user, api) = (part(USER), part(API));
    let q = |q: &str| format!("/users?q={}", part(q));
    [
        (format!("/users/{user}"), 1),
        ("/clients?page=0&per_page=50&include_totals=true".to_owned(), 50),
        ("/clients?page=5&per_page=50&include_totals=true".to_owned(), 50),
        ("/clients?app_type=spa&include_totals=true".to_owned(), 50),
        ("/clients?is_first_party=false&per_page=5&include_totals=true".to_owned(), 5),
        (format!("/clients?take=50&from={CLIENT}"), 50),
        ("/resource-servers?page=0&per_page=50&include_totals=true".to_owned(), 50),
        ("/client-grants?include_totals=true&per_page=50".to_owned(), 50),
        (format!("/client-grants?client_id={CLIENT}&include_totals=true"), 1),
        (format!("/client-grants?audience={api}&include_totals=true"), 1),
        ("/users?per_page=50&include_totals=true".to_owned(), 50),
        ("/users?per_page=50&page=19&include_totals=true".to_owned(), 50),
        ("/users?per_page=50&sort=last_login:-1".to_owned(), 50),
        ("/users?per_page=50&sort=name:1".to_owned(), 50),
        ("/users?connection=email&include_totals=true".to_owned(), 50),
        (format!("/users-by-email?email={}", part("user1000001@d1.example")), 1),
        (q("email:\"user1000002@d2.example\""), 1),
        (q("name:name\\ 10000*"), 50),
        (q("email.domain:d7.example"), 3),
        (q("app_metadata.plan:p7") + "&include_totals=true", 30),
        (q("app_metadata.plan:p7 AND given_name:given7"), 1),
        (q("name1000001"), 0),
        (q("\"name 1000001\" OR phone_number:\"+1000002\""), 2),
        (q("email_verified:false") + "&include_totals=true", 50),
        (q("blocked:true"), 1),
        (q("last_login:[* TO 2023-11-15]"), 50),
        (q("logins_count:>38"), 50),
        (q("NOT email_verified:true AND logins_count:0"), 1),
        (q("name:*99999*"), 0),
        ("/users?search=u&include_totals=true".to_owned(), 50),
        ("/users?search=name&page=19&include_totals=true".to_owned(), 50),
        ("/users?search=nick1000001".to_owned(), 0),
        ("/roles?include_totals=true".to_owned(), 50),
        (format!("/roles/{ROLE}/users?include_totals=true"), 50),
        (format!("/roles/{ROLE}/users?take=50&from={user}"), 50),
        (format!("/users/{user}/roles?include_totals=true"), 1),
        (format!("/users/{user}/permissions?include_totals=true"), 1),
        ("/organizations?include_totals=true".to_owned(), 50),
        (format!("/organizations/{ORGANIZATION}/members?include_totals=true"), 50),
        (format!("/organizations/{ORGANIZATION}/members?take=50"), 50),
        (format!("/refresh-tokens?user_id={user}"), 1),
        (format!("/users/{user}/refresh-tokens"), 1),
        (format!("/users/{user}/sessions"), 1),
        ("/grants?include_totals=true".to_owned(), 50),
        (format!("/grants?user_id={user}&include_totals=true"), 1),
        (format!("/grants?client_id={CLIENT}&include_totals=true"), 1),
        (format!("/device-credentials?user_id={user}"), 1),
        ("/logs?include_totals=true".to_owned(), 50),
        ("/logs?take=50&from=log1000001".to_owned(), 50),
        (format!("/users/{user}/logs"), 1),
        (format!("/logs?q={}", part("type:fp")), 50),
        (format!("/logs?q={}", part(&format!("client_id:{CLIENT} AND type:(s OR fp)"))), 1),
        (format!("/logs?q={}", part("type:fp AND date:[2020-09-13 TO 2020-09-14]")), 50),
    ]
    .into()
}

#[tokio::test]
async fn every_list_answers_however_large_the_tables_are() {
    let rounds = size("DOORWARD_PROOF_ROUNDS", 1);
    // What may take long is not to be stopped here: how long it takes is the question.
    for (backend, app) in each_backend_with("[database]\nsearch_timeout_ms = 60000").await {
        Population::small_unless_asked().settle(&app).await;
        let mut lookup = Duration::ZERO;
        for (path, least) in pages() {
            let mut took = Vec::new();
            for _ in 0..rounds {
                took.push(ask(&app, backend, &path, least).await);
            }
            took.sort();
            let at = |percent: usize| took[(took.len() - 1) * percent / 100];
            if lookup.is_zero() {
                lookup = at(50);
            }
            let times = at(50).as_secs_f64() / lookup.as_secs_f64().max(1e-9);
            println!(
                "{backend:8} p50 {:8.2} ms  p99 {:8.2} ms  {times:7.1} x  {path}",
                at(50).as_secs_f64() * 1000.0,
                at(99).as_secs_f64() * 1000.0,
            );
        }
    }
}

/// The query with a true cursor for the place that it names after `from`.
fn with_cursor(app: &TestApp, path: &str) -> String {
    let listings = [("/clients?", "/clients"), ("/roles/", "/roles/{id}/users")];
    let listing = listings.iter().find(|(start, _)| path.starts_with(start));
    match (listing, path.split_once("&from=")) {
        (Some((_, listing)), Some((query, place))) => {
            let place = place.replace("%7C", "|");
            format!("{query}&from={}", app.inner.cursors.seal(listing, &place))
        }
        _ => path.to_owned(),
    }
}

#[expect(clippy::disallowed_methods, reason = "this measures; nothing depends on it")]
async fn ask(app: &TestApp, backend: &str, path: &str, least: usize) -> Duration {
    app.management_token().await;
    let path = &with_cursor(app, path);
    let start = SystemTime::now();
    let answer = app.management("GET", path, None).await;
    let took = start.elapsed().unwrap_or_default();
    let body = answer.ok();
    let items = match &body {
        serde_json::Value::Array(items) => items.len(),
        serde_json::Value::Object(map) => {
            map.values().find_map(|v| Some(v.as_array()?.len())).unwrap_or(1)
        }
        _ => 0,
    };
    assert!(items >= least, "{backend} {path}: {items}\n{}", answer.text);
    took
}
