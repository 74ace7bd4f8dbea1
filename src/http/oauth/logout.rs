//! `GET /v2/logout`: ends the browser session and goes where the application may send people.

use axum::{
    extract::{Request, State},
    response::Response,
};

use crate::domain::ClientId;
use crate::http::{
    App,
    error::page::PageError,
    extract::{cookies::Cookies, parameters},
    oauth::oidc_logout::{allowed_urls, finish},
};
use crate::login::logout::PendingLogout;
use crate::policy::{authorize::PageProblem, logout as rules};

/// `GET /v2/logout`. With `client_id` the list of the client counts, else that of the server;
/// without `returnTo` the first entry. A URL that is not in the list is an error page, and then
/// the session stays: a broken link must not log people out. `federated` and parameters of SDKs
/// that mean nothing here are ignored.
pub async fn logout(
    State(app): State<App>,
    cookies: Cookies,
    request: Request,
) -> Result<Response, PageError> {
    let parameters = parameters::of_page(request, &app).await?;
    let client = match parameters.get("client_id") {
        None => None,
        Some(id) => {
            let found = app.store.client(&ClientId::new(id)).await;
            let found = found.map_err(|error| PageError::store(&app, &error))?;
            let unknown = || PageError::problem(&app, &PageProblem::UnknownClient);
            Some(found.ok_or_else(unknown)?)
        }
    };
    let allowed = allowed_urls(&app, client.as_deref()).await?;
    let destination = rules::return_to(&allowed, parameters.get("returnTo"))
        .map_err(|_| PageError::logout_destination(&app))?;
    let client_id = client.as_ref().map(|record| record.client.client_id.clone());
    let pending = PendingLogout { destination, client_id, asked_at: app.clock.now().millis() };
    finish(&app, &cookies, &pending).await
}
