//! The checks of the authorization endpoint (RFC 6749 §4.1.1, OIDC Core §3.1.2.2), in order.
//!
//! 1. [`destination()`]: the client and the redirect URI. Until both are proven, an error is a page.
//! 2. [`validate`]: everything else. From here on a [`Destination`] exists, the value without
//!    which nobody can be redirected, and errors travel to it.

mod destination;

use serde::{Deserialize, Serialize};

use crate::domain::{
    ClientId,
    audience::Audience,
    client::{Client, OrganizationUsage},
    resource_server::{ResourceServer, UserPolicy},
    scope::ScopeSet,
};
use crate::policy::client_auth;

pub use destination::{Destination, PageProblem, destination};

/// The parameters as they came. A repeated parameter is not here but in `repeated`.
#[derive(Debug, Clone, Default)]
pub struct Parameters {
    /// `client_id`
    pub client_id: Option<String>,
    /// `redirect_uri`
    pub redirect_uri: Option<String>,
    /// `response_type`
    pub response_type: Option<String>,
    /// `response_mode`
    pub response_mode: Option<String>,
    /// `scope`
    pub scope: Option<String>,
    /// `state`
    pub state: Option<String>,
    /// `nonce`
    pub nonce: Option<String>,
    /// `audience`
    pub audience: Option<String>,
    /// `resource` (RFC 8707), an alias of `audience`
    pub resource: Option<String>,
    /// `code_challenge` (RFC 7636)
    pub code_challenge: Option<String>,
    /// `code_challenge_method`
    pub code_challenge_method: Option<String>,
    /// `prompt`
    pub prompt: Option<String>,
    /// `max_age`
    pub max_age: Option<String>,
    /// `login_hint`
    pub login_hint: Option<String>,
    /// `organization`, an id or a name
    pub organization: Option<String>,
    /// `request` or `request_uri` was sent (OIDC Core §6)
    pub request_object: Option<&'static str>,
    /// The first parameter that came more than once (RFC 6749 §3.1 forbids it)
    pub repeated: Option<String>,
    /// The client pushed them (RFC 9126) instead of sending them through the browser
    pub pushed: bool,
}

/// An authorization error that may travel to the application (RFC 6749 §4.1.2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectProblem {
    /// `error`
    pub error: &'static str,
    /// `error_description`
    pub description: String,
}

impl RedirectProblem {
    /// An error with its description.
    pub fn new(error: &'static str, description: impl Into<String>) -> Self {
        Self { error, description: description.into() }
    }
    /// OIDC Core §3.1.2.6.
    pub fn login_required() -> Self {
        Self::new("login_required", "Login required")
    }
    /// OIDC Core §3.1.2.6.
    pub fn consent_required() -> Self {
        Self::new("consent_required", "Consent required")
    }
}

/// What `prompt` demands (OIDC Core §3.1.2.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// No page may be shown.
    pub none: bool,
    /// The user must give a credential again.
    pub login: bool,
    /// The user must be asked for consent again.
    pub consent: bool,
}

/// An authorize request that passed every check that needs no user. It travels sealed through the
/// login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidRequest {
    /// The application.
    pub client_id: ClientId,
    /// The proven redirect URI.
    pub redirect_uri: String,
    /// Whether the request named it.
    pub redirect_uri_given: bool,
    /// Returned untouched.
    pub state: Option<String>,
    /// For the ID token.
    pub nonce: Option<String>,
    /// The API, `None` for none.
    pub audience: Option<Audience>,
    /// What was asked for, not yet what is granted.
    pub scope: ScopeSet,
    /// S256 challenge.
    pub code_challenge: Option<String>,
    /// What `prompt` demands.
    pub prompt: Prompt,
    /// The credential may be no older than this many seconds.
    pub max_age: Option<i64>,
    /// Pre-fills the login page.
    pub login_hint: Option<String>,
    /// The organization to log in to, an id or a name.
    pub organization: Option<String>,
}

impl ValidRequest {
    /// Where the answer goes. A sealed request was proven before it was sealed.
    pub fn destination(&self) -> Destination {
        Destination {
            redirect_uri: self.redirect_uri.clone(),
            given: self.redirect_uri_given,
            state: self.state.clone(),
        }
    }
}

/// Step 2: everything else. `api` is the API of the audience, `userinfo` the audience of
/// `/userinfo`, which counts as none.
///
/// # Errors
/// What the application is told.
pub fn validate(
    parameters: &Parameters,
    destination: &Destination,
    client: &Client,
    api: Option<&ResourceServer>,
    userinfo: &Audience,
) -> Result<ValidRequest, RedirectProblem> {
    not_repeated(parameters)?;
    pushed(parameters, client)?;
    response(parameters, client)?;
    let code_challenge = pkce(parameters, client)?;
    let prompt = prompt(parameters)?;
    let max_age = max_age(parameters)?;
    let audience = audience(parameters)?.filter(|a| a != userinfo);
    if let Some(audience) = &audience {
        authorized_for(client, audience, api)?;
    }
    let organization = organization(parameters, client)?;
    for (name, value, limit) in [
        ("scope", &parameters.scope, ScopeSet::MAX_LENGTH),
        ("state", &parameters.state, 8 * 1024),
        ("nonce", &parameters.nonce, 2 * 1024),
        ("login_hint", &parameters.login_hint, 1024),
        ("organization", &parameters.organization, 256),
    ] {
        if value.as_ref().is_some_and(|v| v.len() > limit) {
            let text = format!("parameter {name} is longer than {limit} bytes");
            return Err(RedirectProblem::new("invalid_request", text));
        }
    }
    Ok(ValidRequest {
        client_id: client.client_id.clone(),
        redirect_uri: destination.redirect_uri.clone(),
        redirect_uri_given: destination.given,
        state: destination.state.clone(),
        nonce: parameters.nonce.clone(),
        audience,
        scope: parameters.scope.as_deref().map(ScopeSet::parse).unwrap_or_default(),
        code_challenge,
        prompt,
        max_age,
        login_hint: parameters.login_hint.clone(),
        organization,
    })
}

/// The audience asked for: `audience`, or `resource` (RFC 8707 §2), which must not differ.
///
/// # Errors
/// `invalid_request` when they differ.
pub fn audience(parameters: &Parameters) -> Result<Option<Audience>, RedirectProblem> {
    let present = |p: &Option<String>| p.clone().filter(|v| !v.is_empty());
    match (present(&parameters.audience), present(&parameters.resource)) {
        (Some(a), Some(r)) if a != r => Err(RedirectProblem::new(
            "invalid_request",
            "parameters audience and resource name different APIs",
        )),
        (Some(a), _) | (None, Some(a)) => Ok(Some(Audience::new(a))),
        (None, None) => Ok(None),
    }
}

fn not_repeated(parameters: &Parameters) -> Result<(), RedirectProblem> {
    match &parameters.repeated {
        None => Ok(()),
        Some(name) => Err(RedirectProblem::new(
            "invalid_request",
            format!("parameter {name} is included more than once"),
        )),
    }
}

/// RFC 9126 §6: a client may insist that nobody but itself makes its requests.
fn pushed(parameters: &Parameters, client: &Client) -> Result<(), RedirectProblem> {
    if client.require_pushed_authorization_requests && !parameters.pushed {
        let text = "This client must push its authorization requests and send a request_uri";
        return Err(RedirectProblem::new("invalid_request", text));
    }
    Ok(())
}

fn response(parameters: &Parameters, client: &Client) -> Result<(), RedirectProblem> {
    match parameters.response_type.as_deref() {
        None | Some("") => {
            let text = "Missing required parameter: response_type";
            return Err(RedirectProblem::new("invalid_request", text));
        }
        Some("code") => {}
        Some(_) => {
            let text = "The only supported response_type is code";
            return Err(RedirectProblem::new("unsupported_response_type", text));
        }
    }
    match parameters.response_mode.as_deref() {
        None | Some("" | "query") => {}
        Some(_) => {
            let text = "The only supported response_mode is query";
            return Err(RedirectProblem::new("invalid_request", text));
        }
    }
    match parameters.request_object {
        None => {}
        Some("request") => {
            let text = "Request objects are not supported";
            return Err(RedirectProblem::new("request_not_supported", text));
        }
        Some(_) => {
            let text = "Request objects are not supported";
            return Err(RedirectProblem::new("request_uri_not_supported", text));
        }
    }
    if !client.allows_grant("authorization_code") {
        let text = "Grant type 'authorization_code' not allowed for the client.";
        return Err(RedirectProblem::new("unauthorized_client", text));
    }
    Ok(())
}

/// RFC 7636 §4.4.1. `plain` protects against nothing that can read the request, so it is refused.
fn pkce(parameters: &Parameters, client: &Client) -> Result<Option<String>, RedirectProblem> {
    let invalid = |text: &str| Err(RedirectProblem::new("invalid_request", text));
    let method = parameters.code_challenge_method.as_deref();
    match (parameters.code_challenge.as_deref(), method) {
        (None | Some(""), None | Some("")) if client_auth::must_use_pkce(client) => {
            invalid("Parameter 'code_challenge' is required for this client")
        }
        (None | Some(""), None | Some("")) => Ok(None),
        (None | Some(""), Some(_)) => invalid("Missing required parameter: code_challenge"),
        (Some(challenge), Some("S256")) => {
            // The base64url form of a SHA-256 digest.
            let url_safe = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if challenge.len() == 43 && challenge.chars().all(url_safe) {
                Ok(Some(challenge.to_owned()))
            } else {
                invalid("Parameter 'code_challenge' is not an S256 challenge")
            }
        }
        (Some(_), _) => invalid("Parameter 'code_challenge_method' must be S256"),
    }
}

fn prompt(parameters: &Parameters) -> Result<Prompt, RedirectProblem> {
    let mut prompt = Prompt::default();
    for value in parameters.prompt.as_deref().unwrap_or("").split_whitespace() {
        match value {
            "none" => prompt.none = true,
            // There is one account to select per browser: selecting means logging in.
            "login" | "select_account" => prompt.login = true,
            "consent" => prompt.consent = true,
            _ => {
                let text = "Parameter 'prompt' has an unknown value";
                return Err(RedirectProblem::new("invalid_request", text));
            }
        }
    }
    if prompt.none && (prompt.login || prompt.consent) {
        let text = "prompt=none cannot be combined with another prompt";
        return Err(RedirectProblem::new("invalid_request", text));
    }
    Ok(prompt)
}

fn max_age(parameters: &Parameters) -> Result<Option<i64>, RedirectProblem> {
    match parameters.max_age.as_deref() {
        None | Some("") => Ok(None),
        Some(text) => match text.parse::<u32>() {
            Ok(seconds) => Ok(Some(i64::from(seconds))),
            Err(_) => {
                let text = "Parameter 'max_age' must be a number of seconds";
                Err(RedirectProblem::new("invalid_request", text))
            }
        },
    }
}

fn authorized_for(
    client: &Client,
    audience: &Audience,
    api: Option<&ResourceServer>,
) -> Result<(), RedirectProblem> {
    let Some(api) = api else {
        let text = format!("Service not found: {audience}");
        return Err(RedirectProblem::new("access_denied", text));
    };
    // A user's login must never yield a token for the Management API: its scopes are for machines.
    let denied = api.is_system || api.subject_type_authorization.user.policy == UserPolicy::DenyAll;
    if denied {
        let client = &client.client_id;
        let text = format!(
            "Client \"{client}\" is not authorized to access resource server \"{audience}\"."
        );
        return Err(RedirectProblem::new("access_denied", text));
    }
    Ok(())
}

fn organization(
    parameters: &Parameters,
    client: &Client,
) -> Result<Option<String>, RedirectProblem> {
    let usage = client.organization_usage.unwrap_or(OrganizationUsage::Deny);
    let named = parameters.organization.clone().filter(|o| !o.is_empty());
    match (named, usage) {
        (Some(_), OrganizationUsage::Deny) => Err(RedirectProblem::new(
            "invalid_request",
            "parameter organization is not allowed for this client",
        )),
        (None, OrganizationUsage::Require) => Err(RedirectProblem::new(
            "invalid_request",
            "parameter organization is required for this client",
        )),
        (named, _) => Ok(named),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn client() -> Client {
        serde_json::from_value(serde_json::json!({
            "grant_types": ["authorization_code"],
            "callbacks": ["https://app.example/cb"],
            "token_endpoint_auth_method": "none",
        }))
        .unwrap()
    }
    fn api() -> ResourceServer {
        serde_json::from_value(serde_json::json!({})).unwrap()
    }
    fn good() -> Parameters {
        Parameters {
            client_id: Some("spa".into()),
            redirect_uri: Some("https://app.example/cb".into()),
            response_type: Some("code".into()),
            code_challenge: Some(CHALLENGE.into()),
            code_challenge_method: Some("S256".into()),
            audience: Some("https://api.example".into()),
            ..Parameters::default()
        }
    }
    fn run(parameters: &Parameters, client: &Client) -> Result<ValidRequest, RedirectProblem> {
        let destination = destination(parameters, Some(client)).expect("a proven destination");
        validate(parameters, &destination, client, Some(&api()), &Audience::new("userinfo"))
    }
    fn error(change: impl FnOnce(&mut Parameters)) -> &'static str {
        let mut parameters = good();
        change(&mut parameters);
        run(&parameters, &client()).expect_err("a problem").error
    }

    #[test]
    fn each_check_names_its_error() {
        assert!(run(&good(), &client()).is_ok());
        assert_eq!(error(|p| p.response_type = None), "invalid_request");
        assert_eq!(error(|p| p.response_type = Some("token".into())), "unsupported_response_type");
        assert_eq!(error(|p| p.response_mode = Some("fragment".into())), "invalid_request");
        assert_eq!(error(|p| p.code_challenge = None), "invalid_request");
        assert_eq!(error(|p| p.code_challenge_method = None), "invalid_request");
        assert_eq!(error(|p| p.code_challenge_method = Some("plain".into())), "invalid_request");
        assert_eq!(error(|p| p.code_challenge = Some("short".into())), "invalid_request");
        assert_eq!(error(|p| p.prompt = Some("none login".into())), "invalid_request");
        assert_eq!(error(|p| p.prompt = Some("sometimes".into())), "invalid_request");
        assert_eq!(error(|p| p.max_age = Some("-1".into())), "invalid_request");
        assert_eq!(error(|p| p.resource = Some("https://other".into())), "invalid_request");
        assert_eq!(error(|p| p.repeated = Some("scope".into())), "invalid_request");
        assert_eq!(error(|p| p.request_object = Some("request")), "request_not_supported");
        assert_eq!(error(|p| p.request_object = Some("request_uri")), "request_uri_not_supported");
        assert_eq!(error(|p| p.organization = Some("acme".into())), "invalid_request");
        assert_eq!(error(|p| p.state = Some("x".repeat(9000))), "invalid_request");
    }

    #[test]
    fn a_client_that_pushes_its_requests_sends_no_other() {
        let client = Client { require_pushed_authorization_requests: true, ..client() };
        assert_eq!(run(&good(), &client).expect_err("refused").error, "invalid_request");
        assert!(run(&Parameters { pushed: true, ..good() }, &client).is_ok());
    }

    #[test]
    fn a_code_without_a_challenge_needs_a_client_with_a_secret() {
        let plain = Parameters { code_challenge: None, code_challenge_method: None, ..good() };
        let confidential = Client { token_endpoint_auth_method: None, ..client() };
        assert_eq!(run(&plain, &client()).expect_err("refused").error, "invalid_request");
        assert_eq!(run(&plain, &confidential).expect("allowed").code_challenge, None);
    }

    #[test]
    fn nobody_logs_in_for_the_management_api_or_an_unknown_one() {
        let destination = destination(&good(), Some(&client())).expect("proven");
        let system = ResourceServer { is_system: true, ..api() };
        for api in [None, Some(&system)] {
            let got = validate(&good(), &destination, &client(), api, &Audience::new("userinfo"));
            assert_eq!(got.expect_err("refused").error, "access_denied");
        }
    }
}
