//! Errors that a person sees: before the application is proven, there is nowhere else to tell them.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::http::{
    App,
    error::management::error_chain,
    extract::parameters::Unreadable,
    oauth::authorize::redirect,
    pages::{
        self, ErrorPage,
        branding::{self, Branding},
        locales,
    },
    request_id,
};
use crate::login::{authorize::Failure, passwords::LoginFault, transaction::TransactionFault};
use crate::policy::authorize::PageProblem;
use crate::store;

/// The most characters of a description in an address: it may repeat what the request said.
const LONGEST_DESCRIPTION: usize = 500;

/// An error page.
#[derive(Debug)]
pub struct PageError {
    status: StatusCode,
    title: &'static str,
    message: String,
    tenant: String,
    /// What went wrong, for the page of the operator that is shown instead (`error_page.url`).
    code: Option<&'static str>,
    /// Whether the person has to begin again, and may not know where.
    is_lost: bool,
}

impl PageError {
    fn new(app: &App, status: StatusCode, title: &'static str, message: String) -> Self {
        Self {
            status,
            title,
            message,
            tenant: branding::name(&app.settings),
            code: None,
            is_lost: false,
        }
    }

    /// The same as an error that the operator may show on a page of their own.
    fn coded(self, code: &'static str) -> Self {
        Self { code: Some(code), ..self }
    }

    /// The same for somebody who has to begin again.
    fn lost(self) -> Self {
        Self { is_lost: true, ..self }
    }

    /// A request that cannot be read.
    pub fn unreadable(app: &App, why: &Unreadable) -> Self {
        let t = locales::current();
        let (status, message) = match why {
            Unreadable::TooLong => (StatusCode::PAYLOAD_TOO_LARGE, t.text("errors.too_long")),
            _ => (StatusCode::BAD_REQUEST, t.text("errors.unreadable")),
        };
        Self::new(app, status, t.text("errors.invalid_title"), message.to_owned())
    }

    /// A request whose application or redirect URI is not proven.
    pub fn problem(app: &App, problem: &PageProblem) -> Self {
        let t = locales::current();
        let (title, message) = match problem {
            PageProblem::ClientIdMissing => {
                (t.text("errors.invalid_title"), t.text("errors.client_id_missing").to_owned())
            }
            PageProblem::UnknownClient => {
                (t.text("errors.unknown_client_title"), t.text("errors.unknown_client").to_owned())
            }
            PageProblem::CallbackMismatch(uri) => (
                t.text("errors.callback_mismatch_title"),
                t.fill("errors.callback_mismatch", &[("uri", uri)]),
            ),
            PageProblem::CallbackMissing => (
                t.text("errors.callback_missing_title"),
                t.text("errors.callback_missing").to_owned(),
            ),
            PageProblem::WebOriginMismatch(origin) => (
                t.text("errors.web_origin_mismatch_title"),
                t.fill("errors.web_origin_mismatch", &[("origin", origin)]),
            ),
        };
        let code = match problem {
            PageProblem::UnknownClient => "unauthorized_client",
            _ => "invalid_request",
        };
        Self::new(app, StatusCode::BAD_REQUEST, title, message).coded(code)
    }

    /// A login that was begun elsewhere or too long ago.
    pub fn transaction(app: &App, fault: TransactionFault) -> Self {
        let t = locales::current();
        let message = match fault {
            TransactionFault::Foreign => t.text("errors.foreign"),
            TransactionFault::Expired => t.text("errors.expired"),
        };
        Self::new(app, StatusCode::BAD_REQUEST, t.text("errors.again_title"), message.to_owned())
            .coded("invalid_request")
            .lost()
    }

    /// A `request_uri` that is not ours, or is spent, expired or another application's. The page
    /// does not say which.
    pub fn request_uri(app: &App) -> Self {
        let message = "The request_uri of this sign-in is unknown, was used before or has expired \
                       (invalid_request_uri). Go back to the application and sign in again.";
        Self::new(app, StatusCode::BAD_REQUEST, "Please start again", message.to_owned())
            .coded("invalid_request_uri")
    }

    /// The user has tried too many codes on the activation page.
    pub fn too_many_guesses(app: &App) -> Self {
        let t = locales::current();
        let message = t.text("errors.guesses").to_owned();
        Self::new(app, StatusCode::TOO_MANY_REQUESTS, t.text("errors.guesses_title"), message)
    }

    /// Too many requests came from the address.
    pub fn too_many_requests(app: &App) -> Self {
        let t = locales::current();
        let message = t.text("errors.requests").to_owned();
        Self::new(app, StatusCode::TOO_MANY_REQUESTS, t.text("errors.guesses_title"), message)
    }

    /// Where the browser wants to go after logging out is not allowed.
    pub fn logout_destination(app: &App) -> Self {
        let t = locales::current();
        let message = t.text("errors.logout").to_owned();
        Self::new(app, StatusCode::BAD_REQUEST, t.text("errors.logout_title"), message)
            .coded("invalid_request")
    }

    /// `id_token_hint` is no ID token of this server for the application.
    pub fn id_token_hint(app: &App) -> Self {
        let t = locales::current();
        let message = t.text("errors.id_token_hint").to_owned();
        Self::new(app, StatusCode::BAD_REQUEST, t.text("errors.invalid_title"), message)
    }

    /// A parameter came more than once.
    pub fn repeated(app: &App, name: &str) -> Self {
        let t = locales::current();
        let message = t.fill("errors.repeated", &[("name", name)]);
        Self::new(app, StatusCode::BAD_REQUEST, t.text("errors.invalid_title"), message)
            .coded("invalid_request")
    }

    /// The answer to a question that was asked of another session, or too long ago.
    pub fn pending_logout(app: &App, fault: TransactionFault) -> Self {
        let t = locales::current();
        let message = match fault {
            TransactionFault::Foreign => t.text("errors.logout_foreign"),
            TransactionFault::Expired => t.text("errors.logout_expired"),
        };
        let title = t.text("errors.again_title");
        Self::new(app, StatusCode::BAD_REQUEST, title, message.to_owned())
    }

    /// Nothing here.
    pub fn not_found(app: &App) -> Self {
        let t = locales::current();
        let message = t.text("errors.not_found").to_owned();
        Self::new(app, StatusCode::NOT_FOUND, t.text("errors.not_found_title"), message)
    }

    /// The method does not fit the page.
    pub fn method_not_allowed(app: &App) -> Self {
        let t = locales::current();
        let message = t.text("errors.method").to_owned();
        Self::new(app, StatusCode::METHOD_NOT_ALLOWED, t.text("errors.method_title"), message)
    }

    /// A link from a message that was used, has expired or never was.
    pub fn ticket(app: &App) -> Self {
        let t = locales::current();
        let message = t.text("ticket.message").to_owned();
        Self::new(app, StatusCode::BAD_REQUEST, t.text("ticket.title"), message)
    }

    /// Nobody may create an account here.
    pub fn signup_disabled(app: &App) -> Self {
        let t = locales::current();
        let message = t.text("signup.disabled").to_owned();
        Self::new(app, StatusCode::FORBIDDEN, t.text("signup.disabled_title"), message)
    }

    /// Nobody may set a new password here.
    pub fn reset_disabled(app: &App) -> Self {
        let t = locales::current();
        let message = t.text("reset_request.disabled").to_owned();
        Self::new(app, StatusCode::FORBIDDEN, t.text("reset_request.disabled_title"), message)
    }

    /// A failure of ours; logged here, once.
    pub fn failure(app: &App, failure: &Failure) -> Self {
        match failure {
            Failure::Store(error) => Self::store(app, error),
            Failure::Crypto(error) => {
                tracing::error!(%error, "page: cryptography failed");
                Self::internal(app)
            }
        }
    }

    /// A failure of the store; logged here, once.
    pub fn store(app: &App, error: &store::Error) -> Self {
        if error.is_temporary() {
            tracing::warn!(error = error_chain(error), "page: no database");
            return Self::unavailable(app);
        }
        tracing::error!(error = error_chain(error), "page: the store failed");
        Self::internal(app)
    }

    /// A password check that could not be made.
    pub fn login(app: &App, fault: &LoginFault) -> Self {
        match fault {
            LoginFault::Store(error) => Self::store(app, error),
            _ => Self::unavailable(app),
        }
    }

    /// Too much to do at once.
    pub fn unavailable(app: &App) -> Self {
        let t = locales::current();
        let message = t.text("errors.busy").to_owned();
        Self::new(app, StatusCode::SERVICE_UNAVAILABLE, t.text("errors.busy_title"), message)
    }

    fn internal(app: &App) -> Self {
        let t = locales::current();
        let (status, title) = (StatusCode::INTERNAL_SERVER_ERROR, t.text("errors.internal_title"));
        Self::new(app, status, title, t.text("errors.internal").to_owned())
    }
}

impl PageError {
    /// The way to the page that the operator shows errors on: only one that is stored.
    fn elsewhere(&self, branding: &Branding) -> Option<Response> {
        let mut url = branding.error_page.clone()?;
        let description: String = self.message.chars().take(LONGEST_DESCRIPTION).collect();
        url.query_pairs_mut()
            .append_pair("error", self.code?)
            .append_pair("error_description", &description);
        if let Some(id) = request_id() {
            url.query_pairs_mut().append_pair("tracking", &id);
        }
        Some(redirect(url.as_str()))
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let branding = branding::current();
        if let Some(elsewhere) = self.elsewhere(&branding) {
            return elsewhere;
        }
        let names_request = self.status.is_server_error() || branding.shows_request_id;
        let request_id = names_request.then(request_id).flatten();
        let page = ErrorPage {
            tenant: &self.tenant,
            title: self.title,
            message: &self.message,
            request_id: request_id.as_deref(),
            home: branding.home.as_deref().filter(|_| self.is_lost),
        };
        let mut response = pages::render(self.status, &page);
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
