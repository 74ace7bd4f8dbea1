//! `/oidc/logout`, the `end_session_endpoint` (OIDC RP-Initiated Logout 1.0), and the page that
//! asks before logging out.
//!
//! 1. Which application asks, and for which session? From the ID token, or by name.
//! 2. Where may the browser go then? A URL that is not registered ends here, with a page.
//! 3. Must the user be asked? Then nothing happens before they answer.
//! 4. End the session, and go there.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{Method, StatusCode, header},
    response::Response,
};

use crate::domain::{ClientId, secret::SessionCookie};
use crate::http::{
    App,
    error::page::PageError,
    extract::{
        cookies::{self, Cookies},
        parameters::{self, Parameters},
    },
    oauth::authorize::redirect,
    pages::{self, LogoutPage, SignedOutPage, StillSignedInPage, branding, locales},
};
use crate::login::logout::PendingLogout;
use crate::policy::{
    authorize::PageProblem,
    logout::{self as rules, Hint},
};
use crate::store::clients::ClientRecord;

/// The parameters that mean something here. `federated` is accepted: there is no other provider to
/// log out of.
const PARAMETERS: [&str; 6] = [
    "id_token_hint",
    "logout_hint",
    "client_id",
    "post_logout_redirect_uri",
    "state",
    "ui_locales",
];

/// The longest address that a `POST` is turned into, in bytes.
const LONGEST_QUERY: usize = 8 * 1024;

/// `GET` and `POST /oidc/logout`.
pub async fn end_session(
    State(app): State<App>,
    cookies: Cookies,
    request: Request,
) -> Result<Response, PageError> {
    let method = request.method().clone();
    let parameters = parameters::of_page(request, &app).await?;
    locales::prefer(parameters.get("ui_locales"));
    if let Some(name) = parameters.repeated() {
        return Err(PageError::repeated(&app, name));
    }
    if method == Method::POST
        && cookies.session.is_none()
        && let Some(query) = as_query(&parameters)
    {
        return Ok(redirect(&format!("/oidc/logout?{query}")));
    }
    // Step 1.
    let (client, hint) = who_asks(&app, &parameters).await?;
    // Step 2.
    let destination = rules::post_logout_redirect(
        &allowed_urls(&app, client.as_deref()).await?,
        parameters.get("post_logout_redirect_uri"),
        parameters.get("state"),
    )
    .map_err(|_| PageError::logout_destination(&app))?;
    let client_id = client.as_ref().map(|record| record.client.client_id.clone());
    let pending = PendingLogout { destination, client_id, asked_at: app.clock.now().millis() };
    // Step 3.
    let session = app.login.session(cookies.session.as_ref()).await;
    let session = session.map_err(|error| PageError::store(&app, &error))?;
    let logout_hint = parameters.get("logout_hint");
    let tenant = app.store.tenant().await.map_err(|error| PageError::store(&app, &error))?;
    let must_ask = tenant.sessions.oidc_logout_prompt_enabled
        && rules::must_ask(session.as_ref(), hint.as_ref(), logout_hint);
    if let Some(cookie) = cookies.session.as_ref().filter(|_| must_ask) {
        return ask(&app, cookie, client.as_deref(), &pending);
    }
    // Step 4.
    finish(&app, &cookies, &pending).await
}

/// `POST /u/logout`: the answer to the question.
pub async fn confirmed(
    State(app): State<App>,
    cookies: Cookies,
    request: Request,
) -> Result<Response, PageError> {
    let parameters = parameters::of_page(request, &app).await?;
    let pending = app
        .login
        .open_logout(parameters.get("state").unwrap_or(""), cookies.session.as_ref())
        .map_err(|fault| PageError::pending_logout(&app, fault))?;
    match parameters.get("action") {
        Some("accept") => finish(&app, &cookies, &pending).await,
        _ => {
            let page = StillSignedInPage { tenant: &branding::name(&app.settings) };
            Ok(pages::render(StatusCode::OK, &page))
        }
    }
}

/// Cookies with `SameSite=Lax` do not come with a form that another site posts, but they do when
/// the browser then follows a redirect: the same request as a `GET`.
fn as_query(parameters: &Parameters) -> Option<String> {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for name in PARAMETERS {
        if let Some(value) = parameters.get(name) {
            query.append_pair(name, value);
        }
    }
    let query = query.finish();
    (query.len() <= LONGEST_QUERY).then_some(query)
}

/// Step 1. A hint that is not an ID token of ours, or not for the application named beside it, is
/// an error (§2): what sent it is broken, or somebody is playing.
async fn who_asks(
    app: &App,
    parameters: &Parameters,
) -> Result<(Option<Arc<ClientRecord>>, Option<Hint>), PageError> {
    let named = parameters.get("client_id").map(ClientId::new);
    let (client_id, hint) = match parameters.get("id_token_hint") {
        None => (named, None),
        Some(token) => {
            let verified = app.tokens.verify_id_token_hint(token).await;
            let verified = verified.map_err(|failure| PageError::failure(app, &failure))?;
            let (client_id, hint) = verified.ok_or_else(|| PageError::id_token_hint(app))?;
            if named.is_some_and(|named| named != client_id) {
                return Err(PageError::id_token_hint(app));
            }
            (Some(client_id), Some(hint))
        }
    };
    let Some(client_id) = client_id else { return Ok((None, None)) };
    let client = app.store.client(&client_id).await;
    let client = client.map_err(|error| PageError::store(app, &error))?;
    let client = client.ok_or_else(|| PageError::problem(app, &PageProblem::UnknownClient))?;
    Ok((Some(client), hint))
}

/// Where logouts may lead: the list of the application, or of the server when none is known.
///
/// # Errors
/// When the database does.
pub(super) async fn allowed_urls(
    app: &App,
    client: Option<&ClientRecord>,
) -> Result<Vec<String>, PageError> {
    if let Some(record) = client {
        return Ok(record.client.allowed_logout_urls.clone());
    }
    let tenant = app.store.tenant().await.map_err(|error| PageError::store(app, &error))?;
    Ok([tenant.allowed_logout_urls.as_slice(), &app.settings.allowed_logout_urls].concat())
}

fn ask(
    app: &App,
    cookie: &SessionCookie,
    client: Option<&ClientRecord>,
    pending: &PendingLogout,
) -> Result<Response, PageError> {
    let state = app
        .login
        .seal_logout(pending, cookie)
        .map_err(|error| PageError::failure(app, &error.into()))?;
    let page = LogoutPage {
        tenant: &branding::name(&app.settings),
        client_name: client.map_or("", |record| record.client.name.as_str()),
        state: &state,
    };
    Ok(pages::render(StatusCode::OK, &page))
}

/// Step 4.
pub(super) async fn finish(
    app: &App,
    cookies: &Cookies,
    pending: &PendingLogout,
) -> Result<Response, PageError> {
    let ended = app.login.end_session(cookies.session.as_ref(), pending.client_id.as_ref()).await;
    ended.map_err(|error| PageError::store(app, &error))?;
    let mut response = match &pending.destination {
        Some(destination) => redirect(destination),
        None => {
            pages::render(StatusCode::OK, &SignedOutPage { tenant: &branding::name(&app.settings) })
        }
    };
    let cookie = cookies::clear_session(app);
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}
