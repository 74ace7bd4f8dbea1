//! The pages of a login: `/u/login` and `/u/consent`. Plain forms that work without JavaScript.
//!
//! Every form carries the sealed transaction, which only opens beside the cookie of the browser
//! that began it: a form posted from elsewhere is refused (CSRF).

use axum::{
    extract::{Request, State},
    http::{StatusCode, header},
    response::Response,
};

use crate::domain::{resource_server::ResourceServer, secret::Password};
use crate::http::{
    App,
    error::page::PageError,
    extract::{cookies, cookies::Cookies},
    oauth::authorize::{go_on, redirect, sealed_transaction, send_to},
    pages::{self, ConsentPage, LoginPage, ScopeLine},
};
use crate::login::{
    authorize::{ConsentRequest, Next},
    passwords::LoginFault,
    transaction::Transaction,
};
use crate::policy::authorize::RedirectProblem;

/// `GET /u/login`.
pub async fn login_page(
    State(app): State<App>,
    cookies: Cookies,
    request: Request,
) -> Result<Response, PageError> {
    let (transaction, parameters) = sealed_transaction(&app, &cookies, request).await?;
    let state = parameters.get("state").unwrap_or("");
    let hint = transaction.request.login_hint.as_deref().unwrap_or("");
    show_login(&app, &transaction, state, hint, None).await
}

/// `POST /u/login`.
pub async fn log_in(
    State(app): State<App>,
    cookies: Cookies,
    request: Request,
) -> Result<Response, PageError> {
    let (mut transaction, parameters) = sealed_transaction(&app, &cookies, request).await?;
    let client = transaction.request.client_id.clone();
    let username = parameters.get("username").unwrap_or("");
    let password = Password::new(parameters.get("password").unwrap_or(""));
    let state = parameters.get("state").unwrap_or("");
    let user = match app.login.check_password(username, &password, &client).await {
        Ok(user) => user.user,
        Err(fault) => {
            let error = match fault {
                LoginFault::Wrong => "Wrong email or password.",
                LoginFault::Blocked => "Your account has been blocked.",
                other => return Err(PageError::login(&app, &other)),
            };
            return show_login(&app, &transaction, state, username, Some(error)).await;
        }
    };
    let store = |error| PageError::store(&app, &error);
    let previous = app.login.session(cookies.session.as_ref()).await.map_err(store)?;
    let (session, cookie) =
        app.login.begin_session(&user, &client, previous.as_ref()).await.map_err(store)?;
    transaction.login = Some(session.id);
    let mut response = send_to(&app, "/authorize/resume", &transaction, &cookies)?;
    let cookie = cookies::set_session(&app, &cookie);
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

/// `GET /u/consent`.
pub async fn consent_page(
    State(app): State<App>,
    cookies: Cookies,
    request: Request,
) -> Result<Response, PageError> {
    let (transaction, parameters) = sealed_transaction(&app, &cookies, request).await?;
    let state = parameters.get("state").unwrap_or("");
    match pending_consent(&app, &transaction, &cookies).await? {
        Some(asked) => Ok(show_consent(&app, &asked, state)),
        None => go_on(&app, &transaction, &cookies).await,
    }
}

/// `POST /u/consent`.
pub async fn consent(
    State(app): State<App>,
    cookies: Cookies,
    request: Request,
) -> Result<Response, PageError> {
    let (mut transaction, parameters) = sealed_transaction(&app, &cookies, request).await?;
    let Some(asked) = pending_consent(&app, &transaction, &cookies).await? else {
        return go_on(&app, &transaction, &cookies).await;
    };
    match parameters.get("action") {
        Some("accept") => {
            let user = &asked.user.user_id;
            let recorded = app.login.record_consent(&transaction, user, &asked.scope).await;
            recorded.map_err(|error| PageError::store(&app, &error))?;
            transaction.consented = true;
            send_to(&app, "/authorize/resume", &transaction, &cookies)
        }
        Some("decline") => {
            let problem =
                RedirectProblem::new("access_denied", "User did not authorize the request");
            match app.login.refuse(&transaction.request, &problem) {
                Next::Redirect(location) => Ok(redirect(&location)),
                _ => go_on(&app, &transaction, &cookies).await,
            }
        }
        // Neither button: the same step again.
        _ => Ok(show_consent(&app, &asked, parameters.get("state").unwrap_or(""))),
    }
}

async fn pending_consent(
    app: &App,
    transaction: &Transaction,
    cookies: &Cookies,
) -> Result<Option<Box<ConsentRequest>>, PageError> {
    let session = app.login.session(cookies.session.as_ref()).await;
    let session = session.map_err(|error| PageError::store(app, &error))?;
    // The login that this transaction demanded must still be the one of this browser.
    match app.login.would_ask(transaction, session.as_ref()).await {
        Ok(asked) => Ok(asked),
        Err(failure) => Err(PageError::failure(app, &failure)),
    }
}

async fn show_login(
    app: &App,
    transaction: &Transaction,
    state: &str,
    username: &str,
    error: Option<&str>,
) -> Result<Response, PageError> {
    let client = app.store.client(&transaction.request.client_id).await;
    let client = client.map_err(|error| PageError::store(app, &error))?;
    let client_name = client.as_ref().map_or("", |record| record.client.name.as_str());
    let tenant = &app.settings.tenant_name;
    let page = LoginPage { tenant, client_name, state, username, error };
    Ok(pages::render(StatusCode::OK, &page))
}

fn show_consent(app: &App, asked: &ConsentRequest, state: &str) -> Response {
    let api = asked.api.as_ref().map(|record| &record.api);
    let scopes: Vec<ScopeLine> = asked.scope.iter().map(|scope| line(scope, api)).collect();
    let user = &asked.user;
    let page = ConsentPage {
        tenant: &app.settings.tenant_name,
        client_name: &asked.client.client.name,
        user: user.email.as_deref().or(user.username.as_deref()).unwrap_or(user.user_id.as_str()),
        api_name: api.map(|api| api.name.as_deref().unwrap_or(api.identifier.as_str())),
        scopes: &scopes,
        state,
    };
    pages::render(StatusCode::OK, &page)
}

/// What the page says about a scope.
fn line(scope: &str, api: Option<&ResourceServer>) -> ScopeLine {
    let defined = api.and_then(|api| api.scopes.iter().find(|defined| defined.value == scope));
    let description = match defined {
        Some(defined) => defined.description.clone().unwrap_or_default(),
        None => match scope {
            "openid" => "Confirm who you are",
            "profile" => "Read your profile: name, nickname and picture",
            "email" => "Read your e-mail address",
            "phone" | "phone_number" => "Read your phone number",
            "address" => "Read your postal address",
            "offline_access" => "Stay signed in when you are away",
            _ => "",
        }
        .to_owned(),
    };
    ScopeLine { value: scope.to_owned(), description }
}
