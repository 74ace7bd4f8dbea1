//! What came of running Actions, for their author.

use doorward::{
    domain::{
        ActionId, ActionVersionId, ExecutionId,
        action::{
            Trigger,
            execution::{ActionResult, ExecutionError, ExecutionStatus, TriggerExecution},
        },
        time::{Clock, Timestamp},
    },
    store::{action_executions, sweep},
};
use serde_json::{Map, Value, json};

use super::{
    actions::{action, path},
    get, refused,
};
use crate::support::{TestApp, each_backend};

fn result(action: &str, at: i64) -> ActionResult {
    ActionResult {
        action_id: ActionId::new(action),
        version_id: Some(ActionVersionId::new("v")),
        action_name: format!("The {action}"),
        started_at: Timestamp::from_millis(at),
        ended_at: Timestamp::from_millis(at + 7),
        error: None,
        notes: vec!["The claim `sub` is reserved.".to_owned()],
        stats: Map::from_iter([("requests".to_owned(), json!(2))]),
        console: "hello\0\n".to_owned(),
    }
}

async fn execution(app: &TestApp, id: &str, at: i64, results: Vec<ActionResult>) {
    let execution = TriggerExecution {
        id: ExecutionId::new(id),
        trigger: Trigger::PostLogin,
        status: ExecutionStatus::Final,
        created_at: Timestamp::from_millis(at),
        updated_at: Timestamp::from_millis(at + 9),
        results,
    };
    let mut tx = app.inner.store.write().await.unwrap();
    action_executions::insert(&mut tx, &execution).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn an_execution_tells_what_each_action_did() {
    for (_, app) in each_backend().await {
        let failed = ActionResult {
            error: Some(ExecutionError {
                id: "thrown".into(),
                msg: "Boom".into(),
                url: None,
                line: Some(7),
            }),
            version_id: None,
            notes: vec![],
            stats: Map::new(),
            console: String::new(),
            ..result("b", 1_600_000_000_010)
        };
        let results = vec![result("a", 1_600_000_000_000), failed];
        execution(&app, "exe-1", 1_600_000_000_000, results).await;
        assert_eq!(
            get(&app, "/actions/executions/exe-1").await.ok(),
            json!({
                "id": "exe-1", "trigger_id": "post-login", "status": "final",
                "created_at": "2020-09-13T12:26:40.000Z", "updated_at": "2020-09-13T12:26:40.009Z",
                "results": [
                    {
                        "action_id": "a", "version_id": "v", "action_name": "The a",
                        "started_at": "2020-09-13T12:26:40.000Z",
                        "ended_at": "2020-09-13T12:26:40.007Z",
                        "console": "hello\u{fffd}\n", "notes": ["The claim `sub` is reserved."],
                        "stats": { "requests": 2 },
                    },
                    {
                        "action_id": "b", "action_name": "The b",
                        "started_at": "2020-09-13T12:26:40.010Z",
                        "ended_at": "2020-09-13T12:26:40.017Z",
                        "console": "", "notes": [], "stats": {},
                        "error": { "id": "thrown", "msg": "Boom", "line": 7 },
                    },
                ],
            })
        );
    }
}

#[tokio::test]
async fn the_executions_of_an_action_are_read_newest_first_page_by_page() {
    for (backend, app) in each_backend().await {
        let made = action(&app, "Mine", json!({})).await;
        let id = made["id"].as_str().unwrap();
        for (number, at) in [(1, 100), (2, 300), (3, 200), (4, 300), (5, 250)] {
            let results = vec![result("other", at), result(id, at)];
            execution(&app, &format!("exe-{number}"), at, results).await;
        }
        execution(&app, "exe-6", 900, vec![result("other", 900)]).await;
        let list =
            async |query: &str| get(&app, &format!("{}/executions{query}", path(&made))).await;
        let ids = |page: &Value| -> Vec<String> {
            let all = page["executions"].as_array().unwrap();
            all.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
        };
        let all = list("").await.ok();
        assert_eq!(ids(&all), ["exe-4", "exe-2", "exe-5", "exe-3", "exe-1"], "{backend}");
        assert!(all.get("next").is_none());
        let results = all["executions"][0]["results"].as_array().unwrap();
        assert_eq!(results.len(), 1, "that of this action only");
        assert_eq!(results[0]["action_id"], id);

        let (mut walked, mut query) = (Vec::new(), "?take=2".to_owned());
        loop {
            let page = list(&query).await.ok();
            assert!(ids(&page).len() <= 2);
            walked.extend(ids(&page));
            let Some(next) = page["next"].as_str() else { break };
            query = format!("?take=2&from={next}");
        }
        assert_eq!(walked, ids(&all), "{backend}");
        for unknown in ["nope", "x.y", "1", "..", "99999999999999999999999.x"] {
            let answer = list(&format!("?from={unknown}")).await;
            assert_eq!(refused(&answer), (400, "invalid_query_string".to_owned()), "{unknown}");
        }
        for query in ["?page=1", "?take=0", "?take=101", "?include_totals=true"] {
            let answer = list(query).await;
            assert_eq!(refused(&answer), (400, "invalid_query_string".to_owned()), "{query}");
        }
    }
}

#[tokio::test]
async fn executions_are_swept_when_they_are_old() {
    for (backend, app) in each_backend().await {
        let now = app.clock.now().millis();
        let day = 86_400_000;
        for (id, at) in [("old", now - 11 * day), ("young", now - 9 * day)] {
            execution(&app, id, at, vec![result("a", at)]).await;
        }
        let store = &app.inner.store;
        let settings = &app.inner.settings;
        let retention = settings.actions_execution_retention;
        let at = Timestamp::from_millis(now);
        assert_eq!(sweep::executions(store, at, retention).await.unwrap(), 1, "{backend}");
        assert_eq!(sweep::executions(store, at, retention).await.unwrap(), 0, "{backend}");
        assert_eq!(refused(&get(&app, "/actions/executions/old").await).0, 404, "{backend}");
        assert_eq!(get(&app, "/actions/executions/young").await.status, 200, "{backend}");
        let mut raw = crate::support::raw::Raw::connect(&app).await;
        let left = raw.number("SELECT COUNT(*) FROM action_execution_result").await;
        assert_eq!(left, 1, "{backend}: results go with their execution");
    }
}
