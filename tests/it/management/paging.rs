//! Pages of listings: the envelope depends on the query, not on the resource.

use serde_json::{Value, json};

use super::{get, post};
use crate::support::{TestApp, each_backend};

/// Three clients beside the one of the bootstrap and the global one.
async fn clients(app: &TestApp) -> Vec<String> {
    let mut ids = Vec::new();
    for i in 0..3 {
        app.clock.advance_seconds(1);
        let body = json!({
            "name": format!("C{i}"), "app_type": if i == 1 { "native" } else { "spa" },
            "is_first_party": i != 2,
        });
        let created = TestApp::created(&post(app, "/clients", body).await);
        ids.push(created["client_id"].as_str().unwrap().to_owned());
    }
    ids
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn pages_by_offset_know_the_total_and_end_empty() {
    for (_, app) in each_backend().await {
        clients(&app).await;
        let list = async |query: &str| get(&app, &format!("/clients?{query}")).await.ok();
        let all = list("").await;
        assert_eq!(names(&all)[2..], ["C0", "C1", "C2"]);
        let page = list("page=1&per_page=2&include_totals=true").await;
        assert_eq!(names(&page["clients"]), ["C0", "C1"]);
        let keys: Vec<_> = page.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["clients", "limit", "start", "total"]);
        assert_eq!(
            (&page["start"], &page["limit"], &page["total"]),
            (&json!(2), &json!(2), &json!(5))
        );
        let past = list("page=5&per_page=2&include_totals=true").await;
        assert_eq!((&past["clients"], &past["total"]), (&json!([]), &json!(5)));
        assert_eq!(names(&list("page=1&per_page=3").await), ["C1", "C2"]);
        assert_eq!(list("per_page=0&include_totals=true").await["total"], 5);
        let usual = list("include_totals=true").await;
        assert_eq!((&usual["start"], &usual["limit"]), (&json!(0), &json!(50)));
    }
}

#[tokio::test]
async fn pages_by_cursor_visit_everything_once_and_ignore_include_totals() {
    for (_, app) in each_backend().await {
        let mut expected = clients(&app).await;
        expected.push(crate::support::BOOTSTRAP_ID.to_owned());
        let mut seen = Vec::new();
        let mut from = String::new();
        loop {
            let path = format!("/clients?take=2&include_totals=true{from}");
            let page = get(&app, &path).await.ok();
            assert!(page.get("total").is_none() && page.get("start").is_none(), "{page}");
            let ids = page["clients"].as_array().unwrap().iter();
            seen.extend(ids.map(|c| c["client_id"].as_str().unwrap().to_owned()));
            match page.get("next") {
                Some(next) => from = format!("&from={}", next.as_str().unwrap()),
                None => break,
            }
        }
        assert_eq!(seen.len(), 5);
        let global = get(&app, "/clients?is_global=true").await.ok();
        expected.push(global[0]["client_id"].as_str().unwrap().to_owned());
        seen.sort();
        expected.sort();
        assert_eq!(seen, expected);
    }
}

#[tokio::test]
async fn filters_of_clients_keep_the_totals_right() {
    for (_, app) in each_backend().await {
        clients(&app).await;
        let list = async |query: &str| get(&app, &format!("/clients?{query}")).await.ok();
        assert_eq!(names(&list("app_type=native").await), ["C1"]);
        assert_eq!(names(&list("app_type=native,spa").await), ["C0", "C1", "C2"]);
        assert_eq!(names(&list("is_first_party=false").await), ["C2"]);
        assert_eq!(names(&list("is_first_party=true&app_type=spa").await), ["C0"]);
        assert_eq!(names(&list("is_global=true").await), ["All Applications"]);
        assert_eq!(list("is_global=false").await.as_array().unwrap().len(), 4);
        let page = list("app_type=spa&page=1&per_page=1&include_totals=true").await;
        assert_eq!((names(&page["clients"]), &page["total"]), (vec!["C2"], &json!(2)));
        let page = list("app_type=spa&take=1").await;
        let next = page["next"].as_str().unwrap();
        let last = list(&format!("app_type=spa&take=1&from={next}")).await;
        assert_eq!(last["clients"].as_array().unwrap().len(), 1);
        assert!(last.get("next").is_none());
    }
}

#[tokio::test]
async fn apis_are_paged_and_found_by_identifiers() {
    for (_, app) in each_backend().await {
        for i in 0..3 {
            app.clock.advance_seconds(1);
            app.add_api(&format!("https://{i}"), &[], json!({})).await;
        }
        let list = async |query: &str| get(&app, &format!("/resource-servers?{query}")).await.ok();
        let page = list("page=1&per_page=2&include_totals=true").await;
        assert_eq!((page["total"].as_i64(), page["start"].as_i64()), (Some(4), Some(2)));
        assert_eq!(names(&page["resource_servers"]), ["https://1", "https://2"]);
        let query = "identifiers=https%3A%2F%2F2&identifiers=https%3A%2F%2Fnone&identifiers=https%3A%2F%2F0&identifiers=https%3A%2F%2F2&include_totals=true";
        let page = list(query).await;
        assert_eq!(
            (names(&page["resource_servers"]), &page["total"]),
            (vec!["https://2", "https://0"], &json!(2))
        );
        let eleven: Vec<_> = (0..11).map(|i| format!("identifiers={i}")).collect();
        let answer = get(&app, &format!("/resource-servers?{}", eleven.join("&"))).await;
        assert_eq!(super::refused(&answer).0, 400);
    }
}

#[tokio::test]
async fn organizations_are_paged_by_both_styles() {
    for (_, app) in each_backend().await {
        for name in ["a", "b", "c"] {
            app.clock.advance_seconds(1);
            TestApp::created(&post(&app, "/organizations", json!({ "name": name })).await);
        }
        let list = async |query: &str| get(&app, &format!("/organizations?{query}")).await.ok();
        assert_eq!(names(&list("").await), ["a", "b", "c"]);
        let page = list("page=0&per_page=2&include_totals=true").await;
        assert_eq!((names(&page["organizations"]), &page["total"]), (vec!["a", "b"], &json!(3)));
        let page = list("take=2").await;
        let next = page["next"].as_str().unwrap();
        let last = list(&format!("from={next}")).await;
        assert_eq!(last["organizations"].as_array().unwrap().len(), 1);
        assert!(last.get("next").is_none());
    }
}
