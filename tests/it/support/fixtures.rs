//! The usual cast: two APIs, an application with policies, a user; and what they do.

use doorward::crypto::digest;
use serde_json::{Value, json};

use crate::support::{Answer, TestApp, browser::Browser};

pub const MESSAGES: &str = "https://api.example.com";
pub const BILLING: &str = "https://billing.example.com";
pub const CALLBACK: &str = "https://app.example/callback";
pub const EMAIL: &str = "ada@example.com";
pub const PASSWORD: &str = "correct horse battery staple";
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const LOGIN_SCOPE: &str = "openid profile offline_access read:messages";

/// Two APIs, an application with policies for both, and a user.
pub struct World {
    pub client_id: String,
    pub client_secret: String,
    pub user_id: String,
    pub messages_id: String,
    pub billing_id: String,
}

/// The refresh-token settings of the application, with some members replaced.
pub fn refresh_settings(changes: Value) -> Value {
    let mut settings = json!({
        "rotation_type": "rotating",
        "expiration_type": "expiring",
        "leeway": 10,
        "token_lifetime": 1000,
        "idle_token_lifetime": 500,
        "infinite_token_lifetime": false,
        "infinite_idle_token_lifetime": false,
        "policies": [
            { "audience": MESSAGES, "scope": ["write:messages"] },
            { "audience": BILLING, "scope": ["read:billing", "write:billing"] },
        ],
    });
    merge(&mut settings, changes);
    settings
}

fn merge(into: &mut Value, changes: Value) {
    for (name, value) in changes.as_object().cloned().unwrap_or_default() {
        into[name] = value;
    }
}

impl TestApp {
    pub async fn add_api(&self, identifier: &str, scopes: &[&str], more: Value) -> Value {
        let scopes: Vec<_> = scopes.iter().map(|s| json!({ "value": s })).collect();
        let mut body = json!({
            "identifier": identifier, "name": identifier, "scopes": scopes,
            "allow_offline_access": true,
        });
        merge(&mut body, more);
        Self::created(&self.management("POST", "/resource-servers", Some(body)).await)
    }

    pub async fn add_client(&self, more: Value) -> Value {
        let mut body = json!({
            "name": "App", "app_type": "spa", "callbacks": [CALLBACK],
            "allowed_logout_urls": ["https://app.example/"],
            "grant_types": ["authorization_code", "refresh_token"],
        });
        merge(&mut body, more);
        Self::created(&self.management("POST", "/clients", Some(body)).await)
    }

    pub async fn add_user(&self, email: &str, password: &str) -> Value {
        let body = json!({
            "connection": "Username-Password-Authentication",
            "email": email, "password": password, "verify_email": false,
        });
        Self::created(&self.management("POST", "/users", Some(body)).await)
    }

    /// The id of the first database connection.
    pub async fn connection_id(&self) -> String {
        let mut conn = self.inner.store.read().await.unwrap();
        let name = doorward::domain::user::DATABASE_CONNECTION;
        let found = doorward::store::connections::find_by_name(conn.db(), name).await.unwrap();
        found.unwrap().connection.id.as_str().to_owned()
    }

    pub async fn patch_client(&self, id: &str, body: Value) -> Value {
        self.management("PATCH", &format!("/clients/{id}"), Some(body)).await.ok()
    }

    /// The usual world.
    pub async fn world(&self) -> World {
        self.world_with(json!({}), json!({})).await
    }

    /// A login of the usual user with the password grant, for the usual API.
    pub async fn with_password(&self, world: &World, scope: &str) -> Answer {
        self.token(&[
            ("grant_type", "password"),
            ("client_id", world.client_id.as_str()),
            ("username", EMAIL),
            ("password", PASSWORD),
            ("audience", MESSAGES),
            ("scope", scope),
        ])
        .await
    }

    /// The usual world with changes to the application and its refresh-token settings.
    pub async fn world_with(&self, client: Value, refresh: Value) -> World {
        let text = |value: &Value, name: &str| value[name].as_str().unwrap().to_owned();
        let scopes = ["read:messages", "write:messages", "delete:messages"];
        let messages = self.add_api(MESSAGES, &scopes, json!({})).await;
        let billing = self.add_api(BILLING, &["read:billing"], json!({})).await;
        let mut changes = json!({ "refresh_token": refresh_settings(refresh) });
        merge(&mut changes, client);
        let client = self.add_client(changes).await;
        let user = self.add_user(EMAIL, PASSWORD).await;
        World {
            client_id: text(&client, "client_id"),
            client_secret: text(&client, "client_secret"),
            user_id: text(&user, "user_id"),
            messages_id: text(&messages, "id"),
            billing_id: text(&billing, "id"),
        }
    }

    /// Logs in through the browser and exchanges the code.
    pub async fn log_in(&self, world: &World) -> Value {
        self.log_in_for(world, &[("audience", MESSAGES), ("scope", LOGIN_SCOPE)]).await
    }

    /// The same with other parameters at `/authorize`.
    pub async fn log_in_for(&self, world: &World, more: &[(&str, &str)]) -> Value {
        let mut browser = Browser::new(self);
        let code = self.code_for(&mut browser, world, more).await;
        self.exchange_code(world, &code).await.ok()
    }

    /// A code, from the login of a browser.
    pub async fn code_for(
        &self,
        browser: &mut Browser<'_>,
        world: &World,
        more: &[(&str, &str)],
    ) -> String {
        let challenge = digest::s256_challenge(VERIFIER);
        let query = authorize_query(&world.client_id, &challenge, more);
        let landed = browser.log_in(&query, EMAIL, PASSWORD).await.application();
        landed.get("code").unwrap_or_else(|| panic!("no code: {landed:?}")).clone()
    }

    pub async fn exchange_code(&self, world: &World, code: &str) -> Answer {
        self.token(&[
            ("grant_type", "authorization_code"),
            ("client_id", &world.client_id),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ])
        .await
    }

    /// Exchanges a refresh token.
    pub async fn refresh(&self, world: &World, token: &str, more: &[(&str, &str)]) -> Answer {
        let mut form = vec![
            ("grant_type", "refresh_token"),
            ("client_id", world.client_id.as_str()),
            ("refresh_token", token),
        ];
        form.extend_from_slice(more);
        self.token(&form).await
    }
}

/// The query of a good authorize request.
pub fn authorize_query<'a>(
    client_id: &'a str,
    challenge: &'a str,
    more: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let mut query = vec![
        ("client_id", client_id),
        ("response_type", "code"),
        ("redirect_uri", CALLBACK),
        ("state", "a+b/c="),
        ("nonce", "n-0S6_WzA2Mj"),
        ("code_challenge", challenge),
        ("code_challenge_method", "S256"),
    ];
    query.extend_from_slice(more);
    query
}

/// A string member of a token response.
pub fn text<'a>(answer: &'a Value, member: &str) -> &'a str {
    answer[member].as_str().unwrap_or_else(|| panic!("no {member} in {answer}"))
}
