//! What keeps people from guessing passwords, over real HTTP. The tests stand behind a proxy that
//! the server trusts, so that they come from wherever they want.

mod accounts;
mod addresses;
mod messages;
mod proxies;
mod requests;
mod signups;

use serde_json::{Value, json};

use crate::support::{Answer, Configuration, TestApp, fixtures::*};

/// Behind a proxy of the operator's; one user may log in as often as they like.
const PROXIED: Configuration = "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n\
    [attack_protection]\nsame_user_logins_per_minute = 0\n";
/// The same with the limit of the logins of one user.
const HURRIED: Configuration = "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n";
const BRUTE_FORCE: &str = "/attack-protection/brute-force-protection";
const SUSPICIOUS_IP: &str = "/attack-protection/suspicious-ip-throttling";
const HERE: &str = "192.0.2.1";
const THERE: &str = "198.51.100.7";

/// An application that exchanges passwords.
async fn world(app: &TestApp) -> World {
    app.world_with(json!({ "grant_types": ["password"] }), json!({})).await
}

/// One try, from an address.
async fn guess(app: &TestApp, world: &World, from: &str, who: &str, password: &str) -> Answer {
    let form = [
        ("grant_type", "password"),
        ("client_id", world.client_id.as_str()),
        ("username", who),
        ("password", password),
        ("scope", "openid"),
    ];
    let request = app.http.post(app.url("oauth/token")).header("x-forwarded-for", from);
    app.send(request.form(&form)).await
}

async fn set(app: &TestApp, path: &str, body: Value) -> Value {
    app.management("PATCH", path, Some(body)).await.ok()
}

async fn events(app: &TestApp, kind: &str) -> Vec<Value> {
    app.inner.login.audit.flush().await;
    let rows = app.management("GET", &format!("/logs?per_page=100&q=type:{kind}"), None).await.ok();
    rows.as_array().unwrap().clone()
}

/// A time to wait that is at most this long: the clock goes on while the test runs.
fn waits(answer: &Answer, most: i64) -> bool {
    answer.header("retry-after").parse().is_ok_and(|seconds: i64| (1..=most).contains(&seconds))
}

fn blocked() -> (u16, String) {
    (429, "too_many_attempts".to_owned())
}

fn wrong() -> (u16, String) {
    (400, "invalid_grant".to_owned())
}
