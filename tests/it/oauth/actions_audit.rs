//! What the audit trail says about Actions: each login and each exchange names the record of the
//! scripts that had the last word on it.

use doorward::domain::{
    ActionId,
    action::Trigger::{CredentialsExchange, PostLogin, PreUserRegistration},
};
use serde_json::{Value, json};

use crate::support::{BOOTSTRAP_ID, BOOTSTRAP_SECRET, TestApp, each_backend, fixtures::*};

/// Does as the application asks.
const POST_LOGIN: &str = "exports.onExecutePostLogin = async (event, api) => {
    if (event.resource_server?.identifier === 'https://billing.example.com') api.access.deny('no billing');
};";
const MACHINE: &str = "exports.onExecuteCredentialsExchange = async (event, api) => {
    if (event.request.body.scope === 'read:users') api.access.deny('invalid_scope', 'not today');
};";
const SIGN_UP: &str = "exports.onExecutePreUserRegistration = async (event, api) => {
    api.access.deny('not on the list', 'Sorry.');
};";

/// The executions of an Action, and those that the events of a kind name; the newest first.
async fn named(app: &TestApp, action: &ActionId, kind: &str) -> (Vec<Value>, Vec<Value>) {
    app.inner.login.audit.flush().await;
    let path = format!("/logs?q=type:{kind}&sort=date:-1");
    let events = app.management("GET", &path, None).await.ok();
    let runs = app.executions_of(action).await;
    (runs.iter().map(|run| json!(run.id)).collect(), events.as_array().cloned().unwrap())
}

fn executions(event: &Value) -> &Value {
    &event["details"]["actions"]["executions"]
}

async fn with_credentials(app: &TestApp, scope: &str) -> u16 {
    let audience = format!("{}api/v2/", app.issuer);
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", BOOTSTRAP_ID),
        ("client_secret", BOOTSTRAP_SECRET),
        ("audience", audience.as_str()),
        ("scope", scope),
    ];
    app.token(&form).await.status
}

#[tokio::test]
async fn logins_and_exchanges_name_the_execution() {
    for (backend, app) in each_backend().await {
        let grants = ["password", "refresh_token", "authorization_code"];
        let world = app.world_with(json!({ "grant_types": grants }), json!({})).await;
        let id = app.bind_action(PostLogin, "billing", POST_LOGIN).await;
        let login = app.with_password(&world, LOGIN_SCOPE).await.ok();
        let (runs, events) = named(&app, &id, "sepft").await;
        assert_eq!(executions(&events[0]), &json!([runs[0]]), "{backend}: password");

        let token = text(&login, "refresh_token");
        app.refresh(&world, token, &[]).await.ok();
        let (runs, events) = named(&app, &id, "sertft").await;
        assert_eq!(executions(&events[0]), &json!([runs[0]]), "{backend}: refresh token");

        let refused = app.refresh(&world, token, &[("audience", BILLING)]).await;
        assert_eq!(refused.error(), (403, "access_denied".into()), "{backend}");
        let (runs, events) = named(&app, &id, "fertft").await;
        assert_eq!(executions(&events[0]), &json!([runs[0]]), "{backend}: refused");
        assert_eq!(events[0]["details"]["error_description"], "no billing", "{backend}");

        app.unbind_action(&id).await;
        app.refresh(&world, token, &[]).await.ok();
        let (_, events) = named(&app, &id, "sertft").await;
        assert_eq!(executions(&events[0]), &Value::Null, "{backend}: nothing was run");
    }
}

#[tokio::test]
async fn tokens_of_machines_name_the_execution() {
    for (backend, app) in each_backend().await {
        let id = app.bind_action(CredentialsExchange, "machines", MACHINE).await;
        assert_eq!(with_credentials(&app, "read:clients").await, 200, "{backend}");
        assert_eq!(with_credentials(&app, "read:users").await, 400, "{backend}");
        app.unbind_action(&id).await;
        let (runs, events) = named(&app, &id, "seccft").await;
        let told = events.iter().filter(|event| executions(event) == &json!([runs[1]])).count();
        assert_eq!(told, 1, "{backend}");
        let (_, events) = named(&app, &id, "feccft").await;
        assert_eq!(executions(&events[0]), &json!([runs[0]]), "{backend}: refused");
        assert_eq!(events[0]["details"]["error_description"], "not today", "{backend}");
    }
}

#[tokio::test]
async fn a_refused_account_is_told_with_the_reason_for_the_operator() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let id = app.bind_action(PreUserRegistration, "list", SIGN_UP).await;
        let body = json!({
            "client_id": world.client_id, "email": "grace@example.com", "password": PASSWORD,
            "connection": "Username-Password-Authentication",
        });
        let refused = app.send(app.http.post(app.url("dbconnections/signup")).json(&body)).await;
        assert_eq!(refused.status, 400, "{backend}");
        let (runs, events) = named(&app, &id, "fs").await;
        assert_eq!(events.len(), 1, "{backend}");
        assert_eq!(executions(&events[0]), &json!([runs[0]]), "{backend}");
        assert_eq!(events[0]["details"]["error_description"], "not on the list", "{backend}");
    }
}
