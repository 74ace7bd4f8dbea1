//! The pages of a login: `/u/login`, `/u/account` and `/u/consent`. Plain forms that work without JavaScript.
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
    oauth::authorize::{go_on, respond, sealed_transaction, send_to},
    pages::{self, AccountPage, ConsentPage, LoginPage, ScopeLine},
};
use crate::login::{
    authorize::{ConsentRequest, Next},
    passwords::LoginFault,
    transaction::{AccountChoice, Transaction},
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
    let previous = previous.as_ref().map(|session| &session.id);
    let (session, cookie) =
        app.login.begin_session(&user, &client, previous).await.map_err(store)?;
    transaction.login = Some(session.id);
    let mut response = send_to(&app, "/authorize/resume", &transaction, &cookies)?;
    let cookie = cookies::set_session(&app, &cookie);
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

/// `GET /u/account`.
pub async fn account_page(
    State(app): State<App>,
    cookies: Cookies,
    request: Request,
) -> Result<Response, PageError> {
    let (transaction, parameters) = sealed_transaction(&app, &cookies, request).await?;
    choose_account(&app, &transaction, &cookies, parameters.get("state").unwrap_or("")).await
}

/// `POST /u/account`.
pub async fn account(
    State(app): State<App>,
    cookies: Cookies,
    request: Request,
) -> Result<Response, PageError> {
    let (mut transaction, parameters) = sealed_transaction(&app, &cookies, request).await?;
    let session = app.login.session(cookies.session.as_ref()).await;
    let session = session.map_err(|error| PageError::store(&app, &error))?;
    transaction.account = match (parameters.get("action"), session) {
        (Some("continue"), Some(session)) => Some(AccountChoice::Continue(session.id)),
        (Some("another"), _) => Some(AccountChoice::Another),
        // Neither button: the same step again.
        _ => {
            let state = parameters.get("state").unwrap_or("");
            return choose_account(&app, &transaction, &cookies, state).await;
        }
    };
    send_to(&app, "/authorize/resume", &transaction, &cookies)
}

async fn choose_account(
    app: &App,
    transaction: &Transaction,
    cookies: &Cookies,
    state: &str,
) -> Result<Response, PageError> {
    let session = app.login.session(cookies.session.as_ref()).await;
    let session = session.map_err(|error| PageError::store(app, &error))?;
    let asked = app.login.account_to_confirm(transaction, session.as_ref()).await;
    let Some(user) = asked.map_err(|failure| PageError::failure(app, &failure))? else {
        return go_on(app, transaction, cookies).await;
    };
    let client_name = client_name(app, transaction).await?;
    let page = AccountPage {
        tenant: &app.settings.tenant_name,
        client_name: &client_name,
        user: user.name_for_people(),
        state,
    };
    Ok(pages::render(StatusCode::OK, &page))
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
                Next::Respond(response) => Ok(respond(&response)),
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
    let client_name = client_name(app, transaction).await?;
    let tenant = &app.settings.tenant_name;
    let page = LoginPage { tenant, client_name: &client_name, state, username, error };
    Ok(pages::render(StatusCode::OK, &page))
}

/// The name of the application, empty when it is gone.
async fn client_name(app: &App, transaction: &Transaction) -> Result<String, PageError> {
    let client = app.store.client(&transaction.request.client_id).await;
    let client = client.map_err(|error| PageError::store(app, &error))?;
    Ok(client.map(|record| record.client.name.clone()).unwrap_or_default())
}

fn show_consent(app: &App, asked: &ConsentRequest, state: &str) -> Response {
    let api = asked.api.as_ref().map(|record| &record.api);
    let scopes: Vec<ScopeLine> = asked.scope.iter().map(|scope| line(scope, api)).collect();
    let page = ConsentPage {
        tenant: &app.settings.tenant_name,
        client_name: &asked.client.client.name,
        user: asked.user.name_for_people(),
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
