//! The pages of a login: `/u/login`, `/u/account` and `/u/consent`. Plain forms that work without JavaScript.
//!
//! Every form carries the sealed transaction, which only opens beside the cookie of the browser
//! that began it: a form posted from elsewhere is refused (CSRF).

use axum::{
    extract::{Request, State},
    http::{StatusCode, header},
    response::Response,
};

use crate::domain::{ClientId, resource_server::ResourceServer, secret::Password, user::User};
use crate::http::{
    App,
    error::{hindrance, page::PageError},
    extract::{cookies, cookies::Cookies},
    oauth::{
        authorize::{go_on, respond, sealed_errand, sealed_transaction, send_to},
        reset_password, signup,
    },
    pages::{self, AccountPage, ConsentPage, LoginPage, ScopeLine, branding, locales},
};
use crate::login::{
    authorize::ConsentRequest,
    passwords::LoginFault,
    transaction::{AccountChoice, Errand, Transaction},
};
use crate::policy::authorize::{PageProblem, RedirectProblem};

/// `GET /u/login`.
pub async fn login_page(
    State(app): State<App>,
    cookies: Cookies,
    request: Request,
) -> Result<Response, PageError> {
    let (errand, parameters) = sealed_errand(&app, &cookies, request).await?;
    let state = parameters.get("state").unwrap_or("");
    show_login(&app, &errand, state, errand.login_hint(), None).await
}

/// `POST /u/login`.
pub async fn log_in(
    State(app): State<App>,
    cookies: Cookies,
    request: Request,
) -> Result<Response, PageError> {
    let (errand, parameters) = sealed_errand(&app, &cookies, request).await?;
    let client = errand.client_id().cloned();
    let username = parameters.get("username").unwrap_or("");
    let password = Password::new(parameters.get("password").unwrap_or(""));
    let state = parameters.get("state").unwrap_or("");
    let user = match app
        .login
        .check_password(username, &password, client.as_ref(), errand.connection())
        .await
    {
        Ok(user) => user.user,
        Err(fault) => {
            if matches!(fault, LoginFault::Connection(_)) {
                must_exist(&app, client.as_ref()).await?;
            }
            let error = match fault {
                // A connection that has gone since the page was shown knows nobody.
                LoginFault::Wrong | LoginFault::Connection(_) => {
                    locales::current().text("login.wrong")
                }
                LoginFault::Blocked => locales::current().text("login.blocked"),
                LoginFault::Hindered(hindrance) => {
                    let error = hindrance::text(&hindrance, locales::current());
                    let mut page = show_login(&app, &errand, state, username, Some(error)).await?;
                    *page.status_mut() = StatusCode::TOO_MANY_REQUESTS;
                    hindrance::set_retry_after(&hindrance, page.headers_mut());
                    return Ok(page);
                }
                other => return Err(PageError::login(&app, &other)),
            };
            return show_login(&app, &errand, state, username, Some(error)).await;
        }
    };
    logged_in(&app, errand, &cookies, &user).await
}

/// An application without connections may be one that has gone.
async fn must_exist(app: &App, client: Option<&ClientId>) -> Result<(), PageError> {
    let Some(client) = client else { return Ok(()) };
    match app.store.client(client).await.map_err(|error| PageError::store(app, &error))? {
        Some(_) => Ok(()),
        None => Err(PageError::problem(app, &PageProblem::UnknownClient)),
    }
}

/// Begins the session of a user who has just given a credential, and goes on with what the login is
/// for.
///
/// # Errors
/// Failures of ours.
pub async fn logged_in(
    app: &App,
    mut errand: Errand,
    cookies: &Cookies,
    user: &User,
) -> Result<Response, PageError> {
    let store = |error| PageError::store(app, &error);
    let previous = app.login.session(cookies.session.as_ref()).await.map_err(store)?;
    let client = errand.client_id().cloned();
    let (session, cookie) =
        app.login.begin_session(user, client.as_ref(), previous.as_ref()).await.map_err(store)?;
    errand.logged_in(session.id);
    let next = match &errand {
        Errand::Authorize(_) => "/authorize/resume",
        Errand::Device(_) => "/activate/confirm",
    };
    let mut response = send_to(app, next, errand, cookies)?;
    let lifetime = app.login.session_lifetime().await.map_err(store)?;
    let cookie = cookies::set_session(app, &cookie, lifetime);
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
    let client_name = client_name(app, Some(&transaction.request.client_id)).await?;
    let page = AccountPage {
        tenant: &branding::name(&app.settings),
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
            Ok(respond(&app.login.refuse(&transaction.request, &problem)))
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
    errand: &Errand,
    state: &str,
    username: &str,
    error: Option<&str>,
) -> Result<Response, PageError> {
    let client_name = client_name(app, errand.client_id()).await?;
    // Accounts are created, and passwords reset, on the way to an application.
    let (recovery, signup) = match errand {
        Errand::Device(_) => (false, false),
        Errand::Authorize(transaction) => (
            reset_password::is_offered(app, transaction).await?,
            signup::database(app, transaction).await?.is_some(),
        ),
    };
    let page = LoginPage {
        tenant: &branding::name(&app.settings),
        client_name: &client_name,
        state,
        username,
        error,
        recovery,
        signup,
    };
    Ok(pages::render(StatusCode::OK, &page))
}

/// The name of the application, empty when it is gone or not yet known.
///
/// # Errors
/// When the database does.
pub async fn client_name(app: &App, client: Option<&ClientId>) -> Result<String, PageError> {
    let client = match client {
        None => None,
        Some(id) => app.store.client(id).await.map_err(|error| PageError::store(app, &error))?,
    };
    Ok(client.map(|record| record.client.name.clone()).unwrap_or_default())
}

fn show_consent(app: &App, asked: &ConsentRequest, state: &str) -> Response {
    let api = asked.api.as_ref().map(|record| &record.api);
    let scopes: Vec<ScopeLine> = asked.scope.iter().map(|scope| line(scope, api)).collect();
    let page = ConsentPage {
        tenant: &branding::name(&app.settings),
        client_name: &asked.client.client.name,
        user: asked.user.name_for_people(),
        api_name: api.map(|api| api.name.as_deref().unwrap_or(api.identifier.as_str())),
        scopes: &scopes,
        state,
    };
    pages::render(StatusCode::OK, &page)
}

/// What a page says about a scope.
pub fn line(scope: &str, api: Option<&ResourceServer>) -> ScopeLine {
    let t = locales::current();
    let defined = api.and_then(|api| api.scopes.iter().find(|defined| defined.value == scope));
    let description = match defined {
        Some(defined) => defined.description.clone().unwrap_or_default(),
        None => match scope {
            "openid" => t.text("scope.openid"),
            "profile" => t.text("scope.profile"),
            "email" => t.text("scope.email"),
            "phone" | "phone_number" => t.text("scope.phone"),
            "address" => t.text("scope.address"),
            "offline_access" => t.text("scope.offline_access"),
            _ => "",
        }
        .to_owned(),
    };
    ScopeLine { value: scope.to_owned(), description }
}
