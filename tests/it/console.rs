//! The console: who gets in, and what a token of its users opens.

mod admission;
mod escalation;
mod files;
mod hidden;
mod roles;
mod tokens;

use std::collections::BTreeMap;

use doorward::{
    app::administrators::{self, Appointment, Post},
    crypto::digest,
    domain::secret::Password,
};

use crate::support::{
    Answer, TestApp,
    browser::{Browser, Landed},
    fixtures::{EMAIL, PASSWORD, VERIFIER},
};

const CONSOLE: &str = "doorward-console";

/// Somebody with one of the two roles. Returns the user's id.
async fn appoint(app: &TestApp, email: &str, post: Post) -> String {
    let appointment = Appointment {
        email: email.to_owned(),
        name: None,
        post,
        password: Some(Password::new(PASSWORD)),
        reset_password: true,
    };
    let appointed = administrators::appoint(&app.inner, &appointment).await.unwrap();
    appointed.user.user_id.as_str().to_owned()
}

/// Somebody with these permissions on the Management API and no role.
async fn entrust(app: &TestApp, email: &str, scopes: &[&str]) -> String {
    let user = app.add_user(email, PASSWORD).await["user_id"].as_str().unwrap().to_owned();
    let path = format!("/users/{user}/permissions");
    let body = permissions(app, scopes);
    TestApp::created(&app.management("POST", &path, Some(body)).await);
    user
}

/// Permissions on the Management API, as its requests name them.
fn permissions(app: &TestApp, scopes: &[&str]) -> serde_json::Value {
    let api = format!("{}api/v2/", app.issuer);
    let one = |scope: &&str| serde_json::json!({ "resource_server_identifier": api, "permission_name": scope });
    serde_json::json!({ "permissions": scopes.iter().map(one).collect::<Vec<_>>() })
}

/// What the console asks at `/authorize`, with some members replaced or added.
fn asked(app: &TestApp, more: &[(&str, &str)]) -> BTreeMap<String, String> {
    let scope =
        format!("openid profile email {}", doorward::policy::management::scopes().join(" "));
    let usual = [
        ("client_id", CONSOLE.to_owned()),
        ("response_type", "code".to_owned()),
        ("redirect_uri", app.url("admin/callback")),
        ("audience", app.url("api/v2/")),
        ("scope", scope),
        ("state", "state".to_owned()),
        ("code_challenge", digest::s256_challenge(VERIFIER)),
        ("code_challenge_method", "S256".to_owned()),
    ];
    let mut query: BTreeMap<_, _> =
        usual.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    query.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    query.retain(|_, value| !value.is_empty());
    query
}

/// Goes to `/authorize` as the console sends people there, and gives the password if asked.
async fn sign_in(
    app: &TestApp,
    browser: &mut Browser<'_>,
    email: &str,
    more: &[(&str, &str)],
) -> Landed {
    let query = asked(app, more);
    let query: Vec<_> = query.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    browser.log_in(&query, email, PASSWORD).await
}

async fn exchange(app: &TestApp, code: &str) -> Answer {
    let callback = app.url("admin/callback");
    app.token(&[
        ("grant_type", "authorization_code"),
        ("client_id", CONSOLE),
        ("code", code),
        ("redirect_uri", &callback),
        ("code_verifier", VERIFIER),
    ])
    .await
}

/// The answer of the token endpoint to somebody who signs in at the console.
async fn tokens_of(app: &TestApp, email: &str) -> serde_json::Value {
    let landed = sign_in(app, &mut Browser::new(app), email, &[]).await.application();
    let code = landed.get("code").unwrap_or_else(|| panic!("no code: {landed:?}"));
    exchange(app, code).await.ok()
}

async fn token_of(app: &TestApp, email: &str) -> String {
    tokens_of(app, email).await["access_token"].as_str().unwrap().to_owned()
}

/// The usual administrator, signed in: the id and the token.
async fn administrator(app: &TestApp) -> (String, String) {
    let user = appoint(app, EMAIL, Post::Administrator).await;
    (user, token_of(app, EMAIL).await)
}

/// Status, `errorCode` and `message` of an error of the Management API.
fn refusal(answer: &Answer) -> (u16, String, String) {
    let body = answer.json();
    let text = |name: &str| body[name].as_str().unwrap_or("").to_owned();
    (answer.status, text("errorCode"), text("message"))
}
