//! `/u/unblock`: where the link leads that somebody gets whose account is blocked after too many
//! wrong passwords. Looking unblocks nothing, because mail scanners look too.

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
    pages::{
        self,
        accounts::{NoticePage, UnblockPage},
        branding, locales,
    },
};

/// `GET /u/unblock`.
pub async fn unblock_page(State(app): State<App>, request: Request) -> Result<Response, PageError> {
    let parameters = parameters::of_page(request, &app).await?;
    let ticket = Ticket::new(parameters.get("ticket").unwrap_or(""));
    let found = app.login.ticket_holder(&ticket, TicketKind::Unblock).await;
    let found = found.map_err(|error| PageError::store(&app, &error))?;
    let Some(email) = found.and_then(|record| record.user.email) else {
        return Err(PageError::ticket(&app));
    };
    let tenant = &branding::name(&app.settings);
    let page = UnblockPage { tenant, email: &email, ticket: ticket.expose() };
    Ok(pages::render(StatusCode::OK, &page))
}

/// `POST /u/unblock`.
pub async fn unblock(State(app): State<App>, request: Request) -> Result<Response, PageError> {
    let parameters = parameters::of_page(request, &app).await?;
    locales::prefer(parameters.get("ui_locales"));
    let ticket = Ticket::new(parameters.get("ticket").unwrap_or(""));
    let unblocked = app.login.unblock_by_ticket(&ticket).await;
    if !unblocked.map_err(|error| PageError::store(&app, &error))? {
        return Err(PageError::ticket(&app));
    }
    let t = locales::current();
    let page = NoticePage {
        tenant: &branding::name(&app.settings),
        title: t.text("unblock.done_title"),
        heading: t.text("unblock.done_heading"),
        message: t.rich("unblock.done_message", &[]),
        hint: None,
        back: None,
        onward: None,
    };
    Ok(pages::render(StatusCode::OK, &page))
}
