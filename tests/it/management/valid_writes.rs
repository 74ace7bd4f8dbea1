//! One request per operation that writes, that must succeed. Who adds such an operation to the
//! table of routes adds its request here.

use doorward::{crypto::digest, policy::management::Operation};
use serde_json::{Value, json};

use super::{get, jobs, post, segment};
use crate::support::{Answer, TestApp, browser::Browser, fixtures::*, payload, signer::signer};

/// Stands for every secret that a request carries.
pub const SECRET: &str = "a-secret-that-no-event-may-tell-1A!";

/// Sends a request as [`request`] has made it.
pub async fn send(app: &TestApp, operation: &Operation, path: &str, body: Option<Value>) -> Answer {
    match body {
        Some(Value::String(form)) => {
            let content_type = format!("multipart/form-data; boundary={}", jobs::BOUNDARY);
            jobs::send(app, &content_type, form).await
        }
        body => app.management(operation.method, path, body).await,
    }
}

/// Makes what the operation needs, and returns its path and body: JSON, or a form as a string.
pub async fn request(app: &TestApp, operation: &Operation) -> Option<(String, Option<Value>)> {
    let fresh = app.inner.entropy.lower_hex(12);
    let bare = |path: String| (path, None);
    let with = |path: String, body: Value| (path, Some(body));
    let resource = operation.path.split('/').nth(1)?;
    Some(match (operation.method, operation.path) {
        ("POST", "/clients") => with("/clients".into(), json!({ "name": fresh })),
        ("PATCH", "/clients/{id}") => {
            with(client(app).await, json!({ "name": fresh, "client_secret": SECRET }))
        }
        ("DELETE", "/clients/{id}") => bare(client(app).await),
        ("POST", "/clients/{id}/rotate-secret") => {
            bare(format!("{}/rotate-secret", client(app).await))
        }
        ("POST", "/clients/{id}/credentials") => {
            with(format!("{}/credentials", client(app).await), key())
        }
        ("PATCH", "/clients/{id}/credentials/{credential_id}") => {
            with(credential(app).await, json!({ "expires_at": "2099-01-01T00:00:00.000Z" }))
        }
        ("DELETE", "/clients/{id}/credentials/{credential_id}") => bare(credential(app).await),
        ("POST", "/resource-servers") => {
            with("/resource-servers".into(), json!({ "identifier": format!("https://{fresh}") }))
        }
        ("PATCH", "/resource-servers/{id}") => with(
            api(app, &fresh).await.0,
            json!({ "signing_alg": "HS256", "signing_secret": SECRET }),
        ),
        ("DELETE", "/resource-servers/{id}") => bare(api(app, &fresh).await.0),
        ("POST" | "PATCH" | "DELETE", path) if resource == "client-grants" => {
            client_grant(app, path, operation.method).await
        }
        ("POST", "/users") => with(
            "/users".into(),
            json!({
                "connection": "Username-Password-Authentication",
                "email": format!("{fresh}@example.com"), "password": SECRET,
            }),
        ),
        ("PATCH", "/users/{id}") => with(
            format!("/users/{}", user(app, &fresh).await),
            json!({ "password": SECRET, "user_metadata": { "colour": "red" } }),
        ),
        ("DELETE", "/users/{id}") => bare(format!("/users/{}", user(app, &fresh).await)),
        ("POST" | "DELETE", "/users/{id}/permissions") => {
            let permissions = permissions(app, &fresh).await;
            with(format!("/users/{}/permissions", user(app, &fresh).await), permissions)
        }
        ("POST" | "DELETE", "/users/{id}/roles") => {
            let body = json!({ "roles": [role(app, &fresh).await] });
            with(format!("/users/{}/roles", user(app, &fresh).await), body)
        }
        ("POST", "/connections") => {
            with("/connections".into(), json!({ "name": fresh, "strategy": "auth0" }))
        }
        ("PATCH", "/connections/{id}") => with(
            format!("/connections/{}", connection(app, &fresh).await),
            json!({ "options": { "disable_signup": true }, "display_name": fresh }),
        ),
        ("DELETE", "/connections/{id}") => {
            bare(format!("/connections/{}", connection(app, &fresh).await))
        }
        ("PATCH", "/connections/{id}/clients") => {
            let client = app.add_client(json!({})).await;
            let path = format!("/connections/{}/clients", connection(app, &fresh).await);
            with(path, json!([{ "client_id": client["client_id"], "status": true }]))
        }
        ("DELETE", "/connections/{id}/users") => {
            let id = jobs::database(app).await;
            user_id(app, &fresh).await;
            bare(format!("/connections/{id}/users?email={fresh}@example.com"))
        }
        ("POST", "/jobs/users-exports") => {
            with("/jobs/users-exports".into(), json!({ "format": "json" }))
        }
        ("POST", "/jobs/users-imports") => {
            let parts = [("users", "[]"), ("connection_id", &jobs::database(app).await)];
            with("/jobs/users-imports".into(), jobs::multipart(&parts).into())
        }
        ("POST", "/roles") => with("/roles".into(), json!({ "name": fresh })),
        ("PATCH", "/roles/{id}") => {
            with(format!("/roles/{}", role(app, &fresh).await), json!({ "description": fresh }))
        }
        ("DELETE", "/roles/{id}") => bare(format!("/roles/{}", role(app, &fresh).await)),
        ("POST" | "DELETE", "/roles/{id}/permissions") => {
            let permissions = permissions(app, &fresh).await;
            with(format!("/roles/{}/permissions", role(app, &fresh).await), permissions)
        }
        ("POST", "/roles/{id}/users") => {
            let body = json!({ "users": [user_id(app, &fresh).await] });
            with(format!("/roles/{}/users", role(app, &fresh).await), body)
        }
        ("POST", "/rules") => with("/rules".into(), rule_of(&fresh)),
        ("PATCH", "/rules/{id}") => {
            with(rule(app, &fresh).await, json!({ "script": RULE, "enabled": true }))
        }
        ("DELETE", "/rules/{id}") => bare(rule(app, &fresh).await),
        ("PUT", "/rules-configs/{key}") => {
            with(format!("/rules-configs/{fresh}"), json!({ "value": SECRET }))
        }
        ("DELETE", "/rules-configs/{key}") => {
            let path = format!("/rules-configs/{fresh}");
            app.management("PUT", &path, Some(json!({ "value": SECRET }))).await.ok();
            bare(path)
        }
        ("POST", "/organizations") => with("/organizations".into(), json!({ "name": fresh })),
        ("DELETE", "/organizations/{id}") => bare(organization(app, &fresh).await),
        ("POST" | "DELETE", "/organizations/{id}/members") => {
            let body = json!({ "members": [user_id(app, &fresh).await] });
            with(format!("{}/members", organization(app, &fresh).await), body)
        }
        ("PATCH", "/tenants/settings") => {
            with("/tenants/settings".into(), json!({ "friendly_name": fresh }))
        }
        ("PATCH", "/attack-protection/brute-force-protection") => {
            with(operation.path.into(), json!({ "max_attempts": 7 }))
        }
        ("PATCH", "/attack-protection/suspicious-ip-throttling") => {
            with(operation.path.into(), json!({ "shields": ["block"] }))
        }
        ("PATCH", "/attack-protection/breached-password-detection") => {
            with(operation.path.into(), json!({ "method": "enhanced" }))
        }
        ("POST", "/keys/signing/rotate") => bare("/keys/signing/rotate".into()),
        ("PUT", "/keys/signing/{kid}/revoke") => {
            post(app, "/keys/signing/rotate", json!({})).await;
            let keys = get(app, "/keys/signing").await.ok();
            let keys = keys.as_array().unwrap();
            let previous =
                keys.iter().find(|key| key["previous"] == true && key["revoked"] == false);
            bare(format!("/keys/signing/{}/revoke", text(previous.unwrap(), "kid")))
        }
        (
            "POST",
            "/tickets/password-change" | "/tickets/email-verification" | "/jobs/verification-email",
        ) => with(operation.path.into(), json!({ "user_id": user_id(app, &fresh).await })),
        ("PATCH", "/organizations/{id}") => {
            with(organization(app, &fresh).await, json!({ "display_name": fresh }))
        }
        ("POST", "/users/{id}/revoke-access") => {
            with(format!("/users/{}/revoke-access", user(app, &fresh).await), json!({}))
        }
        (method, path) if resource == "actions" => action(app, method, path, &fresh).await,
        ("DELETE", "/user-blocks") => bare("/user-blocks?identifier=somebody".into()),
        ("DELETE", "/user-blocks/{id}") => {
            bare(format!("/user-blocks/{}", user(app, &fresh).await))
        }
        ("DELETE", "/anomaly/blocks/ips/{id}") => bare("/anomaly/blocks/ips/192.0.2.1".into()),
        _ if matches!(
            resource,
            "refresh-tokens" | "sessions" | "grants" | "device-credentials" | "users"
        ) =>
        {
            after_a_login(app, operation).await?
        }
        _ => return None,
    })
}

const RULE: &str = "(user, context, callback) => callback(null, user, context)";

/// It is switched off: others log in on the same server.
fn rule_of(name: &str) -> Value {
    let script = format!("(user, context, callback) => callback(null, user, context) // {SECRET}");
    json!({ "name": name, "script": script, "enabled": false })
}

async fn rule(app: &TestApp, name: &str) -> String {
    let created = TestApp::created(&post(app, "/rules", rule_of(name)).await);
    format!("/rules/{}", text(&created, "id"))
}

async fn client(app: &TestApp) -> String {
    let client = app.add_client(json!({ "app_type": "regular_web" })).await;
    format!("/clients/{}", text(&client, "client_id"))
}

fn key() -> Value {
    json!({ "credential_type": "public_key", "pem": signer().pem })
}

async fn credential(app: &TestApp) -> String {
    let path = format!("{}/credentials", client(app).await);
    let added = TestApp::created(&post(app, &path, key()).await);
    format!("{path}/{}", text(&added, "id"))
}

/// The path and the identifier of an API with the scope `read:all`.
async fn api(app: &TestApp, fresh: &str) -> (String, String) {
    let identifier = format!("https://{fresh}.example");
    let api = app.add_api(&identifier, &["read:all"], json!({})).await;
    (format!("/resource-servers/{}", text(&api, "id")), identifier)
}

async fn client_grant(app: &TestApp, path: &str, method: &str) -> (String, Option<Value>) {
    let client = app.add_client(json!({ "app_type": "non_interactive" })).await;
    let (_, audience) = api(app, &app.inner.entropy.lower_hex(12)).await;
    let body = json!({
        "client_id": client["client_id"], "audience": audience, "scope": ["read:all"],
    });
    if method == "POST" {
        return (path.to_owned(), Some(body));
    }
    let grant = TestApp::created(&post(app, "/client-grants", body).await);
    let change = (method == "PATCH").then(|| json!({ "scope": [] }));
    (path.replace("{id}", text(&grant, "id")), change)
}

async fn connection(app: &TestApp, fresh: &str) -> String {
    let body = json!({ "name": fresh, "strategy": "auth0" });
    let created = TestApp::created(&post(app, "/connections", body).await);
    text(&created, "id").to_owned()
}

async fn user_id(app: &TestApp, fresh: &str) -> String {
    let user = app.add_user(&format!("{fresh}@example.com"), SECRET).await;
    text(&user, "user_id").to_owned()
}

async fn user(app: &TestApp, fresh: &str) -> String {
    segment(&user_id(app, fresh).await)
}

async fn role(app: &TestApp, fresh: &str) -> String {
    let role = post(app, "/roles", json!({ "name": fresh })).await.ok();
    text(&role, "id").to_owned()
}

async fn permissions(app: &TestApp, fresh: &str) -> Value {
    let (_, identifier) = api(app, fresh).await;
    let one = json!({ "resource_server_identifier": identifier, "permission_name": "read:all" });
    json!({ "permissions": [one] })
}

/// Requests about an Action with a secret, which is bound where the request is about bindings.
async fn action(app: &TestApp, method: &str, path: &str, fresh: &str) -> (String, Option<Value>) {
    let body = json!({
        "name": fresh,
        "supported_triggers": [{ "id": "post-login", "version": "v3" }],
        "code": "exports.onExecutePostLogin = async () => {};",
        "secrets": [{ "name": "KEY", "value": SECRET }],
        "deploy": true,
    });
    if (method, path) == ("POST", "/actions/actions") {
        return (path.to_owned(), Some(body));
    }
    if path == "/actions/check" {
        return (path.to_owned(), Some(json!({ "code": body["code"], "kind": "action" })));
    }
    let action = TestApp::created(&post(app, "/actions/actions", body).await);
    let version = text(&action["deployed_version"], "id");
    let is_of_trigger = path.starts_with("/actions/triggers");
    let id = if is_of_trigger { "post-login" } else { text(&action, "id") };
    let body = match (method, path.rsplit('/').next().unwrap()) {
        ("PATCH", "bindings") => Some(json!({ "bindings": [
            { "ref": { "type": "action_id", "value": action["id"] }, "display_name": fresh },
        ] })),
        ("PATCH", _) => Some(json!({
            "code": "exports.onExecutePostLogin = async (event) => event;",
            "secrets": [{ "name": "OTHER", "value": SECRET }],
        })),
        ("POST", "test") => Some(json!({ "payload": { "event": { "user": { "name": SECRET } } } })),
        _ if path.contains("{version_id}") => Some(json!({ "update_draft": true })),
        _ => None,
    };
    (path.replace("{id}", id).replace("{version_id}", version), body)
}

async fn organization(app: &TestApp, fresh: &str) -> String {
    let created = TestApp::created(&post(app, "/organizations", json!({ "name": fresh })).await);
    format!("/organizations/{}", text(&created, "id"))
}

/// A login at a third party with its consent, and what it left behind.
async fn after_a_login(app: &TestApp, operation: &Operation) -> Option<(String, Option<Value>)> {
    let fresh = app.inner.entropy.lower_hex(12);
    let (_, audience) = api(app, &fresh).await;
    let client = app.add_client(json!({ "is_first_party": false })).await;
    let user_id = user_id(app, &fresh).await;
    let world = World {
        client_id: text(&client, "client_id").to_owned(),
        client_secret: text(&client, "client_secret").to_owned(),
        user_id: user_id.clone(),
        messages_id: String::new(),
        billing_id: String::new(),
    };
    let (challenge, scope) = (digest::s256_challenge(VERIFIER), "openid offline_access read:all");
    let asked = [("audience", audience.as_str()), ("scope", scope)];
    let query = authorize_query(&world.client_id, &challenge, &asked);
    let mut browser = Browser::new(app);
    let email = format!("{fresh}@example.com");
    let page = browser.log_in(&query, &email, SECRET).await.page();
    let landed = browser.submit(&page, &[("action", "accept")]).await.application();
    let login = app.exchange_code(&world, &landed["code"]).await.ok();

    let (user, plain) = (segment(&user_id), operation.path);
    let first = async |path: String, list: &str, id: &str| {
        let found = get(app, &path).await.ok();
        let found = if list.is_empty() { found } else { found[list].clone() };
        text(&found[0], id).to_owned()
    };
    let token = async || first(format!("/users/{user}/refresh-tokens"), "tokens", "id").await;
    let session = payload(text(&login, "id_token"))["sid"].as_str().unwrap().to_owned();
    Some(match (operation.method, operation.path) {
        ("POST", "/refresh-tokens/revoke") => {
            (plain.to_owned(), Some(json!({ "ids": [token().await] })))
        }
        ("PATCH", "/refresh-tokens/{id}") => {
            let body = json!({ "refresh_token_metadata": { "colour": "red" } });
            (plain.replace("{id}", &token().await), Some(body))
        }
        ("DELETE", "/refresh-tokens/{id}" | "/device-credentials/{id}") => {
            (plain.replace("{id}", &token().await), None)
        }
        ("DELETE", "/users/{id}/refresh-tokens" | "/users/{id}/sessions") => {
            (plain.replace("{id}", &user), None)
        }
        ("PATCH", "/sessions/{id}") => {
            let body = json!({ "session_metadata": { "colour": "red" } });
            (plain.replace("{id}", &session), Some(body))
        }
        ("DELETE", "/sessions/{id}") | ("POST", "/sessions/{id}/revoke") => {
            (plain.replace("{id}", &session), None)
        }
        ("DELETE", "/grants") => (format!("/grants?user_id={user}"), None),
        ("DELETE", "/grants/{id}") => {
            let grant = first(format!("/grants?user_id={user}"), "", "id").await;
            (plain.replace("{id}", &grant), None)
        }
        _ => return None,
    })
}
