//! Errors that a person sees: before the application is proven, there is nowhere else to tell them.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};

use crate::http::{
    App,
    error::management::error_chain,
    extract::parameters::Unreadable,
    pages::{self, ErrorPage},
    request_id,
};
use crate::login::{authorize::Failure, passwords::LoginFault, transaction::TransactionFault};
use crate::policy::authorize::PageProblem;
use crate::store;

/// An error page.
#[derive(Debug)]
pub struct PageError {
    status: StatusCode,
    title: &'static str,
    message: String,
    tenant: String,
}

impl PageError {
    fn new(app: &App, status: StatusCode, title: &'static str, message: String) -> Self {
        Self { status, title, message, tenant: app.settings.tenant_name.clone() }
    }

    /// A request that cannot be read.
    pub fn unreadable(app: &App, why: &Unreadable) -> Self {
        let status = match why {
            Unreadable::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        };
        Self::new(app, status, "Invalid request", why.message())
    }

    /// A request whose application or redirect URI is not proven.
    pub fn problem(app: &App, problem: &PageProblem) -> Self {
        let (title, message) = match problem {
            PageProblem::ClientIdMissing => {
                ("Invalid request", "Missing required parameter: client_id".to_owned())
            }
            PageProblem::UnknownClient => {
                ("Unknown application", "No application has this client_id.".to_owned())
            }
            PageProblem::CallbackMismatch(uri) => (
                "Callback URL mismatch",
                format!(
                    "The redirect_uri {uri} is not in the list of allowed callback URLs of this \
                     application."
                ),
            ),
            PageProblem::CallbackMissing => (
                "Callback URL missing",
                "The application has not exactly one callback URL, so the request must name a \
                 redirect_uri."
                    .to_owned(),
            ),
        };
        Self::new(app, StatusCode::BAD_REQUEST, title, message)
    }

    /// A login that was begun elsewhere or too long ago.
    pub fn transaction(app: &App, fault: TransactionFault) -> Self {
        let message = match fault {
            TransactionFault::Foreign => {
                "This sign-in page was opened in another browser, or its cookies were cleared."
            }
            TransactionFault::Expired => "This sign-in page was open for too long.",
        };
        let message = format!("{message} Go back to the application and sign in again.");
        Self::new(app, StatusCode::BAD_REQUEST, "Please start again", message)
    }

    /// Where the browser wants to go after logging out is not allowed.
    pub fn logout_destination(app: &App) -> Self {
        let message =
            "The URL to go to after logging out (returnTo or post_logout_redirect_uri) is \
                       not in the list of allowed logout URLs."
                .to_owned();
        Self::new(app, StatusCode::BAD_REQUEST, "Logout URL mismatch", message)
    }

    /// `id_token_hint` is no ID token of this server for the application.
    pub fn id_token_hint(app: &App) -> Self {
        let message = "The id_token_hint is not an ID token that this server issued to this \
                       application."
            .to_owned();
        Self::new(app, StatusCode::BAD_REQUEST, "Invalid request", message)
    }

    /// A parameter came more than once.
    pub fn repeated(app: &App, name: &str) -> Self {
        let message = format!("Parameter {name} is included more than once");
        Self::new(app, StatusCode::BAD_REQUEST, "Invalid request", message)
    }

    /// The answer to a question that was asked of another session, or too long ago.
    pub fn pending_logout(app: &App, fault: TransactionFault) -> Self {
        let message = match fault {
            TransactionFault::Foreign => {
                "This page was opened in another browser, or you are logged out already."
            }
            TransactionFault::Expired => "This page was open for too long.",
        };
        let message = format!("{message} Go back to the application and log out again.");
        Self::new(app, StatusCode::BAD_REQUEST, "Please start again", message)
    }

    /// Nothing here.
    pub fn not_found(app: &App) -> Self {
        Self::new(app, StatusCode::NOT_FOUND, "Not found", "There is no such page.".to_owned())
    }

    /// The method does not fit the page.
    pub fn method_not_allowed(app: &App) -> Self {
        let message = "This page cannot be asked for in this way.".to_owned();
        Self::new(app, StatusCode::METHOD_NOT_ALLOWED, "Method not allowed", message)
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
        if matches!(error, store::Error::Unavailable(_)) {
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

    fn unavailable(app: &App) -> Self {
        let message = "The service is busy. Try again in a moment.".to_owned();
        Self::new(app, StatusCode::SERVICE_UNAVAILABLE, "Try again", message)
    }

    fn internal(app: &App) -> Self {
        let message = "Something went wrong on our side.".to_owned();
        Self::new(app, StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong", message)
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let request_id = self.status.is_server_error().then(request_id).flatten();
        let page = ErrorPage {
            tenant: &self.tenant,
            title: self.title,
            message: &self.message,
            request_id: request_id.as_deref(),
        };
        pages::render(self.status, &page)
    }
}
