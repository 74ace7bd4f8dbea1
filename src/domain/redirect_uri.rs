//! Redirect URIs: what may be registered, and the exact comparison (RFC 9700 §2.1).

use crate::domain::url_pattern;

/// Why a redirect URI may not be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unusable {
    /// Not an absolute URI.
    NotAbsolute,
    /// A scheme that runs script or reads files in the browser.
    DangerousScheme,
    /// Has a fragment (RFC 6749 §3.1.2 forbids it).
    Fragment,
    /// Has user-info, which hides the true host.
    UserInfo,
    /// Its query holds a parameter that the response will carry, so an attacker could inject one.
    ResponseParameter,
    /// Contains white space, control characters or a backslash.
    Malformed,
    /// Has a `*` in its host that is not the placeholder of one subdomain.
    Placeholder,
}

/// Parameters of an authorization response, which a registered URI may not pre-set.
const RESPONSE_PARAMETERS: &[&str] = &[
    "code",
    "state",
    "iss",
    "error",
    "error_description",
    "error_uri",
    "access_token",
    "token_type",
    "expires_in",
    "scope",
    "id_token",
    "session_state",
    "response",
];

/// Checks a URI before it is registered as a callback.
///
/// # Errors
/// Why it cannot be one.
pub fn registrable(uri: &str) -> Result<(), Unusable> {
    if uri.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
        return Err(Unusable::Malformed);
    }
    let (scheme, rest) = uri.split_once(':').ok_or(Unusable::NotAbsolute)?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    if !is_scheme || rest.is_empty() {
        return Err(Unusable::NotAbsolute);
    }
    let scheme = scheme.to_ascii_lowercase();
    if ["javascript", "data", "vbscript", "file", "blob", "about"].contains(&scheme.as_str()) {
        return Err(Unusable::DangerousScheme);
    }
    if uri.contains('#') {
        return Err(Unusable::Fragment);
    }
    if let Some(authority) = authority(rest) {
        if authority.contains('@') {
            return Err(Unusable::UserInfo);
        }
        if authority.is_empty() && (scheme == "http" || scheme == "https") {
            return Err(Unusable::NotAbsolute);
        }
    } else if scheme == "http" || scheme == "https" {
        return Err(Unusable::NotAbsolute);
    }
    if !url_pattern::is_acceptable(uri) {
        return Err(Unusable::Placeholder);
    }
    let query = rest.split_once('?').map_or("", |(_, query)| query);
    if query.split(['&', ';']).any(is_response_parameter) {
        return Err(Unusable::ResponseParameter);
    }
    Ok(())
}

/// Whether any application would read this pair of a query as a parameter of a response: names may
/// be percent-encoded (`c%6Fde`), many frameworks do not look at the case, and some make a list of
/// `code[]`.
fn is_response_parameter(pair: &str) -> bool {
    let read = url::form_urlencoded::parse(pair.as_bytes()).next();
    let Some((name, _)) = read else { return false };
    let name = name.split('[').next().unwrap_or("").trim();
    RESPONSE_PARAMETERS.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Whether `requested` is the registered URI: equal byte by byte, with two exceptions. A loopback
/// IP literal registered without a port accepts any port (RFC 8252 §7.3), and a placeholder in a
/// registered host stands for one subdomain, and never for itself.
pub fn matches(registered: &str, requested: &str) -> bool {
    if url_pattern::has_placeholder(registered) {
        return url_pattern::matches(registered, requested);
    }
    registered == requested || matches_any_loopback_port(registered, requested)
}

fn matches_any_loopback_port(registered: &str, requested: &str) -> bool {
    ["http://127.0.0.1", "http://[::1]"].into_iter().any(|origin| {
        let (Some(path), Some(rest)) =
            (registered.strip_prefix(origin), requested.strip_prefix(origin))
        else {
            return false;
        };
        let Some(rest) = rest.strip_prefix(':') else { return false };
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        path.starts_with('/')
            && (1..=5).contains(&digits)
            && rest[..digits].parse::<u16>().is_ok()
            && &rest[digits..] == path
    })
}

/// The origin (`scheme://host[:port]`) of a registered http(s) URI, as browsers send it in
/// `Origin`.
pub fn origin(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    if scheme != "http" && scheme != "https" {
        return None;
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = rest[..end].to_ascii_lowercase();
    if host.is_empty() || host.contains('@') {
        return None;
    }
    let default_port = if scheme == "http" { ":80" } else { ":443" };
    Some(format!("{scheme}://{}", host.strip_suffix(default_port).unwrap_or(&host)))
}

fn authority(rest: &str) -> Option<&str> {
    let rest = rest.strip_prefix("//")?;
    Some(&rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_registered_uri_matches() {
        let registered = "https://app.example/cb";
        assert!(matches(registered, registered));
        for other in [
            "https://app.example/CB",
            "https://app.example/cb/",
            "https://APP.example/cb",
            "https://app.example/cb?x=1",
            "https://app.example/cb#x",
            "https://app.example/x/../cb",
            "https://app.example/cb/..;/evil",
            "https://app.example/%63b",
            "https://app.example:443/cb",
            "https://app.example@evil.example/cb",
            "https://a@b@app.example/cb",
            "http://app.example/cb",
            "http://127.0.0.1/cb",
            "",
        ] {
            assert!(!matches(registered, other), "{other}");
        }
    }

    #[test]
    fn a_loopback_ip_without_a_port_takes_any_port_and_nothing_else() {
        assert!(matches("http://127.0.0.1/cb", "http://127.0.0.1:9999/cb"));
        assert!(matches("http://[::1]/cb", "http://[::1]:1/cb"));
        for (registered, other) in [
            ("http://127.0.0.1/cb", "http://127.0.0.1:9999/cb?bar=1"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:99999/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:80@evil.example/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.1.evil.example/cb"),
            ("http://127.0.0.1:3000/cb", "http://127.0.0.1:3001/cb"),
            ("http://localhost/cb", "http://localhost:3000/cb"),
            ("https://127.0.0.1/cb", "https://127.0.0.1:3000/cb"),
        ] {
            assert!(!matches(registered, other), "{registered} {other}");
        }
    }

    #[test]
    fn a_placeholder_takes_one_subdomain_and_everything_else_stays_exact() {
        let registered = "https://*.example.com/cb";
        assert!(matches(registered, "https://a.example.com/cb"));
        for other in [
            registered,
            "https://a.example.com/cb/",
            "https://a.example.com/cb?x=1",
            "https://a.b.example.com/cb",
            "https://evilexample.com/cb",
        ] {
            assert!(!matches(registered, other), "{other}");
        }
    }

    #[test]
    fn dangerous_uris_cannot_be_registered() {
        use Unusable::*;
        for (uri, why) in [
            ("javascript:alert(1)", DangerousScheme),
            ("JavaScript:alert(1)", DangerousScheme),
            ("data:text/html,x", DangerousScheme),
            ("/cb", NotAbsolute),
            ("https:///cb", NotAbsolute),
            ("https:cb", NotAbsolute),
            ("https://a.example/cb#x", Fragment),
            ("https://a@b.example/cb", UserInfo),
            ("https://a.example/cb?code=x", ResponseParameter),
            ("https://a.example/cb?x=1&state=y", ResponseParameter),
            ("https://a.example/cb?x=1;state=y", ResponseParameter),
            ("https://a.example/cb?c%6Fde=x", ResponseParameter),
            ("https://a.example/cb?%43ode=x", ResponseParameter),
            ("https://a.example/cb?CODE=x", ResponseParameter),
            ("https://a.example/cb?code", ResponseParameter),
            ("https://a.example/cb?code[]=x", ResponseParameter),
            ("https://a.example/cb?+code=x", ResponseParameter),
            ("https://a.example/cb?session_state=x", ResponseParameter),
            ("https://a.example/c b", Malformed),
            ("https://a.example\\@evil.example/", Malformed),
            ("https://*.com/cb", Placeholder),
            ("https://a.*.example.com/cb", Placeholder),
        ] {
            assert_eq!(registrable(uri), Err(why), "{uri}");
        }
        for uri in
            ["https://a.example/cb?x=1&mycode=2", "http://localhost:3000", "com.example.app:/cb"]
        {
            assert_eq!(registrable(uri), Ok(()), "{uri}");
        }
    }

    #[test]
    fn origins_are_what_browsers_send() {
        assert_eq!(origin("https://A.example:443/x").as_deref(), Some("https://a.example"));
        assert_eq!(origin("http://localhost:3000").as_deref(), Some("http://localhost:3000"));
        assert_eq!(origin("com.example:/cb"), None);
        assert_eq!(origin("null"), None);
    }
}
