//! The secrets of Actions: written, used, and never told.

use doorward::{
    crypto::action_secrets::ActionSecrets,
    domain::{
        ActionId,
        action::{Trigger, definition::Action},
    },
    store::actions,
};
use serde_json::{Value, json};

use super::{
    actions::{action, body, path},
    get, patch, post,
};
use crate::support::{TestApp, each_backend};

const VALUE: &str = "a-value-that-nobody-may-read-1A!";

async fn stored(app: &TestApp, made: &Value) -> Action {
    let id = ActionId::new(made["id"].as_str().unwrap());
    actions::find(app.inner.store.read().await.unwrap().db(), &id).await.unwrap().unwrap()
}

/// The secrets of a draft as the code gets them.
async fn drafted(app: &TestApp, made: &Value) -> Value {
    let action = stored(app, made).await;
    let sealed = action.draft.secrets_sealed.as_deref();
    ActionSecrets::open(&app.inner.tokens.at_rest, sealed, action.id.as_str()).unwrap().into_event()
}

/// Those of the version that runs at the login.
async fn running(app: &TestApp) -> Value {
    let pipeline = app.inner.store.pipeline(Trigger::PostLogin).await.unwrap();
    let sealed = pipeline[0].secrets_sealed.as_deref();
    let row = pipeline[0].version_id.as_str();
    ActionSecrets::open(&app.inner.tokens.at_rest, sealed, row).unwrap().into_event()
}

fn names(shown: &Value) -> Vec<&str> {
    shown["secrets"].as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_list_replaces_the_one_before_and_keeps_values_that_are_not_sent() {
    for (_, app) in each_backend().await {
        let secrets =
            json!({ "secrets": [{ "name": "A", "value": "1" }, { "name": "B", "value": "2" }] });
        let made = action(&app, "Secretive", secrets).await;
        let at = &made["created_at"];
        let shown = json!([{ "name": "A", "updated_at": at }, { "name": "B", "updated_at": at }]);
        assert_eq!(made["secrets"], shown);
        assert_eq!(drafted(&app, &made).await, json!({ "A": "1", "B": "2" }));
        post(&app, &format!("{}/deploy", path(&made)), json!({})).await.ok();
        let reference = json!({ "ref": { "type": "action_id", "value": made["id"] } });
        patch(&app, "/actions/triggers/post-login/bindings", json!({ "bindings": [reference] }))
            .await
            .ok();

        app.clock.advance_seconds(1);
        // As tools write back what they have read.
        let list = json!({ "secrets": [
            { "name": "B", "updated_at": at }, { "name": "C", "value": "3" }, { "name": "D" },
        ] });
        let changed = patch(&app, &path(&made), list).await.ok();
        assert_eq!(names(&changed), ["B", "C", "D"]);
        assert_eq!(changed["secrets"][0]["updated_at"], *at);
        assert_ne!(changed["secrets"][1]["updated_at"], *at);
        assert_eq!(changed["all_changes_deployed"], false);
        assert_eq!(drafted(&app, &made).await, json!({ "B": "2", "C": "3" }));
        assert_eq!(running(&app).await, json!({ "A": "1", "B": "2" }), "until it is deployed");
        assert_eq!(names(&changed["deployed_version"]), ["A", "B"]);
        post(&app, &format!("{}/deploy", path(&made)), json!({})).await.ok();
        assert_eq!(running(&app).await, json!({ "B": "2", "C": "3" }));

        // The same value again is no change, another one is.
        app.clock.advance_seconds(1);
        let write = async |value: &str| {
            let secrets =
                json!([{ "name": "B", "value": value }, { "name": "C" }, { "name": "D" }]);
            patch(&app, &path(&made), json!({ "secrets": secrets })).await.ok()
        };
        assert_eq!(write("2").await["all_changes_deployed"], true);
        let other = write("two").await;
        assert_eq!(other["all_changes_deployed"], false);
        assert_ne!(other["secrets"][0]["updated_at"], *at);
        assert_eq!(drafted(&app, &made).await, json!({ "B": "two", "C": "3" }));
        // What is not in the body stays.
        patch(&app, &path(&made), json!({ "name": "Other" })).await.ok();
        assert_eq!(drafted(&app, &made).await, json!({ "B": "two", "C": "3" }));

        // An earlier version comes back with its secrets.
        let versions = get(&app, &format!("{}/versions", path(&made))).await.ok();
        let first = versions["versions"][1]["id"].as_str().unwrap();
        let back = format!("{}/versions/{first}/deploy", path(&made));
        post(&app, &back, json!({})).await;
        assert_eq!(running(&app).await, json!({ "A": "1", "B": "2" }));
        assert_eq!(drafted(&app, &made).await, json!({ "B": "two", "C": "3" }));
        post(&app, &back, json!({ "update_draft": true })).await;
        assert_eq!(drafted(&app, &made).await, json!({ "A": "1", "B": "2" }));

        let none = patch(&app, &path(&made), json!({ "secrets": [] })).await.ok();
        assert_eq!(none["secrets"], json!([]));
        assert_eq!(stored(&app, &made).await.draft.secrets_sealed, None);
    }
}

#[tokio::test]
async fn the_value_of_a_secret_is_in_no_answer_no_event_and_no_row() {
    for (backend, app) in each_backend().await {
        let secrets = json!({ "secrets": [{ "name": "KEY", "value": VALUE }], "deploy": true });
        let made = action(&app, "Secretive", secrets.clone()).await;
        let version = made["deployed_version"]["id"].as_str().unwrap().to_owned();
        let here = path(&made);
        let reference = json!({ "ref": { "type": "action_id", "value": made["id"] } });
        let mut taken = body("Secretive");
        taken["secrets"] = secrets["secrets"].clone();
        let mut broken = taken.clone();
        broken["name"] = json!("Broken");
        broken["code"] = json!("let = ;");
        let answers = [
            get(&app, &here).await,
            get(&app, "/actions/actions").await,
            patch(&app, &here, json!({ "secrets": [{ "name": "KEY", "value": VALUE }, { "name": "TWO", "value": VALUE }] })).await,
            post(&app, &format!("{here}/deploy"), json!({})).await,
            get(&app, &format!("{here}/versions")).await,
            get(&app, &format!("{here}/versions/{version}")).await,
            post(&app, &format!("{here}/versions/{version}/deploy"), json!({})).await,
            patch(&app, "/actions/triggers/post-login/bindings", json!({ "bindings": [reference] })).await,
            get(&app, "/actions/triggers/post-login/bindings").await,
            post(&app, &format!("{here}/test"), json!({ "payload": {} })).await,
            // Refused, with the secret in the body.
            post(&app, "/actions/actions", taken).await,
            post(&app, "/actions/actions", broken).await,
            patch(&app, &here, json!({ "secrets": [{ "name": "KEY", "value": VALUE }], "nope": 1 })).await,
        ];
        for answer in &answers {
            assert!(!answer.text.contains(VALUE), "{backend} {}", answer.text);
        }
        assert_eq!(made.to_string().matches(VALUE).count(), 0);
        app.inner.login.audit.flush().await;
        let logs = get(&app, "/logs?per_page=100").await;
        assert!(logs.text.contains("/actions/actions"), "{backend}");
        assert!(!logs.text.contains(VALUE), "{backend}");
        assert!(!everything(&app).await.contains(VALUE), "{backend}");
    }
}

/// Everything in the tables of Actions and of events, as one text; of SQLite the files themselves.
async fn everything(app: &TestApp) -> String {
    use sqlx::{Connection, Row};
    if let Some(file) = app.database_url.strip_prefix("sqlite:") {
        let wal = std::fs::read(format!("{file}-wal")).unwrap_or_default();
        let bytes = [std::fs::read(file).unwrap(), wal].concat();
        assert!(String::from_utf8_lossy(&bytes).contains("Secretive"), "the file is the database");
        return String::from_utf8_lossy(&bytes).into_owned();
    }
    let mut raw = sqlx::PgConnection::connect(&app.database_url).await.unwrap();
    let mut all = String::new();
    for table in ["action", "action_version", "action_binding", "audit"] {
        let sql = sqlx::AssertSqlSafe(format!(
            "SELECT t::text || COALESCE(encode(convert_to(t::text, 'UTF8'), 'escape'), '') FROM {table} t"
        ));
        for row in sqlx::raw_sql(sql).fetch_all(&mut raw).await.unwrap() {
            all.push_str(&row.get::<String, _>(0));
        }
    }
    // Bytes are shown in hexadecimal digits.
    let hex: String = VALUE.bytes().map(|byte| format!("{byte:02x}")).collect();
    assert!(all.contains("Secretive") && !all.contains(&hex));
    all
}
