//! The request that is being answered, as `event.request` tells it. It is context like a span: set
//! where a request comes in, read when a script is told of it.

use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value, json};

use crate::telemetry;

tokio::task_local! {
    static REQUEST: Arc<CurrentRequest>;
}

/// A request. Cheap to make: nothing is read before a script asks.
#[derive(Debug, Default)]
pub struct CurrentRequest {
    /// `GET`, `POST`, …
    pub method: String,
    /// The host that it was sent to, without the port.
    pub hostname: Option<String>,
    /// The languages that the caller accepts.
    pub language: Option<String>,
    /// The query, as it came.
    pub query: Option<String>,
    body: OnceLock<Body>,
}

/// The body of a request, as it came.
#[derive(Debug, Clone)]
pub enum Body {
    /// `application/x-www-form-urlencoded`
    Form(Vec<u8>),
    /// `application/json`
    Json(Vec<u8>),
}

impl CurrentRequest {
    /// A request whose body has not been read.
    pub fn new(
        method: String,
        hostname: Option<String>,
        language: Option<String>,
        query: Option<String>,
    ) -> Self {
        Self { method, hostname, language, query, body: OnceLock::new() }
    }
}

/// Runs `answering` with what scripts are told about the request.
pub async fn scope<F: Future>(request: Arc<CurrentRequest>, answering: F) -> F::Output {
    REQUEST.scope(request, answering).await
}

/// Remembers the body of the request that this task answers.
pub fn remember_body(body: impl FnOnce() -> Body) {
    let _ = REQUEST.try_with(|request| request.body.set(body()));
}

/// The request that this task answers; an empty one outside of any.
pub fn current() -> Arc<CurrentRequest> {
    REQUEST.try_with(Arc::clone).unwrap_or_default()
}

/// What an event may carry of the parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reveal {
    /// All but what is secret.
    AllButSecrets,
    /// All: they come from where a script sent the browser.
    Everything,
}

/// Parameters that let their owner in, or belong to such. They never enter an event: a script logs
/// and sends what it is told.
const SECRET: &[&str] = &[
    "access_token",
    "actor_token",
    "assertion",
    "client_assertion",
    "code",
    "code_verifier",
    "device_code",
    "id_token",
    "id_token_hint",
    "mfa_token",
    "oob_code",
    "otp",
    "recovery_code",
    "refresh_token",
    "request",
    "request_uri",
    "session_token",
    "subject_token",
    "ticket",
    "token",
    "user_code",
    "verification_code",
];

/// Whether a parameter of this name never enters an event.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET.contains(&name.as_str()) || name.contains("password") || name.contains("secret")
}

/// Drops what is secret from parameters.
pub fn without_secrets(mut parameters: Map<String, Value>) -> Map<String, Value> {
    parameters.retain(|name, _| !is_secret(name));
    parameters
}

/// `event.request`
pub fn event(request: &CurrentRequest, reveal: Reveal) -> Map<String, Value> {
    let caller = telemetry::caller::current();
    let query = request.query.as_deref().unwrap_or("").as_bytes();
    let body = request.body.get().map(parameters).unwrap_or_default();
    let revealed = |parameters| match reveal {
        Reveal::Everything => parameters,
        Reveal::AllButSecrets => without_secrets(parameters),
    };
    let mut event = Map::from_iter([
        ("method".to_owned(), json!(request.method)),
        ("query".to_owned(), revealed(form(query)).into()),
        ("body".to_owned(), revealed(body).into()),
    ]);
    for (name, value) in [
        ("ip", &caller.ip),
        ("user_agent", &caller.user_agent),
        ("hostname", &request.hostname),
        ("language", &request.language),
    ] {
        if let Some(value) = value {
            event.insert(name.to_owned(), json!(value));
        }
    }
    event
}

fn parameters(body: &Body) -> Map<String, Value> {
    match body {
        Body::Form(encoded) => form(encoded),
        Body::Json(text) => serde_json::from_slice(text).unwrap_or_default(),
    }
}

fn form(encoded: &[u8]) -> Map<String, Value> {
    let pairs = url::form_urlencoded::parse(encoded);
    pairs.map(|(name, value)| (name.into_owned(), value.into_owned().into())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(query: &str) -> CurrentRequest {
        let host = Some("login.example".to_owned());
        CurrentRequest::new("POST".to_owned(), host, None, Some(query.to_owned()))
    }

    #[test]
    fn what_lets_somebody_in_never_enters_an_event() {
        let secrets = "client_secret=S&client_assertion=S&refresh_token=S&password=S&code=S&otp=S\
            &code_verifier=S&device_code=S&newPassword=S&Refresh_Token=S&id_token_hint=S\
            &subject_token=S&x_api_secret=S";
        let request = request(&format!("{secrets}&audience=a&ext=1"));
        let json = secrets.replace('&', "\",\"").replace('=', "\":\"");
        let json = format!("{{\"{json}\",\"scope\":\"openid\",\"nested\":{{\"a\":1}}}}");
        request.body.set(Body::Json(json.into_bytes())).unwrap();
        let event = event(&request, Reveal::AllButSecrets);
        assert_eq!(event["query"], json!({ "audience": "a", "ext": "1" }));
        assert_eq!(event["body"], json!({ "scope": "openid", "nested": { "a": 1 } }));
        assert!(!json!(event).to_string().contains("\"S\""));
    }

    #[test]
    fn a_request_tells_where_it_was_sent() {
        let request = request("state=x&session_token=t");
        request.body.set(Body::Form(b"a=1&b=%20".to_vec())).unwrap();
        let event = json!(event(&request, Reveal::Everything));
        let expected = json!({
            "method": "POST", "hostname": "login.example",
            "query": { "state": "x", "session_token": "t" }, "body": { "a": "1", "b": " " },
        });
        assert_eq!(event, expected);
        let nothing = json!(super::event(&current(), Reveal::AllButSecrets));
        assert_eq!(nothing, json!({ "method": "", "query": {}, "body": {} }));
    }
}
