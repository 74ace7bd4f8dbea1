//! The device flow (RFC 8628): `POST /oauth/device/code` for the device, `/activate` for the person.

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::domain::{
    SessionId,
    device::{INTERVAL, LIFETIME},
};
use crate::http::{
    App,
    error::{oauth::OAuthError, page::PageError},
    extract::{
        cookies::Cookies,
        parameters::{self, OAuthBody, Parameters},
    },
    oauth::{
        authorize::{sealed_errand, send_to},
        interaction::line,
        token::{NEVER_KEPT, authenticate},
    },
    pages::{
        self, ScopeLine, branding,
        devices::{ActivatePage, ConfirmDevicePage, DeviceDonePage},
        locales,
    },
};
use crate::login::{
    device::{Activating, DeviceAsks},
    transaction::{Activation, Errand, TransactionFault},
};
use crate::token::device_authorization::DeviceRequest;

/// RFC 8628 §3.2.
#[derive(Serialize)]
struct DeviceBody {
    device_code: String,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: String,
    expires_in: i64,
    interval: i64,
}

/// `POST /oauth/device/code`.
pub async fn device_code(
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<OAuthBody, OAuthError>,
) -> Response {
    let answered = match body {
        Ok(OAuthBody(parameters)) => authorize_device(&app, &headers, &parameters).await,
        Err(error) => Err(error),
    };
    match answered {
        Ok(body) => (NEVER_KEPT, Json(body)).into_response(),
        Err(error) => error.respond(app.settings.error_status),
    }
}

async fn authorize_device(
    app: &App,
    headers: &HeaderMap,
    parameters: &Parameters,
) -> Result<DeviceBody, OAuthError> {
    let (client, basic) = authenticate(app, headers, parameters).await?;
    let request = DeviceRequest {
        scope: parameters.scope()?,
        audience: parameters.audience()?,
        code_challenge: parameters.text("code_challenge"),
        code_challenge_method: parameters.text("code_challenge_method"),
    };
    let codes = app.tokens.authorize_device(&client, &request).await;
    let codes = codes.map_err(|refused| OAuthError::from_refused(refused, basic))?;
    let user_code = codes.shown;
    let in_address: String = url::form_urlencoded::byte_serialize(user_code.as_bytes()).collect();
    let verification_uri = format!("{}activate", app.settings.issuer);
    Ok(DeviceBody {
        device_code: codes.device_code.expose().to_owned(),
        verification_uri_complete: format!("{verification_uri}?user_code={in_address}"),
        verification_uri,
        user_code,
        expires_in: LIFETIME,
        interval: INTERVAL,
    })
}

/// `GET /activate`: the form, filled in if the address names a code.
pub async fn activate_page(
    State(app): State<App>,
    request: Request,
) -> Result<Response, PageError> {
    let parameters = parameters::of_page(request, &app).await?;
    let typed = parameters.get("user_code").unwrap_or("");
    Ok(show_form(&app, typed, None))
}

/// `POST /activate`. A form that another site made the browser send does no harm: what follows is
/// the same question as for a link.
pub async fn activate(
    State(app): State<App>,
    cookies: Cookies,
    request: Request,
) -> Result<Response, PageError> {
    let parameters = parameters::of_page(request, &app).await?;
    let Some(typed) = parameters.get("user_code") else {
        return Ok(show_form(&app, "", Some("activate.lead")));
    };
    let activation = app.login.begin_activation(typed);
    send_to(&app, "/activate/confirm", &activation, &cookies)
}

/// `GET /activate/confirm`.
pub async fn confirm_page(
    State(app): State<App>,
    cookies: Cookies,
    request: Request,
) -> Result<Response, PageError> {
    let (activation, _) = sealed_activation(&app, &cookies, request).await?;
    ask(&app, activation, &cookies).await
}

/// `POST /activate/confirm`.
pub async fn confirm(
    State(app): State<App>,
    cookies: Cookies,
    request: Request,
) -> Result<Response, PageError> {
    let store = |error| PageError::store(&app, &error);
    let (activation, parameters) = sealed_activation(&app, &cookies, request).await?;
    let session = app.login.session(cookies.session.as_ref()).await.map_err(store)?;
    // Only the login that was shown the question answers it.
    let session = session.filter(|session| activation.shown_to.as_ref() == Some(&session.id));
    let (Some(session), Some(action)) = (session, parameters.get("action")) else {
        return ask(&app, activation, &cookies).await;
    };
    let found = app.login.activating(&activation, Some(&session)).await.map_err(store)?;
    let Activating::Asks(asks) = found else {
        return answer(&app, found, activation, &session.id, &cookies);
    };
    let confirmed = match action {
        "confirm" => true,
        "decline" => false,
        _ => return show_question(&app, &asks, activation, &session.id, &cookies),
    };
    let written = if confirmed {
        app.login.confirm_device(&asks, &session).await
    } else {
        app.login.decline_device(&asks).await
    };
    if !written.map_err(store)? {
        return Ok(show_form(&app, "", Some(NOT_FOUND)));
    }
    let page = DeviceDonePage { tenant: &branding::name(&app.settings), confirmed };
    Ok(pages::render(StatusCode::OK, &page))
}

const NOT_FOUND: &str = "activate.not_found";

async fn sealed_activation(
    app: &App,
    cookies: &Cookies,
    request: Request,
) -> Result<(Activation, Parameters), PageError> {
    match sealed_errand(app, cookies, request).await? {
        (Errand::Device(activation), parameters) => Ok((activation, parameters)),
        _ => Err(PageError::transaction(app, TransactionFault::Foreign)),
    }
}

/// Looks the code up and shows what comes next.
async fn ask(app: &App, activation: Activation, cookies: &Cookies) -> Result<Response, PageError> {
    let store = |error| PageError::store(app, &error);
    let session = app.login.session(cookies.session.as_ref()).await.map_err(store)?;
    let Some(session) = session else { return send_to(app, "/u/login", &activation, cookies) };
    let found = app.login.activating(&activation, Some(&session)).await.map_err(store)?;
    answer(app, found, activation, &session.id, cookies)
}

fn answer(
    app: &App,
    found: Activating,
    activation: Activation,
    session: &SessionId,
    cookies: &Cookies,
) -> Result<Response, PageError> {
    match found {
        Activating::Asks(asks) => show_question(app, &asks, activation, session, cookies),
        Activating::Login => send_to(app, "/u/login", &activation, cookies),
        Activating::NotFound => Ok(show_form(app, "", Some(NOT_FOUND))),
        Activating::TooManyGuesses => Err(PageError::too_many_guesses(app)),
    }
}

/// `error` is the key of a text.
fn show_form(app: &App, user_code: &str, error: Option<&'static str>) -> Response {
    let error = error.map(|key| locales::current().text(key));
    let example = &branding::current().user_codes.example();
    let page = ActivatePage { tenant: &branding::name(&app.settings), user_code, example, error };
    pages::render(StatusCode::OK, &page)
}

fn show_question(
    app: &App,
    asks: &DeviceAsks,
    mut activation: Activation,
    session: &SessionId,
    cookies: &Cookies,
) -> Result<Response, PageError> {
    activation.shown_to = Some(session.clone());
    // The browser has its binding: the activation was opened with it.
    let foreign = || PageError::transaction(app, TransactionFault::Foreign);
    let binding = cookies.binding.as_ref().ok_or_else(foreign)?;
    let state = app
        .login
        .seal(&Errand::Device(activation), binding)
        .map_err(|error| PageError::failure(app, &error.into()))?;
    let api = asks.api.as_ref().map(|record| &record.api);
    let scopes: Vec<ScopeLine> = asks.scope.iter().map(|scope| line(scope, api)).collect();
    let page = ConfirmDevicePage {
        tenant: &branding::name(&app.settings),
        user_code: &branding::current().user_codes.show(&asks.user_code),
        client_name: &asks.client.client.name,
        user: asks.user.name_for_people(),
        api_name: api.map(|api| api.name.as_deref().unwrap_or(api.identifier.as_str())),
        scopes: &scopes,
        state: &state,
    };
    Ok(pages::render(StatusCode::OK, &page))
}
