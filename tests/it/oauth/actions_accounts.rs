//! Actions around an account: before it is created, after it was, and after its password changed.

use doorward::domain::{
    ActionId,
    action::Trigger::{PostChangePassword, PostUserRegistration, PreUserRegistration},
};
use serde_json::{Value, json};

use super::signup::ticket;
use crate::support::{
    Answer, TestApp,
    browser::{Browser, Landed},
    each_backend,
    fixtures::*,
};
use doorward::crypto::digest;

const NEW: &str = "grace@example.com";
const CONNECTION: &str = "Username-Password-Authentication";
const FRESH: &str = "a wholly different phrase";

async fn sign_up(app: &TestApp, world: &World, email: &str) -> Answer {
    let body = json!({
        "client_id": world.client_id, "email": email, "password": PASSWORD,
        "connection": CONNECTION, "user_metadata": { "hat": "top" },
    });
    app.send(app.http.post(app.url("dbconnections/signup")).json(&body)).await
}

async fn users(app: &TestApp, email: &str) -> Vec<Value> {
    let found = app.management("GET", &format!("/users-by-email?email={email}"), None).await.ok();
    found.as_array().cloned().unwrap()
}

/// What an Action that nobody waits for has written with `console`.
async fn written(app: &TestApp, id: &ActionId) -> Vec<String> {
    app.inner.login.unwatched.idle().await;
    let runs = app.executions_of(id).await;
    runs.iter().map(|run| run.results[0].console.trim().to_owned()).collect()
}

fn before(body: &str) -> String {
    format!("exports.onExecutePreUserRegistration = async (event, api) => {{ {body} }};")
}

#[tokio::test]
async fn an_action_refuses_an_account_and_says_to_the_person_what_it_wants_to() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let code = before("api.access.deny('on the list', 'Please <b>call</b> us.');");
        let id = app.bind_action(PreUserRegistration, "deny", &code).await;
        let refused = sign_up(&app, &world, NEW).await;
        assert_eq!(refused.status, 400, "{backend}");
        let text = "Please <b>call</b> us.";
        let expected = json!({
            "name": "InternalExtensibilityError", "statusCode": 400, "code": "extensibility_error",
            "message": text, "description": text, "friendly_message": text, "fromSandbox": true,
        });
        assert_eq!(refused.json(), expected, "{backend}: and not the reason");
        assert!(users(&app, NEW).await.is_empty(), "{backend}");

        // Who exists is refused in the same words: nobody finds out.
        assert_eq!(sign_up(&app, &world, EMAIL).await.text, refused.text, "{backend}");

        let mut browser = Browser::new(&app);
        let challenge = digest::s256_challenge(VERIFIER);
        let hint = [("scope", "openid"), ("screen_hint", "signup")];
        let query = authorize_query(&world.client_id, &challenge, &hint);
        let page = browser.visit("/authorize", &query).await.page();
        let form = [("email", NEW), ("password", PASSWORD)];
        let (_, answer) = browser.submit(&page, &form).await.page();
        assert_eq!(answer.status, 200, "{backend}");
        assert!(answer.text.contains("call"), "{backend}: {}", answer.text);
        assert!(!answer.text.contains("<b>call"), "{backend}: escaped");
        assert!(!answer.text.contains("on the list"), "{backend}");

        app.unbind_action(&id).await;
        sign_up(&app, &world, NEW).await.ok();
        app.inner.login.audit.flush().await;
        let logs = app.management("GET", "/logs?q=type:fs", None).await.ok();
        let refusals = logs.as_array().unwrap();
        assert!(refusals.iter().all(|log| log["details"]["reason"] == "action"), "{backend}");
        assert!(!logs.to_string().contains(NEW), "{backend}: no addresses");
    }
}

#[tokio::test]
async fn a_refusal_may_have_a_code_of_its_own_or_nothing_to_say() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let cases = [
            ("api.validation.error('no_invite', 'You need one.');", "no_invite", "You need one."),
            ("api.access.deny('why');", "extensibility_error", "The account was not created"),
            (
                "throw new Error('secret of the operator');",
                "extensibility_error",
                "The account was not created",
            ),
            ("for (;;) {}", "extensibility_error", "The account was not created"),
        ];
        for (i, (body, code, text)) in cases.into_iter().enumerate() {
            let id =
                app.bind_action(PreUserRegistration, &format!("deny {i}"), &before(body)).await;
            let refused = sign_up(&app, &world, NEW).await;
            assert_eq!(refused.status, 400, "{backend}: {body}");
            let said = refused.json();
            assert_eq!(said["code"], code, "{backend}: {body}");
            assert_eq!(said["description"], text, "{backend}: {body}");
            app.unbind_action(&id).await;
        }
        assert!(users(&app, NEW).await.is_empty(), "{backend}");
    }
}

#[tokio::test]
async fn what_actions_set_is_part_of_the_new_account() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let code = before(
            "console.log(JSON.stringify({ ...event, request: event.request.body }));
             api.user.setUserMetadata('hat', null);
             api.user.setUserMetadata('shoe', 44);
             api.user.setAppMetadata('plan', 'free');",
        );
        let first = app.bind_action(PreUserRegistration, "first", &code).await;
        let code = before("api.user.setAppMetadata('seen', event.user.user_metadata.shoe);");
        app.bind_action(PreUserRegistration, "second", &code).await;
        let code = "exports.onExecutePostUserRegistration = async (event) => {
            console.log(event.user.user_id, event.user.app_metadata.plan, event.connection.name,
                event.client.client_id, event.request.body.email);
        };";
        let after = app.bind_action(PostUserRegistration, "after", code).await;
        let created = sign_up(&app, &world, NEW).await.ok();
        assert_eq!(created["user_metadata"], json!({ "shoe": 44 }), "{backend}");
        assert_eq!(created.get("app_metadata"), None, "{backend}: the operator's");
        let user = &users(&app, NEW).await[0];
        assert_eq!(user["user_metadata"], json!({ "shoe": 44 }), "{backend}");
        assert_eq!(user["app_metadata"], json!({ "plan": "free", "seen": 44 }), "{backend}");

        let console = app.executions_of(&first).await[0].results[0].console.clone();
        assert!(!console.contains(PASSWORD), "{backend}");
        let event: Value = serde_json::from_str(console.trim()).unwrap();
        let told = &event["user"];
        assert_eq!(told["email"], NEW, "{backend}");
        assert_eq!(told["user_metadata"], json!({ "hat": "top" }), "{backend}");
        for absent in ["user_id", "created_at", "updated_at", "identities"] {
            assert_eq!(told.get(absent), None, "{backend}: {absent}");
        }
        assert_eq!(event["connection"]["name"], CONNECTION, "{backend}");
        assert_eq!(event["client"]["client_id"], world.client_id.as_str(), "{backend}");
        let expected = format!(
            "{} free {CONNECTION} {} {NEW}",
            user["user_id"].as_str().unwrap(),
            world.client_id
        );
        assert_eq!(written(&app, &after).await, [expected], "{backend}");
    }
}

#[tokio::test]
async fn accounts_that_operators_create_are_not_asked_about() {
    for (backend, app) in each_backend().await {
        app.bind_action(PreUserRegistration, "deny", &before("api.access.deny('no');")).await;
        let code = "exports.onExecutePostUserRegistration = async () => {};";
        let after = app.bind_action(PostUserRegistration, "after", code).await;
        app.add_user(NEW, PASSWORD).await;
        assert!(written(&app, &after).await.is_empty(), "{backend}");
    }
}

#[tokio::test]
async fn what_fails_after_a_registration_bothers_nobody() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let code = "exports.onExecutePostUserRegistration = async (event, api) => {
            console.log('before'); throw new Error('no mail today');
        };";
        let after = app.bind_action(PostUserRegistration, "after", code).await;
        sign_up(&app, &world, NEW).await.ok();
        assert_eq!(written(&app, &after).await, ["before"], "{backend}");
        let run = &app.executions_of(&after).await[0];
        assert_eq!(run.status.as_str(), "partial", "{backend}");
        assert_eq!(run.results[0].error.as_ref().unwrap().msg, "no mail today", "{backend}");
        app.inner.login.audit.flush().await;
        let logs = app.management("GET", "/logs?q=type:actions_execution_failed", None).await.ok();
        assert_eq!(logs.as_array().unwrap().len(), 1, "{backend}");
        // A taken address creates nothing, and nothing runs afterwards.
        assert_eq!(sign_up(&app, &world, NEW).await.status, 400, "{backend}");
        assert_eq!(written(&app, &after).await.len(), 1, "{backend}");
    }
}

#[tokio::test]
async fn a_page_creates_an_account_and_the_login_goes_on() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let code = before("api.user.setAppMetadata('from', event.request.method);");
        app.bind_action(PreUserRegistration, "before", &code).await;
        let mut browser = Browser::new(&app);
        let challenge = digest::s256_challenge(VERIFIER);
        let hint = [("scope", "openid"), ("screen_hint", "signup")];
        let query = authorize_query(&world.client_id, &challenge, &hint);
        let page = browser.visit("/authorize", &query).await.page();
        let landed = browser.submit(&page, &[("email", NEW), ("password", PASSWORD)]).await;
        assert!(matches!(landed, Landed::Application(_)), "{backend}");
        let user = &users(&app, NEW).await[0];
        assert_eq!(user["app_metadata"], json!({ "from": "POST" }), "{backend}");
    }
}

#[tokio::test]
async fn actions_hear_of_every_way_in_which_a_password_changes() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let code = "exports.onExecutePostChangePassword = async (event, api) => {
            console.log(JSON.stringify(event));
        };";
        let id = app.bind_action(PostChangePassword, "after", code).await;
        let user = format!("/users/{}", world.user_id.replace('|', "%7C"));

        // Other changes are none.
        app.management("PATCH", &user, Some(json!({ "name": "Ada" }))).await.ok();
        assert!(written(&app, &id).await.is_empty(), "{backend}");

        // By an operator.
        app.management("PATCH", &user, Some(json!({ "password": FRESH }))).await.ok();
        assert_eq!(written(&app, &id).await.len(), 1, "{backend}");

        // With the link of a message.
        let body =
            json!({ "client_id": world.client_id, "email": EMAIL, "connection": CONNECTION });
        app.send(app.http.post(app.url("dbconnections/change_password")).json(&body)).await;
        let mailed = ticket(app.mails_to(EMAIL).await.last().unwrap());
        let set = async |ticket: &str, password: &str| {
            let form = [("ticket", ticket), ("password", password), ("password_again", password)];
            app.post_form("u/reset-password", &form).await
        };
        assert_eq!(set(&mailed, "short").await.status, 200, "{backend}: refused");
        assert_eq!(written(&app, &id).await.len(), 1, "{backend}");
        let next = format!("{FRESH} again");
        set(&mailed, &next).await;
        assert_eq!(written(&app, &id).await.len(), 2, "{backend}");

        // With a ticket of an operator.
        let body = json!({ "user_id": world.user_id });
        let made = app.management("POST", "/tickets/password-change", Some(body)).await;
        let link = url::Url::parse(&made.text_of("ticket")).unwrap();
        let given = link.query_pairs().find(|(name, _)| name == "ticket").unwrap().1.into_owned();
        set(&given, PASSWORD).await;
        let told = written(&app, &id).await;
        assert_eq!(told.len(), 3, "{backend}");
        for text in &told {
            for secret in [FRESH, PASSWORD, &mailed, &given] {
                assert!(!text.contains(secret), "{backend}: {text}");
            }
            let event: Value = serde_json::from_str(text).unwrap();
            assert_eq!(event["user"]["user_id"], world.user_id.as_str(), "{backend}");
            assert_eq!(event["user"]["email"], EMAIL, "{backend}");
            assert!(event["user"]["last_password_reset"].is_string(), "{backend}");
            assert_eq!(event["user"].get("app_metadata"), None, "{backend}");
            assert_eq!(event["connection"]["name"], CONNECTION, "{backend}");
        }
    }
}
