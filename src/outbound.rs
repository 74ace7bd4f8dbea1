//! Calls to addresses that somebody else chose: an application's back-channel logout URL, what a
//! script fetches.
//!
//! Such a call must not reach what only this server can reach (server-side request forgery): the
//! machine itself, its private network, the metadata service of a cloud. The check is made on the
//! addresses that are connected to, after the name was resolved, so a name that answers with
//! another address the second time (DNS rebinding) gains nothing. Redirects are not followed, or
//! each is checked like the first address; proxies of the environment are not used, no cookie is
//! kept, and an answer is read only up to a limit.

pub mod address;
pub mod request;

use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// How long a call may take, from the resolution of the name to the last byte.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How much of an answer is read, in bytes.
const MOST_BYTES: usize = 64 * 1024;

/// Makes the calls. One for the whole server.
pub struct Outbound {
    /// Made for the first call: the certificates to trust take several megabytes, and most servers
    /// never call. `None` inside when the TLS library found none.
    client: OnceLock<Option<reqwest::Client>>,
    allow_private: bool,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Not an absolute http(s) URL, or with a user name, a password or a fragment.
    #[error("not a usable URL")]
    Url,
    /// http, where only https is allowed.
    #[error("not https")]
    Insecure,
    /// An address that is not public.
    #[error("not a public address")]
    PrivateAddress,
    /// Nothing came in time.
    #[error("timed out")]
    Timeout,
    /// The answer is too long.
    #[error("the answer is too long")]
    TooLong,
    /// No connection, or it broke: the name, the network or TLS.
    #[error("no connection")]
    Connection,
}

impl Outbound {
    /// Ready to call; with `allow_private` also private addresses, and over http.
    pub fn new(allow_private: bool) -> Self {
        Self { client: OnceLock::new(), allow_private }
    }

    fn client(&self) -> Option<&reqwest::Client> {
        self.client.get_or_init(|| Self::build(self.allow_private)).as_ref()
    }

    fn build(allow_private: bool) -> Option<reqwest::Client> {
        let client = reqwest::Client::builder()
            .user_agent(concat!("doorward/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .https_only(!allow_private)
            .http1_only()
            .timeout(TIMEOUT)
            .pool_max_idle_per_host(0)
            .dns_resolver(Arc::new(Resolver { allow_private }))
            .build();
        let client = client.inspect_err(|error| {
            tracing::warn!(%error, "calls to applications are impossible: are there CA certificates?");
        });
        client.ok()
    }

    /// `POST` of a form.
    ///
    /// # Errors
    /// Why there is no answer. Any status is an answer.
    pub async fn post_form(&self, url: &str, form: &[(&str, &str)]) -> Result<Answer, Failure> {
        let url = check(url, self.allow_private)?;
        let client = self.client().ok_or(Failure::Connection)?;
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request =
            client.post(url).header("content-type", "application/x-www-form-urlencoded").body(body);
        let mut response = request.send().await.map_err(|error| failure(&error))?;
        let mut answer = Answer { status: response.status().as_u16(), body: Vec::new() };
        while let Some(chunk) = response.chunk().await.map_err(|error| failure(&error))? {
            if answer.body.len() + chunk.len() > MOST_BYTES {
                return Err(Failure::TooLong);
            }
            answer.body.extend_from_slice(&chunk);
        }
        Ok(answer)
    }
}

/// Checks what can be checked of a URL without asking the network: for its registration, and
/// before a call, because a literal address is never resolved.
///
/// # Errors
/// Why it must not be called.
pub fn check(url: &str, allow_private: bool) -> Result<url::Url, Failure> {
    let url = url::Url::parse(url).map_err(|_| Failure::Url)?;
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(Failure::Url);
    }
    match url.scheme() {
        "https" => {}
        "http" if allow_private => {}
        "http" => return Err(Failure::Insecure),
        _ => return Err(Failure::Url),
    }
    // The parser has read every spelling of an IPv4 address: octal, hexadecimal, one number.
    let is_public = match url.host().ok_or(Failure::Url)? {
        url::Host::Ipv4(ip) => address::is_public(ip.into()),
        url::Host::Ipv6(ip) => address::is_public(ip.into()),
        url::Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            if name.contains('*') {
                return Err(Failure::Url);
            }
            name != "localhost" && !name.ends_with(".localhost")
        }
    };
    if is_public || allow_private { Ok(url) } else { Err(Failure::PrivateAddress) }
}

/// Resolves names, and forgets the addresses that must not be connected to.
struct Resolver {
    allow_private: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let usable = usable(found, allow_private)?;
            Ok(Box::new(usable.into_iter()) as Addrs)
        })
    }
}

/// The addresses that may be connected to.
fn usable(
    found: impl Iterator<Item = SocketAddr>,
    allow_private: bool,
) -> Result<Vec<SocketAddr>, Failure> {
    let usable: Vec<_> =
        found.filter(|found| allow_private || address::is_public(found.ip())).collect();
    if usable.is_empty() { Err(Failure::PrivateAddress) } else { Ok(usable) }
}

/// Our word for an error of the library, whose text would name the URL.
fn failure(error: &reqwest::Error) -> Failure {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(ours) = cause.downcast_ref::<Failure>() {
            return *ours;
        }
        source = cause.source();
    }
    if error.is_timeout() { Failure::Timeout } else { Failure::Connection }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_judged_before_it_is_called() {
        for (url, strict, private) in [
            ("https://app.example/logout?x=1", None, None),
            ("https://93.184.215.14/", None, None),
            ("http://app.example/", Some(Failure::Insecure), None),
            ("https://127.0.0.1/", Some(Failure::PrivateAddress), None),
            ("https://127.1/", Some(Failure::PrivateAddress), None),
            ("https://0x7f000001/", Some(Failure::PrivateAddress), None),
            ("https://2130706433/", Some(Failure::PrivateAddress), None),
            ("https://0177.0.0.1/", Some(Failure::PrivateAddress), None),
            ("https://169.254.169.254/latest/meta-data", Some(Failure::PrivateAddress), None),
            ("https://[::1]/", Some(Failure::PrivateAddress), None),
            ("https://[::ffff:10.0.0.1]/", Some(Failure::PrivateAddress), None),
            ("https://localhost/", Some(Failure::PrivateAddress), None),
            ("https://LOCALHOST./", Some(Failure::PrivateAddress), None),
            ("https://x.localhost/", Some(Failure::PrivateAddress), None),
            ("https://user@app.example/", Some(Failure::Url), Some(Failure::Url)),
            ("https://:pass@app.example/", Some(Failure::Url), Some(Failure::Url)),
            ("https://app.example/#x", Some(Failure::Url), Some(Failure::Url)),
            ("https://*.app.example/", Some(Failure::Url), Some(Failure::Url)),
            ("ftp://app.example/", Some(Failure::Url), Some(Failure::Url)),
            ("file:///etc/passwd", Some(Failure::Url), Some(Failure::Url)),
            ("gopher://127.0.0.1/", Some(Failure::Url), Some(Failure::Url)),
            ("/logout", Some(Failure::Url), Some(Failure::Url)),
        ] {
            assert_eq!(check(url, false).err(), strict, "{url}");
            assert_eq!(check(url, true).err(), private, "{url}");
        }
    }

    #[test]
    fn only_public_addresses_of_a_name_are_connected_to() {
        let address = |text: &str| SocketAddr::new(text.parse().unwrap(), 0);
        let (public, private) = (address("93.184.215.14"), address("10.0.0.1"));
        let both = || [private, public].into_iter();
        assert_eq!(usable(both(), false), Ok(vec![public]));
        assert_eq!(usable([private].into_iter(), false), Err(Failure::PrivateAddress));
        assert_eq!(usable(both(), true), Ok(vec![private, public]));
    }

    #[tokio::test]
    async fn a_name_that_resolves_to_this_machine_is_not_connected_to() {
        let resolver = Resolver { allow_private: false };
        let refused = resolver.resolve("localhost".parse().unwrap()).await.err().unwrap();
        assert_eq!(refused.downcast_ref::<Failure>(), Some(&Failure::PrivateAddress));
    }
}
