//! Where an authorization response may go: step 1 of the checks.

use crate::domain::{client::Client, redirect_uri, url_pattern};
use crate::policy::authorize::{
    Parameters, RedirectProblem,
    response::{self, AuthorizationResponse, ResponseMode},
};

/// Why a request cannot even be answered by a redirect. The answer is a local page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageProblem {
    /// `client_id` is missing or repeated.
    ClientIdMissing,
    /// No application has this id.
    UnknownClient,
    /// `redirect_uri` is not one of the registered ones. Carries what was sent.
    CallbackMismatch(String),
    /// `redirect_uri` is missing and the application has none.
    CallbackMissing,
    /// A web message would go to an origin that the application did not register.
    WebOriginMismatch(String),
}

/// A client and a redirect URI that belong together. Only [`destination`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    pub(super) redirect_uri: String,
    pub(super) given: bool,
    pub(super) state: Option<String>,
    pub(super) mode: ResponseMode,
}

impl Destination {
    /// A response: the parameters, `state` as it came, and `iss` (RFC 9207).
    pub fn answer(
        self,
        issuer: &str,
        mut parameters: Vec<(&'static str, String)>,
    ) -> AuthorizationResponse {
        parameters.extend(self.state.clone().map(|state| ("state", state)));
        parameters.push(("iss", issuer.to_owned()));
        AuthorizationResponse { destination: self, parameters }
    }
    /// A response that is an error.
    pub fn error(self, issuer: &str, problem: &RedirectProblem) -> AuthorizationResponse {
        let parameters = vec![
            ("error", problem.error.to_owned()),
            ("error_description", problem.description.clone()),
        ];
        self.answer(issuer, parameters)
    }
    /// How the response travels.
    pub fn mode(&self) -> ResponseMode {
        self.mode
    }
    /// The redirect URI itself.
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }
    /// The origin that a web message is for.
    pub fn origin(&self) -> Option<String> {
        redirect_uri::origin(&self.redirect_uri)
    }
}

/// Step 1: proves the client, the redirect URI and, for a web message, the origin that reads it.
///
/// A web message goes to an origin, not to an address: SDKs then name their origin as the redirect
/// URI, so one that is registered as a web origin needs no callback of its own.
///
/// # Errors
/// What the page must say.
pub fn destination(
    parameters: &Parameters,
    client: Option<&Client>,
) -> Result<Destination, PageProblem> {
    if parameters.client_id.is_none() {
        return Err(PageProblem::ClientIdMissing);
    }
    let client = client.ok_or(PageProblem::UnknownClient)?;
    let mode = response::mode_of(parameters);
    let web_origin = |uri: &str| {
        let origin = redirect_uri::origin(uri)?;
        let mut registered = client.web_origins.iter();
        registered.any(|known| url_pattern::matches_origin(known, &origin)).then_some(origin)
    };
    let (redirect_uri, given) = match &parameters.redirect_uri {
        Some(asked) => {
            let callback = client.callbacks.iter().any(|r| redirect_uri::matches(r, asked));
            let origin_itself = mode == ResponseMode::WebMessage
                && web_origin(asked).is_some_and(|origin| origin == *asked);
            if !callback && !origin_itself {
                return Err(PageProblem::CallbackMismatch(asked.clone()));
            }
            (asked.clone(), true)
        }
        None => {
            let first = client.callbacks.iter().find(|callback| !callback.contains('*'));
            (first.ok_or(PageProblem::CallbackMissing)?.clone(), false)
        }
    };
    if mode == ResponseMode::WebMessage && web_origin(&redirect_uri).is_none() {
        return Err(PageProblem::WebOriginMismatch(
            redirect_uri::origin(&redirect_uri).unwrap_or(redirect_uri),
        ));
    }
    Ok(Destination { redirect_uri, given, state: parameters.state.clone(), mode })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> Client {
        serde_json::from_value(serde_json::json!({
            "callbacks": ["https://app.example/cb"], "web_origins": ["https://app.example"],
        }))
        .unwrap()
    }
    fn good() -> Parameters {
        Parameters {
            client_id: Some("spa".into()),
            redirect_uri: Some("https://app.example/cb".into()),
            ..Parameters::default()
        }
    }

    #[test]
    fn an_error_before_the_redirect_uri_is_proven_is_a_page() {
        let with = |uri: Option<&str>| Parameters { redirect_uri: uri.map(Into::into), ..good() };
        let none = Parameters { client_id: None, ..good() };
        assert_eq!(destination(&none, None), Err(PageProblem::ClientIdMissing));
        assert_eq!(destination(&good(), None), Err(PageProblem::UnknownClient));
        assert_eq!(
            destination(&with(Some("https://evil.example")), Some(&client())),
            Err(PageProblem::CallbackMismatch("https://evil.example".into()))
        );
        let without = Client { callbacks: vec![], ..client() };
        assert_eq!(destination(&with(None), Some(&without)), Err(PageProblem::CallbackMissing));
    }

    #[test]
    fn without_a_redirect_uri_the_first_callback_counts() {
        let two = Client {
            callbacks: ["https://*.a.example", "https://b.example/cb", "https://c.example"]
                .map(Into::into)
                .to_vec(),
            ..client()
        };
        let asked = Parameters { redirect_uri: None, ..good() };
        let destination = destination(&asked, Some(&two)).unwrap();
        assert_eq!(destination.redirect_uri, "https://b.example/cb");
        assert!(!destination.given);
    }

    #[test]
    fn a_web_message_goes_to_registered_web_origins_only() {
        let ask = |uri: &str, client: &Client| {
            let parameters = Parameters {
                redirect_uri: Some(uri.into()),
                response_type: Some("code".into()),
                response_mode: Some("web_message".into()),
                ..good()
            };
            destination(&parameters, Some(client)).map(|d| d.origin())
        };
        let origin = Ok(Some("https://app.example".to_owned()));
        assert_eq!(ask("https://app.example/cb", &client()), origin, "a callback");
        assert_eq!(ask("https://app.example", &client()), origin, "the origin itself");
        for uri in ["https://app.example/", "https://evil.example", "https://app.example.evil"] {
            let refused = Err(PageProblem::CallbackMismatch(uri.to_owned()));
            assert_eq!(ask(uri, &client()), refused, "{uri}");
        }
        let wild = Client { web_origins: vec!["https://*.app.example".into()], ..client() };
        let below = "https://x.app.example";
        assert_eq!(ask(below, &wild), Ok(Some(below.to_owned())), "a placeholder");
        assert!(ask("https://x.y.app.example", &wild).is_err(), "stands for one label");
        let unregistered = Client { web_origins: vec![], ..client() };
        assert_eq!(
            ask("https://app.example/cb", &unregistered),
            Err(PageProblem::WebOriginMismatch("https://app.example".into()))
        );
    }

    #[test]
    fn responses_join_the_uri_and_survive_awkward_states() {
        let to = |uri: &str, mode| Destination {
            redirect_uri: uri.into(),
            given: true,
            state: Some("a+b/c=".into()),
            mode,
        };
        let tail = "code=x&state=a%2Bb%2Fc%3D&iss=https%3A%2F%2Fid.example%2F";
        use ResponseMode::{Fragment, Query};
        for (uri, mode, joined) in [
            ("https://a/cb", Query, "?"),
            ("https://a/cb?x=1", Query, "&"),
            ("https://a/cb?", Query, ""),
            ("https://a/cb?x=1", Fragment, "#"),
        ] {
            let response = to(uri, mode).answer("https://id.example/", vec![("code", "x".into())]);
            assert_eq!(response.location(), format!("{uri}{joined}{tail}"));
        }
    }
}
