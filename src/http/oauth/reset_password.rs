//! Resetting a password: `/u/reset-password/request` sends a link, `/u/reset-password` is where it
//! leads. The second needs no cookie: its form carries the ticket, which nobody can guess.

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};

use crate::domain::{
    ClientId,
    audit::Happened,
    connection::Options,
    secret::{Password, Ticket},
    ticket::TicketKind,
};
use crate::http::{
    App,
    error::{management::error_chain, page::PageError},
    extract::{
        cookies::Cookies,
        parameters::{self, Parameters},
    },
    oauth::{
        after_ticket,
        authorize::sealed_transaction,
        signup::{problem_text, rules_text},
    },
    pages::{
        self,
        accounts::{NoticePage, ResetPage, ResetRequestPage},
        branding, locales, messages,
    },
};
use crate::login::{background::Busy, recovery::ResetFault, transaction::Transaction};
use crate::mail;
use crate::policy::new_password;

/// `GET /u/reset-password/request`.
pub async fn request_page(
    State(app): State<App>,
    cookies: Cookies,
    request: Request,
) -> Result<Response, PageError> {
    let (transaction, parameters) = sealed_transaction(&app, &cookies, request).await?;
    must_be_offered(&app, &transaction).await?;
    let hint = transaction.request.login_hint.as_deref().unwrap_or("");
    Ok(show_request(&app, parameters.get("state").unwrap_or(""), hint, None))
}

/// `POST /u/reset-password/request`. The same page for every address.
pub async fn request_link(
    State(app): State<App>,
    cookies: Cookies,
    request: Request,
) -> Result<Response, PageError> {
    let (transaction, parameters) = sealed_transaction(&app, &cookies, request).await?;
    must_be_offered(&app, &transaction).await?;
    let state = parameters.get("state").unwrap_or("");
    let email = parameters.get("email").unwrap_or("").trim();
    let t = locales::current();
    if !mail::is_address(email) {
        return Ok(show_request(&app, state, email, Some(t.text("problem.email"))));
    }
    send_link(
        &app,
        email,
        &transaction.request.client_id,
        transaction.request.connection.as_deref(),
    )
    .map_err(|Busy| PageError::unavailable(&app))?;
    let page = NoticePage {
        tenant: &branding::name(&app.settings),
        title: t.text("reset_request.sent_title"),
        heading: t.text("reset_request.sent_heading"),
        message: t.rich("reset_request.sent_message", &[("email", email)]),
        hint: Some(t.text("reset_request.sent_hint")),
        back: Some(state),
        onward: None,
    };
    Ok(pages::render(StatusCode::OK, &page))
}

/// Whether people may set a new password themselves.
///
/// # Errors
/// When the database does.
pub async fn is_offered(app: &App, transaction: &Transaction) -> Result<bool, PageError> {
    let (client, named) =
        (&transaction.request.client_id, transaction.request.connection.as_deref());
    let offered = app.login.offers_reset(client, named).await;
    offered.map_err(|error| PageError::store(app, &error))
}

async fn must_be_offered(app: &App, transaction: &Transaction) -> Result<(), PageError> {
    if is_offered(app, transaction).await? { Ok(()) } else { Err(PageError::reset_disabled(app)) }
}

/// Sends the user with this address a link, if there is one, after the answer: its time must not
/// tell.
///
/// # Errors
/// [`Busy`].
pub fn send_link(
    app: &App,
    email: &str,
    client: &ClientId,
    connection: Option<&str>,
) -> Result<(), Busy> {
    let (app_, email, client) = (app.clone(), email.to_owned(), client.clone());
    let connection = connection.map(str::to_owned);
    let (locale, tenant) = (locales::current(), branding::name(&app.settings));
    app.login.background.run(async move {
        match app_.login.request_reset(&email, &client, connection.as_deref()).await {
            Ok(None) => {}
            Ok(Some(ticket)) => {
                let message = messages::reset_password(&app_.settings, &tenant, locale, &ticket);
                app_.login.mailer.send(message).await;
            }
            Err(error) => {
                tracing::warn!(error = error_chain(&error), "no link was sent: the store failed");
            }
        }
    })
}

/// `GET /u/reset-password`. Looking spends nothing: mail scanners look too.
pub async fn reset_page(State(app): State<App>, request: Request) -> Result<Response, PageError> {
    let (_, ticket) = read(&app, request).await?;
    let Some(holder) = holder(&app, &ticket).await? else {
        return after_ticket::refused(&app, &ticket, TicketKind::ResetPassword).await;
    };
    Ok(show_reset(&app, &holder, &ticket, None))
}

/// `POST /u/reset-password`.
pub async fn reset(State(app): State<App>, request: Request) -> Result<Response, PageError> {
    let (parameters, ticket) = read(&app, request).await?;
    locales::prefer(parameters.get("ui_locales"));
    let holder = match holder(&app, &ticket).await? {
        Some(holder) => holder,
        None => {
            app.login.note(&Happened::PasswordNotChanged { reason: "ticket" }, None, None);
            return after_ticket::refused(&app, &ticket, TicketKind::ResetPassword).await;
        }
    };
    let t = locales::current();
    let password = parameters.get("password").unwrap_or("");
    if parameters.get("password_again").unwrap_or("") != password {
        let error = t.text("problem.password_differs");
        return Ok(show_reset(&app, &holder, &ticket, Some(error)));
    }
    let holder = match app.login.reset_password(&ticket, &Password::new(password)).await {
        Ok(holder) => holder,
        Err(ResetFault::Password(problem)) => {
            let error = problem_text(problem, &holder.options);
            return Ok(show_reset(&app, &holder, &ticket, Some(&error)));
        }
        Err(ResetFault::Ticket) => {
            return after_ticket::refused(&app, &ticket, TicketKind::ResetPassword).await;
        }
        Err(ResetFault::Overloaded(_)) => return Err(PageError::unavailable(&app)),
        Err(ResetFault::Store(error)) => return Err(PageError::store(&app, &error)),
    };
    if let Some(answer) = after_ticket::to_result(TicketKind::ResetPassword, &holder) {
        return Ok(answer);
    }
    let page = NoticePage {
        tenant: &branding::name(&app.settings),
        title: t.text("reset.done_title"),
        heading: t.text("reset.done_heading"),
        message: t.rich("reset.done_message", &[]),
        hint: None,
        back: None,
        onward: after_ticket::onward(&app, &holder).await?,
    };
    Ok(pages::render(StatusCode::OK, &page))
}

async fn read(app: &App, request: Request) -> Result<(Parameters, Ticket), PageError> {
    let parameters = parameters::of_page(request, app).await?;
    let ticket = Ticket::new(parameters.get("ticket").unwrap_or(""));
    Ok((parameters, ticket))
}

/// Whose password a ticket sets.
struct Holder {
    email: String,
    options: Options,
}

/// The user whom a working ticket belongs to.
async fn holder(app: &App, ticket: &Ticket) -> Result<Option<Holder>, PageError> {
    let store = |error| PageError::store(app, &error);
    let found = app.login.ticket_holder(ticket, TicketKind::ResetPassword).await.map_err(store)?;
    let Some(user) = found.map(|record| record.user) else { return Ok(None) };
    let options = app.login.options_of(&user).await.map_err(store)?;
    Ok(user.email.map(|email| Holder { email, options }))
}

fn show_request(app: &App, state: &str, email: &str, error: Option<&str>) -> Response {
    let tenant = &branding::name(&app.settings);
    pages::render(StatusCode::OK, &ResetRequestPage { tenant, state, email, error })
}

fn show_reset(app: &App, holder: &Holder, ticket: &Ticket, error: Option<&str>) -> Response {
    let tenant = &branding::name(&app.settings);
    let Holder { email, options } = holder;
    let (rules, shortest) = (&rules_text(options), new_password::shortest(options));
    let page = ResetPage { tenant, email, ticket: ticket.expose(), rules, shortest, error };
    pages::render(StatusCode::OK, &page)
}
