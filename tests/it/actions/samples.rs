//! The events to try Actions out with have the members of real ones.

use std::collections::BTreeSet;

use doorward::domain::action::Trigger::{
    self, CredentialsExchange, PostChangePassword, PostLogin, PostUserRegistration,
    PreUserRegistration,
};
use doorward::{crypto::digest, domain::ActionId};
use serde_json::{Value, json};

use crate::support::{TestApp, browser::Browser, each_backend, fixtures::*};

/// Members that hold what operators, users and applications like.
const FREE: &[&str] = &["app_metadata", "user_metadata", "metadata", "customClaims"];

/// What a request need not have.
const OPTIONAL: &[&str] = &[
    ".request.user_agent",
    ".request.language",
    ".refresh_token.device.initial_user_agent",
    ".refresh_token.device.last_user_agent",
];

/// Every member with its type.
fn members(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    if OPTIONAL.contains(&path) {
        return;
    }
    match value {
        Value::Object(object) => {
            found.insert(format!("{path} object"));
            let is_free = FREE.iter().any(|free| path.ends_with(&format!(".{free}")));
            let shown = object.iter().filter(|_| !is_free);
            shown.for_each(|(name, value)| members(value, &format!("{path}.{name}"), found));
        }
        Value::Array(items) => {
            found.insert(format!("{path} array"));
            items.iter().for_each(|item| members(item, &format!("{path}[]"), found));
        }
        Value::String(_) => drop(found.insert(format!("{path} string"))),
        Value::Number(_) => drop(found.insert(format!("{path} number"))),
        Value::Bool(_) => drop(found.insert(format!("{path} boolean"))),
        Value::Null => panic!("{path} is null"),
    }
}

fn all_members(event: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    members(event, "", &mut found);
    found
}

async fn sample(app: &TestApp, trigger: Trigger, id: &str) -> Value {
    let path = format!("/actions/triggers/{}/sample-events", trigger.as_str());
    let told = app.management("GET", &path, None).await.ok();
    assert_eq!(told["trigger_id"], trigger.as_str());
    assert_eq!(told["handler"], trigger.handler());
    let samples = told["samples"].as_array().unwrap();
    let found = samples.iter().find(|sample| sample["id"] == id).unwrap();
    assert!(found["about"].as_str().unwrap().ends_with('.'));
    found["event"].clone()
}

/// Fails unless the sample has the members of the event that the Action was told last.
async fn compare(app: &TestApp, backend: &str, trigger: Trigger, dump: &ActionId, id: &str) {
    app.inner.login.unwatched.idle().await;
    let told = app.executions_of(dump).await[0].results[0].console.clone();
    let mut told: Value = serde_json::from_str(told.trim()).unwrap();
    told.as_object_mut().unwrap().remove("secrets");
    let (real, made_up) = (all_members(&told), all_members(&sample(app, trigger, id).await));
    let missing: Vec<_> = real.difference(&made_up).collect();
    let invented: Vec<_> = made_up.difference(&real).collect();
    assert!(
        missing.is_empty() && invented.is_empty(),
        "{backend} {id}: the sample lacks {missing:#?} and has too much {invented:#?}"
    );
}

async fn bind_dump(app: &TestApp, trigger: Trigger) -> ActionId {
    let handler = trigger.handler();
    let code = format!("exports.{handler} = (event) => console.log(JSON.stringify(event));");
    app.bind_action(trigger, trigger.as_str(), &code).await
}

#[tokio::test]
async fn a_sample_of_a_login_and_of_an_exchange_are_as_real_ones() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let user = format!("/users/{}", world.user_id);
        let edit = json!({
            "name": "Ada Lovelace", "given_name": "Ada", "family_name": "Lovelace",
            "nickname": "ada", "picture": "https://cdn.example.com/ada.png",
        });
        app.management("PATCH", &user, Some(edit)).await.ok();
        let role = json!({ "name": "editor", "description": "edits" });
        let role = app.management("POST", "/roles", Some(role)).await.ok();
        let roles = json!({ "roles": [role["id"]] });
        app.management("POST", &format!("{user}/roles"), Some(roles)).await;
        let dump = bind_dump(&app, PostLogin).await;
        let mut browser = Browser::new(&app);
        let asked = [("audience", MESSAGES), ("scope", LOGIN_SCOPE), ("response_mode", "query")];
        let code = app.code_for(&mut browser, &world, &asked).await;
        compare(&app, backend, PostLogin, &dump, "login").await;
        let tokens = app.exchange_code(&world, &code).await.ok();
        app.clock.advance_seconds(1);
        let token = text(&tokens, "refresh_token");
        let asked = [("audience", BILLING), ("scope", "read:billing")];
        app.refresh(&world, token, &asked).await.ok();
        compare(&app, backend, PostLogin, &dump, "exchange").await;
    }
}

#[tokio::test]
async fn a_sample_of_a_machine_is_as_a_real_one() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let dump = bind_dump(&app, CredentialsExchange).await;
        let machine = app
            .add_client(json!({
                "name": "Machine", "app_type": "non_interactive",
                "grant_types": ["client_credentials"],
                "token_endpoint_auth_method": "client_secret_post",
            }))
            .await;
        let id = text(&machine, "client_id");
        let grant = json!({ "client_id": id, "audience": MESSAGES, "scope": ["read:messages"] });
        TestApp::created(&app.management("POST", "/client-grants", Some(grant)).await);
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", id),
            ("client_secret", text(&machine, "client_secret")),
            ("audience", MESSAGES),
        ];
        app.post_form("oauth/token", &form).await.ok();
        compare(&app, backend, CredentialsExchange, &dump, "machine").await;
        drop(world);
    }
}

#[tokio::test]
async fn samples_around_an_account_are_as_real_ones() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let before = bind_dump(&app, PreUserRegistration).await;
        let after = bind_dump(&app, PostUserRegistration).await;
        let changed = bind_dump(&app, PostChangePassword).await;
        let mut browser = Browser::new(&app);
        let challenge = digest::s256_challenge(VERIFIER);
        let hint = [("scope", "openid"), ("screen_hint", "signup")];
        let query = authorize_query(&world.client_id, &challenge, &hint);
        let page = browser.visit("/authorize", &query).await.page();
        let form = [("email", "grace@example.com"), ("password", PASSWORD)];
        browser.submit(&page, &form).await;
        compare(&app, backend, PreUserRegistration, &before, "sign-up").await;
        compare(&app, backend, PostUserRegistration, &after, "signed-up").await;

        let ticket = json!({ "user_id": world.user_id });
        let made = app.management("POST", "/tickets/password-change", Some(ticket)).await;
        let link = url::Url::parse(&made.text_of("ticket")).unwrap();
        let given = link.query_pairs().find(|(name, _)| name == "ticket").unwrap().1.into_owned();
        let next = "a wholly different phrase";
        let form = [("ticket", &*given), ("password", next), ("password_again", next)];
        app.post_form("u/reset-password", &form).await;
        compare(&app, backend, PostChangePassword, &changed, "new-password").await;
    }
}

#[tokio::test]
async fn there_are_samples_of_every_trigger_that_runs_and_of_no_other() {
    for (backend, app) in each_backend().await {
        for (trigger, status) in [
            ("post-login", 200),
            ("credentials-exchange", 200),
            ("pre-user-registration", 200),
            ("post-user-registration", 200),
            ("post-change-password", 200),
            ("send-phone-message", 404),
            ("nothing", 404),
            ("..%2F..", 404),
        ] {
            let path = format!("/actions/triggers/{trigger}/sample-events");
            let answer = app.management("GET", &path, None).await;
            assert_eq!(answer.status, status, "{backend} {trigger}: {}", answer.text);
        }
    }
}
