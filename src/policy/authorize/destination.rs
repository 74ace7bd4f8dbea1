//! Where an authorization response may go: step 1 of the checks.

use crate::domain::{client::Client, redirect_uri};
use crate::policy::authorize::{Parameters, RedirectProblem};

/// Why a request cannot even be answered by a redirect. The answer is a local page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageProblem {
    /// `client_id` is missing or repeated.
    ClientIdMissing,
    /// No application has this id.
    UnknownClient,
    /// `redirect_uri` is not one of the registered ones. Carries what was sent.
    CallbackMismatch(String),
    /// `redirect_uri` is missing and the application has not exactly one.
    CallbackMissing,
}

/// A client and a redirect URI that belong together. Only [`destination`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    pub(super) redirect_uri: String,
    pub(super) given: bool,
    pub(super) state: Option<String>,
}

impl Destination {
    /// The location of a response: the parameters, `state` as it came, and `iss` (RFC 9207), added
    /// to the query of the redirect URI (RFC 6749 §4.1.2).
    pub fn location(&self, issuer: &str, parameters: &[(&str, &str)]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(parameters);
        if let Some(state) = &self.state {
            query.append_pair("state", state);
        }
        query.append_pair("iss", issuer);
        let separator = match self.redirect_uri.split_once('?') {
            None => "?",
            Some((_, "")) => "",
            Some(_) => "&",
        };
        format!("{}{separator}{}", self.redirect_uri, query.finish())
    }
    /// The location of an error.
    pub fn error_location(&self, issuer: &str, problem: &RedirectProblem) -> String {
        let description = problem.description.as_str();
        self.location(issuer, &[("error", problem.error), ("error_description", description)])
    }
}

/// Step 1: proves the client and the redirect URI.
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
    let state = parameters.state.clone();
    match (&parameters.redirect_uri, client.callbacks.as_slice()) {
        (Some(asked), registered) => {
            if !registered.iter().any(|r| redirect_uri::matches(r, asked)) {
                return Err(PageProblem::CallbackMismatch(asked.clone()));
            }
            Ok(Destination { redirect_uri: asked.clone(), given: true, state })
        }
        (None, [only]) => Ok(Destination { redirect_uri: only.clone(), given: false, state }),
        (None, _) => Err(PageProblem::CallbackMissing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> Client {
        serde_json::from_value(serde_json::json!({ "callbacks": ["https://app.example/cb"] }))
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
        let two = Client {
            callbacks: vec!["https://a.example".into(), "https://b.example".into()],
            ..client()
        };
        let none = Parameters { client_id: None, ..good() };
        assert_eq!(destination(&none, None), Err(PageProblem::ClientIdMissing));
        assert_eq!(destination(&good(), None), Err(PageProblem::UnknownClient));
        assert_eq!(
            destination(&with(Some("https://evil.example")), Some(&client())),
            Err(PageProblem::CallbackMismatch("https://evil.example".into()))
        );
        assert!(destination(&with(None), Some(&client())).is_ok());
        assert_eq!(destination(&with(None), Some(&two)), Err(PageProblem::CallbackMissing));
    }

    #[test]
    fn responses_join_the_query_and_survive_awkward_states() {
        let to = |uri: &str| Destination {
            redirect_uri: uri.into(),
            given: true,
            state: Some("a+b/c=".into()),
        };
        let tail = "code=x&state=a%2Bb%2Fc%3D&iss=https%3A%2F%2Fid.example%2F";
        for (uri, joined) in
            [("https://a/cb", "?"), ("https://a/cb?x=1", "&"), ("https://a/cb?", "")]
        {
            let got = to(uri).location("https://id.example/", &[("code", "x")]);
            assert_eq!(got, format!("{uri}{joined}{tail}"));
        }
    }
}
