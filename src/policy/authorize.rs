//! The checks of the authorization endpoint (RFC 6749 §4.1.1, OIDC Core §3.1.2.2), in order.
//!
//! 1. [`destination()`]: the client and the redirect URI. Until both are proven, an error is a page.
//! 2. [`validate`]: everything else. From here on a [`Destination`] exists, the value without
//!    which nobody can be redirected, and errors travel to it.
//!
//! `acr_values`, `display` and parameters that nobody knows are taken and change nothing.

mod checks;
mod destination;
mod response;

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::domain::{
    ClientId, UserId, audience::Audience, client::Client, connection::Connection, dpop::Thumbprint,
    resource_server::ResourceServer, scope::ScopeSet,
};

pub use checks::{audience, authorized_for};
pub use destination::{Destination, PageProblem, destination};
pub use response::{AuthorizationResponse, ResponseMode, ResponseType};

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
    /// `connection`, the name of one
    pub connection: Option<String>,
    /// The connections of the client, once they were read
    pub connections: Option<Arc<Vec<Connection>>>,
    /// `claims`, JSON (OIDC Core §5.5)
    pub claims: Option<String>,
    /// `ui_locales`, the languages of the person, the best first
    pub ui_locales: Option<String>,
    /// `screen_hint`, the page to begin with
    pub screen_hint: Option<String>,
    /// `id_token_hint` (OIDC Core §3.1.2.1)
    pub id_token_hint: Option<String>,
    /// What it says, once it was verified
    pub hint: IdTokenHint,
    /// `dpop_jkt` (RFC 9449 §10)
    pub dpop_jkt: Option<String>,
    /// `request` or `request_uri` was sent (OIDC Core §6)
    pub request_object: Option<&'static str>,
    /// The first parameter that came more than once (RFC 6749 §3.1 forbids it)
    pub repeated: Option<String>,
    /// The client pushed them (RFC 9126) instead of sending them through the browser
    pub pushed: bool,
    /// Those that mean nothing here, for the operator's scripts
    pub extra: BTreeMap<String, String>,
}

/// What a verified `id_token_hint` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum IdTokenHint {
    /// There is none.
    #[default]
    Absent,
    /// It is an ID token of ours for the application, of this user.
    Of(UserId),
    /// It is not.
    Invalid,
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
    /// The user must say whether to go on with the account of the session.
    pub select_account: bool,
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
    /// What the response consists of.
    pub response_type: ResponseType,
    /// How it travels.
    pub response_mode: ResponseMode,
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
    /// The connection to log in with, by its name or a realm.
    #[serde(default)]
    pub connection: Option<String>,
    /// The only user who may log in: named by `id_token_hint` or `claims`.
    pub hinted_user: Option<UserId>,
    /// The languages of the person, the best first.
    pub ui_locales: Option<String>,
    /// The page to begin with, `signup` or `login`.
    pub screen_hint: Option<String>,
    /// The key that the exchange of the code must prove.
    #[serde(default)]
    pub dpop_jkt: Option<Thumbprint>,
    /// Parameters that mean nothing here, for the operator's scripts: as many as fit into an
    /// address.
    #[serde(default)]
    pub extra: BTreeMap<String, String>,
}

impl ValidRequest {
    /// Where the answer goes. A sealed request was proven before it was sealed.
    pub fn destination(&self) -> Destination {
        Destination {
            redirect_uri: self.redirect_uri.clone(),
            given: self.redirect_uri_given,
            state: self.state.clone(),
            mode: self.response_mode,
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
    checks::not_repeated(parameters)?;
    checks::pushed(parameters, client)?;
    checks::request_object(parameters)?;
    let response_type = response::response_type(parameters, client)?;
    let code_challenge = match response_type.code {
        true => checks::pkce(parameters, client)?,
        false => None,
    };
    let prompt = checks::prompt(parameters)?;
    let max_age = checks::max_age(parameters)?;
    let audience = audience(parameters)?.filter(|a| a != userinfo);
    if let Some(audience) = &audience {
        checks::authorized_for(client, audience, api)?;
    }
    if response_type.token {
        checks::bearer_allowed(client, api.filter(|_| audience.is_some()))?;
    }
    let organization = checks::organization(parameters, client)?;
    let connection = checks::connection(parameters)?;
    let dpop_jkt = checks::dpop_jkt(parameters)?;
    checks::lengths(parameters)?;
    let hinted_user = checks::hinted_user(parameters)?;
    Ok(ValidRequest {
        client_id: client.client_id.clone(),
        redirect_uri: destination.redirect_uri.clone(),
        redirect_uri_given: destination.given,
        response_type,
        response_mode: destination.mode,
        state: destination.state.clone(),
        nonce: parameters.nonce.clone(),
        audience,
        scope: parameters.scope.as_deref().map(ScopeSet::parse).unwrap_or_default(),
        code_challenge,
        prompt,
        max_age,
        login_hint: parameters.login_hint.clone(),
        organization,
        connection,
        hinted_user,
        ui_locales: parameters.ui_locales.clone(),
        screen_hint: parameters.screen_hint.clone(),
        dpop_jkt,
        extra: checks::extra(parameters),
    })
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
        assert_eq!(error(|p| p.response_type = Some("none".into())), "unsupported_response_type");
        assert_eq!(error(|p| p.response_type = Some("token".into())), "unauthorized_client");
        assert_eq!(error(|p| p.response_type = Some("code token".into())), "unauthorized_client");
        assert_eq!(error(|p| p.response_mode = Some("jwt".into())), "invalid_request");
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
        assert_eq!(error(|p| p.connection = Some("google-oauth2".into())), "invalid_request");
        assert_eq!(error(|p| p.prompt = Some("none select_account".into())), "invalid_request");
        assert_eq!(error(|p| p.claims = Some("email".into())), "invalid_request");
        assert_eq!(error(|p| p.state = Some("x".repeat(9000))), "invalid_request");
        assert_eq!(error(|p| p.dpop_jkt = Some("short".into())), "invalid_request");
    }

    #[test]
    fn tokens_need_the_implicit_grant_a_nonce_and_no_query() {
        let implicit = Client {
            grant_types: ["authorization_code", "implicit"].map(Into::into).to_vec(),
            ..client()
        };
        let ask = |response_type: &str, response_mode: Option<&str>, nonce: Option<&str>| {
            let parameters = Parameters {
                response_type: Some(response_type.into()),
                response_mode: response_mode.map(Into::into),
                nonce: nonce.map(Into::into),
                ..good()
            };
            run(&parameters, &implicit).map(|r| r.response_mode).map_err(|p| p.description)
        };
        assert_eq!(ask("token", None, None), Ok(ResponseMode::Fragment));
        assert_eq!(ask("code id_token", Some("form_post"), Some("n")), Ok(ResponseMode::FormPost));
        assert!(ask("id_token", None, None).expect_err("refused").contains("nonce"));
        assert!(ask("token", Some("query"), None).expect_err("refused").contains("query"));
    }

    #[test]
    fn claims_may_insist_on_a_user() {
        let with = |claims: &str| {
            let parameters = Parameters { claims: Some(claims.into()), ..good() };
            run(&parameters, &client()).expect("valid").hinted_user
        };
        let ada = Some(UserId::new("auth0|ada"));
        assert_eq!(with(r#"{"id_token":{"sub":{"value":"auth0|ada"}}}"#), ada);
        assert_eq!(with(r#"{"userinfo":{"sub":{"value":"auth0|ada"},"email":null}}"#), ada);
        assert_eq!(with(r#"{"id_token":{"email":{"essential":true},"sub":null}}"#), None);
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
    fn parameters_for_scripts_travel_as_far_as_they_fit() {
        let of = |pairs: &[(&str, usize)]| {
            let pairs = pairs.iter().map(|(name, length)| ((*name).into(), "x".repeat(*length)));
            let extra = run(&Parameters { extra: pairs.collect(), ..good() }, &client());
            extra.expect("valid").extra.into_keys().collect::<Vec<_>>()
        };
        assert_eq!(of(&[("acr_values", 100), ("ext", 1000)]), ["acr_values", "ext"]);
        assert_eq!(of(&[("a", 2047)]), ["a"]);
        assert_eq!(of(&[("a", 2048)]), [""; 0]);
        assert_eq!(of(&[("a", 1500), ("b", 1500), ("c", 100)]), ["a", "c"]);
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
