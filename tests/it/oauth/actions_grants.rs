//! Actions at the token endpoint, beside the exchange of refresh tokens: password, one-time code and
//! client credentials.

use doorward::domain::action::Trigger::{CredentialsExchange, PostLogin, PreUserRegistration};
use serde_json::{Map, Value, json};

use crate::support::{Answer, TestApp, each_backend, fixtures::*, payload};

const OTP_GRANT: &str = "http://auth0.com/oauth/grant-type/passwordless/otp";
const NEW: &str = "grace@example.com";

/// Asks for a one-time code and reads it.
async fn code(app: &TestApp, world: &World) -> String {
    app.clock.advance_seconds(1);
    let form = [("connection", "email"), ("email", NEW), ("send", "code")];
    let mut body: Map<String, Value> =
        form.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    body.insert("client_id".to_owned(), json!(world.client_id));
    app.send(app.http.post(app.url("passwordless/start")).json(&body)).await.ok();
    let mails = app.mails_to(NEW).await;
    let text = &mails.last().unwrap().text;
    let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|b| b.is_ascii_digit());
    text.lines().find(is_code).unwrap().to_owned()
}

async fn with_code(app: &TestApp, world: &World, otp: &str) -> Answer {
    app.token(&[
        ("grant_type", OTP_GRANT),
        ("client_id", world.client_id.as_str()),
        ("username", NEW),
        ("otp", otp),
        ("realm", "email"),
        ("audience", MESSAGES),
        ("scope", LOGIN_SCOPE),
    ])
    .await
}

async fn users(app: &TestApp, email: &str) -> Vec<Value> {
    let found = app.management("GET", &format!("/users-by-email?email={email}"), None).await.ok();
    found.as_array().cloned().unwrap()
}

fn grants() -> Value {
    json!({ "grant_types": ["password", OTP_GRANT, "refresh_token", "authorization_code"] })
}

#[tokio::test]
async fn a_password_login_is_what_an_action_makes_of_it() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(grants(), json!({})).await;
        let code = "exports.onExecutePostLogin = async (event, api) => {
            console.log(JSON.stringify(event.transaction), event.request.body.password,
                event.stats.logins_count, typeof event.session, typeof event.refresh_token);
            api.accessToken.setCustomClaim('plan', 'gold');
            api.idToken.setCustomClaim('plan', 'gold');
            api.accessToken.addScope('delete:messages');
            api.accessToken.removeScope('profile');
            api.refreshToken.setMetadata('from', 'login');
            api.user.setAppMetadata('plan', 'gold');
        };";
        let id = app.bind_action(PostLogin, "shape", code).await;
        let login = app.with_password(&world, LOGIN_SCOPE).await.ok();
        assert_eq!(login["scope"], "openid offline_access read:messages delete:messages");
        for token in ["access_token", "id_token"] {
            assert_eq!(payload(text(&login, token))["plan"], "gold", "{backend}");
        }
        let console = app.executions_of(&id).await[0].results[0].console.clone();
        let event = r#"{"protocol":"oauth2-password","requested_scopes":["openid","profile","offline_access","read:messages"],"metadata":{}}"#;
        let (transaction, rest) = console.trim().rsplit_once("} ").unwrap();
        let told: Value = serde_json::from_str(&format!("{transaction}}}")).unwrap();
        assert_eq!(told, serde_json::from_str::<Value>(event).unwrap(), "{backend}");
        assert_eq!(rest, "undefined 1 undefined undefined", "{backend}");
        let user = &users(&app, EMAIL).await[0];
        assert_eq!(user["app_metadata"], json!({ "plan": "gold" }), "{backend}");
        let path = format!("/users/{}/refresh-tokens", world.user_id.replace('|', "%7C"));
        let listed = app.management("GET", &path, None).await.ok();
        let metadata = &listed["tokens"][0]["refresh_token_metadata"];
        assert_eq!(metadata, &json!({ "from": "login" }), "{backend}");

        // What was added must be added again, and what was taken away is gone.
        app.unbind_action(&id).await;
        let refreshed = app.refresh(&world, text(&login, "refresh_token"), &[]).await.ok();
        let scope = "openid offline_access read:messages write:messages";
        assert_eq!(refreshed["scope"], scope, "{backend}");
        assert_eq!(payload(text(&refreshed, "access_token")).get("plan"), None, "{backend}");
    }
}

#[tokio::test]
async fn a_password_login_that_is_denied_never_happened() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(grants(), json!({})).await;
        let cases = [
            ("api.access.deny('not today');", (403, "access_denied"), "not today"),
            ("throw new Error('broken');", (403, "access_denied"), "broken"),
            ("api.redirect.sendUserTo('https://a.example/');", (403, "interaction_required"), ""),
        ];
        for (i, (body, (status, error), description)) in cases.into_iter().enumerate() {
            let code = format!("exports.onExecutePostLogin = async (event, api) => {{ {body} }};");
            let id = app.bind_action(PostLogin, &format!("deny {i}"), &code).await;
            let denied = app.with_password(&world, LOGIN_SCOPE).await;
            assert_eq!(denied.error(), (status, error.to_owned()), "{backend}: {body}");
            let told = denied.text_of("error_description");
            assert!(told.starts_with(description), "{backend}: {told}");
            app.unbind_action(&id).await;
        }
        let user = &users(&app, EMAIL).await[0];
        assert_eq!(user.get("logins_count"), None, "{backend}");
        assert_eq!(user.get("last_login"), None, "{backend}");
        let path = format!("/users/{}/refresh-tokens", world.user_id.replace('|', "%7C"));
        let listed = app.management("GET", &path, None).await.ok();
        assert_eq!(listed["tokens"], json!([]), "{backend}");
        app.inner.login.audit.flush().await;
        let logs = app.management("GET", "/logs?q=type:fepft", None).await.ok();
        let reasons: Vec<_> = logs
            .as_array()
            .unwrap()
            .iter()
            .map(|log| log["details"]["reason"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(reasons.len(), 3, "{backend}: {reasons:?}");
        app.with_password(&world, LOGIN_SCOPE).await.ok();
    }
}

#[tokio::test]
async fn a_wrong_password_runs_no_action() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(grants(), json!({})).await;
        let code = "exports.onExecutePostLogin = async () => {};";
        let id = app.bind_action(PostLogin, "nothing", code).await;
        let form = [
            ("grant_type", "password"),
            ("client_id", world.client_id.as_str()),
            ("username", EMAIL),
            ("password", "wrong"),
        ];
        assert_eq!(app.token(&form).await.error(), (400, "invalid_grant".into()), "{backend}");
        assert!(app.executions_of(&id).await.is_empty(), "{backend}");
    }
}

#[tokio::test]
async fn a_code_whose_login_is_denied_is_not_spent_and_makes_no_user() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(grants(), json!({})).await;
        let deny = "exports.onExecutePostLogin = async (event, api) => {
            console.log(event.transaction.protocol, event.connection.name, event.user.email);
            api.access.deny('not today');
        };";
        let id = app.bind_action(PostLogin, "deny", deny).await;
        let otp = code(&app, &world).await;
        // More often than a code may be tried.
        for _ in 0..12 {
            let denied = with_code(&app, &world, &otp).await;
            assert_eq!(denied.error(), (403, "access_denied".into()), "{backend}");
            assert_eq!(denied.text_of("error_description"), "not today", "{backend}");
        }
        let console = app.executions_of(&id).await[0].results[0].console.clone();
        assert_eq!(console.trim(), format!("oauth2-resource-owner email {NEW}"), "{backend}");
        assert!(users(&app, NEW).await.is_empty(), "{backend}");
        app.unbind_action(&id).await;
        with_code(&app, &world, &otp).await.ok();
        assert_eq!(users(&app, NEW).await[0]["logins_count"], 1, "{backend}");
    }
}

#[tokio::test]
async fn the_first_code_asks_the_actions_before_a_registration() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(grants(), json!({})).await;
        let deny = "exports.onExecutePreUserRegistration = async (event, api) => {
            api.access.deny('the reason', 'Please ask for an invitation.');
        };";
        let id = app.bind_action(PreUserRegistration, "deny", deny).await;
        let otp = code(&app, &world).await;
        let denied = with_code(&app, &world, &otp).await;
        assert_eq!(denied.error(), (403, "access_denied".into()), "{backend}");
        let told = denied.text_of("error_description");
        assert_eq!(told, "Please ask for an invitation.", "{backend}");
        assert!(users(&app, NEW).await.is_empty(), "{backend}");
        app.unbind_action(&id).await;
        let welcome = "exports.onExecutePreUserRegistration = async (event, api) => {
            api.user.setAppMetadata('via', event.connection.strategy);
        };";
        app.bind_action(PreUserRegistration, "welcome", welcome).await;
        let claim = "exports.onExecutePostLogin = async (event, api) => {
            api.idToken.setCustomClaim('via', event.user.app_metadata.via);
        };";
        app.bind_action(PostLogin, "claim", claim).await;
        let login = with_code(&app, &world, &otp).await.ok();
        assert_eq!(payload(text(&login, "id_token"))["via"], "email", "{backend}");
        let user = &users(&app, NEW).await[0];
        assert_eq!(user["app_metadata"], json!({ "via": "email" }), "{backend}");
    }
}

/// A machine that may read messages.
async fn machine(app: &TestApp) -> Value {
    app.add_api(MESSAGES, &["read:messages", "write:messages"], json!({})).await;
    let client = json!({
        "app_type": "non_interactive", "grant_types": ["client_credentials"],
        "client_metadata": { "tier": "one" },
    });
    let client = app.add_client(client).await;
    let grant = json!({
        "client_id": client["client_id"], "audience": MESSAGES, "scope": ["read:messages"],
    });
    TestApp::created(&app.management("POST", "/client-grants", Some(grant)).await);
    client
}

async fn for_itself(app: &TestApp, client: &Value, more: &[(&str, &str)]) -> Answer {
    let mut form = vec![
        ("grant_type", "client_credentials"),
        ("client_id", text(client, "client_id")),
        ("client_secret", text(client, "client_secret")),
        ("audience", MESSAGES),
    ];
    form.extend_from_slice(more);
    app.token(&form).await
}

#[tokio::test]
async fn the_token_of_an_application_says_what_actions_add() {
    for (backend, app) in each_backend().await {
        let client = machine(&app).await;
        let first = "exports.onExecuteCredentialsExchange = async (event, api) => {
            console.log(JSON.stringify(event));
            api.accessToken.setCustomClaim('https://acme.example/tier', event.client.metadata.tier);
            api.accessToken.setCustomClaim('sub', 'root');
        };";
        let second = "exports.onExecuteCredentialsExchange = async (event, api) => {
            const before = event.accessToken.customClaims['https://acme.example/tier'];
            api.accessToken.setCustomClaim('again', before + '!');
        };";
        let id = app.bind_action(CredentialsExchange, "first", first).await;
        app.bind_action(CredentialsExchange, "second", second).await;
        let more = [("scope", "read:messages"), ("ext", "1")];
        let token = for_itself(&app, &client, &more).await.ok();
        let claims = payload(text(&token, "access_token"));
        assert_eq!(claims["https://acme.example/tier"], "one", "{backend}");
        assert_eq!(claims["again"], "one!", "{backend}");
        assert_eq!(claims["sub"], format!("{}@clients", text(&client, "client_id")), "{backend}");
        let execution = &app.executions_of(&id).await[0];
        assert_eq!(execution.status.as_str(), "final", "{backend}");
        assert_eq!(execution.results[0].notes.len(), 1, "{backend}: sub");
        let console = &execution.results[0].console;
        assert!(!console.contains(text(&client, "client_secret")), "{backend}");
        let event: Value = serde_json::from_str(console.trim()).unwrap();
        let token = json!({ "customClaims": {}, "scope": ["read:messages"] });
        assert_eq!(event["accessToken"], token, "{backend}");
        assert_eq!(event["resource_server"], json!({ "identifier": MESSAGES }), "{backend}");
        let transaction = json!({ "requested_scopes": ["read:messages"] });
        assert_eq!(event["transaction"], transaction, "{backend}");
        let body = json!({
            "grant_type": "client_credentials", "client_id": client["client_id"],
            "audience": MESSAGES, "scope": "read:messages", "ext": "1",
        });
        assert_eq!(event["request"]["body"], body, "{backend}");
        assert!(event.get("user").is_none(), "{backend}");
    }
}

#[tokio::test]
async fn an_action_refuses_an_application_with_the_codes_of_its_trigger() {
    for (backend, app) in each_backend().await {
        let client = machine(&app).await;
        let cases = [
            ("api.access.deny('invalid_scope', 'too much');", (400, "invalid_scope"), "too much"),
            ("api.access.deny('invalid_request', 'no');", (400, "invalid_request"), "no"),
            ("api.access.deny('server_error', 'later');", (400, "server_error"), "later"),
            ("throw new Error('broken');", (403, "access_denied"), "broken"),
            // No code of the trigger: the call itself fails.
            ("api.access.deny('invalid_client', 'no');", (403, "access_denied"), ""),
            ("api.accessToken.addScope('write:messages');", (403, "access_denied"), ""),
        ];
        for (i, (body, (status, error), description)) in cases.into_iter().enumerate() {
            let code = format!(
                "exports.onExecuteCredentialsExchange = async (event, api) => {{ {body} }};"
            );
            let id = app.bind_action(CredentialsExchange, &format!("deny {i}"), &code).await;
            let answer = for_itself(&app, &client, &[]).await;
            assert_eq!(answer.error(), (status, error.to_owned()), "{backend}: {body}");
            let told = answer.text_of("error_description");
            assert!(told.starts_with(description), "{backend}: {told}");
            app.unbind_action(&id).await;
        }
        for_itself(&app, &client, &[]).await.ok();
    }
}

#[tokio::test]
async fn what_an_action_caches_is_there_for_the_next_execution_of_its_trigger() {
    for (backend, app) in each_backend().await {
        let client = machine(&app).await;
        let code = "exports.onExecuteCredentialsExchange = async (event, api) => {
            const before = api.cache.get('count')?.value ?? '0';
            const count = String(Number(before) + 1);
            api.cache.set('count', count, { ttl: 60_000 });
            api.accessToken.setCustomClaim('count', count);
        };";
        app.bind_action(CredentialsExchange, "count", code).await;
        let other = "exports.onExecuteCredentialsExchange = async (event, api) => {
            api.accessToken.setCustomClaim('seen', api.cache.get('count')?.value);
        };";
        app.bind_action(CredentialsExchange, "see", other).await;
        for expected in ["1", "2", "3"] {
            let token = for_itself(&app, &client, &[]).await.ok();
            let claims = payload(text(&token, "access_token"));
            assert_eq!(claims["count"], expected, "{backend}");
            assert_eq!(claims["seen"], expected, "{backend}: by the next Action, too");
        }
    }
}
