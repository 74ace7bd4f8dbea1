//! `/u/signup`: creating an account in the middle of a login, which then goes on as after the login
//! page. The form carries the sealed transaction, which protects it from forgery.

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use serde_json::Map;

use crate::domain::{secret::Password, ticket::IssuedTicket};
use crate::http::{
    App,
    error::page::PageError,
    extract::cookies::Cookies,
    oauth::{
        authorize::sealed_transaction,
        interaction::{client_name, logged_in},
    },
    pages::{self, accounts::SignupPage, branding, locales, messages},
};
use crate::login::{
    signup::{NewAccount, SignupFault},
    transaction::Transaction,
};
use crate::policy::new_password::Problem;

/// The page that a login begins with: `screen_hint=signup` asks for this one.
pub fn first_page(app: &App, transaction: &Transaction) -> &'static str {
    let hint = transaction.request.screen_hint.as_deref();
    if app.settings.signup_enabled && hint == Some("signup") { "/u/signup" } else { "/u/login" }
}

/// `GET /u/signup`.
pub async fn signup_page(
    State(app): State<App>,
    cookies: Cookies,
    request: Request,
) -> Result<Response, PageError> {
    let (transaction, parameters) = sealed_transaction(&app, &cookies, request).await?;
    must_be_enabled(&app)?;
    let state = parameters.get("state").unwrap_or("");
    let hint = transaction.request.login_hint.as_deref().unwrap_or("");
    show(&app, &transaction, state, hint, None).await
}

/// `POST /u/signup`.
pub async fn sign_up(
    State(app): State<App>,
    cookies: Cookies,
    request: Request,
) -> Result<Response, PageError> {
    let (transaction, parameters) = sealed_transaction(&app, &cookies, request).await?;
    must_be_enabled(&app)?;
    let client = transaction.request.client_id.clone();
    let email = parameters.get("email").unwrap_or("");
    let account = NewAccount {
        email: email.to_owned(),
        username: None,
        password: Password::new(parameters.get("password").unwrap_or("")),
        profile: Map::new(),
        user_metadata: Map::new(),
    };
    let t = locales::current();
    let (user, ticket) = match app.login.sign_up(&account, &client).await {
        Ok(created) => created,
        Err(fault) => {
            let error = match fault {
                SignupFault::Email | SignupFault::Username => t.text("problem.email"),
                SignupFault::Password(problem) => problem_text(problem),
                SignupFault::Taken => t.text("problem.taken"),
                SignupFault::Overloaded(_) => return Err(PageError::unavailable(&app)),
                SignupFault::Store(error) => return Err(PageError::store(&app, &error)),
            };
            let state = parameters.get("state").unwrap_or("");
            return show(&app, &transaction, state, email, Some(error)).await;
        }
    };
    send_verification(&app, ticket).await;
    logged_in(&app, (&transaction).into(), &cookies, &user).await
}

/// Sends the link that verifies a new address.
pub async fn send_verification(app: &App, ticket: Option<IssuedTicket>) {
    if let Some(ticket) = ticket {
        let tenant = branding::name(&app.settings);
        let message = messages::verify_email(&app.settings, &tenant, locales::current(), &ticket);
        app.login.mailer.send(message).await;
    }
}

/// What a person is told about a password that may not be chosen.
pub fn problem_text(problem: Problem) -> &'static str {
    let t = locales::current();
    match problem {
        Problem::TooShort => t.text("problem.password_short"),
        Problem::TooLong => t.text("problem.password_long"),
        Problem::Personal => t.text("problem.password_personal"),
        Problem::Weak => t.text("problem.password_weak"),
    }
}

fn must_be_enabled(app: &App) -> Result<(), PageError> {
    if app.settings.signup_enabled { Ok(()) } else { Err(PageError::signup_disabled(app)) }
}

async fn show(
    app: &App,
    transaction: &Transaction,
    state: &str,
    email: &str,
    error: Option<&str>,
) -> Result<Response, PageError> {
    let client_name = client_name(app, Some(&transaction.request.client_id)).await?;
    let tenant = &branding::name(&app.settings);
    let page = SignupPage { tenant, client_name: &client_name, state, email, error };
    Ok(pages::render(StatusCode::OK, &page))
}
