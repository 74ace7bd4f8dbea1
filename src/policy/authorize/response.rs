//! What an authorization response consists of and how it travels: `response_type` and
//! `response_mode` (OAuth 2.0 Multiple Response Type Encoding Practices, OAuth 2.0 Form Post
//! Response Mode, and the web message mode of browser SDKs).

use serde::{Deserialize, Serialize};

use crate::domain::client::Client;
use crate::policy::authorize::{Destination, Parameters, RedirectProblem};

/// What the application asks for (`response_type`): any of the three, in any order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponseType {
    /// An authorization code (RFC 6749 §4.1).
    pub code: bool,
    /// An access token, at once (RFC 6749 §4.2).
    pub token: bool,
    /// An ID token, at once (OIDC Core §3.2).
    pub id_token: bool,
}

impl ResponseType {
    /// A code and nothing else.
    pub const CODE: Self = Self { code: true, token: false, id_token: false };

    /// Reads a `response_type`; `None` for one that is not known.
    pub fn parse(text: &str) -> Option<Self> {
        let mut read = Self::default();
        for word in text.split_whitespace() {
            let part = match word {
                "code" => &mut read.code,
                "token" => &mut read.token,
                "id_token" => &mut read.id_token,
                _ => return None,
            };
            if std::mem::replace(part, true) {
                return None;
            }
        }
        (read != Self::default()).then_some(read)
    }
    /// Whether the response carries tokens, which must not be in a query.
    pub const fn has_tokens(self) -> bool {
        self.token || self.id_token
    }
    /// Where it travels when the request does not say.
    pub const fn default_mode(self) -> ResponseMode {
        if self.has_tokens() { ResponseMode::Fragment } else { ResponseMode::Query }
    }
}

/// How an authorization response travels (`response_mode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResponseMode {
    /// In the query of the redirect URI.
    Query,
    /// In its fragment.
    Fragment,
    /// As a form that the browser posts to it.
    FormPost,
    /// As a message to the window that opened or framed the request, if it is of the redirect URI's
    /// origin.
    WebMessage,
}

impl ResponseMode {
    /// As it is written on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Fragment => "fragment",
            Self::FormPost => "form_post",
            Self::WebMessage => "web_message",
        }
    }
    fn parse(text: &str) -> Option<Self> {
        match text {
            "query" => Some(Self::Query),
            "fragment" => Some(Self::Fragment),
            "form_post" => Some(Self::FormPost),
            "web_message" => Some(Self::WebMessage),
            _ => None,
        }
    }
}

/// How even an error travels: the mode asked for, or what comes nearest to a request that makes no
/// sense.
pub(super) fn mode_of(parameters: &Parameters) -> ResponseMode {
    let asked = ResponseType::parse(parameters.response_type.as_deref().unwrap_or(""));
    let response_type = asked.unwrap_or(ResponseType::CODE);
    match parameters.response_mode.as_deref().and_then(ResponseMode::parse) {
        Some(ResponseMode::Query) if response_type.has_tokens() => ResponseMode::Fragment,
        Some(mode) => mode,
        None => response_type.default_mode(),
    }
}

/// Checks `response_type`, `response_mode` and the grants they need.
///
/// # Errors
/// What the application is told.
pub(super) fn response_type(
    parameters: &Parameters,
    client: &Client,
) -> Result<ResponseType, RedirectProblem> {
    let text = parameters.response_type.as_deref().unwrap_or("");
    if text.is_empty() {
        let text = "Missing required parameter: response_type";
        return Err(RedirectProblem::new("invalid_request", text));
    }
    let Some(asked) = ResponseType::parse(text) else {
        let text = "Parameter 'response_type' must be any of code, token and id_token";
        return Err(RedirectProblem::new("unsupported_response_type", text));
    };
    match parameters.response_mode.as_deref().filter(|mode| !mode.is_empty()) {
        None => {}
        Some("query") if asked.has_tokens() => {
            // It would end up in histories, logs and Referer headers.
            let text = "response_mode=query cannot carry tokens";
            return Err(RedirectProblem::new("invalid_request", text));
        }
        Some(mode) if ResponseMode::parse(mode).is_some() => {}
        Some(_) => {
            let text = "Parameter 'response_mode' must be one of query, fragment, form_post and \
                        web_message";
            return Err(RedirectProblem::new("invalid_request", text));
        }
    }
    let grants = [(asked.code, "authorization_code"), (asked.has_tokens(), "implicit")];
    for (_, grant) in grants.into_iter().filter(|(needed, _)| *needed) {
        if !client.allows_grant(grant) {
            let text = format!("Grant type '{grant}' not allowed for the client.");
            return Err(RedirectProblem::new("unauthorized_client", text));
        }
    }
    if asked.id_token && parameters.nonce.as_deref().unwrap_or("").is_empty() {
        // OIDC Core §3.2.2.1: without it an ID token from the address bar could be replayed.
        let text = "Missing required parameter: nonce";
        return Err(RedirectProblem::new("invalid_request", text));
    }
    Ok(asked)
}

/// An authorization response on its way to the application (RFC 6749 §4.1.2, §4.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationResponse {
    /// Where it goes, and how.
    pub destination: Destination,
    /// What it says, `state` and `iss` included.
    pub parameters: Vec<(&'static str, String)>,
}

impl AuthorizationResponse {
    /// The redirect URI with the parameters in its query or fragment.
    pub fn location(&self) -> String {
        let mut encoded = url::form_urlencoded::Serializer::new(String::new());
        encoded.extend_pairs(&self.parameters);
        let uri = &self.destination.redirect_uri;
        let separator = match (self.destination.mode, uri.split_once('?')) {
            (ResponseMode::Fragment, _) => "#",
            (_, None) => "?",
            (_, Some((_, ""))) => "",
            (_, Some(_)) => "&",
        };
        format!("{uri}{separator}{}", encoded.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_type_is_a_set_of_words() {
        let parse = |text: &str| ResponseType::parse(text).map(|r| (r.code, r.token, r.id_token));
        assert_eq!(parse("code"), Some((true, false, false)));
        assert_eq!(parse("token id_token"), Some((false, true, true)));
        assert_eq!(parse("id_token  token"), Some((false, true, true)));
        assert_eq!(parse("code id_token token"), Some((true, true, true)));
        for bad in ["", "none", "Code", "code code", "code foo", "code,token"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn tokens_never_travel_in_a_query() {
        let mode = |response_type: &str, response_mode: &str| {
            mode_of(&Parameters {
                response_type: Some(response_type.to_owned()),
                response_mode: Some(response_mode.to_owned()).filter(|m| !m.is_empty()),
                ..Parameters::default()
            })
        };
        use ResponseMode::*;
        for (response_type, response_mode, expected) in [
            ("code", "", Query),
            ("code", "fragment", Fragment),
            ("code", "form_post.jwt", Query),
            ("token", "", Fragment),
            ("code id_token", "", Fragment),
            ("id_token", "query", Fragment),
            ("id_token", "form_post", FormPost),
            ("code", "web_message", WebMessage),
            ("nonsense", "", Query),
        ] {
            assert_eq!(
                mode(response_type, response_mode),
                expected,
                "{response_type} {response_mode}"
            );
        }
    }
}
