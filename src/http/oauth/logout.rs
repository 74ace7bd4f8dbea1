//! `GET /v2/logout`: ends the browser session and goes where the application may send people.

use axum::{
    extract::{Request, State},
    http::{StatusCode, header},
    response::Response,
};

use crate::domain::ClientId;
use crate::http::{
    App,
    error::page::PageError,
    extract::{
        cookies::{self, Cookies},
        parameters,
    },
    oauth::authorize::redirect,
    pages::{self, SignedOutPage},
};
use crate::policy::authorize::PageProblem;

/// `GET /v2/logout`. With `client_id` the list of the client counts, else that of the server;
/// without `returnTo` the first entry. A URL that is not in the list is an error page, and then
/// the session stays: a broken link must not log people out.
pub async fn logout(
    State(app): State<App>,
    cookies: Cookies,
    request: Request,
) -> Result<Response, PageError> {
    let parameters = parameters::of_page(request, &app)
        .await
        .map_err(|why| PageError::unreadable(&app, &why))?;
    let store = |error| PageError::store(&app, &error);
    let client = match parameters.get("client_id") {
        None => None,
        Some(id) => {
            let found = app.store.client(&ClientId::new(id)).await.map_err(store)?;
            let unknown = || PageError::problem(&app, &PageProblem::UnknownClient);
            Some(found.ok_or_else(unknown)?)
        }
    };
    let allowed = match &client {
        Some(record) => record.client.allowed_logout_urls.clone(),
        None => {
            let tenant = app.store.tenant().await.map_err(store)?;
            [tenant.allowed_logout_urls.as_slice(), &app.settings.allowed_logout_urls].concat()
        }
    };
    let destination = match parameters.get("returnTo") {
        None => allowed.first().cloned(),
        Some(asked) => {
            let exact = allowed.iter().find(|url| *url == asked);
            Some(exact.ok_or_else(|| PageError::logout_destination(&app))?.clone())
        }
    };
    let client_id = client.as_ref().map(|record| &record.client.client_id);
    app.login.end_session(cookies.session.as_ref(), client_id).await.map_err(store)?;
    let mut response = match destination {
        Some(destination) => redirect(&destination),
        None => pages::render(StatusCode::OK, &SignedOutPage { tenant: &app.settings.tenant_name }),
    };
    let cookie = cookies::clear_session(&app);
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}
