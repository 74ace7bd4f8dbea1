//! Routes, extractors and bodies. A handler reads the wire, calls once and writes the wire: no SQL,
//! no signing, no rule.

pub mod console;
pub mod cors;
pub mod demo;
pub mod dpop;
pub mod error;
pub mod extract;
pub mod health;
pub mod limiter;
pub mod management;
pub mod oauth;
pub mod pages;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    extract::{ConnectInfo, DefaultBodyLimit, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, header, uri::Authority},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument;

use self::{
    limiter::Limits,
    pages::{branding::Branding, locales::Locale},
};
use crate::crypto::{cursor::CursorKey, entity_tag::EntityTagKey};
use crate::domain::{
    address::Origin, audit::Caller, entropy::Entropy, settings::Settings, time::Clock,
};
use crate::login::{
    LoginService,
    triggers::{self, request::CurrentRequest},
};
use crate::policy::{forwarded_for::client_address, rate::Verdict};
use crate::store::Store;
use crate::telemetry;
use crate::token::TokenService;

/// What handlers work with. Cheap to clone: every layer and every handler has its own.
#[derive(Clone)]
pub struct App(Arc<Parts>);

impl App {
    /// The same, serving the demo too.
    pub fn with_demo(&self, demo: demo::Demo) -> Self {
        Parts { demo: Some(Arc::new(demo)), ..Parts::clone(self) }.into()
    }
}

impl From<Parts> for App {
    fn from(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl std::ops::Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// What an [`App`] consists of.
#[derive(Clone)]
pub struct Parts {
    /// Settings of the server.
    pub settings: Arc<Settings>,
    /// The database.
    pub store: Store,
    /// Answers the token endpoint.
    pub tokens: Arc<TokenService>,
    /// Logs people in.
    pub login: Arc<LoginService>,
    /// Names the states of what the Management API edits.
    pub entity_tags: Arc<EntityTagKey>,
    /// Says where the next page of a listing begins.
    pub cursors: Arc<CursorKey>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The randomness.
    pub entropy: Arc<dyn Entropy>,
    /// How often callers may call.
    pub limits: Limits,
    /// Served at `/demo/`, by `quickstart` only.
    pub demo: Option<Arc<demo::Demo>>,
    /// Set when the server is told to stop: it is then no longer ready.
    pub draining: Arc<std::sync::atomic::AtomicBool>,
}

/// The longest body that is read, in bytes; the Management API sets its own.
const MAX_BODY: usize = 64 * 1024;

/// How long a request may take, in seconds.
const TIMEOUT: Duration = Duration::from_secs(30);

tokio::task_local! {
    /// The id of the request that this task answers.
    static REQUEST_ID: String;
}

/// The id of the request that is being answered, for errors of ours: a person who reports one can
/// name it, and the log has it.
fn request_id() -> Option<String> {
    REQUEST_ID.try_with(Clone::clone).ok()
}

/// The whole server.
pub fn router(app: App) -> Router {
    let router = Router::new()
        .merge(oauth::router(&app))
        .merge(pages::router())
        .merge(health::router())
        .merge(console::router())
        .merge(demo::router())
        .merge(management::jobs::download::router())
        .nest("/api/v2", management::router(&app))
        .route("/api/v2/", axum::routing::any(management::unknown_path))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(app.clone(), around));
    router.with_state(app)
}

/// What is around every request. One layer, because each costs an allocation and moves the state of
/// the request: together they would cost more than reading it.
async fn around(State(app): State<App>, request: Request, next: Next) -> Response {
    let in_time = |request| in_time(&app, request, next);
    let limited = |request| limited(&app, request, in_time);
    in_span(&app, request, |request| cors::answer(&app, request, limited)).await
}

/// Answers an address that does not ask too often.
async fn limited<F: Future<Output = Response>>(
    app: &App,
    request: Request,
    answer: impl FnOnce(Request) -> F,
) -> Response {
    let Some(verdict) = rate_of_address(app, &request) else { return answer(request).await };
    let person = is_for_a_person(request.method(), request.headers());
    let mut response = if verdict.passes {
        answer(request).await
    } else if person && shows_something(&request) {
        error::page::PageError::too_many_requests(app).into_response()
    } else {
        error::oauth::OAuthError::TooManyRequests.into_response()
    };
    if !verdict.passes {
        response.headers_mut().insert(header::RETRY_AFTER, verdict.retry_after.into());
    }
    limiter::tell(&verdict, &mut response);
    response
}

/// Counts a request from an address. `None` where that is no matter: what is only read, the
/// Management API, which counts its clients, and addresses that say nothing of who asks.
fn rate_of_address(app: &App, request: &Request) -> Option<Verdict> {
    const NOT_COUNTED: &[&str] =
        &["/health/", "/assets/", "/admin/", "/demo/", "/favicon.ico", "/.well-known/", "/api/v2/"];
    let path = request.uri().path();
    if app.settings.hidden_by_proxy || NOT_COUNTED.iter().any(|prefix| path.starts_with(prefix)) {
        return None;
    }
    let ip: IpAddr = telemetry::caller::current().ip?.parse().ok()?;
    if ip.is_loopback() {
        return None;
    }
    app.limits.requests.count(Origin::of(ip).as_str(), app.clock.now())
}

/// Runs a request in a span with an id, which every response carries. The span holds the path
/// without the query, which may hold secrets.
async fn in_span<F: Future<Output = Response>>(
    app: &App,
    request: Request,
    answer: impl FnOnce(Request) -> F,
) -> Response {
    const HEADER: HeaderName = HeaderName::from_static("x-request-id");
    let id = app.entropy.lower_hex(16);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let span =
        tracing::info_span!("request", request.id = id, http.method = %method, http.path = path);
    let (caller, seen) = (caller(app, &request), Arc::new(seen_by_scripts(&request)));
    let answered = async {
        match shows_something(&request) {
            true => Box::pin(in_appearance(app, request, answer)).await,
            false => answer(request).await,
        }
    };
    let answered = REQUEST_ID.scope(id.clone(), answered);
    let answered = telemetry::caller::scope(caller, answered);
    let answered = triggers::request::scope(seen, answered);
    let mut response = answered.instrument(span.clone()).await;
    let status = response.status().as_u16();
    span.in_scope(|| tracing::debug!(http.status = status, "{method} {path} {status}"));
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(HEADER, id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if app.settings.strict_transport {
        let two_years = HeaderValue::from_static("max-age=63072000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, two_years);
    }
    response
}

/// Ends what takes too long. A file may take longer than a request; it has to keep coming.
async fn in_time(app: &App, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let limit =
        if path == management::jobs::UPLOAD { management::jobs::UPLOAD_TIME } else { TIMEOUT };
    let too_late = too_late(path, is_for_a_person(request.method(), request.headers()));
    let answered = tokio::time::timeout(limit, next.run(request)).await;
    answered.unwrap_or_else(|_| too_late(app))
}

/// How who asks is told that it took too long.
fn too_late(path: &str, is_for_a_person: bool) -> fn(&App) -> Response {
    if path.starts_with("/api/v2/") {
        return |_| error::management::ManagementError::Unavailable.into_response();
    }
    if path.starts_with("/dbconnections/") {
        return |_| error::dbconnections::DbConnectionError::Unavailable.into_response();
    }
    match is_for_a_person {
        true => |app| error::page::PageError::unavailable(app).into_response(),
        false => |_| error::oauth::OAuthError::TemporarilyUnavailable.into_response(),
    }
}

/// Where a request came from.
fn caller(app: &App, request: &Request) -> Caller {
    /// Longer names of programs are cut.
    const LONGEST: usize = 300;
    let headers = request.headers();
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let forwarded_for = headers.get_all("x-forwarded-for").iter();
    // What is no text was written by nobody who is to be believed.
    let forwarded_for = forwarded_for.map(|value| value.to_str().unwrap_or(""));
    let trusted = &app.settings.trusted_proxies;
    let ip = peer.map(|ConnectInfo(peer)| client_address(peer.ip(), forwarded_for, trusted));
    let user_agent = headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok());
    let ip = ip.map(|ip| ip.to_string());
    Caller { ip, user_agent: user_agent.map(|text| text.chars().take(LONGEST).collect()) }
}

/// What the operator's scripts are told of a request.
fn seen_by_scripts(request: &Request) -> CurrentRequest {
    /// Longer headers are cut.
    const LONGEST: usize = 300;
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let host = header(header::HOST).and_then(|host| host.parse().ok());
    let host: Option<Authority> = host.or_else(|| request.uri().authority().cloned());
    let language = header(header::ACCEPT_LANGUAGE);
    CurrentRequest::new(
        request.method().as_str().to_owned(),
        host.map(|host| host.host().to_owned()),
        language.map(|text| text.chars().take(LONGEST).collect()),
        request.uri().query().map(str::to_owned),
    )
}

/// Whether the answer may be a page or send a message. Answers to programs show nothing of the
/// tenant's, and those about the health of the server must not wait for a database.
fn shows_something(request: &Request) -> bool {
    const SHOW_NOTHING: &[&str] = &[
        "/health/",
        "/assets/",
        "/admin/assets/",
        "/favicon.ico",
        "/.well-known/",
        "/oauth/",
        "/userinfo",
    ];
    let path = request.uri().path();
    !SHOW_NOTHING.iter().any(|prefix| path.starts_with(prefix))
}

/// Answers a request in the language and under the name that its answer is to have.
async fn in_appearance<F: Future<Output = Response>>(
    app: &App,
    request: Request,
    answer: impl FnOnce(Request) -> F,
) -> Response {
    // Without a database, as when the operator never said.
    let tenant = app.store.tenant().await.unwrap_or_default();
    let locales = Locale::enabled(&tenant.enabled_locales, &app.settings.default_locale);
    let locale = locale(&request, &locales);
    let branding = Arc::new(Branding::of(&app.settings, &tenant));
    let answered = pages::locales::scope(locale, locales, answer(request));
    pages::branding::scope(branding, answered).await
}

/// The language that the answer begins in: what the address asks for (`ui_locales`), else what the
/// browser prefers.
fn locale(request: &Request, among: &[Locale]) -> Locale {
    let query = request.uri().query().unwrap_or("").as_bytes();
    let asked = url::form_urlencoded::parse(query).find(|(name, _)| name == "ui_locales");
    let accepted = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok());
    let asked = asked.as_ref().map(|(_, value)| value.as_ref());
    Locale::choose(asked, accepted, among)
}

/// Whether a person waits for the answer, in a browser.
fn is_for_a_person(method: &Method, headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    accept.contains("text/html") || (method == Method::GET && !accept.contains("json"))
}

async fn not_found(State(app): State<App>, method: Method, headers: HeaderMap) -> Response {
    if is_for_a_person(&method, &headers) {
        return error::page::PageError::not_found(&app).into_response();
    }
    error::oauth::OAuthError::NotFound.into_response()
}

async fn method_not_allowed(State(app): State<App>) -> Response {
    error::page::PageError::method_not_allowed(&app).into_response()
}

/// A panic is a bug; it ends one request and says nothing of itself.
fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!("a request panicked");
    error::oauth::OAuthError::ServerError.into_response()
}
