//! `/continue`: where a browser comes back to that a script has sent elsewhere.

use axum::{
    extract::{Request, State},
    http::Method,
    response::Response,
};

use crate::http::{
    App,
    error::page::PageError,
    extract::{
        cookies::Cookies,
        parameters::{self, Parameters},
    },
    oauth::authorize::show,
    pages::locales,
};

/// `GET` and `POST /continue?state=…`. What else comes with it is for the script.
pub async fn go_on(
    State(app): State<App>,
    cookies: Cookies,
    request: Request,
) -> Result<Response, PageError> {
    let state = state(&app, request).await?;
    let store = |error| PageError::store(&app, &error);
    let failure = |failure| PageError::failure(&app, &failure);
    let session = app.login.session(cookies.session.as_ref()).await.map_err(store)?;
    let (session, binding) = (session.as_ref(), cookies.binding.as_ref());
    let taken = app.login.take_suspended(&state, binding, session).await.map_err(failure)?;
    let (transaction, resumed) = taken.map_err(|fault| PageError::transaction(&app, fault))?;
    locales::prefer(transaction.request.ui_locales.as_deref());
    let advanced = app.login.advance_from(&transaction, session, Some(resumed)).await;
    show(&app, &transaction, &cookies, advanced.map_err(failure)?).await
}

/// The `state`, of the query or else of the body, which is read in any case.
async fn state(app: &App, request: Request) -> Result<String, PageError> {
    let unreadable = |why| PageError::unreadable(app, &why);
    let query = request.uri().query().unwrap_or("");
    if query.len() > parameters::MAX_BYTES {
        return Err(unreadable(parameters::Unreadable::TooLong));
    }
    let in_query = Parameters::from_form(query.as_bytes()).map_err(unreadable)?.text("state");
    if request.method() != Method::POST {
        return Ok(in_query.unwrap_or_default());
    }
    let in_body = parameters::of_page(request, app).await?.text("state");
    Ok(in_query.or(in_body).unwrap_or_default())
}
