//! `/actions/actions`: drafts, and what can be wrong with them.

use serde_json::{Value, json};

use super::{delete, get, invalid_body, patch, post, refused};
use crate::support::{TestApp, each_backend};

/// Code of a post-login Action that does nothing.
pub const CODE: &str = "exports.onExecutePostLogin = async (event, api) => {};";

/// The body that makes a post-login Action.
pub fn body(name: &str) -> Value {
    json!({
        "name": name, "code": CODE,
        "supported_triggers": [{ "id": "post-login", "version": "v3" }],
    })
}

/// Makes an Action; what `more` has is added to its body.
pub async fn action(app: &TestApp, name: &str, more: Value) -> Value {
    app.clock.advance_seconds(1);
    let mut body = body(name);
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    TestApp::created(&post(app, "/actions/actions", body).await)
}

pub fn path(action: &Value) -> String {
    format!("/actions/actions/{}", action["id"].as_str().unwrap())
}

/// Whether a text is a UUID, in lower case.
fn is_uuid(text: &str) -> bool {
    let lengths: Vec<_> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12]
        && text.bytes().all(|b| b == b'-' || b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[tokio::test]
async fn an_action_is_a_draft_until_it_is_deployed() {
    for (_, app) in each_backend().await {
        let created = action(&app, "Say hello", json!({})).await;
        assert!(is_uuid(created["id"].as_str().unwrap()), "{created}");
        let at = created["created_at"].clone();
        assert_eq!(
            created,
            json!({
                "id": created["id"], "name": "Say hello",
                "supported_triggers": [{ "id": "post-login", "version": "v3" }],
                "code": CODE, "dependencies": [], "runtime": "node22", "secrets": [],
                "status": "built", "all_changes_deployed": false,
                "created_at": at, "updated_at": at, "built_at": at,
            })
        );
        assert_eq!(get(&app, &path(&created)).await.ok(), created);

        app.clock.advance_seconds(1);
        let deployed = post(&app, &format!("{}/deploy", path(&created)), json!({})).await.ok();
        let shown = get(&app, &path(&created)).await.ok();
        assert_eq!(shown["all_changes_deployed"], true);
        assert_eq!(shown["updated_at"], at, "deploying changes nothing of the draft");
        let version = &shown["deployed_version"];
        for (member, expected) in [
            ("id", &deployed["id"]),
            ("action_id", &created["id"]),
            ("number", &json!(1)),
            ("deployed", &json!(true)),
            ("status", &json!("built")),
            ("code", &json!(CODE)),
            ("runtime", &json!("node22")),
            ("secrets", &json!([])),
            ("dependencies", &json!([])),
            ("supported_triggers", &created["supported_triggers"]),
        ] {
            assert_eq!(&version[member], expected, "{member}");
        }
        assert_eq!(shown["current_version"]["id"], deployed["id"]);
        assert_eq!(shown["current_version"]["status"], "BUILT");

        // What is written now does not run.
        app.clock.advance_seconds(1);
        let change = json!({ "code": "exports.onExecutePostLogin = () => 1;" });
        let changed = patch(&app, &path(&created), change.clone()).await.ok();
        assert_eq!(changed["code"], change["code"]);
        assert_eq!(changed["all_changes_deployed"], false);
        assert_eq!(changed["deployed_version"], *version);
        assert_ne!(changed["updated_at"], at);
        // A name is not a part of versions.
        let renamed = patch(&app, &path(&created), json!({ "name": "Other" })).await.ok();
        assert_eq!(renamed["name"], "Other");
        // Written again, it is no change.
        app.clock.advance_seconds(1);
        let same = patch(&app, &path(&created), change).await.ok();
        assert_eq!(same, renamed);
    }
}

#[tokio::test]
async fn an_action_can_be_deployed_as_it_is_made() {
    for (_, app) in each_backend().await {
        let created = action(&app, "At once", json!({ "deploy": true })).await;
        assert_eq!(created["all_changes_deployed"], true);
        assert_eq!(created["deployed_version"]["deployed"], true);
        assert_eq!(get(&app, &path(&created)).await.ok(), created);
        let renamed = patch(&app, &path(&created), json!({ "name": "Renamed" })).await.ok();
        assert_eq!(renamed["all_changes_deployed"], true);
        // Only on creation.
        let again = patch(&app, &path(&created), json!({ "deploy": true })).await;
        invalid_body(
            &again,
            "Payload validation error: 'Additional properties not allowed: deploy'.",
        );
    }
}

#[tokio::test]
async fn what_is_left_out_is_as_usual() {
    for (_, app) in each_backend().await {
        let body =
            json!({ "name": "Bare", "supported_triggers": [{ "id": "post-user-registration" }] });
        let created = TestApp::created(&post(&app, "/actions/actions", body).await);
        assert_eq!(created["code"], "module.exports = () => {}");
        assert_eq!(created["runtime"], "node22");
        let trigger = json!([{ "id": "post-user-registration", "version": "v2" }]);
        assert_eq!(created["supported_triggers"], trigger);
        assert!(created.get("allowed_hosts").is_none());
        // What tools read of a trigger they may write back, and they name runtimes of all times.
        let written = json!({
            "runtime": "node18-actions",
            "supported_triggers": [{
                "id": "post-login", "version": "v2", "status": "CURRENT", "runtimes": ["node22"],
                "default_runtime": "node22", "binding_policy": "trigger-bound",
                "compatible_triggers": [{ "id": "post-login", "version": "v2" }],
            }],
            "dependencies": [], "modules": [], "allowed_hosts": ["api.example.com", "*.example.org"],
        });
        let changed = patch(&app, &path(&created), written).await.ok();
        assert_eq!(changed["runtime"], "node18-actions");
        assert_eq!(changed["supported_triggers"], json!([{ "id": "post-login", "version": "v2" }]));
        assert_eq!(changed["allowed_hosts"], json!(["api.example.com", "*.example.org"]));
        let none = patch(&app, &path(&created), json!({ "allowed_hosts": [] })).await.ok();
        assert_eq!(none["allowed_hosts"], json!([]));
        let usual = patch(&app, &path(&created), json!({ "allowed_hosts": null })).await.ok();
        assert!(usual.get("allowed_hosts").is_none());
    }
}

#[tokio::test]
async fn actions_are_listed_oldest_first_and_narrowed() {
    for (_, app) in each_backend().await {
        let list = async |query: &str| get(&app, &format!("/actions/actions{query}")).await;
        assert_eq!(list("").await.ok(), json!({ "actions": [], "per_page": 50 }));
        let page = list("?page=2&per_page=100&triggerId=post-login").await.ok();
        assert_eq!(page, json!({ "actions": [], "page": 2, "per_page": 100 }));

        action(&app, "one", json!({})).await;
        action(&app, "two", json!({ "deploy": true })).await;
        let trigger = json!({ "supported_triggers": [{ "id": "credentials-exchange" }] });
        action(&app, "three", trigger).await;
        let names = async |query: &str| {
            let page = list(query).await.ok();
            let names: Vec<String> = page["actions"]
                .as_array()
                .unwrap()
                .iter()
                .map(|action| action["name"].as_str().unwrap().to_owned())
                .collect();
            (names.join(" "), page["total"].as_i64().unwrap_or(0))
        };
        for (query, expected, total) in [
            ("", "one two three", 3),
            ("?per_page=2", "one two", 3),
            ("?per_page=2&page=1", "three", 3),
            ("?per_page=2&page=2", "", 3),
            ("?triggerId=post-login", "one two", 2),
            ("?triggerId=credentials-exchange&actionName=three", "three", 1),
            ("?actionName=two", "two", 1),
            ("?actionName=tw", "", 0),
            ("?deployed=true", "two", 1),
            ("?deployed=false", "one three", 2),
            ("?installed=true", "", 0),
            ("?installed=false", "one two three", 3),
        ] {
            assert_eq!(names(query).await, (expected.to_owned(), total), "{query}");
        }
        let two = &list("?actionName=two").await.ok()["actions"][0];
        assert_eq!(*two, get(&app, &path(two)).await.ok(), "as it is when it is read alone");

        for query in [
            "?include_totals=true",
            "?per_page=101",
            "?page=-1",
            "?triggerId=nope",
            "?deployed=maybe",
            "?installed=1",
            "?actionName=a&actionName=b",
        ] {
            let answer = list(query).await;
            assert_eq!(refused(&answer), (400, "invalid_query_string".to_owned()), "{query}");
        }
    }
}

#[tokio::test]
async fn actions_that_cannot_be_are_refused() {
    for (backend, app) in each_backend().await {
        let known = action(&app, "Known", json!({})).await;
        let bundle = "Bundle what the action needs into its code";
        for (wrong, message) in [
            (
                json!({ "name": "" }),
                "'String is too short (0 chars), minimum 1' on property name (The name of an action.).",
            ),
            (
                json!({ "name": "x".repeat(256) }),
                "'String is too long (256 chars), maximum 255' on property name (The name of an action.).",
            ),
            (
                json!({ "name": null }),
                "'Expected type string but found type null' on property name (The name of an action.).",
            ),
            (
                json!({ "supported_triggers": [{ "version": "v3" }] }),
                "'Missing required property: id' on property supported_triggers.0.",
            ),
            (
                json!({ "supported_triggers": [{ "id": "nope" }] }),
                "'No enum match for: nope' on property supported_triggers.0.id (An actions extensibility point.).",
            ),
            (
                json!({ "supported_triggers": [{ "id": "post-login", "version": "3" }] }),
                "'String is too short (1 chars), minimum 2' on property supported_triggers.0.version (The version of a trigger. v1, v2, etc.).",
            ),
            (
                json!({ "supported_triggers": [{ "id": "post-login", "more": 1 }] }),
                "'Additional properties not allowed: more' on property supported_triggers.0.",
            ),
            (
                json!({ "code": 1 }),
                "'Expected type string but found type integer' on property code (The source code of the action.).",
            ),
            (
                json!({ "code": "é".repeat(60_000) }),
                "'the code has 120000 bytes, maximum 100000' on property code.",
            ),
            (
                json!({ "runtime": "deno" }),
                "'No enum match for: deno' on property runtime (The Node runtime. For example: `node22`, defaults to `node22`).",
            ),
            (
                json!({ "dependencies": [{ "name": "lodash", "version": "1.0.0" }] }),
                &format!("'npm packages are not installed. {bundle}' on property dependencies."),
            ),
            (
                json!({ "modules": [{ "module_name": "m" }] }),
                &format!("'there are no action modules. {bundle}' on property modules."),
            ),
            (
                json!({ "secrets": [{ "value": "v" }] }),
                "'Missing required property: name' on property secrets.0.",
            ),
            (
                json!({ "secrets": [{ "name": "x".repeat(129), "value": "v" }] }),
                "'String is too long (129 chars), maximum 128' on property secrets.0.name (The name of the particular secret, e.g. API_KEY.).",
            ),
            (
                json!({ "secrets": [{ "name": "a" }, { "name": "b" }, { "name": "a" }] }),
                "'Array items are not unique (indexes 0 and 2)' on property secrets.",
            ),
            (
                json!({ "allowed_hosts": ["https://x.example/"] }),
                "'Object didn't pass validation for format host: https://x.example/' on property allowed_hosts.0.",
            ),
            (json!({ "id": "mine" }), "'Additional properties not allowed: id'."),
        ] {
            let message = format!("Payload validation error: {message}");
            let mut new = body("New");
            new.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
            for answer in
                [post(&app, "/actions/actions", new).await, patch(&app, &path(&known), wrong).await]
            {
                assert_eq!(answer.status, 400, "{backend} {}", answer.text);
                invalid_body(&answer, &message);
            }
        }
        let secret = "x".repeat(4097);
        let answer =
            patch(&app, &path(&known), json!({ "secrets": [{ "name": "A", "value": secret }] }))
                .await;
        assert_eq!(refused(&answer), (400, "invalid_body".to_owned()));
        assert!(!answer.text.contains("xxxx"), "a secret is not echoed");
        for (missing, body) in [
            ("name", json!({ "supported_triggers": [{ "id": "post-login" }] })),
            ("supported_triggers", json!({ "name": "x" })),
        ] {
            let message =
                format!("Payload validation error: 'Missing required property: {missing}'.");
            invalid_body(&post(&app, "/actions/actions", body).await, &message);
        }
        for triggers in [json!([]), json!([{ "id": "post-login" }, { "id": "post-login" }])] {
            let answer =
                patch(&app, &path(&known), json!({ "supported_triggers": triggers })).await;
            assert_eq!(refused(&answer), (400, "invalid_body".to_owned()));
        }
        assert_eq!(get(&app, &path(&known)).await.ok(), known, "nothing was written");
    }
}

#[tokio::test]
async fn code_that_cannot_be_compiled_is_refused_with_the_place() {
    for (_, app) in each_backend().await {
        let known = action(&app, "Known", json!({})).await;
        let code = "exports.onExecutePostLogin = async () => {\n  let x = ;\n};";
        let mut new = body("New");
        new["code"] = json!(code);
        for answer in [
            post(&app, "/actions/actions", new).await,
            patch(&app, &path(&known), json!({ "code": code })).await,
        ] {
            assert_eq!(refused(&answer), (400, "invalid_body".to_owned()));
            let message = answer.text_of("message");
            assert!(message.contains("(line 2, column "), "{message}");
            assert!(message.ends_with("on property code."), "{message}");
        }
        assert_eq!(get(&app, "/actions/actions").await.ok()["total"], 1);
        // What fails when it runs may be written: it is found when it is tried.
        let throws = json!({ "code": "throw new Error('at the top')" });
        assert_eq!(patch(&app, &path(&known), throws).await.status, 200);
    }
}

#[tokio::test]
async fn a_name_is_taken_once() {
    for (_, app) in each_backend().await {
        let one = action(&app, "One", json!({})).await;
        let two = action(&app, "Two", json!({})).await;
        for answer in [
            post(&app, "/actions/actions", body("One")).await,
            patch(&app, &path(&two), json!({ "name": "One" })).await,
        ] {
            assert_eq!(refused(&answer), (409, String::new()));
            let message = "An action with the same name already exists.";
            assert_eq!(answer.text_of("message"), message);
        }
        assert_eq!(patch(&app, &path(&one), json!({ "name": "One" })).await.status, 200);
        // Of two who want it at once, one gets it.
        let (first, second) = tokio::join!(
            post(&app, "/actions/actions", body("Three")),
            post(&app, "/actions/actions", body("Three")),
        );
        let mut statuses = [first.status, second.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409]);
    }
}

#[tokio::test]
async fn there_are_a_hundred_actions_at_most() {
    for (_, app) in each_backend().await {
        let mut raw = crate::support::raw::Raw::connect(&app).await;
        raw.execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 99)
             INSERT INTO action (id, name, trigger_id, trigger_version, code, runtime, secrets,
                 is_deployed, last_number, created_at, updated_at)
             SELECT 'a' || i, 'a' || i, 'post-login', 'v3', '', 'node22', '[]', FALSE, 0, 0, 0
             FROM n",
        )
        .await;
        let (one, other) = tokio::join!(
            post(&app, "/actions/actions", body("x")),
            post(&app, "/actions/actions", body("y")),
        );
        let (made, refusal) = if one.status == 201 { (one, other) } else { (other, one) };
        let made = TestApp::created(&made);
        assert_eq!(refused(&refusal), (403, "too_many_entities".to_owned()));
        assert_eq!(
            refusal.text_of("message"),
            "You reached the limit of entities of this type for this tenant."
        );
        assert_eq!(delete(&app, &path(&made)).await.status, 204);
        assert_eq!(post(&app, "/actions/actions", body("z")).await.status, 201);
    }
}

#[tokio::test]
async fn an_action_that_is_not_there_is_missing_everywhere() {
    for (_, app) in each_backend().await {
        let deleted = action(&app, "Gone", json!({ "deploy": true })).await;
        let version = deleted["deployed_version"]["id"].as_str().unwrap();
        assert_eq!(delete(&app, &path(&deleted)).await.status, 204);
        let nowhere = path(&deleted);
        let missing = "That action does not exist.";
        for (answer, message) in [
            (get(&app, &nowhere).await, missing),
            (
                patch(&app, &nowhere, json!({ "name": "x" })).await,
                "Action not found and cannot be updated.",
            ),
            (delete(&app, &nowhere).await, missing),
            (delete(&app, &format!("{nowhere}?force=true")).await, missing),
            (post(&app, &format!("{nowhere}/deploy"), json!({})).await, missing),
            (post(&app, &format!("{nowhere}/test"), json!({ "payload": {} })).await, missing),
            (get(&app, &format!("{nowhere}/versions")).await, missing),
            (get(&app, &format!("{nowhere}/versions/{version}")).await, missing),
            (post(&app, &format!("{nowhere}/versions/{version}/deploy"), json!({})).await, missing),
            (get(&app, &format!("{nowhere}/executions")).await, missing),
            (get(&app, "/actions/executions/nope").await, "The execution does not exist."),
        ] {
            assert_eq!(refused(&answer), (404, String::new()), "{message}");
            assert_eq!(answer.text_of("message"), message);
        }
        let strange = delete(&app, &format!("{nowhere}?forced=true")).await;
        assert_eq!(refused(&strange), (400, "invalid_query_string".to_owned()));
    }
}

#[tokio::test]
async fn the_triggers_are_those_that_tools_expect() {
    for (_, app) in each_backend().await {
        let triggers = get(&app, "/actions/triggers").await.ok();
        let all = triggers["triggers"].as_array().unwrap();
        let login: Vec<_> = all.iter().filter(|trigger| trigger["id"] == "post-login").collect();
        let versions: Vec<_> = login
            .iter()
            .map(|t| (t["version"].as_str().unwrap(), t["status"].as_str().unwrap()))
            .collect();
        assert_eq!(versions, [("v1", "DEPRECATED"), ("v2", "DEPRECATED"), ("v3", "CURRENT")]);
        assert_eq!(
            *login[2],
            json!({
                "id": "post-login", "version": "v3", "status": "CURRENT",
                "runtimes": ["node18-actions", "node22"], "default_runtime": "node22",
                "binding_policy": "trigger-bound",
                "compatible_triggers": [
                    { "id": "post-login", "version": "v1" }, { "id": "post-login", "version": "v2" },
                ],
            })
        );
        // Tools read the bindings of each.
        for trigger in all {
            let path = format!("/actions/triggers/{}/bindings", trigger["id"].as_str().unwrap());
            assert_eq!(get(&app, &path).await.ok(), json!({ "bindings": [], "per_page": 50 }));
        }
    }
}
