//! `/rules` and `/rules-configs`.

use serde_json::{Value, json};

use super::{delete, get, invalid_body, patch, post, refused};
use crate::support::{Answer, TestApp, each_backend};

const SCRIPT: &str = "function (user, context, callback) {\n  callback(null, user, context);\n}";
const NOWHERE: &str = "/rules/rul_0000000000000000";

async fn rule(app: &TestApp, name: &str, more: Value) -> Value {
    let mut body = json!({ "name": name, "script": SCRIPT });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    TestApp::created(&post(app, "/rules", body).await)
}

fn path(rule: &Value) -> String {
    format!("/rules/{}", rule["id"].as_str().unwrap())
}

/// The members called `name` of a listing.
fn all(list: &Value, name: &str) -> Vec<Value> {
    list.as_array().unwrap().iter().map(|item| item[name].clone()).collect()
}

fn conflict(answer: &Answer, with: &str) {
    assert_eq!(refused(answer), (409, String::new()));
    let message = format!("A rule with the same {with} already exists.");
    assert_eq!(answer.text_of("message"), message);
}

#[tokio::test]
async fn rules_are_created_read_changed_and_deleted() {
    for (_, app) in each_backend().await {
        let created = rule(&app, "First rule", json!({})).await;
        let id = created["id"].as_str().unwrap();
        assert!(id.starts_with("rul_") && id.len() == 20, "{id}");
        let expected = json!({
            "id": id, "name": "First rule", "script": SCRIPT, "enabled": true, "order": 1,
            "stage": "login_success",
        });
        assert_eq!(created, expected);
        let path = path(&created);
        assert_eq!(get(&app, &path).await.ok(), expected);
        let named = get(&app, &format!("{path}?fields=name,order")).await.ok();
        assert_eq!(named, json!({ "name": "First rule", "order": 1 }));

        let changed = patch(&app, &path, json!({ "enabled": false, "order": 7 })).await.ok();
        assert_eq!((&changed["enabled"], &changed["order"]), (&json!(false), &json!(7)));
        let script = "(user, context, callback) => callback(null, user, context)";
        let body = json!({ "script": script, "name": "Renamed", "order": 7 });
        let changed = patch(&app, &path, body).await.ok();
        assert_eq!(get(&app, &path).await.ok(), changed);
        assert_eq!((&changed["script"], &changed["name"]), (&json!(script), &json!("Renamed")));

        assert_eq!(delete(&app, &path).await.status, 204);
        assert_eq!(delete(&app, &path).await.status, 204, "what is gone stays gone");
        for answer in [get(&app, &path).await, patch(&app, NOWHERE, json!({ "order": 1 })).await] {
            assert_eq!(refused(&answer), (404, String::new()));
            assert_eq!(answer.text_of("message"), "Rule not found.");
        }
    }
}

#[tokio::test]
async fn rules_are_listed_in_their_order_and_by_whether_they_run() {
    for (_, app) in each_backend().await {
        let empty = get(&app, "/rules?per_page=100&page=0&include_totals=true").await.ok();
        assert_eq!(empty, json!({ "total": 0, "start": 0, "limit": 100, "rules": [] }));
        for (name, more) in [
            ("b", json!({ "order": 5 })),
            ("a", json!({ "order": 2, "enabled": false, "stage": "login_success" })),
            ("c", json!({})),
        ] {
            rule(&app, name, more).await;
        }
        let list = async |query: &str| get(&app, &format!("/rules?{query}")).await.ok();
        assert_eq!(all(&list("").await, "name"), ["a", "b", "c"]);
        assert_eq!(all(&list("").await, "order"), [2, 5, 6], "the last one, if it is not said");
        assert_eq!(all(&list("enabled=true").await, "name"), ["b", "c"]);
        assert_eq!(all(&list("enabled=false").await, "name"), ["a"]);
        let page = list("per_page=2&page=1&include_totals=true&fields=name").await;
        let expected = json!({ "total": 3, "start": 2, "limit": 2, "rules": [{ "name": "c" }] });
        assert_eq!(page, expected);
        for query in ["take=1", "enabled=yes", "per_page=101", "q=x", "enabled=true&enabled=false"]
        {
            let answer = get(&app, &format!("/rules?{query}")).await;
            assert_eq!(refused(&answer), (400, "invalid_query_string".to_owned()), "{query}");
        }
    }
}

#[tokio::test]
async fn two_rules_have_neither_the_same_name_nor_the_same_order() {
    for (_, app) in each_backend().await {
        let one = rule(&app, "one", json!({ "order": 1 })).await;
        let two = rule(&app, "two", json!({ "order": 2 })).await;
        let add = async |name: &str, order: i64| {
            post(&app, "/rules", json!({ "name": name, "script": SCRIPT, "order": order })).await
        };
        conflict(&add("one", 3).await, "name");
        conflict(&add("three", 2).await, "order");
        conflict(&patch(&app, &path(&two), json!({ "name": "one" })).await, "name");
        conflict(&patch(&app, &path(&two), json!({ "order": 1 })).await, "order");
        let same = patch(&app, &path(&one), json!({ "name": "one", "order": 1 })).await;
        assert_eq!(same.status, 200, "a rule may keep what it has");
        // As tools move them: one makes room first.
        patch(&app, &path(&one), json!({ "order": 50 })).await.ok();
        patch(&app, &path(&two), json!({ "order": 1 })).await.ok();
        patch(&app, &path(&one), json!({ "order": 2 })).await.ok();
        assert_eq!(all(&get(&app, "/rules").await.ok(), "name"), ["two", "one"]);
    }
}

#[tokio::test]
async fn rules_that_cannot_be_are_refused() {
    for (_, app) in each_backend().await {
        let path = path(&rule(&app, "rule", json!({})).await);
        let answer = post(&app, "/rules", json!({ "name": "x" })).await;
        invalid_body(&answer, "Payload validation error: 'Missing required property: script'.");
        let wrong = json!({ "name": "x", "script": "function (user) {\n  let x = ;\n}" });
        for answer in [
            post(&app, "/rules", wrong.clone()).await,
            patch(&app, &path, json!({ "script": wrong["script"] })).await,
        ] {
            assert_eq!(refused(&answer), (400, "invalid_body".to_owned()));
            let message = answer.text_of("message");
            assert!(message.ends_with("(line 2, column 11)' on property script."), "{message}");
        }
        for body in [
            json!({ "script": "" }),
            json!({ "script": "}) ; (function () {" }),
            json!({ "script": "x".repeat(100_001) }),
            json!({ "name": "-x" }),
            json!({ "name": "a_b" }),
            json!({ "name": "" }),
            json!({ "order": -1 }),
            json!({ "order": 1.5 }),
            json!({ "order": "1" }),
            json!({ "enabled": "true" }),
            json!({ "enabled": null }),
            json!({ "stage": "pre_authorize" }),
            json!({ "id": "rul_1" }),
        ] {
            let mut whole = json!({ "name": "x", "script": SCRIPT });
            whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
            for answer in
                [post(&app, "/rules", whole).await, patch(&app, &path, body.clone()).await]
            {
                assert_eq!(refused(&answer), (400, "invalid_body".to_owned()), "{body}");
            }
        }
        let nothing = patch(&app, &path, json!({})).await;
        assert_eq!(refused(&nothing), (400, "invalid_body".to_owned()));
        assert_eq!(get(&app, "/rules").await.ok().as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn there_is_an_end_to_rules_and_to_their_configuration() {
    for (_, app) in each_backend().await {
        let mut tx = app.inner.store.write().await.unwrap();
        for order in 1..=100 {
            let rule = doorward::domain::rule::RuleDefinition {
                id: doorward::domain::RuleId::new(format!("rul_{order}")),
                name: format!("rule {order}"),
                script: SCRIPT.to_owned(),
                order,
                enabled: false,
            };
            let now = app.inner.clock.now();
            doorward::store::rules::insert(&mut tx, &rule, now).await.unwrap();
            let key = format!("KEY_{order}");
            let config = doorward::domain::rule::SealedConfig { key, sealed: vec![0] };
            doorward::store::rules_configs::set(&mut tx, &config, now).await.unwrap();
        }
        tx.commit().await.unwrap();
        let too_many = [
            post(&app, "/rules", json!({ "name": "x", "script": SCRIPT })).await,
            put(&app, "KEY_101", "v").await,
        ];
        for answer in too_many {
            assert_eq!(refused(&answer), (403, "too_many_entities".to_owned()));
        }
        assert_eq!(put(&app, "KEY_100", "v").await.status, 200, "a new value for what there is");
        assert_eq!(get(&app, "/rules-configs").await.ok().as_array().unwrap().len(), 100);
    }
}

async fn put(app: &TestApp, key: &str, value: &str) -> Answer {
    app.management("PUT", &format!("/rules-configs/{key}"), Some(json!({ "value": value }))).await
}

#[tokio::test]
async fn configuration_is_written_and_never_read() {
    for (backend, app) in each_backend().await {
        let written = put(&app, "B_KEY", "hidden-value").await.ok();
        assert_eq!(written, json!({ "key": "B_KEY", "value": "hidden-value" }));
        put(&app, "A%2BKEY:1", "").await.ok();
        put(&app, "B_KEY", "another-value").await.ok();
        let listed = json!([{ "key": "A+KEY:1" }, { "key": "B_KEY" }]);
        assert_eq!(get(&app, "/rules-configs").await.ok(), listed);
        let paged = get(&app, "/rules-configs?include_totals=true&per_page=50").await.ok();
        assert_eq!(paged, listed, "there are no pages");
        let mut conn = app.inner.store.read().await.unwrap();
        let rows = doorward::store::rules_configs::all(conn.db()).await.unwrap();
        for row in rows {
            let plain = String::from_utf8_lossy(&row.sealed).into_owned();
            assert!(!plain.contains("value"), "{backend}: it is sealed");
        }
        drop(conn);
        for (key, status) in
            [("a%20b", 400), ("a.b", 400), (&*"k".repeat(128), 400), ("%C3%A4", 400)]
        {
            let answer = put(&app, key, "v").await;
            assert_eq!(refused(&answer), (status, "invalid_uri".to_owned()), "{key}");
        }
        for body in [
            json!({}),
            json!({ "value": 1 }),
            json!({ "value": "x".repeat(4097) }),
            json!({ "value": "", "key": "" }),
        ] {
            let answer = app.management("PUT", "/rules-configs/K", Some(body.clone())).await;
            assert_eq!(refused(&answer), (400, "invalid_body".to_owned()), "{body}");
        }
        assert_eq!(delete(&app, "/rules-configs/B_KEY").await.status, 204);
        assert_eq!(delete(&app, "/rules-configs/B_KEY").await.status, 204);
        assert_eq!(get(&app, "/rules-configs").await.ok(), json!([{ "key": "A+KEY:1" }]));
    }
}
