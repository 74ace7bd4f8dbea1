//! `/u/email-verification`: where the link of a new account leads. Looking spends nothing, because
//! mail scanners look too; the person confirms with a button.

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};

use crate::domain::{secret::Ticket, ticket::TicketKind};
use crate::http::{
    App,
    error::page::PageError,
    extract::parameters,
    oauth::after_ticket,
    pages::{
        self,
        accounts::{NoticePage, VerificationPage},
        branding, locales,
    },
};

/// `GET /u/email-verification`.
pub async fn verification_page(
    State(app): State<App>,
    request: Request,
) -> Result<Response, PageError> {
    let parameters = parameters::of_page(request, &app).await?;
    let ticket = Ticket::new(parameters.get("ticket").unwrap_or(""));
    let found = app.login.ticket_holder(&ticket, TicketKind::VerifyEmail).await;
    let found = found.map_err(|error| PageError::store(&app, &error))?;
    let Some(email) = found.and_then(|record| record.user.email) else {
        return after_ticket::refused(&app, &ticket, TicketKind::VerifyEmail).await;
    };
    let tenant = &branding::name(&app.settings);
    let page = VerificationPage { tenant, email: &email, ticket: ticket.expose() };
    Ok(pages::render(StatusCode::OK, &page))
}

/// `POST /u/email-verification`.
pub async fn verify(State(app): State<App>, request: Request) -> Result<Response, PageError> {
    let parameters = parameters::of_page(request, &app).await?;
    locales::prefer(parameters.get("ui_locales"));
    let ticket = Ticket::new(parameters.get("ticket").unwrap_or(""));
    let verified = app.login.verify_email(&ticket).await;
    let Some(holder) = verified.map_err(|error| PageError::store(&app, &error))? else {
        return after_ticket::refused(&app, &ticket, TicketKind::VerifyEmail).await;
    };
    if let Some(answer) = after_ticket::to_result(TicketKind::VerifyEmail, &holder) {
        return Ok(answer);
    }
    let t = locales::current();
    let page = NoticePage {
        tenant: &branding::name(&app.settings),
        title: t.text("verification.done_title"),
        heading: t.text("verification.done_heading"),
        message: t.rich("verification.done_message", &[]),
        hint: None,
        back: None,
        onward: after_ticket::onward(&app, &holder).await?,
    };
    Ok(pages::render(StatusCode::OK, &page))
}
