//! The Management API, over real HTTP.

mod access;
mod actions;
mod actions_bindings;
mod actions_checking;
mod actions_executions;
mod actions_secrets;
mod actions_trial;
mod actions_versions;
mod api_usage;
mod attack_protection;
mod audited;
pub mod bad_input;
mod blocks;
mod client_credentials;
mod client_grants;
mod client_policies;
mod clients;
mod concurrency;
mod connections;
mod custom_domains;
mod explain;
mod explain_drafts;
mod families;
mod grants;
pub mod jobs;
mod logs;
mod openapi;
mod organization_edits;
mod organizations;
mod page;
mod paging;
mod rate_limits;
mod refresh_tokens;
mod requests;
mod resource_servers;
mod roles;
mod rules;
mod session_edits;
mod sessions;
mod signing_keys;
mod sources;
mod stats;
mod stats_activity;
mod stats_attention;
mod tenant_pages;
mod tenant_settings;
mod tickets;
mod unbuilt;
mod user_permissions;
mod user_search;
mod users;
pub mod valid_writes;
mod verify_email;

use serde_json::Value;

use crate::support::{Answer, TestApp};

/// Status and `errorCode` of an error, after checking its shape.
#[track_caller]
fn refused(answer: &Answer) -> (u16, String) {
    let body = answer.json();
    assert_eq!(body["statusCode"], answer.status, "{body}");
    assert!(body["error"].is_string() && body["message"].is_string(), "{body}");
    assert_eq!(answer.header("cache-control"), "no-store");
    (answer.status, body["errorCode"].as_str().unwrap_or("").to_owned())
}

/// Fails the test unless `answer` is a 400 of the body with this message.
#[track_caller]
fn invalid_body(answer: &Answer, message: &str) {
    assert_eq!(refused(answer), (400, "invalid_body".to_owned()), "{}", answer.text);
    assert_eq!(answer.text_of("message"), message);
}

/// A path segment, percent-encoded.
fn segment(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let encode = |b: u8| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    text.bytes().map(encode).collect()
}

async fn get(app: &TestApp, path: &str) -> Answer {
    app.management("GET", path, None).await
}
async fn post(app: &TestApp, path: &str, body: Value) -> Answer {
    app.management("POST", path, Some(body)).await
}
async fn patch(app: &TestApp, path: &str, body: Value) -> Answer {
    app.management("PATCH", path, Some(body)).await
}
async fn delete(app: &TestApp, path: &str) -> Answer {
    app.management("DELETE", path, None).await
}
