//! `/u/signup`: creating an account in the middle of a login, which then goes on as after the login
//! page. The form carries the sealed transaction, which protects it from forgery.

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use serde_json::Map;

use crate::domain::{
    connection::{Connection, Options, PasswordPolicy},
    secret::Password,
    ticket::IssuedTicket,
};
use crate::http::{
    App,
    error::{hindrance, page::PageError},
    extract::cookies::Cookies,
    oauth::{
        authorize::sealed_transaction,
        interaction::{client_name, logged_in},
    },
    pages::{self, accounts::SignupPage, branding, locales, messages},
};
use crate::login::{
    authorize::Failure,
    signup::{NewAccount, SignupFault},
    transaction::Transaction,
};
use crate::policy::new_password::{self, Problem};

/// The page that a login begins with: `screen_hint=signup` asks for this one.
///
/// # Errors
/// When the database does.
pub async fn first_page(app: &App, transaction: &Transaction) -> Result<&'static str, PageError> {
    let wants_signup = transaction.request.screen_hint.as_deref() == Some("signup");
    let opens = wants_signup && database(app, transaction).await?.is_some();
    Ok(if opens { "/u/signup" } else { "/u/login" })
}

/// Where the account would be created, `None` when nobody may.
///
/// # Errors
/// When the database does.
pub async fn database(
    app: &App,
    transaction: &Transaction,
) -> Result<Option<Connection>, PageError> {
    let (client, named) =
        (&transaction.request.client_id, transaction.request.connection.as_deref());
    let found = app.login.signup_database(client, named).await;
    found.map_err(|error| PageError::store(app, &error))
}

/// `GET /u/signup`.
pub async fn signup_page(
    State(app): State<App>,
    cookies: Cookies,
    request: Request,
) -> Result<Response, PageError> {
    let (transaction, parameters) = sealed_transaction(&app, &cookies, request).await?;
    let database = open_database(&app, &transaction).await?;
    let state = parameters.get("state").unwrap_or("");
    let hint = transaction.request.login_hint.as_deref().unwrap_or("");
    show(&app, &transaction, &database, Typed { state, email: hint, username: "" }, None).await
}

/// `POST /u/signup`.
pub async fn sign_up(
    State(app): State<App>,
    cookies: Cookies,
    request: Request,
) -> Result<Response, PageError> {
    let (transaction, parameters) = sealed_transaction(&app, &cookies, request).await?;
    let database = open_database(&app, &transaction).await?;
    let client = transaction.request.client_id.clone();
    let email = parameters.get("email").unwrap_or("");
    let username = parameters.get("username").unwrap_or("").trim();
    let account = NewAccount {
        email: email.to_owned(),
        username: (!username.is_empty()).then(|| username.to_owned()),
        password: Password::new(parameters.get("password").unwrap_or("")),
        profile: Map::new(),
        user_metadata: Map::new(),
    };
    let t = locales::current();
    let (user, ticket) = match app.login.sign_up(&account, &client, &database).await {
        Ok(created) => created,
        Err(fault) => {
            let hindrance = match &fault {
                SignupFault::Hindered(hindrance) => Some(*hindrance),
                _ => None,
            };
            let error = match fault {
                SignupFault::Hindered(hindrance) => hindrance::text(&hindrance, t).to_owned(),
                SignupFault::Email => t.text("problem.email").to_owned(),
                SignupFault::Username => t.text("problem.username").to_owned(),
                SignupFault::Password(problem) => problem_text(problem, &database.options),
                SignupFault::Taken => t.text("problem.taken").to_owned(),
                // Escaped by the page, like everything.
                SignupFault::Action { message, .. } => {
                    message.unwrap_or_else(|| t.text("problem.signup_refused").to_owned())
                }
                SignupFault::Overloaded(_) => return Err(PageError::unavailable(&app)),
                SignupFault::Crypto(error) => {
                    return Err(PageError::failure(&app, &Failure::Crypto(error)));
                }
                SignupFault::Store(error) => return Err(PageError::store(&app, &error)),
            };
            let state = parameters.get("state").unwrap_or("");
            let typed = Typed { state, email, username };
            let mut page = show(&app, &transaction, &database, typed, Some(&error)).await?;
            if let Some(hindrance) = hindrance {
                *page.status_mut() = StatusCode::TOO_MANY_REQUESTS;
                hindrance::set_retry_after(&hindrance, page.headers_mut());
            }
            return Ok(page);
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
pub fn problem_text(problem: Problem, options: &Options) -> String {
    let t = locales::current();
    let text = match problem {
        Problem::TooShort => {
            let count = new_password::shortest(options).to_string();
            return t.fill("problem.password_short", &[("count", &count)]);
        }
        Problem::TooLong => "problem.password_long",
        Problem::Personal if options.refuses_personal_passwords() => "problem.password_contains",
        Problem::Personal => "problem.password_personal",
        Problem::Weak => "problem.password_weak",
        Problem::Kinds => "problem.password_kinds",
        Problem::Common => "problem.password_common",
    };
    t.text(text).to_owned()
}

/// What a person is told before choosing a password.
pub fn rules_text(options: &Options) -> String {
    let t = locales::current();
    let count = new_password::shortest(options).to_string();
    let Some(policy) = options.password_policy else {
        return t.fill("signup.password_rules", &[("count", &count)]);
    };
    let mut text = t.fill("signup.password_length", &[("count", &count)]);
    let kinds = match (new_password::kinds(policy), policy) {
        (None, _) => return text,
        (Some(_), PasswordPolicy::Fair) => "signup.password_three_kinds",
        (Some(_), PasswordPolicy::Excellent) => "signup.password_kinds_varied",
        (Some(_), _) => "signup.password_kinds",
    };
    text.push(' ');
    text.push_str(t.text(kinds));
    text
}

/// The database that accounts are created in, or the page that says that there is none.
async fn open_database(app: &App, transaction: &Transaction) -> Result<Connection, PageError> {
    database(app, transaction).await?.ok_or_else(|| PageError::signup_disabled(app))
}

/// What was typed into the form before.
struct Typed<'a> {
    state: &'a str,
    email: &'a str,
    username: &'a str,
}

async fn show(
    app: &App,
    transaction: &Transaction,
    database: &Connection,
    typed: Typed<'_>,
    error: Option<&str>,
) -> Result<Response, PageError> {
    let client_name = client_name(app, Some(&transaction.request.client_id)).await?;
    let options = &database.options;
    let needs_username = options.requires_username == Some(true);
    let page = SignupPage {
        tenant: &branding::name(&app.settings),
        client_name: &client_name,
        state: typed.state,
        email: typed.email,
        username: needs_username.then_some(typed.username),
        rules: &rules_text(options),
        shortest: new_password::shortest(options),
        error,
    };
    Ok(pages::render(StatusCode::OK, &page))
}
