//! Requests that scripts make: any method, headers and body, to hosts that a rule allows, over
//! redirects that are each checked as the first address was.

use std::time::Duration;

use reqwest::{
    Method,
    header::{HeaderMap, HeaderName, HeaderValue, LOCATION},
};
use url::Url;

use super::{Failure, Outbound, check, failure};

/// Redirects that are followed.
const MOST_REDIRECTS: usize = 5;

/// Headers that are ours to write: those of the connection, and those that would say that the
/// request is another than the one that is sent. What a browser keeps from scripts, less what only
/// a browser has.
const OURS: &[&str] = &[
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

/// Headers that are not for another origin than the one that they were given for.
const FOR_ONE_ORIGIN: &[&str] = &["authorization", "cookie", "proxy-authorization"];

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its method; `CONNECT` and `TRACE` are refused.
    pub method: String,
    /// Where to.
    pub url: String,
    /// Its headers; those that are not for the caller to write are left out.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Option<Vec<u8>>,
    /// What is done about a redirect.
    pub redirect: Redirect,
}

/// What is done about a redirect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redirect {
    /// It is followed.
    Follow,
    /// It is an error.
    Error,
    /// It is the answer.
    Manual,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The usual words for it.
    pub reason: &'static str,
    /// The headers; values that are no text are left out.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Where it came from at last.
    pub url: String,
    /// Whether that is not where it was asked for.
    pub redirected: bool,
}

/// Why there is no response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoResponse {
    /// As with any call.
    #[error(transparent)]
    Failure(#[from] Failure),
    /// A host that the rules of the caller leave out.
    #[error("not an allowed host")]
    NotAllowed,
    /// A redirect, where none is wanted.
    #[error("redirected")]
    Redirected,
    /// One redirect after the other.
    #[error("redirected too often")]
    TooManyRedirects,
    /// A method or a header that cannot be sent.
    #[error("not a usable method or header")]
    Request,
}

/// How far a request may go.
pub struct Bounds<'a> {
    /// From the first name to the last byte, over all redirects.
    pub timeout: Duration,
    /// The longest body of a response, in bytes.
    pub most_bytes: usize,
    /// Whether a URL may be called at all.
    pub allows: &'a (dyn Fn(&Url) -> bool + Send + Sync),
}

impl Outbound {
    /// Makes a request and follows where it leads.
    ///
    /// # Errors
    /// Why there is no response. Any status is a response.
    pub async fn request(
        &self,
        request: Request,
        bounds: Bounds<'_>,
    ) -> Result<Response, NoResponse> {
        let timeout = bounds.timeout;
        let answer = tokio::time::timeout(timeout, self.follow(request, bounds)).await;
        answer.unwrap_or(Err(Failure::Timeout.into()))
    }

    async fn follow(&self, request: Request, bounds: Bounds<'_>) -> Result<Response, NoResponse> {
        let Request { method, url, headers, mut body, redirect } = request;
        let mut method = usable_method(&method)?;
        let mut headers = usable_headers(headers)?;
        let mut url = self.checked(&url, &bounds)?;
        for redirects in 0..=MOST_REDIRECTS {
            let mut sent =
                self.client().ok_or(Failure::Connection)?.request(method.clone(), url.clone());
            sent = sent.headers(headers.clone()).timeout(bounds.timeout);
            if let Some(body) = &body {
                sent = sent.body(body.clone());
            }
            let response = sent.send().await.map_err(|error| failure(&error))?;
            let target = match redirect {
                Redirect::Manual => None,
                Redirect::Error if target(&response).is_some() => {
                    return Err(NoResponse::Redirected);
                }
                _ => target(&response),
            };
            let Some(target) = target else {
                return read(response, &url, redirects > 0, bounds.most_bytes).await;
            };
            let next =
                self.checked(url.join(&target).map_err(|_| Failure::Url)?.as_str(), &bounds)?;
            let status = response.status().as_u16();
            let becomes_get = match status {
                303 => method != Method::HEAD,
                301 | 302 => method == Method::POST,
                _ => false,
            };
            if becomes_get {
                (method, body) = (Method::GET, None);
                headers = without(headers, |name| name.starts_with("content-"));
            }
            if next.origin() != url.origin() {
                headers = without(headers, |name| FOR_ONE_ORIGIN.contains(&name));
            }
            url = next;
        }
        Err(NoResponse::TooManyRedirects)
    }

    fn checked(&self, url: &str, bounds: &Bounds<'_>) -> Result<Url, NoResponse> {
        let mut url = Url::parse(url).map_err(|_| Failure::Url)?;
        // A fragment is not sent.
        url.set_fragment(None);
        let url = check(url.as_str(), self.allow_private)?;
        if (bounds.allows)(&url) { Ok(url) } else { Err(NoResponse::NotAllowed) }
    }
}

/// Where a response redirects to.
fn target(response: &reqwest::Response) -> Option<String> {
    let redirects = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = response.headers().get(LOCATION).filter(|_| redirects)?;
    Some(String::from_utf8_lossy(location.as_bytes()).into_owned())
}

async fn read(
    mut response: reqwest::Response,
    url: &Url,
    redirected: bool,
    most: usize,
) -> Result<Response, NoResponse> {
    let status = response.status();
    let text = |(name, value): (&HeaderName, &HeaderValue)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    let headers = response.headers().iter().filter_map(text).collect();
    // What cannot be read whole is not begun.
    if response.content_length().is_some_and(|length| length > most as u64) {
        return Err(Failure::TooLong.into());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failure(&error))? {
        if body.len() + chunk.len() > most {
            return Err(Failure::TooLong.into());
        }
        body.extend_from_slice(&chunk);
    }
    let reason = status.canonical_reason().unwrap_or_default();
    Ok(Response {
        status: status.as_u16(),
        reason,
        headers,
        body,
        url: url.to_string(),
        redirected,
    })
}

fn usable_method(method: &str) -> Result<Method, NoResponse> {
    match Method::from_bytes(method.as_bytes()) {
        Ok(Method::CONNECT | Method::TRACE) | Err(_) => Err(NoResponse::Request),
        Ok(method) => Ok(method),
    }
}

fn usable_headers(given: Vec<(String, String)>) -> Result<HeaderMap, NoResponse> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| NoResponse::Request)?;
        let is_ours = OURS.contains(&name.as_str()) || name.as_str().starts_with("proxy-");
        if !is_ours {
            let value = HeaderValue::from_str(&value).map_err(|_| NoResponse::Request)?;
            headers.append(name, value);
        }
    }
    Ok(headers)
}

fn without(headers: HeaderMap, drop: impl Fn(&str) -> bool) -> HeaderMap {
    let mut kept = headers;
    let names: Vec<_> = kept.keys().filter(|name| drop(name.as_str())).cloned().collect();
    for name in names {
        kept.remove(name);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_the_connection_are_ours() {
        let given = ["Host", "Content-Length", "Transfer-Encoding", "Proxy-Authorization", "X-A"];
        let given = given.map(|name| (name.to_owned(), "1".to_owned())).to_vec();
        let headers = usable_headers(given).unwrap();
        assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["x-a"]);
        for (name, value) in [("a b", "1"), ("", "1"), ("a", "1\r\nb: 2"), ("a", "\0")] {
            let given = vec![(name.to_owned(), value.to_owned())];
            assert_eq!(
                usable_headers(given).err(),
                Some(NoResponse::Request),
                "{name:?} {value:?}"
            );
        }
    }

    #[test]
    fn methods_of_tunnels_are_refused() {
        for bad in ["CONNECT", "TRACE", "", "GET /", "G\nET"] {
            assert_eq!(usable_method(bad).err(), Some(NoResponse::Request), "{bad:?}");
        }
        for good in ["GET", "POST", "PATCH", "PROPFIND"] {
            assert!(usable_method(good).is_ok(), "{good}");
        }
    }
}
