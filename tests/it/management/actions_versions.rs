//! Versions of an Action: deploying, reading, going back.

use serde_json::{Value, json};

use super::{
    actions::{CODE, action, path},
    get, invalid_body, patch, post, refused,
};
use crate::support::{TestApp, each_backend, raw::Raw};

async fn deploy(app: &TestApp, action: &Value) -> Value {
    app.clock.advance_seconds(1);
    post(app, &format!("{}/deploy", path(action)), json!({})).await.ok()
}

async fn versions(app: &TestApp, action: &Value) -> Value {
    get(app, &format!("{}/versions", path(action))).await.ok()
}

fn numbers(listing: &Value) -> Vec<(i64, bool)> {
    let of = |v: &Value| (v["number"].as_i64().unwrap(), v["deployed"].as_bool().unwrap());
    listing["versions"].as_array().unwrap().iter().map(of).collect()
}

#[tokio::test]
async fn each_deployment_makes_a_version_and_the_newest_runs() {
    for (_, app) in each_backend().await {
        let made = action(&app, "Versioned", json!({})).await;
        assert_eq!(versions(&app, &made).await, json!({ "versions": [], "per_page": 50 }));
        // Without a body, as the contract has it.
        let first = app.management("POST", &format!("{}/deploy", path(&made)), None).await.ok();
        let at = &first["created_at"];
        assert_eq!(
            first,
            json!({
                "id": first["id"], "action_id": made["id"], "number": 1, "deployed": true,
                "code": CODE, "dependencies": [], "runtime": "node22", "secrets": [],
                "status": "built", "supported_triggers": made["supported_triggers"],
                "created_at": at, "updated_at": at, "built_at": at,
                "action": {
                    "id": made["id"], "name": "Versioned", "all_changes_deployed": true,
                    "supported_triggers": made["supported_triggers"],
                    "created_at": made["created_at"], "updated_at": made["updated_at"],
                },
            })
        );
        let read = async |id: &Value| {
            get(&app, &format!("{}/versions/{}", path(&made), id.as_str().unwrap())).await
        };
        assert_eq!(read(&first["id"]).await.ok(), first);
        patch(&app, &path(&made), json!({ "code": "exports.x = 2" })).await.ok();
        let second = deploy(&app, &made).await;
        assert_eq!((&second["number"], &second["code"]), (&json!(2), &json!("exports.x = 2")));
        let listing = versions(&app, &made).await;
        assert_eq!(numbers(&listing), [(2, true), (1, false)]);
        assert_eq!(listing["total"], 2);
        assert_eq!(read(&first["id"]).await.ok()["code"], CODE, "a version never changes");
        let page = get(&app, &format!("{}/versions?per_page=1&page=1", path(&made))).await.ok();
        assert_eq!(numbers(&page), [(1, false)]);
        assert_eq!((&page["page"], &page["per_page"]), (&json!(1), &json!(1)));
        let answer = get(&app, &format!("{}/versions?take=1", path(&made))).await;
        assert_eq!(refused(&answer), (400, "invalid_query_string".to_owned()));
    }
}

#[tokio::test]
async fn an_earlier_version_is_deployed_again_as_a_new_one() {
    for (_, app) in each_backend().await {
        let made = action(&app, "Back", json!({ "deploy": true })).await;
        let first = made["deployed_version"]["id"].as_str().unwrap();
        let draft = json!({ "code": "exports.x = 2", "allowed_hosts": ["x.example"] });
        patch(&app, &path(&made), draft).await.ok();
        deploy(&app, &made).await;
        let again = format!("{}/versions/{first}/deploy", path(&made));

        // The draft stays.
        let answer = app.management("POST", &again, None).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
        let third = answer.json();
        assert_eq!((&third["number"], &third["code"]), (&json!(3), &json!(CODE)));
        assert_eq!(third["deployed"], true);
        assert_ne!(third["id"].as_str().unwrap(), first);
        let shown = get(&app, &path(&made)).await.ok();
        assert_eq!(shown["code"], "exports.x = 2");
        assert_eq!(shown["all_changes_deployed"], false);
        assert_eq!(shown["deployed_version"]["id"], third["id"]);
        assert!(shown["deployed_version"].get("allowed_hosts").is_none());

        // Or follows.
        let answer = post(&app, &again, json!({ "update_draft": true })).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
        let shown = get(&app, &path(&made)).await.ok();
        assert_eq!((&shown["code"], &shown["all_changes_deployed"]), (&json!(CODE), &json!(true)));
        assert!(shown.get("allowed_hosts").is_none());
        // What the draft has already is all there is.
        let answer = post(&app, &again, json!({ "update_draft": false })).await;
        assert_eq!(answer.json()["number"], 5);
        assert_eq!(get(&app, &path(&made)).await.ok()["all_changes_deployed"], true);
        let listing = versions(&app, &made).await;
        let expected = [(5, true), (4, false), (3, false), (2, false), (1, false)];
        assert_eq!(numbers(&listing), expected);
    }
}

#[tokio::test]
async fn a_version_is_found_under_its_own_action_only() {
    for (_, app) in each_backend().await {
        let mine = action(&app, "Mine", json!({ "deploy": true })).await;
        let other = action(&app, "Other", json!({ "deploy": true })).await;
        let version = other["deployed_version"]["id"].as_str().unwrap();
        let wrong = format!("{}/versions/{version}", path(&mine));
        let unknown = format!("{}/versions/nope", path(&mine));
        for answer in [
            get(&app, &wrong).await,
            get(&app, &unknown).await,
            post(&app, &format!("{wrong}/deploy"), json!({})).await,
            post(&app, &format!("{unknown}/deploy"), json!({})).await,
        ] {
            assert_eq!(refused(&answer), (404, String::new()));
            assert_eq!(answer.text_of("message"), "The action version does not exist.");
        }
        let right = mine["deployed_version"]["id"].as_str().unwrap();
        let deploy = format!("{}/versions/{right}/deploy", path(&mine));
        invalid_body(
            &post(&app, &deploy, json!({ "nope": 1 })).await,
            "Payload validation error: 'Additional properties not allowed: nope'.",
        );
        invalid_body(
            &post(&app, &deploy, json!([])).await,
            "Payload validation error: 'Expected type object but found type array'.",
        );
        assert_eq!(numbers(&versions(&app, &mine).await), [(1, true)], "nothing was deployed");
    }
}

#[tokio::test]
async fn the_newest_fifty_versions_are_kept() {
    for (_, app) in each_backend().await {
        let made = action(&app, "Many", json!({})).await;
        let mut raw = Raw::connect(&app).await;
        deploy(&app, &made).await;
        raw.execute("UPDATE action SET last_number = 49").await;
        raw.execute("UPDATE action_version SET number = 1").await;
        for number in 50..=51 {
            assert_eq!(deploy(&app, &made).await["number"], number);
        }
        assert_eq!(numbers(&versions(&app, &made).await), [(51, true), (50, false)]);
        let gone = raw.number("SELECT COUNT(*) FROM action_version WHERE number = 1").await;
        assert_eq!(gone, 0);
    }
}

#[tokio::test]
async fn of_deployments_at_once_each_makes_a_version_and_one_runs() {
    for (backend, app) in each_backend().await {
        let made = action(&app, "Raced", json!({})).await;
        let deploy = format!("{}/deploy", path(&made));
        let change = async |code: &str| {
            let changed = patch(&app, &path(&made), json!({ "code": code })).await;
            assert_eq!(changed.status, 200, "{backend} {}", changed.text);
        };
        let (one, two, three, (), ()) = tokio::join!(
            post(&app, &deploy, json!({})),
            post(&app, &deploy, json!({})),
            post(&app, &deploy, json!({})),
            change("exports.x = 1"),
            change("exports.y = 1"),
        );
        let mut made_numbers: Vec<_> =
            [one, two, three].map(|answer| answer.ok()["number"].as_i64().unwrap()).into();
        made_numbers.sort_unstable();
        assert_eq!(made_numbers, [1, 2, 3], "{backend}");
        let listing = versions(&app, &made).await;
        assert_eq!(numbers(&listing), [(3, true), (2, false), (1, false)], "{backend}");
        // Whether the draft is what runs is never told wrongly.
        let shown = get(&app, &path(&made)).await.ok();
        let is_same = shown["code"] == shown["deployed_version"]["code"];
        if shown["all_changes_deployed"] == true {
            assert!(is_same, "{backend} {shown}");
        }
    }
}
