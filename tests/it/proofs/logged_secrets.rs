//! What the real binary writes to its log when it writes everything.

use serde_json::{Value, json};

use super::server::Server;
use crate::support::{TestApp, each_backend, fixtures::text};

const VALUE: &str = "a-value-that-no-line-may-have-1A!";

/// A call to the Management API of the binary.
async fn call(
    app: &TestApp,
    server: &Server,
    method: &str,
    path: &str,
    body: Value,
) -> (u16, Value) {
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let request = app.http.request(method, format!("{}api/v2/actions/{path}", server.address));
    let request = request.bearer_auth(app.management_token().await).json(&body);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

#[tokio::test]
async fn the_secret_of_an_action_is_in_no_line_of_the_log() {
    for (backend, app) in each_backend().await {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start_with_log(&app, folder.path(), "trace").await;
        let secrets = json!([{ "name": "KEY", "value": VALUE }]);
        // The code uses its secret, and does not tell it.
        let code = "exports.onExecutePostLogin = (event, api) => {
            api.idToken.setCustomClaim('https://x.example/n', event.secrets.KEY.length);
        };";
        let trigger = json!([{ "id": "post-login", "version": "v3" }]);
        let body = json!({ "name": "Secretive", "supported_triggers": trigger, "code": code, "secrets": secrets, "deploy": true });
        let (status, made) = call(&app, &server, "POST", "actions", body.clone()).await;
        assert_eq!(status, 201, "{backend} {made}");
        let path = format!("actions/{}", text(&made, "id"));
        let payload = json!({ "payload": { "event": { "user": {} } } });
        let (_, tried) = call(&app, &server, "POST", &format!("{path}/test"), payload).await;
        assert_eq!(tried["payload"]["commands"][0]["args"]["value"], VALUE.len(), "{tried}");
        let broken = json!({ "secrets": secrets, "code": "let = ;" });
        for (method, path, body, expected) in [
            ("PATCH", path.as_str(), json!({ "secrets": secrets }), 200),
            ("PATCH", path.as_str(), broken, 400),
            ("PATCH", path.as_str(), json!({ "secrets": secrets, "nope": 1 }), 400),
            ("PATCH", path.as_str(), json!({ "secrets": VALUE }), 400),
            ("POST", "actions", body, 409),
            ("POST", &format!("{path}/deploy"), json!({}), 200),
        ] {
            let (status, answer) = call(&app, &server, method, path, body).await;
            assert_eq!(status, expected, "{backend} {method} {path} {answer}");
            assert!(!answer.to_string().contains(VALUE), "{backend} {method} {path} {answer}");
        }
        server.kill();
        let log = std::fs::read(folder.path().join("log")).unwrap();
        let log = String::from_utf8_lossy(&log);
        assert!(log.contains("DEBUG") && log.contains("/api/v2/actions"), "{backend}: {log}");
        let lines: Vec<_> = log.lines().filter(|line| line.contains(VALUE)).collect();
        assert!(lines.is_empty(), "{backend}: {lines:?}");
    }
}
