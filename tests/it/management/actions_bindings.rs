//! `/actions/triggers/{id}/bindings`: which Actions run, and in which order.

use doorward::domain::action::Trigger;
use serde_json::{Value, json};

use super::{
    actions::{action, path},
    delete, get, invalid_body, patch, post, refused,
};
use crate::support::{Answer, TestApp, each_backend};

const LOGIN: &str = "/actions/triggers/post-login/bindings";

fn by_name(name: &str) -> Value {
    json!({ "ref": { "type": "action_name", "value": name } })
}

async fn bind(app: &TestApp, bindings: &[Value]) -> Answer {
    patch(app, LOGIN, json!({ "bindings": bindings })).await
}

async fn deployed(app: &TestApp, name: &str) -> Value {
    action(app, name, json!({ "deploy": true })).await
}

/// The names of what runs at the login, as the flows read it.
async fn pipeline(app: &TestApp) -> Vec<String> {
    let pipeline = app.inner.store.pipeline(Trigger::PostLogin).await.unwrap();
    pipeline.iter().map(|bound| bound.name.clone()).collect()
}

#[tokio::test]
async fn actions_are_bound_by_id_by_name_and_by_the_binding_before() {
    for (_, app) in each_backend().await {
        let (one, two) = (deployed(&app, "One").await, deployed(&app, "Two").await);
        let by_id = json!({ "ref": { "type": "action_id", "value": two["id"] }, "display_name": "The second" });
        let bound = bind(&app, &[by_name("One"), by_id]).await.ok();
        let listed = get(&app, LOGIN).await.ok();
        assert_eq!(listed, json!({ "bindings": bound["bindings"], "total": 2, "per_page": 50 }));
        let first = &bound["bindings"][0];
        let at = &first["created_at"];
        assert_eq!(
            *first,
            json!({
                "id": first["id"], "trigger_id": "post-login", "display_name": "One",
                "created_at": at, "updated_at": at,
                "action": {
                    "id": one["id"], "name": "One", "all_changes_deployed": true,
                    "supported_triggers": one["supported_triggers"],
                    "created_at": one["created_at"], "updated_at": one["updated_at"],
                },
            })
        );
        assert_eq!(bound["bindings"][1]["display_name"], "The second");
        assert_eq!(pipeline(&app).await, ["One", "Two"]);

        // The other way round, one of them as it is.
        let same = json!({ "ref": { "type": "binding_id", "value": bound["bindings"][1]["id"] } });
        let again = bind(&app, &[same, by_name("One")]).await.ok();
        assert_eq!(again["bindings"][0]["display_name"], "The second");
        assert_ne!(again["bindings"][0]["id"], bound["bindings"][1]["id"], "a new id each time");
        assert_eq!(pipeline(&app).await, ["Two", "One"]);
        let page = get(&app, &format!("{LOGIN}?per_page=1&page=1")).await.ok();
        let expected =
            json!({ "bindings": [again["bindings"][1]], "total": 2, "page": 1, "per_page": 1 });
        assert_eq!(page, expected);

        let none = bind(&app, &[]).await.ok();
        assert_eq!(none, json!({ "bindings": [] }));
        assert_eq!(get(&app, LOGIN).await.ok(), json!({ "bindings": [], "per_page": 50 }));
        assert!(pipeline(&app).await.is_empty());
    }
}

#[tokio::test]
async fn what_runs_follows_each_change() {
    for (_, app) in each_backend().await {
        let made = deployed(&app, "One").await;
        bind(&app, &[by_name("One")]).await.ok();
        let code = async || {
            app.inner.store.pipeline(Trigger::PostLogin).await.unwrap()[0].code.to_string()
        };
        assert_eq!(code().await, made["code"].as_str().unwrap());
        let change = json!({ "code": "exports.x = 2", "name": "Renamed" });
        patch(&app, &path(&made), change).await.ok();
        assert_eq!(code().await, made["code"].as_str().unwrap(), "a draft does not run");
        assert_eq!(pipeline(&app).await, ["Renamed"]);
        post(&app, &format!("{}/deploy", path(&made)), json!({})).await.ok();
        assert_eq!(code().await, "exports.x = 2");
        assert_eq!(delete(&app, &format!("{}?force=true", path(&made))).await.status, 204);
        assert!(pipeline(&app).await.is_empty());
        assert_eq!(get(&app, LOGIN).await.ok(), json!({ "bindings": [], "per_page": 50 }));
    }
}

#[tokio::test]
async fn bindings_that_cannot_be_are_refused_and_the_others_stay() {
    for (_, app) in each_backend().await {
        deployed(&app, "One").await;
        let other =
            json!({ "deploy": true, "supported_triggers": [{ "id": "credentials-exchange" }] });
        action(&app, "Machine", other).await;
        action(&app, "Draft", json!({})).await;
        let before = bind(&app, &[by_name("One")]).await.ok();
        let reference =
            |kind: &str, value: &str| json!({ "ref": { "type": kind, "value": value } });
        let at = |index: usize| format!("on property bindings.{index}.");
        let too_many: Vec<_> = (0..21).map(|_| by_name("One")).collect();
        for (bindings, message) in [
            (vec![by_name("Nope")], format!("'there is no action Nope' {}", at(0))),
            (vec![reference("action_id", "nope")], format!("'there is no action nope' {}", at(0))),
            (vec![reference("binding_id", "nope")], format!("'there is no binding nope' {}", at(0))),
            (vec![by_name("One"), by_name("Draft")], format!("'the action Draft is not deployed' {}", at(1))),
            (vec![by_name("Machine")], format!("'the action Machine is for the trigger credentials-exchange' {}", at(0))),
            (vec![by_name("One"), by_name("One")], format!("'the action is bound at index 0 already' {}", at(1))),
            (too_many, "'Array is too long (21), maximum 20' on property bindings (The actions that will be bound to this trigger. The order in which they are included will be the order in which they are executed.).".to_owned()),
            (vec![json!({})], format!("'Missing required property: ref' {}", at(0))),
            (vec![json!({ "ref": { "value": "One" } })], "'Missing required property: type' on property bindings.0.ref (A reference to an action. An action can be referred to by ID or by Name.).".to_owned()),
            (vec![reference("nope", "One")], "'No enum match for: nope' on property bindings.0.ref.type (How the action is being referred to: `action_id` or `action_name`.).".to_owned()),
            (vec![json!({ "ref": by_name("One")["ref"], "secrets": [{ "name": "A" }] })], format!("'secrets are set on the action, not on its binding' {}", at(0))),
            (vec![json!({ "ref": by_name("One")["ref"], "id": "x" })], format!("'Additional properties not allowed: id' {}", at(0))),
        ] {
            let answer = bind(&app, &bindings).await;
            invalid_body(&answer, &format!("Payload validation error: {message}"));
        }
        let missing = "Payload validation error: 'Missing required property: bindings'.";
        invalid_body(&patch(&app, LOGIN, json!({})).await, missing);
        assert_eq!(get(&app, LOGIN).await.ok()["bindings"], before["bindings"]);

        let nowhere = "/actions/triggers/nope/bindings";
        for answer in
            [get(&app, nowhere).await, patch(&app, nowhere, json!({ "bindings": [] })).await]
        {
            assert_eq!(refused(&answer), (400, "invalid_uri".to_owned()));
            let message = "Path validation error: 'No enum match for: nope' on property triggerId.";
            assert_eq!(answer.text_of("message"), message);
        }
    }
}

#[tokio::test]
async fn nothing_is_bound_where_nothing_runs() {
    for (_, app) in each_backend().await {
        // It may be there, as a tenant that is moved here has it.
        let phone =
            json!({ "deploy": true, "supported_triggers": [{ "id": "send-phone-message" }] });
        action(&app, "Phone", phone).await;
        let path = "/actions/triggers/send-phone-message/bindings";
        let answer = patch(&app, path, json!({ "bindings": [by_name("Phone")] })).await;
        invalid_body(
            &answer,
            "This server does not run actions at the trigger send-phone-message. It runs them at: \
             post-login, credentials-exchange, pre-user-registration, post-user-registration, \
             post-change-password.",
        );
        let none = patch(&app, path, json!({ "bindings": [] })).await;
        assert_eq!(none.ok(), json!({ "bindings": [] }));
    }
}

#[tokio::test]
async fn an_action_that_is_bound_stays_and_stays_what_it_is() {
    for (_, app) in each_backend().await {
        let made = deployed(&app, "One").await;
        let first = made["deployed_version"]["id"].as_str().unwrap();
        bind(&app, &[by_name("One")]).await.ok();
        let answer = delete(&app, &path(&made)).await;
        assert_eq!(refused(&answer), (409, String::new()));
        assert!(answer.text_of("message").starts_with("The action is bound to a trigger."));
        assert_eq!(delete(&app, &format!("{}?force=false", path(&made))).await.status, 409);

        // Its draft may be for another trigger, which never runs at this one.
        let other = json!({ "supported_triggers": [{ "id": "credentials-exchange" }] });
        patch(&app, &path(&made), other).await.ok();
        let deploy = format!("{}/deploy", path(&made));
        invalid_body(
            &post(&app, &deploy, json!({})).await,
            "The action is bound to the trigger post-login. Unbind it before a version for the \
             trigger credentials-exchange is deployed.",
        );
        assert_eq!(pipeline(&app).await, ["One"]);
        bind(&app, &[]).await.ok();
        assert_eq!(post(&app, &deploy, json!({})).await.status, 200);
        let exchange = "/actions/triggers/credentials-exchange/bindings";
        let bound = patch(&app, exchange, json!({ "bindings": [by_name("One")] })).await;
        assert_eq!(bound.status, 200, "{}", bound.text);
        // Nor does an earlier version come back that is for another one.
        let back = post(&app, &format!("{}/versions/{first}/deploy", path(&made)), json!({})).await;
        assert_eq!(refused(&back), (400, "invalid_body".to_owned()));
        assert_eq!(delete(&app, &format!("{}?force=true", path(&made))).await.status, 204);
    }
}

#[tokio::test]
async fn of_two_lists_written_at_once_one_stands_and_none_is_mixed() {
    for (backend, app) in each_backend().await {
        for name in ["A", "B", "C", "D"] {
            deployed(&app, name).await;
        }
        let (one, two) =
            tokio::join!(async { bind(&app, &[by_name("A"), by_name("B")]).await.ok() }, async {
                bind(&app, &[by_name("C"), by_name("D")]).await.ok()
            },);
        let listed = get(&app, LOGIN).await.ok()["bindings"].clone();
        assert!(listed == one["bindings"] || listed == two["bindings"], "{backend} {listed}");

        // Both refer to the bindings that they have read, which only the first finds.
        let again =
            |binding: &Value| json!({ "ref": { "type": "binding_id", "value": binding["id"] } });
        let (forth, back) =
            ([again(&listed[0]), again(&listed[1])], [again(&listed[1]), again(&listed[0])]);
        let (one, two) = tokio::join!(bind(&app, &forth), bind(&app, &back));
        let (won, lost) = if one.status == 200 { (one, two) } else { (two, one) };
        let won = won.ok()["bindings"].clone();
        assert_eq!(refused(&lost), (400, "invalid_body".to_owned()), "{backend}");
        assert!(lost.text_of("message").contains("there is no binding "), "{backend}");
        assert_eq!(get(&app, LOGIN).await.ok()["bindings"], won, "{backend}");
    }
}

#[tokio::test]
async fn an_action_is_deleted_or_bound_but_not_both() {
    for (backend, app) in each_backend().await {
        for round in 0..3 {
            let name = format!("Raced {round}");
            let made = deployed(&app, &name).await;
            let bindings = [by_name(&name)];
            let path = path(&made);
            let (deleted, bound) = tokio::join!(delete(&app, &path), bind(&app, &bindings));
            match (deleted.status, bound.status) {
                (204, 400) => assert!(pipeline(&app).await.is_empty(), "{backend}"),
                (409, 200) => assert_eq!(pipeline(&app).await, [name], "{backend}"),
                other => panic!("{backend}: {other:?} {} {}", deleted.text, bound.text),
            }
            bind(&app, &[]).await.ok();
        }
    }
}
