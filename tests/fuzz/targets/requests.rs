//! Whole requests to the whole server, on a database of its own: the bodies, queries and paths of
//! the Management API, and the OAuth endpoints.
//!
//! - No request makes the server fail: nothing is answered with 500.
//! - Without a token of ours nothing of the Management API is answered, and no endpoint gives a
//!   token to who has no secret.
//! - An error of the Management API is what its clients parse.
//! - A redirect leads to our own pages or to what is registered.
//! - What is echoed in a page is escaped; what holds tokens is never kept by a cache.

use std::{
    cell::{Cell, RefCell},
    sync::Arc,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode, header},
};
use doorward::{
    app, config::Config, crypto::random::SystemEntropy, domain::time::SystemClock, http::router,
};
use serde_json::{Value, json};
use tower::ServiceExt as _;

const ISSUER: &str = "https://id.example/";
const SECRET: &str = "a-bootstrap-secret-for-fuzzing";
const CALLBACK: &str = "https://app.example/callback?a=b";

/// Stands in a request for the beginning of a tag that must not reach a page.
const TAG: &str = "<q9x";

/// After so many requests the server begins anew, so that what they leave behind does not matter.
const REQUESTS: u32 = 20_000;

thread_local! {
    static RUNTIME: tokio::runtime::Runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    static SERVER: RefCell<Option<Server>> = const { RefCell::new(None) };
    static SERVED: Cell<u32> = const { Cell::new(0) };
}

struct Server {
    router: Router,
    token: String,
    client: String,
    api: String,
    user: String,
    _folder: tempfile::TempDir,
}

struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Server {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let environment = [
            ("DOORWARD_ISSUER", ISSUER),
            ("DOORWARD_DATA_DIR", folder.path().to_str().expect("UTF-8")),
            ("DOORWARD_BOOTSTRAP_CLIENT_ID", "bootstrap"),
            ("DOORWARD_BOOTSTRAP_CLIENT_SECRET", SECRET),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut config = Config::load(None, environment).expect("a configuration");
        config.management.requests_per_second = 0;
        config.attack_protection.requests_per_second = 0;
        // This process is not the server, and runs no scripts.
        config.actions.worker = Some("/nonexistent".into());
        let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
        let app = app::build(&config, true, clock, entropy).await.expect("a server");
        let empty = String::new;
        let mut server = Self {
            router: router(app),
            token: empty(),
            client: empty(),
            api: empty(),
            user: empty(),
            _folder: folder,
        };
        let form = format!(
            "grant_type=client_credentials&client_id=bootstrap&client_secret={SECRET}&audience={ISSUER}api/v2/"
        );
        let answer = server.send("POST", "/oauth/token", None, FORM, form).await;
        server.token = member(&answer.expect("a request"), "access_token");
        let identifier = "https://api.example.com";
        let api = json!({ "identifier": identifier, "scopes": [{ "value": "read:messages" }] });
        server.api = server.make("/api/v2/resource-servers", &api, "id").await;
        let client = json!({ "name": "App", "app_type": "spa", "callbacks": [CALLBACK] });
        server.client = server.make("/api/v2/clients", &client, "client_id").await;
        let user = json!({
            "connection": "Username-Password-Authentication", "email": "ada@example.com",
            "password": "correct horse battery staple",
        });
        server.user = server.make("/api/v2/users", &user, "user_id").await;
        server
    }

    async fn make(&self, path: &str, body: &Value, id: &str) -> String {
        let token = format!("Bearer {}", self.token);
        let answer = self.send("POST", path, Some(&token), JSON, body.to_string()).await;
        member(&answer.expect("a request"), id)
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        authorization: Option<&str>,
        content_type: &str,
        body: String,
    ) -> Option<Answered> {
        let request = Request::builder().method(method).uri(path);
        let request = request.header(header::CONTENT_TYPE, content_type);
        let request = match authorization {
            Some(text) => request.header(header::AUTHORIZATION, text),
            None => request,
        };
        let response = self.router.clone().oneshot(request.body(Body::from(body)).ok()?);
        let response = response.await.expect("the router always answers");
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 16 << 20).await.expect("a whole body");
        let body = String::from_utf8_lossy(&body).into_owned();
        Some(Answered { status: parts.status, headers: parts.headers, body })
    }

    /// What stands in braces is not known before the server runs.
    fn filled_in(&self, text: &str) -> String {
        let text = text.replace("{client}", &self.client).replace("{api}", &self.api);
        text.replace("{user}", &self.user.replace('|', "%7C")).replace("{secret}", SECRET)
    }
}

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

fn member(answer: &Answered, name: &str) -> String {
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let text = body[name].as_str().unwrap_or_else(|| panic!("{} {}", answer.status, answer.body));
    text.to_owned()
}

/// The first line is the method, the path with its query, and the credential: `token` for a token
/// with every scope, `-` for none, anything else as it is. The second line is `form`, `json` or a
/// content type; the rest is the body.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (line, rest) = super::edit::first_line(text);
    let (content_type, body) = super::edit::first_line(rest);
    let mut words = line.splitn(3, ' ');
    let (Some(method), Some(path), Some(credential)) = (words.next(), words.next(), words.next())
    else {
        return;
    };
    // The end of a login on this host, or a key of 2048 bits, is nothing to wait for.
    if path.starts_with("/api/v2/keys/signing/") || !path.starts_with('/') {
        return;
    }
    SERVER.with_borrow_mut(|server| {
        RUNTIME.with(|runtime| {
            let served = SERVED.get();
            SERVED.set((served + 1) % REQUESTS);
            if served == 0 {
                *server = Some(runtime.block_on(Server::start()));
            }
            let server = server.as_ref().expect("it was just started");
            let request = Asked { method, path, credential, content_type, body };
            runtime.block_on(request.is_answered_well(server));
        });
    });
}

struct Asked<'a> {
    method: &'a str,
    path: &'a str,
    credential: &'a str,
    content_type: &'a str,
    body: &'a str,
}

impl Asked<'_> {
    async fn is_answered_well(&self, server: &Server) {
        let token = format!("Bearer {}", server.token);
        let authorization = match self.credential {
            "token" => Some(token.as_str()),
            "-" | "" => None,
            other => Some(other),
        };
        let content_type = match self.content_type {
            "form" => FORM,
            "json" => JSON,
            other => other,
        };
        let (path, body) = (server.filled_in(self.path), server.filled_in(self.body));
        let has_secret = path.contains(SECRET) || body.contains(SECRET);
        let answer = server.send(self.method, &path, authorization, content_type, body).await;
        let Some(answer) = answer else { return };
        let Answered { status, headers, body } = &answer;
        assert_ne!(*status, StatusCode::INTERNAL_SERVER_ERROR, "{body}");
        let header = |name| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or("");
        if path.starts_with("/api/v2/") {
            let is_open = path.starts_with("/api/v2/openapi.json");
            assert!(
                self.credential == "token"
                    || !status.is_success()
                    || is_open
                    || is_preflight(self.method),
                "{body}"
            );
            if status.is_client_error() || *status == StatusCode::NOT_IMPLEMENTED {
                is_an_error_of_the_management_api(*status, body);
            }
        }
        if body.contains("\"access_token\":") || body.contains("\"refresh_token\":\"") {
            let is_configuration = path.starts_with("/api/v2/");
            assert!(has_secret || is_configuration, "a token for nobody: {body}");
            assert!(header(header::CACHE_CONTROL).contains("no-store"), "{headers:?}");
        }
        if let Some(location) = headers.get(header::LOCATION) {
            let location = location.to_str().expect("ASCII");
            let is_ours = location.starts_with('/') && !location.starts_with("//")
                || location.starts_with(ISSUER);
            let registered = location.strip_prefix(CALLBACK);
            let is_registered = registered.is_some_and(|rest| rest.starts_with(['&', '#']));
            assert!(is_ours || is_registered || path.starts_with("/api/v2/"), "{location}");
            assert!(!location.contains('\\'), "{location}");
        }
        if header(header::CONTENT_TYPE).starts_with("text/html") {
            assert!(!body.contains(TAG), "a tag is echoed");
            assert!(!header(header::CONTENT_SECURITY_POLICY).is_empty(), "a page without a policy");
        }
    }
}

fn is_preflight(method: &str) -> bool {
    method == "OPTIONS"
}

fn is_an_error_of_the_management_api(status: StatusCode, body: &str) {
    if body.is_empty() {
        return;
    }
    let error: Value = serde_json::from_str(body).expect("an error is JSON");
    assert_eq!(error["statusCode"], status.as_u16(), "{body}");
    assert!(error["error"].is_string() && error["message"].is_string(), "{body}");
}
