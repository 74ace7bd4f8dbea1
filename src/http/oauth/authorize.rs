//! `/authorize` (RFC 6749 §3.1, OIDC Core §3.1.2) and `/authorize/resume`, which takes a login
//! further after each page.

use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::domain::{
    ClientId,
    tenant::{CookieMode, SessionLifetime},
};
use crate::http::{
    App,
    error::page::PageError,
    extract::{
        cookies::{self, Cookies},
        parameters::{self, Parameters},
    },
    oauth::{par, signup},
    pages::{self, locales},
};
use crate::login::{
    authorize::{Advanced, CookieChange, Next},
    transaction::{BrowserBinding, Errand, Transaction, TransactionFault},
    triggers::suspension::{self, Suspension},
};
use crate::policy::authorize::{
    self as rules, AuthorizationResponse, IdTokenHint, PageProblem, ResponseMode,
};

/// `GET` and `POST /authorize`.
pub async fn authorize(
    State(app): State<App>,
    cookies: Cookies,
    request: Request,
) -> Result<Response, PageError> {
    let parameters = parameters::of_page(request, &app).await?;
    begin(&app, parameters, &cookies).await
}

/// Checks a request and takes it as far as it goes.
///
/// # Errors
/// The page that says why it cannot be answered by a redirect.
pub async fn begin(
    app: &App,
    parameters: Parameters,
    cookies: &Cookies,
) -> Result<Response, PageError> {
    let mut parameters = par::of_authorize(app, parameters).await?;
    locales::prefer(parameters.ui_locales.as_deref());
    let store = |error| PageError::store(app, &error);
    let client = match &parameters.client_id {
        None => None,
        Some(id) => app.store.client(&ClientId::new(id)).await.map_err(store)?,
    };
    let client = client.as_ref().map(|record| &record.client);
    let destination = rules::destination(&parameters, client)
        .map_err(|problem| PageError::problem(app, &problem))?;
    let Some(client) = client else {
        return Err(PageError::problem(app, &PageProblem::UnknownClient));
    };
    if let Some(token) = &parameters.id_token_hint {
        let verified = app.tokens.verify_id_token_hint(token).await;
        let verified = verified.map_err(|failure| PageError::failure(app, &failure))?;
        parameters.hint = match verified {
            Some((of, hint)) if of == client.client_id => IdTokenHint::Of(hint.user_id),
            _ => IdTokenHint::Invalid,
        };
    }
    if parameters.audience.is_none() && parameters.resource.is_none() {
        let tenant = app.store.tenant().await.map_err(store)?;
        parameters.audience = tenant.default_audience().map(|audience| audience.to_string());
    }
    parameters.connections = Some(app.store.connections(&client.client_id).await.map_err(store)?);
    let api = match rules::audience(&parameters) {
        Ok(Some(audience)) => app.store.api(&audience).await.map_err(store)?,
        _ => None,
    };
    let api = api.as_ref().map(|record| &record.api);
    let userinfo = app.settings.userinfo_audience();
    let valid = match rules::validate(&parameters, &destination, client, api, &userinfo) {
        Ok(valid) => valid,
        Err(problem) => {
            return Ok(respond(&destination.error(&app.settings.issuer, &problem)));
        }
    };
    let transaction = app.login.begin(valid);
    go_on(app, &transaction, cookies).await
}

/// `GET /authorize/resume`.
pub async fn resume(
    State(app): State<App>,
    cookies: Cookies,
    request: Request,
) -> Result<Response, PageError> {
    let transaction = sealed_transaction(&app, &cookies, request).await?.0;
    go_on(&app, &transaction, &cookies).await
}

/// Takes a transaction as far as it goes and answers with the page or the redirect that comes next.
pub async fn go_on(
    app: &App,
    transaction: &Transaction,
    cookies: &Cookies,
) -> Result<Response, PageError> {
    let session = app.login.session(cookies.session.as_ref()).await;
    let session = session.map_err(|error| PageError::store(app, &error))?;
    let advanced = app.login.advance(transaction, session.as_ref()).await;
    let advanced = advanced.map_err(|failure| PageError::failure(app, &failure))?;
    show(app, transaction, cookies, advanced).await
}

/// Answers with what comes next in a transaction.
///
/// # Errors
/// The page that says why there is nothing.
pub async fn show(
    app: &App,
    transaction: &Transaction,
    cookies: &Cookies,
    advanced: Advanced,
) -> Result<Response, PageError> {
    let mut response = show_next(app, transaction, cookies, advanced.next).await?;
    let changed = match (advanced.cookie, &cookies.session) {
        (CookieChange::Forget, _) => Some(cookies::clear_session(app)),
        (CookieChange::Mode(mode), Some(cookie)) => {
            let lifetime = app.login.session_lifetime().await;
            let lifetime = lifetime.map_err(|error| PageError::store(app, &error))?;
            let persistent = mode == CookieMode::Persistent;
            let lifetime = SessionLifetime { persistent, ..lifetime };
            Some(cookies::set_session(app, cookie, lifetime))
        }
        _ => None,
    };
    if let Some(changed) = changed {
        response.headers_mut().append(header::SET_COOKIE, changed);
    }
    Ok(response)
}

async fn show_next(
    app: &App,
    transaction: &Transaction,
    cookies: &Cookies,
    next: Next,
) -> Result<Response, PageError> {
    match next {
        Next::Away(suspension) => leave(app, cookies, *suspension).await,
        Next::Respond(response) => Ok(respond(&response)),
        Next::Mint(approved) => {
            let response = app.tokens.authorization_response(&approved).await;
            Ok(respond(&response.map_err(|failure| PageError::failure(app, &failure))?))
        }
        Next::UnknownClient => Err(PageError::problem(app, &PageProblem::UnknownClient)),
        Next::SelectAccount => send_to(app, "/u/account", transaction, cookies),
        Next::Login => {
            let page = signup::first_page(app, transaction).await?;
            send_to(app, page, transaction, cookies)
        }
        Next::Consent(_) => send_to(app, "/u/consent", transaction, cookies),
    }
}

/// Sends the browser where a script wants it, and keeps what is needed to go on when it returns.
async fn leave(
    app: &App,
    cookies: &Cookies,
    suspension: Suspension,
) -> Result<Response, PageError> {
    let binding = cookies.binding.clone().unwrap_or_else(|| app.login.new_binding());
    let url = app.login.suspend(suspension, &binding).await;
    let url = url.map_err(|failure| PageError::failure(app, &failure))?;
    let mut response = redirect(&url);
    // The browser may stay away for longer than a login takes.
    let cookie = cookies::set_binding_for(app, &binding, suspension::LIFETIME);
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

/// Redirects to one of our own pages with what the login is for, sealed and bound to this browser.
pub fn send_to(
    app: &App,
    page: &str,
    errand: impl Into<Errand>,
    cookies: &Cookies,
) -> Result<Response, PageError> {
    let fresh = cookies.binding.is_none();
    let binding: BrowserBinding =
        cookies.binding.clone().unwrap_or_else(|| app.login.new_binding());
    let sealed = app
        .login
        .seal(&errand.into(), &binding)
        .map_err(|error| PageError::failure(app, &error.into()))?;
    let mut response = redirect(&format!("{page}?state={sealed}"));
    if fresh {
        let cookie = cookies::set_binding(app, &binding);
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Reads `state` and opens it: it must be of a login for an application. Returns the other
/// parameters too.
pub async fn sealed_transaction(
    app: &App,
    cookies: &Cookies,
    request: Request,
) -> Result<(Transaction, Parameters), PageError> {
    match sealed_errand(app, cookies, request).await? {
        (Errand::Authorize(transaction), parameters) => Ok((*transaction, parameters)),
        _ => Err(PageError::transaction(app, TransactionFault::Foreign)),
    }
}

/// Reads `state` and opens it, whatever the login is for. Returns the other parameters too.
pub async fn sealed_errand(
    app: &App,
    cookies: &Cookies,
    request: Request,
) -> Result<(Errand, Parameters), PageError> {
    let parameters = parameters::of_page(request, app).await?;
    let errand = app
        .login
        .open(parameters.get("state").unwrap_or(""), cookies.binding.as_ref())
        .map_err(|fault| PageError::transaction(app, fault))?;
    locales::prefer(errand.ui_locales());
    Ok((errand, parameters))
}

/// Sends a response to the application, the way that it asked for.
pub fn respond(response: &AuthorizationResponse) -> Response {
    let parameters = &response.parameters;
    let destination = &response.destination;
    match destination.mode() {
        ResponseMode::Query | ResponseMode::Fragment => redirect(&response.location()),
        ResponseMode::FormPost => {
            pages::delivery::form_post(destination.redirect_uri(), parameters)
        }
        ResponseMode::WebMessage => {
            let origin = destination.origin().unwrap_or_default();
            pages::delivery::web_message(&origin, parameters)
        }
    }
}

/// 302 that nobody keeps.
pub fn redirect(location: &str) -> Response {
    let Ok(location) = HeaderValue::from_str(location) else {
        // Registered URIs are ASCII without control characters, and all else is encoded.
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut response = StatusCode::FOUND.into_response();
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, location);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // The address of this page may hold a sealed transaction.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// The names of the parameters that mean something here.
const RECOGNISED: &[&str] = &[
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "audience",
    "resource",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "max_age",
    "login_hint",
    "organization",
    "connection",
    "claims",
    "ui_locales",
    "screen_hint",
    "id_token_hint",
    "dpop_jkt",
];

/// The parameters that mean something here.
pub(super) fn recognised(parameters: &Parameters) -> rules::Parameters {
    let request_object = ["request", "request_uri"];
    let named = RECOGNISED.iter().chain(&request_object).copied();
    rules::Parameters {
        client_id: parameters.text("client_id"),
        redirect_uri: parameters.text("redirect_uri"),
        response_type: parameters.text("response_type"),
        response_mode: parameters.text("response_mode"),
        scope: parameters.text("scope"),
        state: parameters.text("state"),
        nonce: parameters.text("nonce"),
        audience: parameters.text("audience"),
        resource: parameters.text("resource"),
        code_challenge: parameters.text("code_challenge"),
        code_challenge_method: parameters.text("code_challenge_method"),
        prompt: parameters.text("prompt"),
        max_age: parameters.text("max_age"),
        login_hint: parameters.text("login_hint"),
        organization: parameters.text("organization"),
        connection: parameters.text("connection"),
        connections: None,
        claims: parameters.text("claims"),
        ui_locales: parameters.text("ui_locales"),
        screen_hint: parameters.text("screen_hint"),
        id_token_hint: parameters.text("id_token_hint"),
        hint: IdTokenHint::Absent,
        dpop_jkt: parameters.text("dpop_jkt"),
        request_object: request_object.into_iter().find(|name| parameters.get(name).is_some()),
        repeated: parameters.repeated().map(str::to_owned),
        pushed: false,
        extra: parameters.without(&named.collect::<Vec<_>>()),
    }
}
