//! `POST /oauth/par` (RFC 9126), and what `/authorize` makes of a `request_uri`.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::domain::{ClientId, audit::Exchanged, secret::RequestUri};
use crate::http::{
    App, dpop,
    error::{oauth::OAuthError, page::PageError},
    extract::parameters::{OAuthBody, Parameters},
    oauth::{
        authorize::recognised,
        token::{NEVER_KEPT, authenticate},
    },
};
use crate::policy::authorize::{self as rules, PageProblem};
use crate::token::{
    dpop::ProvenRequest,
    pushed_request::{Pushed, must_be_confidential},
};

/// The longest request that is kept, in bytes of its names and values.
const MAX_BYTES: usize = 10 * 1024;

/// What authenticates the client is not part of the request and never kept.
const OF_THE_CLIENT: &[&str] = &["client_secret", "client_assertion", "client_assertion_type"];

/// `POST /oauth/par`.
pub async fn par(
    State(app): State<App>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Result<OAuthBody, OAuthError>,
) -> Response {
    let proven = dpop::proven_request(&headers, &method, uri.path());
    match run(&app, &headers, &proven, body).await {
        Ok(pushed) => {
            let body = json!({
                "request_uri": pushed.request_uri.expose(), "expires_in": pushed.expires_in,
            });
            (StatusCode::CREATED, NEVER_KEPT, Json(body)).into_response()
        }
        Err(error) => error.respond(app.settings.error_status),
    }
}

async fn run(
    app: &App,
    headers: &HeaderMap,
    proven: &ProvenRequest<'_>,
    body: Result<OAuthBody, OAuthError>,
) -> Result<Pushed, OAuthError> {
    let OAuthBody(parameters) = body?;
    let mut kept = parameters.without(OF_THE_CLIENT);
    if kept.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > MAX_BYTES {
        let text = format!("The pushed request is longer than {MAX_BYTES} bytes");
        return Err(OAuthError::TooLarge(text));
    }
    let (client, basic) = authenticate(app, headers, &parameters).await?;
    let refused = |refused| OAuthError::from_refused(refused, basic);
    must_be_confidential(&client).map_err(refused)?;
    // RFC 9449 §10.1: a proof here says the same as `dpop_jkt`, and is checked at once.
    let client = app.tokens.prove_possession(client, proven, Exchanged::Code).await;
    let client = client.map_err(refused)?;
    if let Some(key) = &client.key {
        let said = kept.insert("dpop_jkt".to_owned(), key.as_str().to_owned());
        if said.is_some_and(|said| said != key.as_str()) {
            return Err(OAuthError::InvalidDpopProof("DPoP proof is of another key than dpop_jkt"));
        }
    }
    if parameters.get("request_uri").is_some() {
        // RFC 9126 §2.1: a request cannot be pushed by naming another one.
        return Err(OAuthError::invalid_request("Parameter request_uri cannot be pushed"));
    }
    let application = &client.record.client;
    kept.insert("client_id".to_owned(), application.client_id.as_str().to_owned());
    let mut asked = as_pushed(&Parameters::from(kept.clone()));
    asked.connections = Some(app.store.connections(&application.client_id).await?);
    let destination = rules::destination(&asked, Some(application))
        .map_err(|problem| OAuthError::invalid_request(words(&problem)))?;
    let api = match rules::audience(&asked) {
        Ok(Some(audience)) => app.store.api(&audience).await?,
        _ => None,
    };
    let api = api.as_ref().map(|record| &record.api);
    let userinfo = app.settings.userinfo_audience();
    rules::validate(&asked, &destination, application, api, &userinfo)
        .map_err(OAuthError::Authorization)?;
    app.tokens.push(&client, &kept).await.map_err(refused)
}

/// The parameters of an authorize request. Of one that names a pushed request only the pushed ones
/// count, and it is taken: no second request has it, whatever becomes of the first.
///
/// # Errors
/// A page: without the request there is no proven redirect URI.
pub async fn of_authorize(
    app: &App,
    parameters: Parameters,
) -> Result<rules::Parameters, PageError> {
    let Some(request_uri) = parameters.get("request_uri") else {
        return Ok(recognised(&parameters));
    };
    if parameters.repeated().is_some() {
        return Err(PageError::request_uri(app));
    }
    let Some(client) = parameters.get("client_id") else {
        return Err(PageError::problem(app, &PageProblem::ClientIdMissing));
    };
    let (client, request_uri) = (ClientId::new(client), RequestUri::new(request_uri));
    let taken = app.tokens.take_pushed(&client, &request_uri).await;
    let taken = taken.map_err(|error| PageError::store(app, &error))?;
    let taken = taken.ok_or_else(|| PageError::request_uri(app))?;
    Ok(as_pushed(&Parameters::from(taken)))
}

fn as_pushed(parameters: &Parameters) -> rules::Parameters {
    rules::Parameters { pushed: true, ..recognised(parameters) }
}

/// What a page would say in `/authorize`.
fn words(problem: &PageProblem) -> &'static str {
    match problem {
        PageProblem::ClientIdMissing => "Missing required parameter: client_id",
        PageProblem::UnknownClient => "No application has this client_id",
        PageProblem::CallbackMismatch(_) => {
            "Callback URL mismatch: the redirect_uri is not in the list of allowed callback URLs"
        }
        PageProblem::CallbackMissing => "The application has no callback URL",
        PageProblem::WebOriginMismatch(_) => {
            "Web origin mismatch: the origin is not in the list of allowed web origins"
        }
    }
}
